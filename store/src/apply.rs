//! How each kind of row is added to its table.

use std::collections::BTreeSet;

use pinfold::audit::{ChainHash, Ledger};

use crate::engine::Transaction;
use crate::entry::{Entry, MADE, POLICY, action_of};
use crate::sql::{SqlError, Value};

const ADDRESS: &str = "
    INSERT INTO address (site, bucket, host, network, requests, refused, node) VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (site, bucket, host, network, node) DO UPDATE
    SET requests = address.requests + excluded.requests, refused = address.refused + excluded.refused";

const CONSENT: &str = "
    INSERT INTO consent (site, day, policy, event, purpose, events) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (site, day, policy, event, purpose) DO UPDATE SET events = consent.events + excluded.events";

const COOKIE: &str = "
    INSERT INTO cookie (site, pattern, direction, purpose, action, seen, first_day, last_day, distinct_values, identifies)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)
    ON CONFLICT (site, pattern, direction, purpose, action) DO UPDATE
    SET seen = cookie.seen + excluded.seen,
        first_day = CASE WHEN excluded.first_day < cookie.first_day THEN excluded.first_day ELSE cookie.first_day END,
        last_day = CASE WHEN excluded.last_day > cookie.last_day THEN excluded.last_day ELSE cookie.last_day END";

/// An estimate is of the cookie, whatever was done with it.
const COOKIE_VALUES: &str = "
    UPDATE cookie SET distinct_values = $4, identifies = $5 WHERE site = $1 AND pattern = $2 AND direction = $3";

const DISTINCT: &str = "
    INSERT INTO distinct_addresses (site, day, epoch, estimate, node) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (site, day, epoch, node) DO UPDATE SET estimate = excluded.estimate";

const FACET: &str = "
    INSERT INTO facet (site, day, kind, value, page_views) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (site, day, kind, value) DO UPDATE SET page_views = facet.page_views + excluded.page_views";

const TRAFFIC: &str = "
    INSERT INTO traffic (site, day, method, status, requests, page_views) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (site, day, method, status) DO UPDATE
    SET requests = traffic.requests + excluded.requests, page_views = traffic.page_views + excluded.page_views";

const USAGE: &str = "
    INSERT INTO usage (site, day, route, status, requests, page_views, entries, not_found)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (site, day, route, status) DO UPDATE
    SET requests = usage.requests + excluded.requests, page_views = usage.page_views + excluded.page_views,
        entries = usage.entries + excluded.entries, not_found = usage.not_found + excluded.not_found";

const VISIT: &str = "
    INSERT INTO visit (site, day, cell, count) VALUES ($1, $2, $3, $4)
    ON CONFLICT (site, day, cell) DO UPDATE SET count = visit.count + excluded.count";

/// Where every row counts something.
const NONE: &str = "";

