//! What administrators did, and what they take away.

use pinfold::audit::{Rows, verify_chain};
use pinfold_store::{Field, StoreError, migrate, record_action};

use crate::place::Place;
use crate::rows::{SITE, action, address, always, choice, now, put, today, traffic};

pub(crate) fn what_administrators_did_is_a_chain(place: &Place) {
    for round in 0..3 {
        let store = place.open();
        put(&store, Rows::Action(action(&format!("case {round}")))).unwrap();
        put(&store, Rows::Action(action("another"))).unwrap();
        store.close();
    }
    let entries = place.read().actions(SITE).unwrap();
    assert_eq!(entries.len(), 6);
    assert_eq!(verify_chain(SITE, &entries), Ok(entries[5].hash));
    let head = record_action(place.location(), SITE, action("export")).unwrap();
    assert_eq!(place.read().head_of_actions(SITE).unwrap(), head);
    assert_eq!(verify_chain(SITE, &place.read().actions(SITE).unwrap()), Ok(head));
    let (before, after) = migrate(place.location()).unwrap();
    assert_eq!(before, after, "there is nothing to do");
}

pub(crate) fn every_row_but_addresses_is_given_away(place: &Place) {
    let store = place.open();
    put(&store, address(7, now())).unwrap();
    put(&store, choice(3)).unwrap();
    put(&store, traffic(today(), 5)).unwrap();
    store.close();
    let ledgers = place.read();
    let export = ledgers.export(SITE, always()).unwrap();
    assert_eq!(export.rows().unwrap(), 2);
    let mut seen = Vec::new();
    let tell = |ledger: &str, fields: &[(&str, Field)]| {
        let last = fields.iter().find(|(name, _)| ["events", "requests"].contains(name)).unwrap();
        seen.push((ledger.to_owned(), last.1.clone()));
        Ok::<_, StoreError>(())
    };
    export.each(tell).unwrap();
    let row = |ledger: &str, count| (ledger.to_owned(), Field::Number(count));
    assert_eq!(seen, [row("traffic", 5), row("consent", 3)]);
    drop(export);
    let status = ledgers.status().unwrap();
    assert_eq!((status.schema, status.in_use, status.damage), (status.newest, false, None));
    let rows: i64 = status.ledgers.iter().map(|ledger| ledger.rows).sum();
    assert_eq!(rows, 3);
}
