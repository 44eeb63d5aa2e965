//! How much room a file takes.

use std::fs;
use std::path::Path;

/// Its size in bytes, with that of its write-ahead log.
pub(crate) fn bytes_of(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    [path, Path::new(&log)].iter().map(|file| fs::metadata(file).map_or(0, |file| file.len())).sum()
}
