//! The thread that writes.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pinfold::audit::{Ledger, Rows};
use pinfold::pseudonym::KeyEvent;
use pinfold::time::{Clock, SystemClock};

use crate::apply::close_lost_keys;
use crate::engine::Engine;
use crate::entry::{Entry, until_when};
use crate::once::{Author, once, write_records};
use crate::part::Part;
use crate::purging::Purging;
use crate::queue::{Queue, Waiting};
use crate::retention::Retention;
use crate::spool::{Spool, may_hold};
use crate::sql::SqlError;

/// How long a writer that failed waits before it tries again.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a stop goes on trying to write.
const LAST_TRIES: Duration = Duration::from_secs(5);

/// How many rows that waited on disk are written before what has come meanwhile is looked at.
const AT_ONCE: u64 = 5_000;

/// How often in a row rows may make the writer panic before they are dropped.
const MOST_PANICS: u32 = 3;

pub(crate) struct Writer {
    engine: Engine,
    /// Who writes: the node, and this start of it.
    author: Author,
    queue: Arc<Queue>,
    purging: Purging,
    /// What was taken from the queue and is not on disk.
    waiting: BTreeMap<Ledger, Vec<Waiting>>,
    /// What was taken from the queue, and is on a disk of this node.
    spool: Option<Spool>,
    /// When it is tried again, after a failure.
    retry_at: Option<Instant>,
    /// How often writing has panicked in a row.
    panics: u32,
}

impl Writer {
    /// Enters keys that were lost with an earlier process, and removes what is too old.
    pub(crate) fn new(
        mut engine: Engine,
        author: Author,
        queue: Arc<Queue>,
        retention: Retention,
        spool: Option<Spool>,
        living: &[String],
    ) -> Result<Self, SqlError> {
        let now = SystemClock::new().now();
        if let Some(spool) = &spool {
            // Else keys that an earlier process made, and has died with, would be entered after this.
            write_records(&mut engine, spool, &spool.all_of(Ledger::Key).map_err(unread)?)?;
        }
        let (node, may_forget) = (author.node.clone(), spool.as_ref().is_none_or(Spool::is_empty));
        engine.write(Part::Addresses, &[Ledger::Address, Ledger::Key], |transaction| {
            close_lost_keys(transaction, &node, now.seconds(), living)?;
            if may_forget {
                let others = "DELETE FROM delivered WHERE node = $1 AND incarnation <> $2";
                transaction.execute(others, &[node.as_str().into(), author.incarnation.into()])?;
            }
            Ok(())
        })?;
        let mut purging = Purging::new(&mut engine, retention)?;
        purging.purge(&mut engine)?;
        queue.set_healthy(true);
        let waiting = BTreeMap::new();
        Ok(Self { engine, author, queue, purging, waiting, spool, retry_at: None, panics: 0 })
    }

