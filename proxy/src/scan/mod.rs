//! `pinfold scan`: which cookies a site sets, and what to write of them in a configuration.
//!
//! ```text
//! Browser (Chromium, over a pipe)  ->
//!                                      Visit (pages, cookies, hosts of others)  ->  Suggestion (TOML or JSON)
//! Plain (requests of our own)      ->
//! ```
//!
//! Where it is known as which site visitors see what a web server answers, the server is asked as that site, over an [`asker::Asker`]: by
//! Plain itself, and by the Bridge for whatever the browser asks of the site.
//!
//! No value of a cookie is kept: what a cookie is called, and for how long, is all that is looked at.

mod asker;
mod bridge;
mod browser;
mod field;
mod frontier;
mod job;
mod pipe;
mod plain;
mod recognised;
mod site;
mod suggestion;
mod visit;

pub(crate) use job::run;
