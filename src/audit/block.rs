//! Refusing requests by pseudonym.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::block_news::News;
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

impl Block {
    /// A block as another node has told of it.
    pub fn new(pseudonym: Pseudonym, reason: impl Into<Arc<str>>, until: UnixTime) -> Self {
        Self { pseudonym, reason: reason.into(), until }
    }

    pub(super) fn of(pseudonym: Pseudonym, Terms { reason, until }: Terms) -> Self {
        Self { pseudonym, reason, until }
    }
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

pub(super) type List = HashMap<Pseudonym, Terms>;

#[derive(Debug, Clone, Default)]
pub(super) struct Lists {
    today: List,
    yesterday: List,
    /// What other nodes are to be told, where there are some: of today and of yesterday.
    news: Option<[News; 2]>,
}

/// Under the names of which day blocks stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Day {
    Today,
    Yesterday,
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

    /// Blocks or lifts a name of a day; the terms that it had.
    fn set(&mut self, day: Day, name: Pseudonym, terms: Option<Terms>) -> Option<Terms> {
        if let Some(news) = &mut self.news {
            news[day as usize].note(name, terms.clone());
        }
        let list = self.of(day);
        match terms {
            Some(terms) => list.insert(name, terms),
            None => list.remove(&name),
        }
    }

    fn of(&mut self, day: Day) -> &mut List {
        match day {
            Day::Today => &mut self.today,
            Day::Yesterday => &mut self.yesterday,
        }
    }

    /// Names of yesterday that are not blocked as names of today as well.
    fn only_of_yesterday(&self) -> impl Iterator<Item = (&Pseudonym, &Terms)> {
        self.yesterday.iter().filter(|(name, _)| !self.today.contains_key(name))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) reason: Arc<str>,
    pub(super) until: UnixTime,
}

/// The names of one client: its host's and its network's.
pub(super) type Names = [Pseudonym; 2];

