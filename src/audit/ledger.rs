//! The rows of each ledger. No row type holds an address pseudonym beside a path, a cookie or a browser.
//!
//! The structs are exhaustive on purpose: a new column of any ledger is a breaking change.

use std::sync::Arc;

use crate::consent::{Action, ConsentEvent, Direction};
use crate::pseudonym::{KeyEvent, Pseudonym};
use crate::time::{CivilDate, UnixTime};

/// Rows of one ledger of one site, sorted by value, to be kept together or not at all.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The host of the site.
    pub site: Arc<str>,
    /// The rows.
    pub rows: Rows,
}

/// The rows of a batch, by ledger.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Rows {
    /// What an administrator did.
    Action(ActionRow),
    /// For system administration: who came how often, under a key that dies.
    Address(Vec<AddressRow>),
    /// What visitors chose.
    Consent(Vec<ConsentRow>),
    /// What was done with each cookie.
    Cookie(Vec<CookieRow>),
    /// How many distinct addresses a day had.
    Distinct(DistinctRow),
    /// Page views by browser, device, referrer and robot.
    Facet(Vec<FacetRow>),
    /// What happened to keys.
    Key(Vec<KeyEvent>),
    /// What visitors are asked from now on.
    Policy(PolicyRow),
    /// How much there was to do.
    Traffic(Vec<TrafficRow>),
    /// What was used.
    Usage(Vec<UsageRow>),
    /// Visits.
    Visit(Vec<VisitRow>),
}

impl Rows {
    /// The ledger to which the rows belong.
    pub fn ledger(&self) -> Ledger {
        match self {
            Self::Action(_) => Ledger::Action,
            Self::Address(_) => Ledger::Address,
            Self::Consent(_) => Ledger::Consent,
            Self::Cookie(_) => Ledger::Cookie,
            Self::Distinct(_) => Ledger::Distinct,
            Self::Facet(_) => Ledger::Facet,
            Self::Key(_) => Ledger::Key,
            Self::Policy(_) => Ledger::Policy,
            Self::Traffic(_) => Ledger::Traffic,
            Self::Usage(_) => Ledger::Usage,
            Self::Visit(_) => Ledger::Visit,
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Address(rows) => rows.len(),
            Self::Consent(rows) => rows.len(),
            Self::Cookie(rows) => rows.len(),
            Self::Action(_) | Self::Distinct(_) | Self::Policy(_) => 1,
            Self::Facet(rows) => rows.len(),
            Self::Key(rows) => rows.len(),
            Self::Traffic(rows) => rows.len(),
            Self::Usage(rows) => rows.len(),
            Self::Visit(rows) => rows.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The ledgers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Ledger {
    /// What administrators did.
    Action,
    /// Requests by address pseudonym.
    Address,
    /// Choices.
    Consent,
    /// Cookies.
    Cookie,
    /// Distinct addresses a day.
    Distinct,
    /// Browsers, devices, referrers, robots.
    Facet,
    /// Keys.
    Key,
    /// Policies.
    Policy,
    /// Totals.
    Traffic,
    /// Routes.
    Usage,
    /// Visits.
    Visit,
}

impl Ledger {
    /// Every ledger, in order.
    pub const ALL: [Self; 11] = [
        Self::Action,
        Self::Address,
        Self::Consent,
        Self::Cookie,
        Self::Distinct,
        Self::Facet,
        Self::Key,
        Self::Policy,
        Self::Traffic,
        Self::Usage,
        Self::Visit,
    ];

    /// The name used in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Address => "address",
            Self::Consent => "consent",
            Self::Cookie => "cookie",
            Self::Distinct => "distinct",
            Self::Facet => "facet",
            Self::Key => "key",
            Self::Policy => "policy",
            Self::Traffic => "traffic",
            Self::Usage => "usage",
            Self::Visit => "visit",
        }
    }
}

/// Something that an administrator did. The store gives it a number and a hash (see [`super::ChainHash`]).
///
/// It never holds the address that was asked about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActionRow {
    /// When.
    pub at: UnixTime,
    /// What: `look-up`, `block`, `unblock`.
    pub act: String,
    /// The user of the machine who asked, as the kernel says.
    pub uid: u32,
    /// For whom, in their own words.
    pub requested_by: String,
    /// Who approved it, in their own words.
    pub approved_by: String,
    /// On which legal basis, or why.
    pub basis: String,
    /// What came of it.
    pub result: String,
}

