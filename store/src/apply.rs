//! How each kind of row is added to its table.

use std::collections::BTreeSet;
use std::sync::Arc;

use pinfold::audit::{ActionRow, Batch, ChainHash, Rows};
use pinfold::pseudonym::KeyEvent;
use pinfold::time::CivilDate;
use rusqlite::types::{ToSql, Value};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params, params_from_iter};

/// Adds a batch. Counts are added to what is there.
pub(crate) fn apply(transaction: &Transaction<'_>, batch: &Batch) -> rusqlite::Result<()> {
    let site: &Arc<str> = &batch.site;
    match &batch.rows {
        Rows::Action(row) => apply_action(transaction, site, row)?,
        Rows::Address(rows) => {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO address VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, refused = refused + excluded.refused",
            )?;
            for row in rows {
                let (host, network) = (row.host.number().cast_signed(), row.network.number().cast_signed());
                let (requests, refused) = (row.requests.cast_signed(), row.refused.cast_signed());
                statement.execute(params![site, row.bucket.seconds(), host, network, requests, refused])?;
            }
        }
        Rows::Consent(rows) => {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO consent VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET events = events + excluded.events",
            )?;
            for row in rows {
                let (day, events) = (row.day.days(), row.events.cast_signed());
                statement.execute(params![site, day, row.policy, row.event.name(), row.purpose, events])?;
            }
            lay_days_in_order(transaction, ("consent", 5), site, rows.iter().map(|row| row.day))?;
        }
        Rows::Cookie(rows) => {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO cookie VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9)
                 ON CONFLICT DO UPDATE SET seen = seen + excluded.seen,
                     first_day = min(first_day, excluded.first_day), last_day = max(last_day, excluded.last_day)",
            )?;
            // An estimate is of the cookie, whatever was done with it.
            let mut estimate = transaction.prepare_cached(
                "UPDATE cookie SET distinct_values = ?4, identifies = ?5 WHERE site = ?1 AND pattern = ?2 AND direction = ?3",
            )?;
            for row in rows {
                let (direction, action) = (row.direction.name(), row.action.name());
                let (seen, day) = (row.seen.cast_signed(), row.day.days());
                let (values, identifies) = (row.values, row.identifies);
                statement.execute(params![
                    site,
                    row.pattern,
                    direction,
                    row.purpose,
                    action,
                    seen,
                    day,
                    values,
                    identifies
                ])?;
                if values.is_some() {
                    estimate.execute(params![site, row.pattern, direction, values, identifies])?;
                }
            }
            lay_in_order(transaction, ("cookie", 5), "site = ?1", &[site])?;
        }
        Rows::Distinct(row) => {
            transaction.execute(
                "INSERT INTO distinct_addresses VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET estimate = excluded.estimate",
                params![site, row.day.days(), row.epoch, row.estimate.cast_signed()],
            )?;
        }
        Rows::Facet(rows) => {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO facet VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET page_views = page_views + excluded.page_views",
            )?;
            for row in rows {
                let (day, kind) = (row.day.days(), row.kind.name());
                statement.execute(params![site, day, kind, row.value, row.page_views])?;
            }
            transaction.execute("DELETE FROM facet WHERE site = ?1 AND page_views = 0", params![site])?;
            lay_days_in_order(transaction, ("facet", 4), site, rows.iter().map(|row| row.day))?;
        }
        Rows::Key(events) => events.iter().try_for_each(|event| apply_key(transaction, site, event))?,
        Rows::Policy(row) => {
            // A policy that is in force already goes on; any other ends today.
            transaction.execute(
                "UPDATE policy SET to_day = ?2 WHERE site = ?1 AND to_day IS NULL AND NOT (fingerprint = ?3 AND statement = ?4)",
                params![site, row.from.days(), row.fingerprint, row.statement],
            )?;
            transaction.execute(
                "INSERT INTO policy SELECT ?1, ?2, ?3, ?4, NULL WHERE NOT EXISTS
                     (SELECT 1 FROM policy WHERE site = ?1 AND to_day IS NULL)
                 ON CONFLICT DO UPDATE SET to_day = NULL",
                params![site, row.from.days(), row.fingerprint, row.statement],
            )?;
            for (purpose, bit) in &row.bits {
                transaction.execute(
                    "INSERT INTO purpose_bit VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                    params![site, purpose, bit],
                )?;
            }
        }
        Rows::Traffic(rows) => {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO traffic VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
                     page_views = page_views + excluded.page_views",
            )?;
            for row in rows {
                let (requests, page_views) = (row.requests.cast_signed(), row.page_views.cast_signed());
                let (method, status) = (row.method.name(), row.status.digit());
                statement.execute(params![site, row.day.days(), method, status, requests, page_views])?;
            }
        }
        Rows::Usage(rows) => {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO usage VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
                     page_views = page_views + excluded.page_views, entries = entries + excluded.entries,
                     not_found = not_found + excluded.not_found",
            )?;
            for row in rows {
                let status = row.status.digit();
                statement.execute(params![
                    site,
                    row.day.days(),
                    row.route,
                    status,
                    row.requests,
                    row.page_views,
                    row.entries,
                    row.not_found
                ])?;
            }
            transaction.execute(
                "DELETE FROM usage WHERE site = ?1 AND requests = 0 AND page_views = 0 AND entries = 0 AND not_found = 0",
                params![site],
            )?;
            lay_days_in_order(transaction, ("usage", 4), site, rows.iter().map(|row| row.day))?;
        }
        Rows::Visit(rows) => {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO visit VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            )?;
            for row in rows {
                let (day, count) = (row.day.days(), row.count.cast_signed());
                statement.execute(params![site, day, row.cell.name(), count])?;
            }
            lay_days_in_order(transaction, ("visit", 3), site, rows.iter().map(|row| row.day))?;
        }
        // A ledger that a newer library knows and this store does not: refused, so that it is counted as lost.
        other => return Err(rusqlite::Error::InvalidParameterName(other.ledger().name().to_owned())),
    }
    Ok(())
}

