//! Adding what was before, while no server writes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinfold::audit::{Batch, Rows};
use pinfold::time::{CivilDate, Clock, SystemClock};
use rusqlite::{Connection, params};

use crate::apply::apply;
use crate::error::StoreError;
use crate::lock::lock;
use crate::retention::Retention;
use crate::writer::{in_transaction, open_newest, truncate_log};

/// A store opened to add requests of the past to it. Rows, and how far the log was read that they come from, are kept in one
/// commit: whenever it stops, each line is counted once.
///
/// Keys and addresses are left as they are.
#[derive(Debug)]
pub struct ImportStore {
    path: PathBuf,
    connection: Connection,
    _lock: File,
}

/// How far a log was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a new column of the store is a breaking change")]
pub struct Imported {
    /// What tells the log from others: a digest of its first lines.
    pub mark: [u8; 16],
    /// How many lines that are.
    pub lines: u64,
    /// How many bytes were read, unpacked, up to the end of a line.
    pub offset: u64,
    /// The newest day in it: what is known of the log is kept as long as its rows are.
    pub day: CivilDate,
}

impl ImportStore {
    /// Opens the file, creating it if need be, and removes what is older than it may be.
    ///
    /// # Errors
    ///
    /// Where the file cannot be used, is in use by a server, or has a newer schema.
    pub fn open(path: &Path, retention: Retention, most_bytes: u64) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        let unusable = |error: rusqlite::Error| StoreError::unusable(path, error);
        let mut connection = open_newest(path, most_bytes)?;
        let now = SystemClock::new().now();
        in_transaction(&mut connection, |transaction| retention.purge(transaction, now)).map_err(unusable)?;
        truncate_log(&connection).map_err(unusable)?;
        Ok(Self { path: path.to_owned(), connection, _lock: lock })
    }

    /// Every log of a site that was read, those with the most lines in their mark first.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub fn imported(&self, site: &str) -> Result<Vec<Imported>, StoreError> {
        let read = || {
            self.connection
                .prepare(
                    "SELECT mark, lines, offset, day FROM import WHERE site = ?1 ORDER BY lines DESC, mark",
                )?
                .query_map(params![site], |row| {
                    let (lines, offset): (i64, i64) = (row.get(1)?, row.get(2)?);
                    Ok(Imported {
                        mark: row.get(0)?,
                        lines: lines.cast_unsigned(),
                        offset: offset.cast_unsigned(),
                        day: CivilDate::from_days(row.get(3)?),
                    })
                })?
                .collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.unusable(error))
    }

    /// Adds rows, and notes how far the log is read now. Where it was known by a mark of fewer lines, that one goes.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written: then nothing of it is kept.
    pub fn add(
        &mut self,
        site: &str,
        rows: Vec<Rows>,
        imported: &Imported,
        known_as: Option<[u8; 16]>,
    ) -> Result<(), StoreError> {
        let site: Arc<str> = site.into();
        let batches: Vec<_> = rows.into_iter().map(|rows| Batch { site: site.clone(), rows }).collect();
        let written = in_transaction(&mut self.connection, |transaction| {
            batches.iter().try_for_each(|batch| apply(transaction, batch))?;
            transaction
                .execute("DELETE FROM import WHERE site = ?1 AND mark = ?2", params![site, known_as])?;
            let (lines, offset) = (imported.lines.cast_signed(), imported.offset.cast_signed());
            transaction.execute(
                "INSERT OR REPLACE INTO import VALUES (?1, ?2, ?3, ?4, ?5)",
                params![site, imported.mark, lines, offset, imported.day.days()],
            )?;
            Ok(())
        });
        written.and_then(|()| truncate_log(&self.connection)).map_err(|error| self.unusable(error))
    }

    fn unusable(&self, error: rusqlite::Error) -> StoreError {
        StoreError::unusable(&self.path, error)
    }
}
