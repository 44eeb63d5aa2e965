//! `pinfold scan`: which cookies a site sets, and what to write of them in a configuration.
//!
//! ```text
//! Browser (Chromium, over a pipe)  ->
//!                                      Visit (pages, cookies, hosts of others)  ->  Suggestion (TOML or JSON)
//! Plain (requests of our own)      ->
//! ```
//!
//! No value of a cookie is kept: what a cookie is called, and for how long, is all that is looked at.

mod browser;
mod frontier;
mod job;
mod pipe;
mod plain;
mod suggestion;
mod visit;

pub(crate) use job::run;
