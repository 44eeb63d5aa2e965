//! A copy of a store, taken while it is in use.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::path::Path;

use rusqlite::{Connection, Transaction, params};

use super::reader::PATIENCE;
use crate::error::StoreError;

/// What a copy has no rows of. Addresses are kept no longer than their key lives, and nobody would take them out of a copy in time.
const LEFT_EMPTY: &str = "address";

/// Copies everything but the address ledger into a new file, as it is at one moment: the schema, and how many rows were copied.
pub(crate) fn copy_to(from: &Path, to: &Path) -> Result<(i64, u64), StoreError> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(to).map_err(|error| StoreError::not_copied(to, error))?;
    copy(from, to).map_err(|error| {
        // What is left of it would be in the way of the next try.
        let _ = fs::remove_file(to);
        StoreError::not_copied(to, error)
    })
}

fn copy(from: &Path, to: &Path) -> rusqlite::Result<(i64, u64)> {
    let mut copy = Connection::open(to)?;
    copy.busy_timeout(PATIENCE)?;
    copy.pragma_update(None, "synchronous", "FULL")?;
    copy.execute("ATTACH ?1 AS store", params![read_only(from)])?;
    // One transaction: it sees the store at one moment, and what is cut short leaves an empty file.
    let transaction = copy.transaction()?;
    let mut rows = 0;
    for (table, statement) in tables(&transaction)? {
        transaction.execute_batch(&statement)?;
        if table != LEFT_EMPTY {
            rows +=
                transaction.execute(&format!("INSERT INTO main.{table} SELECT * FROM store.{table}"), [])?;
        }
    }
    let schema = transaction.query_row("PRAGMA store.user_version", [], |row| row.get(0))?;
    transaction.pragma_update(None, "user_version", schema)?;
    transaction.commit()?;
    copy.close().map_err(|(_, error)| error)?;
    Ok((schema, rows as u64))
}

/// Each table with the statement that makes it.
fn tables(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<(String, String)>> {
    transaction
        .prepare("SELECT name, sql FROM store.sqlite_schema WHERE type = 'table' ORDER BY name")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// A file as SQLite opens it for reading alone (sqlite.org/uri.html), whatever bytes its name has.
fn read_only(file: &Path) -> String {
    let mut uri = String::from("file:");
    for &byte in file.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            _ => drop(write!(uri, "%{byte:02X}")),
        }
    }
    uri + "?mode=ro"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_the_address() {
        assert_eq!(
            read_only(Path::new("/var/lib/a b?mode=rw#x%.db")),
            "file:/var/lib/a%20b%3Fmode%3Drw%23x%25.db?mode=ro"
        );
    }
}
