//! What statements take, give and fail with, whichever engine runs them.

mod error;
mod value;

pub(crate) use error::SqlError;
pub(crate) use value::{Row, Value};
