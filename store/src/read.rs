//! Reading ledgers, from this process or another.

use std::collections::BTreeMap;

use pinfold::audit::{ActionEntry, ActionRow, ChainHash, FacetKind, VisitCell};
use pinfold::pseudonym::Pseudonym;
use pinfold::time::{CivilDate, UnixTime};

use crate::apply::LAST_ACTION;
use crate::error::StoreError;
use crate::location::Location;
use crate::part::Part;
use crate::reader::Reader;
use crate::rows::{
    AddressBucket, ConsentCount, CookieCount, DistinctCount, FacetCount, KeyRecord, PolicyRecord, TrafficDay,
    UsageCount, VisitCount,
};
use crate::schema;
use crate::sql::{Row, SqlError, Value};

/// A store opened for reading alone.
#[derive(Debug)]
pub struct Ledgers {
    location: Location,
    reader: Reader,
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
    pub fn open(location: impl Into<Location>) -> Result<Self, StoreError> {
        let location = location.into();
        let reader = Reader::open(&location)?;
        let ledgers = Self { location, reader };
        let found = ledgers.version()?;
        if found > schema::NEWEST {
            let store = ledgers.location.to_string();
            return Err(StoreError::NewerSchema { store, found, known: schema::NEWEST });
        }
        if found == 0 {
            return Err(StoreError::unusable(&ledgers.location, "it holds no ledgers"));
        }
        Ok(ledgers)
    }

    /// The sites of which anything is recorded.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read; so for every method.
    pub fn sites(&self) -> Result<Vec<String>, StoreError> {
        self.list(
            "SELECT site FROM key UNION SELECT site FROM traffic UNION SELECT site FROM policy",
            &[],
            |row| row.get(0),
        )
    }

