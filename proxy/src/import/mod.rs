//! Existing access logs into the traffic, usage and facet ledgers: each line once, whenever it stops.
//!
//! An address is never read from a line, and `User-Agent` goes no further than to the family of a browser.

mod entry;
#[cfg(feature = "_fuzz")]
pub(crate) mod fuzzing;
mod head;
mod job;
mod json;
mod page;
mod tally;

pub(crate) use job::run;
pub(crate) use tally::Tally;