/// Adds rows. Counts are added to what is there.
pub(crate) fn apply(transaction: &Transaction<'_>, entry: &Entry<'_>) -> Result<(), SqlError> {
    let Entry { ledger, site, rows } = entry;
    let site = Value::from(&**site);
    match ledger {
        Ledger::Action => rows.iter().try_for_each(|row| apply_action(transaction, &entry.site, row)),
        Ledger::Address => transaction.execute_each(ADDRESS, rows),
        Ledger::Consent => {
            transaction.execute_each(CONSENT, rows)?;
            lay_days_in_order(transaction, ("consent", 5), &site, rows, NONE)
        }
        Ledger::Cookie => {
            transaction.execute_each(COOKIE, rows)?;
            let estimates = rows.iter().filter(|row| row[7] != Value::Null);
            let estimates: Vec<_> =
                estimates.map(|row| [0, 1, 2, 7, 8].map(|at| row[at].clone()).to_vec()).collect();
            transaction.execute_each(COOKIE_VALUES, &estimates)?;
            transaction.lay_in_order(("cookie", 5), "site = $1", &[site])
        }
        Ledger::Distinct => transaction.execute_each(DISTINCT, rows),
        Ledger::Facet => {
            transaction.execute_each(FACET, rows)?;
            lay_days_in_order(transaction, ("facet", 4), &site, rows, "page_views = 0")
        }
        Ledger::Key => rows.iter().try_for_each(|row| apply_key(transaction, &site, row)),
        Ledger::Policy => rows.iter().try_for_each(|row| apply_policy(transaction, &site, row)),
        Ledger::Traffic => transaction.execute_each(TRAFFIC, rows),
        Ledger::Usage => {
            transaction.execute_each(USAGE, rows)?;
            let empty = "requests = 0 AND page_views = 0 AND entries = 0 AND not_found = 0";
            lay_days_in_order(transaction, ("usage", 4), &site, rows, empty)
        }
        Ledger::Visit => {
            transaction.execute_each(VISIT, rows)?;
            lay_days_in_order(transaction, ("visit", 3), &site, rows, NONE)
        }
        other => Err(SqlError::Misfit(format!("no table has the ledger {}", other.name()))),
    }
}

/// Takes out the rows of these days that count nothing any more, and lays the others down anew. The day is the second value of a row.
fn lay_days_in_order(
    transaction: &Transaction<'_>,
    table: (&str, usize),
    site: &Value<'_>,
    rows: &[Vec<Value<'_>>],
    empty: &str,
) -> Result<(), SqlError> {
    let day = |row: &Vec<Value<'_>>| if let Value::Integer(day) = row[1] { Some(day) } else { None };
    let days: BTreeSet<i64> = rows.iter().filter_map(day).collect();
    let of_day = "site = $1 AND day = $2";
    for day in days {
        let values = [site.clone(), day.into()];
        if empty != NONE {
            transaction.delete(table.0, &format!("{of_day} AND {empty}"), &values)?;
        }
        transaction.lay_in_order(table, of_day, &values)?;
    }
    Ok(())
}

/// The last entry of the chain of a site: its number and hash.
pub(crate) const LAST_ACTION: &str =
    "SELECT sequence, hash FROM action WHERE site = $1 ORDER BY sequence DESC LIMIT 1";

/// Appends an entry to the chain of a site.
fn apply_action(transaction: &Transaction<'_>, site: &str, values: &[Value<'_>]) -> Result<(), SqlError> {
    let row = action_of(values)?;
    let (number, previous): (i64, ChainHash) = match transaction.query(LAST_ACTION, &[site.into()])?.first() {
        Some(last) => (last.get(0)?, ChainHash::from_bytes(last.get(1)?)),
        None => (0, ChainHash::START),
    };
    let sequence = number + 1;
    let hash = previous.then(site, sequence.cast_unsigned(), &row);
    let place = [site.into(), sequence.into()];
    let hashes = [previous.to_bytes().into(), hash.to_bytes().into()];
    let values: Vec<_> = place.into_iter().chain(values.iter().cloned()).chain(hashes).collect();
    transaction.execute(
        "INSERT INTO action (site, sequence, at, act, uid, requested_by, approved_by, basis, result, previous, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &values,
    )?;
    Ok(())
}

