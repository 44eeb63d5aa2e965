use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use pinfold::audit::Ledger;

use super::gauge::Gauge;
use super::record::{Next, Record, decode, encode, heading, next};
use crate::entry::Entry;
use crate::error::StoreError;
use crate::once::Author;

/// How long a segment becomes before the next begins, in bytes.
const SEGMENT: u64 = 8 << 20;

const EXTENSION: &str = "batches";

/// A directory in which batches wait.
#[derive(Debug)]
pub(crate) struct Spool {
    directory: PathBuf,
    /// The oldest first.
    segments: VecDeque<Segment>,
    /// The last of them, where it is being written.
    writing: Option<File>,
    /// The number of the last segment.
    last: u64,
    /// How far the first segment was taken.
    taken: u64,
    gauge: Arc<Gauge>,
    _lock: File,
}

#[derive(Debug)]
struct Segment {
    number: u64,
    bytes: u64,
}

/// How far records were read: in the first segment, and how many rows were before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    offset: u64,
    rows: u64,
}

impl Spool {
    /// Opens a directory, making it if need be. What the last process wrote half is cut off, and what is damaged is said.
    pub(crate) fn open(directory: &Path) -> Result<Self, StoreError> {
        let unusable = |reason: String| StoreError::Spool { directory: directory.to_owned(), reason };
        let failed = |error: io::Error| unusable(error.to_string());
        make(directory).map_err(failed)?;
        let lock = File::create(directory.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(unusable("another server has it".to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut spool = Self {
            directory: directory.to_owned(),
            segments: VecDeque::new(),
            writing: None,
            last: 0,
            taken: 0,
            gauge: Arc::default(),
            _lock: lock,
        };
        spool.take_stock().map_err(failed)?;
        Ok(spool)
    }

    pub(crate) fn gauge(&self) -> Arc<Gauge> {
        self.gauge.clone()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Keeps batches, and says of each whether there was room. They are on disk, or none is and there is an error.
    pub(crate) fn keep<'a>(
        &mut self,
        author: &Author,
        batches: impl Iterator<Item = (i64, &'a Entry<'a>)>,
    ) -> io::Result<Vec<bool>> {
        let (mut bytes, mut rows, mut kept) = (Vec::new(), 0, Vec::new());
        for (sequence, entry) in batches {
            let record = encode(author, sequence, entry);
            let more = entry.rows.len() as u64;
            let fits = self.gauge.fits(rows + more, (bytes.len() + record.len()) as u64);
            if fits {
                bytes.extend(record);
                rows += more;
            }
            kept.push(fits);
        }
        let written = if bytes.is_empty() { Ok(()) } else { self.write(&bytes) };
        if let Err(error) = &written
            && !self.gauge.set_failing(true)
        {
            tracing::error!(%error, directory = %self.directory.display(), "the spool takes no writes; counts wait in memory");
        }
        written?;
        self.gauge.set_failing(false);
        self.gauge.rows.fetch_add(rows, Ordering::Relaxed);
        self.gauge.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(kept)
    }

    /// The oldest records, of so many rows or a few more, and where they end.
    pub(crate) fn oldest(&self, most_rows: u64) -> io::Result<(Vec<Record>, Position)> {
        let mut position = Position { offset: self.taken, rows: 0 };
        let mut records = Vec::new();
        let Some(segment) = self.segments.front() else { return Ok((records, position)) };
        let mut from = self.read_from(segment, self.taken)?;
        while position.rows < most_rows && position.offset < segment.bytes {
            let (record, length, rows) = match next(&mut from)? {
                Next::Whole(payload, length) => {
                    (decode(&payload), length, heading(&payload).map_or(0, |(_, rows)| rows))
                }
                Next::Damaged(length) => (None, length, 0),
                Next::Torn | Next::End => (None, segment.bytes - position.offset, 0),
            };
            if record.is_none() {
                self.say_damaged(segment);
            }
            records.extend(record);
            position.offset += length;
            position.rows += rows;
        }
        Ok((records, position))
    }

    /// Lets go of what lies before a position: it is kept elsewhere.
    pub(crate) fn let_go(&mut self, position: Position) -> io::Result<()> {
        self.taken = position.offset;
        // Saturating, because what was damaged was never counted.
        let _ = self.gauge.rows.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |rows| {
            Some(rows.saturating_sub(position.rows))
        });
        if self.segments.front().is_some_and(|segment| segment.bytes <= position.offset)
            && let Some(done) = self.segments.pop_front()
        {
            if self.segments.is_empty() {
                self.writing = None;
                self.gauge.rows.store(0, Ordering::Relaxed);
            }
            self.taken = 0;
            self.gauge.bytes.fetch_sub(done.bytes, Ordering::Relaxed);
            fs::remove_file(self.path(done.number))?;
        }
        Ok(())
    }

    /// Every record of a ledger.
    pub(crate) fn all_of(&self, ledger: Ledger) -> io::Result<Vec<Record>> {
        let mut records = Vec::new();
        for segment in &self.segments {
            let mut from = self.read_from(segment, 0)?;
            loop {
                match next(&mut from)? {
                    Next::Whole(payload, _) => {
                        let is_of_it = heading(&payload).is_some_and(|(found, _)| found == ledger);
                        records.extend(is_of_it.then(|| decode(&payload)).flatten());
                    }
                    Next::Damaged(_) => {}
                    Next::Torn | Next::End => break,
                }
            }
        }
        Ok(records)
    }

    /// Finds what the last process has left.
    fn take_stock(&mut self) -> io::Result<()> {
        let mut numbers = Vec::new();
        for file in fs::read_dir(&self.directory)? {
            let path = file?.path();
            let number = path.file_stem().and_then(|name| name.to_str()?.parse::<u64>().ok());
            numbers.extend(number.filter(|_| path.extension() == Some(EXTENSION.as_ref())));
        }
        numbers.sort_unstable();
        for number in numbers {
            let path = self.path(number);
            let mut segment = Segment { number, bytes: fs::metadata(&path)?.len() };
            let mut from = self.read_from(&segment, 0)?;
            let (mut whole, mut rows) = (0, 0);
            loop {
                match next(&mut from)? {
                    Next::Whole(payload, length) => {
                        whole += length;
                        rows += heading(&payload).map_or(0, |(_, rows)| rows);
                    }
                    Next::Damaged(length) => whole += length,
                    Next::Torn | Next::End => break,
                }
            }
            if whole < segment.bytes {
                tracing::warn!(file = %path.display(), bytes = segment.bytes - whole, "the end of a file of the spool was torn, and is cut off");
                OpenOptions::new().write(true).open(&path)?.set_len(whole)?;
                segment.bytes = whole;
            }
            self.last = self.last.max(number);
            if whole == 0 {
                fs::remove_file(path)?;
                continue;
            }
            self.gauge.rows.fetch_add(rows, Ordering::Relaxed);
            self.gauge.bytes.fetch_add(whole, Ordering::Relaxed);
            self.segments.push_back(segment);
        }
        Ok(())
    }

    /// Adds bytes to the last segment, and syncs them. After a failure nothing more is added to that one: what it holds is not known.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.writing.is_none() || self.segments.back().is_none_or(|segment| segment.bytes >= SEGMENT) {
            let number = self.last + 1;
            let mut options = OpenOptions::new();
            options.create_new(true).write(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(self.path(number))?;
            self.last = number;
            File::open(&self.directory)?.sync_all()?;
            self.writing = Some(file);
            self.segments.push_back(Segment { number, bytes: 0 });
        }
        let (Some(file), Some(segment)) = (self.writing.as_mut(), self.segments.back_mut()) else {
            return Ok(());
        };
        if let Err(error) = file.write_all(bytes).and_then(|()| file.sync_data()) {
            let _ = file.set_len(segment.bytes);
            self.writing = None;
            if segment.bytes == 0
                && let Some(Segment { number, .. }) = self.segments.pop_back()
            {
                let _ = fs::remove_file(self.path(number));
            }
            return Err(error);
        }
        segment.bytes += bytes.len() as u64;
        Ok(())
    }

    fn read_from(&self, segment: &Segment, offset: u64) -> io::Result<impl io::Read + use<>> {
        let mut file = File::open(self.path(segment.number))?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(BufReader::new(file.take(segment.bytes - offset)))
    }

    fn say_damaged(&self, segment: &Segment) {
        self.gauge.drop_one();
        let file = self.path(segment.number);
        tracing::error!(file = %file.display(), "a record of the spool is damaged, and was left out");
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{number:020}.{EXTENSION}"))
    }
}

/// A directory for nobody else to read.
fn make(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
        builder.mode(0o700).create(directory)?;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    }
    #[cfg(not(unix))]
    builder.create(directory)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::sql::Value;

