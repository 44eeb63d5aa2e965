//! What there is in a store, and whether it is whole.

use pinfold::time::CivilDate;

use crate::error::StoreError;
use crate::part::Part;
use crate::read::Ledgers;
use crate::reader::Reader;
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
    /// Its schema.
    pub schema: i64,
    /// The newest schema that this version knows.
    pub newest: i64,
    /// The size of the file, or of its tables, in bytes.
    pub bytes: u64,
    /// Whether a server has it open.
    pub in_use: bool,
    /// What SQLite finds wrong with a file; nothing where it is whole, or a database.
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
    /// Looks at the whole of a file: it takes about a second for each gigabyte.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub fn status(&self) -> Result<StoreStatus, StoreError> {
        let schema = self.version()?;
        let mut ledgers = Vec::new();
        for (name, first, last) in LEDGERS {
            if let Reader::Sqlite(file) = self.reader()
                && !file.has_table(name).map_err(|error| self.unusable(error))?
            {
                continue;
            }
            // A schema before this one had hours.
            let by_hour = name == "traffic" && schema < schema::WITH_TRAFFIC_BY_DAY;
            let (first, last) = if by_hour { ("hour / 86400", "hour / 86400") } else { (first, last) };
            let day = |day: Option<i32>| day.map(CivilDate::from_days);
            let query = format!("SELECT count(*), min({first}), max({last}) FROM {name}");
            let part = if name == "address" { Part::Addresses } else { Part::Ledgers };
            ledgers.extend(self.list_of(part, &query, &[], |row| {
                let (rows, first, last) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(LedgerStatus { name, rows, first: day(first), last: day(last) })
            })?);
        }
        let state = match self.reader() {
            Reader::Sqlite(file) => file.damage().map(|damage| (file.bytes(), file.is_in_use(), damage)),
            // It sees to its own pages.
            Reader::Postgres(server) => {
                server.bytes().and_then(|bytes| Ok((bytes, server.is_in_use()?, None)))
            }
        };
        let (bytes, in_use, damage) = state.map_err(|error| self.unusable(error))?;
        Ok(StoreStatus { schema, newest: schema::NEWEST, bytes, in_use, damage, ledgers })
    }
}
