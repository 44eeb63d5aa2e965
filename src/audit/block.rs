//! Refusing requests by pseudonym.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::pseudonym::{Pseudonym, Reader, Writer};
use crate::time::UnixTime;

/// The most blocks there can be.
const MOST: usize = 1_000_000;

/// A host or network whose requests are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Block {
    /// The pseudonym of the host or network, under the key of today or, where it has not come since, of yesterday.
    pub pseudonym: Pseudonym,
    /// Why.
    pub reason: Arc<str>,
    /// Until when.
    pub until: UnixTime,
}

/// There is no room for another block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyBlocks;

impl fmt::Display for TooManyBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there are {MOST} blocks already: lift some first")
    }
}

impl std::error::Error for TooManyBlocks {}

/// Who is refused, by the names that they have under the keys that live.
///
/// A key dies with its day, and a block must not keep it, nor an address. So blocks stand under the names of the day on which
/// they were made. Whoever comes under a name of yesterday that is blocked is blocked under the name of today, and the old
/// name forgotten. Nobody else is told from one day to the next.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// Grows whenever an answer may have become another, so that answers can be kept.
    generation: AtomicU32,
    /// Whether there are names of yesterday.
    carries: AtomicBool,
    lists: RwLock<Lists>,
}

type List = HashMap<Pseudonym, Terms>;

#[derive(Debug, Clone, Default)]
pub(super) struct Lists {
    today: List,
    yesterday: List,
}

impl Lists {
    /// How many bytes [`Self::write`] writes.
    pub(super) fn length_written(&self) -> usize {
        let terms = self.today.values().chain(self.yesterday.values());
        // A length, a sum, two counts; and for each a name, an end, a length and a reason.
        4 + 8 + 2 * 4 + terms.map(|terms| 8 + 8 + 4 + terms.reason.len()).sum::<usize>()
    }

    /// Writes every block, for another process.
    pub(super) fn write(&self, out: &mut Writer) {
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        for list in [&self.today, &self.yesterday] {
            out.put(&length(list.len()));
            for (name, Terms { reason, until }) in list {
                out.put(&name.number().to_be_bytes());
                out.put(&until.seconds().to_be_bytes());
                out.put(&length(reason.len()));
                out.put(reason.as_bytes());
            }
        }
    }

    /// The blocks that another process wrote.
    pub(super) fn read(bytes: &mut Reader<'_>) -> Option<Self> {
        let mut lists = Self::default();
        for list in [&mut lists.today, &mut lists.yesterday] {
            for _ in 0..bytes.u32()? {
                let name = Pseudonym::from_number(bytes.u64()?);
                let (until, length) = (bytes.moment()?, bytes.u32()?);
                let reason = std::str::from_utf8(bytes.slice(length)?).ok()?.into();
                list.insert(name, Terms { reason, until });
            }
        }
        bytes.0.is_empty().then_some(lists)
    }

    /// Names of yesterday that are not blocked as names of today as well.
    fn only_of_yesterday(&self) -> impl Iterator<Item = (&Pseudonym, &Terms)> {
        self.yesterday.iter().filter(|(name, _)| !self.today.contains_key(name))
    }
}

#[derive(Debug, Clone)]
struct Terms {
    reason: Arc<str>,
    until: UnixTime,
}

/// The names of one client: its host's and its network's.
pub(super) type Names = [Pseudonym; 2];

impl Blocks {
    /// Answers of [`Self::refuses`] are good while this stays as it is.
    pub(super) fn generation(&self) -> u32 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether a client of these names is refused. `yesterday` gives its names under the key before, if that lives.
    pub(super) fn refuses(&self, names: Names, yesterday: impl FnOnce() -> Option<Names>) -> bool {
        if names.iter().any(|name| self.read().today.contains_key(name)) {
            return true;
        }
        if !self.carries.load(Ordering::Relaxed) {
            return false;
        }
        let Some(old_names) = yesterday() else { return false };
        if old_names.iter().any(|old| self.read().yesterday.contains_key(old)) {
            self.carry(names, old_names);
        }
        // Another request of theirs may have moved it meanwhile.
        names.iter().any(|name| self.read().today.contains_key(name))
    }

    /// Moves what was blocked under a name of yesterday to the name of today.
    fn carry(&self, names: Names, old_names: Names) {
        self.change(|lists| {
            for (name, old) in names.into_iter().zip(old_names) {
                if let Some(terms) = lists.yesterday.remove(&old) {
                    lists.today.insert(name, terms);
                }
            }
        });
    }

    /// Refuses a name until a moment. It may be one of yesterday: nobody can tell by looking at it.
    pub(super) fn add(&self, block: Block, keeps_yesterday: bool) -> Result<(), TooManyBlocks> {
        let Block { pseudonym, reason, until } = block;
        let terms = Terms { reason, until };
        self.change(|lists| {
            let lengths = lists.today.len() + lists.yesterday.len();
            match lists.today.entry(pseudonym) {
                Entry::Vacant(_) if lengths >= MOST => return Err(TooManyBlocks),
                Entry::Vacant(place) => drop(place.insert(terms.clone())),
                Entry::Occupied(mut place) => drop(place.insert(terms.clone())),
            }
            if keeps_yesterday {
                lists.yesterday.insert(pseudonym, terms);
            }
            Ok(())
        })
    }

    /// Lifts a block; whether there was one.
    pub(super) fn lift(&self, pseudonym: Pseudonym) -> bool {
        self.change(|lists| {
            let (today, yesterday) = (lists.today.remove(&pseudonym), lists.yesterday.remove(&pseudonym));
            today.is_some() || yesterday.is_some()
        })
    }

