//! What a node knows of the others, and what it has to tell them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::auditor::lock;
use super::block::Day;
use super::closing::Closing;
use super::cluster::Cluster;
use super::ledger::DistinctRow;
use super::standing::{Standing, lead, row_name};
use super::stats::ClusterStat;
use super::untold::Untold;
use crate::pseudonym::{ClusterSecret, EpochShare, FreshKey, KeyEvent, KeyRing};
use crate::time::{Calendar, CivilDate, CivilDay, UnixTime};

/// What a node knows of the others.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) cluster: Arc<dyn Cluster>,
    secret: ClusterSecret,
    /// How long before midnight it asks for the next share.
    pub(super) lead: i64,
    pub(super) state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// The share of the next day, as it stood when it was last asked for.
    pub(super) ahead: Option<Arc<EpochShare>>,
    /// By the numbers of the shares in use.
    pub(super) known: BTreeMap<u32, Known>,
    /// By the turns of the ring.
    pub(super) untold: BTreeMap<u32, Untold>,
    pub(super) closing: Option<Closing>,
    /// Whether the last round was answered.
    pub(super) is_answered: bool,
    /// How often this node had to make a key of its own.
    pub(super) splits: u64,
}

/// What is known of one share.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) standing: Standing,
    /// How often it had been put back when all blocks were last told.
    pub(super) blocks_told: Option<u32>,
    /// Which blocks were seen last.
    pub(super) blocks_seen: Option<u64>,
    /// How many distinct addresses all nodes have counted.
    pub(super) estimate: Option<u64>,
}

/// The shares in use at one moment.
#[derive(Debug, Clone)]
pub(super) struct InUse {
    pub(super) turn: u32,
    pub(super) current: Arc<EpochShare>,
    pub(super) previous: Option<Arc<EpochShare>>,
}

impl InUse {
    pub(super) fn of(ring: &KeyRing) -> Option<Self> {
        let previous = ring.previous().and_then(|epoch| epoch.share().cloned());
        Some(Self { turn: ring.turns(), current: ring.current().share()?.clone(), previous })
    }

    pub(super) fn each(&self) -> impl Iterator<Item = (Day, &Arc<EpochShare>)> {
        let previous = self.previous.iter().map(|share| (Day::Yesterday, share));
        std::iter::once((Day::Today, &self.current)).chain(previous)
    }
}

impl Exchange {
    pub(super) fn new(cluster: Arc<dyn Cluster>, secret: ClusterSecret) -> Self {
        let lead = lead(getrandom::u32().unwrap_or_default());
        Self { cluster, secret, lead, state: Mutex::default() }
    }

    /// The ring of a start, with the shares that stand for today and yesterday where they are among those `found`.
    pub(super) fn ring(
        &self,
        found: Vec<EpochShare>,
        origin: &str,
        (now, uptime): (UnixTime, Duration),
        calendar: &Calendar,
    ) -> Result<KeyRing, getrandom::Error> {
        let day = calendar.day_of(now);
        let before = calendar.day_of(day.starts.plus(-1)).date;
        let mut state = lock(&self.state);
        let mut of = |date: CivilDate| {
            let share = found.iter().find(|share| share.day() == date && share.expires() > now)?;
            let standing = Standing::Common { returns: share.returns() };
            state.known.insert(share.number(), Known { standing, ..Known::default() });
            Some(Arc::new(share.clone()))
        };
        let (current, previous) = (of(day.date), of(before));
        drop(state);
        let current = current.map_or_else(|| self.alone(&day, now), Ok)?;
        let key = |share| FreshKey::of_share(share, &self.secret, origin, now);
        if let Some(previous) = &previous {
            // Whoever counted that day may have stopped before it was over.
            lock(&self.state).closing = Some(Closing::of_another_process(previous.clone(), uptime));
        }
        Ok(KeyRing::shared(now, uptime, calendar, key(current), previous.map(key)))
    }

