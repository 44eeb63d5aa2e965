//! Batches as rows of values, the form in which they are applied, and kept while a store is away.

use std::borrow::Cow;

use pinfold::audit::{ActionRow, Batch, Ledger, Rows};
use pinfold::pseudonym::KeyEvent;
use pinfold::time::UnixTime;

use crate::sql::{Row, SqlError, Value};

/// Rows of one ledger of one site, as values in the order of [`crate::apply`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) ledger: Ledger,
    pub(crate) site: Cow<'a, str>,
    pub(crate) rows: Vec<Vec<Value<'a>>>,
}

/// The kinds of rows of the key ledger, and those of a policy.
pub(crate) const MADE: &str = "made";
pub(crate) const DESTROYED: &str = "destroyed";
pub(crate) const POLICY: &str = "policy";
pub(crate) const PURPOSE: &str = "purpose";

macro_rules! row {
    ($($value:expr),* $(,)?) => { vec![$(Value::from($value)),*] };
}

impl<'a> Entry<'a> {
    /// What a node adds to the store.
    ///
    /// # Errors
    ///
    /// A ledger that a newer library knows and this store does not: refused, so that it is counted as lost.
    pub(crate) fn of(batch: &'a Batch, node: &'a str) -> Result<Self, SqlError> {
        let site = &batch.site;
        let rows = match &batch.rows {
            Rows::Action(row) => vec![row![
                row.at.seconds(),
                &row.act,
                row.uid,
                &row.requested_by,
                &row.approved_by,
                &row.basis,
                &row.result
            ]],
            Rows::Address(rows) => rows
                .iter()
                .map(|row| {
                    let (host, network) =
                        (row.host.number().cast_signed(), row.network.number().cast_signed());
                    let (requests, refused) = (row.requests.cast_signed(), row.refused.cast_signed());
                    row![site, row.bucket.seconds(), host, network, requests, refused, node]
                })
                .collect(),
            Rows::Consent(rows) => rows
                .iter()
                .map(|row| {
                    row![
                        site,
                        row.day.days(),
                        &row.policy,
                        row.event.name(),
                        &row.purpose,
                        row.events.cast_signed()
                    ]
                })
                .collect(),
            Rows::Cookie(rows) => rows
                .iter()
                .map(|row| {
                    let (direction, action) = (row.direction.name(), row.action.name());
                    let (seen, day) = (row.seen.cast_signed(), row.day.days());
                    row![
                        site,
                        &row.pattern,
                        direction,
                        &row.purpose,
                        action,
                        seen,
                        day,
                        row.values,
                        row.identifies
                    ]
                })
                .collect(),
            Rows::Distinct(row) => {
                vec![row![site, row.day.days(), &row.epoch, row.estimate.cast_signed(), node]]
            }
            Rows::Facet(rows) => rows
                .iter()
                .map(|row| row![site, row.day.days(), row.kind.name(), &row.value, row.page_views])
                .collect(),
            Rows::Key(events) => events.iter().filter_map(|event| of_key(event, node)).collect(),
            Rows::Policy(row) => {
                let policy = row![POLICY, row.from.days(), &row.fingerprint, &row.statement];
                let bits = row.bits.iter().map(|(purpose, bit)| row![PURPOSE, purpose, *bit]);
                [policy].into_iter().chain(bits).collect()
            }
            Rows::Traffic(rows) => rows
                .iter()
                .map(|row| {
                    let (requests, page_views) = (row.requests.cast_signed(), row.page_views.cast_signed());
                    row![site, row.day.days(), row.method.name(), row.status.digit(), requests, page_views]
                })
                .collect(),
            Rows::Usage(rows) => rows
                .iter()
                .map(|row| {
                    let counts = [row.requests, row.page_views, row.entries, row.not_found].map(Value::from);
                    let names = row![site, row.day.days(), &row.route, row.status.digit()];
                    names.into_iter().chain(counts).collect()
                })
                .collect(),
            Rows::Visit(rows) => rows
                .iter()
                .map(|row| row![site, row.day.days(), row.cell.name(), row.count.cast_signed()])
                .collect(),
            other => {
                return Err(SqlError::Misfit(format!("no table has the ledger {}", other.ledger().name())));
            }
        };
        Ok(Self { ledger: batch.rows.ledger(), site: Cow::Borrowed(site), rows })
    }
}

/// The same rows in the same order, those of one site that follow each other together: they go to the store at once.
pub(crate) fn joined<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Vec<Entry<'a>> {
    let mut joined: Vec<Entry<'a>> = Vec::new();
    for entry in entries {
        match joined.last_mut().filter(|last| last.site == entry.site && last.ledger == entry.ledger) {
            Some(last) => last.rows.extend(entry.rows),
            None => joined.push(entry),
        }
    }
    joined
}

/// Kind, epoch, node, when, how, and until when what was under it had begun.
fn of_key<'a>(event: &'a KeyEvent, node: &'a str) -> Option<Vec<Value<'a>>> {
    match event {
        KeyEvent::Made { epoch, at } => Some(row![MADE, epoch, node, at.seconds(), Value::Null, Value::Null]),
        KeyEvent::Destroyed { epoch, at, how, ends } => {
            let until = until_when(*at, *ends);
            Some(row![DESTROYED, epoch, node, at.seconds(), how.name(), until])
        }
        _ => None,
    }
}

/// The second before which everything had begun that was under a key, whether it was destroyed in time or early.
pub(crate) fn until_when(destroyed: UnixTime, ends: UnixTime) -> i64 {
    ends.seconds().min(destroyed.seconds().saturating_add(1))
}

/// What an administrator did, of its values.
pub(crate) fn action_of(values: &[Value<'_>]) -> Result<ActionRow, SqlError> {
    let row = Row(values.iter().map(Value::to_static).collect());
    Ok(ActionRow {
        at: UnixTime::from_seconds(row.get(0)?),
        act: row.get(1)?,
        uid: row.get(2)?,
        requested_by: row.get(3)?,
        approved_by: row.get(4)?,
        basis: row.get(5)?,
        result: row.get(6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_follow_each_other_are_joined_in_their_order() {
        let entry = |ledger, site: &'static str, rows: &[i64]| Entry {
            ledger,
            site: Cow::Borrowed(site),
            rows: rows.iter().map(|row| vec![Value::from(*row)]).collect(),
        };
        let usage = |site, rows: &[i64]| entry(Ledger::Usage, site, rows);
        let entries = [
            usage("a", &[1, 2]),
            usage("a", &[3]),
            usage("b", &[4]),
            usage("a", &[5]),
            entry(Ledger::Visit, "a", &[6]),
        ];
        let expected =
            [usage("a", &[1, 2, 3]), usage("b", &[4]), usage("a", &[5]), entry(Ledger::Visit, "a", &[6])];
        assert_eq!(joined(entries.into_iter()), expected);
    }
}
