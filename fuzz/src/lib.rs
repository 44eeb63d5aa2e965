//! Fuzz targets for every parser of Pinfold, and for the running proxy. See CONTRIBUTING.md.
//!
//! A target is a function of bytes that panics where something is not as it should be. libFuzzer calls it by way of
//! `fuzz_targets/`, and `tests/corpora.rs` with all that `corpora/` keeps.

#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "each file says at its top what it is about")]

pub mod announced;
pub mod chain;
pub mod client_address;
pub mod configuration;
pub mod control;
pub mod corpus;
pub mod decision;
pub mod footprint;
pub mod form;
pub mod held_keys;
pub mod html;
mod http1;
pub mod import;
mod naive;
mod page;
mod parts;
pub mod preferences;
pub mod proxy;
pub mod recorded;
pub mod request_cookies;
pub mod requests;
pub mod routes;
pub mod scrub;
pub mod set_cookies;
mod site;

/// A target, by its name.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 19] = [
    ("announced", announced::run),
    ("chain", chain::run),
    ("client_address", client_address::run),
    ("configuration", configuration::run),
    ("control", control::run),
    ("decision", decision::run),
    ("footprint", footprint::run),
    ("form", form::run),
    ("held_keys", held_keys::run),
    ("html", html::run),
    ("import", import::run),
    ("preferences", preferences::run),
    ("proxy", proxy::run),
    ("recorded", recorded::run),
    ("request_cookies", request_cookies::run),
    ("requests", requests::run),
    ("routes", routes::run),
    ("scrub", scrub::run),
    ("set_cookies", set_cookies::run),
];
