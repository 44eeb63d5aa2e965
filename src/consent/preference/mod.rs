//! What visitors may choose about how the site is for them: text size, contrast, language.
//!
//! A preference has a short list of declared values. What a visitor chooses is kept at their request (PECR Schedule A1,
//! paragraphs 4 and 6), in a cookie that can hold nothing but a choice from these lists, 256 of them at most, so that everybody who
//! chooses alike holds the same cookie. It is no part of the decision about cookies, and neither touches the other.

mod declared;
mod offer;

pub use declared::Preference;
pub(super) use offer::{Preferences, Preferred};
