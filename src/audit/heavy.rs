//! Who asks most, in bounded memory whatever comes.

use std::collections::{BTreeSet, HashMap};

use crate::pseudonym::Pseudonym;

/// What is counted of one sender.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) refused: u64,
}

impl Tally {
    fn add(&mut self, more: Self) {
        self.requests += more.requests;
        self.errors += more.errors;
        self.refused += more.refused;
    }
}

/// The senders of the most requests, by Space-Saving (Metwally, Agrawal and El Abbadi, 2005): whoever sends more than one
/// request in `room` is among them, and is counted too high by at most what is said.
#[derive(Debug, Clone)]
pub(super) struct Heavy {
    room: usize,
    found: HashMap<Pseudonym, Found>,
    /// The same by requests, the fewest first.
    order: BTreeSet<(u64, Pseudonym)>,
}

#[derive(Debug, Clone, Copy)]
struct Found {
    tally: Tally,
    /// Requests that may have been those of somebody else.
    doubtful: u64,
}

impl Heavy {
    pub(super) fn with_room(room: usize) -> Self {
        Self { room, found: HashMap::new(), order: BTreeSet::new() }
    }

    pub(super) fn add(&mut self, sender: Pseudonym, more: Tally) {
        let mut found = match self.found.get(&sender) {
            Some(found) => {
                self.order.remove(&(found.tally.requests, sender));
                *found
            }
            None if self.found.len() < self.room => Found { tally: Tally::default(), doubtful: 0 },
            None => self.displace(),
        };
        found.tally.add(more);
        self.order.insert((found.tally.requests, sender));
        self.found.insert(sender, found);
    }

    /// Makes room at the cost of whoever sent least; whoever comes instead inherits the count, because that may be theirs.
    fn displace(&mut self) -> Found {
        let Some((requests, least)) = self.order.pop_first() else {
            return Found { tally: Tally::default(), doubtful: 0 };
        };
        self.found.remove(&least);
        Found { tally: Tally { requests, ..Tally::default() }, doubtful: requests }
    }

    /// Adds what another has found.
    pub(super) fn add_all(&mut self, other: &Self) {
        other.each().for_each(|(sender, tally, _)| self.add(sender, tally));
    }

    /// Everybody found, with what is counted and how much of it is doubtful.
    pub(super) fn each(&self) -> impl Iterator<Item = (Pseudonym, Tally, u64)> {
        self.found.iter().map(|(sender, found)| (*sender, found.tally, found.doubtful))
    }

    pub(super) fn clear(&mut self) {
        self.found.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Tally = Tally { requests: 1, errors: 0, refused: 0 };

    #[test]
    fn the_heaviest_are_found_among_a_crowd_that_comes_once() {
        let mut heavy = Heavy::with_room(64);
        let one_off = |number: u64| Pseudonym::from_number(1_000_000 + number);
        let mut sent = 0;
        for round in 0..1_000 {
            for sender in 1..=3 {
                heavy.add(Pseudonym::from_number(sender), Tally { errors: 1, ..ONE });
            }
            for number in 0..20 {
                heavy.add(one_off(round * 20 + number), ONE);
            }
            sent += 23;
        }
        assert!(heavy.found.len() <= 64 && heavy.order.len() == heavy.found.len());
        for sender in 1..=3 {
            let found = heavy.found[&Pseudonym::from_number(sender)];
            assert!(found.tally.requests - found.doubtful <= 1_000 && found.tally.requests >= 1_000);
            assert!(found.doubtful <= sent / 64);
        }
        // No request is lost: displaced counts are inherited.
        assert_eq!(heavy.each().map(|(_, tally, _)| tally.requests).sum::<u64>(), sent);
    }

    #[test]
    fn two_can_be_put_together() {
        let (mut one, mut other) = (Heavy::with_room(8), Heavy::with_room(8));
        let sender = Pseudonym::from_number(7);
        one.add(sender, Tally { requests: 2, errors: 1, refused: 0 });
        other.add(sender, Tally { requests: 3, errors: 0, refused: 3 });
        one.add_all(&other);
        let all: Vec<_> = one.each().collect();
        assert_eq!(all, [(sender, Tally { requests: 5, errors: 1, refused: 3 }, 0)]);
        one.clear();
        assert_eq!(one.each().count(), 0);
    }
}
