//! A store is copied, given away and carried forward.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;

use pinfold::audit::{
    ActionRow, AddressRow, Batch, ConsentRow, MethodClass, Rows, Sink, StatusClass, TrafficRow, verify_chain,
};
use pinfold::consent::ConsentEvent;
use pinfold::pseudonym::Pseudonym;
use pinfold::time::{Calendar, CivilDate, Clock, SystemClock};
use pinfold_store::{Field, Ledgers, Period, Retention, Store, StoreError, migrate, record_action};
use rusqlite::Connection;

const SITE: &str = "www.town.example";

fn today() -> CivilDate {
    Calendar::utc().day_of(SystemClock::new().now()).date
}

fn choice(purpose: &str) -> Rows {
    let (policy, purpose) = ("00c0ffee".to_owned(), purpose.to_owned());
    Rows::Consent(vec![ConsentRow {
        day: today(),
        policy,
        event: ConsentEvent::Accepted,
        purpose,
        events: 1,
    }])
}

fn address(number: u64) -> Rows {
    let (host, network) = (Pseudonym::from_number(number), Pseudonym::from_number(number + 1));
    Rows::Address(vec![AddressRow {
        bucket: SystemClock::new().now(),
        host,
        network,
        requests: 3,
        refused: 0,
    }])
}

fn traffic(day: CivilDate) -> Rows {
    let status = StatusClass::from_digit(2).unwrap();
    Rows::Traffic(vec![TrafficRow { day, method: MethodClass::Get, status, requests: 7, page_views: 2 }])
}

fn action(act: &str) -> ActionRow {
    let [requested_by, approved_by, basis, result] = [""; 4].map(str::to_owned);
    ActionRow {
        at: SystemClock::new().now(),
        act: act.to_owned(),
        uid: 7,
        requested_by,
        approved_by,
        basis,
        result,
    }
}

async fn deliver(store: &Store, rows: Rows) {
    store.sink().deliver(Batch { site: Arc::from(SITE), rows }).await.unwrap();
}

fn choices(file: &Path) -> i64 {
    let always = Period { from: CivilDate::from_days(0), to: CivilDate::from_days(today().days() + 1) };
    let counted = Ledgers::open(file).unwrap().consent(SITE, always).unwrap();
    counted.iter().map(|count| count.events).sum()
}

#[test]
fn fault_20_a_copy_made_under_load_holds_every_choice_that_was_answered_before() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pin fold?#.db");
    let store = Store::open(&file, Retention::default()).unwrap();
    let sink = store.sink();
    let (answered, is_done) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicBool::new(false)));
    let load = thread::spawn({
        let (answered, is_done) = (answered.clone(), is_done.clone());
        move || {
            while !is_done.load(Ordering::SeqCst) {
                let rows = choice(&format!("purpose-{}", answered.load(Ordering::SeqCst)));
                let delivery = sink.deliver(Batch { site: Arc::from(SITE), rows });
                tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(delivery).unwrap();
                answered.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    for number in 0..20 {
        let before = answered.load(Ordering::SeqCst);
        let copy = directory.path().join(format!("copy-{number}.db"));
        let made = Ledgers::open(&file).unwrap().back_up(&copy).unwrap();
        let after = answered.load(Ordering::SeqCst);
        let copied = choices(&copy);
        assert!((before..=after + 1).contains(&copied), "{before} <= {copied} <= {after}");
        assert!(made.rows >= copied.cast_unsigned());
        assert_eq!(Ledgers::open(&copy).unwrap().status().unwrap().damage, None);
    }
    is_done.store(true, Ordering::SeqCst);
    load.join().unwrap();
}

#[tokio::test]
async fn a_copy_is_a_store_without_addresses_that_nobody_else_may_read() {
    let directory = tempfile::tempdir().unwrap();
    let (file, copy) = (directory.path().join("pinfold.db"), directory.path().join("copy.db"));
    let store = Store::open(&file, Retention::default()).unwrap();
    let number = 0x0123_4567_89ab_cdef;
    for rows in [choice("marketing"), address(number), traffic(today()), Rows::Action(action("block"))] {
        deliver(&store, rows).await;
    }
    Ledgers::open(&file).unwrap().back_up(&copy).unwrap();
    let exists = Ledgers::open(&file).unwrap().back_up(&copy).unwrap_err();
    assert!(
        matches!(exists, StoreError::NotCopied { .. }) && exists.to_string().contains("exists"),
        "{exists}"
    );
    let bytes = std::fs::read(&copy).unwrap();
    for needle in [number.to_be_bytes(), (number + 1).to_be_bytes()] {
        assert!(!bytes.windows(8).any(|window| window == needle));
    }
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&copy).unwrap().permissions()) & 0o777,
        0o600
    );

    // It serves as a store.
    let restored = Store::open(&copy, Retention::default()).unwrap();
    deliver(&restored, choice("marketing")).await;
    restored.close();
    assert_eq!(choices(&copy), 2);
    let entries = Ledgers::open(&copy).unwrap().actions(SITE).unwrap();
    assert!(entries.len() == 1 && verify_chain(SITE, &entries).is_ok());

    let nowhere = directory.path().join("no such directory/copy.db");
    assert!(matches!(Ledgers::open(&file).unwrap().back_up(&nowhere), Err(StoreError::NotCopied { .. })));
}

