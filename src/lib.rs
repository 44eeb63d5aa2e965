//! Tower middleware that holds cookies nobody agreed to, counts visits without visitors, and keeps addresses only as
//! keyed pseudonyms whose keys are destroyed.
//!
//! ```
//! use pinfold::audit::TracingSink;
//! use pinfold::consent::{CookieRule, LegalBasis, Policy, Purpose};
//! use pinfold::time::Calendar;
//! use pinfold::PinfoldLayer;
//!
//! # async fn site() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = Policy::builder("Example Borough Council", "https://www.example.gov.uk")
//!     .purpose(Purpose::new("marketing", LegalBasis::Consent, "Campaigns", "They tell us which campaigns work."))
//!     .cookie(CookieRule::strictly_necessary("session"))
//!     .cookie(CookieRule::new("_ga*", "marketing").with_provider("Google"))
//!     .build()?;
//! let calendar = Calendar::named("Europe/London")?;
//! let (layer, background) = PinfoldLayer::new(policy, calendar, TracingSink, tokio::time::sleep)?;
//! tokio::spawn(background.run(std::future::pending()));
//!
//! let app: axum::Router = axum::Router::new().route("/", axum::routing::get(|| async { "Hello" })).layer(layer);
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//!
//! In the order in which a request meets them:
//!
//! - [`client_ip`]: the address of the client, believed only as far as it can be;
//! - [`pseudonym`]: the keyed hash that stands for it, and the keys;
//! - [`audit`]: counts and ledgers, and the layer outside;
//! - [`consent`]: purposes, cookies, decisions, the cookies page, and the layer inside;
//! - [`time`]: the clocks that all of them are given.
//!
//! # What it does not do
//!
//! - It cannot hold what a script writes into `document.cookie` by itself, only keep it from the site.
//! - It does not make anybody anonymous to the site: what a visitor types into a form is the site's affair.
//! - It has no runtime and no store. [`audit::Sink`] is the door to one; the package `pinfold-store` has SQLite behind it.
//!
//! This is an engineer's reading of the law, not legal advice.

#![cfg_attr(
    not(feature = "html"),
    allow(dead_code, reason = "what pages alone need is checked with the feature")
)]

/// The programs in it compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod audit;
pub mod client_ip;
pub mod consent;
mod error;
#[cfg(feature = "html")]
mod html;
mod lately;
mod layer;
pub mod pseudonym;
pub mod time;

pub use error::{ConfigError, ConfigErrors, Subject};
pub use layer::{Pinfold, PinfoldLayer};
