//! What a visitor agrees to when they agree to a purpose: the facts that, changed, ask for a new answer. Pure.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::embed::Embeds;
use super::policy::Visits;
use super::purpose::Purpose;
use super::register::CookieRegister;

/// The facts of each purpose, by its id: its basis and bit, its cookies with their providers, its hosts. No words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts(BTreeMap<String, BTreeSet<String>>);

impl Facts {
    pub(super) fn of(
        purposes: &[(Purpose, u8)],
        register: &CookieRegister,
        visits: Option<&Visits>,
        embeds: &Embeds,
    ) -> Self {
        let mut facts = Self::default();
        for (purpose, bit) in purposes {
            // The bit is part of it: a grant is a bit, and must never be read as one for another purpose.
            facts.purpose(purpose.id(), purpose.basis().name(), *bit);
        }
        for rule in register.rules() {
            if let Some(purpose) = rule.purpose() {
                facts.cookie(purpose, rule.pattern(), rule.provider());
            }
        }
        if let Some(visits) = visits {
            facts.cookie(&visits.purpose, visits.cookie.name, "");
        }
        for (host, purpose) in embeds.hosts() {
            if let Some(purpose) = purpose {
                facts.host(purpose, host);
            }
        }
        facts
    }

    /// The facts in a statement that [`super::Policy::statement`] has written.
    pub(super) fn in_statement(statement: &str) -> Self {
        let mut facts = Self::default();
        for line in statement.lines() {
            let fields: Vec<_> = line.split('\t').collect();
            match fields[..] {
                ["purpose", id, basis, bit] => {
                    if let Some(bit) = bit.strip_prefix("bit ").and_then(|bit| bit.parse().ok()) {
                        facts.purpose(id, basis, bit);
                    }
                }
                ["cookie", pattern, purpose, provider, ..] if purpose != NECESSARY => {
                    facts.cookie(purpose, pattern, provider);
                }
                ["host", host, purpose] if purpose != NECESSARY => facts.host(purpose, host),
                _ => {}
            }
        }
        facts
    }

    fn purpose(&mut self, id: &str, basis: &str, bit: u8) {
        self.add(id, format!("purpose\0{id}\0{basis}\0{bit}"));
    }

    fn cookie(&mut self, purpose: &str, pattern: &str, provider: &str) {
        let provider = provider.split_whitespace().collect::<Vec<_>>().join(" ");
        self.add(purpose, format!("cookie\0{pattern}\0{purpose}\0{provider}"));
    }

    fn host(&mut self, purpose: &str, host: &str) {
        self.add(purpose, format!("host\0{host}\0{purpose}"));
    }

    fn add(&mut self, purpose: &str, fact: String) {
        self.0.entry(purpose.to_owned()).or_default().insert(fact);
    }

    /// A number that stands for all of it.
    pub(super) fn fingerprint(&self) -> u32 {
        let mut all: Vec<&str> = self.0.values().flatten().map(String::as_str).collect();
        all.sort_unstable();
        let digest = Sha256::digest(all.join("\n"));
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
    }

    /// Whether somebody who agreed to the purpose as it was `before` has agreed to all that it is now.
    pub(super) fn covered_by(&self, before: &Self, purpose: &str) -> bool {
        match (self.0.get(purpose), before.0.get(purpose)) {
            (Some(now), Some(before)) => now.is_subset(before),
            _ => false,
        }
    }
}

/// What stands in a statement for no purpose.
pub(super) const NECESSARY: &str = "strictly-necessary";
