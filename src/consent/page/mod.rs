//! The pages that Pinfold serves itself: the cookies page with its form, and the statement on Global Privacy Control.
//!
//! `GET` shows, `POST` chooses and answers `303`; neither needs a script. The form is refused unless it comes from the
//! site itself, and a `return` address is followed only within the site.
//!
//! ```
//! use pinfold::consent::page::Language;
//!
//! assert_eq!(Language::from_code("cy"), Some(Language::Welsh));
//! ```

mod address;
mod answer;
mod asset;
#[cfg(feature = "html")]
mod banner;
mod form;
mod language;
mod preferences;
mod privacy;
#[cfg(feature = "html")]
mod template;
mod view;
mod words;

pub use language::Language;
pub use privacy::{AddressUse, Lookup, Phrase, PrivacyPart, PrivacySection, ToSite};

#[cfg(feature = "html")]
pub(super) use address::Confirmation;
pub(super) use address::{may_confirm, referrer_without_confirmation, without_confirmation};
pub(super) use answer::{Chosen, Plan, Refusal, Visitor, is_worth_a_plan, plan};
#[cfg(feature = "html")]
pub(super) use asset::google_address;
#[cfg(feature = "html")]
pub(super) use banner::{HeldPlace, Notice, Notices};
pub(super) use form::LIMIT;
