//! One connection, and a limit on every wait for it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use futures_util::future::try_join_all;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::{Client, Statement};

use super::connect::connect;
use super::locks::{FOR_PURGE, Lock};
use super::server::Postgres;
use super::values::row_of;
use crate::part::Part;
use crate::sql::{Row, SqlError, Value};

/// How long a connection may take, with its encryption and who we are.
const CONNECT: Duration = Duration::from_secs(3);

/// How long an answer to a writer may take. The server gives up a lock before that.
pub(super) const OF_A_WRITER: Duration = Duration::from_secs(3);

/// How long an answer to a reader may take: years are added up.
pub(super) const OF_A_READER: Duration = Duration::from_secs(30);

/// How many statements are sent before their answers are read.
const AHEAD: usize = 500;

/// How many rows are deleted at a time.
const DELETED: u64 = 20_000;

/// What every connection keeps to. A node that is frozen must not hold up others, nor one that is gone keep its name.
const SETTINGS: &str = "
    SET search_path = pinfold;
    SET client_min_messages = error;
    SET lock_timeout = '2s';
    SET idle_in_transaction_session_timeout = '10s';
    SET tcp_keepalives_idle = 10;
    SET tcp_keepalives_interval = 5;
    SET tcp_keepalives_count = 3;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// A connection. It is driven while something is asked over it, and by nobody else.
pub(crate) struct Session {
    runtime: Runtime,
    client: Client,
    patience: Duration,
    prepared: RefCell<HashMap<String, Statement>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn open(server: &Postgres, patience: Duration) -> Result<Self, SqlError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(SqlError::failed)?;
        let client = runtime.block_on(async { timeout(CONNECT, connect(server)).await });
        let client = client.map_err(|_| SqlError::failed("it does not answer"))??;
        let session = Self { runtime, client, patience, prepared: RefCell::default() };
        session.run(SETTINGS)?;
        Ok(session)
    }

    /// Runs statements that have no parameters.
    pub(super) fn run(&self, statements: &str) -> Result<(), SqlError> {
        self.wait(self.client.batch_execute(statements))
    }

    /// Does some work on one part of the store, whole or not at all, when it is its turn.
    pub(super) fn transaction<T>(
        &self,
        part: Part,
        turns: &[Lock],
        work: impl FnOnce(&Self) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let mut begin = format!("BEGIN; SET LOCAL ROLE {}", role_of(part));
        for (one, other) in turns {
            begin += &format!("; SELECT pg_advisory_xact_lock({one}, {other})");
        }
        let done = self.run(&begin).and_then(|()| work(self));
        match done {
            Ok(done) => self.run("COMMIT").map(|()| done),
            Err(error) => {
                // A connection that has failed is given up, which says the same, and waits for nobody.
                if !matches!(error, SqlError::Failed(_)) {
                    self.run("ROLLBACK")?;
                }
                Err(error)
            }
        }
    }

    pub(crate) fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, SqlError> {
        let statement = self.prepare(sql)?;
        self.wait(self.client.execute_raw(&statement, values))
    }

    pub(crate) fn execute_each(&self, sql: &str, rows: &[Vec<Value<'_>>]) -> Result<(), SqlError> {
        if rows.is_empty() {
            return Ok(());
        }
        let statement = self.prepare(sql)?;
        for some in rows.chunks(AHEAD) {
            self.wait(try_join_all(some.iter().map(|row| self.client.execute_raw(&statement, row))))?;
        }
        Ok(())
    }

    /// Deletes rows, some at a time, so that no answer takes long.
    pub(crate) fn delete(&self, table: &str, which: &str, values: &[Value<'_>]) -> Result<(), SqlError> {
        let some = format!("SELECT ctid FROM {table} WHERE {which} LIMIT {DELETED}");
        let delete = format!("DELETE FROM {table} WHERE ctid = ANY (ARRAY({some}))");
        while self.execute(&delete, values)? >= DELETED {}
        Ok(())
    }

    pub(crate) fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, SqlError> {
        let mut found = Vec::new();
        self.each(sql, values, |_, row| {
            found.push(row);
            Ok::<_, SqlError>(())
        })?;
        Ok(found)
    }

    /// Tells each row that a statement gives, with the names of its columns.
    pub(super) fn each<E: From<SqlError>>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut tell: impl FnMut(&[String], Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let statement = self.prepare(sql)?;
        let names: Vec<_> = statement.columns().iter().map(|column| column.name().to_owned()).collect();
        let mut rows = pin!(self.wait(self.client.query_raw(&statement, values))?);
        while let Some(row) = self.wait(rows.try_next())? {
            tell(&names, row_of(&row)?)?;
        }
        Ok(())
    }

    /// Whether a lock was free, and is held until the connection ends.
    pub(super) fn takes(&self, (one, other): Lock) -> Result<bool, SqlError> {
        self.is_true(&format!("SELECT pg_try_advisory_lock({one}, {other})"))
    }

    /// Whether no other node removes old rows.
    pub(crate) fn may_purge(&self) -> Result<bool, SqlError> {
        let (one, other) = FOR_PURGE;
        self.is_true(&format!("SELECT pg_try_advisory_xact_lock({one}, {other})"))
    }

    pub(super) fn is_true(&self, sql: &str) -> Result<bool, SqlError> {
        self.query(sql, &[])?.first().map_or(Ok(false), |row| row.get(0))
    }

    pub(super) fn is_over(&self) -> bool {
        self.client.is_closed()
    }

    fn prepare(&self, sql: &str) -> Result<Statement, SqlError> {
        if let Some(known) = self.prepared.borrow().get(sql) {
            return Ok(known.clone());
        }
        let statement = self.wait(self.client.prepare(sql))?;
        self.prepared.borrow_mut().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn wait<T>(&self, answer: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, SqlError> {
        match self.runtime.block_on(async { timeout(self.patience, answer).await }) {
            Ok(answer) => answer.map_err(SqlError::from),
            Err(_) => Err(SqlError::failed("it does not answer any more")),
        }
    }
}

/// The role that a part of the store belongs to.
pub(super) fn role_of(part: Part) -> &'static str {
    match part {
        Part::Addresses => "pinfold_addresses",
        Part::Ledgers => "pinfold_ledgers",
    }
}
