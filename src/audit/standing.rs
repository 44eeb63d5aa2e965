//! Decisions about the shares of keys: what a node offers, whether its key is everybody's, and when it asks for that of tomorrow.

use crate::pseudonym::EpochShare;
use crate::time::UnixTime;

/// Nodes ask for the share of the next day so long before it begins at the least, in seconds, and ...
const LEAST_LEAD: i64 = 300;

/// ... so much earlier at the most, each at a moment of its own.
const SPREAD: u32 = 600;

/// Whether the key of an epoch is that of the other nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody has answered yet.
    #[default]
    Unknown,
    /// It is, and its share was put back so often.
    Common { returns: u32 },
    /// The others have another one.
    Alone,
}

impl Standing {
    /// How the share of this node stands, given the one that the others have.
    pub(super) fn of(own: &EpochShare, stands: &EpochShare) -> Self {
        if (own.day(), own.number()) == (stands.day(), stands.number()) {
            Self::Common { returns: stands.returns() }
        } else {
            Self::Alone
        }
    }

    /// What a node offers that has a key: its share, and where that was common, as one that is put back.
    pub(super) fn offer(self, own: &EpochShare) -> EpochShare {
        match self {
            Self::Common { returns } => own.put_back(returns),
            Self::Unknown | Self::Alone => own.clone(),
        }
    }

    /// How often the share of all nodes was put back.
    pub(super) fn returns(self) -> Option<u32> {
        match self {
            Self::Common { returns } => Some(returns),
            Self::Unknown | Self::Alone => None,
        }
    }
}

/// How long before a day its share is asked for, given a number drawn at random.
pub(super) fn lead(drawn: u32) -> i64 {
    LEAST_LEAD + i64::from(drawn % SPREAD)
}

/// Whether the share of the next day is asked for, which begins at `midnight`.
pub(super) fn asks_ahead(now: UnixTime, midnight: UnixTime, lead: i64) -> bool {
    now.plus(lead) >= midnight
}

/// The name of the count of distinct addresses under a share: what was counted before the share was lost is in a row of its own,
/// since nobody can tell how many came before as well as after.
pub(super) fn row_name(epoch: &str, returns: u32) -> String {
    match returns {
        0 => epoch.to_owned(),
        returns => format!("{epoch}.{returns}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Calendar;

    #[test]
    fn a_share_stands_alone_or_is_everybodys() {
        let now = UnixTime::from_seconds(1_795_341_600);
        let calendar = Calendar::utc();
        let make = |day: i64| EpochShare::generate(&calendar.day_of(now.plus(day * 86_400)), now).unwrap();
        let (own, other, tomorrow) = (make(0), make(0), make(1));
        for (stands, expected) in [
            (&own, Standing::Common { returns: 0 }),
            (&own.put_back(2), Standing::Common { returns: 3 }),
            (&other, Standing::Alone),
            (&tomorrow, Standing::Alone),
        ] {
            assert_eq!(Standing::of(&own, stands), expected, "{stands:?}");
        }
        for (standing, returns) in [
            (Standing::Unknown, 0),
            (Standing::Alone, 0),
            (Standing::Common { returns: 0 }, 1),
            (Standing::Common { returns: 4 }, 5),
        ] {
            let offer = standing.offer(&own);
            assert_eq!((offer.number(), offer.returns()), (own.number(), returns), "{standing:?}");
        }
    }

    #[test]
    fn the_next_share_is_asked_for_within_a_quarter_of_an_hour_of_midnight() {
        let midnight = UnixTime::from_seconds(86_400);
        for (drawn, before, asks) in [
            (0, 301, false),
            (0, 300, true),
            (599, 900, false),
            (599, 899, true),
            (600, 301, false),
            (u32::MAX, 900, false),
            (7, -5, true),
        ] {
            assert_eq!(asks_ahead(midnight.plus(-before), midnight, lead(drawn)), asks, "{drawn} {before}");
        }
    }

    #[test]
    fn what_was_counted_before_a_loss_is_in_a_row_of_its_own() {
        assert_eq!(row_name("2026-11-25-0badcafe", 0), "2026-11-25-0badcafe");
        assert_eq!(row_name("2026-11-25-0badcafe", 2), "2026-11-25-0badcafe.2");
    }
}
