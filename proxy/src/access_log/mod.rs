//! Access logs as servers write them: what a line holds, where its lines come from, and how far it is.

mod format;
mod line;
mod lines;
mod progress;
mod stamp;

pub(crate) use format::{Format, address};
pub(crate) use line::{Line, after_site};
pub(crate) use lines::Lines;
pub(crate) use progress::Progress;
pub(crate) use stamp::Stamps;
