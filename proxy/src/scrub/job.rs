//! Files in, one file out, a line at a time.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use pinfold::pseudonym::EpochKey;

use super::json;
use super::line::{scrub, scrub_after_site};
use super::tally::Tally;
use super::text::{Keep, Scrubber};
use crate::access_log::{Format, Lines, Progress};
use crate::exit::Failure;

/// How much is written at a time.
const BUFFER: usize = 256 * 1024;

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Done {
    /// Lines that were read.
    pub(crate) read: u64,
    /// Lines that were left out, because nobody could tell where their addresses are.
    pub(crate) left_out: u64,
    /// What was replaced in the others.
    pub(crate) replaced: Tally,
}

/// Rewrites logs into one. `-` is standard input or output; what ends in `.gz` is compressed.
pub(crate) fn run(
    files: &[PathBuf],
    output: &Path,
    format: Option<Format>,
    keep: Keep,
) -> Result<Done, Failure> {
    if output != Path::new("-") && output.exists() {
        return Err(Failure::misuse(format!(
            "{} exists (name another file with --output)",
            output.display()
        )));
    }
    let key = EpochKey::generate("scrub").map_err(Failure::of)?;
    let mut scrubber = Scrubber::new(key, keep);
    let mut done = Done::default();
    let mut target = Target::open(output)?;
    let mut progress = Progress::new();
    for file in files {
        let cannot = |error: io::Error| Failure::of(format!("{} cannot be read: {error}", file.display()));
        let mut lines = Lines::open(file).map_err(cannot)?;
        progress.follow(lines.extent());
        let (mut format, mut scrubbed) = (format, Vec::new());
        while lines.advance().map_err(cannot)? {
            done.read += 1;
            let line = lines.line();
            format = format.or_else(|| Format::of(line));
            let is_readable = !lines.is_too_long()
                && format.is_some_and(|format| scrub_line(line, format, &mut scrubber, &mut scrubbed));
            if is_readable {
                scrubbed.extend_from_slice(lines.ending());
                target.write(&scrubbed)?;
            } else {
                done.left_out += 1;
            }
            scrubbed.clear();
            progress.show(done.read);
        }
    }
    progress.end();
    target.finish()?;
    done.replaced = scrubber.tally;
    Ok(done)
}

/// Writes a line with what tells of a person replaced; nothing, and the answer is no, where it is not of that format.
pub(super) fn scrub_line(line: &[u8], format: Format, scrubber: &mut Scrubber, out: &mut Vec<u8>) -> bool {
    match format {
        Format::Combined | Format::Common => scrub(line, scrubber, out),
        Format::Json => json::scrub(line, scrubber, out),
        Format::VhostCombined => scrub_after_site(line, scrubber, out),
    }
}

/// A file that is there only once it is whole.
enum Target {
    Stdout(BufWriter<io::StdoutLock<'static>>),
    File { writer: Box<dyn Finish>, file: tempfile::NamedTempFile, path: PathBuf },
}

trait Finish: Write {
    fn finish(self: Box<Self>) -> io::Result<()>;
}

impl Finish for BufWriter<File> {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.flush()?;
        self.get_ref().sync_all()
    }
}

impl Finish for GzEncoder<BufWriter<File>> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        let mut file = Self::finish(*self)?;
        file.flush()?;
        file.get_ref().sync_all()
    }
}

impl Target {
    fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::Stdout(BufWriter::with_capacity(BUFFER, io::stdout().lock())));
        }
        let directory =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let opened = tempfile::NamedTempFile::new_in(directory).and_then(|file| {
            let writer = BufWriter::with_capacity(BUFFER, file.reopen()?);
            let writer: Box<dyn Finish> = if path.extension().is_some_and(|end| end == "gz") {
                Box::new(GzEncoder::new(writer, Compression::default()))
            } else {
                Box::new(writer)
            };
            Ok(Self::File { writer, file, path: path.to_owned() })
        });
        opened.map_err(|error| cannot_write(path, &error))
    }

    fn write(&mut self, line: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Stdout(stdout) => {
                stdout.write_all(line).map_err(|error| cannot_write(Path::new("-"), &error))
            }
            Self::File { writer, path, .. } => {
                writer.write_all(line).map_err(|error| cannot_write(path, &error))
            }
        }
    }

    fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Stdout(mut stdout) => stdout.flush().map_err(|error| cannot_write(Path::new("-"), &error)),
            Self::File { writer, file, path } => {
                writer.finish().map_err(|error| cannot_write(&path, &error))?;
                file.persist_noclobber(&path).map_err(|error| cannot_write(&path, &error.error))?;
                Ok(())
            }
        }
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::of(format!("{} cannot be written: {error}", path.display()))
}
