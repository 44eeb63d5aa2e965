use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use super::address::Collected;
use super::auditor::{Auditor, Unsettled, lock};
use super::bucket::{BUCKET, OpenBucket};
use super::day_book::DayBook;
use super::edition::Edition;
use super::ledger::{AddressRow, DistinctRow, Rows};
use super::round::Exchanging;
use crate::pseudonym::{KeyEvent, KeyRing};
use crate::time::UnixTime;

/// How often the background looks at the clock.
const TICK: Duration = Duration::from_secs(1);

/// Details are written at most this often.
const HOUR: Duration = Duration::from_secs(3_600);

/// How many refused batches of usage and facet rows are kept: two days of them.
const MOST_REFUSED: usize = 96;

/// How long a clean stop waits for other nodes to be told.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long a clean stop waits for the store.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// The work that no request may wait for: turning keys, closing buckets, handing ledgers to the store.
///
/// Spawn [`Background::run`] once on whatever runtime there is. Without it requests are still served and counted, but no
/// key is ever replaced and nothing is written.
#[must_use = "nothing is written and no key is destroyed unless the background is run"]
#[derive(Debug)]
pub struct Background {
    auditor: Arc<Auditor>,
    bucket: OpenBucket,
    /// How many are a crowd in it: the most that were promised to anybody since it was opened.
    bucket_crowd: usize,
    book: DayBook,
    /// When the open address bucket is next looked at.
    bucket_ends: UnixTime,
    /// When details may next be written, by uptime.
    details_due: Duration,
    /// Address rows that wait for a moment of their own.
    outbox: Vec<(Duration, Rows)>,
    unsettled: Vec<Unsettled>,
    /// Usage and facet rows that were refused: they go again with the next ones, for those move what these have put under `(rare)`.
    refused: Vec<Rows>,
    exchanging: Exchanging,
}

/// Destroys the keys when it goes, if that has not been done.
struct LettingGo(Arc<Auditor>);

impl Drop for LettingGo {
    fn drop(&mut self) {
        if self.0.end_keys().is_some() {
            tracing::error!(
                "the work behind the audit has failed: its keys are destroyed, and addresses are not counted any more"
            );
        }
    }
}

impl Background {
    pub(super) fn new(auditor: Arc<Auditor>, made: Vec<KeyEvent>) -> Self {
        let (now, uptime) = (auditor.clock.now(), auditor.clock.uptime());
        let mut background = Self {
            bucket: OpenBucket::new(now),
            bucket_crowd: 0,
            book: DayBook::default(),
            bucket_ends: now.floor_to(BUCKET).plus(BUCKET),
            details_due: uptime + HOUR + jitter(600),
            outbox: Vec::new(),
            unsettled: Vec::new(),
            refused: Vec::new(),
            exchanging: Exchanging::new(&auditor),
            auditor,
        };
        background.send(Rows::Key(made));
        let edition = background.auditor.editions.in_force();
        background.send(Rows::Policy(edition.policy_row(background.auditor.calendar.day_of(now).date)));
        // A ring that another process began may be of a day that is over.
        background.turn_keys(now, uptime);
        background
    }