impl Blocks {
    /// Blocks that other nodes have as well.
    pub(super) fn in_common() -> Self {
        let lists = Lists { news: Some(Default::default()), ..Lists::default() };
        Self { lists: RwLock::new(lists), ..Self::default() }
    }

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
                if lists.yesterday.contains_key(&old) {
                    let terms = lists.set(Day::Yesterday, old, None);
                    lists.set(Day::Today, name, terms);
                }
            }
        });
    }

    /// Refuses a name until a moment. It may be one of yesterday: nobody can tell by looking at it.
    pub(super) fn add(&self, block: Block, keeps_yesterday: bool) -> Result<(), TooManyBlocks> {
        let Block { pseudonym, reason, until } = block;
        let terms = Terms { reason, until };
        self.change(|lists| {
            if !lists.today.contains_key(&pseudonym) && lists.today.len() + lists.yesterday.len() >= MOST {
                return Err(TooManyBlocks);
            }
            if keeps_yesterday {
                lists.set(Day::Yesterday, pseudonym, Some(terms.clone()));
            }
            lists.set(Day::Today, pseudonym, Some(terms));
            Ok(())
        })
    }

    /// Lifts a block; whether there was one.
    pub(super) fn lift(&self, pseudonym: Pseudonym) -> bool {
        self.change(|lists| {
            let lifted = [Day::Today, Day::Yesterday].map(|day| lists.set(day, pseudonym, None).is_some());
            lifted.contains(&true)
        })
    }

    /// Every block, the one that ends first first.
    pub(super) fn all(&self) -> Vec<Block> {
        let lists = self.read();
        let standing = lists.today.iter().chain(lists.only_of_yesterday());
        let mut all: Vec<_> = standing.map(|(name, terms)| Block::of(*name, terms.clone())).collect();
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
        self.change(|lists| {
            lists.yesterday = std::mem::take(&mut lists.today);
            if let Some([today, yesterday]) = &mut lists.news {
                *yesterday = std::mem::take(today);
            }
        });
    }

    /// Forgets the names of yesterday: their key is gone.
    pub(super) fn forget_yesterday(&self) {
        if self.carries.load(Ordering::Relaxed) {
            self.change(|lists| lists.yesterday.clear());
        }
    }

    /// What other nodes are to be told of a day; of `everything` that stands, where they may know nothing.
    pub(super) fn news(&self, day: Day, everything: bool) -> News {
        let mut lists = self.write();
        let list = if everything { lists.of(day).clone() } else { List::default() };
        let Some(news) = &mut lists.news else { return News::default() };
        news[day as usize].add_standing(&list);
        news[day as usize].clone()
    }

    /// Notes that other nodes have been told, and what they say stands; what has happened here meanwhile comes on top.
    pub(super) fn hear(&self, day: Day, told: &News, stands: Option<Vec<Block>>) {
        let mut lists = self.write();
        let Some(news) = &mut lists.news else { return };
        news[day as usize].forget(told);
        let Some(stands) = stands else { return };
        let list = news[day as usize].on_top_of(stands.into_iter().take(MOST));
        if *lists.of(day) != list {
            *lists.of(day) = list;
            self.note_change(&lists);
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
        let mut lists = self.write();
        let result = change(&mut lists);
        self.note_change(&lists);
        result
    }

    fn note_change(&self, lists: &Lists) {
        self.carries.store(!lists.yesterday.is_empty(), Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::Release);
    }

    fn write(&self) -> RwLockWriteGuard<'_, Lists> {
        self.lists.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Lists> {
        self.lists.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::cluster::BlockChange;

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
    fn what_nodes_tell_each_other_stands_on_both() {
        let (one, other) = (Blocks::in_common(), Blocks::in_common());
        let tell = |from: &Blocks, to: &Blocks, day| {
            let news = from.news(day, false);
            let mut stands = to.look(|lists| lists.clone());
            let list = std::mem::take(stands.of(day));
            let stands = news.on_top_of(list.into_iter().map(|(name, terms)| Block::of(name, terms)));
            let stands: Vec<_> = stands.into_iter().map(|(name, terms)| Block::of(name, terms)).collect();
            to.hear(day, &News::default(), Some(stands.clone()));
            from.hear(day, &news, Some(stands));
        };
        one.add(block(1, 1_000), false).unwrap();
        tell(&one, &other, Day::Today);
        assert_eq!(other.all(), one.all());
        assert!(one.news(Day::Today, false).changes().is_empty(), "it is told");
        let generation = other.generation();
        tell(&one, &other, Day::Today);
        assert_eq!(other.generation(), generation, "nothing has changed");
        // What happens while it is told stays on top, and is told next.
        let news = one.news(Day::Today, false);
        one.add(block(2, 1_000), false).unwrap();
        one.hear(Day::Today, &news, Some(vec![block(1, 1_000)]));
        assert_eq!(one.count(), 2);
        tell(&one, &other, Day::Today);
        assert_eq!(other.count(), 2);
        // It follows its sender into the next day on the node that he comes to, and on the other.
        one.turn();
        other.turn();
        assert!(one.refuses([name(101), name(102)], || Some([name(1), name(9)])));
        tell(&one, &other, Day::Today);
        tell(&one, &other, Day::Yesterday);
        assert_eq!(other.all(), one.all());
        assert!(other.refuses([name(101), name(102)], NOBODY));
        assert!(
            !other.refuses([name(103), name(104)], || Some([name(1), name(9)])),
            "the old name is forgotten"
        );
        assert!(other.lift(name(101)));
        tell(&other, &one, Day::Today);
        assert!(!one.refuses([name(101), name(102)], NOBODY));
        // Whoever has lost everything is told of everything.
        other.add(block(7, 1_000), false).unwrap();
        tell(&other, &one, Day::Today);
        assert!(other.news(Day::Today, false).changes().is_empty());
        assert_eq!(other.news(Day::Today, true).changes(), [BlockChange::Block(block(7, 1_000))]);
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
