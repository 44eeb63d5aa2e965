use std::path::Path;

use crate::error::StoreError;
use crate::read::Ledgers;
use crate::reader::Reader;
use crate::sqlite;

/// What a copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backup {
    /// The schema, that of the store.
    pub schema: i64,
    /// How many rows were copied.
    pub rows: u64,
}

impl Ledgers {
    /// Copies everything but the address ledger into a new file, as it is at one moment. A server may go on writing meanwhile.
    ///
    /// The copy is a store like any other, and only its owner may read it. It has no free pages, so nothing that was deleted is in it.
    ///
    /// # Errors
    ///
    /// Where the file exists, or the copy cannot be made: then there is none. A store in PostgreSQL is copied by its own means.
    pub fn back_up(&self, to: &Path) -> Result<Backup, StoreError> {
        match self.reader() {
            Reader::Sqlite(file) => {
                let (schema, rows) = sqlite::copy_to(file.path(), to)?;
                Ok(Backup { schema, rows })
            }
            Reader::Postgres(_) => Err(StoreError::CopiedElsewhere(self.location().to_string())),
        }
    }
}