    /// Works until `stop` is ready, then writes everything that may be written, destroys the keys unless they are held, and returns once the
    /// store has answered or ten seconds have passed.
    ///
    /// If it ends in any other way (a sink or timer panics, the runtime is gone), the keys go at once: with nobody there to replace a key it
    /// is not used any longer. Requests are served and their addresses not counted then.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let _keys = LettingGo(self.auditor.clone());
        let mut stop = pin!(stop);
        loop {
            let mut sleep = self.auditor.timer.sleep(TICK);
            let stopped = poll_fn(|cx| {
                self.settle(cx);
                let _ = self.exchanging.poll(cx);
                if stop.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(true);
                }
                sleep.as_mut().poll(cx).map(|()| false)
            });
            if stopped.await {
                break;
            }
            self.tick();
        }
        self.say_last_words().await;
        self.close();
        let mut limit = self.auditor.timer.sleep(LAST_WAIT);
        poll_fn(|cx| {
            self.settle(cx);
            if self.unsettled.is_empty() { Poll::Ready(()) } else { limit.as_mut().poll(cx) }
        })
        .await;
        for late in std::mem::take(&mut self.unsettled) {
            self.auditor.note_loss(late.ledger, late.rows);
        }
        for rows in std::mem::take(&mut self.refused) {
            self.auditor.note_loss(rows.ledger(), rows.len());
        }
    }

    /// Finishes what is being told to other nodes, and tells them the rest.
    async fn say_last_words(&mut self) {
        let mut limit = self.auditor.timer.sleep(LAST_WORDS);
        for _ in 0..2 {
            self.exchanging.begin(&self.auditor);
            poll_fn(|cx| {
                if self.exchanging.poll(cx).is_ready() { Poll::Ready(()) } else { limit.as_mut().poll(cx) }
            })
            .await;
        }
    }

    /// Does what is due.
    fn tick(&mut self) {
        let (now, uptime) = (self.auditor.clock.now(), self.auditor.clock.uptime());
        self.write_traffic();
        self.turn_keys(now, uptime);
        self.auditor.blocks.expire(now);
        self.auditor.hold_changes();
        self.exchanging.begin(&self.auditor);
        if now >= self.bucket_ends || now.plus(BUCKET) < self.bucket_ends.plus(-BUCKET) {
            self.collect_addresses().into_iter().for_each(|collected| self.bucket.add(collected.hosts));
            if let Some(rows) = self.close_bucket(now) {
                self.outbox.push((uptime + jitter(120), Rows::Address(rows)));
            }
            self.bucket_ends = now.floor_to(BUCKET).plus(BUCKET);
        }
        if uptime >= self.details_due && self.auditor.gate.is_open(self.auditor.editions.in_force().crowd) {
            self.auditor.gate.shut();
            self.details_due = uptime + HOUR + jitter(600);
            self.write_distinct();
            self.write_details(now);
        }
        let (due, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.outbox).into_iter().partition(|(when, _)| *when <= uptime);
        self.outbox = waiting;
        due.into_iter().for_each(|(_, rows)| self.send(rows));
    }

    /// A clean stop: whatever is a crowd is written, whatever is not is destroyed, and the keys with it unless they are held for
    /// the next process.
    fn close(&mut self) {
        let now = self.auditor.clock.now();
        self.write_traffic();
        self.write_distinct();
        self.write_details(now);
        self.end_bucket(now, u32::MAX);
        self.send_outbox();
        self.auditor.hold_changes();
        let are_held = self.auditor.holding.as_ref().is_some_and(|holding| !holding.is_over());
        if let Some(ring) = self.auditor.end_keys().filter(|_| !are_held) {
            let mut ends = ring.stop(now);
            if let Some(exchange) = &self.auditor.exchange {
                exchange.keep_common(&ring, &mut ends);
            }
            self.send(Rows::Key(ends));
        }
    }

    fn turn_keys(&mut self, now: UnixTime, uptime: Duration) {
        let auditor = self.auditor.clone();
        let due = |ring: &KeyRing| ring.is_due(now, uptime).then(|| ring.clone());
        let Some(ring) = auditor.of_ring(due).flatten() else { return };
        let rotates = ring.must_rotate(now, uptime);
        let fresh = rotates.then(|| auditor.fresh_key(now)).transpose().unwrap_or_else(|error| {
            tracing::error!(%error, "no key for the new day yet: the system gave no randomness; trying again");
            None
        });
        let rotates = fresh.is_some();
        if rotates {
            match &auditor.exchange {
                Some(exchange) => exchange.end_day(&ring, auditor.distinct(), uptime),
                None => self.write_distinct(),
            }
        }
        let (next, events) = ring.turn(now, uptime, &auditor.calendar, fresh);
        let turn = next.turns();
        auditor.turn_to(next);
        if rotates {
            // Whoever was met has another name from now on, and must not be met twice.
            auditor.gate.shut();
            self.end_bucket(now, turn);
            tracing::info!("a new day has a new key");
        }
        self.send_outbox();
        self.send(Rows::Key(events));
    }

    /// Address rows never wait past the end of a key.
    fn send_outbox(&mut self) {
        for (_, rows) in std::mem::take(&mut self.outbox) {
            self.send(rows);
        }
    }

    /// Closes the bucket for good: pseudonyms under two keys are never in one.
    fn end_bucket(&mut self, now: UnixTime, key_in_force: u32) {
        let mut under_the_next_key = Vec::new();
        for collected in self.collect_addresses() {
            if collected.turn < key_in_force {
                self.bucket.add(collected.hosts);
            } else {
                under_the_next_key.push(collected.hosts);
            }
        }
        match self.close_bucket(now) {
            Some(rows) => self.outbox.push((self.auditor.clock.uptime(), Rows::Address(rows))),
            None => {
                let requests = self.bucket.destroy(now);
                self.bucket_crowd = 0;
                self.auditor.below_crowd.fetch_add(requests, Ordering::Relaxed);
            }
        }
        under_the_next_key.into_iter().for_each(|hosts| self.bucket.add(hosts));
    }

    /// The rows of the bucket, if they are a crowd under every policy by which they came.
    fn close_bucket(&mut self, now: UnixTime) -> Option<Vec<AddressRow>> {
        let of_open = self.auditor.editions.open().iter().map(|edition| edition.crowd).max();
        self.bucket_crowd = self.bucket_crowd.max(of_open.unwrap_or_default());
        let rows = self.bucket.close(now, self.bucket_crowd)?;
        self.bucket_crowd = 0;
        Some(rows)
    }

    fn collect_addresses(&self) -> Vec<Collected> {
        let collected: Vec<_> = self.auditor.addresses.each().flat_map(|mut shard| shard.collect()).collect();
        self.auditor.note_senders(&collected);
        collected
    }

    fn write_traffic(&mut self) {
        let mut rows = Vec::new();
        for edition in self.auditor.editions.take_ended() {
            self.bucket_crowd = self.bucket_crowd.max(edition.crowd);
            edition.take_traffic(&mut rows);
            self.gather(&edition);
        }
        self.auditor.editions.open().iter().for_each(|edition| edition.take_traffic(&mut rows));
        rows.sort_unstable();
        rows.dedup_by(|later, earlier| {
            let same =
                (later.day, later.method, later.status) == (earlier.day, earlier.method, earlier.status);
            if same {
                earlier.requests += later.requests;
                earlier.page_views += later.page_views;
            }
            same
        });
        self.send(Rows::Traffic(rows));
    }

    fn write_details(&mut self, now: UnixTime) {
        let auditor = self.auditor.clone();
        auditor.editions.open().iter().for_each(|edition| self.gather(edition));
        let today = auditor.calendar.day_of(now).date;
        let in_force = auditor.editions.in_force();
        let rows = self.book.rows(&in_force.cookies().estimates());
        in_force.values.begin_again();
        self.book.forget_before(today);
        for refused in std::mem::take(&mut self.refused) {
            self.send(refused);
        }
        self.send(Rows::Usage(rows.usage));
        self.send(Rows::Facet(rows.facets));
        self.send(Rows::Cookie(rows.cookies));
        self.send(Rows::Consent(rows.consent));
        self.send(Rows::Visit(rows.visits));
    }

    fn write_distinct(&mut self) {
        // What a process before has counted under the same key is gone from memory: it has a row of its own.
        let names = |ring: &KeyRing| {
            let epoch = ring.current();
            let row = match epoch.restarts() {
                0 => epoch.id().to_owned(),
                restarts => format!("{}.{restarts}", epoch.id()),
            };
            (epoch.day().date, row)
        };
        if let Some(exchange) = &self.auditor.exchange {
            let own = self.auditor.distinct();
            let row = self.auditor.of_ring(|ring| exchange.distinct_row(ring, own)).flatten();
            return row.into_iter().for_each(|row| self.send(Rows::Distinct(row)));
        }
        let Some((day, epoch)) = self.auditor.of_ring(names) else { return };
        let estimate = self.auditor.distinct();
        self.send(Rows::Distinct(DistinctRow { day, epoch, estimate }));
    }

    /// Takes the details of an edition into the book, where they stand by name.
    fn gather(&mut self, edition: &Edition) {
        let facts = edition.cookies();
        for day in edition.take_days() {
            self.book.add(day, &facts, edition.crowd);
        }
    }

    fn send(&mut self, rows: Rows) {
        if !rows.is_empty() {
            self.unsettled.push(self.auditor.deliver(rows));
        }
    }

    /// Asks of each batch under way what became of it.
    fn settle(&mut self, cx: &mut Context<'_>) {
        self.unsettled.append(&mut lock(&self.auditor.unsettled));
        let (auditor, refused) = (&self.auditor, &mut self.refused);
        self.unsettled.retain_mut(|batch| match Pin::new(&mut batch.delivery).poll(cx) {
            Poll::Pending => true,
            Poll::Ready(result) => {
                match (result, batch.kept.take()) {
                    (Ok(()), _) => {}
                    (Err(_), Some(rows)) if refused.len() < MOST_REFUSED => refused.push(rows),
                    (Err(_), _) => auditor.note_loss(batch.ledger, batch.rows),
                }
                false
            }
        });
    }
}

/// Up to so many seconds, drawn for each use, so that the moment of writing says nothing.
fn jitter(most: u32) -> Duration {
    let drawn = getrandom::u32().unwrap_or_default();
    Duration::from_secs(u64::from(drawn % most))
}
