//! How a file is opened, and what every connection to it keeps to.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::schema;
use crate::error::StoreError;
use crate::schema::NEWEST;
use crate::sql::SqlError;

/// How long another program may hold the file before a write is put off.
const BUSY: Duration = Duration::from_millis(250);

/// SQLite below this can damage a database in WAL mode (sqlite.org, March 2026).
const SOUND_SQLITE: i32 = 3_051_003;

/// Opens a file and brings it to the newest schema.
pub(super) fn open_newest(path: &Path, most_bytes: u64) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < SOUND_SQLITE {
        return Err(StoreError::UnsoundSqlite(rusqlite::version().to_owned()));
    }
    let unusable = |error: rusqlite::Error| StoreError::unusable(path.display(), error);
    let mut connection = connect(path, most_bytes).map_err(unusable)?;
    let found = schema::version(&connection).map_err(unusable)?;
    if found > NEWEST {
        return Err(StoreError::NewerSchema { store: path.display().to_string(), found, known: NEWEST });
    }
    schema::migrate(&mut connection).map_err(unusable)?;
    Ok(connection)
}

pub(super) fn connect(path: &Path, most_bytes: u64) -> rusqlite::Result<Connection> {
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

pub(super) fn in_transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<T, SqlError>,
) -> Result<T, SqlError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

/// Empties the write-ahead log, so that nothing deleted and no order of writes stays in it. False where a reader puts it off, who is
/// waited for or not.
pub(super) fn truncate_log(connection: &Connection, waits: bool) -> rusqlite::Result<bool> {
    connection.busy_timeout(if waits { BUSY } else { Duration::ZERO })?;
    let is_busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    connection.busy_timeout(BUSY)?;
    Ok(!is_busy?)
}

pub(super) fn failure(code: i32, words: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(words))
}
