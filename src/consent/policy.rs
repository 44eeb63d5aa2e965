use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use http::{HeaderValue, Uri};
use memchr::memmem::Finder;
use sha2::{Digest, Sha256};

use super::decision::{ChoiceState, Decision, Standing};
use super::own::DecisionCookie;
use super::page::Language;
use super::purpose::{LegalBasis, Purpose, PurposeSet};
use super::register::{CookieRegister, CookieRule};
use crate::error::{ConfigError, ConfigErrors, Subject};
use crate::time::CivilMonth;

/// What a site asks, what it keeps, and how strictly. Immutable, checked when built, cheap to clone.
#[derive(Debug, Clone)]
pub struct Policy(Arc<Terms>);

#[derive(Debug)]
struct Terms {
    site_name: String,
    origin: String,
    page: String,
    lifetime: u8,
    undeclared: Undeclared,
    mode: Mode,
    heeds_gpc: bool,
    languages: Vec<Language>,
    purposes: Vec<(Purpose, u8)>,
    register: CookieRegister,
    cookie: DecisionCookie,
    cookie_finder: Finder<'static>,
    cookie_domain: Option<String>,
    fingerprint: u32,
    asks: PurposeSet,
    declared: PurposeSet,
    on_until_refused: PurposeSet,
    granted_fields: Vec<HeaderValue>,
}

impl Policy {
    /// Begins a policy for a site of this name at this address (scheme and host).
    ///
    /// Over `https` our cookie has the prefix `__Host-`; `http` is accepted for loopback alone.
    pub fn builder(site_name: impl Into<String>, url: impl Into<String>) -> PolicyBuilder {
        PolicyBuilder {
            site_name: site_name.into(),
            url: url.into(),
            page: "/cookies".to_owned(),
            lifetime: 12,
            undeclared: Undeclared::Hold,
            mode: Mode::Enforce,
            regime: Regime::Uk,
            heeds_gpc: true,
            languages: vec![Language::English, Language::Welsh],
            purposes: Vec::new(),
            rules: Vec::new(),
            known_bits: BTreeMap::new(),
            shared_domain: None,
        }
    }

    /// The name of the site, as visitors know it.
    pub fn site_name(&self) -> &str {
        &self.0.site_name
    }

    /// Scheme and authority of the site.
    pub fn origin(&self) -> &str {
        &self.0.origin
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

    /// The purposes, in the order in which they were declared.
    pub fn purposes(&self) -> impl Iterator<Item = &Purpose> {
        self.0.purposes.iter().map(|(purpose, _)| purpose)
    }

    /// The cookie rules.
    pub fn register(&self) -> &CookieRegister {
        &self.0.register
    }

    /// Which bit each purpose has in a decision. A purpose must keep its bit for ever, so store these and hand them
    /// to [`PolicyBuilder::known_bits`] when the next policy is built.
    pub fn bits(&self) -> BTreeMap<String, u8> {
        self.0.purposes.iter().map(|(purpose, bit)| (purpose.id().to_owned(), *bit)).collect()
    }

    /// Names what visitors were asked: purposes with their bases, and cookies with their purposes and providers. Words
    /// alone do not change it. Eight hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        format!("{:08x}", self.0.fingerprint)
    }

