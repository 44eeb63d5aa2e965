use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use http::HeaderValue;
use memchr::memmem::Finder;

use super::decision::{ChoiceState, Decision, Standing};
use super::embed::Embed;
use super::facts::NECESSARY;
use super::own::OwnCookie;
use super::page::{AddressUse, Language};
use super::pages::Pages;
use super::preference::{Preference, Preferences};
use super::purpose::{LegalBasis, Purpose, PurposeSet};
use super::register::{CookieRegister, CookieRule};
use crate::time::CivilMonth;

/// What a site asks, what it keeps, and how strictly. Immutable, checked when built, cheap to clone.
#[derive(Debug, Clone)]
pub struct Policy(Arc<Terms>);

/// What a policy was built of.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) site_name: String,
    pub(super) origin: String,
    pub(super) page: String,
    pub(super) lifetime: u8,
    pub(super) undeclared: Undeclared,
    pub(super) mode: Mode,
    pub(super) heeds_gpc: bool,
    pub(super) clears_storage: bool,
    pub(super) languages: Vec<Language>,
    pub(super) purposes: Vec<(Purpose, u8)>,
    pub(super) register: CookieRegister,
    pub(super) cookie: OwnCookie,
    pub(super) visits: Option<Visits>,
    pub(super) preferences: Option<Preferences>,
    pub(super) address_use: Option<AddressUse>,
    pub(super) cookie_finder: Finder<'static>,
    pub(super) cookie_domain: Option<String>,
    pub(super) fingerprint: u32,
    pub(super) asks: PurposeSet,
    pub(super) declared: PurposeSet,
    pub(super) on_until_refused: PurposeSet,
    pub(super) granted_fields: Vec<HeaderValue>,
    /// The widest domain that removals reach.
    pub(super) removal_domain: Option<String>,
    /// The policies that visitors may have answered before, by fingerprint, each with the purposes whose grants still hold.
    pub(super) earlier: HashMap<u32, PurposeSet>,
    pub(super) pages: Pages,
    #[cfg(feature = "html")]
    pub(super) notices: super::page::Notices,
}

impl Policy {
    pub(super) fn of(terms: Terms) -> Self {
        Self(Arc::new(terms))
    }

    /// The name of the site, as visitors know it.
    pub fn site_name(&self) -> &str {
        &self.0.site_name
    }

    /// Scheme and authority of the site.
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// Whether a host, in lower case and without a port, is one of the site's own.
    pub fn is_own_host(&self, host: &str) -> bool {
        let origin = self.origin();
        let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        let after_name = authority.and_then(|authority| authority.strip_prefix(host));
        let covers = |(own, _): &(String, PurposeSet)| match own.strip_prefix("*.") {
            Some(domain) => host.strip_suffix(domain).is_some_and(|front| front.ends_with('.')),
            None => *own == host,
        };
        after_name.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
            || self.0.pages.own_hosts.iter().any(covers)
    }

    /// Whether pages are given a link to the cookies page.
    pub fn inserts_link(&self) -> bool {
        self.0.pages.link
    }

    /// The path of the cookies page.
    pub fn page(&self) -> &str {
        &self.0.page
    }

    /// For how many months a decision is kept.
    pub fn lifetime_months(&self) -> u8 {
        self.0.lifetime
    }

    /// What is done with cookies that no rule names.
    pub fn undeclared(&self) -> Undeclared {
        self.0.undeclared
    }

    /// Whether cookies are held or only counted.
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// The languages of the cookies page, the first of them the default.
    pub fn languages(&self) -> &[Language] {
        &self.0.languages
    }

    /// The offered language of a code, if it is one.
    pub(super) fn language_of(&self, code: Option<&str>) -> Option<Language> {
        Language::from_code(code?.trim()).filter(|language| self.languages().contains(language))
    }

    /// The purposes, in the order in which they were declared.
    pub fn purposes(&self) -> impl Iterator<Item = &Purpose> {
        self.0.purposes.iter().map(|(purpose, _)| purpose)
    }

    /// The preferences that visitors are offered, in the order in which they were declared.
    pub fn preferences(&self) -> &[Preference] {
        self.0.preferences.as_ref().map_or(&[], Preferences::declared)
    }

