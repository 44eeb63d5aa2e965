//! What a reader of ledgers is given, row by row.

use pinfold::audit::VisitCell;
use pinfold::time::{CivilDate, UnixTime};

use crate::sql::{Row, SqlError};

/// Requests of one day, method and status.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it")]
pub struct TrafficDay {
    pub day: CivilDate,
    pub method: String,
    pub status_class: u8,
    pub requests: i64,
    pub page_views: i64,
}

/// Distinct addresses of one day: a range where a node had several keys that day.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it")]
pub struct DistinctCount {
    pub day: CivilDate,
    pub at_least: i64,
    pub at_most: i64,
    /// How many keys the day had.
    pub runs: i64,
}

/// Requests for one route and status.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it")]
pub struct UsageCount {
    pub route: String,
    pub status_class: u8,
    pub requests: i64,
    pub page_views: i64,
    pub entries: i64,
    /// Answered 404 (Not Found).
    pub not_found: i64,
}

impl UsageCount {
    /// Reads route, status, requests, page views, entries and what was not found, in this order.
    pub(crate) fn read(row: &Row) -> Result<Self, SqlError> {
        Ok(Self {
            route: row.get(0)?,
            status_class: row.get(1)?,
            requests: row.get(2)?,
            page_views: row.get(3)?,
            entries: row.get(4)?,
            not_found: row.get(5)?,
        })
    }
}

/// Page views of which one thing is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it")]
pub struct FacetCount {
    pub value: String,
    pub page_views: i64,
}

impl FacetCount {
    /// Reads value and page views, in this order.
    pub(crate) fn read(row: &Row) -> Result<Self, SqlError> {
        Ok(Self { value: row.get(0)?, page_views: row.get(1)? })
    }
}

/// Visits of one day and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "it is a row, and tests make them")]
#[allow(missing_docs, reason = "the names say it")]
pub struct VisitCount {
    pub day: CivilDate,
    pub cell: VisitCell,
    pub count: i64,
}

/// What was done with one cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it")]
pub struct CookieCount {
    pub pattern: String,
    pub purpose: String,
    pub direction: String,
    pub action: String,
    pub seen: i64,
    pub first_day: CivilDate,
    pub last_day: CivilDate,
    /// How many different values a thousand requests for pages had, lately; nothing until so many have come.
    pub values: Option<u16>,
    /// Whether so many values make it look like an identifier, which its legal basis does not allow.
    pub identifies: bool,
}

/// How often visitors did something about a purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it")]
pub struct ConsentCount {
    pub policy: String,
    /// Empty for what concerns all purposes.
    pub purpose: String,
    pub event: String,
    pub events: i64,
}

impl ConsentCount {
    /// Reads policy, purpose, event and how often, in this order.
    pub(crate) fn read(row: &Row) -> Result<Self, SqlError> {
        Ok(Self { policy: row.get(0)?, purpose: row.get(1)?, event: row.get(2)?, events: row.get(3)? })
    }
}

/// Requests of one host in one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddressBucket {
    /// When the bucket began: it is ten minutes wide, or wider where few came.
    pub begins: UnixTime,
    /// The requests.
    pub requests: i64,
    /// How many of them were refused.
    pub refused: i64,
}

/// The life of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it")]
pub struct KeyRecord {
    pub epoch: String,
    pub made: UnixTime,
    pub destroyed: Option<UnixTime>,
    pub how: Option<String>,
    /// The node that held it; empty where there is but one.
    pub node: String,
}

/// One policy and the days on which it was in force.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it")]
pub struct PolicyRecord {
    pub fingerprint: String,
    pub statement: String,
    pub from: CivilDate,
    pub to: Option<CivilDate>,
}
