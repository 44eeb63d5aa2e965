//! A configuration that was read again: what is new in it, and what becomes of each site.

use std::collections::BTreeMap;
use std::sync::Arc;

use pinfold::consent::Policy;

use super::origins::Origins;
use crate::config::{self, Change, Entry, Settings};

/// A configuration that was read and is sound.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(super) sites: Vec<PreparedSite>,
    pub(super) shared: Vec<Entry>,
    /// Sites that are gone.
    pub(super) removed: Vec<String>,
    /// What has changed for all sites together.
    pub(crate) changes: Vec<Change>,
}

/// One site in it.
#[derive(Debug)]
pub(super) struct PreparedSite {
    pub(super) site: config::Site,
    pub(super) known: Known,
    pub(super) policy: Policy,
    pub(super) origins: Arc<Origins>,
    pub(super) changes: Vec<Change>,
    pub(super) is_new: bool,
}

/// What becomes of a site, as its action ledger has it.
#[derive(Debug)]
pub(crate) struct Act {
    pub(crate) site: String,
    pub(crate) names: Vec<String>,
    /// Whether there is no such ledger yet.
    pub(crate) is_new: bool,
}

impl Prepared {
    /// Whether anything of it can come into force now.
    pub(crate) fn is_live(&self) -> bool {
        !self.acts().is_empty()
    }

    /// Everything that has changed, named as an operator would find it.
    pub(crate) fn all_changes(&self) -> Vec<Change> {
        let is_of_several = self.sites.iter().any(|site| site.site.settings.is_among_others);
        let mut changes = self.changes.clone();
        for site in &self.sites {
            let name = site.site.name();
            if site.is_new {
                changes.push(Change { name: format!("{name}: added"), waits: None });
            }
            changes.extend(site.changes.iter().cloned().map(|change| match is_of_several {
                true => Change { name: format!("{name}: {}", change.name), ..change },
                false => change,
            }));
        }
        let removed =
            self.removed.iter().map(|name| Change { name: format!("{name}: removed"), waits: None });
        changes.extend(removed);
        changes
    }

    /// What is done to each site to which something is.
    pub(crate) fn acts(&self) -> Vec<Act> {
        let live = |changes: &[Change]| -> Vec<_> {
            changes.iter().filter(|change| change.waits.is_none()).map(|change| change.name.clone()).collect()
        };
        let shared = live(&self.changes);
        let act = |site: &PreparedSite| {
            let (name, is_new) = (site.site.name().to_owned(), site.is_new);
            let names = match is_new {
                true => vec!["site added".to_owned()],
                false if site.is_another() => Vec::new(),
                false => shared.iter().cloned().chain(live(&site.changes)).collect(),
            };
            (!names.is_empty()).then_some(Act { site: name, names, is_new })
        };
        let removed = self.removed.iter().map(|name| {
            let names = vec!["site removed".to_owned()];
            Act { site: name.clone(), names, is_new: false }
        });
        self.sites.iter().filter_map(act).chain(removed).collect()
    }

    /// Any of the settings, where it does not matter of which site: there is always one.
    pub(crate) fn settings(&self) -> &Settings {
        &self.sites[0].site.settings
    }
}

impl PreparedSite {
    /// Whether its file is meant for another site than is served by that name: nothing of it comes into force.
    fn is_another(&self) -> bool {
        config::are_of_another_site(&self.changes)
    }
}

/// What is known of the policies of a site: the bits of purposes, which they keep for ever, and what each version asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) bits: BTreeMap<String, u8>,
    pub(super) policies: Vec<(String, String)>,
}

impl Known {
    /// The policy that settings come to.
    pub(super) fn policy(&self, settings: &Settings) -> Result<Policy, pinfold::ConfigErrors> {
        settings.policy(self.bits.clone(), self.policies.clone())
    }

    /// With what a store knows as well. It counts where a bit was given otherwise here: other nodes go by it.
    pub(super) fn with(mut self, stored: Self) -> Self {
        let is_taken = |purpose: &str, bit: u8| {
            stored.bits.iter().any(|(other, taken)| *taken == bit && *other != *purpose)
        };
        self.bits.retain(|purpose, bit| !is_taken(purpose, *bit));
        self.bits.extend(stored.bits);
        let new: Vec<_> =
            stored.policies.into_iter().filter(|version| !self.policies.contains(version)).collect();
        self.policies.extend(new);
        self
    }

    pub(super) fn learn(&mut self, policy: &Policy) {
        self.bits.extend(policy.bits());
        let version = (policy.fingerprint(), policy.statement());
        if !self.policies.contains(&version) {
            self.policies.push(version);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(bits: &[(&str, u8)], policies: &[&str]) -> Known {
        let version = |policy: &&str| ((*policy).to_owned(), String::new());
        Known {
            bits: bits.iter().map(|(id, bit)| ((*id).to_owned(), *bit)).collect(),
            policies: policies.iter().map(version).collect(),
        }
    }

    #[test]
    fn the_bits_of_the_store_count() {
        let own = known(&[("statistics", 0), ("marketing", 1)], &["one"]);
        for (before, stored, bits) in [
            (&own, &[][..], &[("marketing", 1), ("statistics", 0)][..]),
            (&own, &[("video", 2)], &[("marketing", 1), ("statistics", 0), ("video", 2)]),
            // Given here otherwise, and given to another.
            (&own, &[("marketing", 3)], &[("marketing", 3), ("statistics", 0)]),
            (&own, &[("video", 1)], &[("statistics", 0), ("video", 1)]),
        ] {
            let with = before.clone().with(known(stored, &["one", "two"]));
            let found: Vec<_> = with.bits.iter().map(|(id, bit)| (id.as_str(), *bit)).collect();
            assert_eq!(found, bits);
            assert_eq!(with.policies, known(&[], &["one", "two"]).policies);
        }
    }
}
