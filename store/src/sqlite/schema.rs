//! The tables, one statement list for each version. Versions only go forward.

use rusqlite::{Connection, TransactionBehavior};

use crate::schema::NEWEST;

/// What takes a store from version `n` to `n + 1`, for each `n`.
///
/// `WITHOUT ROWID` leaves no number that would tell the order in which rows came.
const STEPS: [&str; NEWEST as usize] = [
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
    // A key, and what is under it, belong to a node. A file has one, whose name is empty.
    "
CREATE TABLE address_by_node (
    site TEXT NOT NULL, bucket INTEGER NOT NULL, host INTEGER NOT NULL, network INTEGER NOT NULL,
    requests INTEGER NOT NULL, refused INTEGER NOT NULL, node TEXT NOT NULL,
    PRIMARY KEY (site, bucket, host, network, node)
) STRICT, WITHOUT ROWID;
INSERT INTO address_by_node SELECT site, bucket, host, network, requests, refused, '' FROM address;
DROP TABLE address;
ALTER TABLE address_by_node RENAME TO address;
CREATE TABLE key_by_node (
    site TEXT NOT NULL, epoch TEXT NOT NULL, made INTEGER NOT NULL, destroyed INTEGER, how TEXT, node TEXT NOT NULL,
    PRIMARY KEY (site, epoch, node)
) STRICT, WITHOUT ROWID;
INSERT INTO key_by_node SELECT site, epoch, made, destroyed, how, '' FROM key;
DROP TABLE key;
ALTER TABLE key_by_node RENAME TO key;
CREATE TABLE distinct_by_node (
    site TEXT NOT NULL, day INTEGER NOT NULL, epoch TEXT NOT NULL, estimate INTEGER NOT NULL, node TEXT NOT NULL,
    PRIMARY KEY (site, day, epoch, node)
) STRICT, WITHOUT ROWID;
INSERT INTO distinct_by_node SELECT site, day, epoch, estimate, '' FROM distinct_addresses;
DROP TABLE distinct_addresses;
ALTER TABLE distinct_by_node RENAME TO distinct_addresses;
DROP TABLE delivered;
CREATE TABLE delivered (
    ledger TEXT NOT NULL, sequence INTEGER NOT NULL, incarnation INTEGER NOT NULL, node TEXT NOT NULL,
    PRIMARY KEY (node, incarnation, ledger)
) STRICT, WITHOUT ROWID;
",
];

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
