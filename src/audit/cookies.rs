//! How cookies are called in ledgers and metrics, and what their values look like.

use std::collections::HashMap;

use super::details::{CookieCounts, done, subject_at};
use super::ledger::CookieRow;
use super::stats::{CookieStat, CookieValuesStat};
use crate::consent::{
    CookieSubject, CookieValues, Direction, Policy, UndeclaredNames, looks_like_an_identifier,
};
use crate::time::CivilDate;

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

    /// The rows of the cookie at a place in a list of counts.
    pub(super) fn rows(
        &self,
        day: CivilDate,
        place: usize,
        counts: &CookieCounts,
    ) -> impl Iterator<Item = CookieRow> {
        let subject = subject_at(place);
        done(counts).map(move |(direction, action, seen)| {
            let (pattern, purpose) = self.described(subject);
            let values = self.values.filter(|_| direction == Direction::Request);
            let values = values.and_then(|values| values.estimate(subject));
            let identifies = values.is_some_and(|values| self.identifies(subject, values));
            CookieRow { pattern, direction, purpose, action, seen, values, identifies, day }
        })
    }

    /// What was done with each cookie.
    pub(super) fn stats(&self, cookies: &[CookieCounts]) -> Vec<CookieStat> {
        let mut stats = Vec::new();
        for (place, counts) in cookies.iter().enumerate() {
            stats.extend(done(counts).map(|(direction, action, seen)| {
                let (pattern, purpose) = self.described(subject_at(place));
                CookieStat { pattern, purpose, direction, action, seen }
            }));
        }
        stats.sort();
        stats
    }

    /// How many different values each has.
    pub(super) fn value_stats(&self) -> Vec<CookieValuesStat> {
        let estimates = self.values.into_iter().flat_map(CookieValues::estimates);
        let stats = estimates.map(|(subject, values)| {
            let (pattern, purpose) = self.described(subject);
            CookieValuesStat { pattern, purpose, values, identifies: self.identifies(subject, values) }
        });
        stats.collect()
    }

    fn identifies(&self, subject: CookieSubject, values: u16) -> bool {
        let CookieSubject::Rule(number) = subject else { return false };
        self.policy.basis_of_rule(number).is_some_and(|basis| looks_like_an_identifier(basis, values))
    }

    /// How a cookie is called, and its purpose.
    fn described(&self, subject: CookieSubject) -> (String, String) {
        let undeclared = "undeclared".to_owned();
        match subject {
            CookieSubject::Malformed => ("(malformed)".to_owned(), undeclared),
            CookieSubject::Own => ("(pinfold)".to_owned(), "strictly-necessary".to_owned()),
            CookieSubject::Undeclared(number) => {
                let name = number.and_then(|number| self.names.get(&number)).cloned();
                (name.unwrap_or_else(|| "(undeclared)".to_owned()), undeclared)
            }
            CookieSubject::Rule(number) => match self.policy.register().rules().get(usize::from(number)) {
                Some(rule) => {
                    let purpose = rule.purpose().unwrap_or("strictly-necessary");
                    (rule.pattern().to_owned(), purpose.to_owned())
                }
                None => ("(undeclared)".to_owned(), undeclared),
            },
        }
    }
}
