use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::connection::{connect, failure, in_transaction, open_newest, truncate_log};
use super::lock::lock;
use crate::error::StoreError;
use crate::sql::SqlError;

/// How large a file may become, unless said otherwise.
pub(crate) const MOST_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// How long a reader who stands still is not waited for again.
const NOT_AGAIN: Duration = Duration::from_secs(10);

/// The one writer of a file.
#[derive(Debug)]
pub(crate) struct Engine {
    path: PathBuf,
    most_bytes: u64,
    connection: Option<(Connection, FileId)>,
    /// When a reader was last waited for who kept the log from being emptied.
    put_off: Option<Instant>,
    _lock: File,
}

impl Engine {
    /// Opens a file for writing, creating it if need be, and brings it to the newest schema.
    pub(crate) fn open(path: &Path, most_bytes: u64) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        let connection = open_newest(path, most_bytes)?;
        Ok(Self::of(path, most_bytes, connection, lock))
    }

    /// Opens a file of any schema that is known.
    pub(crate) fn open_as_it_is(path: &Path) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        let connection =
            connect(path, MOST_BYTES).map_err(|error| StoreError::unusable(path.display(), error))?;
        Ok(Self::of(path, MOST_BYTES, connection, lock))
    }

    fn of(path: &Path, most_bytes: u64, connection: Connection, lock: File) -> Self {
        let connection = FileId::of(path).map(|file| (connection, file));
        Self { path: path.to_owned(), most_bytes, connection, put_off: None, _lock: lock }
    }

    /// Does some work, whole or not at all. What is done is on disk, and in no log unless a reader needs it there.
    pub(crate) fn write<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let done = self.try_to_write(work);
        // A connection whose sync has failed may believe that pages are clean which never reached the disk: it is not
        // used again.
        if matches!(done, Err(SqlError::Failed(_))) {
            self.connection = None;
        }
        done
    }

    fn try_to_write<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let waits = self.put_off.is_none_or(|since| since.elapsed() >= NOT_AGAIN);
        let connection = self.connected()?;
        let done = in_transaction(connection, work)?;
        if truncate_log(connection, waits)? {
            self.put_off = None;
        } else if waits {
            self.put_off = Some(Instant::now());
        }
        Ok(done)
    }

    /// Gives up the connection. The next write opens another.
    pub(crate) fn forget(&mut self) {
        self.connection = None;
    }

    /// The connection, opened again where it was given up or where another file, or none, is in the place of its own: what was written to one
    /// that is removed would be gone with the process.
    fn connected(&mut self) -> rusqlite::Result<&mut Connection> {
        let there = FileId::of(&self.path);
        let open = match self.connection.take() {
            Some(open) if there == Some(open.1) => open,
            _ => {
                let there = there.ok_or_else(|| {
                    failure(rusqlite::ffi::SQLITE_CANTOPEN, format!("{} is not there", self.path.display()))
                })?;
                (connect(&self.path, self.most_bytes)?, there)
            }
        };
        Ok(&mut self.connection.insert(open).0)
    }
}

/// Which file a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId(u64, u64);

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
