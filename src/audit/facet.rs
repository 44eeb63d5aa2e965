//! What is counted of page views besides the page: bare totals, each beside nothing but the day.

use std::collections::HashMap;

use foldhash::quality::RandomState;

use super::agent::Agent;
use super::details::OTHER;
use super::ledger::FacetKind;
use super::referrer::counted_as;
use crate::consent::Policy;

/// How many values of one kind a shard tells apart on one day.
const ROOM: usize = 1_024;

/// Where views come from where a log does not tell.
const UNKNOWN: &str = "(unknown)";

/// Page views of one day by value, for each kind on its own: nothing says which came together.
#[derive(Debug, Default)]
pub(super) struct FacetCounts([HashMap<Box<str>, i64, RandomState>; FacetKind::ALL.len()]);

impl FacetCounts {
    /// Adds a page view. A robot is counted as one, and nothing more is told of it.
    pub(super) fn count(
        &mut self,
        agent: Agent,
        referrer: Option<&[u8]>,
        policy: &Policy,
        space: &mut String,
    ) {
        match agent {
            Agent::Robot(name) => self.add(FacetKind::Robot, name),
            Agent::Person { browser, device } => {
                self.add(FacetKind::Browser, browser);
                self.add(FacetKind::Device, device);
                let from = referrer.map_or(UNKNOWN, |field| counted_as(field, policy, space));
                self.add(FacetKind::Referrer, from);
            }
        }
    }

    /// Every value with its views.
    pub(super) fn into_values(self) -> impl Iterator<Item = (FacetKind, Box<str>, i64)> {
        let kinds = FacetKind::ALL.into_iter().zip(self.0);
        kinds.flat_map(|(kind, values)| values.into_iter().map(move |(value, views)| (kind, value, views)))
    }

    fn add(&mut self, kind: FacetKind, value: &str) {
        let values = &mut self.0[kind as usize];
        if let Some(views) = values.get_mut(value) {
            *views += 1;
            return;
        }
        let value = if values.len() < ROOM { value } else { OTHER };
        *values.entry(value.into()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_adds_up_and_is_bounded() {
        let policy = Policy::builder("Town", "https://www.town.example").build().unwrap();
        let person = Agent::of(b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        let (mut facets, mut space) = (FacetCounts::default(), String::new());
        for number in 0..3_000 {
            let referrer = format!("https://host{number}.example/");
            facets.count(person, Some(referrer.as_bytes()), &policy, &mut space);
        }
        facets.count(person, None, &policy, &mut space);
        facets.count(Agent::of(b"curl/8"), Some(b"https://host.example/"), &policy, &mut space);
        let mut sums = HashMap::<FacetKind, (usize, i64)>::new();
        for (kind, _, views) in facets.into_values() {
            let sum = sums.entry(kind).or_default();
            *sum = (sum.0 + 1, sum.1 + views);
        }
        assert_eq!(sums[&FacetKind::Browser], (1, 3_001));
        assert_eq!(sums[&FacetKind::Device], (1, 3_001));
        assert_eq!(sums[&FacetKind::Referrer], (ROOM + 1, 3_001));
        assert_eq!(sums[&FacetKind::Robot], (1, 1));
    }
}
