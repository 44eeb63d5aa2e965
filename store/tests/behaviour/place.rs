//! Where a store of a test is: in a file, or in a database.

use pinfold::pseudonym::Pseudonym;
use pinfold_store::{Ledgers, Location, Retention, Store};
use tempfile::TempDir;

use crate::postgres::Database;
use crate::rows::SITE;

pub(crate) enum Place {
    File(TempDir),
    Database(Database),
}

impl Place {
    pub(crate) fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    pub(crate) fn database() -> Self {
        Self::Database(Database::new())
    }

    pub(crate) fn location(&self) -> Location {
        match self {
            Self::File(directory) => Location::File(directory.path().join("pinfold.db")),
            Self::Database(database) => database.as_node("one").into(),
        }
    }

    pub(crate) fn open(&self) -> Store {
        Store::open(self.location(), Retention::default()).unwrap()
    }

    pub(crate) fn read(&self) -> Ledgers {
        Ledgers::open(self.location()).unwrap()
    }

    /// In how many buckets a host is.
    pub(crate) fn rows_of(&self, host: u64) -> usize {
        self.read().buckets_of(SITE, Pseudonym::from_number(host)).unwrap().len()
    }
}
