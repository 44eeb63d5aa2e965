//! What is asked and answered on the control socket.

use std::net::IpAddr;
use std::time::Duration;

use clap::ValueEnum;
use pinfold::audit::{Block, LivingKey, Sender};
use serde::{Deserialize, Serialize};

use crate::config::{Change, Fault};

/// A question, and about which of several sites it is.
#[derive(Serialize, Deserialize)]
pub(crate) struct Question {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) site: Option<String>,
    #[serde(flatten)]
    pub(crate) ask: Ask,
}

/// What an operator asks of a running server. It may hold an address, so it is never shown.
#[derive(Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub(crate) enum Ask {
    /// Lets the look-up of another user through.
    Approve {
        number: u32,
    },
    Block {
        pseudonym: String,
        seconds: u64,
        reason: String,
    },
    Blocks,
    Keys,
    /// Whether an address was here.
    Lookup {
        address: IpAddr,
        at: Option<i64>,
        basis: String,
        /// Nobody is a name too: it is refused, and that is recorded.
        #[serde(default)]
        requested_by: String,
        #[serde(default)]
        approved_by: String,
    },
    /// Reads the configuration again.
    Reload,
    /// Enters in the action ledger that the store is about to be taken away.
    Take {
        what: Taking,
        /// Why, in their own words.
        reason: String,
        /// How many rows, where that is known beforehand.
        rows: Option<u64>,
    },
    Top {
        by: Rank,
        most: usize,
    },
    Unblock {
        pseudonym: String,
    },
    /// Which look-ups wait for a second user.
    Waiting,
}

impl Ask {
    /// Its name in the log.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve",
            Self::Block { .. } => "block",
            Self::Blocks => "blocks",
            Self::Keys => "keys",
            Self::Lookup { .. } => "look-up",
            Self::Reload => "reload",
            Self::Take { what, .. } => what.name(),
            Self::Top { .. } => "top",
            Self::Unblock { .. } => "unblock",
            Self::Waiting => "approve",
        }
    }
}

/// How a store is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Taking {
    Backup,
    Export,
    /// A backup that came to nothing.
    FailedBackup,
}

impl Taking {
    /// Its name in the action ledger.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Export => "export",
            Self::FailedBackup => "backup failed",
        }
    }
}

/// By what senders are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rank {
    /// Answers with a status of 400 or more
    Errors,
    /// Requests
    Requests,
}

impl From<Rank> for pinfold::audit::Rank {
    fn from(rank: Rank) -> Self {
        match rank {
            Rank::Errors => Self::Errors,
            Rank::Requests => Self::Requests,
        }
    }
}

/// What the server answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub(crate) enum Reply {
    /// A look-up was let through, and the head of the action ledger with that in it.
    Approved {
        number: u32,
        head: String,
    },
    Blocks {
        blocks: Vec<BlockLine>,
        /// Whether they outlive a restart.
        held: bool,
        /// Whether other nodes have them, too.
        #[serde(default)]
        shared: bool,
    },
    /// The configuration is at fault, and nothing has changed.
    Faults {
        faults: Vec<Fault>,
    },
    Keys {
        keys: Vec<KeyLine>,
        /// Whether they outlive a restart.
        held: bool,
        /// Whether other nodes have them, too.
        #[serde(default)]
        shared: bool,
    },
    /// What is known of an address, and the head of the action ledger with this question in it.
    Lookup {
        known: Known,
        head: String,
    },
    /// What has come into force, what waits for a restart, and the head of the action ledger where it has something of this.
    Reloaded {
        changed: Vec<String>,
        waiting: Vec<WaitingChange>,
        head: Option<String>,
        /// The heads of the ledgers of several sites.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        heads: Vec<SiteHead>,
    },
    /// It will not, and why.
    Refused {
        why: String,
    },
    Top {
        hosts: Vec<SenderLine>,
        networks: Vec<SenderLine>,
    },
    Unblocked {
        pseudonym: String,
    },
    /// It is in the action ledger, which has this head now.
    WrittenDown {
        head: String,
        /// Where it is in the ledgers of several sites.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        heads: Vec<SiteHead>,
    },
    /// The look-up waits under this number for a second user, so long at most: another reply follows.
    Waits {
        number: u32,
        seconds: u64,
    },
    Waiting {
        lookups: Vec<WaitingLine>,
    },
}

/// The head of the action ledger of one site among several.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SiteHead {
    pub(crate) site: String,
    pub(crate) head: String,
}

/// A key of the configuration that is written differently and waits for a restart.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WaitingChange {
    pub(crate) name: String,
    pub(crate) why: String,
}

impl From<Change> for WaitingChange {
    fn from(change: Change) -> Self {
        Self { name: change.name, why: change.waits.unwrap_or_default() }
    }
}

/// A look-up that waits, without the address that it is about.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WaitingLine {
    pub(crate) number: u32,
    /// About which site it is, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) site: Option<String>,
    /// The user of the machine who asked.
    pub(crate) uid: u32,
    pub(crate) requested_by: String,
    pub(crate) approved_by: String,
    pub(crate) basis: String,
}

/// What is known of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub(crate) enum Known {
    /// It was here.
    Buckets { buckets: Vec<BucketLine> },
    /// The key of the day is gone, and with it every way to tell.
    KeyDestroyed { day: String, destroyed: Vec<String> },
    /// It was not here, or among too few others to be written down, or before a restart.
    NotRecorded { days: Vec<String> },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BucketLine {
    /// RFC 3339.
    pub(crate) begins: String,
    pub(crate) requests: i64,
    pub(crate) refused: i64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BlockLine {
    pub(crate) pseudonym: String,
    /// RFC 3339.
    pub(crate) until: String,
    pub(crate) reason: String,
}

impl From<&Block> for BlockLine {
    fn from(block: &Block) -> Self {
        Self {
            pseudonym: block.pseudonym.to_string(),
            until: block.until.to_string(),
            reason: block.reason.to_string(),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeyLine {
    pub(crate) epoch: String,
    pub(crate) day: String,
    pub(crate) age_seconds: u64,
    pub(crate) dies_within_seconds: u64,
    /// Whether it is that of the other nodes, where there are some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) common: Option<bool>,
}

impl KeyLine {
    pub(crate) fn age(&self) -> Duration {
        Duration::from_secs(self.age_seconds)
    }

    pub(crate) fn dies_within(&self) -> Duration {
        Duration::from_secs(self.dies_within_seconds)
    }
}

impl From<&LivingKey> for KeyLine {
    fn from(key: &LivingKey) -> Self {
        Self {
            epoch: key.epoch.clone(),
            day: key.day.to_string(),
            age_seconds: key.age.as_secs(),
            dies_within_seconds: key.dies_within.as_secs(),
            common: key.is_common,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SenderLine {
    pub(crate) pseudonym: String,
    pub(crate) requests: u64,
    pub(crate) doubtful: u64,
    pub(crate) errors: u64,
    pub(crate) refused: u64,
}

impl From<&Sender> for SenderLine {
    fn from(sender: &Sender) -> Self {
        let Sender { requests, doubtful, errors, refused, .. } = *sender;
        Self { pseudonym: sender.pseudonym.to_string(), requests, doubtful, errors, refused }
    }
}
