use crate::html::{Doorman, Held, Place, Verdict};

use super::page::{HeldPlace, Language, Notice};
use super::policy::Policy;
use super::purpose::PurposeSet;

/// Lets a page load what one visitor has agreed to.
#[derive(Debug)]
pub(super) struct PageDoorman {
    pub(super) policy: Policy,
    pub(super) granted: PurposeSet,
    /// The language of placeholders in pages that do not say theirs.
    pub(super) language: Language,
    /// The address of the page.
    pub(super) page: String,
}

impl Doorman for PageDoorman {
    fn of_purpose(&self, purpose: &str) -> Verdict {
        match self.policy.bit_of(purpose) {
            None => Verdict::Unknown,
            Some(bit) if self.granted.has(bit) => Verdict::Allowed,
            Some(_) => Verdict::Held(purpose.to_owned()),
        }
    }

    fn knows_hosts(&self) -> bool {
        !self.policy.pages().embeds.is_empty()
    }

    fn of_host(&self, host: &str, port: Option<u16>) -> Verdict {
        match self.policy.pages().embeds.purpose_of(host, port) {
            None => Verdict::Unknown,
            Some(None) => Verdict::Allowed,
            Some(Some(purpose)) => self.of_purpose(purpose),
        }
    }

    fn is_own(&self, host: &str) -> bool {
        self.policy.is_own_host(host)
    }

    fn placeholder(&self, held: &Held<'_>, language: Option<&str>) -> String {
        let purposes = self.policy.bit_of(held.purpose).map_or(PurposeSet::NONE, PurposeSet::of);
        let place = match held.place {
            Place::Block => HeldPlace::Block,
            Place::Phrase => HeldPlace::Phrase,
            Place::Link => HeldPlace::Link,
        };
        let language = self.policy.language_of(language).unwrap_or(self.language);
        Notice { policy: &self.policy, language, page: &self.page }
            .held(purposes, held.host, held.name, place)
    }
}
