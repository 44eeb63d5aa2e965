use super::schema::checked_version;
use super::server::Postgres;
use super::session::{OF_A_READER, Session, role_of};
use crate::error::StoreError;
use crate::part::Part;
use crate::sql::{Row, SqlError, Value};

/// What is told may take as long as whoever is told needs.
const ALONE: &str =
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; SET idle_in_transaction_session_timeout = 0";

/// A database opened for reading alone.
#[derive(Debug)]
pub(crate) struct Reader {
    session: Session,
    version: i64,
}

impl Reader {
    pub(crate) fn open(server: &Postgres) -> Result<Self, StoreError> {
        let unreachable = |error: SqlError| StoreError::unreachable(server, error);
        let session = Session::open(server, OF_A_READER).map_err(unreachable)?;
        let version = checked_version(&session, server)?;
        if version > 0 {
            session.run(&format!("{ALONE}; SET ROLE {}", role_of(Part::Ledgers))).map_err(unreachable)?;
        }
        Ok(Self { session, version })
    }

    pub(crate) fn version(&self) -> i64 {
        self.version
    }

    pub(crate) fn each<E: From<SqlError>>(
        &self,
        part: Part,
        sql: &str,
        values: &[Value<'_>],
        mut tell: impl FnMut(&[String], Row) -> Result<(), E>,
    ) -> Result<(), E> {
        if part == Part::Ledgers {
            return self.session.each(sql, values, tell);
        }
        let rows = self.session.transaction(part, &[], |session| {
            let mut rows = Vec::new();
            session.each(sql, values, |names, row| {
                rows.push((names.to_vec(), row));
                Ok::<_, SqlError>(())
            })?;
            Ok(rows)
        });
        rows?.into_iter().try_for_each(|(names, row)| tell(&names, row))
    }

    /// The store as it is now, until what is returned is dropped.
    pub(crate) fn moment(&self) -> Result<Moment<'_>, SqlError> {
        self.session.run("BEGIN ISOLATION LEVEL REPEATABLE READ")?;
        Ok(Moment(&self.session))
    }

    /// How much room its tables take, in bytes.
    pub(crate) fn bytes(&self) -> Result<u64, SqlError> {
        let sizes = "SELECT CAST(coalesce(sum(pg_total_relation_size(c.oid)), 0) AS BIGINT)
                     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                     WHERE n.nspname = 'pinfold' AND c.relkind = 'r'";
        let size = self.session.query(sizes, &[])?.first().map_or(Ok(0), |row| row.get::<i64>(0));
        Ok(size?.cast_unsigned())
    }

    /// Whether a server writes to it.
    pub(crate) fn is_in_use(&self) -> Result<bool, SqlError> {
        self.session.is_true(
            "SELECT true FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d ON d.oid = l.database
             WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.classid = 1885957742 LIMIT 1",
        )
    }
}

/// One moment of a database.
#[derive(Debug)]
pub(crate) struct Moment<'a>(&'a Session);

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        // Nothing was changed: how it ends is of no matter.
        let _ = self.0.run("ROLLBACK");
    }
}
