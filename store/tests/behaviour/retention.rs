//! What is kept for how long, and what was before.

use pinfold::audit::{PolicyRow, Rows};
use pinfold::pseudonym::KeyEvent;
use pinfold::time::CivilDate;
use pinfold_store::{ImportStore, Imported, Retention, Store, StoreError};

use crate::place::Place;
use crate::rows::{SITE, address, always, now, put, today, traffic};

pub(crate) fn old_rows_are_removed_at_the_start(place: &Place) {
    let store = place.open();
    for months in [0, 24, 26] {
        let day = CivilDate::from_days(today().days() - months * 31);
        put(&store, traffic(day, 1)).unwrap();
    }
    store.close();
    place.open().close();
    assert_eq!(place.read().traffic(SITE, always()).unwrap().len(), 2);
    Store::open(place.location(), Retention::months(1).unwrap()).unwrap().close();
    assert_eq!(place.read().traffic(SITE, always()).unwrap().len(), 1);
}

/// As the ledgers see it: the newest day that they know is long ago.
pub(crate) fn a_clock_that_is_far_ahead_removes_nothing_that_is_kept_for_months(place: &Place) {
    let days_ago = |days: i32| CivilDate::from_days(today().days() - days);
    let at = now().plus(-400 * 86_400);
    let store = place.open();
    for days in [401, 400] {
        put(&store, traffic(days_ago(days), 1)).unwrap();
    }
    put(&store, Rows::Key(vec![KeyEvent::Made { epoch: "e".to_owned(), at }])).unwrap();
    put(&store, address(7, at)).unwrap();
    store.close();
    let (month, living) = (Retention::months(1).unwrap(), ["e".to_owned()]);
    for _ in 0..2 {
        Store::open_within(place.location(), month, 1 << 30, &living).unwrap().close();
    }
    drop(ImportStore::open(place.location(), month, 1 << 30).unwrap());
    assert_eq!(place.read().traffic(SITE, always()).unwrap().len(), 2);
    assert_eq!(place.read().keys(SITE).unwrap()[0].how, None);
    assert_eq!(place.rows_of(7), 0, "addresses go in time");
    // Whoever counts today has a clock that is right.
    let store = place.open();
    put(&store, traffic(today(), 1)).unwrap();
    store.close();
    Store::open(place.location(), month).unwrap().close();
    assert_eq!(place.read().traffic(SITE, always()).unwrap().len(), 1);
}

/// Whichever node gave one first has it.
pub(crate) fn no_two_purposes_have_one_bit(place: &Place) {
    let policy = |bits: &[(&str, u8)]| {
        Rows::Policy(PolicyRow {
            fingerprint: "one".to_owned(),
            statement: "purpose".to_owned(),
            bits: bits.iter().map(|(purpose, bit)| ((*purpose).to_owned(), *bit)).collect(),
            from: today(),
        })
    };
    let store = place.open();
    put(&store, policy(&[("statistics", 0), ("video", 2)])).unwrap();
    put(&store, policy(&[("statistics", 0), ("chat", 2), ("maps", 3), ("video", 4)])).unwrap();
    let bits = place.read().purpose_bits(SITE).unwrap();
    let bits: Vec<_> = bits.iter().map(|(purpose, bit)| (purpose.as_str(), *bit)).collect();
    assert_eq!(bits, [("maps", 3), ("statistics", 0), ("video", 2)]);
}

pub(crate) fn a_policy_is_entered_once_and_ends_when_another_begins(place: &Place) {
    let store = place.open();
    let policy = |fingerprint: &str, days_ago: i32| {
        Rows::Policy(PolicyRow {
            fingerprint: fingerprint.to_owned(),
            statement: format!("purpose\t{fingerprint}"),
            bits: vec![("marketing".to_owned(), 1)],
            from: CivilDate::from_days(today().days() - days_ago),
        })
    };
    for (fingerprint, days_ago) in [("one", 9), ("one", 8), ("two", 5), ("two", 4), ("one", 1), ("one", 0)] {
        put(&store, policy(fingerprint, days_ago)).unwrap();
    }
    let policies = place.read().policies(SITE).unwrap();
    let seen: Vec<_> = policies
        .iter()
        .map(|policy| {
            (
                policy.fingerprint.as_str(),
                today().days() - policy.from.days(),
                policy.to.map(|to| today().days() - to.days()),
            )
        })
        .collect();
    assert_eq!(seen, [("one", 9, Some(5)), ("two", 5, Some(1)), ("one", 1, None)]);
    assert_eq!(place.read().purpose_bits(SITE).unwrap()["marketing"], 1);
}

pub(crate) fn what_was_before_is_added_with_how_far_it_was_read_and_goes_when_it_is_old(place: &Place) {
    let server = place.open();
    put(&server, Rows::Key(vec![KeyEvent::Made { epoch: "e".to_owned(), at: now() }])).unwrap();
    put(&server, address(7, now())).unwrap();
    drop(server);

    let days_ago = |days: i32| CivilDate::from_days(today().days() - days);
    let read = |mark: u8, lines, offset, day| Imported { mark: [mark; 16], lines, offset, day };
    let mut store = ImportStore::open(place.location(), Retention::default(), 1 << 30).unwrap();
    let beside = ImportStore::open(place.location(), Retention::default(), 1 << 30);
    assert!(matches!(beside, Err(StoreError::InUse(_) | StoreError::ImportedElsewhere(_))), "{beside:?}");
    store.add(SITE, vec![traffic(today(), 5)], &read(1, 3, 300, days_ago(40)), None).unwrap();
    store.add(SITE, vec![traffic(today(), 2)], &read(2, 9, 900, days_ago(40)), Some([1; 16])).unwrap();
    store.add(SITE, vec![], &read(2, 9, 950, days_ago(40)), None).unwrap();
    store.add("another.example", vec![], &read(2, 9, 100, days_ago(1)), None).unwrap();
    assert_eq!(store.imported(SITE).unwrap(), [read(2, 9, 950, days_ago(40))]);
    // Rows that do not fit take nothing with them.
    let overflows = vec![traffic(today(), 1), traffic(today(), i64::MAX.unsigned_abs())];
    assert!(store.add(SITE, overflows, &read(2, 9, 999, days_ago(40)), None).is_err());
    assert_eq!(store.imported(SITE).unwrap()[0].offset, 950);
    assert_eq!(place.read().traffic(SITE, always()).unwrap()[0].requests, 7);
    drop(store);

    assert_eq!(place.rows_of(7), 1, "keys may live elsewhere while no server runs: addresses are left alone");
    let mut store = ImportStore::open(place.location(), Retention::months(1).unwrap(), 1 << 30).unwrap();
    assert!(store.imported(SITE).unwrap().is_empty());
}