/// A policy, or the bit of one of its purposes.
fn apply_policy(
    transaction: &Transaction<'_>,
    site: &Value<'_>,
    values: &[Value<'_>],
) -> Result<(), SqlError> {
    let with_site: Vec<_> = [site].into_iter().chain(&values[1..]).cloned().collect();
    if values[0].as_text() != POLICY {
        return apply_bit(transaction, &with_site);
    }
    // One that is in force already goes on; any other ends today.
    transaction.execute(
        "UPDATE policy SET to_day = $2
         WHERE site = $1 AND to_day IS NULL AND NOT (fingerprint = $3 AND statement = $4)",
        &with_site,
    )?;
    let in_force = "SELECT from_day FROM policy WHERE site = $1 AND to_day IS NULL";
    if !transaction.query(in_force, std::slice::from_ref(site))?.is_empty() {
        return Ok(());
    }
    let resumed = transaction.execute(
        "UPDATE policy SET to_day = NULL WHERE site = $1 AND from_day = $2 AND fingerprint = $3 AND statement = $4",
        &with_site,
    )?;
    if resumed == 0 {
        let begin = "INSERT INTO policy (site, from_day, fingerprint, statement) VALUES ($1, $2, $3, $4)";
        transaction.execute(begin, &with_site)?;
    }
    Ok(())
}

/// The bit of a purpose. Whichever node has given one first has given it for all, in the turn of the policy ledger.
fn apply_bit(transaction: &Transaction<'_>, row: &[Value<'_>]) -> Result<(), SqlError> {
    let taken = "SELECT purpose, bit FROM purpose_bit WHERE site = $1 AND (purpose = $2 OR bit = $3)";
    let taken = transaction.query(taken, row)?;
    if taken.is_empty() {
        let give = "INSERT INTO purpose_bit (site, purpose, bit) VALUES ($1, $2, $3)";
        return transaction.execute(give, row).map(drop);
    }
    if !taken.iter().any(|there| there.0[..] == row[1..]) {
        tracing::error!(
            site = row[0].as_text(),
            purpose = row[1].as_text(),
            "another node has given the bit of this purpose otherwise: choices of the two are not understood alike until \
             this node is restarted"
        );
    }
    Ok(())
}

fn apply_key(transaction: &Transaction<'_>, site: &Value<'_>, values: &[Value<'_>]) -> Result<(), SqlError> {
    let [kind, epoch, node, at, how, until] = values else {
        return Err(SqlError::Misfit("a row of the key ledger has other columns".to_owned()));
    };
    let of = |values: &[&Value<'_>]| values.iter().map(|value| value.to_static()).collect::<Vec<_>>();
    if kind.as_text() == MADE {
        // A key that nodes have in common is had again by one that had lost it.
        let made = "INSERT INTO key (site, epoch, made, node) VALUES ($1, $2, $3, $4)
             ON CONFLICT (site, epoch, node) DO UPDATE SET destroyed = NULL, how = NULL
             WHERE key.how = 'lost with the process'";
        return transaction.execute(made, &of(&[site, epoch, at, node])).map(drop);
    }
    transaction.execute(
        "UPDATE key SET destroyed = $4, how = $5 WHERE site = $1 AND epoch = $2 AND node = $3",
        &of(&[site, epoch, node, at, how]),
    )?;
    // With the key the rows under it have lost their use.
    transaction.delete("address", "site = $1 AND node = $2 AND bucket < $3", &of(&[site, node, until]))
}

/// Enters what a process of this node that is gone has left open: its keys died with it, but for the living ones, which it has left to this
/// process. The rows under keys that are gone are of no use: a bucket begins at most ten minutes before its key.
pub(crate) fn close_lost_keys(
    transaction: &Transaction<'_>,
    node: &str,
    now: i64,
    living: &[String],
) -> Result<(), SqlError> {
    let open = "SELECT DISTINCT epoch FROM key WHERE destroyed IS NULL AND node = $1";
    for row in transaction.query(open, &[node.into()])? {
        let epoch: String = row.get(0)?;
        if !living.contains(&epoch) {
            transaction.execute(
                "UPDATE key SET destroyed = $1, how = 'lost with the process'
                 WHERE destroyed IS NULL AND epoch = $2 AND node = $3",
                &[now.into(), epoch.into(), node.into()],
            )?;
        }
    }
    transaction.delete(
        "address",
        "node = $1 AND NOT EXISTS
             (SELECT 1 FROM key WHERE key.site = address.site AND key.node = address.node
              AND destroyed IS NULL AND made - 600 <= bucket)",
        &[node.into()],
    )
}
