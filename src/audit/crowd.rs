//! Names that are told only once a crowd stands behind them.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use super::named::OTHER;

/// The name under which everything stands that has no crowd.
pub(super) const RARE: &str = "(rare)";

/// What is counted: it can be added up, and moved.
pub(super) trait Count: Copy + Default + PartialEq {
    fn add(&mut self, other: Self);

    fn less(self, other: Self) -> Self;

    /// How many stand behind a name.
    fn size(self) -> i64;
}

impl Count for i64 {
    fn add(&mut self, other: Self) {
        *self += other;
    }

    fn less(self, other: Self) -> Self {
        self - other
    }

    fn size(self) -> i64 {
        self
    }
}

/// Counts of one day by name, within groups that never mix. A name stands for itself once a crowd stands behind it; until
/// then it is part of `(rare)`. When it crosses, the next changes move it.
#[derive(Debug)]
pub(super) struct Crowds<G, C>(HashMap<(Box<str>, G), Standing<C>>);

#[derive(Debug, Default)]
struct Standing<C> {
    counted: C,
    written: C,
    /// Whether what is written stands under its own name.
    named: bool,
}

impl<G, C> Default for Crowds<G, C> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<G: Copy + Eq + Ord + Hash, C: Count> Crowds<G, C> {
    /// Adds a count. Beyond `room` names are told apart no more.
    pub(super) fn add(&mut self, name: Box<str>, group: G, count: C, room: usize) {
        let key = (name, group);
        let fits = self.0.len() < room || self.0.contains_key(&key);
        let key = if fits { key } else { (OTHER.into(), group) };
        self.0.entry(key).or_default().counted.add(count);
    }

    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What is new since the last changes.
    pub(super) fn changes(&mut self, crowd: usize) -> Vec<(&str, G, C)> {
        let mut changes = Vec::new();
        let mut rare: BTreeMap<G, C> = BTreeMap::new();
        for ((name, group), standing) in &mut self.0 {
            let is_crowd = usize::try_from(standing.counted.size()).is_ok_and(|size| size >= crowd);
            let mut change = standing.counted.less(standing.written);
            if is_crowd && !standing.named {
                // What stood under `(rare)` moves to its own name.
                rare.entry(*group).or_default().add(C::default().less(standing.written));
                standing.named = true;
                change = standing.counted;
            }
            standing.written = standing.counted;
            if !standing.named {
                rare.entry(*group).or_default().add(change);
            } else if change != C::default() {
                changes.push((&**name, *group, change));
            }
        }
        let rare = rare.into_iter().filter(|(_, change)| *change != C::default());
        changes.extend(rare.map(|(group, change)| (RARE, group, change)));
        changes
    }
}
