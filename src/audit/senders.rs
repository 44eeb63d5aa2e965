//! Who has asked most today, for whoever runs the server.

use super::heavy::{Heavy, Tally};
use crate::pseudonym::{Pseudonym, Unit};

/// How many hosts, and how many networks, are told apart.
const ROOM: usize = 4_096;

/// The same, for those of one thread who found no place in its bucket.
pub(super) const SPILL: usize = 256;

/// By what senders are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rank {
    /// By requests that were answered with an error of theirs or ours.
    Errors,
    /// By requests.
    Requests,
}

/// What one host or network has sent today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sender {
    /// Its pseudonym under the key of today.
    pub pseudonym: Pseudonym,
    /// Whether it is a host or a network.
    pub unit: Unit,
    /// How many requests, at most.
    pub requests: u64,
    /// How many of them may have been those of somebody else, of whom there were too many to tell apart.
    pub doubtful: u64,
    /// How many were answered with a status of 400 or more.
    pub errors: u64,
    /// How many were refused because of a block.
    pub refused: u64,
}

/// Hosts and networks, by requests. It is in memory alone, and is forgotten with the key.
#[derive(Debug, Clone)]
pub(super) struct Senders {
    hosts: Heavy,
    networks: Heavy,
}

impl Senders {
    pub(super) fn new() -> Self {
        Self::with_room(ROOM)
    }

    pub(super) fn with_room(room: usize) -> Self {
        Self { hosts: Heavy::with_room(room), networks: Heavy::with_room(room) }
    }

    pub(super) fn add(&mut self, host: Pseudonym, network: Pseudonym, tally: Tally) {
        if host != Pseudonym::OVERFLOW {
            self.hosts.add(host, tally);
            self.networks.add(network, tally);
        }
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        self.hosts.add_all(&other.hosts);
        self.networks.add_all(&other.networks);
    }

    pub(super) fn clear(&mut self) {
        self.hosts.clear();
        self.networks.clear();
    }

    /// The first of them, at most so many.
    pub(super) fn top(&self, unit: Unit, rank: Rank, most: usize) -> Vec<Sender> {
        let heavy = match unit {
            Unit::Host => &self.hosts,
            Unit::Network => &self.networks,
        };
        let mut all: Vec<_> = heavy
            .each()
            .map(|(pseudonym, tally, doubtful)| Sender {
                pseudonym,
                unit,
                requests: tally.requests,
                doubtful,
                errors: tally.errors,
                refused: tally.refused,
            })
            .collect();
        let by = |sender: &Sender| match rank {
            Rank::Errors => sender.errors,
            Rank::Requests => sender.requests - sender.doubtful,
        };
        all.sort_unstable_by_key(|sender| (std::cmp::Reverse(by(sender)), sender.pseudonym));
        all.truncate(most);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_requests_and_by_errors() {
        let mut senders = Senders::new();
        let name = Pseudonym::from_number;
        senders.add(name(1), name(10), Tally { requests: 50, errors: 1, refused: 0 });
        senders.add(name(2), name(10), Tally { requests: 20, errors: 20, refused: 0 });
        senders.add(name(3), name(30), Tally { requests: 60, errors: 0, refused: 7 });
        senders.add(Pseudonym::OVERFLOW, Pseudonym::OVERFLOW, Tally { requests: 999, errors: 0, refused: 0 });
        let top = |unit, rank, most| -> Vec<_> {
            senders.top(unit, rank, most).iter().map(|sender| sender.pseudonym.number()).collect()
        };
        assert_eq!(top(Unit::Host, Rank::Requests, 9), [3, 1, 2]);
        assert_eq!(top(Unit::Host, Rank::Errors, 2), [2, 1]);
        assert_eq!(top(Unit::Network, Rank::Requests, 9), [10, 30]);
        let heaviest = senders.top(Unit::Network, Rank::Requests, 1)[0];
        assert_eq!((heaviest.requests, heaviest.errors, heaviest.refused), (70, 21, 0));
    }
}