    /// The cookie rules.
    pub fn register(&self) -> &CookieRegister {
        &self.0.register
    }

    /// On what basis the rule of this number lets cookies be set; nothing for what is strictly necessary.
    pub(crate) fn basis_of_rule(&self, rule: u16) -> Option<LegalBasis> {
        let id = self.register().rules().get(usize::from(rule))?.purpose()?;
        self.purposes().find(|purpose| purpose.id() == id).map(Purpose::basis)
    }

    /// Which bit each purpose has in a decision. A purpose must keep its bit for ever, so store these and hand them
    /// to [`super::PolicyBuilder::known_bits`] when the next policy is built.
    pub fn bits(&self) -> BTreeMap<String, u8> {
        self.0.purposes.iter().map(|(purpose, bit)| (purpose.id().to_owned(), *bit)).collect()
    }

    /// Names what visitors were asked: purposes with their bases, and cookies with their purposes and providers. Words
    /// alone do not change it. Eight hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        format!("{:08x}", self.0.fingerprint)
    }

    /// The policy in words, for the record of what was asked: a line for each purpose, cookie and preference.
    pub fn statement(&self) -> String {
        let mut text = String::new();
        for (purpose, bit) in &self.0.purposes {
            let words = purpose.english();
            let _ = writeln!(text, "purpose\t{}\t{}\tbit {bit}", purpose.id(), purpose.basis().name());
            let _ = writeln!(text, "en\t{}\t{}", one_line(&words.title), one_line(&words.description));
            if let Some(words) = purpose.welsh() {
                let _ = writeln!(text, "cy\t{}\t{}", one_line(&words.title), one_line(&words.description));
            }
        }
        // What nobody has declared is not part of what visitors are asked.
        let is_part = |rule: &&CookieRule| rule.purpose().is_some() || !rule.is_well_known();
        for rule in self.0.register.rules().iter().filter(is_part) {
            let fields = [rule.provider(), rule.lifetime(), rule.description()].map(one_line).join("\t");
            let purpose = rule.purpose().unwrap_or(NECESSARY);
            let _ = writeln!(text, "cookie\t{}\t{purpose}\t{fields}", rule.pattern());
        }
        if let Some(visits) = &self.0.visits {
            let _ = writeln!(
                text,
                "cookie\t{}\t{}\t\t31 days\tCounts visits.",
                visits.cookie.name, visits.purpose
            );
        }
        for preference in self.preferences() {
            let _ = writeln!(text, "preference\t{}\t{}", preference.name(), preference.values().join(", "));
        }
        for (host, purpose) in self.0.pages.embeds.hosts() {
            let _ = writeln!(text, "host\t{host}\t{}", Embed::purpose_name(purpose));
        }
        text
    }

    /// Whether content of this host is declared, to be held until its purpose is granted or as strictly necessary.
    pub fn declares_host(&self, host: &str) -> bool {
        self.0.pages.embeds.purpose_of(host, None).is_some()
    }

    pub(super) fn heeds_gpc(&self) -> bool {
        self.0.heeds_gpc
    }

    /// Whether a browser is told to forget what scripts have kept, when a visitor takes a grant back.
    pub(super) fn clears_storage(&self) -> bool {
        self.0.clears_storage && self.0.mode == Mode::Enforce
    }

    pub(super) fn decision_cookie(&self) -> OwnCookie {
        self.0.cookie
    }

    /// Looks for the name of the decision cookie.
    pub(super) fn decision_finder(&self) -> &Finder<'static> {
        &self.0.cookie_finder
    }

    /// How visits are counted, where they are.
    pub(crate) fn visits(&self) -> Option<&Visits> {
        self.0.visits.as_ref()
    }

    /// What visitors are told of their addresses.
    pub fn address_use(&self) -> Option<&AddressUse> {
        self.0.address_use.as_ref()
    }

    /// What visitors may choose of, where anything is offered.
    pub(super) fn offer(&self) -> Option<&Preferences> {
        self.0.preferences.as_ref()
    }

    /// Whether visits of somebody who stands there may be counted: not where a browser objects for its visitor, either.
    pub(super) fn may_count_visits(&self, standing: Standing) -> bool {
        let allowed = self.0.visits.as_ref().is_some_and(|visits| standing.granted.has(visits.bit));
        allowed && standing.state != ChoiceState::Signal
    }

    pub(crate) fn cookie_domain(&self) -> Option<&str> {
        self.0.cookie_domain.as_deref()
    }

    /// The widest domain that removals reach.
    pub(super) fn removal_domain(&self) -> Option<&str> {
        self.0.removal_domain.as_deref()
    }

    pub(super) fn pages(&self) -> &Pages {
        &self.0.pages
    }

    #[cfg(feature = "html")]
    pub(super) fn notices(&self) -> &super::page::Notices {
        &self.0.notices
    }

    pub(super) fn purposes_with_bits(&self) -> impl Iterator<Item = (&Purpose, u8)> {
        self.0.purposes.iter().map(|(purpose, bit)| (purpose, *bit))
    }

    pub(super) fn bit_of(&self, id: &str) -> Option<u8> {
        self.0.purposes.iter().find(|(purpose, _)| purpose.id() == id).map(|(_, bit)| *bit)
    }

    /// Every purpose that is declared.
    pub(super) fn declared(&self) -> PurposeSet {
        self.0.declared
    }

    /// Whether an answer for such a visitor needs nothing but its cookies looked at.
    pub(super) fn leaves_pages_alone(&self, standing: Standing) -> bool {
        self.0.mode == Mode::Report || (!self.0.pages.touched && standing.refused().is_empty())
    }

    /// How many values the decision cookie can have at one time, and how many bits it can carry: a month in which it was
    /// taken, and for each purpose no answer, a refusal or a grant.
    pub fn decision_values(&self) -> (u64, u32) {
        let purposes = u32::try_from(self.0.purposes.len()).unwrap_or(u32::MAX);
        let values = 3_u64.saturating_pow(purposes).saturating_mul(u64::from(self.0.lifetime));
        (values, bits_of(values))
    }

    /// Pinfold's own cookies: the name of each, how many values it can have, and how many bits it can carry.
    pub fn own_cookies(&self) -> Vec<(&'static str, u64, u32)> {
        let (values, bits) = self.decision_values();
        let visits = self.0.visits.as_ref().map(|visits| (visits.cookie.name, 256, 8));
        let preferences =
            self.offer().map(|offer| (offer.cookie.name, offer.choices(), bits_of(offer.choices())));
        [(self.0.cookie.name, values, bits)].into_iter().chain(visits).chain(preferences).collect()
    }

    /// The decision that a visitor takes now.
    pub(super) fn decide(&self, answered: PurposeSet, granted: PurposeSet, month: CivilMonth) -> Decision {
        Decision { fingerprint: self.0.fingerprint, month, answered, granted: granted.and(answered) }
    }

    /// What a visitor allows, given the decision read from the cookie, if any, with the month that it now is, and the
    /// signal of the browser.
    pub(super) fn standing(&self, decision: Option<(Decision, CivilMonth)>, gpc: bool) -> Standing {
        let terms = &*self.0;
        let (answered, granted) = match decision {
            Some((decision, month)) if decision.is_in_force(month, terms.lifetime) => {
                let granted = decision.granted.and(terms.declared);
                let answered = decision.answered.and(terms.declared);
                if decision.fingerprint == terms.fingerprint {
                    (answered, granted)
                } else {
                    // A refusal stands. A grant must be asked for again, unless it was for all that is asked now.
                    let unchanged = terms.earlier.get(&decision.fingerprint).copied().unwrap_or_default();
                    (answered.without(granted.without(unchanged)), granted.and(unchanged))
                }
            }
            _ => (PurposeSet::NONE, PurposeSet::NONE),
        };
        let state = if !answered.is_empty() && answered.holds(terms.asks) {
            ChoiceState::Decided
        } else if gpc && terms.heeds_gpc {
            ChoiceState::Signal
        } else {
            ChoiceState::Undecided
        };
        Standing { state, answered, granted: granted.or(terms.on_until_refused.without(answered)) }
    }

    /// Whether the purpose is on before a visitor has chosen.
    pub(super) fn is_on_until_refused(&self, purpose: &Purpose) -> bool {
        self.bit_of(purpose.id()).is_some_and(|bit| self.0.on_until_refused.has(bit))
    }

    /// Whether anything has to be asked at all.
    pub(super) fn asks_anything(&self) -> bool {
        !self.0.asks.is_empty()
    }

    /// The value of `Pinfold-Consent` for these purposes.
    pub(super) fn granted_field(&self, granted: PurposeSet) -> HeaderValue {
        let index = self
            .0
            .purposes
            .iter()
            .enumerate()
            .fold(0, |index, (place, (_, bit))| index | usize::from(granted.has(*bit)) << place);
        self.0.granted_fields.get(index).cloned().unwrap_or_else(|| list(&self.0.purposes, granted))
    }
}

