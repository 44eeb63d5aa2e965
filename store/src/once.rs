//! Batches that count once: by the node, the start of it, and their number within a ledger.

use pinfold::audit::Ledger;

use crate::apply::apply;
use crate::engine::{Engine, Transaction};
use crate::entry::{Entry, joined};
use crate::part::Part;
use crate::spool::{Record, Spool};
use crate::sql::{SqlError, Value};

/// Whose numbers of batches count once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Author {
    pub(crate) node: String,
    /// 64 random bits of a start.
    pub(crate) incarnation: i64,
}

/// Writes records in their order. Those that do not fit are said and left out.
pub(crate) fn write_records(engine: &mut Engine, spool: &Spool, records: &[Record]) -> Result<(), SqlError> {
    for ledger in Ledger::ALL {
        let of_it: Vec<_> = records.iter().filter(|record| record.entry.ledger == ledger).collect();
        for run in of_it.chunk_by(|one, next| one.author == next.author) {
            let mut write = |run: &[&Record]| {
                let entries = run.iter().map(|record| (record.sequence, record.entry.clone())).collect();
                let author = &run[0].author;
                engine.write(Part::of(ledger), &[ledger], |transaction| {
                    once(transaction, author, ledger, entries)
                })
            };
            match write(run) {
                Err(error) if error.is_misfit() => {}
                written => {
                    written?;
                    continue;
                }
            }
            for record in run {
                match write(&[record]) {
                    Err(error) if error.is_misfit() => {
                        spool.gauge().drop_one();
                        tracing::error!(%error, ledger = ledger.name(), "rows that do not fit their table were dropped");
                    }
                    written => written?,
                }
            }
        }
    }
    Ok(())
}

/// Adds those of some numbered batches that are not there yet. After a commit that failed half-way they may be.
pub(crate) fn once(
    transaction: &Transaction<'_>,
    author: &Author,
    ledger: Ledger,
    mut entries: Vec<(i64, Entry<'_>)>,
) -> Result<(), SqlError> {
    let [node, incarnation, name] =
        [author.node.as_str().into(), author.incarnation.into(), Value::from(ledger.name())];
    let known = "SELECT sequence FROM delivered WHERE node = $1 AND incarnation = $2 AND ledger = $3";
    let last = transaction.query(known, &[node.clone(), incarnation.clone(), name.clone()])?;
    let last: i64 = last.first().map_or(Ok(0), |row| row.get(0))?;
    entries.retain(|(sequence, _)| *sequence > last);
    let newest = entries.iter().map(|(sequence, _)| *sequence).max().unwrap_or(last);
    for entry in joined(entries.into_iter().map(|(_, entry)| entry)) {
        apply(transaction, &entry)?;
    }
    transaction.execute(
        "INSERT INTO delivered (node, incarnation, ledger, sequence) VALUES ($1, $2, $3, $4)
         ON CONFLICT (node, incarnation, ledger) DO UPDATE SET sequence = excluded.sequence",
        &[node, incarnation, name, newest.into()],
    )?;
    Ok(())
}
