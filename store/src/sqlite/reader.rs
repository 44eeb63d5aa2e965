use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::bytes::bytes_of;
use super::{lock, schema, statements};
use crate::error::StoreError;
use crate::sql::{Row, SqlError, Value};

/// How long a reader waits for a writer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A file opened for reading alone.
#[derive(Debug)]
pub(crate) struct Reader {
    path: PathBuf,
    connection: Connection,
}

impl Reader {
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let unusable = |error: rusqlite::Error| StoreError::unusable(path.display(), error);
        let connection = Connection::open_with_flags(path, flags).map_err(unusable)?;
        connection.busy_timeout(PATIENCE).map_err(unusable)?;
        Ok(Self { path: path.to_owned(), connection })
    }

    pub(crate) fn version(&self) -> Result<i64, SqlError> {
        Ok(schema::version(&self.connection)?)
    }

    pub(crate) fn each<E: From<SqlError>>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        tell: impl FnMut(&[String], Row) -> Result<(), E>,
    ) -> Result<(), E> {
        statements::each(&self.connection, sql, values, tell)
    }

    /// Some rows of some tables as they are now, in the place of those tables until what is returned is dropped.
    ///
    /// They are copied: while a transaction is open the log of the writer cannot be emptied, and grows.
    pub(crate) fn moment<'a>(
        &'a self,
        tables: &'a [(&'a str, &'a str)],
        values: &[Value<'_>],
    ) -> Result<Moment<'a>, SqlError> {
        let transaction = self.connection.unchecked_transaction()?;
        for (table, which) in tables {
            // A table for the time being comes before another of its name (sqlite.org/lang_naming.html).
            let copy = format!("CREATE TEMP TABLE {table} AS SELECT * FROM main.{table} WHERE {which}");
            statements::execute(&transaction, &copy, values)?;
        }
        transaction.commit()?;
        Ok(Moment { connection: &self.connection, tables })
    }

    /// What is wrong with the file; nothing where it is whole.
    pub(crate) fn damage(&self) -> Result<Option<String>, SqlError> {
        // One line, "ok" where nothing is wrong.
        let checked = statements::query(&self.connection, "PRAGMA quick_check(1)", &[])?;
        let lines: Result<Vec<String>, _> = checked.iter().map(|line| line.get(0)).collect();
        Ok(lines?.into_iter().find(|line| line != "ok"))
    }

    pub(crate) fn has_table(&self, name: &str) -> Result<bool, SqlError> {
        let known = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = $1";
        Ok(!statements::query(&self.connection, known, &[name.into()])?.is_empty())
    }

    pub(crate) fn bytes(&self) -> u64 {
        bytes_of(&self.path)
    }

    pub(crate) fn is_in_use(&self) -> bool {
        lock::is_locked(&self.path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Copies of tables, in their places.
#[derive(Debug)]
pub(crate) struct Moment<'a> {
    connection: &'a Connection,
    tables: &'a [(&'a str, &'a str)],
}

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        for (table, _) in self.tables {
            // They would go with the connection as well.
            let _ = self.connection.execute_batch(&format!("DROP TABLE temp.{table}"));
        }
    }
}
