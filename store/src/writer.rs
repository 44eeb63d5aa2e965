//! The thread that writes.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pinfold::audit::Ledger;
use pinfold::time::{Clock, SystemClock};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::apply::{apply, close_lost_keys};
use crate::error::StoreError;
use crate::queue::{Queue, Waiting};
use crate::retention::Retention;
use crate::schema;

/// How large a file may become, unless said otherwise.
pub(crate) const MOST_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// How long a writer that failed waits before it tries again.
const PAUSE: Duration = Duration::from_millis(500);

/// How often old rows are removed.
const PURGE_EVERY: Duration = Duration::from_secs(3_600);

/// How long a stop goes on trying to write.
const LAST_TRIES: Duration = Duration::from_secs(5);

/// How long another program may hold the file before a write is put off.
const BUSY: Duration = Duration::from_millis(250);

/// How often in a row rows may make the writer panic before they are dropped.
const MOST_PANICS: u32 = 3;

/// SQLite below this can damage a database in WAL mode (sqlite.org, March 2026).
const SOUND_SQLITE: i32 = 3_051_003;

pub(crate) struct Writer {
    path: PathBuf,
    queue: Arc<Queue>,
    retention: Retention,
    most_bytes: u64,
    incarnation: i64,
    connection: Option<(Connection, FileId)>,
    purged: Option<Instant>,
    /// What was taken from the queue and is not on disk.
    waiting: BTreeMap<Ledger, Vec<Waiting>>,
    /// How often writing has panicked in a row.
    panics: u32,
}

impl Writer {
    /// Opens the file, brings it to the newest schema and enters keys that were lost with an earlier process.
    pub(crate) fn open(
        path: &Path,
        queue: Arc<Queue>,
        retention: Retention,
        most_bytes: u64,
        living: &[String],
    ) -> Result<Self, StoreError> {
        let unusable = |error: rusqlite::Error| StoreError::unusable(path, error);
        let mut connection = open_newest(path, most_bytes)?;
        let now = SystemClock::new().now();
        let enter = |transaction: &Transaction<'_>| {
            close_lost_keys(transaction, now.seconds(), living)?;
            retention.purge(transaction, now)
        };
        in_transaction(&mut connection, enter).map_err(unusable)?;
        truncate_log(&connection).map_err(unusable)?;
        let incarnation = connection.query_row("SELECT random()", [], |row| row.get(0)).map_err(unusable)?;
        queue.set_healthy(true);
        let purged = Some(Instant::now());
        Ok(Self {
            path: path.to_owned(),
            queue,
            retention,
            most_bytes,
            incarnation,
            connection: FileId::of(path).map(|file| (connection, file)),
            purged,
            waiting: BTreeMap::new(),
            panics: 0,
        })
    }

    /// Writes until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let mut closing: Option<Instant> = None;
        loop {
            let wait = if self.waiting.is_empty() { PURGE_EVERY } else { PAUSE };
            let (arrived, closed) = self.queue.take(if closing.is_some() { Duration::ZERO } else { wait });
            for one in arrived {
                self.waiting.entry(one.batch.rows.ledger()).or_default().push(one);
            }
            if closed {
                closing.get_or_insert_with(Instant::now);
            }
            self.try_to_write();
            match closing {
                Some(_) if self.waiting.is_empty() => break,
                Some(since) if since.elapsed() > LAST_TRIES => {
                    std::mem::take(&mut self.waiting).into_values().for_each(|left| self.queue.give_up(left));
                    break;
                }
                _ => {}
            }
        }
    }

    /// Whatever goes wrong, the next try has what this one had.
    fn try_to_write(&mut self) {
        match catch_unwind(AssertUnwindSafe(|| self.write())) {
            Ok(Ok(())) => {
                self.panics = 0;
                if !self.queue.set_healthy(true) {
                    tracing::info!("the store takes writes again");
                }
                return;
            }
            Ok(Err(error)) => self.note_failure(&error),
            Err(_) => self.note_panic(),
        }
        std::thread::sleep(PAUSE);
    }

    /// Writes what waits, one transaction for each ledger. What is written leaves the list; after one failure the rest is not
    /// tried: it waits with what failed.
    fn write(&mut self) -> rusqlite::Result<()> {
        while let Some(entry) = self.waiting.first_entry() {
            let ledger = *entry.key();
            let connection = connected(&mut self.connection, &self.path, self.most_bytes)?;
            match write_ledger(connection, self.incarnation, ledger, entry.get()) {
                Ok(()) => self.queue.settle(entry.remove()),
                Err(error) if will_never_fit(&error) => self.write_one_by_one(ledger)?,
                Err(error) => return Err(error),
            }
        }
        self.purge()
    }

    /// Writes the batches of one ledger of which one does not fit, so that no other is lost with it.
    fn write_one_by_one(&mut self, ledger: Ledger) -> rusqlite::Result<()> {
        while let Some(batches) = self.waiting.get_mut(&ledger).filter(|batches| !batches.is_empty()) {
            let connection = connected(&mut self.connection, &self.path, self.most_bytes)?;
            match write_ledger(connection, self.incarnation, ledger, &batches[..1]) {
                Ok(()) => self.queue.settle(vec![batches.remove(0)]),
                Err(error) if will_never_fit(&error) => {
                    tracing::error!(%error, ledger = ledger.name(), "rows that do not fit their table were dropped");
                    self.queue.give_up(vec![batches.remove(0)]);
                }
                Err(error) => return Err(error),
            }
        }
        self.waiting.remove(&ledger);
        Ok(())
    }

    fn purge(&mut self) -> rusqlite::Result<()> {
        if self.purged.is_some_and(|purged| purged.elapsed() < PURGE_EVERY) {
            return Ok(());
        }
        let retention = self.retention;
        let now = SystemClock::new().now();
        let connection = connected(&mut self.connection, &self.path, self.most_bytes)?;
        in_transaction(connection, |transaction| retention.purge(transaction, now))?;
        truncate_log(connection)?;
        self.purged = Some(Instant::now());
        Ok(())
    }

    fn note_failure(&mut self, error: &rusqlite::Error) {
        // A connection whose sync has failed may believe that pages are clean which never reached the disk: it is not
        // used again. The batches are still here.
        if error.sqlite_error_code() != Some(rusqlite::ErrorCode::DatabaseBusy) {
            self.connection = None;
        }
        if self.queue.set_healthy(false) {
            tracing::error!(%error, "the store takes no writes; counts wait in memory, and the site is served");
        }
    }

    fn note_panic(&mut self) {
        self.connection = None;
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

/// The connection, opened again where it was given up or where another file, or none, is in the place of its own: what was written to one
/// that is removed would be gone with the process.
fn connected<'a>(
    connection: &'a mut Option<(Connection, FileId)>,
    path: &Path,
    most_bytes: u64,
) -> rusqlite::Result<&'a mut Connection> {
    let there = FileId::of(path);
    let open = match connection.take() {
        Some(open) if there == Some(open.1) => open,
        _ => {
            let there = there.ok_or_else(|| {
                failure(rusqlite::ffi::SQLITE_CANTOPEN, format!("{} is not there", path.display()))
            })?;
            (connect(path, most_bytes)?, there)
        }
    };
    Ok(&mut connection.insert(open).0)
}

