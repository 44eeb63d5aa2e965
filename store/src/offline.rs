//! What is done to a store while no server has it.

use std::path::Path;
use std::sync::Arc;

use pinfold::audit::{ActionRow, Batch, ChainHash, Rows};

use crate::apply::{apply, last_action};
use crate::error::StoreError;
use crate::lock::lock;
use crate::read::Ledgers;
use crate::schema;
use crate::writer::{MOST_BYTES, connect, in_transaction, open_newest, truncate_log};

/// Brings a store to the newest schema: the schema before, and after.
///
/// # Errors
///
/// Where there is none, a server has it, or it cannot be written: each step is taken whole or not at all.
pub fn migrate(path: &Path) -> Result<(i64, i64), StoreError> {
    // One that does not exist would be made.
    let found = Ledgers::open(path)?.version()?;
    let _lock = lock(path)?;
    let connection = open_newest(path, MOST_BYTES)?;
    truncate_log(&connection).map_err(|error| StoreError::unusable(path, error))?;
    Ok((found, schema::NEWEST))
}

/// Enters what an administrator did in the action ledger of a site: the new head of the ledger. The schema stays as it is.
///
/// # Errors
///
/// Where there is no store, a server has it, or it cannot be written.
pub fn record_action(path: &Path, site: &str, row: ActionRow) -> Result<ChainHash, StoreError> {
    let found = Ledgers::open(path)?.version()?;
    if found < schema::WITH_ACTIONS {
        return Err(StoreError::OlderSchema { path: path.to_owned(), found, known: schema::NEWEST });
    }
    let _lock = lock(path)?;
    let unusable = |error: rusqlite::Error| StoreError::unusable(path, error);
    let mut connection = connect(path, MOST_BYTES).map_err(unusable)?;
    let batch = Batch { site: Arc::from(site), rows: Rows::Action(row) };
    in_transaction(&mut connection, |transaction| apply(transaction, &batch)).map_err(unusable)?;
    truncate_log(&connection).map_err(unusable)?;
    let last = last_action(&connection, site).map_err(unusable)?;
    Ok(last.map_or(ChainHash::START, |(_, head)| head))
}
