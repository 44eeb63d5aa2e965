//! Reading ledgers, from this process or another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pinfold::audit::{ActionEntry, ActionRow, ChainHash, FacetKind, VisitCell};
use pinfold::pseudonym::Pseudonym;
use pinfold::time::{CivilDate, UnixTime};
use rusqlite::{Connection, OpenFlags, Params, Row, Transaction, params};

use crate::apply::last_action;
use crate::error::StoreError;
use crate::rows::{
    AddressBucket, ConsentCount, CookieCount, DistinctCount, FacetCount, KeyRecord, PolicyRecord, TrafficDay,
    UsageCount, VisitCount,
};
use crate::schema;

/// How long a reader waits for a writer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// A store opened for reading alone.
#[derive(Debug)]
pub struct Ledgers {
    path: PathBuf,
    connection: Connection,
}

/// The days that are asked for, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "two days are all there is to a period")]
pub struct Period {
    /// The first day.
    pub from: CivilDate,
    /// The last day.
    pub to: CivilDate,
}

impl Ledgers {
    /// Opens a store.
    ///
    /// # Errors
    ///
    /// Where there is none, or it cannot be read.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let unusable = |error: rusqlite::Error| StoreError::unusable(path, error);
        let connection = Connection::open_with_flags(path, flags).map_err(unusable)?;
        connection.busy_timeout(PATIENCE).map_err(unusable)?;
        let found = schema::version(&connection).map_err(unusable)?;
        if found > schema::NEWEST {
            return Err(StoreError::NewerSchema { path: path.to_owned(), found, known: schema::NEWEST });
        }
        if found == 0 {
            return Err(StoreError::unusable(path, "it holds no ledgers"));
        }
        Ok(Self { path: path.to_owned(), connection })
    }

    /// The sites of which anything is recorded.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read; so for every method.
    pub fn sites(&self) -> Result<Vec<String>, StoreError> {
        self.list(
            "SELECT site FROM key UNION SELECT site FROM traffic UNION SELECT site FROM policy",
            [],
            |row| row.get(0),
        )
    }

    /// Traffic by day, method and status.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn traffic(&self, site: &str, period: Period) -> Result<Vec<TrafficDay>, StoreError> {
        let day = if self.version()? < schema::WITH_TRAFFIC_BY_DAY { "hour / 86400" } else { "day" };
        self.list(
            &format!(
                "SELECT {day} AS date, method, status, sum(requests), sum(page_views) FROM traffic
                 WHERE site = ?1 AND date BETWEEN ?2 AND ?3 GROUP BY date, method, status ORDER BY date, method, status"
            ),
            params![site, period.from.days(), period.to.days()],
            |row| {
                Ok(TrafficDay {
                    day: CivilDate::from_days(row.get(0)?),
                    method: row.get(1)?,
                    status_class: row.get(2)?,
                    requests: row.get(3)?,
                    page_views: row.get(4)?,
                })
            },
        )
    }

    /// Distinct addresses by day.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn distinct(&self, site: &str, period: Period) -> Result<Vec<DistinctCount>, StoreError> {
        self.list(
            "SELECT day, max(estimate), sum(estimate), count(*) FROM distinct_addresses
             WHERE site = ?1 AND day BETWEEN ?2 AND ?3 GROUP BY day ORDER BY day",
            params![site, period.from.days(), period.to.days()],
            |row| {
                Ok(DistinctCount {
                    day: CivilDate::from_days(row.get(0)?),
                    at_least: row.get(1)?,
                    at_most: row.get(2)?,
                    runs: row.get(3)?,
                })
            },
        )
    }

    /// Routes, the most asked for first.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn usage(&self, site: &str, period: Period) -> Result<Vec<UsageCount>, StoreError> {
        let not_found = if self.version()? < schema::WITH_FACETS { "0" } else { "sum(not_found)" };
        self.list(
            &format!(
                "SELECT route, status, sum(requests) AS n, sum(page_views), sum(entries), {not_found} FROM usage
                 WHERE site = ?1 AND day BETWEEN ?2 AND ?3 GROUP BY route, status HAVING n > 0
                 ORDER BY n DESC, route, status"
            ),
            params![site, period.from.days(), period.to.days()],
            UsageCount::read,
        )
    }

    /// Routes of each day.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn usage_by_day(
        &self,
        site: &str,
        period: Period,
    ) -> Result<Vec<(CivilDate, UsageCount)>, StoreError> {
        let not_found = if self.version()? < schema::WITH_FACETS { "0" } else { "not_found" };
        self.list(
            &format!(
                "SELECT route, status, requests, page_views, entries, {not_found}, day FROM usage
                 WHERE site = ?1 AND day BETWEEN ?2 AND ?3 AND requests > 0 ORDER BY day, route, status"
            ),
            params![site, period.from.days(), period.to.days()],
            |row| Ok((CivilDate::from_days(row.get(6)?), UsageCount::read(row)?)),
        )
    }

    /// Page views by the values of one kind, the most frequent first.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn facets(&self, site: &str, kind: FacetKind, period: Period) -> Result<Vec<FacetCount>, StoreError> {
        if self.version()? < schema::WITH_FACETS {
            return Ok(Vec::new());
        }
        self.list(
            "SELECT value, sum(page_views) AS n FROM facet WHERE site = ?1 AND kind = ?2 AND day BETWEEN ?3 AND ?4
             GROUP BY value HAVING n > 0 ORDER BY n DESC, value",
            params![site, kind.name(), period.from.days(), period.to.days()],
            FacetCount::read,
        )
    }

    /// Page views by the values of one kind, of each day.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn facets_by_day(
        &self,
        site: &str,
        kind: FacetKind,
        period: Period,
    ) -> Result<Vec<(CivilDate, FacetCount)>, StoreError> {
        if self.version()? < schema::WITH_FACETS {
            return Ok(Vec::new());
        }
        self.list(
            "SELECT value, page_views, day FROM facet WHERE site = ?1 AND kind = ?2 AND day BETWEEN ?3 AND ?4
             AND page_views > 0 ORDER BY day, value",
            params![site, kind.name(), period.from.days(), period.to.days()],
            |row| Ok((CivilDate::from_days(row.get(2)?), FacetCount::read(row)?)),
        )
    }

    /// What was done with each cookie, since it was first seen.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn cookies(&self, site: &str) -> Result<Vec<CookieCount>, StoreError> {
        let known = self.version()? >= schema::WITH_COOKIE_VALUES;
        let values = if known { "distinct_values, identifies" } else { "NULL, 0" };
        self.list(
            &format!(
                "SELECT pattern, purpose, direction, action, seen, first_day, last_day, {values} FROM cookie
                 WHERE site = ?1 ORDER BY pattern, direction, action"
            ),
            params![site],
            |row| {
                Ok(CookieCount {
                    pattern: row.get(0)?,
                    purpose: row.get(1)?,
                    direction: row.get(2)?,
                    action: row.get(3)?,
                    seen: row.get(4)?,
                    first_day: CivilDate::from_days(row.get(5)?),
                    last_day: CivilDate::from_days(row.get(6)?),
                    values: row.get(7)?,
                    identifies: row.get(8)?,
                })
            },
        )
    }

    /// Choices and questions by policy, purpose and event.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn consent(&self, site: &str, period: Period) -> Result<Vec<ConsentCount>, StoreError> {
        self.list(
            "SELECT policy, purpose, event, sum(events) FROM consent WHERE site = ?1 AND day BETWEEN ?2 AND ?3
             GROUP BY policy, purpose, event ORDER BY policy, purpose, event",
            params![site, period.from.days(), period.to.days()],
            ConsentCount::read,
        )
    }

    /// Choices and questions of each day.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn consent_by_day(
        &self,
        site: &str,
        period: Period,
    ) -> Result<Vec<(CivilDate, ConsentCount)>, StoreError> {
        self.list(
            "SELECT policy, purpose, event, events, day FROM consent WHERE site = ?1 AND day BETWEEN ?2 AND ?3
             ORDER BY day, policy, purpose, event",
            params![site, period.from.days(), period.to.days()],
            |row| Ok((CivilDate::from_days(row.get(4)?), ConsentCount::read(row)?)),
        )
    }

    /// Visits by day.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn visits(&self, site: &str, period: Period) -> Result<Vec<VisitCount>, StoreError> {
        if self.version()? < schema::WITH_VISITS {
            return Ok(Vec::new());
        }
        let rows = self.list(
            "SELECT day, cell, count FROM visit WHERE site = ?1 AND day BETWEEN ?2 AND ?3 ORDER BY day, cell",
            params![site, period.from.days(), period.to.days()],
            |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?)),
        )?;
        // A cell that a newer version counts is left to that version.
        let known = rows.into_iter().filter_map(|(day, cell, count)| {
            Some(VisitCount { day: CivilDate::from_days(day), cell: VisitCell::from_name(&cell)?, count })
        });
        Ok(known.collect())
    }

    /// What administrators did, in order.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn actions(&self, site: &str) -> Result<Vec<ActionEntry>, StoreError> {
        if self.version()? < schema::WITH_ACTIONS {
            return Ok(Vec::new());
        }
        self.list(
            "SELECT sequence, at, act, uid, requested_by, approved_by, basis, result, previous, hash FROM action
             WHERE site = ?1 ORDER BY sequence",
            params![site],
            |row| {
                Ok(ActionEntry {
                    sequence: row.get::<_, i64>(0)?.cast_unsigned(),
                    row: ActionRow {
                        at: UnixTime::from_seconds(row.get(1)?),
                        act: row.get(2)?,
                        uid: row.get(3)?,
                        requested_by: row.get(4)?,
                        approved_by: row.get(5)?,
                        basis: row.get(6)?,
                        result: row.get(7)?,
                    },
                    previous: ChainHash::from_bytes(row.get(8)?),
                    hash: ChainHash::from_bytes(row.get(9)?),
                })
            },
        )
    }

    /// The head of what administrators did: the hash of the last entry.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn head_of_actions(&self, site: &str) -> Result<ChainHash, StoreError> {
        if self.version()? < schema::WITH_ACTIONS {
            return Ok(ChainHash::START);
        }
        let last = last_action(&self.connection, site).map_err(|error| self.unusable(error))?;
        Ok(last.map_or(ChainHash::START, |(_, hash)| hash))
    }

    /// The buckets in which a host was met, by its pseudonym.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn buckets_of(&self, site: &str, host: Pseudonym) -> Result<Vec<AddressBucket>, StoreError> {
        self.list(
            "SELECT bucket, sum(requests), sum(refused) FROM address WHERE site = ?1 AND host = ?2
             GROUP BY bucket ORDER BY bucket",
            params![site, host.number().cast_signed()],
            |row| {
                Ok(AddressBucket {
                    begins: UnixTime::from_seconds(row.get(0)?),
                    requests: row.get(1)?,
                    refused: row.get(2)?,
                })
            },
        )
    }

    /// The life of each key, the newest last.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn keys(&self, site: &str) -> Result<Vec<KeyRecord>, StoreError> {
        self.list(
            "SELECT epoch, made, destroyed, how FROM key WHERE site = ?1 ORDER BY made, epoch",
            params![site],
            |row| {
                let destroyed: Option<i64> = row.get(2)?;
                Ok(KeyRecord {
                    epoch: row.get(0)?,
                    made: UnixTime::from_seconds(row.get(1)?),
                    destroyed: destroyed.map(UnixTime::from_seconds),
                    how: row.get(3)?,
                })
            },
        )
    }

    /// The policies that visitors were asked under, the oldest first.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn policies(&self, site: &str) -> Result<Vec<PolicyRecord>, StoreError> {
        self.list(
            "SELECT fingerprint, statement, from_day, to_day FROM policy WHERE site = ?1 ORDER BY from_day, fingerprint",
            params![site],
            |row| {
                let to: Option<i32> = row.get(3)?;
                Ok(PolicyRecord {
                    fingerprint: row.get(0)?,
                    statement: row.get(1)?,
                    from: CivilDate::from_days(row.get(2)?),
                    to: to.map(CivilDate::from_days),
                })
            },
        )
    }

    /// The bit that each purpose of a site has had, for [`pinfold::consent::PolicyBuilder::known_bits`].
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn purpose_bits(&self, site: &str) -> Result<BTreeMap<String, u8>, StoreError> {
        let bits = self.list("SELECT purpose, bit FROM purpose_bit WHERE site = ?1", params![site], |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
        Ok(bits?.into_iter().collect())
    }

    pub(crate) fn version(&self) -> Result<i64, StoreError> {
        schema::version(&self.connection).map_err(|error| self.unusable(error))
    }

    pub(crate) fn list<T>(
        &self,
        query: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let rows =
            || self.connection.prepare(query)?.query_map(parameters, read)?.collect::<rusqlite::Result<_>>();
        rows().map_err(|error| self.unusable(error))
    }

    /// The store as it is now, however long it is read.
    pub(crate) fn moment(&self) -> Result<Transaction<'_>, StoreError> {
        self.connection.unchecked_transaction().map_err(|error| self.unusable(error))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn unusable(&self, error: rusqlite::Error) -> StoreError {
        StoreError::unusable(&self.path, error)
    }
}
