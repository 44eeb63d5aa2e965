//! Where Pinfold's ledgers live.
//!
//! [`Store`] keeps them in one SQLite file, or in a database of PostgreSQL that several nodes write to (see [`Location`]). It has a
//! [`pinfold::audit::Sink`]: batches are queued at once and written behind by one thread, several in one commit. A batch whose
//! delivery is ready has been synced to disk.
//!
//! Every statement is written once: `apply`, `read`, `retention` and their like speak to an `engine`, which is a file (`sqlite`) or a
//! connection (`postgres`).
//!
//! [`ImportStore`] adds what was before, and how far each log was read, in one commit. [`Ledgers`] reads them, from another
//! process if need be, and copies them; [`migrate`] and [`record_action`] are for a store that no server has.
//!
//! [`ValkeyCluster`] is for several nodes of one site: it holds in memory alone what they have in common, and no ledger.
//!
//! ```
//! use pinfold_store::{Ledgers, Retention, Store};
//!
//! # let dir = tempfile::tempdir()?;
//! let file = dir.path().join("pinfold.db");
//! let store = Store::open(&file, Retention::default())?;
//! store.close();
//!
//! let ledgers = Ledgers::open(&file)?;
//! assert!(ledgers.sites()?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod apply;
mod backup;
mod doubt;
mod engine;
mod entry;
mod error;
mod export;
mod import;
mod location;
mod offline;
mod once;
mod part;
mod postgres;
mod purging;
mod queue;
mod read;
mod reader;
mod retention;
mod rows;
mod schema;
mod spool;
mod sql;
mod sqlite;
mod status;
mod store;
mod valkey;
mod writer;

pub use backup::Backup;
pub use error::StoreError;
pub use export::{Export, Field};
pub use import::{ImportStore, Imported};
pub use location::Location;
pub use offline::{migrate, record_action};
pub use postgres::{AddressFault, Postgres};
pub use read::{Ledgers, Period};
pub use retention::Retention;
pub use rows::{
    AddressBucket, ConsentCount, CookieCount, DistinctCount, FacetCount, KeyRecord, PolicyRecord, TrafficDay,
    UsageCount, VisitCount,
};
pub use spool::SpoolState;
pub use status::{LedgerStatus, StoreStatus};
pub use store::Store;
pub use valkey::{NoValkey, Unfit, Unopened, Valkey, ValkeyAddress, ValkeyCluster, ValkeyLogin, ValkeyTls};
