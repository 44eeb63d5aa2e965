//! Log lines on standard error, for which no request waits.

use std::io::{self, Stderr, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};

/// How many lines may wait to be taken; a line has some 200 bytes. Beyond that lines are dropped.
const MOST_WAITING: usize = 8 * 1024;

/// Lines for which there was no room, of the log of this process.
static NO_ROOM: OnceLock<ErrorCounter> = OnceLock::new();

/// Lines that could not be written.
static UNWRITTEN: AtomicU64 = AtomicU64::new(0);

/// Sends log lines to standard error: `info` and above, unless `PINFOLD_LOG` says otherwise. What waits is written when the guard goes, within
/// a second.
///
/// Whatever panics from then on is logged, and nothing that it says: it may hold what somebody sent.
#[must_use = "nothing is written any more once it is dropped"]
pub(crate) fn log_to_stderr() -> WorkerGuard {
    let filter = tracing_subscriber::EnvFilter::try_from_env("PINFOLD_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let (lines, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(MOST_WAITING)
        .thread_name("pinfold-log")
        .finish(Lines { target: io::stderr(), torn: false });
    NO_ROOM.get_or_init(|| lines.error_counter());
    // Set already where a test has started a server before.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines).try_init();
    super::panics::log_panics();
    guard
}

/// How many lines nobody will read.
pub(crate) fn dropped_lines() -> u64 {
    let no_room = NO_ROOM.get().map_or(0, ErrorCounter::dropped_lines);
    no_room as u64 + UNWRITTEN.load(Ordering::Relaxed)
}

/// Writes whole lines, and counts those that cannot be written.
struct Lines<W = Stderr> {
    target: W,
    /// Whether something of a line may stand there without its end.
    torn: bool,
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.target.write(bytes)
    }

    /// What is written at a time is a line.
    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        let end: &[u8] = if self.torn { b"\n" } else { b"" };
        let written = self.target.write_all(end).and_then(|()| self.target.write_all(line));
        self.torn = written.is_err();
        UNWRITTEN.fetch_add(u64::from(self.torn), Ordering::Relaxed);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.target.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with so much room.
    struct Disk {
        written: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let length = bytes.len().min(self.room);
            self.room -= length;
            self.written.extend_from_slice(&bytes[..length]);
            if length == 0 && !bytes.is_empty() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(length) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn fault_21_a_line_that_is_cut_short_is_counted_and_joined_to_no_other() {
        let mut lines = Lines { target: Disk { written: Vec::new(), room: 8 }, torn: false };
        let before = UNWRITTEN.load(Ordering::Relaxed);
        assert!(lines.write_all(b"first\n").is_ok());
        assert!(lines.write_all(b"second\n").is_err());
        assert!(lines.write_all(b"third\n").is_err());
        lines.target.room = 100;
        assert!(lines.write_all(b"fourth\n").is_ok());
        assert_eq!(String::from_utf8_lossy(&lines.target.written), "first\nse\nfourth\n");
        assert_eq!(UNWRITTEN.load(Ordering::Relaxed) - before, 2);
    }
}
