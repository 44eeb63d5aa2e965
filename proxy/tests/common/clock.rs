//! A wall clock of a child's own, by libfaketime. Time since the start is the true one.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// Has a command go by whatever clock the environment says to libfaketime.
pub(crate) fn fake(command: &mut Command) {
    let library = Command::new("faketime").args(["-f", "+0", "printenv", "LD_PRELOAD"]).output().unwrap();
    let library = String::from_utf8(library.stdout).unwrap();
    command.env("LD_PRELOAD", library.trim()).env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("TZ", "UTC");
}

/// How far off a clock is, which may change while others go by it.
pub(crate) struct Steps(TempDir);

impl Steps {
    /// None yet.
    pub(crate) fn new() -> Self {
        let steps = Self(tempfile::tempdir().unwrap());
        steps.step("+0");
        steps
    }

    /// In words of libfaketime, such as `-1h`.
    pub(crate) fn step(&self, off: &str) {
        let next = self.0.path().join("next");
        fs::write(&next, off).unwrap();
        fs::rename(next, self.file()).unwrap();
    }

    /// What `FAKETIME_TIMESTAMP_FILE` is set to.
    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("clock")
    }
}