    /// The policy in words, for the record of what was asked: a line for each purpose and each cookie.
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
        for rule in self.0.register.rules() {
            let fields = [rule.provider(), rule.lifetime(), rule.description()].map(one_line).join("\t");
            let purpose = rule.purpose().unwrap_or("strictly-necessary");
            let _ = writeln!(text, "cookie\t{}\t{purpose}\t{fields}", rule.pattern());
        }
        text
    }

    pub(super) fn heeds_gpc(&self) -> bool {
        self.0.heeds_gpc
    }

    pub(super) fn decision_cookie(&self) -> DecisionCookie {
        self.0.cookie
    }

    /// Looks for the name of the decision cookie.
    pub(super) fn decision_finder(&self) -> &Finder<'static> {
        &self.0.cookie_finder
    }

    pub(super) fn cookie_domain(&self) -> Option<&str> {
        self.0.cookie_domain.as_deref()
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
                    // Something else was agreed to: a refusal stands, a grant must be asked for again.
                    (answered.without(granted), PurposeSet::NONE)
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

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Ids are lower-case letters, digits and hyphens, so the list is always a sound field value.
fn list(purposes: &[(Purpose, u8)], granted: PurposeSet) -> HeaderValue {
    let ids: Vec<_> =
        purposes.iter().filter(|(_, bit)| granted.has(*bit)).map(|(purpose, _)| purpose.id()).collect();
    HeaderValue::from_str(&ids.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(""))
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

/// Gathers a [`Policy`].
#[derive(Debug, Clone)]
pub struct PolicyBuilder {
    site_name: String,
    url: String,
    page: String,
    lifetime: u8,
    undeclared: Undeclared,
    mode: Mode,
    regime: Regime,
    heeds_gpc: bool,
    languages: Vec<Language>,
    purposes: Vec<Purpose>,
    rules: Vec<CookieRule>,
    known_bits: BTreeMap<String, u8>,
    shared_domain: Option<String>,
}

impl PolicyBuilder {
    /// Adds a purpose.
    #[must_use]
    pub fn purpose(mut self, purpose: Purpose) -> Self {
        self.purposes.push(purpose);
        self
    }

    /// Adds a cookie rule.
    #[must_use]
    pub fn cookie(mut self, rule: CookieRule) -> Self {
        self.rules.push(rule);
        self
    }

    /// The path of the cookies page; by default `/cookies`.
    #[must_use]
    pub fn page(mut self, path: impl Into<String>) -> Self {
        self.page = path.into();
        self
    }

    /// How many months a decision is kept, 1 to 13; by default 12. Browsers keep no cookie longer than 400 days.
    #[must_use]
    pub fn lifetime_months(mut self, months: u8) -> Self {
        self.lifetime = months;
        self
    }

    /// What is done with cookies that no rule names; by default they are held.
    #[must_use]
    pub fn undeclared(mut self, undeclared: Undeclared) -> Self {
        self.undeclared = undeclared;
        self
    }

    /// Whether cookies are held or only counted; by default they are held.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Which purposes are on before a visitor has chosen; by default as the law of the United Kingdom has it.
    #[must_use]
    pub fn regime(mut self, regime: Regime) -> Self {
        self.regime = regime;
        self
    }

    /// Whether `Sec-GPC: 1` counts; by default it does.
    #[must_use]
    pub fn global_privacy_control(mut self, heeded: bool) -> Self {
        self.heeds_gpc = heeded;
        self
    }

    /// The languages of the cookies page, the first of them the default. An empty list changes nothing.
    #[must_use]
    pub fn languages(mut self, languages: impl IntoIterator<Item = Language>) -> Self {
        let languages: Vec<_> = languages.into_iter().collect();
        if !languages.is_empty() {
            self.languages = languages;
        }
        self
    }

    /// The bits that purposes had in earlier policies of this site, from [`Policy::bits`].
    #[must_use]
    pub fn known_bits(mut self, bits: BTreeMap<String, u8>) -> Self {
        self.known_bits = bits;
        self
    }

    /// Lets one decision count for every host under a domain: the cookie gets the prefix `__Secure-` and a `Domain`.
    #[must_use]
    pub fn shared_under(mut self, domain: impl Into<String>) -> Self {
        self.shared_domain = Some(domain.into());
        self
    }

    /// The policy.
    ///
    /// # Errors
    ///
    /// Every fault there is, in one pass.
    pub fn build(self) -> Result<Policy, ConfigErrors> {
        let mut faults = Vec::new();
        let (origin, secure) = site_origin(&self.url).unwrap_or_else(|fault| {
            faults.push(fault);
            Default::default()
        });
        if !is_page_path(&self.page) {
            faults.push(ConfigError::new(
                Subject::Page,
                format!("`{}` cannot be the path of the cookies page", self.page),
                "write a path such as /cookies, with no query",
            ));
        }
        if !(1..=13).contains(&self.lifetime) {
            faults.push(ConfigError::new(
                Subject::Lifetime,
                format!("a decision cannot be kept for {} months", self.lifetime),
                "write 1 to 13 months: browsers keep no cookie longer than 400 days",
            ));
        }
        let purposes = assign_bits(self.purposes, &self.known_bits, &mut faults);
        let bit_of = |id: &str| {
            purposes.iter().find(|(purpose, _)| purpose.id() == id).map(|(_, bit)| PurposeSet::of(*bit))
        };
        let register = CookieRegister::new(self.rules, bit_of, &mut faults);
        let fingerprint = fingerprint(&purposes, &register);
        let those = |wanted: fn(LegalBasis) -> bool| {
            let matching = purposes.iter().filter(|(purpose, _)| wanted(purpose.basis()));
            matching.fold(PurposeSet::NONE, |set, (_, bit)| set.or(PurposeSet::of(*bit)))
        };
        let declared = those(|_| true);
        let asks = match self.regime {
            Regime::Consent => declared,
            Regime::Uk => those(|basis| basis == LegalBasis::Consent),
        };
        // All combinations of up to six purposes are written out beforehand, so that a request costs a look-up.
        let combinations = if purposes.len() <= 6 { 1_usize << purposes.len() } else { 0 };
        let granted_fields = (0..combinations).map(|index| {
            let chosen = purposes.iter().enumerate().filter(|(place, _)| index >> place & 1 == 1);
            list(&purposes, chosen.fold(PurposeSet::NONE, |set, (_, (_, bit))| set.or(PurposeSet::of(*bit))))
        });
        let cookie = DecisionCookie::for_site(secure, self.shared_domain.is_some());
        let terms = Terms {
            cookie,
            cookie_finder: Finder::new(cookie.name),
            cookie_domain: self.shared_domain,
            on_until_refused: declared.without(asks),
            granted_fields: granted_fields.collect(),
            site_name: self.site_name,
            origin,
            page: self.page,
            lifetime: self.lifetime,
            undeclared: self.undeclared,
            mode: self.mode,
            heeds_gpc: self.heeds_gpc,
            languages: self.languages,
            purposes,
            register,
            fingerprint,
            asks,
            declared,
        };
        ConfigErrors::gather(Policy(Arc::new(terms)), faults)
    }
}

/// Scheme and authority in lower case, and whether the scheme is `https`.
fn site_origin(url: &str) -> Result<(String, bool), ConfigError> {
    let fault = |problem: String, remedy: &str| Err(ConfigError::new(Subject::SiteUrl, problem, remedy));
    let parsed = url.parse::<Uri>().ok();
    let parts = parsed.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.authority()?, uri)));
    let Some((scheme, authority, uri)) = parts else {
        return fault(
            format!("`{url}` is not the address of a site"),
            "write scheme and host, such as https://www.example.gov.uk",
        );
    };
    if authority.as_str().contains('@') || uri.query().is_some() || !["", "/"].contains(&uri.path()) {
        return fault(format!("`{url}` is more than scheme and host"), "leave out user, path and query");
    }
    let host = authority.host();
    let loopback = host == "localhost"
        || host.ends_with(".localhost")
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match scheme {
        "https" => Ok((format!("https://{authority}").to_ascii_lowercase(), true)),
        "http" if loopback => Ok((format!("http://{authority}").to_ascii_lowercase(), false)),
        "http" => fault(
            format!("`{url}` is plain http, over which a visitor's choice could be read and forged"),
            "write https; plain http is for loopback alone",
        ),
        _ => fault(format!("`{url}` has a scheme that is not of the web"), "write https"),
    }
}

