//! Changes of blocks that other nodes have not been told yet.

use std::collections::HashMap;

use super::block::{Block, List, Terms};
use super::cluster::BlockChange;
use crate::pseudonym::Pseudonym;

/// The last change of each name; no terms stand for a block that was lifted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct News(HashMap<Pseudonym, Option<Terms>>);

impl News {
    pub(super) fn note(&mut self, name: Pseudonym, terms: Option<Terms>) {
        self.0.insert(name, terms);
    }

    /// Adds what stands, but for names of which there is news.
    pub(super) fn add_standing(&mut self, list: &List) {
        for (name, terms) in list {
            self.0.entry(*name).or_insert_with(|| Some(terms.clone()));
        }
    }

    /// Forgets what was told, unless there is other news of the same name.
    pub(super) fn forget(&mut self, told: &Self) {
        self.0.retain(|name, terms| told.0.get(name) != Some(terms));
    }

    /// What stands once the others know it, too.
    pub(super) fn on_top_of(&self, stands: impl Iterator<Item = Block>) -> List {
        let mut list: List = stands
            .map(|Block { pseudonym, reason, until, .. }| (pseudonym, Terms { reason, until }))
            .collect();
        for (name, terms) in &self.0 {
            match terms {
                Some(terms) => drop(list.insert(*name, terms.clone())),
                None => drop(list.remove(name)),
            }
        }
        list
    }

    /// As they are told.
    pub(super) fn changes(&self) -> Vec<BlockChange> {
        let change = |(name, terms): (&Pseudonym, &Option<Terms>)| match terms {
            Some(terms) => BlockChange::Block(Block::of(*name, terms.clone())),
            None => BlockChange::Lift(*name),
        };
        self.0.iter().map(change).collect()
    }
}
