use std::fmt;
use std::ops::AddAssign;

/// What became of the lines of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) read: u64,
    pub(crate) counted: u64,
    /// Nobody could tell what was asked, when, or with which status.
    pub(crate) rejected: u64,
    /// Older than anything that is kept.
    pub(crate) older: u64,
    /// About hosts that are not the site's.
    pub(crate) elsewhere: u64,
    /// Bytes that were read on an earlier day.
    pub(crate) known: u64,
    /// Whether the last line has no end yet.
    pub(crate) goes_on: bool,
}

impl Tally {
    /// Whether there were lines, and none that says anything.
    pub(crate) fn makes_no_sense(&self) -> bool {
        self.read > 0 && self.rejected == self.read
    }

    /// Whether there were lines, and none of any use: they make no sense, or are too old.
    pub(crate) fn is_of_no_use(&self) -> bool {
        self.read > 0 && self.rejected + self.older == self.read
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.counted += other.counted;
        self.rejected += other.rejected;
        self.older += other.older;
        self.elsewhere += other.elsewhere;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { read, counted, rejected, older, .. } = self;
        write!(
            f,
            "{read} lines read, {counted} counted, {rejected} rejected, {older} older than what is kept (left out)"
        )?;
        if self.older > 0 {
            let when =
                if self.is_of_no_use() { "then import it again" } else { "before the first import of a log" };
            write!(f, "; to have those, lengthen `[audit] retention` {when}")?;
        }
        if self.elsewhere > 0 {
            write!(f, ", {} about other hosts", self.elsewhere)?;
        }
        if self.known > 0 {
            write!(f, "; {} bytes of it were imported before", self.known)?;
        }
        if self.goes_on {
            f.write_str("; the last line has no end yet and waits for the next time")?;
        }
        Ok(())
    }
}
