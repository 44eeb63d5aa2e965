//! Look-ups that wait for a second user of the machine.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pinfold::audit::ActionRow;
use pinfold::time::UnixTime;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::message::Reply;
use crate::serve::Served;

/// A look-up that is written down and not yet answered.
#[derive(Debug)]
pub(super) struct Waiting {
    /// About which it is asked.
    pub(super) site: Arc<Served>,
    pub(super) asked: Asked,
    pub(super) row: ActionRow,
    /// When it is answered no more, by uptime.
    pub(super) until: Duration,
    pub(super) reply: oneshot::Sender<Reply>,
}

/// What is asked of whom. It is in memory alone, and overwritten when dropped.
pub(super) struct Asked {
    address: Zeroizing<[u8; 16]>,
    pub(super) at: Option<UnixTime>,
}

impl Asked {
    pub(super) fn new(address: IpAddr, at: Option<UnixTime>) -> Self {
        let address = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        Self { address: Zeroizing::new(address.octets()), at }
    }

    pub(super) fn address(&self) -> IpAddr {
        Ipv6Addr::from(*self.address).to_canonical()
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asked(..)")
    }
}

/// All that wait, by number. No more of them are let in within an hour than may be answered, so there are never many.
#[derive(Debug)]
pub(super) struct WaitingRoom(Mutex<Room>);

#[derive(Debug)]
struct Room {
    next: u32,
    waiting: BTreeMap<u32, Waiting>,
}

/// Why a look-up is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotLet {
    /// None waits under this number.
    Nothing,
    /// Whoever asked cannot approve.
    OwnQuestion,
}

impl fmt::Display for NotLet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "no look-up waits under this number (`pinfold approve` lists those that do)",
            Self::OwnQuestion => {
                "the user who asks for a look-up cannot approve it (be another user of this machine)"
            }
        })
    }
}

impl WaitingRoom {
    /// An empty one. Its numbers do not begin at 1: one that was meant for an earlier server must not approve another question.
    pub(super) fn new() -> Self {
        let drawn = RandomState::new().hash_one(()) % 9_000;
        let next = 1_000 + u32::try_from(drawn).unwrap_or_default();
        Self(Mutex::new(Room { next, waiting: BTreeMap::new() }))
    }

    /// A number that no other look-up has.
    pub(super) fn number(&self) -> u32 {
        let mut room = self.room();
        room.next = room.next.wrapping_add(1);
        room.next
    }

    pub(super) fn admit(&self, number: u32, waiting: Waiting) {
        self.room().waiting.insert(number, waiting);
    }

    /// About which site a look-up is that waits.
    pub(super) fn site_of(&self, number: u32) -> Option<Arc<Served>> {
        self.room().waiting.get(&number).map(|waiting| waiting.site.clone())
    }

    /// Takes a look-up out for a user who lets it through.
    pub(super) fn let_through(&self, number: u32, uid: u32, now: Duration) -> Result<Waiting, NotLet> {
        let mut room = self.room();
        let waiting =
            room.waiting.get(&number).filter(|waiting| now < waiting.until).ok_or(NotLet::Nothing)?;
        if waiting.row.uid == uid {
            return Err(NotLet::OwnQuestion);
        }
        room.waiting.remove(&number).ok_or(NotLet::Nothing)
    }

    /// Takes a look-up out that nobody has let through; nothing, where somebody just has.
    pub(super) fn withdraw(&self, number: u32) -> Option<Waiting> {
        self.room().waiting.remove(&number)
    }

    /// What is found by looking at each that waits.
    pub(super) fn each<T>(&self, look: impl Fn(u32, &Waiting) -> T) -> Vec<T> {
        self.room().waiting.iter().map(|(number, waiting)| look(*number, waiting)).collect()
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::office::tests::served;
    use pinfold::audit::TracingSink;

    fn waiting(uid: u32, until: u64) -> Waiting {
        let row = ActionRow {
            at: UnixTime::from_seconds(0),
            act: "look-up".to_owned(),
            uid,
            requested_by: String::new(),
            approved_by: String::new(),
            basis: String::new(),
            result: String::new(),
        };
        let asked = Asked::new("203.0.113.77".parse().unwrap(), None);
        let site = served("www.town.example", TracingSink);
        Waiting { site, asked, row, until: Duration::from_secs(until), reply: oneshot::channel().0 }
    }

    #[test]
    fn a_second_user_lets_it_through_and_nobody_else() {
        let room = WaitingRoom::new();
        let (first, second) = (room.number(), room.number());
        assert!(first != second && first > 999);
        room.admit(first, waiting(1_000, 3_600));
        room.admit(second, waiting(0, 3_600));
        let now = Duration::from_secs(10);
        for (number, uid, expected) in [
            (first, 1_000, Some(NotLet::OwnQuestion)),
            (second, 0, Some(NotLet::OwnQuestion)),
            (first + 7, 0, Some(NotLet::Nothing)),
            (first, 0, None),
            (first, 0, Some(NotLet::Nothing)),
            (second, 1_000, None),
        ] {
            assert_eq!(room.let_through(number, uid, now).err(), expected, "{number} by {uid}");
        }
    }

    #[test]
    fn what_waited_too_long_or_is_withdrawn_is_not_let_through() {
        let room = WaitingRoom::new();
        room.admit(1, waiting(1_000, 60));
        room.admit(2, waiting(1_000, 60));
        assert!(room.withdraw(2).is_some() && room.withdraw(2).is_none());
        assert_eq!(room.each(|number, _| number), [1]);
        for (number, seconds) in [(1, 60), (2, 59)] {
            let late = room.let_through(number, 0, Duration::from_secs(seconds));
            assert_eq!(late.err(), Some(NotLet::Nothing));
        }
    }

    #[test]
    fn the_address_is_given_back_and_not_shown() {
        for text in ["203.0.113.77", "2001:db8:77::1", "::1"] {
            let address: IpAddr = text.parse().unwrap();
            let asked = Asked::new(address, None);
            assert_eq!(asked.address(), address);
            assert!(!format!("{asked:?}").contains(text));
        }
    }
}
