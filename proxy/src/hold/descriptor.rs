use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, PoisonError};

use pinfold::audit::KeyHold;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};
use zeroize::Zeroizing;

use super::{swap, systemd};
use crate::exit::Failure;

/// The name under which systemd has the descriptor.
pub(crate) const NAME: &str = "pinfold-keys";

/// The most that is read back: a million blocks with long reasons are less.
const MOST: u64 = 1 << 30;

/// Nobody may cut it short, nor seal it against being overwritten.
const SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::SEAL);

/// A file that is in memory alone (memfd_create(2)), and of which systemd has a descriptor too.
///
/// `memfd_secret`, which no other process could map, can be neither read nor written but through a mapping, which Rust has no safe
/// form for. So it is the plain kind, and swap must be encrypted.
#[derive(Debug)]
pub(crate) struct DescriptorStore {
    file: File,
    /// How much of it is in use.
    length: Mutex<u64>,
}

impl DescriptorStore {
    /// The file that systemd has under this name of the process before, else a new one, which it is given.
    pub(crate) fn open(name: &str) -> Result<Self, Failure> {
        let Some(socket) = systemd::socket() else {
            return Err(Failure::of(
                "keys cannot be held in the descriptor store: NOTIFY_SOCKET is not set (run it as a service of systemd with \
                 FileDescriptorStoreMax=1, or as many as there are sites, or write hold = \"memory\" in [keys])",
            ));
        };
        if let Some(place) = swap::unencrypted().map_err(|error| unheld(&error))? {
            return Err(Failure::of(format!(
                "keys cannot be held in the descriptor store: {} is swap that is not encrypted (encrypt it, use zram, turn it \
                 off with `swapoff`, or write hold = \"memory\" in [keys])",
                place.display()
            )));
        }
        if let Some(file) = passed(name) {
            let length = file.metadata().map_err(|error| unheld(&error))?.len();
            return Ok(Self { file, length: Mutex::new(length) });
        }
        let file = new_file().map_err(|error| unheld(&error))?;
        let message = format!("FDSTORE=1\nFDNAME={name}\nFDPOLL=0");
        systemd::send(&socket, &message, &[file.as_fd()]).map_err(|error| unheld(&error))?;
        if std::env::var_os("FDSTORE").is_none() {
            tracing::warn!(
                "systemd does not say that it stores descriptors: before version 254 it never does, else set FileDescriptorStoreMax=1, or as many as there are sites"
            );
        }
        Ok(Self { file, length: Mutex::new(0) })
    }

    /// What is held; nothing, where nothing ever was.
    pub(crate) fn held(&self) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let length = *self.length.lock().unwrap_or_else(PoisonError::into_inner);
        if length > MOST {
            return Err(io::Error::other("more is held than this version ever holds"));
        }
        let mut bytes = Zeroizing::new(vec![0; usize::try_from(length).unwrap_or_default()]);
        self.file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes.iter().any(|byte| *byte != 0).then_some(bytes))
    }
}

impl KeyHold for DescriptorStore {
    /// Overwrites what was held in place. The keys are within the first page, which is written as a whole whatever ends the process.
    fn hold(&self, bytes: &[u8]) -> io::Result<()> {
        let mut length = self.length.lock().unwrap_or_else(PoisonError::into_inner);
        self.file.write_all_at(bytes, 0)?;
        let written = bytes.len() as u64;
        let zeros = [0; 4096];
        let mut at = written;
        while at < *length {
            let rest = usize::try_from(*length - at).unwrap_or(zeros.len()).min(zeros.len());
            self.file.write_all_at(&zeros[..rest], at)?;
            at += rest as u64;
        }
        *length = written.max(*length);
        Ok(())
    }
}

/// Names of files that systemd has no more, although they were passed to this process.
static REMOVED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Lets systemd forget the file of this name.
pub(super) fn remove(name: &str) {
    REMOVED.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
    systemd::notify(&format!("FDSTOREREMOVE=1\nFDNAME={name}"));
}

