use std::collections::{HashMap, HashSet};

use super::own::{is_own, prefix_length};
use super::purpose::PurposeSet;
use super::token::is_token;
use super::trie::Trie;
use super::well_known::{KnownCookie, Service};
use crate::error::{ConfigError, ConfigErrors, Subject};

/// What is said of one cookie, or of all cookies whose names begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieRule {
    pattern: String,
    purpose: Option<String>,
    provider: String,
    description: String,
    lifetime: String,
    welsh: Option<(String, String)>,
    reach: Reach,
    is_well_known: bool,
}

/// Where a cookie may have been kept, beside the site's own hosts and the path `/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) domains: Vec<String>,
    pub(super) paths: Vec<String>,
    pub(super) partitioned: bool,
}

impl CookieRule {
    /// A cookie kept for a purpose. The pattern is a name, or the beginning of names with one trailing `*`.
    pub fn new(pattern: impl Into<String>, purpose: impl Into<String>) -> Self {
        Self { purpose: Some(purpose.into()), ..Self::strictly_necessary(pattern) }
    }

    /// A cookie without which what the visitor asked for cannot be done (PECR Schedule A1, paragraphs 3 and 4).
    pub fn strictly_necessary(pattern: impl Into<String>) -> Self {
        let [provider, description, lifetime] = [const { String::new() }; 3];
        let pattern = pattern.into();
        let reach = Reach::default();
        Self {
            pattern,
            purpose: None,
            provider,
            description,
            lifetime,
            welsh: None,
            reach,
            is_well_known: false,
        }
    }

    /// What is known of a cookie that nobody has declared.
    pub(super) fn well_known(service: &Service, cookie: &KnownCookie, purpose: Option<&str>) -> Self {
        Self {
            purpose: purpose.map(str::to_owned),
            provider: service.provider.to_owned(),
            description: cookie.english.what.to_owned(),
            lifetime: cookie.english.lasts.to_owned(),
            welsh: Some((cookie.welsh.what.to_owned(), cookie.welsh.lasts.to_owned())),
            is_well_known: true,
            ..Self::strictly_necessary(cookie.pattern)
        }
    }

    /// Who sets it, if not the council itself.
    #[must_use]
    pub fn with_provider(mut self, provider: impl Into<String>) -> Self {
        self.provider = provider.into();
        self
    }

    /// What it does, in words for visitors.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// How long it lasts, in words for visitors.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: impl Into<String>) -> Self {
        self.lifetime = lifetime.into();
        self
    }

    /// What it does and how long it lasts, in Welsh.
    #[must_use]
    pub fn with_welsh(mut self, description: impl Into<String>, lifetime: impl Into<String>) -> Self {
        self.welsh = Some((description.into(), lifetime.into()));
        self
    }

    /// Domains, beside the host of the site and its parents, for which the cookie may be kept: a removal reaches them too.
    #[must_use]
    pub fn with_domains<S: Into<String>>(mut self, domains: impl IntoIterator<Item = S>) -> Self {
        self.reach.domains = domains.into_iter().map(Into::into).collect();
        self
    }

    /// Paths, beside `/`, for which the cookie may be kept: a removal reaches them too.
    #[must_use]
    pub fn with_paths<S: Into<String>>(mut self, paths: impl IntoIterator<Item = S>) -> Self {
        self.reach.paths = paths.into_iter().map(Into::into).collect();
        self
    }

    /// Says that the cookie is set with `Partitioned` (CHIPS), so that a removal must be too.
    #[must_use]
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.reach.partitioned = partitioned;
        self
    }

    /// The name, or the beginning of names followed by `*`.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The id of its purpose, or `None` where it is strictly necessary.
    pub fn purpose(&self) -> Option<&str> {
        self.purpose.as_deref()
    }

    /// Who sets it; empty for the council itself.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// What it does; may be empty.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// How long it lasts; may be empty.
    pub fn lifetime(&self) -> &str {
        &self.lifetime
    }

    /// What it does and how long it lasts, in Welsh, if that was given.
    pub fn welsh(&self) -> Option<(&str, &str)> {
        self.welsh.as_ref().map(|(description, lifetime)| (description.as_str(), lifetime.as_str()))
    }

    /// Whether it is one that Pinfold brings along ([`super::well_known`]) and nobody has declared.
    pub fn is_well_known(&self) -> bool {
        self.is_well_known
    }

    /// Whether a rule of the operator for all names that begin alike takes in whatever this one does.
    pub(super) fn is_covered_by(&self, other: &Self) -> bool {
        let (literal, is_prefix) = other.literal();
        other.pattern == self.pattern || (is_prefix && self.literal().0.starts_with(literal))
    }

    /// The one name that it is for; nothing where it is for all that begin alike.
    pub(super) fn name(&self) -> Option<&str> {
        (!self.pattern.ends_with('*')).then_some(&self.pattern)
    }

    pub(super) fn reach(&self) -> &Reach {
        &self.reach
    }

    fn literal(&self) -> (&[u8], bool) {
        match self.pattern.strip_suffix('*') {
            Some(prefix) => (prefix.as_bytes(), true),
            None => (self.pattern.as_bytes(), false),
        }
    }

    /// What is wrong with it by itself, whatever else a policy has.
    ///
    /// # Errors
    ///
    /// Every fault there is, in one pass.
    pub fn check(&self) -> Result<(), ConfigErrors> {
        ConfigErrors::gather((), self.faults())
    }

    fn faults(&self) -> Vec<ConfigError> {
        let fault = |part: &'static str, problem: String, remedy: &str| {
            ConfigError::new(Subject::Cookie(self.pattern.clone()), problem, remedy).of(part)
        };
        let (literal, is_prefix) = self.literal();
        let mut faults = Vec::new();
        if literal.is_empty() && is_prefix {
            faults.push(fault(
                "name",
                "the cookie name `*` would match every cookie".to_owned(),
                "name each cookie, or let undeclared cookies pass",
            ));
        } else if literal.is_empty()
            || literal.len() > LONGEST
            || !literal.iter().all(|&byte| is_token(byte) && byte != b'*')
        {
            faults.push(fault(
                "name",
                format!("`{}` is not a cookie name", self.pattern),
                "write a name, or its beginning with one trailing `*`; at most 127 letters, digits and !#$%&'+-.^_`|~",
            ));
        } else if is_own(literal) {
            let problem = format!("`{}` is a cookie of Pinfold's own", self.pattern);
            faults.push(fault("name", problem, "leave it out"));
        }
        faults.extend(self.reach.paths.iter().filter(|path| !is_cookie_path(path)).map(|path| {
            fault(
                "paths",
                format!("`{path}` is not the path of a cookie"),
                "write a path such as /forms, with no query",
            )
        }));
        let is_domain = |domain: &String| domain.contains('.') && domain.bytes().all(is_host_byte);
        faults.extend(self.reach.domains.iter().filter(|domain| !is_domain(domain)).map(|domain| {
            fault(
                "domains",
                format!("`{domain}` is not the domain of a cookie"),
                "write a domain such as forms.example.gov.uk",
            )
        }));
        faults
    }
}

