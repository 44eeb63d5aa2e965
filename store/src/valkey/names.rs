//! Under which names things are kept. Each begins with `pinfold:`, so that a user of the server can be held to these.

use pinfold::pseudonym::EpochShare;
use pinfold::time::CivilDate;

/// The names of one site, by its origin.
#[derive(Debug, Clone)]
pub(super) struct Names(String);

impl Names {
    pub(super) fn of(origin: &str) -> Self {
        Self(format!("pinfold:1:{origin}"))
    }

    /// The share of a day.
    pub(super) fn share(&self, day: CivilDate) -> String {
        format!("{}:share:{day}", self.0)
    }

    /// Distinct addresses under a share (HyperLogLog).
    pub(super) fn count(&self, share: &EpochShare) -> String {
        format!("{}:count:{}", self.0, share.epoch())
    }

    /// That a count is written.
    pub(super) fn closed(&self, share: &EpochShare) -> String {
        format!("{}:closed:{}.{}", self.0, share.epoch(), share.returns())
    }

    /// Blocks under a share, by pseudonym (a hash).
    pub(super) fn blocks(&self, share: &EpochShare) -> String {
        format!("{}:blocks:{}", self.0, share.epoch())
    }

    /// How often these were changed.
    pub(super) fn changes(&self, share: &EpochShare) -> String {
        format!("{}:changes:{}", self.0, share.epoch())
    }
}