/// Requests of one host within one bucket, written only with a crowd of networks beside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressRow {
    /// When the bucket began: ten minutes, or longer where it took longer to be a crowd.
    pub bucket: UnixTime,
    /// The host.
    pub host: Pseudonym,
    /// Its network.
    pub network: Pseudonym,
    /// Its requests.
    pub requests: u64,
    /// How many of them were refused.
    pub refused: u64,
}

/// Choices and questions of one day about one purpose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConsentRow {
    /// The day.
    pub day: CivilDate,
    /// The fingerprint of the policy.
    pub policy: String,
    /// What was done.
    pub event: ConsentEvent,
    /// The id of the purpose; empty for what concerns all of them.
    pub purpose: String,
    /// How often.
    pub events: u64,
}

/// What was done with one cookie on one day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CookieRow {
    /// The pattern of its rule; the name, cut at its first digit, of a cookie that the site sets undeclared; or a name in brackets.
    pub pattern: String,
    /// Which way it went.
    pub direction: Direction,
    /// The id of its purpose, `strictly-necessary`, or `undeclared`.
    pub purpose: String,
    /// What was done.
    pub action: Action,
    /// How often.
    pub seen: u64,
    /// How many different values came with a thousand requests for pages, in the direction of requests, once so many have come.
    pub values: Option<u16>,
    /// Whether so many values make it look like an identifier, which its legal basis does not allow.
    pub identifies: bool,
    /// The day.
    pub day: CivilDate,
}

/// How many distinct addresses one run of the program saw in a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistinctRow {
    /// The day.
    pub day: CivilDate,
    /// Which run, by its epoch and, where an earlier process had the same key, how many did: `2026-11-22-0badcafe.1`. Nobody can tell
    /// how many addresses two runs shared: their keys differ, or the sketch of the first is gone.
    pub epoch: String,
    /// The estimate so far; a later row of the same epoch takes the place of an earlier one.
    pub estimate: u64,
}

/// Page views of one day of which one thing is the same. Each kind adds up on its own, to the page views of the day; that of
/// robots to the pages that robots asked for, which are no page views. The counts are signed: a value that becomes a crowd is
/// moved out of `(rare)`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FacetRow {
    /// The day.
    pub day: CivilDate,
    /// What is told.
    pub kind: FacetKind,
    /// A family of browsers, a class of devices, a host, a robot; or a word in brackets.
    pub value: String,
    /// How many page views more or less.
    pub page_views: i64,
}

/// A policy as it was put to visitors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    /// Its fingerprint.
    pub fingerprint: String,
    /// Purposes and cookies with their words.
    pub statement: String,
    /// The bit of each purpose.
    pub bits: Vec<(String, u8)>,
    /// The first day on which it was in force.
    pub from: CivilDate,
}

/// Requests of one day. Not of an hour: with the status of a page and the moment of an address, an hour would stand between the two
/// ledgers that must not be joined.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrafficRow {
    /// The day.
    pub day: CivilDate,
    /// The method.
    pub method: MethodClass,
    /// The status.
    pub status: StatusClass,
    /// How many requests.
    pub requests: u64,
    /// How many of them were page views.
    pub page_views: u64,
}

/// Requests for one route on one day. The counts are signed: a route that becomes a crowd is moved out of `(rare)`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageRow {
    /// The day.
    pub day: CivilDate,
    /// The route, or `(rare)`.
    pub route: String,
    /// The status.
    pub status: StatusClass,
    /// How many requests more or less.
    pub requests: i64,
    /// How many page views more or less.
    pub page_views: i64,
    /// How many of them were entries to the site.
    pub entries: i64,
    /// How many of the requests found nothing (404).
    pub not_found: i64,
}

/// What is told of a page view besides the page. No row holds two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FacetKind {
    /// The family of the browser.
    Browser,
    /// The class of the device.
    Device,
    /// The host from which the visitor came.
    Referrer,
    /// The robot that asked.
    Robot,
}

impl FacetKind {
    /// Every kind, in order.
    pub const ALL: [Self; 4] = [Self::Browser, Self::Device, Self::Referrer, Self::Robot];

