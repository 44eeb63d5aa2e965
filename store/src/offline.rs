//! What is done to a store while no server has it, or, where several may, beside them.

use std::sync::Arc;

use pinfold::audit::{ActionRow, Batch, ChainHash, Ledger, Rows};

use crate::apply::{LAST_ACTION, apply};
use crate::engine::Engine;
use crate::entry::Entry;
use crate::error::StoreError;
use crate::location::Location;
use crate::part::Part;
use crate::read::Ledgers;
use crate::sql::SqlError;
use crate::{postgres, schema, sqlite};

/// Brings a store to the newest schema: the schema before, and after. In a database of PostgreSQL it makes tables and roles.
///
/// # Errors
///
/// Where there is no file, a server has it, or the store cannot be written: each step is taken whole or not at all.
pub fn migrate(location: impl Into<Location>) -> Result<(i64, i64), StoreError> {
    let found = match location.into() {
        Location::File(path) => {
            // One that does not exist would be made.
            let found = Ledgers::open(&path)?.version()?;
            sqlite::Engine::open(&path, sqlite::MOST_BYTES)?;
            found
        }
        Location::Postgres(server) => postgres::migrate(&server)?,
    };
    Ok((found, schema::NEWEST))
}

/// Enters what an administrator did in the action ledger of a site: the new head of the ledger. The schema stays as it is.
///
/// # Errors
///
/// Where there is no store, a server has its file, or it cannot be written.
pub fn record_action(
    location: impl Into<Location>,
    site: &str,
    row: ActionRow,
) -> Result<ChainHash, StoreError> {
    let location = location.into();
    let ledgers = Ledgers::open(location.clone())?;
    let found = ledgers.version()?;
    if found < schema::WITH_ACTIONS {
        return Err(StoreError::OlderSchema { store: location.to_string(), found, known: schema::NEWEST });
    }
    let mut engine = match &location {
        Location::File(path) => Engine::Sqlite(sqlite::Engine::open_as_it_is(path)?),
        Location::Postgres(server) => Engine::Postgres(Box::new(postgres::Engine::open_beside(server)?)),
    };
    let batch = Batch { site: Arc::from(site), rows: Rows::Action(row) };
    let head = engine.write(Part::Ledgers, &[Ledger::Action], |transaction| {
        apply(transaction, &Entry::of(&batch, "")?)?;
        let last = transaction.query(LAST_ACTION, &[site.into()])?;
        last.first()
            .map_or(Ok(ChainHash::START), |last| Ok::<_, SqlError>(ChainHash::from_bytes(last.get(1)?)))
    });
    head.map_err(|error| ledgers.unusable(error))
}
