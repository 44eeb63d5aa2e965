//! The action ledger: what administrators did, in a chain of hashes that shows what was changed afterwards.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::ledger::ActionRow;

/// The hash of an entry of the action ledger and, through the one before, of every earlier one. Shown as 64 hexadecimal digits.
///
/// Whoever can write to the store can make a whole new chain. So note a head elsewhere: it is logged and printed with each entry,
/// and a chain in which it does not occur is not the one that was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChainHash([u8; 32]);

impl ChainHash {
    /// What stands before the first entry.
    pub const START: Self = Self([0; 32]);

    /// From its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// The hash of an entry that follows this one.
    pub fn then(self, site: &str, sequence: u64, row: &ActionRow) -> Self {
        let ActionRow { at, act, uid, requested_by, approved_by, basis, result } = row;
        let mut hash = Sha256::new();
        hash.update(b"pinfold action 1");
        hash.update(self.0);
        hash.update(sequence.to_be_bytes());
        hash.update(at.seconds().to_be_bytes());
        hash.update(uid.to_be_bytes());
        for text in [site, act, requested_by, approved_by, basis, result] {
            // With its length, so that no two entries give the same bytes.
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        Self(hash.finalize().into())
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainHash({self})")
    }
}

impl FromStr for ChainHash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(NoHash);
        }
        for (byte, place) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[place..place + 2], 16).map_err(|_| NoHash)?;
        }
        Ok(Self(bytes))
    }
}

/// A text is not the hash of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoHash;

impl fmt::Display for NoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a head has 64 hexadecimal digits")
    }
}

impl std::error::Error for NoHash {}

/// An entry of the action ledger as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a new column changes what is hashed, and is a breaking change")]
pub struct ActionEntry {
    /// Its number; each is one more than the one before.
    pub sequence: u64,
    /// What was done.
    pub row: ActionRow,
    /// The hash of the entry before.
    pub previous: ChainHash,
    /// Its own.
    pub hash: ChainHash,
}

/// Where a chain is broken: the first entry that does not follow from the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a place in a chain is a number")]
pub struct BrokenAt(pub u64);

/// The hash of the last entry, if each follows from the one before.
///
/// The oldest entries may be gone, once they have been kept for as long as they are: the chain then begins with what the first
/// that is left says of the one before.
///
/// # Errors
///
/// The first entry that does not follow.
pub fn verify_chain<'a>(
    site: &str,
    entries: impl IntoIterator<Item = &'a ActionEntry>,
) -> Result<ChainHash, BrokenAt> {
    let mut head = None;
    for ActionEntry { sequence, row, previous, hash } in entries {
        let (number, before) = match head {
            None if *sequence == 1 => (1, ChainHash::START),
            None => (*sequence, *previous),
            Some((number, hash)) => (number + 1, hash),
        };
        if *sequence != number || *previous != before || before.then(site, number, row) != *hash {
            return Err(BrokenAt(*sequence));
        }
        head = Some((number, *hash));
    }
    Ok(head.map_or(ChainHash::START, |(_, hash)| hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixTime;

    fn row(basis: &str) -> ActionRow {
        ActionRow {
            at: UnixTime::from_seconds(1_795_341_600),
            act: "look-up".to_owned(),
            uid: 1000,
            requested_by: "PC 4711".to_owned(),
            approved_by: "Head of IT".to_owned(),
            basis: basis.to_owned(),
            result: "2 buckets".to_owned(),
        }
    }

    fn chain(length: u64) -> Vec<ActionEntry> {
        let mut previous = ChainHash::START;
        (1..=length)
            .map(|sequence| {
                let row = row(&format!("case {sequence}"));
                let hash = previous.then("town", sequence, &row);
                let before = std::mem::replace(&mut previous, hash);
                ActionEntry { sequence, row, previous: before, hash }
            })
            .collect()
    }

    #[test]
    fn a_whole_chain_has_its_last_hash_for_head() {
        let chain = chain(5);
        assert_eq!(verify_chain("town", &chain), Ok(chain[4].hash));
        assert_eq!(verify_chain("town", &[]), Ok(ChainHash::START));
        assert_eq!(verify_chain("town", &chain[2..]), Ok(chain[4].hash), "the oldest may be gone");
        assert_eq!(verify_chain("other", &chain), Err(BrokenAt(1)));
        assert_eq!(chain[4].hash.to_string().parse(), Ok(chain[4].hash));
        assert_eq!("x".parse::<ChainHash>(), Err(NoHash));
    }

    #[test]
    fn whatever_is_changed_is_found() {
        type Change = fn(&mut Vec<ActionEntry>);
        let changes: [(Change, u64); 6] = [
            (|chain| chain[2].row.basis = "another".to_owned(), 3),
            (|chain| chain[2].row.result.push('0'), 3),
            (|chain| chain[2].row.at = UnixTime::from_seconds(0), 3),
            (|chain| drop(chain.remove(2)), 4),
            (|chain| chain.swap(1, 2), 3),
            (
                |chain| {
                    chain[2].row.uid = 0;
                    chain[2].hash = chain[2].previous.then("town", 3, &chain[2].row);
                },
                4,
            ),
        ];
        for (change, place) in changes {
            let mut chain = chain(5);
            change(&mut chain);
            assert_eq!(verify_chain("town", &chain), Err(BrokenAt(place)));
        }
    }

    #[test]
    fn text_moved_from_one_field_to_the_next_is_another_entry() {
        let (mut one, mut other) = (row(""), row(""));
        (one.requested_by, one.approved_by) = ("ab".to_owned(), "c".to_owned());
        (other.requested_by, other.approved_by) = ("a".to_owned(), "bc".to_owned());
        assert_ne!(ChainHash::START.then("t", 1, &one), ChainHash::START.then("t", 1, &other));
    }
}
