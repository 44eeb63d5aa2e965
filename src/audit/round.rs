//! One node and the others tell each other what there is to tell, about once a second, in the background.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::auditor::{Auditor, lock};
use super::block::Day;
use super::closing::Ending;
use super::cluster::Away;
use super::exchange::{Exchange, InUse};
use super::ledger::{DistinctRow, Rows};
use super::standing::{Standing, asks_ahead, row_name};
use super::untold::Untold;
use crate::pseudonym::{EpochShare, KeyRing, Pseudonym};

/// How many names are told at once, so that nobody is busy with them for long.
const NAMES: usize = 2_048;

/// A round under way, if there is one.
pub(super) struct Exchanging(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Exchanging {
    /// The first round, which begins at once.
    pub(super) fn new(auditor: &Arc<Auditor>) -> Self {
        let mut exchanging = Self(None);
        exchanging.begin(auditor);
        exchanging
    }

    /// Begins a round, unless one is under way or there are no others.
    pub(super) fn begin(&mut self, auditor: &Arc<Auditor>) {
        if self.0.is_none() && auditor.exchange.is_some() {
            self.0 = Some(Box::pin(round(auditor.clone())));
        }
    }

    /// Ready, where no round is under way any more.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.as_mut().is_some_and(|round| round.as_mut().poll(cx).is_pending()) {
            return Poll::Pending;
        }
        self.0 = None;
        Poll::Ready(())
    }
}

impl fmt::Debug for Exchanging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exchanging").field(&self.0.is_some()).finish()
    }
}

/// Tells the others what there is to tell, and hears what they have told.
async fn round(auditor: Arc<Auditor>) {
    let Some(exchange) = &auditor.exchange else { return };
    let Some(in_use) = auditor.of_ring(InUse::of).flatten() else { return };
    exchange.gather(&auditor, &in_use);
    // Where nothing more can be kept, what is there may still be read: one without the other.
    let agreed = exchange.agree(&auditor, &in_use).await;
    let counted = exchange.count(&in_use).await;
    let told = exchange.tell_blocks(&auditor, &in_use).await;
    let answered = agreed.and(counted).and(told).is_ok();
    lock(&exchange.state).is_answered = answered;
    exchange.close(&auditor, &in_use).await;
}

impl Exchange {
    /// Collects the names of new hosts, and forgets what belongs to keys that are gone.
    fn gather(&self, auditor: &Auditor, in_use: &InUse) {
        let fresh: Vec<_> = auditor.addresses.each().flat_map(|mut shard| shard.take_untold()).collect();
        let mut state = lock(&self.state);
        for untold in fresh {
            state.untold.entry(untold.turn).or_insert(Untold::of(untold.turn)).add_all(untold);
        }
        state.untold.retain(|turn, _| turn.saturating_add(1) >= in_use.turn);
        let numbers: Vec<_> = in_use.each().map(|(_, share)| share.number()).collect();
        state.known.retain(|number, _| numbers.contains(number));
    }

    /// Sees whether the shares in use are still where the others find them, and asks for the next one in time.
    async fn agree(&self, auditor: &Auditor, in_use: &InUse) -> Result<(), Away> {
        for (_, share) in in_use.each() {
            let before = self.known(share);
            let stands = self.cluster.agree(before.standing.offer(share)).await?;
            let now = Standing::of(share, &stands);
            if let (Some(was), Some(returns), Some(estimate)) =
                (before.standing.returns(), now.returns(), before.estimate)
                && was < returns
            {
                tracing::warn!(
                    "what the nodes have in common was lost and is there again; the keys are the same"
                );
                deliver(auditor, share, row_name(&share.epoch(), was), estimate);
            }
            if before.standing.returns().is_some() && now == Standing::Alone {
                self.note_split(share);
            }
            self.learn(share, |known| {
                known.standing = now;
                known.estimate = known.estimate.filter(|_| before.standing == now);
            });
        }
        self.agree_ahead(auditor).await
    }

    async fn agree_ahead(&self, auditor: &Auditor) -> Result<(), Away> {
        let now = auditor.clock.now();
        let Some(midnight) = auditor.of_ring(|ring| ring.current().day().ends) else { return Ok(()) };
        let day = auditor.calendar.day_of(midnight);
        if !asks_ahead(now, midnight, self.lead) {
            return Ok(());
        }
        let ahead = lock(&self.state).ahead.clone().filter(|share| share.day() == day.date);
        let offer = match &ahead {
            Some(share) => Standing::Common { returns: share.returns() }.offer(share),
            // Without randomness there is nothing to offer; that is said when the day begins.
            None => match EpochShare::generate(&day, now) {
                Ok(share) => share,
                Err(_) => return Ok(()),
            },
        };
        let stands = self.cluster.agree(offer).await?;
        let Some(turned) = auditor.of_ring(|ring| ring.current().day().ends) else { return Ok(()) };
        // The day may have begun while it was asked for.
        if turned == midnight {
            lock(&self.state).ahead = Some(Arc::new(stands));
        }
        Ok(())
    }

