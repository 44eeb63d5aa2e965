//! How cookies are called in ledgers and metrics, and what their values look like.

use std::collections::{BTreeMap, HashMap};

use super::details::{CookieCounts, add_counts, done};
use super::ledger::CookieRow;
use super::stats::{CookieStat, CookieValuesStat};
use crate::consent::{
    CookieSubject, CookieValues, Direction, Policy, UndeclaredNames, looks_like_an_identifier,
};
use crate::time::CivilDate;

/// What a cookie is called: the same under one policy and the next, where a number is not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CookieName {
    pattern: String,
    purpose: String,
}

/// What was done with each cookie, by name.
pub(super) type CookieTotals = BTreeMap<CookieName, CookieCounts>;

/// How many different values each cookie has, and whether it looks like an identifier.
pub(super) type Estimates = HashMap<CookieName, (u16, bool)>;

/// What is known of cookies besides how often they came.
pub(super) struct CookieFacts<'a> {
    policy: &'a Policy,
    names: HashMap<u16, String>,
    values: Option<&'a CookieValues>,
}

impl<'a> CookieFacts<'a> {
    pub(super) fn new(
        policy: &'a Policy,
        undeclared: &UndeclaredNames,
        values: Option<&'a CookieValues>,
    ) -> Self {
        Self { policy, names: undeclared.all().into_iter().collect(), values }
    }

    /// The policy by whose rules cookies have their numbers.
    pub(super) fn policy(&self) -> &Policy {
        self.policy
    }

    /// Adds counts that are listed by the numbers of rules.
    pub(super) fn add_named(&self, totals: &mut CookieTotals, cookies: &[CookieCounts]) {
        for (place, counts) in cookies.iter().enumerate().filter(|(_, counts)| done(counts).next().is_some())
        {
            add_counts(totals.entry(self.name(CookieSubject::at(place))).or_default(), counts);
        }
    }

    /// How many different values each has.
    pub(super) fn estimates(&self) -> Estimates {
        let estimates = self.values.into_iter().flat_map(CookieValues::estimates);
        estimates
            .map(|(subject, values)| (self.name(subject), (values, self.identifies(subject, values))))
            .collect()
    }

    fn identifies(&self, subject: CookieSubject, values: u16) -> bool {
        let CookieSubject::Rule(number) = subject else { return false };
        self.policy.basis_of_rule(number).is_some_and(|basis| looks_like_an_identifier(basis, values))
    }

    /// How a cookie is called, and its purpose.
    fn name(&self, subject: CookieSubject) -> CookieName {
        let name = |pattern: &str, purpose: &str| CookieName {
            pattern: pattern.to_owned(),
            purpose: purpose.to_owned(),
        };
        match subject {
            CookieSubject::Malformed => name("(malformed)", "undeclared"),
            CookieSubject::Own => name("(pinfold)", "strictly-necessary"),
            CookieSubject::Undeclared(number) => {
                let known = number.and_then(|number| self.names.get(&number));
                name(known.map_or("(undeclared)", String::as_str), "undeclared")
            }
            CookieSubject::Rule(number) => match self.policy.register().rules().get(usize::from(number)) {
                Some(rule) => name(rule.pattern(), rule.purpose().unwrap_or("strictly-necessary")),
                None => name("(undeclared)", "undeclared"),
            },
        }
    }
}

/// The rows of one cookie.
pub(super) fn rows(
    day: CivilDate,
    name: &CookieName,
    counts: &CookieCounts,
    estimates: &Estimates,
) -> impl Iterator<Item = CookieRow> {
    done(counts).map(move |(direction, action, seen)| {
        let estimate = estimates.get(name).filter(|_| direction == Direction::Request);
        let CookieName { pattern, purpose } = name.clone();
        let (values, identifies) = (estimate.map(|one| one.0), estimate.is_some_and(|one| one.1));
        CookieRow { pattern, direction, purpose, action, seen, values, identifies, day }
    })
}

/// What was done with each cookie, for metrics.
pub(super) fn stats(totals: &CookieTotals) -> Vec<CookieStat> {
    let mut stats = Vec::new();
    for (CookieName { pattern, purpose }, counts) in totals {
        stats.extend(done(counts).map(|(direction, action, seen)| {
            let (pattern, purpose) = (pattern.clone(), purpose.clone());
            CookieStat { pattern, purpose, direction, action, seen }
        }));
    }
    stats.sort();
    stats
}

/// How many different values each has, for metrics.
pub(super) fn value_stats(estimates: Estimates) -> Vec<CookieValuesStat> {
    let stats = estimates.into_iter().map(|(CookieName { pattern, purpose }, (values, identifies))| {
        CookieValuesStat { pattern, purpose, values, identifies }
    });
    let mut stats: Vec<_> = stats.collect();
    stats.sort();
    stats
}
