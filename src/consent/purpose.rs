use std::fmt;

use super::well_known::{self, Kind};
use crate::error::{ConfigError, ConfigErrors, Subject};

/// What allows a cookie to be kept on a visitor's device: PECR regulation 6 and its Schedule A1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LegalBasis {
    /// The appearance or function of the site follows what the visitor prefers (paragraph 6).
    Appearance,
    /// The visitor agreed (paragraph 2).
    Consent,
    /// Statistics about how the site is used, to improve it, and for nothing else (paragraph 5).
    Statistics,
}

impl LegalBasis {
    /// The name used in configuration files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Appearance => "appearance",
            Self::Consent => "consent",
            Self::Statistics => "statistics",
        }
    }

    /// Reads the name used in configuration files.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Appearance, Self::Consent, Self::Statistics].into_iter().find(|basis| basis.name() == name)
    }
}

/// Uses that the exceptions for statistics and appearance do not cover: these need consent.
const NEED_CONSENT: [&str; 5] = ["advertising", "profiling", "sharing", "cross-site", "individual"];

/// The consent types of Google's tags (Google consent mode, version 2).
pub(super) const GOOGLE_CONSENT: [&str; 7] = [
    "ad_storage",
    "ad_user_data",
    "ad_personalization",
    "analytics_storage",
    "functionality_storage",
    "personalization_storage",
    "security_storage",
];

/// One reason for which the site keeps cookies, with the words in which visitors are asked about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    id: String,
    basis: LegalBasis,
    english: Wording,
    welsh: Option<Wording>,
    uses: Vec<String>,
    google_consent: Vec<String>,
    services: Vec<String>,
}

impl Purpose {
    /// A purpose with its id (lower-case letters, digits and hyphens), its basis and its English words.
    pub fn new(
        id: impl Into<String>,
        basis: LegalBasis,
        title: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        let english = Wording { title: title.into(), description: description.into() };
        Self {
            id: id.into(),
            basis,
            english,
            welsh: None,
            uses: Vec::new(),
            google_consent: Vec::new(),
            services: Vec::new(),
        }
    }

    /// Adds the Welsh words.
    #[must_use]
    pub fn with_welsh(mut self, title: impl Into<String>, description: impl Into<String>) -> Self {
        self.welsh = Some(Wording { title: title.into(), description: description.into() });
        self
    }

    /// Says what else is done with the cookies. `advertising`, `profiling`, `sharing`, `cross-site` and `individual`
    /// are refused for any basis but consent.
    #[must_use]
    pub fn with_uses<S: Into<String>>(mut self, uses: impl IntoIterator<Item = S>) -> Self {
        self.uses = uses.into_iter().map(Into::into).collect();
        self
    }

    /// Names the consent types of Google's tags that are granted with this purpose and denied without it, such as
    /// `ad_storage`. Where any purpose has one, pages tell Google's tags by default what is denied.
    #[must_use]
    pub fn with_google_consent<S: Into<String>>(mut self, types: impl IntoIterator<Item = S>) -> Self {
        self.google_consent = types.into_iter().map(Into::into).collect();
        self
    }

    /// Names services whose cookies are there for it, such as `google-analytics`: each cookie of theirs that is known
    /// ([`super::well_known`]) is then declared, unless a rule of the operator's own says otherwise.
    #[must_use]
    pub fn with_services<S: Into<String>>(mut self, services: impl IntoIterator<Item = S>) -> Self {
        self.services = services.into_iter().map(Into::into).collect();
        self
    }

    /// The services whose cookies are there for it.
    pub fn services(&self) -> &[String] {
        &self.services
    }