/// How many bits tell so many values apart.
pub(super) fn bits_of(values: u64) -> u32 {
    values.next_power_of_two().trailing_zeros()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Ids are lower-case letters, digits and hyphens, so the list is always a sound field value.
pub(super) fn list(purposes: &[(Purpose, u8)], granted: PurposeSet) -> HeaderValue {
    let ids: Vec<_> =
        purposes.iter().filter(|(_, bit)| granted.has(*bit)).map(|(purpose, _)| purpose.id()).collect();
    HeaderValue::from_str(&ids.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// How visits are counted.
#[derive(Debug)]
pub(crate) struct Visits {
    pub(crate) cookie: OwnCookie,
    /// The id of the purpose for which that is done.
    pub(super) purpose: String,
    pub(super) bit: u8,
}

/// What is done with a cookie that no rule names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Undeclared {
    /// It is held, even from a visitor who accepted everything: nobody was told of it. The default.
    #[default]
    Hold,
    /// It passes.
    Pass,
}

/// Whether the policy is enforced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Cookies are held. The default.
    #[default]
    Enforce,
    /// Nothing is held; what would be is counted.
    Report,
}

/// Which purposes are on before a visitor has chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Regime {
    /// Everything is asked first.
    Consent,
    /// Statistics and appearance are on until refused (PECR Schedule A1, paragraphs 5 and 6). The default.
    #[default]
    Uk,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{CookieRule, LegalBasis, PolicyBuilder};

    fn purpose(id: &str, basis: LegalBasis) -> Purpose {
        Purpose::new(id, basis, "Title", "Words")
    }

    fn base() -> PolicyBuilder {
        Policy::builder("Town", "https://www.example.gov.uk")
            .purpose(purpose("statistics", LegalBasis::Statistics))
            .purpose(purpose("marketing", LegalBasis::Consent))
            .cookie(CookieRule::new("_ga*", "marketing").with_provider("Google"))
            .cookie(CookieRule::strictly_necessary("session"))
    }

    fn november() -> CivilMonth {
        CivilMonth::new(2026, 11).unwrap()
    }

    #[test]
    fn before_a_choice_the_regime_decides() {
        let uk = base().build().unwrap().standing(None, false);
        assert_eq!((uk.state, uk.granted.bits()), (ChoiceState::Undecided, 0b01));
        let strict = base().regime(Regime::Consent).build().unwrap().standing(None, false);
        assert_eq!((strict.state, strict.granted.bits()), (ChoiceState::Undecided, 0));
    }

    #[test]
    fn gpc_03_a_signal_denies_and_gpc_04_a_choice_overrides_it() {
        let policy = base().build().unwrap();
        let signal = policy.standing(None, true);
        assert_eq!((signal.state, signal.granted.bits()), (ChoiceState::Signal, 0b01));
        let all = PurposeSet::from_bits(0b11);
        let chosen = policy.standing(Some((policy.decide(all, all, november()), november())), true);
        assert_eq!((chosen.state, chosen.granted), (ChoiceState::Decided, all));
    }

    #[test]
    fn law_05_an_objection_stops_what_was_on() {
        let policy = base().build().unwrap();
        let refusal = policy.decide(policy.declared(), PurposeSet::NONE, november());
        assert_eq!(policy.standing(Some((refusal, november())), false).granted, PurposeSet::NONE);
    }

    #[test]
    fn law_19_a_decision_ends_on_the_server() {
        let policy = base().build().unwrap();
        let decision = policy.decide(policy.declared(), policy.declared(), november());
        for (months, state) in [
            (0, ChoiceState::Decided),
            (11, ChoiceState::Decided),
            (12, ChoiceState::Undecided),
            (120, ChoiceState::Undecided),
        ] {
            assert_eq!(
                policy.standing(Some((decision, november().plus(months))), false).state,
                state,
                "{months}"
            );
        }
        let in_the_future = policy.decide(policy.declared(), policy.declared(), november().plus(1));
        assert_eq!(policy.standing(Some((in_the_future, november())), false).state, ChoiceState::Undecided);
    }

    #[test]
    fn law_20_a_new_provider_returns_grants_and_keeps_refusals() {
        let old = base().purpose(purpose("video", LegalBasis::Consent)).build().unwrap();
        let new = base()
            .purpose(purpose("video", LegalBasis::Consent))
            .cookie(CookieRule::new("vuid", "video").with_provider("Vimeo"))
            .known_bits(old.bits())
            .build()
            .unwrap();
        assert_ne!(old.fingerprint(), new.fingerprint());
        let marketing = PurposeSet::of(old.bit_of("marketing").unwrap());
        let decision = old.decide(old.declared(), old.declared().without(marketing), november());
        let standing = new.standing(Some((decision, november())), false);
        assert_eq!(standing.state, ChoiceState::Undecided);
        assert_eq!(standing.answered, marketing);
        assert_eq!(standing.granted.bits(), 0b001);
    }

    #[test]
    fn law_20_a_grant_that_is_not_touched_stands_where_the_old_policy_is_known() {
        let base = || base().purpose(purpose("video", LegalBasis::Consent));
        let old = base().build().unwrap();
        let new = base()
            .cookie(CookieRule::new("vuid", "video").with_provider("Vimeo"))
            .known_bits(old.bits())
            .known_policies([(old.fingerprint(), old.statement())])
            .build()
            .unwrap();
        let decision = old.decide(old.declared(), old.declared(), november());
        let standing = new.standing(Some((decision, november())), false);
        let video = PurposeSet::of(old.bit_of("video").unwrap());
        assert_eq!(standing.state, ChoiceState::Undecided);
        assert_eq!(standing.granted, old.declared().without(video));
        assert_eq!(standing.answered, old.declared().without(video));

        let fewer = new.standing(None, false);
        assert_eq!(fewer.answered, PurposeSet::NONE);
        let back = base()
            .known_bits(new.bits())
            .known_policies([(new.fingerprint(), new.statement())])
            .build()
            .unwrap();
        let all = new.decide(new.declared(), new.declared(), november());
        let standing = back.standing(Some((all, november())), false);
        assert_eq!((standing.state, standing.granted), (ChoiceState::Decided, new.declared()));
    }

    #[test]
    fn law_20_a_grant_is_never_read_as_one_for_another_purpose() {
        let one = Policy::builder("Town", "https://www.example.gov.uk")
            .purpose(purpose("aaa", LegalBasis::Consent))
            .purpose(purpose("bbb", LegalBasis::Consent));
        let other = Policy::builder("Town", "https://www.example.gov.uk")
            .purpose(purpose("bbb", LegalBasis::Consent))
            .purpose(purpose("aaa", LegalBasis::Consent));
        assert_ne!(one.build().unwrap().fingerprint(), other.build().unwrap().fingerprint());
    }

    #[test]
    fn law_21_words_alone_change_nothing() {
        let other_words = Policy::builder("Another town", "https://www.example.gov.uk")
            .purpose(Purpose::new("statistics", LegalBasis::Statistics, "Other", "Words entirely"))
            .purpose(Purpose::new("marketing", LegalBasis::Consent, "Other", "Words entirely"))
            .cookie(CookieRule::new("_ga*", "marketing").with_provider("Google").with_description("Counts."))
            .cookie(CookieRule::strictly_necessary("other-session"))
            .build();
        assert_eq!(base().build().unwrap().fingerprint(), other_words.unwrap().fingerprint());
    }

    #[test]
    fn the_field_for_the_site_names_what_is_granted() {
        let policy = base().build().unwrap();
        for (bits, field) in
            [(0b00, ""), (0b01, "statistics"), (0b10, "marketing"), (0b11, "statistics, marketing")]
        {
            assert_eq!(policy.granted_field(PurposeSet::from_bits(bits)), field);
        }
    }
}
