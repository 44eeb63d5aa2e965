use std::fmt;
use std::pin::Pin;

use super::ledger::{Batch, Ledger, Rows};

/// Where batches go.
pub trait Sink: Send + Sync + 'static {
    /// Takes a batch. It must return at once: queue the batch and work elsewhere, so that no page waits.
    ///
    /// The future tells what became of it: ready with `Ok` when it is kept for good, with [`Lost`] when it never will
    /// be. A batch is never kept in part.
    fn deliver(&self, batch: Batch) -> Delivery;
}

/// What became of a batch.
pub type Delivery = Pin<Box<dyn Future<Output = Result<(), Lost>> + Send>>;

/// The batch is not kept and never will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the batch was lost")
    }
}

impl std::error::Error for Lost {}

/// Writes ledgers to the log (`tracing`, level `INFO`, target `pinfold::ledger`), for a site with no store.
///
/// Of the address ledger only totals are written: a log is kept longer than the key of a day.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingSink;

impl Sink for TracingSink {
    fn deliver(&self, batch: Batch) -> Delivery {
        let ledger = batch.rows.ledger().name();
        let site = &*batch.site;
        match &batch.rows {
            Rows::Action(row) => {
                tracing::info!(target: TARGET, site, ledger, row.act, row.uid, row.requested_by, row.approved_by, row.result);
            }
            Rows::Address(rows) => {
                let requests: u64 = rows.iter().map(|row| row.requests).sum();
                tracing::info!(target: TARGET, site, ledger, hosts = rows.len(), requests);
            }
            Rows::Consent(rows) => rows.iter().for_each(|row| {
                let (day, event) = (row.day, row.event.name());
                tracing::info!(target: TARGET, site, ledger, %day, row.policy, event, row.purpose, row.events);
            }),
            Rows::Cookie(rows) => rows.iter().for_each(|row| {
                let (day, direction, action) = (row.day, row.direction.name(), row.action.name());
                tracing::info!(
                    target: TARGET, site, ledger, %day, row.pattern, direction, row.purpose, action, row.seen, row.values, row.identifies
                );
            }),
            Rows::Distinct(row) => {
                tracing::info!(target: TARGET, site, ledger, day = %row.day, row.estimate);
            }
            Rows::Facet(rows) => rows.iter().for_each(|row| {
                let (day, kind) = (row.day, row.kind.name());
                tracing::info!(target: TARGET, site, ledger, %day, kind, row.value, row.page_views);
            }),
            Rows::Key(events) => events.iter().for_each(|event| {
                tracing::info!(target: TARGET, site, ledger, ?event);
            }),
            Rows::Policy(row) => {
                tracing::info!(target: TARGET, site, ledger, from = %row.from, row.fingerprint, row.statement);
            }
            Rows::Traffic(rows) => rows.iter().for_each(|row| {
                let (day, method, status) = (row.day, row.method.name(), row.status.digit());
                tracing::info!(target: TARGET, site, ledger, %day, method, status, row.requests, row.page_views);
            }),
            Rows::Usage(rows) => rows.iter().for_each(|row| {
                let (day, status) = (row.day, row.status.digit());
                tracing::info!(
                    target: TARGET, site, ledger, %day, row.route, status, row.requests, row.page_views, row.entries, row.not_found
                );
            }),
            Rows::Visit(rows) => rows.iter().for_each(|row| {
                tracing::info!(target: TARGET, site, ledger, day = %row.day, cell = row.cell.name(), row.count);
            }),
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

const TARGET: &str = "pinfold::ledger";

/// Says which ledger lost how many rows.
pub(super) fn warn_of_loss(ledger: Ledger, rows: usize) {
    tracing::warn!(ledger = ledger.name(), rows, "rows of a ledger were lost: the store did not take them");
}
