//! Counts by name, found again by whatever led to the name.

use std::collections::HashMap;
use std::hash::BuildHasher as _;

use foldhash::quality::RandomState;

/// The name of everything beyond the room that there is.
pub(super) const OTHER: &str = "(other)";

/// How many texts are remembered.
const REMEMBERED: usize = 128;

/// What is counted of one day by name. Beyond `ROOM` names are told apart no more.
///
/// To find the name that a text stands for costs more than to count it, and few texts come again and again. So those that came lately
/// are remembered, as agents are: not the text, but a hash of it that nobody can foresee, and no longer than what is counted.
#[derive(Debug)]
pub(super) struct Named<C, const ROOM: usize> {
    /// Few enough that a hash that is quick, and hard to guess rather than secure, will do.
    places: HashMap<Box<str>, usize, RandomState>,
    counts: Vec<C>,
    remembered: Box<[Option<(u64, usize)>; REMEMBERED]>,
}

impl<C, const ROOM: usize> Default for Named<C, ROOM> {
    fn default() -> Self {
        Self { places: HashMap::default(), counts: Vec::new(), remembered: Box::new([None; REMEMBERED]) }
    }
}

impl<C: Copy + Default, const ROOM: usize> Named<C, ROOM> {
    /// The count of the name for which a text stands; `name` finds it where that is not remembered.
    pub(super) fn count_of<'a>(&mut self, text: &[u8], name: impl FnOnce() -> &'a str) -> &mut C {
        let hash = self.places.hasher().hash_one(text);
        let slot = hash as usize % REMEMBERED;
        let place = match self.remembered[slot] {
            Some((same, place)) if same == hash => place,
            _ => {
                let place = self.place_of(name());
                self.remembered[slot] = Some((hash, place));
                place
            }
        };
        &mut self.counts[place]
    }

    /// Every name with its count.
    pub(super) fn into_counts(self) -> impl Iterator<Item = (Box<str>, C)> {
        let Self { places, counts, .. } = self;
        places.into_iter().map(move |(name, place)| (name, counts[place]))
    }

    fn place_of(&mut self, name: &str) -> usize {
        let find = |name: &str| self.places.get(name).copied();
        let full = self.places.len() >= ROOM;
        if let Some(place) = find(name).or_else(|| find(OTHER).filter(|_| full)) {
            return place;
        }
        // Only a name that is new to the day needs a key of its own.
        let place = self.counts.len();
        self.places.insert(if full { OTHER } else { name }.into(), place);
        self.counts.push(C::default());
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_counts_for_its_name_whether_remembered_or_not() {
        let mut named = Named::<u32, 300>::default();
        let mut found = 0;
        for number in (0..3).flat_map(|_| 0..300_u32) {
            // Two texts for each name, and more than are remembered.
            let name = (number / 2).to_string();
            *named.count_of(&number.to_be_bytes(), || {
                found += 1;
                &name
            }) += 1;
            *named.count_of(b"again", || "again") += 1;
        }
        assert!((300..=900).contains(&found), "{found}");
        let mut counts: Vec<_> = named.into_counts().collect();
        counts.sort_unstable();
        assert_eq!(counts.len(), 151);
        assert_eq!(counts.pop(), Some(("again".into(), 900)));
        assert!(counts.iter().all(|(_, count)| *count == 6));
    }

    #[test]
    fn names_are_bounded_and_no_count_is_lost() {
        let mut named = Named::<u32, 10>::default();
        for number in (0..25_u32).chain(0..25) {
            let name = number.to_string();
            *named.count_of(&number.to_be_bytes(), || &name) += 1;
        }
        let counts: HashMap<_, _> = named.into_counts().collect();
        assert_eq!((counts.len(), counts[OTHER], counts["9"]), (11, 30, 2));
    }
}
