//! Every row of the ledgers of a site, for other programs.

use pinfold::time::{CivilDate, UnixTime};

use crate::error::StoreError;
use crate::part::Part;
use crate::read::{Ledgers, Period};
use crate::reader::Moment;
use crate::schema;
use crate::sql::{Row, SqlError, Value};

/// What is given away, and by which rows: those of a period where a ledger counts by the day, else all.
///
/// Addresses are not: they are there for system administration alone. Neither is what the store needs for itself.
const EXPORTED: [(&str, &str); 11] = [
    ("traffic", BY_DAY),
    ("distinct_addresses", BY_DAY),
    ("usage", BY_DAY),
    ("visit", BY_DAY),
    ("facet", BY_DAY),
    ("consent", BY_DAY),
    ("cookie", ALL),
    ("policy", ALL),
    ("purpose_bit", ALL),
    ("key", ALL),
    ("action", ALL),
];

const BY_DAY: &str = "site = $1 AND day BETWEEN $2 AND $3";
// The period is taken, so that both have the same parameters.
const ALL: &str = "site = $1 AND CAST($2 AS BIGINT) <= CAST($3 AS BIGINT)";

/// The ledgers of one site as they are at one moment.
#[derive(Debug)]
pub struct Export<'a> {
    ledgers: &'a Ledgers,
    _moment: Moment<'a>,
    site: &'a str,
    period: Period,
}

/// What a column of a row holds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Field {
    /// Nothing.
    Nothing,
    /// A count, or another whole number.
    Number(i64),
    /// A text, a day (ISO 8601), a time (RFC 3339, UTC), or bytes in hexadecimal.
    Text(String),
}

impl Ledgers {
    /// Everything recorded of a site but its addresses: of ledgers that count by the day, the days of `period`. Exact numbers, not for publication.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read, or has an older schema: that one held traffic by the hour.
    pub fn export<'a>(&'a self, site: &'a str, period: Period) -> Result<Export<'a>, StoreError> {
        let found = self.version()?;
        if found < schema::NEWEST {
            return Err(StoreError::OlderSchema {
                store: self.location().to_string(),
                found,
                known: schema::NEWEST,
            });
        }
        let moment = self.reader().moment(&EXPORTED, &parameters(site, period));
        let _moment = moment.map_err(|error| self.unusable(error))?;
        Ok(Export { ledgers: self, _moment, site, period })
    }
}

impl Export<'_> {
    /// How many rows there are.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub fn rows(&self) -> Result<u64, StoreError> {
        EXPORTED.iter().try_fold(0, |rows, (table, which)| {
            let count = format!("SELECT count(*) FROM {table} WHERE {which}");
            let counted = self.ledgers.list(&count, &self.parameters(), |row| row.get::<i64>(0))?;
            Ok(rows + counted.iter().sum::<i64>().cast_unsigned())
        })
    }

    /// Tells each row: its ledger, and its columns with their names.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read, and what `tell` fails with.
    pub fn each<E: From<StoreError>>(
        &self,
        mut tell: impl FnMut(&str, &[(&str, Field)]) -> Result<(), E>,
    ) -> Result<(), E> {
        for (table, which) in EXPORTED {
            let select = format!("SELECT * FROM {table} WHERE {which}");
            let one = |names: &[String], row: Row| {
                let fields =
                    names.iter().zip(row.0).map(|(name, value)| (name.as_str(), field(name, &value)));
                tell(table, &fields.collect::<Vec<_>>()).map_err(Stopped::ByWhoeverIsTold)
            };
            let told = self.ledgers.reader().each(Part::Ledgers, &select, &self.parameters(), one);
            told.map_err(|stopped| match stopped {
                Stopped::ByTheStore(error) => E::from(self.ledgers.unusable(error)),
                Stopped::ByWhoeverIsTold(error) => error,
            })?;
        }
        Ok(())
    }

    fn parameters(&self) -> [Value<'_>; 3] {
        parameters(self.site, self.period)
    }
}

fn parameters(site: &str, period: Period) -> [Value<'_>; 3] {
    [site.into(), period.from.days().into(), period.to.days().into()]
}

/// What ends an export early.
enum Stopped<E> {
    ByTheStore(SqlError),
    ByWhoeverIsTold(E),
}

impl<E> From<SqlError> for Stopped<E> {
    fn from(error: SqlError) -> Self {
        Self::ByTheStore(error)
    }
}

/// Days and times are numbers in the store: how they are meant, the name of their column says.
fn field(column: &str, value: &Value<'_>) -> Field {
    match value {
        Value::Null => Field::Nothing,
        Value::Integer(number) => match column {
            "day" | "first_day" | "last_day" | "from_day" | "to_day" => {
                Field::Text(CivilDate::from_days(i32::try_from(*number).unwrap_or_default()).to_string())
            }
            "at" | "made" | "destroyed" => Field::Text(UnixTime::from_seconds(*number).to_string()),
            _ => Field::Number(*number),
        },
        Value::Text(text) => Field::Text(text.clone().into_owned()),
        Value::Bytes(bytes) => Field::Text(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_times_and_bytes_are_written_as_such() {
        let text = |text: &str| Field::Text(text.to_owned());
        for (column, value, expected) in [
            ("day", Value::Integer(20_782), text("2026-11-25")),
            ("made", Value::Integer(0), text("1970-01-01T00:00:00Z")),
            ("requests", Value::Integer(20_782), Field::Number(20_782)),
            ("hash", Value::from([0, 255]), text("00ff")),
            ("to_day", Value::Null, Field::Nothing),
        ] {
            assert_eq!(field(column, &value), expected, "{column}");
        }
    }
}
