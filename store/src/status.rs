//! What there is in a store, and whether it is whole.

use std::fs;

use pinfold::time::CivilDate;

use crate::error::StoreError;
use crate::lock;
use crate::read::Ledgers;
use crate::schema;

/// Each ledger, and what its first and its last day are, in days since 1970. Of times that is the day in Coordinated Universal Time.
const LEDGERS: [(&str, &str, &str); 11] = [
    ("action", "at / 86400", "at / 86400"),
    ("address", "bucket / 86400", "bucket / 86400"),
    ("consent", "day", "day"),
    ("cookie", "first_day", "last_day"),
    ("distinct_addresses", "day", "day"),
    ("facet", "day", "day"),
    ("key", "made / 86400", "made / 86400"),
    ("policy", "from_day", "from_day"),
    ("traffic", "day", "day"),
    ("usage", "day", "day"),
    ("visit", "day", "day"),
];

/// What is known of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStatus {
    /// The schema of the file.
    pub schema: i64,
    /// The newest schema that this version knows.
    pub newest: i64,
    /// The size of the file, in bytes.
    pub bytes: u64,
    /// Whether a server has it open.
    pub in_use: bool,
    /// What SQLite finds wrong with the file; nothing where it is whole.
    pub damage: Option<String>,
    /// Its ledgers, those of an older schema too.
    pub ledgers: Vec<LedgerStatus>,
}

/// What is known of a ledger, all sites together.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it")]
pub struct LedgerStatus {
    pub name: &'static str,
    pub rows: i64,
    pub first: Option<CivilDate>,
    pub last: Option<CivilDate>,
}

impl Ledgers {
    /// Looks at the whole file: it takes about a second for each gigabyte.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub fn status(&self) -> Result<StoreStatus, StoreError> {
        let schema = self.version()?;
        // One line, "ok" where nothing is wrong.
        let checked: Vec<String> = self.list("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        let damage = checked.into_iter().find(|line| line != "ok");
        let tables: Vec<String> =
            self.list("SELECT name FROM sqlite_schema WHERE type = 'table'", [], |row| row.get(0))?;
        let mut ledgers = Vec::new();
        for (name, first, last) in LEDGERS {
            if !tables.iter().any(|table| table == name) {
                continue;
            }
            // A schema before this one had hours.
            let by_hour = name == "traffic" && schema < schema::WITH_TRAFFIC_BY_DAY;
            let (first, last) = if by_hour { ("hour / 86400", "hour / 86400") } else { (first, last) };
            let day = |day: Option<i32>| day.map(CivilDate::from_days);
            let query = format!("SELECT count(*), min({first}), max({last}) FROM {name}");
            ledgers.extend(self.list(&query, [], |row| {
                let (rows, first, last) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(LedgerStatus { name, rows, first: day(first), last: day(last) })
            })?);
        }
        Ok(StoreStatus {
            schema,
            newest: schema::NEWEST,
            bytes: fs::metadata(self.path()).map_or(0, |file| file.len()),
            in_use: lock::is_locked(self.path()),
            damage,
            ledgers,
        })
    }
}
