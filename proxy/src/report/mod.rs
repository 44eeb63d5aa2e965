//! The audit of use: what the ledgers say of a period, as data and as a page of Markdown.

mod audit;
mod chart;
mod csv;
mod html;
mod markdown;
mod published;
mod small;
mod visits;
mod words;

pub(crate) use audit::Audit;
pub(crate) use csv::line as csv_line;
pub(crate) use html::{STYLE, Shelf};
pub(crate) use published::Published;
pub(crate) use small::shown_alone;
pub(crate) use words::{Words, filled};