    /// A key for a new day: of the share that stands for it, else of one of this node's own.
    pub(super) fn fresh_key(
        &self,
        origin: &str,
        day: &CivilDay,
        now: UnixTime,
    ) -> Result<FreshKey, getrandom::Error> {
        let ahead = lock(&self.state).ahead.take();
        let stands = ahead.filter(|share| share.day() == day.date && share.expires() > now);
        if let Some(share) = &stands {
            self.learn(share, |known| known.standing = Standing::Common { returns: share.returns() });
        }
        let share = stands.map_or_else(|| self.alone(day, now), Ok)?;
        Ok(FreshKey::of_share(share, &self.secret, origin, now))
    }

    /// A share of this node's own. It is offered to the others as soon as they can be reached.
    fn alone(&self, day: &CivilDay, now: UnixTime) -> Result<Arc<EpochShare>, getrandom::Error> {
        let share = Arc::new(EpochShare::generate(day, now)?);
        self.note_split(&share);
        Ok(share)
    }

    /// Notes that the key of this node is not, or not known to be, that of the others.
    pub(super) fn note_split(&self, share: &EpochShare) {
        lock(&self.state).splits += 1;
        tracing::warn!(
            epoch = share.epoch(),
            "this node has a key of its own until midnight, because it has not the share of the day that others have: one address has another pseudonym here than on other nodes"
        );
    }

    /// Notes that a day is over, of which this node alone has counted so many addresses.
    pub(super) fn end_day(&self, ring: &KeyRing, own: u64, uptime: Duration) {
        let Some(share) = ring.current().share() else { return };
        let closing = Closing::new(share.clone(), ring.turns(), own, uptime);
        lock(&self.state).closing = Some(closing);
    }

    /// The row of distinct addresses of the day so far; nothing, while the others have not said how many they have met.
    pub(super) fn distinct_row(&self, ring: &KeyRing, own: u64) -> Option<DistinctRow> {
        let share = ring.current().share()?;
        let known = self.known(share);
        let (epoch, day) = (share.epoch(), share.day());
        match known.standing.returns() {
            Some(returns) => {
                known.estimate.map(|estimate| DistinctRow { day, epoch: row_name(&epoch, returns), estimate })
            }
            None => Some(DistinctRow { day, epoch, estimate: own }),
        }
    }

    /// How many distinct addresses all nodes have met under the key in force, where they have one in common.
    pub(super) fn estimate(&self, ring: &KeyRing) -> Option<u64> {
        let known = self.known(ring.current().share()?);
        known.estimate.filter(|_| known.standing.returns().is_some())
    }

    /// Whether the key of an epoch is that of the other nodes as well.
    pub(super) fn is_common(&self, share: &EpochShare) -> bool {
        self.known(share).standing.returns().is_some()
    }

    /// Leaves out the ends of keys that other nodes go on with.
    pub(super) fn keep_common(&self, ring: &KeyRing, ends: &mut Vec<KeyEvent>) {
        let shares = InUse::of(ring);
        let common: Vec<_> = shares
            .iter()
            .flat_map(InUse::each)
            .filter(|(_, share)| self.is_common(share))
            .map(|(_, share)| share.epoch())
            .collect();
        ends.retain(|end| !matches!(end, KeyEvent::Destroyed { epoch, .. } if common.contains(epoch)));
    }

    pub(super) fn stat(&self, ring: Option<&KeyRing>) -> ClusterStat {
        let share = ring.and_then(|ring| ring.current().share().cloned());
        let is_common = share.is_some_and(|share| self.is_common(&share));
        let state = lock(&self.state);
        ClusterStat { is_common, is_answered: state.is_answered, splits: state.splits }
    }

    pub(super) fn known(&self, share: &EpochShare) -> Known {
        lock(&self.state).known.get(&share.number()).copied().unwrap_or_default()
    }

    pub(super) fn learn(&self, share: &EpochShare, learn: impl FnOnce(&mut Known)) {
        learn(lock(&self.state).known.entry(share.number()).or_default());
    }
}
