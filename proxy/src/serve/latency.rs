use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the buckets, in seconds.
pub(crate) const BOUNDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// How long answers took to begin, counted by one thread and read by another.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
    refused: AtomicU64,
    not_accepted: AtomicU64,
}

/// A sum over threads.
#[derive(Debug, Default, Clone)]
pub(crate) struct LatencySum {
    pub(crate) buckets: [u64; BOUNDS.len() + 1],
    pub(crate) seconds: f64,
    pub(crate) refused: u64,
    pub(crate) not_accepted: u64,
}

impl Latency {
    pub(super) fn note(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    /// A request that did not come in.
    pub(super) fn note_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// The system gave no connection.
    pub(super) fn note_not_accepted(&self) {
        self.not_accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_to(&self, sum: &mut LatencySum) {
        for (sum, bucket) in sum.buckets.iter_mut().zip(&self.buckets) {
            *sum += bucket.load(Ordering::Relaxed);
        }
        sum.seconds += self.microseconds.load(Ordering::Relaxed) as f64 / 1e6;
        sum.refused += self.refused.load(Ordering::Relaxed);
        sum.not_accepted += self.not_accepted.load(Ordering::Relaxed);
    }
}
