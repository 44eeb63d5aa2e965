/// A list that needs no allocation while it has no more than `N` entries.
#[derive(Debug, Clone)]
pub(super) enum Few<T, const N: usize> {
    Inline { count: u8, first: [T; N] },
    Many(Vec<T>),
}

impl<T: Copy + Default, const N: usize> Few<T, N> {
    #[inline]
    pub(super) fn push(&mut self, entry: T) {
        if let Self::Inline { count, first } = self
            && let Some(place) = first.get_mut(usize::from(*count))
        {
            *place = entry;
            *count += 1;
        } else {
            self.push_further(entry);
        }
    }

    #[cold]
    fn push_further(&mut self, entry: T) {
        match self {
            Self::Inline { first, .. } => *self = Self::Many(first.iter().copied().chain([entry]).collect()),
            Self::Many(all) => all.push(entry),
        }
    }

    /// Whether it takes no memory beside its own.
    pub(super) fn is_inline(&self) -> bool {
        matches!(self, Self::Inline { .. })
    }

    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            Self::Inline { count, first } => &first[..usize::from(*count)],
            Self::Many(all) => all,
        }
    }
}

impl<T: Copy + Default, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        Self::Inline { count: 0, first: [T::default(); N] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_keep_their_order_past_the_inline_bound() {
        let mut few = Few::<u8, 3>::default();
        for number in 0..10 {
            assert_eq!(few.as_slice(), (0..number).collect::<Vec<_>>());
            assert_eq!(few.is_inline(), number <= 3);
            few.push(number);
        }
    }
}
