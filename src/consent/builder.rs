//! From what an operator declares to a policy that can be enforced, or every fault in the way.

use std::collections::{BTreeMap, HashMap};

use http::Uri;
use memchr::memmem::Finder;

use super::embed::{Embed, Embeds};
use super::facts::Facts;
use super::own::OwnCookie;
use super::page::{AddressUse, Language};
use super::pages::{PageChoices, Pages};
use super::policy::{Mode, Policy, Regime, Terms, Undeclared, Visits, list};
use super::preference::{Preference, Preferences};
use super::purpose::{LegalBasis, Purpose, PurposeSet};
use super::register::{CookieRegister, CookieRule};
use super::well_known::{Kind, service, services};
use crate::error::{ConfigError, ConfigErrors, Subject};

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
            clears_storage: false,
            footprint: false,
            languages: vec![Language::English, Language::Welsh],
            purposes: Vec::new(),
            preferences: Vec::new(),
            rules: Vec::new(),
            known_bits: BTreeMap::new(),
            shared_domain: None,
            removal_domain: None,
            known_policies: Vec::new(),
            well_known: true,
            address_use: None,
            pages: PageChoices::default(),
        }
    }
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
    clears_storage: bool,
    footprint: bool,
    languages: Vec<Language>,
    purposes: Vec<Purpose>,
    preferences: Vec<Preference>,
    rules: Vec<CookieRule>,
    known_bits: BTreeMap<String, u8>,
    shared_domain: Option<String>,
    removal_domain: Option<String>,
    known_policies: Vec<(String, String)>,
    well_known: bool,
    address_use: Option<AddressUse>,
    pages: PageChoices,
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

    /// Offers visitors a choice about how the site is for them, on the cookies page or by any form that posts `preference[NAME]` to it.
    ///
    /// What is chosen is kept in a cookie of our own for as long as a decision, told to the site in `Pinfold-Preference:
    /// text-size=large, contrast=high` (a dictionary, RFC 9651 3.2, of what was chosen otherwise than the first value), given to
    /// handlers by [`super::Consent::preference`], and with the feature `html` put into pages: `<html data-text-size="large">`.
    /// Pages are then kept from shared caches as [`Self::shared_cache_key`] says. An answer of another kind that differs by preference must
    /// say `Vary: Pinfold-Preference`, which keeps it from them, too. With [`Mode::Report`] pages are left alone.
    ///
    /// ```
    /// use pinfold::consent::{Policy, Preference};
    ///
    /// let policy = Policy::builder("Town", "https://www.example.gov.uk")
    ///     .preference(Preference::new("text-size", ["normal", "large", "largest"]))
    ///     .preference(Preference::new("contrast", ["normal", "high"]))
    ///     .build()?;
    /// assert_eq!(policy.own_cookies()[1], ("__Host-pinfold-preferences", 6, 3));
    /// # Ok::<(), pinfold::ConfigErrors>(())
    /// ```
    #[must_use]
    pub fn preference(mut self, preference: Preference) -> Self {
        self.preferences.push(preference);
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

    /// Whether a visitor who takes a grant back is sent `Clear-Site-Data: "storage"`, so that the browser forgets what scripts
    /// have kept for this host; by default not, because that takes what the site itself keeps there, too.
    #[must_use]
    pub fn clear_storage(mut self, clears: bool) -> Self {
        self.clears_storage = clears;
        self
    }

    /// Whether visits are counted by a cookie of one byte, which holds the day of the last visit and roughly how many pages were seen
    /// on it; by default not.
    ///
    /// It is for the first purpose whose basis is [`LegalBasis::Statistics`]; where there is none, for the purpose `statistics`, which
    /// is then added if it is not declared.
    #[must_use]
    pub fn footprint(mut self, footprint: bool) -> Self {
        self.footprint = footprint;
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

    /// Whether sessions, sign-in, load balancers and the like that are well known ([`super::well_known`]) are strictly
    /// necessary without being declared; by default they are. A rule of the operator's own always comes first.
    #[must_use]
    pub fn well_known(mut self, known: bool) -> Self {
        self.well_known = known;
        self
    }

    /// What visitors are told of their addresses in [`Policy::privacy_section`]; by default nothing, as where nobody audits.
    #[must_use]
    pub fn address_use(mut self, facts: AddressUse) -> Self {
        self.address_use = Some(facts);
        self
    }

    /// The policies of this site before, as fingerprint and statement ([`Policy::fingerprint`], [`Policy::statement`]).
    ///
    /// What a visitor granted under one of them still holds for purposes of which nothing has changed. A grant under
    /// a policy that is not known is asked for again.
    #[must_use]
    pub fn known_policies<F: Into<String>, T: Into<String>>(
        mut self,
        policies: impl IntoIterator<Item = (F, T)>,
    ) -> Self {
        self.known_policies =
            policies.into_iter().map(|(fingerprint, text)| (fingerprint.into(), text.into())).collect();
        self
    }

    /// The widest domain from which refused cookies are removed, such as `example.gov.uk`; by default each host itself.
    #[must_use]
    pub fn removals_under(mut self, domain: impl Into<String>) -> Self {
        self.removal_domain = Some(domain.into().to_ascii_lowercase());
        self
    }

    /// Lets one decision count for every host under a domain: the cookie gets the prefix `__Secure-` and a `Domain`.
    #[must_use]
    pub fn shared_under(mut self, domain: impl Into<String>) -> Self {
        self.shared_domain = Some(domain.into());
        self
    }

    /// Declares content of others in pages: it is held until its purpose is granted.
    ///
    /// Where anything is declared and undeclared cookies are held, pages get a `Content-Security-Policy` beside their own, by
    /// which they load only from the site itself, from declared hosts that are granted, and from hosts declared strictly
    /// necessary. Addresses in the HTML itself are held by the feature `html`, with a word to the visitor in their place.
    #[must_use]
    pub fn embed(mut self, embed: Embed) -> Self {
        self.pages.embeds.push(embed);
        self
    }

    /// Other hosts of the council's own, from which pages may always load.
    #[must_use]
    pub fn own_hosts<S: Into<String>>(mut self, hosts: impl IntoIterator<Item = S>) -> Self {
        self.pages.own_hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// A request field on which a shared cache in front varies, so that it may keep pages; by default it may not.
    ///
    /// The cache must set it on every request to `none` where there is no decision cookie and no `Sec-GPC: 1`, to `gpc` where
    /// there is only the latter, and else to the second, fourth and fifth part of the decision cookie, joined by dots; where there
    /// is a preferences cookie, to anything else. A page is given out for keeping only where the field is right.
    #[must_use]
    pub fn shared_cache_key(mut self, field: impl Into<String>) -> Self {
        self.pages.cache_key = Some(field.into());
        self
    }

    /// Whether undecided visitors are asked at the top of every page; by default they are not.
    #[cfg(feature = "html")]
    #[must_use]
    pub fn banner(mut self, banner: bool) -> Self {
        self.pages.banner = banner;
        self
    }

    /// Whether every page gets a link to the cookies page at its end; by default the site has its own.
    #[cfg(feature = "html")]
    #[must_use]
    pub fn link(mut self, link: bool) -> Self {
        self.pages.link = link;
        self
    }

    /// Whether elements with `data-consent` are held, and woken once their purpose is granted, even where no
    /// [`Self::embed`] is declared; by default they are not. Every page is then read to its end.
    #[cfg(feature = "html")]
    #[must_use]
    pub fn gate(mut self, gate: bool) -> Self {
        self.pages.gate = gate;
        self
    }

    /// The path of a page of the site within which the cookies page is drawn, so that it has the site's own header and
    /// footer. The page must have an element with the attribute `data-pinfold="cookies"`.
    #[cfg(feature = "html")]
    #[must_use]
    pub fn shell(mut self, path: impl Into<String>) -> Self {
        self.pages.shell = Some(path.into());
        self
    }

    /// The policy.
    ///
    /// # Errors
    ///
    /// Every fault there is, in one pass.
    pub fn build(mut self) -> Result<Policy, ConfigErrors> {
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
        let counting = self.footprint.then(|| purpose_of_counting(&mut self.purposes));
        let purposes = assign_bits(self.purposes, &self.known_bits, &mut faults);
        let bit_of = |id: &str| {
            purposes.iter().find(|(purpose, _)| purpose.id() == id).map(|(_, bit)| PurposeSet::of(*bit))
        };
        let rules = with_well_known(self.rules, &purposes, self.well_known);
        let register = CookieRegister::new(rules, bit_of, &mut faults);
        let embeds = Embeds::new(std::mem::take(&mut self.pages.embeds), bit_of, &mut faults);
        let is_shared = self.shared_domain.is_some();
        let visits = counting.and_then(|purpose| {
            let bit = purposes.iter().find(|(one, _)| *one.id() == *purpose)?.1;
            Some(Visits { cookie: OwnCookie::visit(secure, is_shared), purpose, bit })
        });
        let facts = Facts::of(&purposes, &register, visits.as_ref(), &embeds);
        let fingerprint = facts.fingerprint();
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
        let earlier = earlier(&self.known_policies, &facts, &purposes);
        let cookie = OwnCookie::preferences(secure, is_shared);
        let preferences = Preferences::new(self.preferences, cookie, &mut faults);
        let offers = preferences.is_some();
        let removal_domain = self.removal_domain.as_deref();
        let pages = Pages::new(self.pages, embeds, &purposes, (removal_domain, offers), &mut faults);
        let cookie = OwnCookie::decision(secure, is_shared);
        let terms = Terms {
            cookie,
            visits,
            preferences,
            address_use: self.address_use,
            cookie_finder: Finder::new(cookie.name),
            removal_domain: self.removal_domain.or_else(|| self.shared_domain.clone()),
            cookie_domain: self.shared_domain,
            earlier,
            pages,
            on_until_refused: declared.without(asks),
            granted_fields: granted_fields.collect(),
            site_name: self.site_name,
            origin,
            page: self.page,
            lifetime: self.lifetime,
            undeclared: self.undeclared,
            mode: self.mode,
            heeds_gpc: self.heeds_gpc,
            clears_storage: self.clears_storage,
            languages: self.languages,
            purposes,
            register,
            fingerprint,
            asks,
            declared,
        };
        ConfigErrors::gather(Policy::of(terms), faults)
    }
}

/// The id of the purpose for which visits are counted. Where none is declared that could be it, one is added.
fn purpose_of_counting(purposes: &mut Vec<Purpose>) -> String {
    const STATISTICS: &str = "statistics";
    let declared = purposes.iter().find(|purpose| purpose.basis() == LegalBasis::Statistics);
    if let Some(purpose) = declared {
        return purpose.id().to_owned();
    }
    if !purposes.iter().any(|purpose| purpose.id() == STATISTICS) {
        let english = (
            "Cookies that count visits",
            "We count how many people visit, how often, and how many pages they look at, to improve this website. We do not \
             learn who you are.",
        );
        let welsh = (
            "Cwcis sy'n cyfri ymweliadau",
            "Rydym yn cyfri faint o bobl sy'n ymweld, pa mor aml, a faint o dudalennau y maent yn edrych arnynt, er mwyn \
             gwella'r wefan hon. Nid ydym yn dysgu pwy ydych chi.",
        );
        let purpose = Purpose::new(STATISTICS, LegalBasis::Statistics, english.0, english.1);
        purposes.push(purpose.with_welsh(welsh.0, welsh.1));
    }
    STATISTICS.to_owned()
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
        && path != "/.well-known/gpc.json"
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

/// The rules of the operator, then those of the services of each purpose, then what is necessary for nearly everybody.
fn with_well_known(
    declared: Vec<CookieRule>,
    purposes: &[(Purpose, u8)],
    platforms: bool,
) -> Vec<CookieRule> {
    let of_purposes = purposes.iter().flat_map(|(purpose, _)| {
        purpose
            .services()
            .iter()
            .filter_map(|id| service(id))
            .map(move |service| (service, Some(purpose.id())))
    });
    let necessary = services().filter(|service| platforms && service.kind == Kind::StrictlyNecessary);
    let known = of_purposes.chain(necessary.map(|service| (service, None)));
    let known = known.flat_map(|(service, purpose)| {
        service.cookies.iter().map(move |cookie| CookieRule::well_known(service, cookie, purpose))
    });
    let mut rules = declared.clone();
    for rule in known {
        let is_declared = declared.iter().any(|other| rule.is_covered_by(other));
        if !is_declared && !rules.iter().any(|other| other.pattern() == rule.pattern()) {
            rules.push(rule);
        }
    }
    rules
}

/// Which purposes are the same as under earlier policies, by their fingerprints.
fn earlier(
    known: &[(String, String)],
    facts: &Facts,
    purposes: &[(Purpose, u8)],
) -> HashMap<u32, PurposeSet> {
    let unchanged = |statement: &str| {
        let before = Facts::in_statement(statement);
        let same = purposes.iter().filter(|(purpose, _)| facts.covered_by(&before, purpose.id()));
        same.fold(PurposeSet::NONE, |set, (_, bit)| set.or(PurposeSet::of(*bit)))
    };
    let parsed = known.iter().filter_map(|(fingerprint, statement)| {
        Some((u32::from_str_radix(fingerprint, 16).ok()?, unchanged(statement)))
    });
    parsed.fold(HashMap::new(), |mut all, (fingerprint, unchanged)| {
        // Two statements of one fingerprint differ in words alone.
        all.entry(fingerprint)
            .and_modify(|set: &mut PurposeSet| *set = set.and(unchanged))
            .or_insert(unchanged);
        all
    })
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
