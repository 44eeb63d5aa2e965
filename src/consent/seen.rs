use std::sync::atomic::{AtomicU64, Ordering};

/// Which rules the site has set a cookie for, since the start.
///
/// Many rules are only there because they are well known: visitors are shown those of which there is a cookie.
#[derive(Debug, Default)]
pub(crate) struct SeenRules([AtomicU64; Self::WORDS]);

impl SeenRules {
    const WORDS: usize = 32;

    /// For another register, in which so many rules are each the same as the one of that number before, if there was one.
    pub(super) fn renewed(&self, rules: usize, before: impl Fn(usize) -> Option<usize>) -> Self {
        let renewed = Self::default();
        for rule in 0..u16::try_from(rules).unwrap_or(u16::MAX) {
            let same = before(usize::from(rule)).and_then(|place| u16::try_from(place).ok());
            if same.is_some_and(|same| self.has(same)) {
                renewed.note(rule);
            }
        }
        renewed
    }

    /// Notes that the site has set a cookie for the rule of this number; tells whether it is the first.
    pub(super) fn note(&self, rule: u16) -> bool {
        // Nearly always it is there already, and then nothing is written that other threads must see.
        self.place(rule).is_some_and(|(word, bit)| {
            word.load(Ordering::Relaxed) & bit == 0 && word.fetch_or(bit, Ordering::Relaxed) & bit == 0
        })
    }

    /// Whether there has been one. A rule for which there is no room counts as seen.
    pub(super) fn has(&self, rule: u16) -> bool {
        self.place(rule).is_none_or(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    fn place(&self, rule: u16) -> Option<(&AtomicU64, u64)> {
        self.0.get(usize::from(rule / 64)).map(|word| (word, 1 << (rule % 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_been_seen() {
        let seen = SeenRules::default();
        for rule in [0, 63, 64, 2047] {
            assert!(!seen.has(rule));
            assert!(seen.note(rule) && !seen.note(rule));
            assert!(seen.has(rule));
        }
        seen.note(2048);
        assert!(seen.has(2048) && !seen.has(1));
        // Of another register the second rule was rule 64, and the third is new.
        let renewed = seen.renewed(3, |place| [Some(1), Some(64), None][place]);
        assert_eq!([0, 1, 2].map(|rule| renewed.has(rule)), [false, true, false]);
    }
}
