//! A door for the fuzz targets.

use pinfold::pseudonym::EpochKey;

use super::job::scrub_line;
use super::text::{Keep, Scrubber};
use crate::fuzzing::FORMATS;

/// A line of a log with what tells of a person replaced; nothing where it is not of that format.
pub fn scrubbed(line: &[u8], format: usize) -> Option<Vec<u8>> {
    let key = EpochKey::from_root([7; 32], "scrub");
    let mut out = Vec::new();
    let format = FORMATS[format % FORMATS.len()];
    scrub_line(line, format, &mut Scrubber::new(key, Keep::default()), &mut out).then_some(out)
}
