//! How long rows are kept, and their removal.

use pinfold::time::{Calendar, CivilDate, UnixTime};

use crate::doubt::Belief;
use crate::engine::Transaction;
use crate::part::Part;
use crate::sql::SqlError;

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

    /// Deletes what is older than it may be, and ends keys that cannot live any more. By a clock that is not believed addresses go alone.
    pub(crate) fn purge(
        self,
        transaction: &Transaction<'_>,
        part: Part,
        now: UnixTime,
        belief: Belief,
    ) -> Result<(), SqlError> {
        if !transaction.may_purge()? {
            return Ok(());
        }
        let before = |table: &str, which: &str, moment: i64| {
            transaction.delete(table, &format!("{which} < $1"), &[moment.into()])
        };
        let (now, proof) = (now.seconds(), now.seconds() - PROOF);
        if part == Part::Addresses {
            before("address", "bucket", now - ADDRESSES)?;
            if belief != Belief::Believed {
                return Ok(());
            }
            // Of a node that never came back.
            transaction.execute(
                "UPDATE key SET destroyed = made + 172800, how = 'lost with the process'
                 WHERE destroyed IS NULL AND made < $1",
                &[(now - ADDRESSES - DAY).into()],
            )?;
            return before("key", "destroyed", proof);
        }
        if belief != Belief::Believed {
            return Ok(());
        }
        let oldest = i64::from(self.oldest_day(UnixTime::from_seconds(now)).days());
        for table in ["traffic", "distinct_addresses", "usage", "visit", "facet", "import"] {
            before(table, "day", oldest)?;
        }
        before("cookie", "last_day", oldest)?;
        before("policy", "to_day", proof.div_euclid(DAY))?;
        let of_none = "NOT EXISTS (SELECT 1 FROM policy
             WHERE policy.site = consent.site AND policy.fingerprint = consent.policy) AND day";
        before("consent", of_none, proof.div_euclid(DAY))?;
        before("action", "at", proof)
    }
}
