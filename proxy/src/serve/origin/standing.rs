use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// So many questions in a row without a good answer make a server unwell.
const MOST_MISSED: u8 = 2;

/// Whether a server is well, as far as is known: read by all threads, written by the one that asks.
#[derive(Debug)]
pub(super) struct Standing {
    well: AtomicBool,
    missed: AtomicU8,
}

impl Default for Standing {
    /// Nobody is taken for unwell who was never asked.
    fn default() -> Self {
        Self { well: AtomicBool::new(true), missed: AtomicU8::new(0) }
    }
}

impl Standing {
    pub(super) fn is_well(&self) -> bool {
        self.well.load(Ordering::Relaxed)
    }

    /// Whether the next answer decides.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.is_well() && self.missed.load(Ordering::Relaxed) > 0
    }

    /// Notes whether a good answer came. True where that changes what is known.
    pub(super) fn note(&self, answered: bool) -> bool {
        let missed = if answered { 0 } else { self.missed.load(Ordering::Relaxed).saturating_add(1) };
        self.missed.store(missed, Ordering::Relaxed);
        let before = self.is_well();
        let well = if before { missed < MOST_MISSED } else { answered };
        self.well.store(well, Ordering::Relaxed);
        before != well
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_misses_make_unwell_and_one_answer_well() {
        let standing = Standing::default();
        for (answered, changes, well, doubt) in [
            (true, false, true, false),
            (false, false, true, true),
            (true, false, true, false),
            (false, false, true, true),
            (false, true, false, false),
            (false, false, false, false),
            (true, true, true, false),
            (false, false, true, true),
        ] {
            let changed = standing.note(answered);
            assert_eq!((changed, standing.is_well(), standing.is_in_doubt()), (changes, well, doubt));
        }
        (0..1000).for_each(|_| {
            standing.note(false);
        });
        assert!(standing.note(true), "however many were missed");
    }
}
