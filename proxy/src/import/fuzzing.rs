//! A door for the fuzz targets.

use super::entry::Entry;
use crate::access_log::Stamps;
use crate::fuzzing::FORMATS;

/// What a line of a log says of a request.
#[derive(Debug)]
pub struct Request {
    /// The host that was asked, where the log tells.
    pub host: Option<String>,
    /// Seconds since 1970.
    pub at: i64,
    /// The status of the answer.
    pub status: u16,
    /// The path that was asked for.
    pub path: String,
}

/// Reads a line of a log.
pub fn imported(line: &[u8], format: usize) -> Option<Request> {
    let entry = Entry::read(line, FORMATS[format % FORMATS.len()], &mut Stamps::default())?;
    Some(Request {
        host: entry.host,
        at: entry.at.seconds(),
        status: entry.status.as_u16(),
        path: entry.path.into_owned(),
    })
}