    /// The name used in ledgers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Device => "device",
            Self::Referrer => "referrer",
            Self::Robot => "robot",
        }
    }
}

/// Visits of one day, as far as footprints tell (see [`VisitCell`]).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VisitRow {
    /// The day.
    pub day: CivilDate,
    /// What is counted.
    pub cell: VisitCell,
    /// How often.
    pub count: u64,
}

/// What a page view says of a visit. A request moves one of these counts at most, and no two requests are linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum VisitCell {
    /// A further page of a visit that is counted by pages, because too few visitors have come as far.
    Further,
    /// A visit began of somebody who was not here for 30 days.
    New,
    /// A visit has come as far as this step: 2, 3, 4, 6, 11, 21 or 51 pages, by number 2 to 8.
    Reached(u8),
    /// A visit began of somebody who was last here so many days ago, 1 to 30.
    Returning(u8),
    /// A page that shared caches may keep, so that no footprint could be given with it.
    Shared,
    /// A page within the site, seen by somebody whose browser has no footprint.
    Uncounted,
}

impl VisitCell {
    /// How many cells there are.
    pub(super) const COUNT: usize = 4 + 7 + 30;

    /// Every cell, in order of place.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let plain = [Self::Further, Self::New, Self::Shared, Self::Uncounted];
        plain.into_iter().chain((2..=8).map(Self::Reached)).chain((1..=30).map(Self::Returning))
    }

    /// Its place in a list of counts.
    pub(super) fn place(self) -> usize {
        match self {
            Self::Further => 0,
            Self::New => 1,
            Self::Shared => 2,
            Self::Uncounted => 3,
            Self::Reached(step) => 2 + usize::from(step.clamp(2, 8)),
            Self::Returning(days) => 10 + usize::from(days.clamp(1, 30)),
        }
    }

    /// The name used in ledgers: `further`, `new`, `reached 2`, `returning 7`, `shared`, `uncounted`.
    pub fn name(self) -> String {
        match self {
            Self::Further => "further".to_owned(),
            Self::New => "new".to_owned(),
            Self::Reached(step) => format!("reached {step}"),
            Self::Returning(days) => format!("returning {days}"),
            Self::Shared => "shared".to_owned(),
            Self::Uncounted => "uncounted".to_owned(),
        }
    }

    /// Reads the name used in ledgers.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|cell| cell.name() == name)
    }
}

/// The method of a request, as coarsely as administration needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MethodClass {
    /// `GET`.
    Get,
    /// `HEAD`.
    Head,
    /// Any other.
    Other,
    /// `POST`.
    Post,
}

impl MethodClass {
    /// Every class, in order.
    pub const ALL: [Self; 4] = [Self::Get, Self::Head, Self::Other, Self::Post];

    /// The class of a method.
    pub fn of(method: &http::Method) -> Self {
        match *method {
            http::Method::GET => Self::Get,
            http::Method::HEAD => Self::Head,
            http::Method::POST => Self::Post,
            _ => Self::Other,
        }
    }

    /// The name used in ledgers and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Other => "other",
            Self::Post => "POST",
        }
    }
}

/// The first digit of a status, 1 to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusClass(u8);

impl StatusClass {
    /// How many classes there are.
    pub(super) const COUNT: usize = 5;

    /// The class of a status; what lies past 599 counts as 5.
    pub fn of(status: http::StatusCode) -> Self {
        Self(u8::try_from(status.as_u16() / 100).unwrap_or(5).clamp(1, 5))
    }

    /// The class of a first digit.
    pub fn from_digit(digit: u8) -> Option<Self> {
        (1..=5).contains(&digit).then_some(Self(digit))
    }

    pub(super) fn from_index(index: usize) -> Self {
        Self(u8::try_from(index + 1).unwrap_or(5).clamp(1, 5))
    }

    pub(super) fn index(self) -> usize {
        usize::from(self.0) - 1
    }

    /// The first digit.
    pub fn digit(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_places_and_names_agree() {
        let cells: Vec<_> = VisitCell::all().collect();
        assert_eq!(cells.len(), VisitCell::COUNT);
        for (place, cell) in cells.into_iter().enumerate() {
            assert_eq!(cell.place(), place);
            assert_eq!(VisitCell::from_name(&cell.name()), Some(cell));
        }
        assert_eq!(VisitCell::from_name("returning 31"), None);
    }
}
