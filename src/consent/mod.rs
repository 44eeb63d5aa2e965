//! Cookies by consent: which ones a visitor agreed to, and holding the rest in both directions.
//!
//! The rules, in order:
//!
//! 1. Every cookie of the site is named by a rule of the [`CookieRegister`], which gives it a [`Purpose`] or declares
//!    it strictly necessary. A cookie that no rule names is held too, unless the operator says otherwise.
//! 2. A visitor's decision is read from one cookie, and from it alone. A cookie that is broken, doubled or out of date
//!    is no decision.
//! 3. Purposes that need consent are held until it is given. Statistics and appearance (PECR Schedule A1, paragraphs
//!    5 and 6) are on until the visitor objects, unless the operator asks for everything first.
//! 4. Held cookies are taken out of `Cookie` before the site sees it, and out of `Set-Cookie` before the visitor does.
//!    What passes keeps its bytes and its order.
//! 5. `Sec-GPC: 1` (Global Privacy Control) with no decision refuses every purpose that needs consent. It is never
//!    taken for an answer.
//! 6. What a visitor chooses of a [`Preference`] is kept because they ask for it, whatever they have decided about cookies.
//!
//! ```
//! use pinfold::consent::{CookieRule, LegalBasis, Policy, Purpose};
//!
//! let policy = Policy::builder("Example Borough Council", "https://www.example.gov.uk")
//!     .purpose(Purpose::new(
//!         "marketing",
//!         LegalBasis::Consent,
//!         "Cookies that measure campaigns",
//!         "Google Analytics tells us which of our campaigns brought you here.",
//!     ))
//!     .cookie(CookieRule::strictly_necessary("session").with_description("Keeps you signed in."))
//!     .cookie(CookieRule::new("_ga*", "marketing").with_provider("Google").with_lifetime("13 months"))
//!     .build()?;
//! assert_eq!(policy.page(), "/cookies");
//! # Ok::<(), pinfold::ConfigErrors>(())
//! ```
//!
//! # Deployment caveat
//!
//! The layer cannot see or expire cookies that other sites set for themselves, in frames or by requests of their own. Only cookies that travel over HTTP through this layer can be held. A script on the page can set a cookie in the
//! browser by itself; the site will not be sent it while it is held, but it is there.

mod body;
mod build;
mod builder;
mod cache;
#[cfg(feature = "html")]
mod changes;
mod decision;
#[cfg(feature = "html")]
mod doorman;
mod embed;
mod explain;
mod extension;
mod facts;
mod fetch;
mod few;
mod finish;
mod future;
mod judge;
mod layer;
#[cfg(feature = "html")]
mod links;
mod outcome;
mod outlook;
mod own;
pub mod page;
mod pages;
mod policy;
mod preference;
mod purpose;
mod reading;
mod recall;
mod register;
mod remarks;
mod request;
mod response;
mod seen;
mod service;
mod shared;
#[cfg(feature = "html")]
mod shell;
mod signal;
mod token;
mod trie;
mod undeclared;
#[cfg(feature = "html")]
mod validator;
mod values;
pub mod well_known;
mod withdrawal;

pub use body::{BodyError, ResponseBody};
pub use builder::PolicyBuilder;
pub(crate) use cache::is_private;
pub use decision::ChoiceState;
pub use embed::Embed;
pub use explain::{Answerer, CookieExplanation, Explanation};
pub use extension::Consent;
pub use future::ResponseFuture;
pub use layer::ConsentManagerLayer;
pub use outcome::{Action, Choice, ConsentEvent, ConsentOutcome, CookieSubject, Deed, Direction};
pub use policy::{Mode, Policy, Regime, Undeclared};
pub use preference::Preference;
pub use purpose::{LegalBasis, Purpose, PurposeSet, Wording};
pub use register::{CookieRegister, CookieRule};
pub use service::ConsentManager;
pub use undeclared::UndeclaredNames;
pub(crate) use values::{CookieValues, looks_like_an_identifier};
