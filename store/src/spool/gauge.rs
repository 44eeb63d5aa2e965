use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How many rows may wait on disk, and how many bytes they may take.
pub(super) const MOST_ROWS: u64 = 2_000_000;
pub(super) const MOST_BYTES: u64 = 1 << 30;

/// What waits on disk while a database is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolState {
    /// How many rows wait.
    pub rows: u64,
    /// How many may.
    pub most_rows: u64,
    /// How large the files are, in bytes.
    pub bytes: u64,
    /// How many records were damaged on disk, or did not fit the database, since the start.
    pub dropped: u64,
}

/// The same, as whoever writes and whoever asks share it.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    pub(super) rows: AtomicU64,
    pub(super) bytes: AtomicU64,
    dropped: AtomicU64,
    fails: AtomicBool,
}

impl Gauge {
    pub(crate) fn state(&self) -> SpoolState {
        SpoolState {
            rows: self.rows.load(Ordering::Relaxed),
            most_rows: MOST_ROWS,
            bytes: self.bytes.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }

    /// Whether what comes can be kept.
    pub(crate) fn has_room(&self) -> bool {
        let state = self.state();
        !self.fails.load(Ordering::Relaxed) && state.rows < MOST_ROWS && state.bytes < MOST_BYTES
    }

    pub(super) fn fits(&self, rows: u64, bytes: u64) -> bool {
        let state = self.state();
        state.rows + rows <= MOST_ROWS && state.bytes + bytes <= MOST_BYTES
    }

    pub(crate) fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn set_failing(&self, fails: bool) -> bool {
        self.fails.swap(fails, Ordering::Relaxed)
    }
}
