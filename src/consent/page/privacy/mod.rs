//! "Use of IP addresses and cookies": what a privacy notice has to say, written from the settings that are enforced.
//!
//! [`Policy::privacy_section`](crate::consent::Policy::privacy_section) makes it of a policy, and of what whoever builds that says
//! of addresses ([`PolicyBuilder::address_use`](crate::consent::PolicyBuilder::address_use)): consent itself knows nothing of these.
//! It stands on the cookies page, and can be had as HTML and Markdown. This is an engineer's reading of the law, not legal advice.
//!
//! ```
//! use pinfold::audit::AuditSettings;
//! use pinfold::consent::Policy;
//! use pinfold::consent::page::Language;
//!
//! let policy = Policy::builder("Example Borough Council", "https://www.example.gov.uk")
//!     .address_use(AuditSettings::default().address_use())
//!     .build()?;
//! let section = policy.privacy_section(Language::English);
//! assert!(section.to_markdown().starts_with("## Use of IP addresses and cookies\n"));
//! # Ok::<(), pinfold::ConfigErrors>(())
//! ```

mod address_use;
mod render;
mod section;
mod sentences;

pub use address_use::{AddressUse, Lookup, ToSite};
pub use section::{Phrase, PrivacyPart, PrivacySection};
