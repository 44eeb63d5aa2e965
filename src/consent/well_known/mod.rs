//! Cookies that are well known: what products on council sites set, how long it lasts, and what to tell visitors of it.
//!
//! - Each cookie stands with one service alone. A site on Umbraco uses `asp-net` or `asp-net-core` too, one on Liferay
//!   `java`, and one on govService or Jadu `php`.
//! - [`Kind`] is the strictest honest reading of PECR Schedule A1 for a product with its usual settings. Matomo is taken
//!   to be hosted by the site itself.
//! - Names and lifetimes are those that a product starts with. A site may have set others.
//! - Products that set no cookies are absent: Plausible, Silktide Analytics, Cloudflare Web Analytics, ReachDeck.
//!
//! ```
//! use pinfold::consent::well_known::{Kind, service};
//!
//! let analytics = service("google-analytics").expect("a service that is known");
//! assert_eq!(analytics.kind, Kind::Consent);
//! assert_eq!(analytics.cookies[0].pattern, "_ga");
//! assert_eq!(analytics.cookies[0].welsh.lasts, "2 flynedd");
//! ```

mod analytics;
mod appearance;
mod campaigns;
mod choices;
mod embedded;
mod platforms;
mod servers;
mod service;
mod wording;

pub use service::{Kind, KnownCookie, Service, Words, service, services};
