//! From what an operator declares to a policy that can be enforced, or every fault in the way.

use std::collections::BTreeMap;

use http::Uri;
use memchr::memmem::Finder;
use sha2::{Digest, Sha256};

use super::own::DecisionCookie;
use super::page::Language;
use super::policy::{Mode, Policy, Regime, Terms, Undeclared, list};
use super::purpose::{LegalBasis, Purpose, PurposeSet};
use super::register::{CookieRegister, CookieRule};
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
            languages: vec![Language::English, Language::Welsh],
            purposes: Vec::new(),
            rules: Vec::new(),
            known_bits: BTreeMap::new(),
            shared_domain: None,
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
        ConfigErrors::gather(Policy::of(terms), faults)
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

fn fingerprint(purposes: &[(Purpose, u8)], register: &CookieRegister) -> u32 {
    // The bit is part of it: a grant is a bit, and must never be read as one for another purpose.
    let mut facts: Vec<String> = purposes
        .iter()
        .map(|(purpose, bit)| format!("purpose\0{}\0{}\0{bit}", purpose.id(), purpose.basis().name()))
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
