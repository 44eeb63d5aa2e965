//! What a thread found out lately, to be found again by a hash.

/// A table with one place for each hash that comes to it: whatever comes later takes the place. The hash must be keyed, so that nobody can foresee
/// it, and is all that is kept of what was hashed.
#[derive(Debug)]
pub(crate) struct Lately<T, const ROOM: usize>(Vec<Option<(u64, T)>>);

impl<T, const ROOM: usize> Lately<T, ROOM> {
    /// Takes no memory until something is remembered.
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn get(&self, hash: u64) -> Option<&T> {
        let (same, found) = self.0.get(place::<ROOM>(hash))?.as_ref()?;
        (*same == hash).then_some(found)
    }

    pub(crate) fn put(&mut self, hash: u64, found: T) {
        if self.0.is_empty() {
            self.0.resize_with(ROOM, || None);
        }
        self.0[place::<ROOM>(hash)] = Some((hash, found));
    }
}

const fn place<const ROOM: usize>(hash: u64) -> usize {
    hash as usize % ROOM
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_later_takes_the_place() {
        let mut lately = Lately::<_, 8>::new();
        assert_eq!(lately.get(3), None::<&char>);
        lately.put(3, 'a');
        lately.put(4, 'b');
        assert_eq!((lately.get(3), lately.get(4), lately.get(11)), (Some(&'a'), Some(&'b'), None));
        lately.put(11, 'c');
        assert_eq!((lately.get(3), lately.get(4), lately.get(11)), (None, Some(&'b'), Some(&'c')));
        lately.put(11, 'd');
        assert_eq!(lately.get(11), Some(&'d'));
    }
}
