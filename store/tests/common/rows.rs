//! Rows of a town, and how they are handed over.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its own part, and a test may panic")]

use std::sync::Arc;

use pinfold::audit::{
    ActionRow, AddressRow, Batch, ConsentRow, Delivery, Lost, MethodClass, Rows, Sink, StatusClass,
    TrafficRow,
};
use pinfold::consent::ConsentEvent;
use pinfold::pseudonym::{KeyEvent, Pseudonym};
use pinfold::time::{Calendar, CivilDate, Clock, SystemClock, UnixTime};
use pinfold_store::{Period, Store};

pub(crate) const SITE: &str = "www.town.example";

pub(crate) fn deliver(store: &Store, rows: Rows) -> Delivery {
    store.sink().deliver(Batch { site: Arc::from(SITE), rows })
}

/// Hands rows over, and waits until they are kept or lost.
pub(crate) fn put(store: &Store, rows: Rows) -> Result<(), Lost> {
    settled(deliver(store, rows))
}

pub(crate) fn settled(delivery: Delivery) -> Result<(), Lost> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(delivery)
}

pub(crate) fn today() -> CivilDate {
    Calendar::utc().day_of(now()).date
}

pub(crate) fn now() -> UnixTime {
    SystemClock::new().now()
}

pub(crate) fn always() -> Period {
    Period { from: CivilDate::from_days(0), to: CivilDate::from_days(today().days() + 1) }
}

pub(crate) fn choice(events: u64) -> Rows {
    let (policy, purpose) = ("00c0ffee".to_owned(), "marketing".to_owned());
    Rows::Consent(vec![ConsentRow { day: today(), policy, event: ConsentEvent::Accepted, purpose, events }])
}

pub(crate) fn traffic(day: CivilDate, requests: u64) -> Rows {
    let status = StatusClass::from_digit(2).unwrap();
    Rows::Traffic(vec![TrafficRow { day, method: MethodClass::Get, status, requests, page_views: 1 }])
}

pub(crate) fn address(host: u64, bucket: UnixTime) -> Rows {
    let (host, network) = (Pseudonym::from_number(host), Pseudonym::from_number(host ^ 1));
    Rows::Address(vec![AddressRow { bucket, host, network, requests: 3, refused: 0 }])
}

/// So many hosts in one bucket.
pub(crate) fn hosts(count: u64) -> Rows {
    let rows = (0..count).map(|host| AddressRow {
        bucket: now(),
        host: Pseudonym::from_number(host),
        network: Pseudonym::from_number(1),
        requests: 1,
        refused: 0,
    });
    Rows::Address(rows.collect())
}

/// A key that was made so many seconds ago.
pub(crate) fn key(epoch: &str, ago: i64) -> KeyEvent {
    KeyEvent::Made { epoch: epoch.to_owned(), at: now().plus(-ago) }
}

pub(crate) fn action(basis: &str) -> ActionRow {
    ActionRow {
        at: now(),
        act: "look-up".to_owned(),
        uid: 1000,
        requested_by: "PC 4711".to_owned(),
        approved_by: "Head of IT".to_owned(),
        basis: basis.to_owned(),
        result: "not recorded".to_owned(),
    }
}
