//! What writes, whichever kind it is of.

use pinfold::audit::Ledger;

use crate::part::Part;
use crate::sql::{Row, SqlError, Value};
use crate::{postgres, sqlite};

/// The writer's way to its store. After a failure it finds the way again by itself.
#[derive(Debug)]
pub(crate) enum Engine {
    Sqlite(sqlite::Engine),
    Postgres(Box<postgres::Engine>),
}

/// What is done to a store, whole or not at all.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Transaction<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(&'a postgres::Session),
}

impl Engine {
    /// Does some work on one part of the store. What is done is on disk.
    ///
    /// Where several nodes may write, `turns` are the ledgers that no other writes to meanwhile.
    pub(crate) fn write<T>(
        &mut self,
        part: Part,
        turns: &[Ledger],
        work: impl FnOnce(&Transaction<'_>) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        match self {
            Self::Sqlite(file) => file.write(|connection| work(&Transaction::Sqlite(connection))),
            Self::Postgres(server) => {
                server.write(part, turns, |session| work(&Transaction::Postgres(session)))
            }
        }
    }

    /// Gives up the connection. The next write finds another.
    pub(crate) fn forget(&mut self) {
        match self {
            Self::Sqlite(file) => file.forget(),
            Self::Postgres(server) => server.forget(),
        }
    }
}

impl Transaction<'_> {
    /// Runs a statement: how many rows it changed.
    pub(crate) fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, SqlError> {
        match self {
            Self::Sqlite(connection) => sqlite::execute(connection, sql, values),
            Self::Postgres(session) => session.execute(sql, values),
        }
    }

    /// Runs a statement for each row of parameters.
    pub(crate) fn execute_each(&self, sql: &str, rows: &[Vec<Value<'_>>]) -> Result<(), SqlError> {
        match self {
            Self::Sqlite(connection) => sqlite::execute_each(connection, sql, rows),
            Self::Postgres(session) => session.execute_each(sql, rows),
        }
    }

    /// Deletes rows, as many as there may be.
    pub(crate) fn delete(&self, table: &str, which: &str, values: &[Value<'_>]) -> Result<(), SqlError> {
        match self {
            Self::Sqlite(connection) => {
                sqlite::execute(connection, &format!("DELETE FROM {table} WHERE {which}"), values).map(drop)
            }
            Self::Postgres(session) => session.delete(table, which, values),
        }
    }

    /// Every row that a statement gives.
    pub(crate) fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, SqlError> {
        match self {
            Self::Sqlite(connection) => sqlite::query(connection, sql, values),
            Self::Postgres(session) => session.query(sql, values),
        }
    }

    /// Lays rows down anew in the order of their keys, where order on disk is all that tells when they came. PostgreSQL keeps a log of
    /// every commit, which tells it anyway (docs/design.md).
    pub(crate) fn lay_in_order(
        &self,
        table: (&str, usize),
        which: &str,
        values: &[Value<'_>],
    ) -> Result<(), SqlError> {
        match self {
            Self::Sqlite(connection) => sqlite::lay_in_order(connection, table, which, values),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Whether it is this writer's turn to remove old rows: no other node is at it.
    pub(crate) fn may_purge(&self) -> Result<bool, SqlError> {
        match self {
            Self::Sqlite(_) => Ok(true),
            Self::Postgres(session) => session.may_purge(),
        }
    }
}