    /// Traffic by day, method and status.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn traffic(&self, site: &str, period: Period) -> Result<Vec<TrafficDay>, StoreError> {
        let day = if self.version()? < schema::WITH_TRAFFIC_BY_DAY { "hour / 86400" } else { "day" };
        self.list(
            &format!(
                "SELECT {day} AS date, method, status, CAST(sum(requests) AS BIGINT), CAST(sum(page_views) AS BIGINT) FROM traffic
                 WHERE site = $1 AND {day} BETWEEN $2 AND $3 GROUP BY {day}, method, status ORDER BY date, method, status"
            ),
            &days_of(site, period),
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
        // Nodes do not meet the same addresses, but each start of one may. Where nodes have one key in common, they count together, and
        // one that had to go on alone has met whom the others may have met, too.
        let node = self.node()?;
        self.list(
            &format!(
                "WITH by_epoch AS
                     (SELECT day, epoch, max(estimate) AS estimate, count(DISTINCT {node}) AS nodes, min({node}) AS owner
                      FROM distinct_addresses WHERE site = $1 AND day BETWEEN $2 AND $3 GROUP BY day, epoch),
                 by_owner AS
                     (SELECT day, max(estimate) AS most, sum(estimate) AS total, count(*) AS runs, max(nodes) AS nodes
                      FROM by_epoch GROUP BY day, owner)
                 SELECT day, CAST(CASE WHEN max(nodes) > 1 THEN max(most) ELSE sum(most) END AS BIGINT),
                     CAST(sum(total) AS BIGINT), CAST(sum(runs) AS BIGINT)
                 FROM by_owner GROUP BY day ORDER BY day"
            ),
            &days_of(site, period),
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
        let not_found = if self.version()? < schema::WITH_FACETS { "0" } else { "not_found" };
        self.list(
            &format!(
                "SELECT route, status, CAST(sum(requests) AS BIGINT) AS n, CAST(sum(page_views) AS BIGINT), CAST(sum(entries) AS BIGINT),
                     CAST(sum({not_found}) AS BIGINT)
                 FROM usage WHERE site = $1 AND day BETWEEN $2 AND $3 GROUP BY route, status HAVING sum(requests) > 0
                 ORDER BY n DESC, route, status"
            ),
            &days_of(site, period),
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
                 WHERE site = $1 AND day BETWEEN $2 AND $3 AND requests > 0 ORDER BY day, route, status"
            ),
            &days_of(site, period),
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
            "SELECT value, CAST(sum(page_views) AS BIGINT) AS n FROM facet
             WHERE site = $1 AND kind = $2 AND day BETWEEN $3 AND $4
             GROUP BY value HAVING sum(page_views) > 0 ORDER BY n DESC, value",
            &[site.into(), kind.name().into(), period.from.days().into(), period.to.days().into()],
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
            "SELECT value, page_views, day FROM facet WHERE site = $1 AND kind = $2 AND day BETWEEN $3 AND $4
             AND page_views > 0 ORDER BY day, value",
            &[site.into(), kind.name().into(), period.from.days().into(), period.to.days().into()],
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
                 WHERE site = $1 ORDER BY pattern, direction, action"
            ),
            &[site.into()],
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
            "SELECT policy, purpose, event, CAST(sum(events) AS BIGINT) FROM consent WHERE site = $1 AND day BETWEEN $2 AND $3
             GROUP BY policy, purpose, event ORDER BY policy, purpose, event",
            &days_of(site, period),
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
            "SELECT policy, purpose, event, events, day FROM consent WHERE site = $1 AND day BETWEEN $2 AND $3
             ORDER BY day, policy, purpose, event",
            &days_of(site, period),
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
            "SELECT day, cell, count FROM visit WHERE site = $1 AND day BETWEEN $2 AND $3 ORDER BY day, cell",
            &days_of(site, period),
            |row| Ok((row.get(0)?, row.get::<String>(1)?, row.get(2)?)),
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
             WHERE site = $1 ORDER BY sequence",
            &[site.into()],
            |row| {
                Ok(ActionEntry {
                    sequence: row.get::<i64>(0)?.cast_unsigned(),
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
        let last = self.list(LAST_ACTION, &[site.into()], |row| Ok(ChainHash::from_bytes(row.get(1)?)))?;
        Ok(last.first().copied().unwrap_or(ChainHash::START))
    }

    /// The buckets in which a host was met, by its pseudonym.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn buckets_of(&self, site: &str, host: Pseudonym) -> Result<Vec<AddressBucket>, StoreError> {
        self.list_of(
            Part::Addresses,
            "SELECT bucket, CAST(sum(requests) AS BIGINT), CAST(sum(refused) AS BIGINT) FROM address WHERE site = $1 AND host = $2
             GROUP BY bucket ORDER BY bucket",
            &[site.into(), host.number().cast_signed().into()],
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
        let node = self.node()?;
        self.list(
            &format!(
                "SELECT epoch, made, destroyed, how, {node} FROM key WHERE site = $1 ORDER BY made, epoch, 5"
            ),
            &[site.into()],
            |row| {
                let destroyed: Option<i64> = row.get(2)?;
                Ok(KeyRecord {
                    epoch: row.get(0)?,
                    made: UnixTime::from_seconds(row.get(1)?),
                    destroyed: destroyed.map(UnixTime::from_seconds),
                    how: row.get(3)?,
                    node: row.get(4)?,
                })
            },
        )
    }

    /// The policies that visitors were asked under, the oldest first.
    #[allow(clippy::missing_errors_doc, reason = "said once, above")]
    pub fn policies(&self, site: &str) -> Result<Vec<PolicyRecord>, StoreError> {
        self.list(
            "SELECT fingerprint, statement, from_day, to_day FROM policy WHERE site = $1 ORDER BY from_day, fingerprint",
            &[site.into()],
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
        let bits = self.list("SELECT purpose, bit FROM purpose_bit WHERE site = $1", &[site.into()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
        Ok(bits?.into_iter().collect())
    }

    /// The column that names the node.
    fn node(&self) -> Result<&'static str, StoreError> {
        Ok(if self.version()? < schema::WITH_NODES { "''" } else { "node" })
    }

    pub(crate) fn version(&self) -> Result<i64, StoreError> {
        self.reader.version().map_err(|error| self.unusable(error))
    }

    /// Rows of what is not the address ledger.
    pub(crate) fn list<T>(
        &self,
        query: &str,
        values: &[Value<'_>],
        read: impl FnMut(&Row) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, StoreError> {
        self.list_of(Part::Ledgers, query, values, read)
    }

    pub(crate) fn list_of<T>(
        &self,
        part: Part,
        query: &str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        let take = |_: &[String], row: Row| {
            found.push(read(&row)?);
            Ok::<_, SqlError>(())
        };
        self.reader.each(part, query, values, take).map_err(|error| self.unusable(error))?;
        Ok(found)
    }

    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    pub(crate) fn unusable(&self, error: SqlError) -> StoreError {
        self.location.unusable(error)
    }
}

fn days_of(site: &str, period: Period) -> [Value<'_>; 3] {
    [site.into(), period.from.days().into(), period.to.days().into()]
}
