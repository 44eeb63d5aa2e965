//! Keys, and the rows under them.

use pinfold::audit::Rows;
use pinfold::pseudonym::{KeyEnd, KeyEvent};
use pinfold::time::Calendar;
use pinfold_store::{Ledgers, Retention, Store};

use crate::place::Place;
use crate::rows::{SITE, address, now, put};

pub(crate) fn keys_of_a_process_that_was_killed_are_entered_as_lost_and_its_addresses_are_removed(
    place: &Place,
) {
    let store = place.open();
    put(&store, Rows::Key(vec![KeyEvent::Made { epoch: "e".to_owned(), at: now() }])).unwrap();
    put(&store, address(7, now())).unwrap();
    drop(store);
    place.open().close();
    assert_eq!(place.read().keys(SITE).unwrap()[0].how.as_deref(), Some("lost with the process"));
    assert_eq!(place.rows_of(7), 0);
}

pub(crate) fn keys_that_a_process_left_to_the_next_are_not_lost_and_rows_before_them_are(place: &Place) {
    let store = place.open();
    let made = |epoch: &str, ago: i64| KeyEvent::Made { epoch: epoch.to_owned(), at: now().plus(-ago) };
    put(&store, Rows::Key(vec![made("lost", 30_000), made("kept", 3_000)])).unwrap();
    put(&store, address(7, now().plus(-20_000))).unwrap();
    put(&store, address(8, now().plus(-3_300))).unwrap();
    drop(store);
    let living = ["kept".to_owned()];
    Store::open_within(place.location(), Retention::default(), 1 << 30, &living).unwrap().close();
    let how = |read: Ledgers| read.keys(SITE).unwrap().into_iter().map(|key| key.how).collect::<Vec<_>>();
    assert_eq!(how(place.read()), [Some("lost with the process".to_owned()), None]);
    assert_eq!(place.rows_of(7), 0);
    assert_eq!(place.rows_of(8), 1);
    place.open().close();
    assert_eq!(place.rows_of(8), 0, "the next process has it no more");
}

/// As where nodes have one key in common, which outlives each of them.
pub(crate) fn a_key_that_a_node_has_again_is_not_lost(place: &Place) {
    let made = || Rows::Key(vec![KeyEvent::Made { epoch: "e".to_owned(), at: now() }]);
    let store = place.open();
    put(&store, made()).unwrap();
    store.close();
    let store = place.open();
    let how = || place.read().keys(SITE).unwrap()[0].how.clone();
    assert_eq!(how().as_deref(), Some("lost with the process"));
    put(&store, made()).unwrap();
    put(&store, address(7, now())).unwrap();
    assert_eq!(how(), None);
    store.close();
    let living = ["e".to_owned()];
    let store = Store::open_within(place.location(), Retention::default(), 1 << 30, &living).unwrap();
    assert_eq!(place.rows_of(7), 1);
    // One that was destroyed does not come back.
    let destroyed =
        KeyEvent::Destroyed { epoch: "e".to_owned(), at: now(), how: KeyEnd::Rotated, ends: now().plus(60) };
    put(&store, Rows::Key(vec![destroyed])).unwrap();
    put(&store, made()).unwrap();
    assert_eq!(how().as_deref(), Some("rotated"));
}

pub(crate) fn rows_go_with_their_key(place: &Place) {
    let store = place.open();
    let day = Calendar::utc().day_of(now());
    put(&store, Rows::Key(vec![KeyEvent::Made { epoch: "e".to_owned(), at: now() }])).unwrap();
    put(&store, address(7, now())).unwrap();
    assert_eq!(place.rows_of(7), 1);
    let destroyed =
        KeyEvent::Destroyed { epoch: "e".to_owned(), at: now(), how: KeyEnd::Rotated, ends: day.ends };
    put(&store, Rows::Key(vec![destroyed])).unwrap();
    assert_eq!(place.rows_of(7), 0);
    assert_eq!(place.read().keys(SITE).unwrap()[0].how.as_deref(), Some("rotated"));
}
