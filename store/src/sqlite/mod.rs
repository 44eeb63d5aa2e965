//! Ledgers in one SQLite file.

mod backup;
mod connection;
mod engine;
mod lock;
mod order;
mod reader;
mod schema;
mod statements;

pub(crate) use backup::copy_to;
pub(crate) use engine::{Engine, MOST_BYTES};

pub(crate) use order::lay_in_order;
pub(crate) use reader::Reader;
pub(crate) use statements::{execute, execute_each, query};
