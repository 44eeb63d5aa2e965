//! The tables, one statement list for each version. Versions only go forward.

use rusqlite::{Connection, TransactionBehavior};

/// What takes a store from version `n` to `n + 1`, for each `n`.
///
/// `WITHOUT ROWID` leaves no number that would tell the order in which rows came.
const STEPS: [&str; 6] = [
    "
CREATE TABLE address (
    site TEXT NOT NULL, bucket INTEGER NOT NULL, host INTEGER NOT NULL, network INTEGER NOT NULL,
    requests INTEGER NOT NULL, refused INTEGER NOT NULL,
    PRIMARY KEY (site, bucket, host, network)
) STRICT, WITHOUT ROWID;
CREATE TABLE traffic (
    site TEXT NOT NULL, hour INTEGER NOT NULL, method TEXT NOT NULL, status INTEGER NOT NULL,
    requests INTEGER NOT NULL, page_views INTEGER NOT NULL,
    PRIMARY KEY (site, hour, method, status)
) STRICT, WITHOUT ROWID;
CREATE TABLE distinct_addresses (
    site TEXT NOT NULL, day INTEGER NOT NULL, epoch TEXT NOT NULL, estimate INTEGER NOT NULL,
    PRIMARY KEY (site, day, epoch)
) STRICT, WITHOUT ROWID;
CREATE TABLE usage (
    site TEXT NOT NULL, day INTEGER NOT NULL, route TEXT NOT NULL, status INTEGER NOT NULL,
    requests INTEGER NOT NULL, page_views INTEGER NOT NULL, entries INTEGER NOT NULL,
    PRIMARY KEY (site, day, route, status)
) STRICT, WITHOUT ROWID;
CREATE TABLE consent (
    site TEXT NOT NULL, day INTEGER NOT NULL, policy TEXT NOT NULL, event TEXT NOT NULL, purpose TEXT NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (site, day, policy, event, purpose)
) STRICT, WITHOUT ROWID;
CREATE TABLE cookie (
    site TEXT NOT NULL, pattern TEXT NOT NULL, direction TEXT NOT NULL, purpose TEXT NOT NULL, action TEXT NOT NULL,
    seen INTEGER NOT NULL, first_day INTEGER NOT NULL, last_day INTEGER NOT NULL,
    PRIMARY KEY (site, pattern, direction, purpose, action)
) STRICT, WITHOUT ROWID;
CREATE TABLE key (
    site TEXT NOT NULL, epoch TEXT NOT NULL, made INTEGER NOT NULL, destroyed INTEGER, how TEXT,
    PRIMARY KEY (site, epoch)
) STRICT, WITHOUT ROWID;
CREATE TABLE policy (
    site TEXT NOT NULL, from_day INTEGER NOT NULL, fingerprint TEXT NOT NULL, statement TEXT NOT NULL, to_day INTEGER,
    PRIMARY KEY (site, from_day, fingerprint, statement)
) STRICT, WITHOUT ROWID;
CREATE TABLE purpose_bit (
    site TEXT NOT NULL, purpose TEXT NOT NULL, bit INTEGER NOT NULL,
    PRIMARY KEY (site, purpose)
) STRICT, WITHOUT ROWID;
CREATE TABLE delivered (
    ledger TEXT NOT NULL PRIMARY KEY, incarnation INTEGER NOT NULL, sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
",
    "
CREATE TABLE action (
    site TEXT NOT NULL, sequence INTEGER NOT NULL, at INTEGER NOT NULL, act TEXT NOT NULL, uid INTEGER NOT NULL,
    requested_by TEXT NOT NULL, approved_by TEXT NOT NULL, basis TEXT NOT NULL, result TEXT NOT NULL,
    previous BLOB NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (site, sequence)
) STRICT, WITHOUT ROWID;
",
    "
CREATE TABLE visit (
    site TEXT NOT NULL, day INTEGER NOT NULL, cell TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (site, day, cell)
) STRICT, WITHOUT ROWID;
",
    "
CREATE TABLE facet (
    site TEXT NOT NULL, day INTEGER NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL,
    page_views INTEGER NOT NULL,
    PRIMARY KEY (site, day, kind, value)
) STRICT, WITHOUT ROWID;
ALTER TABLE usage ADD COLUMN not_found INTEGER NOT NULL DEFAULT 0;
CREATE TABLE import (
    site TEXT NOT NULL, mark BLOB NOT NULL, lines INTEGER NOT NULL, offset INTEGER NOT NULL, day INTEGER NOT NULL,
    PRIMARY KEY (site, mark)
) STRICT, WITHOUT ROWID;
",
    // Hours, of days of UTC, are given up: with them a thief could name who had met a failure.
    "
CREATE TABLE traffic_by_day (
    site TEXT NOT NULL, day INTEGER NOT NULL, method TEXT NOT NULL, status INTEGER NOT NULL,
    requests INTEGER NOT NULL, page_views INTEGER NOT NULL,
    PRIMARY KEY (site, day, method, status)
) STRICT, WITHOUT ROWID;
INSERT INTO traffic_by_day
    SELECT site, hour / 86400 AS day, method, status, sum(requests), sum(page_views) FROM traffic
    GROUP BY site, day, method, status;
DROP TABLE traffic;
ALTER TABLE traffic_by_day RENAME TO traffic;
",
    "
ALTER TABLE cookie ADD COLUMN distinct_values INTEGER;
ALTER TABLE cookie ADD COLUMN identifies INTEGER NOT NULL DEFAULT 0;
",
];

/// The newest version that is known here.
pub(crate) const NEWEST: i64 = STEPS.len() as i64;

/// The first version in which what administrators did is kept.
pub(crate) const WITH_ACTIONS: i64 = 2;

/// The first version in which visits are counted.
pub(crate) const WITH_VISITS: i64 = 3;

/// The first version in which page views are told by browser, device, referrer and robot, and 404 apart.
pub(crate) const WITH_FACETS: i64 = 4;

/// The first version in which traffic is counted by the day.
pub(crate) const WITH_TRAFFIC_BY_DAY: i64 = 5;

/// The first version in which the values of cookies are counted.
pub(crate) const WITH_COOKIE_VALUES: i64 = 6;

/// The version of a store; 0 for an empty file.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Takes a store to the newest version, whole or not at all.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let found = version(connection)?;
    if found >= NEWEST {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let missing = usize::try_from(found).ok().and_then(|found| STEPS.get(found..));
    missing.unwrap_or_default().iter().try_for_each(|step| transaction.execute_batch(step))?;
    transaction.pragma_update(None, "user_version", NEWEST)?;
    transaction.commit()
}
