use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use super::lines::Extent;

/// How often it is said how far it is.
const PROGRESS: Duration = Duration::from_millis(500);

/// Says on a terminal, and nowhere else, how far it is.
pub(crate) struct Progress {
    shown: Option<Instant>,
    extent: Extent,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { shown: io::stderr().is_terminal().then(Instant::now), extent: Extent::default() }
    }

    /// Goes by the next file.
    pub(crate) fn follow(&mut self, extent: Extent) {
        self.extent = extent;
    }

    pub(crate) fn show(&mut self, lines: u64) {
        // The clock is looked at once in a while.
        if !lines.is_multiple_of(8_192) {
            return;
        }
        if self.shown.is_some_and(|shown| shown.elapsed() >= PROGRESS) {
            let _ = write!(io::stderr(), "\r{}", in_words(lines, self.extent.percent()));
            self.shown = Some(Instant::now());
        }
    }

    pub(crate) fn end(&self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r{:40}\r", "");
        }
    }
}

/// Lines of all files, and how much of this one. Longer than what it is written over.
fn in_words(lines: u64, percent: Option<u64>) -> String {
    match percent {
        None => format!("{lines} lines{:17}", ""),
        Some(percent) => format!("{lines} lines, {percent:3} % of a file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_covers_what_was_said_before() {
        assert_eq!(in_words(8_192, Some(7)), "8192 lines,   7 % of a file");
        assert!(in_words(8_192, None).len() >= in_words(8_192, Some(100)).len());
    }
}
