//! The configuration: read whole, checked whole, before anything is opened.

mod catalogue;
mod changes;
mod check;
mod configuration;
mod credential;
mod directory;
mod documents;
mod effective;
mod excerpt;
mod fault;
mod files;
mod nearest;
mod origins;
mod places;
mod policy;
mod reader;
mod sections;
mod settings;
mod site;
mod source;
mod store;
mod underscore;
mod units;
mod values;

pub(crate) use changes::{Change, are_of_another_site, changes, in_force};
pub(crate) use check::{Checked, admin, named_or_default, parse, socket};
pub(crate) use configuration::{Configuration, Read, Site, chosen, read, read_with_files};
pub(crate) use documents::{example, reference, schema};
pub(crate) use effective::{Entry, built_in, to_toml};
pub(crate) use fault::Fault;
pub(crate) use files::withheld;
pub(crate) use origins::{Origin, Origins};
pub(crate) use settings::{ADMIN, Approval, Hold, Hosts, SOCKET, Settings, StoreSettings, ValkeySettings};
pub(crate) use units::duration;