fn is_page_path(path: &str) -> bool {
    path.len() > 1
        && path.starts_with('/')
        && !path.starts_with("//")
        && !path.starts_with("/.pinfold/")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\\\"<>{}".contains(&byte))
}

/// Known purposes keep their bits; each new one gets the lowest bit that was never used.
fn assign_bits(
    declared: Vec<Purpose>,
    known: &BTreeMap<String, u8>,
    faults: &mut Vec<ConfigError>,
) -> Vec<(Purpose, u8)> {
    let mut used = known.values().fold(0_u64, |used, bit| used | 1_u64.wrapping_shl(u32::from(*bit)));
    let mut purposes: Vec<(Purpose, u8)> = Vec::new();
    for purpose in declared {
        faults.extend(purpose.faults());
        if purposes.iter().any(|(other, _)| other.id() == purpose.id()) {
            faults.push(ConfigError::new(
                Subject::Purpose(purpose.id().to_owned()),
                format!("the purpose `{}` is declared twice", purpose.id()),
                "keep one of the two",
            ));
            continue;
        }
        let bit = match known.get(purpose.id()) {
            Some(bit) => *bit,
            None => {
                let bit = (!used).trailing_zeros();
                used |= 1_u64.wrapping_shl(bit);
                u8::try_from(bit).unwrap_or(u8::MAX)
            }
        };
        if bit >= PurposeSet::CAPACITY {
            faults.push(ConfigError::new(
                Subject::Purpose(purpose.id().to_owned()),
                format!("there is no room for the purpose `{}`", purpose.id()),
                "a site can have had 32 purposes in all; use one that it has",
            ));
            continue;
        }
        purposes.push((purpose, bit));
    }
    purposes
}

