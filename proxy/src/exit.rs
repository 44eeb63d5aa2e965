//! How a command ends: a code for whoever called it, and lines for whoever reads.

use std::fmt;
use std::process::ExitCode;

use crate::config::Fault;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// It failed while it worked: 3.
    Failed,
    /// The command line or the configuration is at fault: 2. Nothing was opened.
    Misused,
    /// It did what was asked: 0.
    Success,
    /// `check --strict` found warnings: 1.
    Warned,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::Warned => Self::from(1),
            Exit::Misused => Self::from(2),
            Exit::Failed => Self::from(3),
        }
    }
}

/// Why a command ended early: the code, and lines for standard error.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    lines: Vec<String>,
}

impl From<pinfold_store::StoreError> for Failure {
    fn from(error: pinfold_store::StoreError) -> Self {
        Self::of(error)
    }
}

impl Failure {
    pub(crate) fn misuse(line: impl fmt::Display) -> Self {
        Self { exit: Exit::Misused, lines: vec![line.to_string()] }
    }

    pub(crate) fn of(error: impl fmt::Display) -> Self {
        Self { exit: Exit::Failed, lines: vec![error.to_string()] }
    }

    /// With something else that must be known.
    pub(crate) fn with_line(mut self, line: impl fmt::Display) -> Self {
        self.lines.push(line.to_string());
        self
    }

    /// The same, where faults of the configuration may be why.
    pub(crate) fn after(mut self, faults: &[Fault]) -> Self {
        self.exit = Exit::Misused;
        self.lines.splice(..0, faults.iter().map(ToString::to_string));
        self
    }

    pub(crate) fn faults(faults: &[Fault]) -> Self {
        Self { exit: Exit::Misused, lines: faults.iter().map(ToString::to_string).collect() }
    }

    /// The same for whoever mends them: with what is written in each place.
    pub(crate) fn faults_in_full(faults: &[Fault]) -> Self {
        Self { exit: Exit::Misused, lines: faults.iter().map(Fault::with_excerpt).collect() }
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }
}
