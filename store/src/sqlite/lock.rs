use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::StoreError;

/// Whoever looks whether the lock is taken takes it for a moment, and must not keep a server from starting.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(10);

/// One writer to a file. Readers need no lock.
pub(crate) fn lock(path: &Path) -> Result<File, StoreError> {
    let open = |path: &Path| {
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(false);
        // What is counted is nobody else's affair. SQLite gives its log the mode of the database.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map_err(|error| StoreError::unusable(path.display(), error))
    };
    let file = open(&beside(path))?;
    open(path)?;
    let mut tries = 0..TRIES;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if tries.next().is_some() => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(path.display().to_string())),
            Err(TryLockError::Error(error)) => return Err(StoreError::unusable(path.display(), error)),
        }
    }
}

/// Whether a writer has the lock.
pub(crate) fn is_locked(path: &Path) -> bool {
    let taken = |file: File| matches!(file.try_lock(), Err(TryLockError::WouldBlock));
    File::open(beside(path)).is_ok_and(taken)
}

/// The file that is locked. It is not the database: SQLite has locks of its own there.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}
