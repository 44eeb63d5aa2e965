//! What a reload replaces: a policy, how paths are named, how many are a crowd, and what is counted by them.

use std::fmt;
use std::sync::{Arc, Mutex};

use super::auditor::lock;
use super::cookies::{CookieFacts, CookieTotals};
use super::details::{Answered, DayDetails, DetailShard, Totals};
use super::layer::AuditSettings;
use super::ledger::{PolicyRow, TrafficRow};
use super::route::Routes;
use super::shards::Shards;
use crate::consent::{ConsentManagerLayer, CookieValues, Policy, UndeclaredNames};
use crate::time::CivilDate;

/// From the moment in which a policy comes into force until the last request that began under it is answered.
///
/// Cookies are counted by the numbers of the rules, so each edition has counts of its own, and only names leave it.
pub(super) struct Edition {
    pub(super) policy: Policy,
    pub(super) undeclared: Arc<UndeclaredNames>,
    pub(super) values: Arc<CookieValues>,
    pub(super) crowd: usize,
    /// How many rows of choices one address may add in a minute.
    pub(super) choice_rows: u32,
    routes: Routes,
    details: Shards<DetailShard>,
}

impl Edition {
    pub(super) fn new(consent: &ConsentManagerLayer, settings: &AuditSettings) -> Self {
        let shared = consent.shared();
        let rules = shared.policy.register().rules().len();
        Self {
            policy: shared.policy.clone(),
            undeclared: shared.undeclared.clone(),
            values: shared.values.clone(),
            crowd: settings.crowd(),
            choice_rows: settings.choice_rows(),
            routes: settings.routes().clone(),
            details: Shards::new(|| DetailShard::new(rules)),
        }
    }

    /// Counts an answered request.
    pub(super) fn count(&self, answered: &Answered<'_>) {
        self.details.mine().count(answered, &self.routes, &self.policy);
    }

    /// Gives up the totals of requests.
    pub(super) fn take_traffic(&self, rows: &mut Vec<TrafficRow>) {
        self.details.each().for_each(|mut shard| shard.take_traffic(rows));
    }

    /// Gives up the details.
    pub(super) fn take_days(&self) -> Vec<DayDetails> {
        self.details.each().flat_map(|mut shard| shard.take_days()).collect()
    }

    /// What is known of cookies besides how often they came.
    pub(super) fn cookies(&self) -> CookieFacts<'_> {
        CookieFacts::new(&self.policy, &self.undeclared, Some(&self.values))
    }

    /// What the policy ledger has of it.
    pub(super) fn policy_row(&self, from: CivilDate) -> PolicyRow {
        PolicyRow {
            fingerprint: self.policy.fingerprint(),
            statement: self.policy.statement(),
            bits: self.policy.bits().into_iter().collect(),
            from,
        }
    }
}

impl fmt::Debug for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edition").field("policy", &self.policy.fingerprint()).finish_non_exhaustive()
    }
}

/// Everything counted since the start, under whatever policy.
#[derive(Debug, Default, Clone)]
pub(super) struct Sums {
    pub(super) totals: Totals,
    pub(super) cookies: CookieTotals,
}

impl Sums {
    fn add(&mut self, edition: &Edition) {
        let mut totals = Totals::default();
        edition.details.each().for_each(|shard| totals.add(&shard.totals()));
        edition.cookies().add_named(&mut self.cookies, &std::mem::take(&mut totals.cookies));
        self.totals.add(&totals);
    }
}

/// The editions by which requests may still go; the last is in force.
#[derive(Debug)]
pub(super) struct Editions(Mutex<Shelf>);

#[derive(Debug)]
struct Shelf {
    in_force: Arc<Edition>,
    before: Vec<Arc<Edition>>,
    /// What was counted in those that have ended.
    ended: Sums,
}

impl Editions {
    pub(super) fn new(first: Arc<Edition>) -> Self {
        Self(Mutex::new(Shelf { in_force: first, before: Vec::new(), ended: Sums::default() }))
    }

    pub(super) fn in_force(&self) -> Arc<Edition> {
        lock(&self.0).in_force.clone()
    }

    /// Puts another in force.
    pub(super) fn succeed(&self, next: Arc<Edition>) {
        let mut shelf = lock(&self.0);
        let before = std::mem::replace(&mut shelf.in_force, next);
        shelf.before.push(before);
    }

    /// Those that have not ended, the one in force last.
    pub(super) fn open(&self) -> Vec<Arc<Edition>> {
        let shelf = lock(&self.0);
        shelf.before.iter().chain([&shelf.in_force]).cloned().collect()
    }

    /// Those by which no request goes any more, each once.
    pub(super) fn take_ended(&self) -> Vec<Edition> {
        let mut shelf = lock(&self.0);
        let mut ended = Vec::new();
        for edition in std::mem::take(&mut shelf.before) {
            match Arc::try_unwrap(edition) {
                Ok(edition) => {
                    shelf.ended.add(&edition);
                    ended.push(edition);
                }
                Err(edition) => shelf.before.push(edition),
            }
        }
        ended
    }

    /// Everything counted since the start.
    pub(super) fn sums(&self) -> Sums {
        let shelf = lock(&self.0);
        let mut sums = shelf.ended.clone();
        shelf.before.iter().chain([&shelf.in_force]).for_each(|edition| sums.add(edition));
        sums
    }
}
