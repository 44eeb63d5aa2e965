//! When a server is asked that may be away.

use std::time::Duration;

/// How long nobody asks after one failure, and after many in a row.
const FIRST_REST: Duration = Duration::from_millis(500);
const LONGEST_REST: Duration = Duration::from_secs(5);

/// The same for a server that answers, but is not fit for use: somebody has to mend it.
const UNFIT_REST: Duration = Duration::from_secs(30);

/// Open after a failure: then nobody asks until a moment, at which one call tries again. Moments are those of a clock that cannot be stepped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Breaker {
    failures: u32,
    until: Duration,
}

impl Breaker {
    /// Whether somebody may ask now.
    pub(super) fn lets_through(&self, now: Duration) -> bool {
        self.failures == 0 || now >= self.until
    }

    /// Whether the last call failed.
    pub(super) fn is_open(&self) -> bool {
        self.failures > 0
    }

    pub(super) fn note_answer(&mut self) {
        *self = Self::default();
    }

    pub(super) fn note_failure(&mut self, now: Duration) {
        let doubled = FIRST_REST.saturating_mul(1 << self.failures.min(8));
        self.rest(now, doubled.min(LONGEST_REST));
    }

    pub(super) fn note_unfit(&mut self, now: Duration) {
        self.rest(now, UNFIT_REST);
    }

    fn rest(&mut self, now: Duration, rest: Duration) {
        self.failures = self.failures.saturating_add(1);
        self.until = now + rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_at_once_and_is_tried_again_ever_later() {
        let ms = Duration::from_millis;
        let mut breaker = Breaker::default();
        let mut now = ms(10_000);
        for rest in [500, 1_000, 2_000, 4_000, 5_000, 5_000] {
            assert!(breaker.lets_through(now));
            breaker.note_failure(now);
            assert!(breaker.is_open());
            assert!(!breaker.lets_through(now + ms(rest - 1)), "{rest}");
            now += ms(rest);
        }
        assert!(breaker.lets_through(now));
        breaker.note_answer();
        assert!(!breaker.is_open() && breaker.lets_through(Duration::ZERO));
        breaker.note_unfit(now);
        assert!(!breaker.lets_through(now + ms(29_999)) && breaker.lets_through(now + ms(30_000)));
        (0..100).for_each(|_| breaker.note_failure(now));
        assert!(breaker.lets_through(now + ms(5_000)), "it never gives up");
    }
}
