//! How long rows are kept, and their removal.

use pinfold::time::{Calendar, CivilDate, UnixTime};
use rusqlite::{Connection, params};

const DAY: i64 = 86_400;

/// No key lives longer, so no row under it is kept longer.
const ADDRESSES: i64 = 2 * DAY;

/// What must be shown on request is kept for the limitation period of a simple claim (Limitation Act 1980, section 5).
const PROOF: i64 = 6 * 365 * DAY + 2 * DAY;

/// How long traffic, usage, facet and cookie rows are kept. Other ledgers have periods of their own: addresses 48 hours,
/// choices, policies, keys and what administrators did six years.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    months: u16,
}

impl Default for Retention {
    /// 25 months: two years can be compared, month by month.
    fn default() -> Self {
        Self { months: 25 }
    }
}

impl Retention {
    /// So many months, at least one and at most 120.
    pub fn months(months: u16) -> Option<Self> {
        (1..=120).contains(&months).then_some(Self { months })
    }

    /// How many months that are.
    pub fn in_months(self) -> u16 {
        self.months
    }

    /// The first day of which anything is kept.
    pub fn oldest_day(self, now: UnixTime) -> CivilDate {
        let today = Calendar::utc().day_of(now).date.days();
        // A month is counted as 31 days: nothing goes early.
        CivilDate::from_days(today - i32::from(self.months) * 31)
    }

    /// Deletes what is older than it may be.
    pub(crate) fn purge(self, connection: &Connection, now: UnixTime) -> rusqlite::Result<()> {
        let oldest = self.oldest_day(now).days();
        let proof = i32::try_from((now.seconds() - PROOF).div_euclid(DAY)).unwrap_or(i32::MIN);
        let addresses = now.seconds() - ADDRESSES;
        connection.execute("DELETE FROM address WHERE bucket < ?1", params![addresses])?;
        connection.execute("DELETE FROM traffic WHERE day < ?1", params![oldest])?;
        connection.execute("DELETE FROM distinct_addresses WHERE day < ?1", params![oldest])?;
        connection.execute("DELETE FROM usage WHERE day < ?1", params![oldest])?;
        connection.execute("DELETE FROM visit WHERE day < ?1", params![oldest])?;
        connection.execute("DELETE FROM facet WHERE day < ?1", params![oldest])?;
        connection.execute("DELETE FROM import WHERE day < ?1", params![oldest])?;
        connection.execute("DELETE FROM cookie WHERE last_day < ?1", params![oldest])?;
        connection.execute("DELETE FROM policy WHERE to_day < ?1", params![proof])?;
        connection.execute(
            "DELETE FROM consent WHERE NOT EXISTS
                 (SELECT 1 FROM policy WHERE policy.site = consent.site AND policy.fingerprint = consent.policy)
                 AND day < ?1",
            params![proof],
        )?;
        connection.execute("DELETE FROM action WHERE at < ?1", params![now.seconds() - PROOF])?;
        connection.execute("DELETE FROM key WHERE destroyed < ?1", params![now.seconds() - PROOF])?;
        Ok(())
    }
}