    /// Tells whom this node has met, and hears how many all have.
    async fn count(&self, in_use: &InUse) -> Result<(), Away> {
        for (day, share) in in_use.each() {
            let turn = match day {
                Day::Today => Some(in_use.turn),
                Day::Yesterday => in_use.turn.checked_sub(1),
            };
            let standing = self.known(share).standing;
            if let Standing::Alone = standing {
                turn.and_then(|turn| lock(&self.state).untold.remove(&turn));
            }
            if standing.returns().is_none() {
                continue;
            }
            let mut more = true;
            while more {
                let names = self.names_to_tell(turn);
                // Without a name it is the estimate that is asked for.
                if names.is_empty() && day == Day::Yesterday {
                    break;
                }
                let told = names.len();
                more = told == NAMES;
                let estimate = self.cluster.count(share, names).await?;
                self.learn(share, |known| known.estimate = Some(estimate));
                let mut state = lock(&self.state);
                if let Some(untold) = turn.and_then(|turn| state.untold.get_mut(&turn)) {
                    untold.names.drain(..told.min(untold.names.len()));
                }
            }
        }
        Ok(())
    }

    /// The first of the names that wait.
    fn names_to_tell(&self, turn: Option<u32>) -> Vec<Pseudonym> {
        let state = lock(&self.state);
        let untold = turn.and_then(|turn| state.untold.get(&turn));
        untold.map(|untold| untold.names.iter().take(NAMES).copied().collect()).unwrap_or_default()
    }

    async fn tell_blocks(&self, auditor: &Auditor, in_use: &InUse) -> Result<(), Away> {
        for (day, share) in in_use.each() {
            let known = self.known(share);
            let Some(returns) = known.standing.returns() else { continue };
            let all_told = known.blocks_told == Some(returns);
            let seen = known.blocks_seen.filter(|_| all_told);
            let news = auditor.blocks.news(day, !all_told);
            let stands = self.cluster.blocks(share, news.changes(), seen).await?;
            // A day may have begun meanwhile; then what is today's is another list.
            if auditor.of_ring(KeyRing::turns) != Some(in_use.turn) {
                return Ok(());
            }
            self.learn(share, |known| {
                known.blocks_told = Some(returns);
                known.blocks_seen = stands.as_ref().map(|stands| stands.version).or(seen);
            });
            auditor.blocks.hear(day, &news, stands.map(|stands| stands.blocks));
        }
        Ok(())
    }

    /// Sees to it that the count of a day that is over is written once.
    async fn close(&self, auditor: &Auditor, in_use: &InUse) {
        let uptime = auditor.clock.uptime();
        let Some(closing) = lock(&self.state).closing.clone().filter(|closing| closing.is_due(uptime)) else {
            return;
        };
        if in_use.previous.as_ref().is_none_or(|share| share.number() != closing.share.number()) {
            lock(&self.state).closing = None;
            return;
        }
        let is_told =
            closing.turn.is_none_or(|turn| lock(&self.state).untold.get(&turn).is_none_or(Untold::is_told));
        let standing = self.known(&closing.share).standing;
        let ending = closing.ending(standing, is_told, uptime);
        let written = match ending {
            Ending::Later => return,
            Ending::Nothing => None,
            Ending::Own { name, estimate } => Some((name, estimate)),
            Ending::Common { name } => match self.cluster.close(&closing.share).await {
                // Nobody came, or what was counted has been lost since it was written.
                Ok(estimate) => estimate.filter(|met| *met > 0).map(|estimate| (name, estimate)),
                Err(Away) => return,
            },
        };
        if let Some((name, estimate)) = written {
            deliver(auditor, &closing.share, name, estimate);
        }
        lock(&self.state).closing = None;
    }
}

fn deliver(auditor: &Auditor, share: &EpochShare, epoch: String, estimate: u64) {
    let row = Rows::Distinct(DistinctRow { day: share.day(), epoch, estimate });
    let told = auditor.deliver(row);
    lock(&auditor.unsettled).push(told);
}
