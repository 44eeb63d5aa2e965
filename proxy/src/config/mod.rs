//! The configuration: read whole, checked whole, before anything is opened.

mod check;
mod fault;
mod files;
mod policy;
mod reader;
mod sections;
mod settings;
mod source;
mod underscore;
mod units;

pub(crate) use check::{Checked, named_or_default, parse, read, read_with_files};
pub(crate) use fault::Fault;
pub(crate) use settings::{ADMIN, Approval, Hold, Hosts, SOCKET, Settings, StoreSettings};
pub(crate) use units::duration;