#[tokio::test]
async fn what_is_given_away_has_days_times_and_no_address() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pinfold.db");
    let store = Store::open(&file, Retention::default()).unwrap();
    let yesterday = CivilDate::from_days(today().days() - 1);
    for rows in [
        choice("marketing"),
        address(4_711),
        traffic(today()),
        traffic(yesterday),
        Rows::Action(action("export")),
    ] {
        deliver(&store, rows).await;
    }
    let ledgers = Ledgers::open(&file).unwrap();
    let export = ledgers.export(SITE, Period { from: today(), to: today() }).unwrap();
    assert_eq!(export.rows().unwrap(), 3);
    // It is the store as it was when it was opened.
    deliver(&store, choice("statistics")).await;
    let mut rows = Vec::new();
    let told = export.each(|ledger, fields| {
        let fields: Vec<_> = fields.iter().map(|(name, field)| ((*name).to_owned(), field.clone())).collect();
        rows.push((ledger.to_owned(), fields));
        Ok::<_, StoreError>(())
    });
    told.unwrap();
    let ledgers: Vec<_> = rows.iter().map(|(ledger, _)| ledger.as_str()).collect();
    assert_eq!(ledgers, ["traffic", "consent", "action"]);
    let text = |text: &str| Field::Text(text.to_owned());
    let expected = [
        ("site", text(SITE)),
        ("day", text(&today().to_string())),
        ("method", text("GET")),
        ("status", Field::Number(2)),
        ("requests", Field::Number(7)),
        ("page_views", Field::Number(2)),
    ];
    assert_eq!(rows[0].1, expected.map(|(name, field)| (name.to_owned(), field)));
}

#[tokio::test]
async fn the_status_names_every_ledger_and_what_is_wrong_with_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pinfold.db");
    let store = Store::open(&file, Retention::default()).unwrap();
    deliver(&store, traffic(today())).await;
    let status = Ledgers::open(&file).unwrap().status().unwrap();
    assert!(status.in_use && status.damage.is_none() && status.schema == status.newest, "{status:?}");
    let traffic = status.ledgers.iter().find(|ledger| ledger.name == "traffic").unwrap();
    assert_eq!((traffic.rows, traffic.first, traffic.last), (1, Some(today()), Some(today())));
    // Every table has its line, but for those that hold nothing of a site.
    let named: Vec<_> = status.ledgers.iter().map(|ledger| ledger.name).collect();
    let connection = Connection::open(&file).unwrap();
    let mut tables =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let unnamed: Vec<_> = tables.iter().filter(|table| !named.contains(&table.as_str())).collect();
    assert_eq!(unnamed, ["delivered", "import", "purpose_bit"]);
    store.close();
    assert!(!Ledgers::open(&file).unwrap().status().unwrap().in_use);

    // A byte in the middle of a page of rows.
    let mut bytes = std::fs::read(&file).unwrap();
    let places = bytes.windows(SITE.len()).enumerate().filter(|(_, window)| *window == SITE.as_bytes());
    let places: Vec<_> = places.map(|(place, _)| place).collect();
    places.iter().for_each(|place| bytes[place - 4..*place].fill(0xff));
    std::fs::write(&file, bytes).unwrap();
    let status = Ledgers::open(&file).unwrap().status();
    assert!(status.as_ref().map_or(true, |status| status.damage.is_some()), "{status:?}");
}

#[test]
fn an_old_store_is_copied_as_it_is_and_carried_forward_when_asked() {
    let directory = tempfile::tempdir().unwrap();
    let (file, copy) = (directory.path().join("pinfold.db"), directory.path().join("copy.db"));
    Store::open(&file, Retention::default()).unwrap().close();
    // What schema 6 has brought is taken away again.
    let connection = Connection::open(&file).unwrap();
    connection
        .execute_batch(
            "ALTER TABLE cookie DROP COLUMN distinct_values; ALTER TABLE cookie DROP COLUMN identifies;
             INSERT INTO cookie VALUES ('www.town.example', 'sid', 'request', '', 'passed', 5, 20000, 20001);
             PRAGMA user_version = 5;",
        )
        .unwrap();
    drop(connection);
    let ledgers = Ledgers::open(&file).unwrap();
    assert_eq!(ledgers.back_up(&copy).unwrap().schema, 5);
    let period = Period { from: today(), to: today() };
    assert!(matches!(ledgers.export(SITE, period), Err(StoreError::OlderSchema { found: 5, .. })));

    let head = record_action(&file, SITE, action("backup")).unwrap();
    assert_eq!(Ledgers::open(&file).unwrap().head_of_actions(SITE).unwrap(), head);
    assert_eq!(Ledgers::open(&file).unwrap().status().unwrap().schema, 5, "only what was asked");
    for file in [&file, &copy] {
        let (before, after) = migrate(file).unwrap();
        assert!(before == 5 && after > 5);
        assert_eq!(migrate(file).unwrap(), (after, after));
        assert_eq!(Ledgers::open(file).unwrap().cookies(SITE).unwrap()[0].seen, 5);
    }
}

#[test]
fn what_a_server_has_is_left_to_it_and_what_is_not_there_is_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let (file, missing) = (directory.path().join("pinfold.db"), directory.path().join("missing.db"));
    let store = Store::open(&file, Retention::default()).unwrap();
    assert!(matches!(migrate(&file), Err(StoreError::InUse(_))));
    assert!(matches!(record_action(&file, SITE, action("export")), Err(StoreError::InUse(_))));
    store.close();
    assert!(record_action(&file, SITE, action("export")).is_ok());
    assert!(migrate(&missing).is_err() && record_action(&missing, SITE, action("export")).is_err());
    assert!(!missing.exists());
    // Readers beside it are no hindrance.
    let reader = Ledgers::open(&file).unwrap();
    thread::spawn(move || migrate(&file).unwrap()).join().unwrap();
    assert!(reader.status().is_ok());
}
