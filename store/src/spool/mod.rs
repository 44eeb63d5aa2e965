//! Where batches wait on disk while a database is away: segments of records, each with its length and a checksum, in the order in
//! which they came.
//!
//! Nothing of the address ledger is ever in it. A row under a pseudonym may be on disk only while its key lives, and what a disk once held
//! cannot be made to go with a key; so addresses wait in memory. Nor is what administrators did: an entry is in the chain, or nowhere.

mod directory;
mod gauge;
mod record;

pub(crate) use directory::Spool;
pub(crate) use gauge::Gauge;
pub use gauge::SpoolState;
pub(crate) use record::{Record, may_hold};
