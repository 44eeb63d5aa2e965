use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// One writer to a file. Readers need no lock.
pub(crate) fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let open = |path: &Path| {
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(false);
        // What is counted is nobody else's affair. SQLite gives its log the mode of the database.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map_err(|error| StoreError::unusable(path, error))
    };
    let file = open(&PathBuf::from(name))?;
    open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(StoreError::unusable(path, error)),
    }
}