    fn author() -> Author {
        Author { node: "one".to_owned(), incarnation: 1 }
    }

    fn entry(rows: usize) -> Entry<'static> {
        let row = vec![Value::from("/bins".to_owned()), Value::from(1_i64)];
        Entry { ledger: Ledger::Usage, site: Cow::Borrowed("town"), rows: vec![row; rows] }
    }

    fn keep(spool: &mut Spool, sequences: std::ops::Range<i64>) {
        let entry = entry(10);
        let kept = spool.keep(&author(), sequences.map(|sequence| (sequence, &entry))).unwrap();
        assert!(kept.into_iter().all(|kept| kept));
    }

    fn drain(spool: &mut Spool) -> Vec<i64> {
        let mut sequences = Vec::new();
        while !spool.is_empty() {
            let (records, position) = spool.oldest(25).unwrap();
            sequences.extend(records.iter().map(|record| record.sequence));
            spool.let_go(position).unwrap();
        }
        sequences
    }

    #[test]
    fn what_is_kept_comes_out_in_order_and_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("spool");
        let mut spool = Spool::open(&place).unwrap();
        keep(&mut spool, 0..7);
        assert!(matches!(Spool::open(&place), Err(StoreError::Spool { .. })), "it has one owner");
        let (_, position) = spool.oldest(25).unwrap();
        spool.let_go(position).unwrap();
        keep(&mut spool, 7..9);
        assert_eq!((spool.gauge().state().rows, spool.segments.len()), (60, 1));
        drop(spool);
        // Another process knows not how far it was: whoever takes it knows the numbers.
        let mut spool = Spool::open(&place).unwrap();
        assert_eq!(spool.gauge().state().rows, 90);
        assert_eq!(drain(&mut spool), (0..9).collect::<Vec<_>>());
        assert_eq!((spool.gauge().state().rows, spool.gauge().state().bytes), (0, 0));
        assert_eq!(fs::read_dir(&place).unwrap().count(), 1, "the lock");
        keep(&mut spool, 9..10);
        assert_eq!(drain(&mut spool), [9]);
    }

    #[test]
    fn a_torn_end_is_cut_and_a_damaged_record_is_left_out() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(directory.path()).unwrap();
        keep(&mut spool, 0..5);
        let file = spool.path(1);
        drop(spool);
        let whole = fs::read(&file).unwrap();
        let one = whole.len() / 5;
        let mut changed = whole[..whole.len() - 3].to_vec();
        changed[one * 2 + one / 2] ^= 1;
        fs::write(&file, changed).unwrap();
        let mut spool = Spool::open(directory.path()).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().len(), (one * 4) as u64);
        keep(&mut spool, 5..6);
        assert_eq!(drain(&mut spool), [0, 1, 3, 5]);
        assert_eq!(spool.gauge().state().dropped, 1);
    }

    #[test]
    fn a_million_rows_fit_and_what_does_not_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(directory.path()).unwrap();
        let many = entry(100_000);
        for sequence in 0..20 {
            assert_eq!(spool.keep(&author(), [(sequence, &many)].into_iter()).unwrap(), [true]);
        }
        let (one, room) = (entry(1), spool.gauge());
        assert!(room.state().rows >= 1_000_000 && !room.has_room());
        assert_eq!(spool.keep(&author(), [(20, &one), (21, &one)].into_iter()).unwrap(), [false, false]);
        assert!(spool.segments.len() > 1);
        let (_, position) = spool.oldest(1).unwrap();
        spool.let_go(position).unwrap();
        assert!(room.has_room());
    }
}