/// Whether a path can stand in a `Set-Cookie` field (RFC 6265bis 4.1.1) and be one that browsers keep.
pub(super) fn is_cookie_path(path: &str) -> bool {
    path.starts_with('/')
        && path.len() <= 256
        && path.bytes().all(|byte| byte.is_ascii_graphic() && !b";,?#\"\\".contains(&byte))
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-'
}

const LONGEST: usize = 127;

/// Every rule, and a way from a name to its rule whose cost does not grow with the number of rules.
#[derive(Debug, Clone, Default)]
pub struct CookieRegister {
    rules: Vec<CookieRule>,
    needs: Vec<PurposeSet>,
    names: Trie,
}

impl CookieRegister {
    /// `bit_of` gives the set that holds a purpose alone, or `None` where it is not declared.
    pub(super) fn new(
        rules: Vec<CookieRule>,
        bit_of: impl Fn(&str) -> Option<PurposeSet>,
        faults: &mut Vec<ConfigError>,
    ) -> Self {
        let mut register = Self::default();
        let mut seen = HashSet::new();
        for rule in rules {
            let before = faults.len();
            faults.extend(rule.faults());
            let need = match &rule.purpose {
                None => Some(PurposeSet::NONE),
                Some(purpose) => bit_of(purpose),
            };
            if need.is_none() {
                faults.push(ConfigError::new(
                    Subject::Cookie(rule.pattern.clone()),
                    format!(
                        "the cookie `{}` has the purpose `{}`, which is not declared",
                        rule.pattern,
                        rule.purpose.as_deref().unwrap_or_default()
                    ),
                    "declare the purpose, or write `strictly-necessary`",
                ));
            }
            if !seen.insert(rule.pattern.clone()) {
                faults.push(ConfigError::new(
                    Subject::Cookie(rule.pattern.clone()),
                    format!("the cookie `{}` is declared twice", rule.pattern),
                    "keep one of the two",
                ));
            }
            if let Some(need) = need.filter(|_| faults.len() == before) {
                register.add(rule, need);
            }
        }
        let literals = register.rules.iter().map(CookieRule::literal);
        register.names =
            Trie::new(literals.map(|(literal, is_prefix)| (literal.into(), is_prefix)).collect());
        register
    }

    fn add(&mut self, rule: CookieRule, need: PurposeSet) {
        if self.rules.len() <= usize::from(u16::MAX) {
            self.rules.push(rule);
            self.needs.push(need);
        }
    }

    /// The rules, in the order in which they were declared.
    pub fn rules(&self) -> &[CookieRule] {
        &self.rules
    }

    /// The number of each rule, by its pattern.
    pub(super) fn numbers(&self) -> HashMap<&str, usize> {
        self.rules.iter().enumerate().map(|(number, rule)| (rule.pattern(), number)).collect()
    }

    /// The rule for a cookie of this name: the one of exactly this name, else the longest beginning.
    pub fn rule_of(&self, name: &[u8]) -> Option<&CookieRule> {
        self.rules.get(usize::from(self.find(name)?.0))
    }

