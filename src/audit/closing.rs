//! How the count of distinct addresses of a day is brought to its end.

use std::sync::Arc;
use std::time::Duration;

use super::standing::{Standing, row_name};
use crate::pseudonym::EpochShare;

/// How long after its midnight a node asks for the count of the day: by then the clocks of all have turned, and all have told.
const SETTLED: Duration = Duration::from_secs(120);

/// How long it tries, before it writes down what it has counted by itself.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// A day that is over, and whose count is not written yet.
#[derive(Debug, Clone)]
pub(super) struct Closing {
    pub(super) share: Arc<EpochShare>,
    /// Under which turn of the ring this process counted it; none, where another did.
    pub(super) turn: Option<u32>,
    /// How many this node has met by itself.
    own: Option<u64>,
    ended: Duration,
}

/// What is to be done about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The first node that asks writes down what all have counted.
    Common { name: String },
    /// Nothing yet.
    Later,
    /// There is nothing to write.
    Nothing,
    /// This node writes down what it has counted: the day has a range.
    Own { name: String, estimate: u64 },
}

impl Closing {
    pub(super) fn new(share: Arc<EpochShare>, turn: u32, own: u64, ended: Duration) -> Self {
        Self { share, turn: Some(turn), own: Some(own), ended }
    }

    pub(super) fn of_another_process(share: Arc<EpochShare>, started: Duration) -> Self {
        Self { share, turn: None, own: None, ended: started }
    }

    pub(super) fn is_due(&self, uptime: Duration) -> bool {
        uptime >= self.ended + SETTLED
    }

    /// What is to be done, given how its share stands and whether everybody that this node has met is told.
    pub(super) fn ending(&self, standing: Standing, is_told: bool, uptime: Duration) -> Ending {
        let epoch = self.share.epoch();
        match (standing, self.own) {
            (Standing::Common { returns }, _) if is_told => {
                Ending::Common { name: row_name(&epoch, returns) }
            }
            // What this node counted under a key of its own stands under the name of that key.
            (Standing::Alone, Some(estimate)) => Ending::Own { name: epoch, estimate },
            (Standing::Alone, None) => Ending::Nothing,
            _ if uptime < self.ended + PATIENCE => Ending::Later,
            (_, None) => Ending::Nothing,
            (_, Some(estimate)) => {
                // Several nodes may have to: each has a row.
                let node = getrandom::u32().unwrap_or_default();
                Ending::Own { name: format!("{epoch}.node-{node:08x}"), estimate }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Calendar, UnixTime};

    #[test]
    fn a_day_ends_with_one_row_or_with_a_range() {
        let now = UnixTime::from_seconds(1_795_341_600);
        let share = Arc::new(EpochShare::generate(&Calendar::utc().day_of(now), now).unwrap());
        let epoch = share.epoch();
        let at = Duration::from_secs;
        let mine = Closing::new(share.clone(), 3, 70, at(1_000));
        let others = Closing::of_another_process(share, at(1_000));
        assert!(!mine.is_due(at(1_119)) && mine.is_due(at(1_120)));
        let common = Standing::Common { returns: 0 };
        let own = |name: &str| Ending::Own { name: name.to_owned(), estimate: 70 };
        for (closing, standing, is_told, uptime, expected) in [
            (&mine, common, true, 1_120, Ending::Common { name: epoch.clone() }),
            (
                &mine,
                Standing::Common { returns: 2 },
                true,
                1_120,
                Ending::Common { name: format!("{epoch}.2") },
            ),
            (&mine, common, false, 1_120, Ending::Later),
            (&mine, Standing::Unknown, true, 4_599, Ending::Later),
            (&mine, Standing::Alone, true, 1_120, own(&epoch)),
            (&others, common, true, 1_120, Ending::Common { name: epoch.clone() }),
            (&others, Standing::Alone, true, 1_120, Ending::Nothing),
            (&others, Standing::Unknown, true, 4_600, Ending::Nothing),
        ] {
            assert_eq!(
                closing.ending(standing, is_told, at(uptime)),
                expected,
                "{standing:?} {is_told} {uptime}"
            );
        }
        let Ending::Own { name, estimate } = mine.ending(common, false, at(4_600)) else {
            panic!("it waits")
        };
        assert!(name.starts_with(&format!("{epoch}.node-")) && estimate == 70, "{name}");
    }
}