    /// The consent types of Google's tags that go with it.
    pub fn google_consent(&self) -> &[String] {
        &self.google_consent
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its basis.
    pub fn basis(&self) -> LegalBasis {
        self.basis
    }

    /// Its English words.
    pub fn english(&self) -> &Wording {
        &self.english
    }

    /// Its Welsh words, if any were given.
    pub fn welsh(&self) -> Option<&Wording> {
        self.welsh.as_ref()
    }

    /// Whoever has to ask first may ask for what could go without.
    fn may_have(&self, kind: Kind) -> bool {
        match kind {
            Kind::StrictlyNecessary => true,
            Kind::Appearance => self.basis != LegalBasis::Statistics,
            Kind::Statistics => self.basis != LegalBasis::Appearance,
            Kind::Consent => self.basis == LegalBasis::Consent,
        }
    }

    /// What is wrong with it by itself, whatever else a policy has.
    ///
    /// ```
    /// use pinfold::consent::{LegalBasis, Purpose};
    ///
    /// let faults = Purpose::new("marketing", LegalBasis::Consent, "", "They measure.").check().unwrap_err();
    /// assert_eq!(faults.iter().next().and_then(|fault| fault.part()), Some("title"));
    /// ```
    ///
    /// # Errors
    ///
    /// Every fault there is, in one pass.
    pub fn check(&self) -> Result<(), ConfigErrors> {
        ConfigErrors::gather((), self.faults())
    }

    pub(super) fn faults(&self) -> Vec<ConfigError> {
        let id = &self.id;
        let fault = |part: &'static str, problem: String, remedy: &str| {
            ConfigError::new(Subject::Purpose(id.clone()), problem, remedy).of(part)
        };
        let mut faults = Vec::new();
        let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if id.is_empty() || id.len() > 40 || !id.bytes().all(sound) {
            faults.push(fault(
                "id",
                format!("`{id}` cannot be the id of a purpose"),
                "use up to 40 lower-case letters, digits and hyphens",
            ));
        }
        if ["all", "hide", "strictly-necessary"].contains(&id.as_str()) {
            faults.push(fault("id", format!("the purpose id `{id}` is taken by Pinfold"), "choose another"));
        }
        for (part, text) in [("title", &self.english.title), ("description", &self.english.description)] {
            if text.trim().is_empty() {
                faults.push(fault(
                    part,
                    format!("the purpose `{id}` has no {part}"),
                    "write one: visitors must be told what they are asked",
                ));
            }
        }
        faults.extend(self.uses.iter().filter(|one| !NEED_CONSENT.contains(&one.as_str())).map(|one| {
            fault(
                "uses",
                format!("the purpose `{id}` has the use `{one}`, which is not known"),
                "write advertising, profiling, sharing, cross-site or individual, or leave it out",
            )
        }));
        faults.extend(self.google_consent.iter().filter(|one| !GOOGLE_CONSENT.contains(&one.as_str())).map(
            |one| {
                fault(
                    "google_consent",
                    format!("the purpose `{id}` has the Google consent type `{one}`, which is not known"),
                    "write ad_storage, ad_user_data, ad_personalization, analytics_storage, functionality_storage, \
                     personalization_storage or security_storage",
                )
            },
        ));
        for service in &self.services {
            match well_known::service(service) {
                None => faults.push(fault(
                    "services",
                    format!("the purpose `{id}` has the service `{service}`, which is not known"),
                    "declare its cookies one by one",
                )),
                Some(known) if !self.may_have(known.kind) => faults.push(fault(
                    "services",
                    format!(
                        "the purpose `{id}` has the service `{service}`, which `{}` does not cover",
                        self.basis.name()
                    ),
                    "give it the basis `consent`, or declare the cookies one by one if the service is used in another way",
                )),
                Some(_) => {}
            }
        }
        if self.basis != LegalBasis::Consent {
            faults.extend(self.uses.iter().filter(|one| NEED_CONSENT.contains(&one.as_str())).map(|one| {
                fault(
                    "uses",
                    format!(
                        "the purpose `{id}` is used for `{one}`, which `{}` does not cover",
                        self.basis.name()
                    ),
                    "give it the basis `consent`",
                )
            }));
        }
        faults
    }
}

/// The words in which a purpose is put to visitors.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wording {
    /// A short heading.
    pub title: String,
    /// What the cookies do, in a sentence or two.
    pub description: String,
}

/// A set of purposes, one bit each.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct PurposeSet(u32);

impl PurposeSet {
    /// No purpose.
    pub const NONE: Self = Self(0);

    /// How many purposes a site can ever have had.
    pub const CAPACITY: u8 = 32;

    pub(super) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    pub(super) fn of(bit: u8) -> Self {
        Self(1 << bit)
    }

    pub(super) fn has(self, bit: u8) -> bool {
        self.0 >> bit & 1 == 1
    }

    /// Whether no purpose is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn holds(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Whether the two have a purpose in common.
    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl fmt::Debug for PurposeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PurposeSet({:x})", self.0)
    }
}
