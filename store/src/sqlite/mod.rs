//! Ledgers in one SQLite file.

mod backup;
mod bytes;
mod connection;
mod engine;
mod lock;
mod order;
mod reader;
mod schema;
mod statements;

pub(crate) use backup::copy_to;
pub(crate) use bytes::bytes_of;
pub(crate) use engine::{Engine, MOST_BYTES};

pub(crate) use order::lay_in_order;
pub(crate) use reader::{Moment, Reader};
pub(crate) use statements::{execute, execute_each, query};