/// Overwrites what a file holds that was passed to this process, and lets systemd forget it.
pub(super) fn discard(name: &str) {
    if let Some(file) = passed(name)
        && let Ok(length) = file.metadata().map(|file| file.len())
    {
        let store = DescriptorStore { file, length: Mutex::new(length) };
        if let Err(error) = store.hold(&[]) {
            tracing::error!(%error, "what is held of a site that is gone could not be overwritten");
        }
    }
    remove(name);
}

/// The file that was passed to this process, if it is what this program makes.
fn passed(name: &str) -> Option<File> {
    if REMOVED.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|removed| removed == name) {
        return None;
    }
    let number = systemd::passed(name)?;
    // By its number nobody can own a descriptor safely: the file behind it is opened again.
    let opened = OpenOptions::new().read(true).write(true).open(format!("/proc/self/fd/{number}"));
    let ours = opened.and_then(|file| {
        let seals = fcntl_get_seals(&file)?;
        Ok(seals.contains(SEALS).then_some(file))
    });
    match ours {
        Ok(Some(file)) => Some(file),
        Ok(None) => {
            tracing::warn!(
                "the descriptor that systemd has stored is not what this program makes; it is not used"
            );
            None
        }
        Err(error) => {
            tracing::warn!(%error, "the descriptor that systemd has stored cannot be used");
            None
        }
    }
}

fn new_file() -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 do not know that a file can be said to be no program.
    let file = memfd_create(NAME, flags | MemfdFlags::NOEXEC_SEAL).or_else(|_| memfd_create(NAME, flags))?;
    fcntl_add_seals(&file, SEALS)?;
    Ok(File::from(file))
}

fn unheld(error: &io::Error) -> Failure {
    Failure::of(format!(
        "keys cannot be held in the descriptor store: {error} (see `systemctl status`, or write hold = \"memory\" in [keys])"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> DescriptorStore {
        DescriptorStore { file: new_file().unwrap(), length: Mutex::new(0) }
    }

    fn all(store: &DescriptorStore) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(store.file.metadata().unwrap().len()).unwrap()];
        store.file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    #[test]
    fn what_is_held_is_overwritten_in_place() {
        let store = store();
        assert!(store.held().unwrap().is_none());
        store.hold(&[7; 10_000]).unwrap();
        assert_eq!(store.held().unwrap().unwrap()[..], [7; 10_000]);
        store.hold(&[8; 9]).unwrap();
        assert_eq!(all(&store)[..10], [8, 8, 8, 8, 8, 8, 8, 8, 8, 0]);
        assert!(all(&store)[9..].iter().all(|byte| *byte == 0), "nothing of the old is left");
        store.hold(&[9; 5_000]).unwrap();
        store.hold(&[]).unwrap();
        assert!(store.held().unwrap().is_none());
        assert!(all(&store).iter().all(|byte| *byte == 0));
    }

    #[test]
    fn the_file_is_sealed_and_opened_again_by_its_number() {
        use std::os::fd::AsRawFd as _;
        let store = store();
        store.hold(b"held").unwrap();
        assert!(fcntl_get_seals(&store.file).unwrap().contains(SEALS));
        assert!(store.file.set_len(0).is_err());
        assert!(fcntl_add_seals(&store.file, SealFlags::WRITE).is_err(), "it can always be overwritten");
        let path = format!("/proc/self/fd/{}", store.file.as_raw_fd());
        let again = OpenOptions::new().read(true).write(true).open(path).unwrap();
        again.write_all_at(b"kept", 0).unwrap();
        assert_eq!(store.held().unwrap().unwrap()[..], *b"kept");
        assert!(fcntl_get_seals(tempfile::tempfile().unwrap()).map_or(true, |seals| !seals.contains(SEALS)));
    }
}