    /// Writes until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let mut closing: Option<Instant> = None;
        loop {
            let rest = if closing.is_some() { Duration::ZERO } else { self.may_rest() };
            let (arrived, closed) = self.queue.take(rest);
            for one in arrived {
                self.take_in(one);
            }
            if closed {
                closing.get_or_insert_with(Instant::now);
            }
            self.set_aside();
            if self.retry_at.is_none_or(|at| at <= Instant::now()) {
                self.try_to_write();
                self.set_aside();
            }
            match closing {
                Some(_) if self.waiting.is_empty() => break,
                Some(since) if since.elapsed() > LAST_TRIES => {
                    std::mem::take(&mut self.waiting).into_values().for_each(|left| self.queue.give_up(left));
                    break;
                }
                Some(_) => std::thread::sleep(self.may_rest()),
                None => {}
            }
        }
    }

    /// How long there is nothing to do, unless something comes.
    fn may_rest(&self) -> Duration {
        match self.retry_at {
            Some(at) => at.saturating_duration_since(Instant::now()),
            None if self.spool.as_ref().is_some_and(|spool| !spool.is_empty()) => Duration::ZERO,
            None => Purging::EVERY,
        }
    }

    fn take_in(&mut self, one: Waiting) {
        // Addresses that wait for a store are no use to anybody once their key is gone.
        if let (Rows::Key(events), true) = (&one.batch.rows, self.retry_at.is_some()) {
            let dead = self.waiting.get_mut(&Ledger::Address).map_or_else(Vec::new, |batches| {
                let is_dead = |other: &mut Waiting| {
                    other.batch.site == one.batch.site && are_dead(&other.batch.rows, events)
                };
                batches.extract_if(.., is_dead).collect()
            });
            self.queue.give_up(dead);
        }
        self.waiting.entry(one.batch.rows.ledger()).or_default().push(one);
    }

    /// Puts what waits on disk, where the store is away, or where more of it waits there: what came first is written first.
    fn set_aside(&mut self) {
        let Some(spool) = &mut self.spool else { return };
        if spool.is_empty() && self.retry_at.is_none() {
            return;
        }
        let ledgers: Vec<_> = self.waiting.keys().copied().filter(|ledger| may_hold(*ledger)).collect();
        for ledger in ledgers {
            let Some(batches) = self.waiting.remove(&ledger) else { continue };
            let entries: Result<Vec<_>, _> = batches
                .iter()
                .map(|one| Ok((one.sequence, Entry::of(&one.batch, &self.author.node)?)))
                .collect();
            let kept =
                entries.map_err(|error: SqlError| io::Error::other(error.to_string())).and_then(|entries| {
                    spool.keep(&self.author, entries.iter().map(|(sequence, entry)| (*sequence, entry)))
                });
            let Ok(kept) = kept else {
                self.waiting.insert(ledger, batches);
                return;
            };
            let (mut settled, mut lost) = (Vec::new(), Vec::new());
            for (one, kept) in batches.into_iter().zip(kept) {
                if kept { settled.push(one) } else { lost.push(one) }
            }
            self.queue.settle(settled);
            self.queue.give_up(lost);
        }
    }

    /// Whatever goes wrong, the next try has what this one had.
    fn try_to_write(&mut self) {
        match catch_unwind(AssertUnwindSafe(|| self.write())) {
            Ok(Ok(())) => {
                self.panics = 0;
                self.retry_at = None;
                if !self.queue.set_healthy(true) {
                    tracing::info!("the store takes writes again");
                }
                return;
            }
            Ok(Err(error)) => self.note_failure(&error),
            Err(_) => self.note_panic(),
        }
        self.retry_at = Some(Instant::now() + PAUSE);
    }

    /// Writes what waits, one transaction for each ledger. What is written leaves the list; after one failure the rest is not
    /// tried: it waits with what failed. Nothing overtakes what waits on disk: it would be taken for written.
    fn write(&mut self) -> Result<(), SqlError> {
        let is_behind =
            |ledger: &Ledger| may_hold(*ledger) && self.spool.as_ref().is_some_and(|spool| !spool.is_empty());
        let ledgers: Vec<_> = self.waiting.keys().copied().filter(|ledger| !is_behind(ledger)).collect();
        for ledger in ledgers {
            let Some(batches) = self.waiting.get(&ledger) else { continue };
            match write_ledger(&mut self.engine, &self.author, ledger, batches) {
                Ok(()) => self.queue.settle(self.waiting.remove(&ledger).unwrap_or_default()),
                Err(error) if error.is_misfit() => self.write_one_by_one(ledger)?,
                Err(error) => return Err(error),
            }
        }
        self.drain()?;
        self.purging.purge_in_time(&mut self.engine)
    }

    /// Writes some of what waits on disk.
    fn drain(&mut self) -> Result<(), SqlError> {
        let Some(spool) = self.spool.as_mut().filter(|spool| !spool.is_empty()) else { return Ok(()) };
        let (records, position) = spool.oldest(AT_ONCE).map_err(unread)?;
        write_records(&mut self.engine, spool, &records)?;
        spool.let_go(position).map_err(unread)
    }

    /// Writes the batches of one ledger of which one does not fit, so that no other is lost with it.
    fn write_one_by_one(&mut self, ledger: Ledger) -> Result<(), SqlError> {
        while let Some(batches) = self.waiting.get_mut(&ledger).filter(|batches| !batches.is_empty()) {
            match write_ledger(&mut self.engine, &self.author, ledger, &batches[..1]) {
                Ok(()) => self.queue.settle(vec![batches.remove(0)]),
                Err(error) if error.is_misfit() => {
                    tracing::error!(%error, ledger = ledger.name(), "rows that do not fit their table were dropped");
                    self.queue.give_up(vec![batches.remove(0)]);
                }
                Err(error) => return Err(error),
            }
        }
        self.waiting.remove(&ledger);
        Ok(())
    }

    fn note_failure(&mut self, error: &SqlError) {
        if self.queue.set_healthy(false) {
            let place = if self.spool.is_some() { "on disk" } else { "in memory" };
            tracing::error!(%error, "the store takes no writes; counts wait {place}, and the site is served");
        }
    }

    fn note_panic(&mut self) {
        self.engine.forget();
        self.panics += 1;
        if self.queue.set_healthy(false) {
            tracing::error!("the writer of the store has failed, and begins again with what waits");
        }
        // What fails it every time must not hold up everything behind.
        if self.panics >= MOST_PANICS
            && let Some((ledger, batches)) = self.waiting.pop_first()
        {
            self.panics = 0;
            tracing::error!(
                ledger = ledger.name(),
                "rows that the writer of the store fails over were dropped"
            );
            self.queue.give_up(batches);
        }
    }
}

