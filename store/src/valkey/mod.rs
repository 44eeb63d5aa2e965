//! What the nodes of a site have in common, in a Valkey or Redis that keeps it in memory alone.
//!
//! ```text
//! Background (library) -> ValkeyCluster -> Valkey -> Breaker -> a connection, judged before it is used
//! ```
//!
//! [`Valkey`] is one server, for all sites of a process. A call takes 20 ms at most; then nobody calls until it is tried again. A server
//! that could write to a disk, hand on what it has, or throw it away is not used.

mod address;
mod breaker;
mod cluster;
mod connection;
mod fitness;
mod names;
mod server;

pub use address::{NoValkey, ValkeyAddress};
pub use cluster::ValkeyCluster;
pub use connection::{ValkeyLogin, ValkeyTls};
pub use fitness::Unfit;
pub use server::{Unopened, Valkey};
