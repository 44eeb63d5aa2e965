use super::own::{is_own, prefix_length};
use super::purpose::PurposeSet;
use crate::error::{ConfigError, Subject};

/// What is said of one cookie, or of all cookies whose names begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieRule {
    pattern: String,
    purpose: Option<String>,
    provider: String,
    description: String,
    lifetime: String,
}

impl CookieRule {
    /// A cookie kept for a purpose. The pattern is a name, or the beginning of names with one trailing `*`.
    pub fn new(pattern: impl Into<String>, purpose: impl Into<String>) -> Self {
        Self { purpose: Some(purpose.into()), ..Self::strictly_necessary(pattern) }
    }

    /// A cookie without which what the visitor asked for cannot be done (PECR Schedule A1, paragraphs 3 and 4).
    pub fn strictly_necessary(pattern: impl Into<String>) -> Self {
        let [provider, description, lifetime] = [const { String::new() }; 3];
        Self { pattern: pattern.into(), purpose: None, provider, description, lifetime }
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

    fn literal(&self) -> (&[u8], bool) {
        match self.pattern.strip_suffix('*') {
            Some(prefix) => (prefix.as_bytes(), true),
            None => (self.pattern.as_bytes(), false),
        }
    }

    fn fault(&self) -> Option<ConfigError> {
        let fault = |problem: String, remedy: &str| {
            Some(ConfigError::new(Subject::Cookie(self.pattern.clone()), problem, remedy))
        };
        let (literal, is_prefix) = self.literal();
        if literal.is_empty() && is_prefix {
            return fault(
                "the cookie name `*` would match every cookie".to_owned(),
                "name each cookie, or let undeclared cookies pass",
            );
        }
        if literal.is_empty() || literal.len() > LONGEST || !literal.iter().copied().all(is_token) {
            return fault(
                format!("`{}` is not a cookie name", self.pattern),
                "write a name, or its beginning with one trailing `*`; at most 127 letters, digits and !#$%&'+-.^_`|~",
            );
        }
        if is_own(literal) {
            return fault(format!("`{}` is a cookie of Pinfold's own", self.pattern), "leave it out");
        }
        None
    }
}

const LONGEST: usize = 127;

/// Whether a byte may stand in a cookie name that is passed on (the token of RFC 9110 5.6.2), `*` left out.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&byte)
}

/// Every rule, and an index from names to rules whose cost does not grow with their number.
#[derive(Debug, Clone, Default)]
pub struct CookieRegister {
    rules: Vec<CookieRule>,
    needs: Vec<PurposeSet>,
    exact: Index,
    prefixes: Index,
    /// Bit `n` is set where some prefix is `n` bytes long.
    prefix_lengths: u128,
}

impl CookieRegister {
    /// `bit_of` gives the set that holds a purpose alone, or `None` where it is not declared.
    pub(super) fn new(
        rules: Vec<CookieRule>,
        bit_of: impl Fn(&str) -> Option<PurposeSet>,
        faults: &mut Vec<ConfigError>,
    ) -> Self {
        let mut register =
            Self { exact: Index::sized(rules.len()), prefixes: Index::sized(rules.len()), ..Self::default() };
        for rule in rules {
            if let Some(fault) = rule.fault() {
                faults.push(fault);
                continue;
            }
            let need = match &rule.purpose {
                None => Some(PurposeSet::NONE),
                Some(purpose) => bit_of(purpose),
            };
            let Some(need) = need else {
                faults.push(ConfigError::new(
                    Subject::Cookie(rule.pattern.clone()),
                    format!(
                        "the cookie `{}` has the purpose `{}`, which is not declared",
                        rule.pattern,
                        rule.purpose.as_deref().unwrap_or_default()
                    ),
                    "declare the purpose, or write `strictly-necessary`",
                ));
                continue;
            };
            if register.rules.iter().any(|other| other.pattern == rule.pattern) {
                faults.push(ConfigError::new(
                    Subject::Cookie(rule.pattern.clone()),
                    format!("the cookie `{}` is declared twice", rule.pattern),
                    "keep one of the two",
                ));
                continue;
            }
            register.add(rule, need);
        }
        register
    }

    fn add(&mut self, rule: CookieRule, need: PurposeSet) {
        let Ok(number) = u16::try_from(self.rules.len()) else { return };
        let (literal, is_prefix) = rule.literal();
        if is_prefix {
            self.prefix_lengths |= 1 << literal.len();
            self.prefixes.insert(literal, number);
        } else {
            self.exact.insert(literal, number);
        }
        self.rules.push(rule);
        self.needs.push(need);
    }

    /// The rules, in the order in which they were declared.
    pub fn rules(&self) -> &[CookieRule] {
        &self.rules
    }

    /// The rule for a cookie name: the one of exactly this name, else the longest beginning.
    ///
    /// A beginning never reaches into a name prefix that it does not spell out: `_*` is no rule for `__Host-id`.
    pub(super) fn find(&self, name: &[u8]) -> Option<(u16, PurposeSet)> {
        let literal = |number: u16| self.rules[usize::from(number)].literal().0;
        let guarded = prefix_length(name);
        let mut hash = Hash::new();
        let mut longest = None;
        for (index, &byte) in name.iter().enumerate() {
            hash.feed(byte);
            let length = index + 1;
            if length <= LONGEST && length >= guarded && self.prefix_lengths >> length & 1 == 1 {
                longest = self.prefixes.find(hash, |n| literal(n) == &name[..length]).or(longest);
            }
        }
        let number = self.exact.find(hash, |n| literal(n) == name).or(longest)?;
        Some((number, self.needs[usize::from(number)]))
    }
}

/// An open-addressed table of rule numbers. Only the operator's own names are ever in it, so nobody else can crowd it.
#[derive(Debug, Clone, Default)]
struct Index {
    slots: Vec<Option<(u64, u16)>>,
}

impl Index {
    fn sized(rules: usize) -> Self {
        Self { slots: vec![None; (rules * 2).next_power_of_two().max(8)] }
    }

    fn insert(&mut self, literal: &[u8], number: u16) {
        let mut hash = Hash::new();
        literal.iter().for_each(|&byte| hash.feed(byte));
        let mask = self.slots.len() - 1;
        let mut slot = hash.slot(mask);
        while self.slots[slot].is_some() {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = Some((hash.0, number));
    }

    fn find(&self, hash: Hash, is_it: impl Fn(u16) -> bool) -> Option<u16> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut slot = hash.slot(mask);
        while let Some((stored, number)) = self.slots[slot] {
            if stored == hash.0 && is_it(number) {
                return Some(number);
            }
            slot = (slot + 1) & mask;
        }
        None
    }
}

/// FNV-1a: fed byte by byte, it gives the hash of every beginning of a name on the way.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn feed(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }

    fn slot(self, mask: usize) -> usize {
        (self.0 ^ self.0 >> 32) as usize & mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register(patterns: &[&str]) -> (CookieRegister, Vec<ConfigError>) {
        let mut faults = Vec::new();
        let rules = patterns.iter().map(|pattern| CookieRule::strictly_necessary(*pattern)).collect();
        (CookieRegister::new(rules, |_| None, &mut faults), faults)
    }

    #[test]
    fn the_most_particular_rule_wins() {
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
    fn law1_bad_rules_are_named() {
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
}
