use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// How often it is said how far it is.
const PROGRESS: Duration = Duration::from_millis(500);

/// Says on a terminal, and nowhere else, how far it is.
pub(crate) struct Progress {
    shown: Option<Instant>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { shown: io::stderr().is_terminal().then(Instant::now) }
    }

    pub(crate) fn show(&mut self, lines: u64) {
        // The clock is looked at once in a while.
        if !lines.is_multiple_of(8_192) {
            return;
        }
        if self.shown.is_some_and(|shown| shown.elapsed() >= PROGRESS) {
            let _ = write!(io::stderr(), "\r{lines} lines");
            self.shown = Some(Instant::now());
        }
    }

    pub(crate) fn end(&self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r");
        }
    }
}
