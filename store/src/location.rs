use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::StoreError;
use crate::postgres::Postgres;
use crate::sql::SqlError;

/// Where a store is: a file, or a database of PostgreSQL.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Location {
    /// A file of SQLite.
    File(PathBuf),
    /// A database that several nodes may write to.
    Postgres(Box<Postgres>),
}

impl Location {
    /// The name of the node that writes. A file has one, which needs no name.
    pub(crate) fn node(&self) -> &str {
        match self {
            Self::File(_) => "",
            Self::Postgres(server) => server.node(),
        }
    }

    pub(crate) fn unusable(&self, error: SqlError) -> StoreError {
        match self {
            Self::File(path) => StoreError::unusable(path.display(), error),
            Self::Postgres(server) => StoreError::unreachable(server, error),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Postgres(server) => server.fmt(f),
        }
    }
}

impl<T: AsRef<Path> + ?Sized> From<&T> for Location {
    fn from(path: &T) -> Self {
        Self::File(path.as_ref().to_owned())
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<Postgres> for Location {
    fn from(server: Postgres) -> Self {
        Self::Postgres(Box::new(server))
    }
}
