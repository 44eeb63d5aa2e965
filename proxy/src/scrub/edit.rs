use std::borrow::Cow;
use std::ops::Range;

/// A text of which parts are replaced, from its beginning to its end; the rest stays byte for byte, uncopied if it is all.
pub(super) struct Edit<'a> {
    text: &'a [u8],
    done: usize,
    edited: Vec<u8>,
    is_changed: bool,
}

impl<'a> Edit<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        Self { text, done: 0, edited: Vec::new(), is_changed: false }
    }

    /// Writes something else where `part` was, which begins no sooner than the one before has ended.
    pub(super) fn replace(&mut self, part: Range<usize>, by: &[u8]) {
        if !self.is_changed {
            self.edited.reserve(self.text.len() + by.len());
            self.is_changed = true;
        }
        self.edited.extend_from_slice(&self.text[self.done..part.start]);
        self.edited.extend_from_slice(by);
        self.done = part.end;
    }

    pub(super) fn finish(mut self) -> Cow<'a, [u8]> {
        if !self.is_changed {
            return Cow::Borrowed(self.text);
        }
        self.edited.extend_from_slice(&self.text[self.done..]);
        Cow::Owned(self.edited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_stays() {
        let mut edit = Edit::of(b"one two three");
        edit.replace(0..3, b"1");
        edit.replace(4..7, b"");
        assert_eq!(edit.finish(), Cow::<[u8]>::Owned(b"1  three".to_vec()));
        assert!(matches!(Edit::of(b"one").finish(), Cow::Borrowed(b"one")));
    }
}
