//! Existing access logs with their addresses replaced, under a key that is destroyed at the end.
//!
//! What cannot be read is not written: a line that nobody understands may hold an address.

mod addresses;
mod edit;
mod escapes;
mod fields;
#[cfg(feature = "_fuzz")]
pub(crate) mod fuzzing;
mod job;
mod json;
mod line;
mod mails;
mod names;
#[cfg(test)]
mod properties;
mod queries;
mod tally;
mod text;

pub(crate) use addresses::without_addresses;
pub(crate) use job::run;
pub(crate) use text::Keep;
