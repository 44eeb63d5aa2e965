//! The thread that writes.

use std::collections::BTreeMap;
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

/// SQLite below this can damage a database in WAL mode (sqlite.org, March 2026).
const SOUND_SQLITE: i32 = 3_051_003;

pub(crate) struct Writer {
    path: PathBuf,
    queue: Arc<Queue>,
    retention: Retention,
    most_bytes: u64,
    incarnation: i64,
    connection: Option<Connection>,
    purged: Option<Instant>,
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
            connection: Some(connection),
            purged,
        })
    }

    /// Writes until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let mut waiting: Vec<Waiting> = Vec::new();
        let mut closing: Option<Instant> = None;
        loop {
            let wait = if waiting.is_empty() { PURGE_EVERY } else { PAUSE };
            let (arrived, closed) = self.queue.take(if closing.is_some() { Duration::ZERO } else { wait });
            waiting.extend(arrived);
            if closed {
                closing.get_or_insert_with(Instant::now);
            }
            if let Err(error) = self.write(&mut waiting) {
                self.note_failure(&error);
                std::thread::sleep(PAUSE);
            } else if !self.queue.set_healthy(true) {
                tracing::info!("the store takes writes again");
            }
            match closing {
                Some(_) if waiting.is_empty() => break,
                Some(since) if since.elapsed() > LAST_TRIES => {
                    self.queue.give_up(waiting);
                    break;
                }
                _ => {}
            }
        }
    }

    /// Writes what waits, one transaction for each ledger. What is written leaves the list.
    fn write(&mut self, waiting: &mut Vec<Waiting>) -> rusqlite::Result<()> {
        let mut by_ledger: BTreeMap<Ledger, Vec<Waiting>> = BTreeMap::new();
        for one in waiting.drain(..) {
            by_ledger.entry(one.batch.rows.ledger()).or_default().push(one);
        }
        let mut result = Ok(());
        for (ledger, batches) in by_ledger {
            // After one failure the rest is not tried: it waits with what failed.
            if result.is_err() {
                waiting.extend(batches);
                continue;
            }
            match self.write_ledger(ledger, &batches) {
                Ok(()) => self.queue.settle(batches),
                Err(error) if will_never_fit(&error) => {
                    tracing::error!(%error, ledger = ledger.name(), "rows that do not fit their table were dropped");
                    self.queue.give_up(batches);
                }
                Err(error) => {
                    waiting.extend(batches);
                    result = Err(error);
                }
            }
        }
        result?;
        self.purge()
    }

    /// Puts the batches of one ledger on disk, all or none.
    fn write_ledger(&mut self, ledger: Ledger, batches: &[Waiting]) -> rusqlite::Result<()> {
        let incarnation = self.incarnation;
        let connection = self.connection()?;
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
            transaction.execute(
                "INSERT OR REPLACE INTO delivered VALUES (?1, ?2, ?3)",
                params![ledger.name(), incarnation, newest],
            )?;
            Ok(())
        })?;
        truncate_log(connection)
    }

    fn purge(&mut self) -> rusqlite::Result<()> {
        if self.purged.is_some_and(|purged| purged.elapsed() < PURGE_EVERY) {
            return Ok(());
        }
        let retention = self.retention;
        let now = SystemClock::new().now();
        let connection = self.connection()?;
        in_transaction(connection, |transaction| retention.purge(transaction, now))?;
        truncate_log(connection)?;
        self.purged = Some(Instant::now());
        Ok(())
    }

    fn connection(&mut self) -> rusqlite::Result<&mut Connection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.path, self.most_bytes)?,
        };
        Ok(self.connection.insert(connection))
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
    connection.pragma_update(None, "journal_mode", "WAL")?;
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
