//! What a thief carries off: the file with its log, as they lie on the disk.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use pinfold::time::UnixTime;
use rusqlite::Connection;
use tempfile::TempDir;

/// 24 November 2026, 00:00 in London.
pub(crate) const MIDNIGHT: UnixTime = UnixTime::from_seconds(1_795_478_400);

/// A site whose day is over, and what was stolen of it.
pub(crate) struct Stolen {
    pub(crate) file: PathBuf,
    /// What a thief saw who came again and again.
    pub(crate) copies: Vec<Copy>,
    /// Whose pseudonym is whose. The thief does not have this; it judges what he says.
    pub(crate) names: HashMap<Ipv4Addr, u64>,
    _dir: TempDir,
}

/// The counts of one moment.
pub(crate) struct Copy {
    pub(crate) at: i64,
    pub(crate) usage: HashMap<(String, u8), i64>,
    pub(crate) consent: HashMap<String, i64>,
}

impl Stolen {
    pub(crate) fn new(dir: TempDir, copies: Vec<Copy>, names: HashMap<Ipv4Addr, u64>) -> Self {
        Self { file: file_in(&dir), copies, names, _dir: dir }
    }
}

/// A place for a database; in memory where there is such a place, because a day of traffic is many commits.
pub(crate) fn place() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

pub(crate) fn file_in(dir: &TempDir) -> PathBuf {
    dir.path().join("pinfold.db")
}

impl Copy {
    /// Copies the file and its log while the server runs, and reads the copy.
    pub(crate) fn of(file: &Path, at: i64) -> Self {
        let dir = place();
        let copy = file_in(&dir);
        std::fs::copy(file, &copy).unwrap();
        std::fs::copy(log_of(file), log_of(&copy)).unwrap();
        let connection = Connection::open(&copy).unwrap();
        let usage = "SELECT route, status, sum(requests) FROM usage GROUP BY route, status";
        let consent = "SELECT event, sum(events) FROM consent WHERE purpose <> '' GROUP BY event";
        let usage = read(&connection, usage, |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)));
        let consent = read(&connection, consent, |row| Ok((row.get(0)?, row.get(1)?)));
        Self { at, usage: usage.into_iter().collect(), consent: consent.into_iter().collect() }
    }
}

pub(crate) fn log_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

pub(crate) fn read<T>(
    connection: &Connection,
    sql: &str,
    row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Vec<T> {
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
}