    /// Every block, the one that ends first first.
    pub(super) fn all(&self) -> Vec<Block> {
        let lists = self.read();
        let mut all: Vec<_> = lists
            .today
            .iter()
            .chain(lists.only_of_yesterday())
            .map(|(pseudonym, terms)| Block {
                pseudonym: *pseudonym,
                reason: terms.reason.clone(),
                until: terms.until,
            })
            .collect();
        all.sort_unstable_by_key(|block| (block.until, block.pseudonym));
        all
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        let lists = self.read();
        lists.today.len() + lists.only_of_yesterday().count()
    }

    /// Lifts the blocks that end by now.
    pub(super) fn expire(&self, now: UnixTime) {
        let ends = |list: &List| list.values().any(|terms| terms.until <= now);
        let due = {
            let lists = self.read();
            ends(&lists.today) || ends(&lists.yesterday)
        };
        if due {
            self.change(|lists| {
                lists.today.retain(|_, terms| terms.until > now);
                lists.yesterday.retain(|_, terms| terms.until > now);
            });
        }
    }

    /// Begins a day with a key of its own. The names of two days ago are forgotten: their key is gone.
    pub(super) fn turn(&self) {
        self.change(|lists| lists.yesterday = std::mem::take(&mut lists.today));
    }

    /// Forgets the names of yesterday: their key is gone.
    pub(super) fn forget_yesterday(&self) {
        if self.carries.load(Ordering::Relaxed) {
            self.change(|lists| lists.yesterday.clear());
        }
    }

    /// Puts the blocks of another process in the place of all that there are.
    pub(super) fn restore(&self, lists: Lists) {
        self.change(|all| *all = lists);
    }

    /// What is found by looking at all of them at one moment.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Lists) -> T) -> T {
        look(&self.read())
    }

    fn change<T>(&self, change: impl FnOnce(&mut Lists) -> T) -> T {
        let mut lists: RwLockWriteGuard<'_, Lists> =
            self.lists.write().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut lists);
        self.carries.store(!lists.yesterday.is_empty(), Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::Release);
        result
    }

    fn read(&self) -> RwLockReadGuard<'_, Lists> {
        self.lists.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: u64) -> Pseudonym {
        Pseudonym::from_number(number)
    }

    fn block(number: u64, until: i64) -> Block {
        Block { pseudonym: name(number), reason: "scans".into(), until: UnixTime::from_seconds(until) }
    }

    const NOBODY: fn() -> Option<Names> = || None;

    #[test]
    fn hosts_and_networks_are_refused_until_the_block_ends() {
        let blocks = Blocks::default();
        assert!(!blocks.refuses([name(1), name(2)], NOBODY));
        blocks.add(block(1, 100), false).unwrap();
        blocks.add(block(20, 200), false).unwrap();
        assert!(blocks.refuses([name(1), name(2)], NOBODY), "by its host");
        assert!(blocks.refuses([name(3), name(20)], NOBODY), "by its network");
        assert!(!blocks.refuses([name(3), name(4)], NOBODY));
        assert_eq!(blocks.all().iter().map(|block| block.pseudonym).collect::<Vec<_>>(), [name(1), name(20)]);
        let before = blocks.generation();
        blocks.expire(UnixTime::from_seconds(99));
        assert_eq!(blocks.generation(), before, "nothing has ended");
        blocks.expire(UnixTime::from_seconds(100));
        assert_ne!(blocks.generation(), before);
        assert!(!blocks.refuses([name(1), name(2)], NOBODY));
        assert!(blocks.lift(name(20)) && !blocks.lift(name(20)));
        assert_eq!(blocks.all(), []);
    }

    #[test]
    fn a_block_follows_its_sender_into_the_next_day_and_nobody_else() {
        let blocks = Blocks::default();
        blocks.add(block(1, 1_000), false).unwrap();
        blocks.add(block(20, 1_000), false).unwrap();
        blocks.turn();
        let old = |host, network| move || Some([name(host), name(network)]);
        assert!(!blocks.refuses([name(101), name(102)], old(5, 6)));
        assert!(blocks.refuses([name(101), name(102)], old(1, 6)), "met under the old name");
        assert!(blocks.refuses([name(101), name(102)], || panic!("the old name is not needed any more")));
        assert!(!blocks.refuses([name(103), name(102)], old(1, 6)), "the old name is forgotten");
        assert!(blocks.refuses([name(104), name(120)], old(8, 20)));
        assert!(blocks.refuses([name(105), name(120)], NOBODY), "the rest of the network");
        blocks.turn();
        assert_eq!(blocks.all().len(), 2);
        blocks.turn();
        assert_eq!(blocks.all(), [], "whoever does not come for a day is forgotten with the key");
    }

    #[test]
    fn a_block_that_another_request_carries_over_meanwhile_holds() {
        let blocks = Blocks::default();
        blocks.add(block(1, 1_000), false).unwrap();
        blocks.turn();
        let (names, old_names) = ([name(101), name(102)], [name(1), name(2)]);
        let meanwhile = || {
            assert!(blocks.refuses(names, || Some(old_names)));
            Some(old_names)
        };
        assert!(blocks.refuses(names, meanwhile));
    }

    #[test]
    fn a_name_of_yesterday_can_be_blocked() {
        let blocks = Blocks::default();
        blocks.add(block(1, 1_000), true).unwrap();
        assert_eq!((blocks.all().len(), blocks.count()), (1, 1));
        assert!(blocks.refuses([name(101), name(102)], || Some([name(1), name(2)])));
        blocks.forget_yesterday();
        assert!(blocks.refuses([name(101), name(102)], NOBODY));
    }
}
