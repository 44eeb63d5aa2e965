//! Ledgers in a database of PostgreSQL, to which several nodes may write.

mod connect;
mod engine;
mod locks;
mod reader;
mod schema;
mod server;
mod session;
mod values;

pub(crate) use engine::Engine;
pub(crate) use reader::{Moment, Reader};
pub(crate) use schema::migrate;
pub use server::{AddressFault, Postgres};
pub(crate) use session::Session;