/// Lays the rows of these days of a site down anew.
fn lay_days_in_order(
    transaction: &Transaction<'_>,
    table: (&str, usize),
    site: &Arc<str>,
    days: impl Iterator<Item = CivilDate>,
) -> rusqlite::Result<()> {
    let days: BTreeSet<i32> = days.map(CivilDate::days).collect();
    days.iter().try_for_each(|day| lay_in_order(transaction, table, "site = ?1 AND day = ?2", &[site, day]))
}

/// Lays rows down anew, in the order of their keys. A page takes what comes later further to its front, whatever the key, so
/// that where rows lie would tell which of them were written first, and with it the hour in which a route became a crowd. A table is
/// named with the number of its key columns, which come first.
fn lay_in_order(
    transaction: &Transaction<'_>,
    (table, keys): (&str, usize),
    which: &str,
    values: &[&dyn ToSql],
) -> rusqlite::Result<()> {
    let order = (1..=keys).map(|column| column.to_string()).collect::<Vec<_>>().join(", ");
    let select = format!("SELECT * FROM {table} WHERE {which} ORDER BY {order}");
    let mut select = transaction.prepare_cached(&select)?;
    let columns = select.column_count();
    let whole = |row: &Row<'_>| (0..columns).map(|column| row.get::<_, Value>(column)).collect();
    let rows: Vec<Vec<Value>> = select.query_map(values, whole)?.collect::<rusqlite::Result<_>>()?;
    transaction.prepare_cached(&format!("DELETE FROM {table} WHERE {which}"))?.execute(values)?;
    let places = vec!["?"; columns].join(", ");
    let mut insert = transaction.prepare_cached(&format!("INSERT INTO {table} VALUES ({places})"))?;
    rows.into_iter().try_for_each(|row| insert.execute(params_from_iter(row)).map(drop))
}

/// The number and hash of the last entry of the chain of a site.
pub(crate) fn last_action(connection: &Connection, site: &str) -> rusqlite::Result<Option<(i64, ChainHash)>> {
    connection
        .query_row(
            "SELECT sequence, hash FROM action WHERE site = ?1 ORDER BY sequence DESC LIMIT 1",
            params![site],
            |row| Ok((row.get(0)?, ChainHash::from_bytes(row.get(1)?))),
        )
        .optional()
}

/// Appends an entry to the chain of a site.
fn apply_action(transaction: &Transaction<'_>, site: &str, row: &ActionRow) -> rusqlite::Result<()> {
    let last = last_action(transaction, site)?;
    let (number, previous) = last.unwrap_or((0, ChainHash::START));
    let sequence = number + 1;
    let hash = previous.then(site, sequence.cast_unsigned(), row);
    transaction.execute(
        "INSERT INTO action VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            site,
            sequence,
            row.at.seconds(),
            row.act,
            row.uid,
            row.requested_by,
            row.approved_by,
            row.basis,
            row.result,
            previous.to_bytes(),
            hash.to_bytes()
        ],
    )?;
    Ok(())
}

fn apply_key(transaction: &Transaction<'_>, site: &str, event: &KeyEvent) -> rusqlite::Result<()> {
    match event {
        KeyEvent::Made { epoch, at } => {
            transaction.execute(
                "INSERT INTO key VALUES (?1, ?2, ?3, NULL, NULL) ON CONFLICT DO NOTHING",
                params![site, epoch, at.seconds()],
            )?;
        }
        KeyEvent::Destroyed { epoch, at, how, ends } => {
            transaction.execute(
                "UPDATE key SET destroyed = ?3, how = ?4 WHERE site = ?1 AND epoch = ?2",
                params![site, epoch, at.seconds(), how.name()],
            )?;
            // With the key the rows under it have lost their use.
            transaction.execute(
                "DELETE FROM address WHERE site = ?1 AND bucket < ?2",
                params![site, ends.seconds().min(at.seconds().saturating_add(1))],
            )?;
        }
        _ => {}
    }
    Ok(())
}

/// Enters what a process that is gone has left open: its keys died with it, but for the living ones, which it has left to this
/// process. The rows under keys that are gone are of no use: a bucket begins at most ten minutes before its key.
pub(crate) fn close_lost_keys(
    transaction: &Transaction<'_>,
    now: i64,
    living: &[String],
) -> rusqlite::Result<()> {
    let mut open = transaction.prepare("SELECT DISTINCT epoch FROM key WHERE destroyed IS NULL")?;
    let open: Vec<String> = open.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for lost in open.iter().filter(|epoch| !living.contains(epoch)) {
        transaction.execute(
            "UPDATE key SET destroyed = ?1, how = 'lost with the process' WHERE destroyed IS NULL AND epoch = ?2",
            params![now, lost],
        )?;
    }
    transaction.execute(
        "DELETE FROM address WHERE NOT EXISTS
             (SELECT 1 FROM key WHERE key.site = address.site AND destroyed IS NULL AND made - 600 <= bucket)",
        [],
    )?;
    Ok(())
}
