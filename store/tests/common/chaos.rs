//! How often a fault is injected, and where what it showed is noted: `scripts/chaos` asks for all of it.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its own part, and a test may panic")]

use std::fs::OpenOptions;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::ops::Range;
use std::time::Duration;

/// Set to `full` where every fault is to be injected as often as was promised.
const SIZE: &str = "PINFOLD_CHAOS";

/// Names the file that lines of the ledger are appended to.
const LEDGER: &str = "PINFOLD_CHAOS_LEDGER";

pub(crate) fn is_full() -> bool {
    std::env::var(SIZE).is_ok_and(|size| size == "full")
}

/// How often: seldom enough for every day, or in full.
pub(crate) fn times(few: usize, full: usize) -> usize {
    if is_full() { full } else { few }
}

/// Notes what was injected, how many times, what held and what was measured. A test that fails notes nothing.
pub(crate) fn note(number: &str, injected: &str, times: usize, held: &str, figure: &str) {
    let Ok(ledger) = std::env::var(LEDGER) else { return };
    let mut ledger = OpenOptions::new().create(true).append(true).open(ledger).unwrap();
    // One write, because tests run side by side.
    ledger.write_all(format!("{number}\t{injected}\t{times}\t{held}\t{figure}\n").as_bytes()).unwrap();
}

/// Chance that differs from run to run.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new() -> Self {
        Self(RandomState::new().hash_one("chaos"))
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }

    pub(crate) fn milliseconds(&mut self, range: Range<u64>) -> Duration {
        let length = usize::try_from(range.end - range.start).unwrap();
        Duration::from_millis(range.start + self.below(length) as u64)
    }
}
