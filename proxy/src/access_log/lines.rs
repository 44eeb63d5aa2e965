use std::cell::Cell;
use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

/// A longer line is not looked at.
const LONGEST_LINE: u64 = 1024 * 1024;

/// How much is read at a time.
const BUFFER: usize = 256 * 1024;

/// The lines of a log, one at a time.
pub(crate) struct Lines {
    source: Box<dyn BufRead>,
    line: Vec<u8>,
    offset: u64,
    is_whole: bool,
    is_too_long: bool,
    ending: &'static [u8],
    extent: Extent,
}

/// How far a file has been read, packed as it is, for whoever watches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extent {
    /// Nothing where it is not known.
    size: Option<u64>,
    read: Rc<Cell<u64>>,
}

impl Extent {
    /// How much of it, in hundredths; nothing where its size is not known.
    pub(crate) fn percent(&self) -> Option<u64> {
        let size = self.size.filter(|size| *size > 0)?;
        // A log may grow meanwhile.
        Some((self.read.get().saturating_mul(100) / size).min(100))
    }
}

/// A file that notes how far it has been read.
struct Noted(File, Rc<Cell<u64>>);

impl Read for Noted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(into)?;
        self.1.set(self.1.get() + read as u64);
        Ok(read)
    }
}

impl Lines {
    /// Of a file, or `-` for standard input; plain or compressed, as its first bytes tell.
    pub(crate) fn open(file: &Path) -> io::Result<Self> {
        let mut extent = Extent::default();
        let source: Box<dyn Read> = if file == Path::new("-") {
            Box::new(io::stdin().lock())
        } else {
            let file = File::open(file)?;
            extent.size = file.metadata().ok().filter(Metadata::is_file).map(|known| known.len());
            Box::new(Noted(file, extent.read.clone()))
        };
        let mut source = BufReader::with_capacity(BUFFER, source);
        let is_packed = source.fill_buf()?.starts_with(&[0x1f, 0x8b]);
        let lines = Self::of(if is_packed {
            Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(source)))
        } else {
            Box::new(source)
        });
        Ok(Self { extent, ..lines })
    }

    /// How far it is in its file, now and later.
    pub(crate) fn extent(&self) -> Extent {
        self.extent.clone()
    }

    fn of(source: Box<dyn BufRead>) -> Self {
        Self {
            source,
            line: Vec::new(),
            offset: 0,
            is_whole: false,
            is_too_long: false,
            ending: b"\n",
            extent: Extent::default(),
        }
    }

    /// Goes on to the next line; whether there is one.
    pub(crate) fn advance(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.is_too_long = false;
        self.ending = b"\n";
        let source = &mut *self.source;
        let read = source.take(LONGEST_LINE).read_until(b'\n', &mut self.line)?;
        self.offset += read as u64;
        self.is_whole = self.line.last() == Some(&b'\n');
        if self.is_whole {
            self.line.pop();
            if self.line.last() == Some(&b'\r') {
                self.line.pop();
                self.ending = b"\r\n";
            }
        } else if read as u64 == LONGEST_LINE {
            self.offset += source.skip_until(b'\n')? as u64;
            self.is_too_long = true;
            self.is_whole = !source.fill_buf()?.is_empty();
        }
        Ok(read > 0)
    }

    /// The line, without its end; of one that is too long, as much as was read.
    pub(crate) fn line(&self) -> &[u8] {
        &self.line
    }

    /// The end of the line, or of the lines of Unix where it has none.
    pub(crate) fn ending(&self) -> &'static [u8] {
        self.ending
    }

    /// Whether the line has an end: else more of it may be written yet.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether the line is longer than anything that is looked at.
    pub(crate) fn is_too_long(&self) -> bool {
        self.is_too_long
    }

    /// How many bytes were read, unpacked, up to the end of the line.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Passes over everything up to an offset, or to the end; whether a line ends there.
    pub(crate) fn skip_to_end_of_line(&mut self, offset: u64) -> io::Result<bool> {
        self.skip_to(offset.saturating_sub(1))?;
        let last = self.source.fill_buf()?.first().copied();
        self.skip_to(offset)?;
        Ok(last.is_none_or(|last| last == b'\n'))
    }

    fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        while self.offset < offset {
            let waiting = self.source.fill_buf()?.len();
            if waiting == 0 {
                break;
            }
            let passed = usize::try_from(offset - self.offset).unwrap_or(usize::MAX).min(waiting);
            self.source.consume(passed);
            self.offset += passed as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn lines(text: Vec<u8>) -> Lines {
        Lines::of(Box::new(Cursor::new(text)))
    }

    #[test]
    fn lines_their_ends_and_where_they_are() {
        let mut lines = lines(b"a\r\n\nbc".to_vec());
        let mut seen = Vec::new();
        while lines.advance().unwrap() {
            seen.push((lines.line().to_vec(), lines.ending(), lines.offset(), lines.is_whole()));
        }
        let expected: [(&[u8], &[u8], _, _); 3] =
            [(b"a", b"\r\n", 3, true), (b"", b"\n", 4, true), (b"bc", b"\n", 6, false)];
        assert_eq!(
            seen,
            expected.map(|(line, ending, offset, whole)| (line.to_vec(), ending, offset, whole))
        );
    }

    #[test]
    fn how_much_of_a_file_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"a\n".repeat(2 * BUFFER)).unwrap();
        let mut lines = Lines::open(file.path()).unwrap();
        let extent = lines.extent();
        assert_eq!(extent.percent(), Some(25));
        while lines.advance().unwrap() {}
        assert_eq!(extent.percent(), Some(100));
        assert_eq!(Lines::of(Box::new(Cursor::new(b"a\n"))).extent().percent(), None);
    }

    #[test]
    fn a_line_without_end_costs_no_memory() {
        let mut text = vec![b'x'; 3 * LONGEST_LINE as usize];
        text.extend_from_slice(b"\nlast\n");
        let mut lines = lines(text);
        assert!(lines.advance().unwrap() && lines.is_too_long() && lines.is_whole());
        assert_eq!(lines.line().len() as u64, LONGEST_LINE);
        assert!(lines.advance().unwrap() && !lines.is_too_long());
        assert_eq!((lines.line(), lines.offset()), (&b"last"[..], 3 * LONGEST_LINE + 6));
    }

    #[test]
    fn what_was_read_before_is_passed_over() {
        let mut lines = lines(b"one\ntwo\nthree\n".to_vec());
        lines.skip_to(8).unwrap();
        assert!(lines.advance().unwrap());
        assert_eq!((lines.line(), lines.offset()), (&b"three"[..], 14));
        lines.skip_to(99).unwrap();
        assert_eq!((lines.offset(), lines.advance().unwrap()), (14, false));
    }
}
