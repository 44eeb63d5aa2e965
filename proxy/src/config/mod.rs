//! The configuration: read whole, checked whole, before anything is opened.

mod fault;
mod reader;
mod settings;
mod source;
mod units;

pub(crate) use fault::Fault;
pub(crate) use settings::{Checked, Hosts, Settings};