fn fingerprint(purposes: &[(Purpose, u8)], register: &CookieRegister) -> u32 {
    let mut facts: Vec<String> = purposes
        .iter()
        .map(|(purpose, _)| format!("purpose\0{}\0{}", purpose.id(), purpose.basis().name()))
        .collect();
    facts.extend(register.rules().iter().filter_map(|rule| {
        rule.purpose().map(|purpose| format!("cookie\0{}\0{purpose}\0{}", rule.pattern(), rule.provider()))
    }));
    facts.sort();
    let digest = Sha256::digest(facts.join("\n"));
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn gpc3_a_signal_denies_and_gpc4_a_choice_overrides_it() {
        let policy = base().build().unwrap();
        let signal = policy.standing(None, true);
        assert_eq!((signal.state, signal.granted.bits()), (ChoiceState::Signal, 0b01));
        let all = PurposeSet::from_bits(0b11);
        let chosen = policy.standing(Some((policy.decide(all, all, november()), november())), true);
        assert_eq!((chosen.state, chosen.granted), (ChoiceState::Decided, all));
    }

    #[test]
    fn law5_an_objection_stops_what_was_on() {
        let policy = base().build().unwrap();
        let refusal = policy.decide(policy.declared(), PurposeSet::NONE, november());
        assert_eq!(policy.standing(Some((refusal, november())), false).granted, PurposeSet::NONE);
    }

    #[test]
    fn law19_a_decision_ends_on_the_server() {
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
    fn law20_a_new_provider_returns_grants_and_keeps_refusals() {
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
    fn law21_words_alone_change_nothing() {
        let other_words = Policy::builder("Another town", "https://www.example.gov.uk")
            .purpose(Purpose::new("marketing", LegalBasis::Consent, "Other", "Words entirely"))
            .purpose(Purpose::new("statistics", LegalBasis::Statistics, "Other", "Words entirely"))
            .cookie(CookieRule::new("_ga*", "marketing").with_provider("Google").with_description("Counts."))
            .cookie(CookieRule::strictly_necessary("other-session"))
            .build();
        assert_eq!(base().build().unwrap().fingerprint(), other_words.unwrap().fingerprint());
    }

    #[test]
    fn a_purpose_keeps_its_bit_and_a_retired_bit_is_not_given_again() {
        let first = base().build().unwrap();
        assert_eq!(first.bits().get("marketing"), Some(&1));
        let mut known = first.bits();
        known.remove("statistics");
        known.insert("retired".to_owned(), 0);
        let later = base().known_bits(known).build().unwrap();
        assert_eq!(later.bits(), BTreeMap::from([("marketing".to_owned(), 1), ("statistics".to_owned(), 2)]));
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

    #[test]
    fn every_fault_is_found_in_one_pass() {
        let faults = Policy::builder("Town", "http://www.example.gov.uk/path")
            .page("cookies?x")
            .lifetime_months(14)
            .purpose(purpose("all", LegalBasis::Consent))
            .purpose(purpose("Marketing", LegalBasis::Consent))
            .purpose(Purpose::new("statistics", LegalBasis::Statistics, "", "").with_uses(["advertising"]))
            .cookie(CookieRule::new("x", "fun"))
            .build()
            .unwrap_err();
        let all = faults.to_string();
        for words in [
            "more than scheme and host",
            "`cookies?x`",
            "14 months",
            "`all` is taken",
            "`Marketing`",
            "no title",
            "advertising",
            "`fun`",
        ] {
            assert!(all.contains(words), "{words}: {all}");
        }
        assert_eq!(faults.iter().count(), 8);
    }

    #[test]
    fn plain_http_is_for_loopback() {
        for (url, sound) in [
            ("https://www.example.gov.uk", true),
            ("https://www.example.gov.uk/", true),
            ("https://www.example.gov.uk:8443", true),
            ("http://localhost:8080", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://www.example.gov.uk", false),
            ("http://127.0.0.1.example.org", false),
            ("ftp://www.example.gov.uk", false),
            ("www.example.gov.uk", false),
            ("https://user@www.example.gov.uk", false),
            ("", false),
        ] {
            assert_eq!(site_origin(url).is_ok(), sound, "{url}");
        }
    }
}
