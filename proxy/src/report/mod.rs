//! The audit of use: what the ledgers say of a period, as data and as a page of Markdown.

mod audit;
mod markdown;
mod visits;

pub(crate) use audit::Audit;
