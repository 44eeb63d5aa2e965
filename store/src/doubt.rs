//! Whether the clock is believed, where what is kept for months would go by it.

use std::time::Duration;

use pinfold::time::CivilDate;

use crate::engine::Transaction;
use crate::sql::SqlError;

/// How far a clock may be past the newest day that is known, in days.
const BELIEVED: i32 = 2;

/// How long a process runs by a clock that is further ahead before that is believed.
const DOUBTED: Duration = Duration::from_secs(86_400);

const NEWEST_DAY: &str = "
    SELECT max(day) FROM (
        SELECT max(day) AS day FROM traffic UNION ALL SELECT max(day) FROM consent UNION ALL SELECT max(from_day) FROM policy
    ) AS newest";

/// What is known of the days. A wrong clock at a start would else remove for good what it takes for old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doubt {
    newest: Option<CivilDate>,
    /// Since when the clock has been far ahead, by uptime.
    since: Option<Duration>,
}

/// Whether what is kept for months may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Belief {
    Believed,
    /// For the first time, or again.
    Doubted {
        first: bool,
    },
}

impl Doubt {
    /// By the newest day in the ledgers, before this process adds to them; where they are empty any clock is believed.
    pub(crate) fn of(transaction: &Transaction<'_>) -> Result<Self, SqlError> {
        let found = transaction.query(NEWEST_DAY, &[])?;
        let day: Option<i32> = found.first().map_or(Ok(None), |row| row.get(0))?;
        Ok(Self::after(day.map(CivilDate::from_days)))
    }

    fn after(newest: Option<CivilDate>) -> Self {
        Self { newest, since: None }
    }

    /// What to make of a day that the clock gives.
    pub(crate) fn weigh(&mut self, today: CivilDate, uptime: Duration) -> Belief {
        let ahead = self.newest.map_or(0, |newest| today.days().saturating_sub(newest.days()));
        let first = self.since.is_none();
        if ahead > BELIEVED && uptime.saturating_sub(*self.since.get_or_insert(uptime)) < DOUBTED {
            return Belief::Doubted { first };
        }
        self.since = None;
        self.newest = self.newest.max(Some(today));
        Belief::Believed
    }
}

/// Says that nothing is removed for now.
pub(crate) fn warn_of(today: CivilDate) {
    tracing::warn!(
        "the clock says {today}, days after anything in the ledgers: nothing that is kept for months is removed for a day; \
         set the clock if it is wrong"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_far_ahead_is_believed_after_a_day() {
        let (believed, first) = (Belief::Believed, Belief::Doubted { first: true });
        let again = Belief::Doubted { first: false };
        for (newest, seen) in [
            (None, &[(900, 0, believed)][..]),
            (Some(100), &[(100, 0, believed), (102, 1, believed), (104, 49, believed), (107, 50, first)]),
            (Some(100), &[(99, 0, believed), (50, 1, believed), (102, 2, believed)]),
            // A site that was off for a month.
            (Some(100), &[(131, 0, first), (131, 23, again), (132, 24, believed), (132, 25, believed)]),
            // A clock that is set right, and wrong another time.
            (Some(100), &[(465, 0, first), (100, 1, believed), (465, 90, first), (465, 113, again)]),
        ] {
            let mut doubt = Doubt::after(newest.map(CivilDate::from_days));
            for (day, hour, expected) in seen {
                let belief = doubt.weigh(CivilDate::from_days(*day), Duration::from_secs(hour * 3_600));
                assert_eq!(belief, *expected, "{newest:?}: {day} at {hour}");
            }
        }
    }
}
