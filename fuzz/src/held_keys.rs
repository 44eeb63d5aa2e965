//! Keys and blocks that one process hands to the next: what is not whole is not taken, and nothing makes a key younger.

use std::sync::LazyLock;
use std::time::Duration;

use pinfold::audit::HeldKeys;
use pinfold::time::{Calendar, Clock, UnixTime};
use sha2::{Digest as _, Sha256};

use crate::site::{NOW, URL};

/// Its day and birth, two numbers, and four keys.
const EPOCH: usize = 8 + 12 + 4 + 4 + 4 * 32;

static CALENDAR: LazyLock<Calendar> = LazyLock::new(Calendar::utc);

/// An hour after the machine was started.
#[derive(Debug)]
struct Boot;

impl Clock for Boot {
    fn now(&self) -> UnixTime {
        UnixTime::from_seconds(NOW)
    }

    fn uptime(&self) -> Duration {
        Duration::from_secs(3_600)
    }
}

/// As they come; then with the form, lengths and sums that nobody finds by trying. The first byte says how many epochs there are,
/// and how many bytes too many.
pub fn run(data: &[u8]) {
    judge(data);
    let Some((&how, rest)) = data.split_first() else { return };
    let ring = EPOCH * usize::from(how & 3) + usize::from(how >> 4);
    let (ring, blocks) = rest.split_at(ring.min(rest.len()));
    let site = [&(URL.len() as u32).to_be_bytes()[..], URL.as_bytes()].concat();
    judge(&[&b"pinfold keys 001"[..], &part(&[&site, ring].concat()), &part(blocks)].concat());
}

fn judge(bytes: &[u8]) {
    let Some(held) = HeldKeys::read(bytes, URL, &CALENDAR, &Boot) else { return };
    let epochs = held.epochs();
    assert!((1..=2).contains(&epochs.len()), "{epochs:?}");
    assert!(
        HeldKeys::read(bytes, "https://www.village.example", &CALENDAR, &Boot).is_none(),
        "it is of another site"
    );
}

/// A length, what is in it, and the beginning of its SHA-256.
fn part(bytes: &[u8]) -> Vec<u8> {
    let part = [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat();
    [&part[..], &Sha256::digest(&part)[..8]].concat()
}
