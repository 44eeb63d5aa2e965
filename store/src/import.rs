//! Adding what was before, while no server writes.

use std::sync::Arc;

use pinfold::audit::{Batch, Ledger, Rows};
use pinfold::time::CivilDate;

use crate::apply::apply;
use crate::engine::Engine;
use crate::entry::Entry;
use crate::error::StoreError;
use crate::location::Location;
use crate::part::Part;
use crate::purging::Purging;
use crate::retention::Retention;
use crate::sql::{SqlError, Value};
use crate::{postgres, sqlite};

/// The ledgers that are added to.
const TURNS: [Ledger; 4] = [Ledger::Facet, Ledger::Traffic, Ledger::Usage, Ledger::Visit];

/// A store opened to add requests of the past to it. Rows, and how far the log was read that they come from, are kept in one
/// commit: whenever it stops, each line is counted once.
///
/// Keys and addresses are left as they are.
#[derive(Debug)]
pub struct ImportStore {
    location: Location,
    engine: Engine,
}

/// How far a log was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a new column of the store is a breaking change")]
pub struct Imported {
    /// What tells the log from others: a digest of its first lines.
    pub mark: [u8; 16],
    /// How many lines that are.
    pub lines: u64,
    /// How many bytes were read, unpacked, up to the end of a line.
    pub offset: u64,
    /// The newest day in it: what is known of the log is kept as long as its rows are.
    pub day: CivilDate,
}

impl ImportStore {
    /// Opens a store, making its file or tables if need be, and removes what is older than it may be.
    ///
    /// # Errors
    ///
    /// Where it cannot be used, its file is in use by a server, another import adds to it, or it has a newer schema.
    pub fn open(
        location: impl Into<Location>,
        retention: Retention,
        most_bytes: u64,
    ) -> Result<Self, StoreError> {
        let location = location.into();
        let mut engine = match &location {
            Location::File(path) => Engine::Sqlite(sqlite::Engine::open(path, most_bytes)?),
            Location::Postgres(server) => {
                Engine::Postgres(Box::new(postgres::Engine::open_to_import(server)?))
            }
        };
        Purging::new(&mut engine, retention)
            .and_then(|mut purging| purging.purge(&mut engine))
            .map_err(|error| location.unusable(error))?;
        Ok(Self { location, engine })
    }

    /// Every log of a site that was read, those with the most lines in their mark first.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub fn imported(&mut self, site: &str) -> Result<Vec<Imported>, StoreError> {
        let known =
            r#"SELECT mark, lines, "offset", day FROM import WHERE site = $1 ORDER BY lines DESC, mark"#;
        let read = self.engine.write(Part::Ledgers, &[], |transaction| {
            let rows = transaction.query(known, &[site.into()])?.into_iter().map(|row| {
                let (lines, offset): (i64, i64) = (row.get(1)?, row.get(2)?);
                Ok(Imported {
                    mark: row.get(0)?,
                    lines: lines.cast_unsigned(),
                    offset: offset.cast_unsigned(),
                    day: CivilDate::from_days(row.get(3)?),
                })
            });
            rows.collect::<Result<_, SqlError>>()
        });
        read.map_err(|error| self.location.unusable(error))
    }

    /// Adds rows, and notes how far the log is read now. Where it was known by a mark of fewer lines, that one goes.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written: then nothing of it is kept.
    pub fn add(
        &mut self,
        site: &str,
        rows: Vec<Rows>,
        imported: &Imported,
        known_as: Option<[u8; 16]>,
    ) -> Result<(), StoreError> {
        let site: Arc<str> = site.into();
        let batches: Vec<_> = rows.into_iter().map(|rows| Batch { site: site.clone(), rows }).collect();
        let written = self.engine.write(Part::Ledgers, &TURNS, |transaction| {
            batches.iter().try_for_each(|batch| apply(transaction, &Entry::of(batch, "")?))?;
            let known_as: Value<'_> = known_as.into();
            transaction
                .execute("DELETE FROM import WHERE site = $1 AND mark = $2", &[(&site).into(), known_as])?;
            let (lines, offset) = (imported.lines.cast_signed(), imported.offset.cast_signed());
            transaction.execute(
                r#"INSERT INTO import (site, mark, lines, "offset", day) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (site, mark) DO UPDATE
                   SET lines = excluded.lines, "offset" = excluded."offset", day = excluded.day"#,
                &[
                    (&site).into(),
                    imported.mark.into(),
                    lines.into(),
                    offset.into(),
                    imported.day.days().into(),
                ],
            )?;
            Ok(())
        });
        written.map_err(|error| self.location.unusable(error))
    }
}