/// Which file a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata(path).ok().map(|file| Self(file.dev(), file.ino()))
    }

    #[cfg(not(unix))]
    fn of(path: &Path) -> Option<Self> {
        path.exists().then_some(Self(0, 0))
    }
}

fn failure(code: i32, words: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(words))
}

/// Puts the batches of one ledger on disk, all or none.
fn write_ledger(
    connection: &mut Connection,
    incarnation: i64,
    ledger: Ledger,
    batches: &[Waiting],
) -> rusqlite::Result<()> {
    in_transaction(connection, |transaction| {
        // After a commit that failed half-way the batches may be there already: each is added once.
        let last = transaction
            .query_row(
                "SELECT sequence FROM delivered WHERE ledger = ?1 AND incarnation = ?2",
                params![ledger.name(), incarnation],
                |row| row.get::<_, i64>(0),
            )
            .optional()?
            .unwrap_or_default();
        let mut newest = last;
        for one in batches.iter().filter(|one| one.sequence > last) {
            apply(transaction, &one.batch)?;
            newest = newest.max(one.sequence);
        }
        #[cfg(test)]
        tests::panic_if_asked(ledger);
        transaction.execute(
            "INSERT OR REPLACE INTO delivered VALUES (?1, ?2, ?3)",
            params![ledger.name(), incarnation, newest],
        )?;
        Ok(())
    })?;
    truncate_log(connection)
}

/// Opens a file and brings it to the newest schema.
pub(crate) fn open_newest(path: &Path, most_bytes: u64) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < SOUND_SQLITE {
        return Err(StoreError::UnsoundSqlite(rusqlite::version().to_owned()));
    }
    let unusable = |error: rusqlite::Error| StoreError::unusable(path, error);
    let mut connection = connect(path, most_bytes).map_err(unusable)?;
    let found = schema::version(&connection).map_err(unusable)?;
    if found > schema::NEWEST {
        return Err(StoreError::NewerSchema { path: path.to_owned(), found, known: schema::NEWEST });
    }
    schema::migrate(&mut connection).map_err(unusable)?;
    Ok(connection)
}

pub(crate) fn connect(path: &Path, most_bytes: u64) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    // Where the change fails SQLite goes on in the mode of before, and says so alone.
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(failure(rusqlite::ffi::SQLITE_IOERR, "it cannot be given a write-ahead log".to_owned()));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let pages = i64::try_from(most_bytes).unwrap_or(i64::MAX) / page.max(1);
    // Answers with the bound in force: that of the file as it is, where it is larger already.
    connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
    Ok(connection)
}

pub(crate) fn in_transaction(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    work(&transaction)?;
    transaction.commit()
}

/// Whether the rows themselves are at fault, so that trying again would hold up everything behind them.
fn will_never_fit(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{ConstraintViolation, TooBig, TypeMismatch};
    match error.sqlite_error_code() {
        Some(code) => matches!(code, ConstraintViolation | TooBig | TypeMismatch),
        None => true,
    }
}

/// Empties the write-ahead log, so that nothing deleted and no order of writes stays in it. Busy readers put it off.
pub(crate) fn truncate_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use pinfold::audit::{Batch, ConsentRow, Delivery, Lost, Rows};
    use pinfold::consent::ConsentEvent;
    use pinfold::time::CivilDate;

    use super::*;
    use crate::read::{Ledgers, Period};

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
        let writer = Writer::open(&file, queue.clone(), Retention::default(), 1 << 30, &[]).unwrap();
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
}
