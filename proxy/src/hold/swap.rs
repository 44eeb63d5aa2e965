//! Whether memory may be written to a disk as it is.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{major, minor};

/// A place in use to which memory is swapped unencrypted, if there is one. What cannot be told is taken for one.
pub(super) fn unencrypted() -> io::Result<Option<PathBuf>> {
    let swaps = match fs::read_to_string("/proc/swaps") {
        Ok(swaps) => swaps,
        // A kernel without swap has no such file.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let unencrypted = |place: &PathBuf| !device(place).is_ok_and(|device| is_protected(&device));
    Ok(places(&swaps).find(unencrypted))
}

/// The places of `/proc/swaps`, below its heading.
fn places(swaps: &str) -> impl Iterator<Item = PathBuf> {
    let names = swaps.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    // A blank in a name is written \040.
    names.map(|name| PathBuf::from(name.replace("\\040", " ")))
}

/// What the kernel shows of the device that is swapped to, or on which the file lies that is.
fn device(place: &Path) -> io::Result<PathBuf> {
    let metadata = fs::metadata(place)?;
    let number = if metadata.file_type().is_block_device() { metadata.rdev() } else { metadata.dev() };
    fs::canonicalize(format!("/sys/dev/block/{}:{}", major(number), minor(number)))
}

/// Whether a device encrypts what is written to it (dm-crypt), lies on such devices alone, or is no disk (zram).
fn is_protected(device: &Path) -> bool {
    let read = |name: &str| fs::read_to_string(device.join(name)).unwrap_or_default();
    if device.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"zram")) {
        // It may write what it cannot compress to a disk.
        return matches!(read("backing_dev").trim(), "" | "none");
    }
    if read("dm/uuid").starts_with("CRYPT-") {
        return true;
    }
    if device.join("partition").exists() {
        return device.parent().is_some_and(is_protected);
    }
    let below: Vec<_> = fs::read_dir(device.join("slaves")).into_iter().flatten().flatten().collect();
    !below.is_empty()
        && below.iter().all(|one| fs::canonicalize(one.path()).is_ok_and(|device| is_protected(&device)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn places_are_read() {
        let swaps = "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n\
                     /dev/dm-1                               partition\t8388604\t0\t-2\n\
                     /var/my\\040swap file\t1\t0\t-3\n";
        assert_eq!(places(swaps).collect::<Vec<_>>(), [Path::new("/dev/dm-1"), Path::new("/var/my swap")]);
        assert_eq!(places("Filename\n").count(), 0);
        assert_eq!(places("").count(), 0);
    }

    #[test]
    fn devices_are_protected_by_what_they_lie_on() {
        let sys = tempfile::tempdir().unwrap();
        let make = |name: &str, files: &[(&str, &str)], below: &[&str]| {
            let device = sys.path().join(name);
            fs::create_dir_all(device.join("slaves")).unwrap();
            fs::create_dir_all(device.join("dm")).unwrap();
            files.iter().for_each(|(file, text)| fs::write(device.join(file), text).unwrap());
            below
                .iter()
                .for_each(|one| symlink(sys.path().join(one), device.join("slaves").join(one)).unwrap());
            device
        };
        for (name, files, below, expected) in [
            ("zram0", &[("backing_dev", "none\n")][..], &[][..], true),
            ("zram1", &[("backing_dev", "/dev/sda3\n")], &[], false),
            ("sda", &[], &[], false),
            ("sda/sda2", &[("partition", "2\n")], &[], false),
            ("dm-0", &[("dm/uuid", "CRYPT-LUKS2-0badcafe-swap")], &["sda"], true),
            ("dm-0/dm-0p1", &[("partition", "1\n")], &[], true),
            ("dm-1", &[("dm/uuid", "LVM-x")], &["dm-0"], true),
            ("dm-2", &[("dm/uuid", "LVM-y")], &["dm-0", "sda"], false),
        ] {
            assert_eq!(is_protected(&make(name, files, below)), expected, "{name}");
        }
        assert!(!is_protected(&sys.path().join("nowhere")));
    }
}
