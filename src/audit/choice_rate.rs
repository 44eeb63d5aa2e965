use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use super::auditor::lock;
use crate::pseudonym::Pseudonym;

/// How many rows of the consent ledger one address may add in a minute, unless said otherwise.
pub(super) const ROWS_A_MINUTE: u32 = 20;

/// How many addresses are told apart in one minute.
const ROOM: usize = 10_000;

/// Keeps one address from filling the consent ledger.
///
/// It decides on the count alone: a choice is always honoured, because a library or a school stands behind one
/// address too. Nothing is kept beyond the minute.
#[derive(Debug, Default)]
pub(super) struct ChoiceRate {
    this_minute: Mutex<(u64, HashMap<Pseudonym, u32>)>,
}

impl ChoiceRate {
    /// Whether `rows` more may be counted for an address, `uptime` after the start, where `most` may in a minute.
    pub(super) fn admits(&self, address: Pseudonym, rows: u32, most: u32, uptime: Duration) -> bool {
        let mut this_minute = lock(&self.this_minute);
        let (minute, added) = &mut *this_minute;
        if *minute != uptime.as_secs() / 60 {
            *minute = uptime.as_secs() / 60;
            added.clear();
        }
        if added.len() >= ROOM && !added.contains_key(&address) {
            return false;
        }
        let added = added.entry(address).or_default();
        let sum = added.saturating_add(rows);
        if sum > most {
            return false;
        }
        *added = sum;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_08_rows_of_one_address_in_one_minute() {
        let address = Pseudonym::from_number;
        let rate = ChoiceRate::default();
        let admits = |address, rows, seconds| rate.admits(address, rows, 5, Duration::from_secs(seconds));
        assert!(admits(address(1), 3, 0));
        assert!(!admits(address(1), 3, 30));
        assert!(admits(address(1), 2, 31));
        assert!(!admits(address(1), 1, 59));
        assert!(admits(address(2), 5, 59));
        assert!(admits(address(1), 5, 60));
    }
}
