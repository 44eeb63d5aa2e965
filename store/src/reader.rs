//! What reads, whichever kind it is of.

use crate::error::StoreError;
use crate::location::Location;
use crate::part::Part;
use crate::sql::{Row, SqlError, Value};
use crate::{postgres, sqlite};

/// The way to a store for whoever reads it.
#[derive(Debug)]
pub(crate) enum Reader {
    Sqlite(sqlite::Reader),
    Postgres(Box<postgres::Reader>),
}

/// Rows as they are at one moment, until this is dropped.
#[derive(Debug)]
#[allow(dead_code, reason = "it is held, and let go")]
pub(crate) enum Moment<'a> {
    Sqlite(sqlite::Moment<'a>),
    Postgres(postgres::Moment<'a>),
}

impl Reader {
    pub(crate) fn open(location: &Location) -> Result<Self, StoreError> {
        Ok(match location {
            Location::File(path) => Self::Sqlite(sqlite::Reader::open(path)?),
            Location::Postgres(server) => Self::Postgres(Box::new(postgres::Reader::open(server)?)),
        })
    }

    pub(crate) fn version(&self) -> Result<i64, SqlError> {
        match self {
            Self::Sqlite(file) => file.version(),
            Self::Postgres(server) => Ok(server.version()),
        }
    }

    /// Tells each row, with the names of its columns.
    pub(crate) fn each<E: From<SqlError>>(
        &self,
        part: Part,
        query: &str,
        values: &[Value<'_>],
        tell: impl FnMut(&[String], Row) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Sqlite(file) => file.each(query, values, tell),
            Self::Postgres(server) => server.each(part, query, values, tell),
        }
    }

    /// Each table is named with the rows that will be asked for.
    pub(crate) fn moment<'a>(
        &'a self,
        tables: &'a [(&'a str, &'a str)],
        values: &[Value<'_>],
    ) -> Result<Moment<'a>, SqlError> {
        match self {
            Self::Sqlite(file) => file.moment(tables, values).map(Moment::Sqlite),
            Self::Postgres(server) => server.moment().map(Moment::Postgres),
        }
    }
}
