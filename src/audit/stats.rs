use std::time::Duration;

use super::ledger::{Ledger, MethodClass, StatusClass};
use crate::client_ip::AddressSource;
use crate::consent::{Action, ConsentEvent, Direction};

/// Everything that an audit has counted since the program started, for metrics and a dashboard.
///
/// These are totals: nothing in them belongs to one visitor.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct AuditStats {
    /// Answered requests.
    pub requests: Vec<(MethodClass, StatusClass, u64)>,
    /// Page views among them.
    pub page_views: u64,
    /// What was done with each cookie.
    pub cookies: Vec<CookieStat>,
    /// How many different values cookies have.
    pub cookie_values: Vec<CookieValuesStat>,
    /// What visitors chose or were asked, by purpose; the purpose is empty where it concerns all of them.
    pub consent_events: Vec<(ConsentEvent, String, u64)>,
    /// How the addresses of clients were found.
    pub address_sources: Vec<(AddressSource, u64)>,
    /// Rows that no store took.
    pub lost: Vec<(Ledger, u64)>,
    /// Requests whose address bucket was destroyed because it never became a crowd.
    pub below_crowd: u64,
    /// Requests that were refused because of a block.
    pub blocked: u64,
    /// Blocks in force.
    pub blocks: u64,
    /// The age of the key of today.
    pub key_age: Duration,
    /// An estimate of the distinct addresses seen under the key of today, by all nodes where they have it in common.
    pub distinct_today: u64,
    /// How this node stands with the others, where there are some.
    pub cluster: Option<ClusterStat>,
}

/// How one node stands with the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterStat {
    /// Whether the key of today is that of the others as well.
    pub is_common: bool,
    /// Whether what they have in common answered when it was last asked.
    pub is_answered: bool,
    /// How often this node went on with a key of its own, because it could not have that of the others.
    pub splits: u64,
}

/// What was done with one cookie since the program started.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct CookieStat {
    /// The pattern of its rule, or its name without numbers.
    pub pattern: String,
    /// The id of its purpose, `strictly-necessary`, or `undeclared`.
    pub purpose: String,
    /// Which way it went.
    pub direction: Direction,
    /// What was done.
    pub action: Action,
    /// How often.
    pub seen: u64,
}

/// How many different values of one cookie came with a thousand requests for pages, lately.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct CookieValuesStat {
    /// The pattern of its rule, or its name without numbers.
    pub pattern: String,
    /// The id of its purpose, `strictly-necessary`, or `undeclared`.
    pub purpose: String,
    /// An estimate, at most 1,000.
    pub values: u16,
    /// Whether it looks like an identifier, which its legal basis does not allow.
    pub identifies: bool,
}
