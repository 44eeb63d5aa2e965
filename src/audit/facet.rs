//! What is counted of page views besides the page: bare totals, each beside nothing but the day.

use super::agent::Agent;
use super::ledger::FacetKind;
use super::named::Named;
use super::referrer::counted_as;
use crate::consent::Policy;

/// How many values of one kind a shard tells apart on one day.
const ROOM: usize = 1_024;

/// Where views come from where a log does not tell.
const UNKNOWN: &str = "(unknown)";

/// Page views of one day by value, for each kind on its own: nothing says which came together.
#[derive(Debug, Default)]
pub(super) struct FacetCounts([Named<i64, ROOM>; FacetKind::ALL.len()]);

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
                match referrer {
                    None => self.add(FacetKind::Referrer, UNKNOWN),
                    Some(field) => {
                        let referrers = &mut self.0[FacetKind::Referrer as usize];
                        *referrers.count_of(field, || counted_as(field, policy, space)) += 1;
                    }
                }
            }
        }
    }

    /// Every value with its views.
    pub(super) fn into_values(self) -> impl Iterator<Item = (FacetKind, Box<str>, i64)> {
        let kinds = FacetKind::ALL.into_iter().zip(self.0);
        kinds.flat_map(|(kind, values)| values.into_counts().map(move |(value, views)| (kind, value, views)))
    }

    fn add(&mut self, kind: FacetKind, value: &'static str) {
        *self.0[kind as usize].count_of(value.as_bytes(), || value) += 1;
    }
}
