//! From what an operator declares to a policy that can be enforced, or every fault in the way.

use std::collections::{BTreeMap, HashMap};

use http::{HeaderValue, Uri};
use memchr::memmem::Finder;

use super::builder::PolicyBuilder;
use super::embed::Embeds;
use super::facts::Facts;
use super::own::OwnCookie;
use super::pages::Pages;
use super::policy::{Policy, Regime, Terms, Visits, list};
use super::preference::Preferences;
use super::purpose::{LegalBasis, Purpose, PurposeSet};
use super::register::{CookieRegister, CookieRule};
use super::well_known::{Kind, service, services};
use crate::error::{ConfigError, ConfigErrors, Subject};

impl PolicyBuilder {
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
            granted_fields: granted_fields(&purposes),
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
            #[cfg(feature = "html")]
            notices: Default::default(),
        };
        ConfigErrors::gather(Policy::of(terms), faults)
    }
}

/// What the site is told, for all combinations of up to six purposes: written out beforehand, so that a request costs a look-up.
fn granted_fields(purposes: &[(Purpose, u8)]) -> Vec<HeaderValue> {
    let combinations = if purposes.len() <= 6 { 1_usize << purposes.len() } else { 0 };
    let combination = |index: usize| {
        let chosen = purposes.iter().enumerate().filter(|(place, _)| index >> place & 1 == 1);
        chosen.fold(PurposeSet::NONE, |set, (_, (_, bit))| set.or(PurposeSet::of(*bit)))
    };
    (0..combinations).map(|index| list(purposes, combination(index))).collect()
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
        && !path.split('/').any(is_dots)
}

/// A segment that browsers take out of an address before they ask for it (WHATWG URL, "double-dot URL path segment").
fn is_dots(segment: &str) -> bool {
    [".", ".."].contains(&segment.to_ascii_lowercase().replace("%2e", ".").as_str())
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
        if let Some((other, _)) = purposes.iter().find(|(_, taken)| *taken == bit) {
            faults.push(ConfigError::new(
                Subject::Purpose(purpose.id().to_owned()),
                format!(
                    "the purposes `{}` and `{}` have had one bit: a choice of either would be one of both",
                    other.id(),
                    purpose.id()
                ),
                "give one of them another id, so that visitors are asked for it anew",
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

    /// As where two nodes had given bits without knowing of each other.
    #[test]
    fn two_purposes_with_one_bit_are_a_fault_unless_one_is_retired() {
        let known = BTreeMap::from([("statistics", 0), ("marketing", 2), ("video", 2)]);
        let known: BTreeMap<_, _> = known.into_iter().map(|(id, bit)| (id.to_owned(), bit)).collect();
        assert!(base().known_bits(known.clone()).build().is_ok());
        let both = base().purpose(purpose("video", LegalBasis::Consent)).known_bits(known);
        let faults = both.build().unwrap_err();
        assert_eq!(faults.iter().count(), 1);
        let fault = faults.to_string();
        assert!(
            fault.contains("`marketing` and `video` have had one bit") && fault.contains("another id"),
            "{fault}"
        );
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
            "no description",
            "advertising",
            "`fun`",
        ] {
            assert!(all.contains(words), "{words}: {all}");
        }
        assert_eq!(faults.iter().count(), 9);
    }

    #[test]
    fn a_page_that_browsers_ask_for_as_it_is_written() {
        for (path, sound) in [
            ("/cookies", true),
            ("/cookies/", true),
            ("/en/cookies.html", true),
            ("/..cookies", true),
            ("/cookies/../admin", false),
            ("/cookies/..", false),
            ("/./cookies", false),
            ("/cookies/%2E%2e/admin", false),
            ("/cookies/.%2e", false),
            ("//cookies", false),
            ("/", false),
            ("cookies", false),
            ("/cookies?x", false),
        ] {
            assert_eq!(is_page_path(path), sound, "{path}");
        }
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
