//! Names of new hosts that other nodes have not been told yet.

use crate::pseudonym::Pseudonym;

/// How many wait at most, under one key: 2 MiB of them.
const ROOM: usize = 262_144;

/// Names under the sketch key of one turn of the ring, on their way to where all nodes count them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Untold {
    pub(super) turn: u32,
    pub(super) names: Vec<Pseudonym>,
    /// Whether some may have been given up because there was no room.
    pub(super) overflowed: bool,
}

impl Untold {
    pub(super) fn of(turn: u32) -> Self {
        Self { turn, ..Self::default() }
    }

    pub(super) fn add(&mut self, name: Pseudonym) {
        if self.names.len() == ROOM && !self.overflowed {
            // Who comes again in another bucket is there again. Where that makes little room, it is not tried another time.
            self.names.sort_unstable();
            self.names.dedup();
            self.overflowed = self.names.len() > ROOM / 2;
        }
        if self.names.len() < ROOM {
            self.names.push(name);
        }
    }

    pub(super) fn add_all(&mut self, other: Self) {
        self.overflowed |= other.overflowed;
        other.names.into_iter().for_each(|name| self.add(name));
    }

    /// Whether everybody has been told.
    pub(super) fn is_told(&self) -> bool {
        self.names.is_empty() && !self.overflowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_what_is_given_up_is_known() {
        let name = |number| Pseudonym::from_number(number);
        let mut untold = Untold::of(3);
        assert!(untold.is_told());
        for number in (0..ROOM as u64).chain(0..10) {
            untold.add(name(number));
        }
        assert_eq!(
            (untold.names.len(), untold.overflowed),
            (ROOM, true),
            "everybody is there, and one more came"
        );
        let mut again = Untold::of(3);
        (0..2 * ROOM as u64).for_each(|number| again.add(name(number % 100)));
        assert!(!again.overflowed, "the same hundred");
        again.names.clear();
        again.add_all(untold);
        assert!(again.names.len() == ROOM && !again.is_told());
    }
}
