//! The first lines of a log, by which it is known again when it has grown, was renamed or was compressed.

use std::io;

use pinfold_store::Imported;
use sha2::{Digest as _, Sha256};

use super::entry::Entry;
use crate::access_log::{Format, Lines, Stamps};

/// By how many lines a log is known.
const LINES: usize = 256;

/// How much of them is held at most.
const BYTES: usize = 1024 * 1024;

/// The first whole lines, which are held until it is known which of them were counted before.
#[derive(Debug, Default)]
pub(super) struct Head {
    lines: Vec<HeadLine>,
    format: Option<Format>,
}

#[derive(Debug)]
pub(super) struct HeadLine {
    pub(super) text: Vec<u8>,
    pub(super) is_too_long: bool,
    /// The offset of its end.
    pub(super) offset: u64,
    /// What tells this and the lines before it from others. Nothing of who asked is in it: a digest of an address could be
    /// found by trying.
    mark: [u8; 16],
}

impl Head {
    /// Reads the head. The flag says that a line without an end comes after it.
    pub(super) fn read(lines: &mut Lines, format: Option<Format>) -> io::Result<(Self, bool)> {
        let (mut head, mut digest, mut stamps) =
            (Self { format, ..Self::default() }, Sha256::new(), Stamps::default());
        let mut held = 0;
        while head.lines.len() < LINES && held < BYTES && lines.advance()? {
            if !lines.is_whole() {
                return Ok((head, true));
            }
            let line = lines.line();
            head.format = head.format.or_else(|| Format::of(line));
            held += line.len();
            digest.update((line.len() as u64).to_be_bytes());
            if let Some(entry) = head.format.and_then(|format| Entry::read(line, format, &mut stamps)) {
                digest.update(entry.at.seconds().to_be_bytes());
                digest.update(entry.status.as_u16().to_be_bytes());
                digest.update(entry.path.as_bytes());
            }
            let mut mark = [0; 16];
            mark.copy_from_slice(&digest.clone().finalize()[..16]);
            let (text, is_too_long, offset) = (line.to_vec(), lines.is_too_long(), lines.offset());
            head.lines.push(HeadLine { text, is_too_long, offset, mark });
        }
        Ok((head, false))
    }

    /// How the log is written, as its first lines tell.
    pub(super) fn format(&self) -> Option<Format> {
        self.format
    }

    /// By what the log is known from now on.
    pub(super) fn mark(&self) -> Option<([u8; 16], u64)> {
        self.lines.last().map(|line| (line.mark, self.lines.len() as u64))
    }

    /// What is known of the log, among everything that is known.
    pub(super) fn find<'k>(&self, known: &'k [Imported]) -> Option<&'k Imported> {
        known.iter().find(|known| {
            let last =
                usize::try_from(known.lines).ok().and_then(|lines| self.lines.get(lines.checked_sub(1)?));
            last.is_some_and(|line| line.mark == known.mark)
        })
    }

    /// Where it ends.
    pub(super) fn end(&self) -> u64 {
        self.lines.last().map_or(0, |line| line.offset)
    }

    pub(super) fn lines(&self) -> &[HeadLine] {
        &self.lines
    }
}
