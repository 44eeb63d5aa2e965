//! The reverse proxy: Pinfold in front of any web server, and the commands of an operator.
//!
//! The binary `pinfold` is a shell around [`run`]. In the order in which a start goes through them:
//!
//! - `cli`: the commands and their help, `manual`: the page with all of it, `misuse`: what is wrong with a command line;
//! - `config`: one TOML file, checked as a whole before anything is opened;
//! - `serve`: listeners, the stack that a request passes, the way to the origin;
//! - `tls`: the certificate that visitors are shown, and whom we believe to be the origin;
//! - `admin`: health, readiness, metrics and a page of figures;
//! - `hold`: keys and blocks across a restart, in the descriptor store of systemd;
//! - `control`: the socket on which a running server is asked, and `administer`, the commands that ask;
//! - `explain`: what becomes of a recorded request, and why;
//! - `access_log`: existing logs, a line at a time; `import`, which reads them into the ledgers;
//! - `scrub`: existing logs with their addresses replaced;
//! - `report`: the audit of use, as data;
//! - `demo`: a small sample council site.

mod access_log;
mod admin;
mod administer;
#[cfg(test)]
mod book;
mod cli;
mod commands;
mod config;
mod connect;
mod control;
mod db;
mod demo;
mod evidence;
mod exit;
mod explain;
#[cfg(feature = "_fuzz")]
#[doc(hidden)]
pub mod fuzzing;
mod healthcheck;
mod hold;
mod import;
mod init;
mod manual;
mod misuse;
mod opened;
mod password;
mod report;
mod scan;
mod scrub;
mod serve;
mod table;
mod tls;
mod token;

pub use commands::run;
pub use exit::Exit;