/// Puts the batches of one ledger on disk, all or none.
fn write_ledger(
    engine: &mut Engine,
    author: &Author,
    ledger: Ledger,
    batches: &[Waiting],
) -> Result<(), SqlError> {
    engine.write(Part::of(ledger), &[ledger], |transaction| {
        let entries = batches.iter().map(|one| Ok((one.sequence, Entry::of(&one.batch, &author.node)?)));
        once(transaction, author, ledger, entries.collect::<Result<Vec<_>, SqlError>>()?)?;
        #[cfg(test)]
        tests::panic_if_asked(ledger);
        Ok(())
    })
}

/// Whether every row began under a key that is destroyed.
fn are_dead(rows: &Rows, events: &[KeyEvent]) -> bool {
    let Rows::Address(rows) = rows else { return false };
    events.iter().any(|event| match event {
        KeyEvent::Destroyed { at, ends, .. } => {
            let until = until_when(*at, *ends);
            rows.iter().all(|row| row.bucket.seconds() < until)
        }
        _ => false,
    })
}

fn unread(error: io::Error) -> SqlError {
    SqlError::Failed(format!("its spool cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use pinfold::audit::{AddressRow, Batch, ConsentRow, Delivery, Lost, Rows};
    use pinfold::consent::ConsentEvent;
    use pinfold::pseudonym::{KeyEnd, Pseudonym};
    use pinfold::time::{CivilDate, UnixTime};

    use super::*;
    use crate::read::{Ledgers, Period};
    use crate::sqlite;

    thread_local! {
        /// How often writing choices on this thread is yet to panic.
        static PANICS: Cell<u32> = const { Cell::new(0) };
    }

    pub(super) fn panic_if_asked(ledger: Ledger) {
        let left = PANICS.get();
        if ledger == Ledger::Consent && left > 0 {
            PANICS.set(left - 1);
            panic!("as a test has asked");
        }
    }

    const DAY: CivilDate = CivilDate::from_days(20_000);

    fn choice(queue: &Queue) -> Delivery {
        let (policy, purpose) = ("00c0ffee".to_owned(), "marketing".to_owned());
        let row = ConsentRow { day: DAY, policy, event: ConsentEvent::Accepted, purpose, events: 1 };
        queue.put(Batch { site: Arc::from("town"), rows: Rows::Consent(vec![row]) })
    }

    /// What becomes of two choices where writing them panics so often, and how many are in the store.
    async fn written_after(panics: u32) -> ([Result<(), Lost>; 2], i64) {
        let directory = tempfile::tempdir().unwrap();
        let (file, queue) = (directory.path().join("pinfold.db"), Arc::<Queue>::default());
        let engine = Engine::Sqlite(sqlite::Engine::open(&file, 1 << 30).unwrap());
        let author = Author { node: String::new(), incarnation: 1 };
        let writer = Writer::new(engine, author, queue.clone(), Retention::default(), None, &[]).unwrap();
        let (one, other) = (choice(&queue), choice(&queue));
        let thread = std::thread::spawn(move || {
            PANICS.set(panics);
            writer.run();
        });
        let settled = [one.await, other.await];
        // It goes on with what comes.
        choice(&queue).await.unwrap();
        assert_eq!(queue.pending(Ledger::Consent), 0);
        queue.close();
        thread.join().unwrap();
        let whole = Period { from: DAY, to: CivilDate::from_days(DAY.days() + 1) };
        let rows = Ledgers::open(&file).unwrap().consent("town", whole).unwrap();
        (settled, rows.iter().map(|row| row.events).sum())
    }

    #[tokio::test]
    async fn fault_18_a_writer_that_panics_begins_again_with_what_waits() {
        assert_eq!(written_after(1).await, ([Ok(()), Ok(())], 3));
        assert_eq!(written_after(MOST_PANICS - 1).await, ([Ok(()), Ok(())], 3));
        // What fails it over and over is lost, and whoever handed it in is told.
        assert_eq!(written_after(MOST_PANICS).await, ([Err(Lost), Err(Lost)], 1));
    }

    #[test]
    fn the_end_of_a_key_drops_addresses_of_its_own_site_and_before_it_alone() {
        let directory = tempfile::tempdir().unwrap();
        let (file, queue) = (directory.path().join("pinfold.db"), Arc::<Queue>::default());
        let engine = Engine::Sqlite(sqlite::Engine::open(&file, 1 << 30).unwrap());
        let author = Author { node: String::new(), incarnation: 1 };
        let mut writer = Writer::new(engine, author, queue.clone(), Retention::default(), None, &[]).unwrap();
        writer.retry_at = Some(Instant::now());
        let host = Pseudonym::from_number(7);
        let address = |site: &str, bucket| {
            let bucket = UnixTime::from_seconds(bucket);
            let row = AddressRow { bucket, host, network: host, requests: 1, refused: 0 };
            queue.put(Batch { site: Arc::from(site), rows: Rows::Address(vec![row]) })
        };
        let _deliveries =
            [("town", 600), ("town", 1_200), ("parish", 600)].map(|(site, at)| address(site, at));
        let destroyed = KeyEvent::Destroyed {
            epoch: "e".to_owned(),
            at: UnixTime::from_seconds(900),
            how: KeyEnd::Stopped,
            ends: UnixTime::from_seconds(86_400),
        };
        let _told = queue.put(Batch { site: Arc::from("town"), rows: Rows::Key(vec![destroyed]) });
        queue.take(Duration::ZERO).0.into_iter().for_each(|one| writer.take_in(one));
        let left = writer.waiting[&Ledger::Address].iter().map(|one| &*one.batch.site).collect::<Vec<_>>();
        assert_eq!(left, ["town", "parish"]);
    }

    /// Where a disk had no room for what came later, either.
    #[test]
    fn nothing_overtakes_what_waits_on_disk() {
        let directory = tempfile::tempdir().unwrap();
        let (file, queue) = (directory.path().join("pinfold.db"), Arc::<Queue>::default());
        let author = Author { node: String::new(), incarnation: 1 };
        let _deliveries = [choice(&queue), choice(&queue)];
        let mut taken = queue.take(Duration::ZERO).0.into_iter();
        let (first, second) = (taken.next().unwrap(), taken.next().unwrap());
        let mut spool = Spool::open(&directory.path().join("spool")).unwrap();
        let entry = Entry::of(&first.batch, "").unwrap();
        assert_eq!(spool.keep(&author, [(first.sequence, &entry)].into_iter()).unwrap(), [true]);
        let engine = Engine::Sqlite(sqlite::Engine::open(&file, 1 << 30).unwrap());
        let mut writer = Writer::new(engine, author, queue, Retention::default(), Some(spool), &[]).unwrap();
        writer.take_in(second);
        while !writer.waiting.is_empty() {
            writer.write().unwrap();
        }
        let rows = Ledgers::open(&file).unwrap().consent("town", Period { from: DAY, to: DAY }).unwrap();
        assert_eq!(rows[0].events, 2);
    }
}