    /// The purposes, one or none, that the rule of this number needs.
    pub(super) fn needed(&self, rule: u16) -> PurposeSet {
        self.needs.get(usize::from(rule)).copied().unwrap_or_default()
    }

    /// The rule for a cookie name: the one of exactly this name, else the longest beginning.
    ///
    /// A beginning never reaches into a name prefix that it does not spell out: `_*` is no rule for `__Host-id`.
    pub(super) fn find(&self, name: &[u8]) -> Option<(u16, PurposeSet)> {
        if name.iter().all(|&byte| is_token(byte)) { self.find_token(name) } else { None }
    }

    /// The same for a name that is known to be a token.
    pub(super) fn find_token(&self, name: &[u8]) -> Option<(u16, PurposeSet)> {
        let number = self.names.find(name, prefix_length(name))?;
        Some((number, self.needs[usize::from(number)]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn register(patterns: &[&str]) -> (CookieRegister, Vec<ConfigError>) {
        let mut faults = Vec::new();
        let rules = patterns.iter().map(|pattern| CookieRule::strictly_necessary(*pattern)).collect();
        (CookieRegister::new(rules, |_| None, &mut faults), faults)
    }

    #[test]
    fn cookie_03_the_most_particular_rule_wins_and_none_reaches_into_a_prefix() {
        let (register, faults) =
            register(&["_ga*", "_ga_X*", "_gat", "_*", "__Host-id", "__Secure-*", "session"]);
        assert!(faults.is_empty(), "{faults:?}");
        for (name, expected) in [
            ("_ga", Some("_ga*")),
            ("_ga_", Some("_ga*")),
            ("_ga_X", Some("_ga_X*")),
            ("_ga_XYZ", Some("_ga_X*")),
            ("_gat", Some("_gat")),
            ("_gatx", Some("_ga*")),
            ("_fbp", Some("_*")),
            ("_", Some("_*")),
            ("session", Some("session")),
            ("Session", None),
            ("session2", None),
            ("sessio", None),
            ("", None),
            ("__Host-id", Some("__Host-id")),
            ("__Host-session", None),
            ("__Host-_ga", None),
            ("__host-id", None),
            ("__Secure-_ga", Some("__Secure-*")),
            ("__secure-_ga", None),
        ] {
            let found = register.find(name.as_bytes());
            assert_eq!(
                found.map(|(number, _)| register.rules()[usize::from(number)].pattern()),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn a_thousand_rules_are_all_found() {
        let patterns: Vec<_> = (0..500).flat_map(|n| [format!("name{n}"), format!("start{n}-*")]).collect();
        let (register, _) = register(&patterns.iter().map(String::as_str).collect::<Vec<_>>());
        for n in 0..500 {
            assert_eq!(register.find(format!("name{n}").as_bytes()).unwrap().0, n * 2);
            assert_eq!(register.find(format!("start{n}-x").as_bytes()).unwrap().0, n * 2 + 1);
        }
    }

    #[test]
    fn law_01_bad_rules_are_named() {
        for (patterns, words) in [
            (&["*"][..], "every cookie"),
            (&[""], "not a cookie name"),
            (&["a b"], "not a cookie name"),
            (&["a*b"], "not a cookie name"),
            (&["a", "a"], "declared twice"),
            (&["__Host-pinfold-consent"], "Pinfold's own"),
        ] {
            let (_, faults) = register(patterns);
            assert_eq!(faults.len(), 1, "{patterns:?}");
            assert!(faults[0].to_string().contains(words), "{faults:?}");
        }
        let mut faults = Vec::new();
        CookieRegister::new(vec![CookieRule::new("x", "fun")], |_| None, &mut faults);
        assert!(faults[0].to_string().contains("`fun`, which is not declared"), "{faults:?}");
    }

    /// What [`CookieRegister::find`] should give, by comparing with one pattern after another.
    fn found_one_by_one(patterns: &[String], name: &str) -> Option<usize> {
        let exact = patterns.iter().position(|pattern| pattern == name);
        let begins = |pattern: &str| {
            let start = pattern.strip_suffix('*')?;
            (name.starts_with(start) && start.len() >= prefix_length(name.as_bytes())).then_some(start.len())
        };
        let longest = (0..patterns.len()).max_by_key(|place| begins(&patterns[*place]).map_or(0, |n| n + 1));
        exact.or(longest.filter(|place| begins(&patterns[*place]).is_some()))
    }

    proptest! {
        #[test]
        fn every_name_finds_the_rule_that_comparing_finds(
            patterns in prop::collection::btree_set("(__Host-|__)?[a-c_]{1,4}[*]?", 1..12),
            seed in any::<u64>(),
            name in "(__Host-|__host-|__)?[a-d_]{0,5}",
        ) {
            let mut patterns: Vec<_> = patterns.into_iter().collect();
            let turn = seed as usize % patterns.len();
            patterns.rotate_left(turn);
            let (register, faults) = register(&patterns.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert!(faults.is_empty());
            let found = register.find(name.as_bytes()).map(|(number, _)| usize::from(number));
            prop_assert_eq!(found, found_one_by_one(&patterns, &name));
        }
    }
}
