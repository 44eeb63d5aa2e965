//! Where Pinfold's ledgers live.
//!
//! [`SqliteStore`] keeps them in one SQLite file, written by one thread. It is a [`pinfold::audit::Sink`]: batches are queued at
//! once and written behind, several in one commit. A batch whose delivery is ready has been synced to disk.
//!
//! [`ImportStore`] adds what was before, and how far each log was read, in one commit. [`Ledgers`] reads them, from another
//! process if need be, and copies them; [`migrate`] and [`record_action`] are for a store that no server has.
//!
//! [`ValkeyCluster`] is for several nodes of one site: it holds in memory alone what they have in common, and no ledger.
//!
//! ```
//! use pinfold_store::{Ledgers, Retention, SqliteStore};
//!
//! # let dir = tempfile::tempdir()?;
//! let file = dir.path().join("pinfold.db");
//! let store = SqliteStore::open(&file, Retention::default())?;
//! store.close();
//!
//! let ledgers = Ledgers::open(&file)?;
//! assert!(ledgers.sites()?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod apply;
mod backup;
mod error;
mod export;
mod import;
mod lock;
mod offline;
mod queue;
mod read;
mod retention;
mod rows;
mod schema;
mod sqlite;
mod status;
mod valkey;
mod writer;

pub use backup::Backup;
pub use error::StoreError;
pub use export::{Export, Field};
pub use import::{ImportStore, Imported};
pub use offline::{migrate, record_action};
pub use read::{Ledgers, Period};
pub use retention::Retention;
pub use rows::{
    AddressBucket, ConsentCount, CookieCount, DistinctCount, FacetCount, KeyRecord, PolicyRecord, TrafficDay,
    UsageCount, VisitCount,
};
pub use sqlite::SqliteStore;
pub use status::{LedgerStatus, StoreStatus};
pub use valkey::{NoValkey, Unfit, Unopened, Valkey, ValkeyAddress, ValkeyCluster, ValkeyLogin, ValkeyTls};
