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
#[derive(Debug)]
pub(super) struct ChoiceRate {
    most: u32,
    this_minute: Mutex<(u64, HashMap<Pseudonym, u32>)>,
}

impl ChoiceRate {
    pub(super) fn new(most: u32) -> Self {
        Self { most, this_minute: Mutex::default() }
    }

    /// Whether `rows` more may be counted for an address, `uptime` after the start.
    pub(super) fn admits(&self, address: Pseudonym, rows: u32, uptime: Duration) -> bool {
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
        if sum > self.most {
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
        let rate = ChoiceRate::new(5);
        let at = Duration::from_secs;
        assert!(rate.admits(address(1), 3, at(0)));
        assert!(!rate.admits(address(1), 3, at(30)));
        assert!(rate.admits(address(1), 2, at(31)));
        assert!(!rate.admits(address(1), 1, at(59)));
        assert!(rate.admits(address(2), 5, at(59)));
        assert!(rate.admits(address(1), 5, at(60)));
    }
}
