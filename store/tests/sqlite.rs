//! The store through its door: batches in, a file on disk, figures out.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common/chaos.rs"]
mod chaos;
#[path = "common/rows.rs"]
mod rows;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chaos::{Chance, is_full, note, times};
use pinfold::audit::{
    BrokenAt, ChainHash, FacetKind, FacetRow, Ledger, Lost, Rows, StatusClass, UsageRow, verify_chain,
};
use pinfold::pseudonym::{KeyEnd, KeyEvent};
use pinfold::time::Calendar;
use pinfold_store::{Field, ImportStore, Ledgers, Retention, Store, StoreError};
use rows::{SITE, action, address, always, choice, deliver, hosts, now, today, traffic};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::time::timeout;

struct Place {
    _dir: TempDir,
    file: PathBuf,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pinfold.db");
        Self { _dir: dir, file }
    }

    fn open(&self) -> Store {
        Store::open(&self.file, Retention::default()).unwrap()
    }

    fn read(&self) -> Ledgers {
        Ledgers::open(&self.file).unwrap()
    }
}

/// Every column of every table, and no table that joins a person's address to what a person did.
#[test]
fn law_08_no_table_holds_an_address_beside_a_path_a_cookie_or_a_browser() {
    let place = Place::new();
    place.open().close();
    let connection = Connection::open(&place.file).unwrap();
    let mut statement = connection
        .prepare("SELECT m.name || '.' || p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table'")
        .unwrap();
    let columns: BTreeSet<String> =
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let expected: BTreeSet<String> = [
        ("action", "site sequence at act uid requested_by approved_by basis result previous hash"),
        ("address", "site bucket host network requests refused node"),
        ("consent", "site day policy event purpose events"),
        (
            "cookie",
            "site pattern direction purpose action seen first_day last_day distinct_values identifies",
        ),
        ("delivered", "node incarnation ledger sequence"),
        ("distinct_addresses", "site day epoch estimate node"),
        ("facet", "site day kind value page_views"),
        ("import", "site mark lines offset day"),
        ("key", "site epoch made destroyed how node"),
        ("policy", "site from_day fingerprint statement to_day"),
        ("purpose_bit", "site purpose bit"),
        ("traffic", "site day method status requests page_views"),
        ("usage", "site day route status requests page_views entries not_found"),
        ("visit", "site day cell count"),
    ]
    .iter()
    .flat_map(|(table, columns)| columns.split(' ').map(move |column| format!("{table}.{column}")))
    .collect();
    assert_eq!(columns, expected);

    // The address ledger has a key of its own: nothing but the site is common to it and any other ledger.
    let of = |table: &str| -> BTreeSet<String> {
        let start = format!("{table}.");
        columns.iter().filter_map(|column| column.strip_prefix(&start)).map(str::to_owned).collect()
    };
    let counts = BTreeSet::from(["requests".to_owned(), "site".to_owned()]);
    for table in ["action", "usage", "visit", "facet", "import", "cookie", "consent", "policy", "purpose_bit"]
    {
        let common: BTreeSet<_> = of("address").intersection(&of(table)).cloned().collect();
        assert!(common.is_subset(&counts), "{table}: {common:?}");
    }
    let rows: i64 = connection
        .query_row("SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND wr = 0 AND name NOT LIKE 'sqlite_%'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 0, "a row number would tell the order in which rows came");
}

#[tokio::test]
async fn store_01_what_is_settled_is_on_disk_while_the_store_is_open() {
    let place = Place::new();
    let store = place.open();
    deliver(&store, choice(1)).await.unwrap();
    assert_eq!(place.read().consent(SITE, always()).unwrap()[0].events, 1);
    assert_eq!(fs::metadata(wal(&place.file)).map_or(0, |file| file.len()), 0, "the log is emptied");
}

/// STORE2. A reader that will not let go makes the writer try the end of each commit again: batches that are there already are not added twice.
#[tokio::test]
async fn store_02_what_is_tried_again_counts_once() {
    let place = Place::new();
    let store = place.open();
    let mut expected = 0;
    for round in 0..times(5, 50) {
        let other = Connection::open(&place.file).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let waiting: Vec<_> = (0..10).map(|_| deliver(&store, choice(1))).collect();
        tokio::time::sleep(Duration::from_millis(300)).await;
        other.execute_batch(if round % 2 == 0 { "COMMIT" } else { "ROLLBACK" }).unwrap();
        for one in waiting {
            one.await.unwrap();
            expected += 1;
        }
    }
    drop(store);
    // Numbers of another process are others, though they begin alike.
    let store = place.open();
    deliver(&store, choice(1)).await.unwrap();
    assert_eq!(place.read().consent(SITE, always()).unwrap()[0].events, expected + 1);
}

/// STORE3. After a kill, with as much in it as there may be and a log that was not emptied.
#[tokio::test]
async fn store_03_a_large_store_opens_within_a_second() {
    let place = Place::new();
    place.open().close();
    let most: u64 = if is_full() { 1 << 30 } else { 16 << 20 };
    let filler = Connection::open(&place.file).unwrap();
    filler.execute_batch("PRAGMA synchronous = OFF; BEGIN").unwrap();
    for day in 0.. {
        filler
            .execute(
                "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 16000)
                 INSERT INTO usage SELECT ?1, ?2, '/planning/applications/' || hex(randomblob(16)) || i, 2, 10, 9, 8, 0 FROM n",
                rusqlite::params![SITE, today().days() - day],
            )
            .unwrap();
        let pages: u64 =
            filler.query_row("PRAGMA page_count", [], |row| row.get::<_, i64>(0)).unwrap().cast_unsigned();
        if pages * 4096 > most || day == 700 {
            break;
        }
    }
    filler.execute_batch("COMMIT").unwrap();
    // What a kill leaves: the log is there, and nobody has written it back.
    let killed = Place::new();
    fs::copy(&place.file, &killed.file).unwrap();
    fs::copy(wal(&place.file), wal(&killed.file)).unwrap();
    filler.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let large = fs::metadata(&place.file).unwrap().len();
    drop(filler);
    let began = Instant::now();
    let store = place.open();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?} for {large} bytes");
    deliver(&store, choice(1)).await.unwrap();
    drop(store);
    let store = killed.open();
    deliver(&store, choice(1)).await.unwrap();
    note(
        "STORE3",
        "start on a large store",
        1,
        "opens without a hand",
        &format!("{took:?} for {} MiB", large >> 20),
    );
}

/// STORE4. The library that is linked is one that is sound.
#[test]
fn store_04_sqlite_is_sound() {
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

/// STORE6. A file that is damaged anywhere is an error to whoever reads or writes it, and never a panic.
#[tokio::test]
async fn store_06_a_file_that_answers_nonsense_is_an_error() {
    let sound = Place::new();
    let store = sound.open();
    for _ in 0..20 {
        deliver(&store, choice(1)).await.unwrap();
        deliver(&store, traffic(today(), 1)).await.unwrap();
    }
    store.close();
    let bytes = fs::read(&sound.file).unwrap();
    let mut chance = Chance::new();
    let damaged = times(100, 2_000);
    for _ in 0..damaged {
        let place = Place::new();
        let mut bytes = bytes.clone();
        for _ in 0..=chance.below(40) {
            let at = chance.below(bytes.len());
            bytes[at] = u8::try_from(chance.below(256)).unwrap();
        }
        fs::write(&place.file, bytes).unwrap();
        if let Ok(ledgers) = Ledgers::open(&place.file) {
            let _ = ledgers.sites();
            let _ = ledgers.consent(SITE, always());
            let _ = ledgers.traffic(SITE, always());
            let _ = ledgers.usage(SITE, always());
            let _ = ledgers.actions(SITE);
        }
        if let Ok(store) = Store::open(&place.file, Retention::default()) {
            let _ = timeout(Duration::from_millis(20), deliver(&store, choice(1))).await;
        }
    }
    note("STORE6", "bytes of the file changed at random", damaged, "errors, and no panic", "0 panics");
}

fn wal(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// FAULT5: another program holds the file.
#[tokio::test]
async fn fault_05_a_locked_file_costs_time_and_no_count() {
    let place = Place::new();
    let store = place.open();
    deliver(&store, choice(1)).await.unwrap();
    let other = Connection::open(&place.file).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let handed_over = Instant::now();
    let mut waiting = deliver(&store, choice(1));
    assert!(handed_over.elapsed() < Duration::from_millis(50), "handing over never waits");
    assert!(timeout(Duration::from_millis(1_500), &mut waiting).await.is_err());
    let pending = store.pending().into_iter().find(|(ledger, _)| *ledger == Ledger::Consent).unwrap().1;
    assert_eq!((pending, store.is_healthy()), (1, false));
    other.execute_batch("COMMIT").unwrap();
    timeout(Duration::from_secs(5), waiting).await.expect("within five seconds").unwrap();
    // Whoever waits is told before anybody else.
    let well = async {
        while !store.is_healthy() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(1), well).await.unwrap();
    assert_eq!(place.read().consent(SITE, always()).unwrap()[0].events, 2);
}

/// FAULT5: somebody reads, and does not go on.
#[tokio::test]
async fn fault_05_a_reader_that_stands_still_is_waited_for_once() {
    let place = Place::new();
    let store = place.open();
    deliver(&store, choice(1)).await.unwrap();
    let other = Connection::open(&place.file).unwrap();
    other.execute_batch("BEGIN; SELECT * FROM consent").unwrap();
    deliver(&store, choice(1)).await.unwrap();
    let began = Instant::now();
    for _ in 0..10 {
        deliver(&store, choice(1)).await.unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let log = std::fs::metadata(wal(&place.file)).unwrap().len();
    let file = std::fs::metadata(&place.file).unwrap().len();
    assert!(log > 0);
    assert_eq!(store.size().unwrap().0, file + log);
    other.execute_batch("COMMIT").unwrap();
    deliver(&store, choice(1)).await.unwrap();
    assert_eq!(std::fs::metadata(wal(&place.file)).unwrap().len(), 0);
}

#[tokio::test]
async fn an_export_that_stands_still_is_of_one_moment_and_in_nobodys_way() {
    let place = Place::new();
    let store = place.open();
    deliver(&store, choice(1)).await.unwrap();
    let ledgers = place.read();
    let export = ledgers.export(SITE, always()).unwrap();
    assert_eq!(export.rows().unwrap(), 1);
    deliver(&store, choice(2)).await.unwrap();
    assert_eq!(std::fs::metadata(wal(&place.file)).unwrap().len(), 0, "its log does not grow");
    let mut told = Vec::new();
    let each = export.each(|ledger, fields| {
        let events = fields.iter().find(|(name, _)| *name == "events");
        told.push((ledger.to_owned(), events.unwrap().1.clone()));
        Ok::<_, StoreError>(())
    });
    each.unwrap();
    assert_eq!(told, [("consent".to_owned(), Field::Number(1))]);
    drop(export);
    assert_eq!(ledgers.consent(SITE, always()).unwrap()[0].events, 3);
}

#[tokio::test]
async fn what_does_not_fit_the_queue_is_refused_at_once() {
    let place = Place::new();
    let store = place.open();
    let other = Connection::open(&place.file).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let _waiting = deliver(&store, hosts(120_000));
    assert_eq!(deliver(&store, hosts(120_000)).await, Err(Lost));
    other.execute_batch("COMMIT").unwrap();
}

#[tokio::test]
async fn a_batch_that_can_never_be_written_is_lost_alone_and_holds_nothing_up() {
    let place = Place::new();
    let store = place.open();
    deliver(&store, traffic(today(), u64::from(u32::MAX) << 30)).await.unwrap();
    let other = Connection::open(&place.file).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let overflows = deliver(&store, traffic(today(), i64::MAX.unsigned_abs()));
    let fits = deliver(&store, traffic(today(), 7));
    // Until both wait, and are tried together.
    tokio::time::sleep(Duration::from_millis(400)).await;
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(overflows.await, Err(Lost));
    fits.await.unwrap();
    assert_eq!(
        place.read().traffic(SITE, always()).unwrap()[0].requests % 1_000,
        (i64::from(u32::MAX) << 30) % 1_000 + 7
    );
    deliver(&store, choice(1)).await.unwrap();
}

/// LOG3: with its key gone, a row is gone from the file as well.
#[tokio::test]
async fn log_03_rows_go_with_their_key_and_leave_no_trace() {
    let place = Place::new();
    let store = place.open();
    let host: u64 = 0x1122_3344_5566_7788;
    let day = Calendar::utc().day_of(now());
    deliver(&store, Rows::Key(vec![KeyEvent::Made { epoch: "e".to_owned(), at: now() }])).await.unwrap();
    deliver(&store, address(host, now())).await.unwrap();
    assert!(holds(&place.file, host));
    let how = KeyEnd::Rotated;
    let destroyed = KeyEvent::Destroyed { epoch: "e".to_owned(), at: now(), how, ends: day.ends };
    deliver(&store, Rows::Key(vec![destroyed])).await.unwrap();
    assert!(!holds(&place.file, host) && !holds(&wal(&place.file), host));
    let keys = place.read().keys(SITE).unwrap();
    assert_eq!(keys[0].how.as_deref(), Some("rotated"));
}

fn holds(file: &Path, number: u64) -> bool {
    let bytes = fs::read(file).unwrap_or_default();
    bytes.windows(8).any(|window| window == number.to_be_bytes())
}

#[tokio::test]
async fn the_number_of_a_batch_tells_nothing_of_other_ledgers() {
    let place = Place::new();
    let store = place.open();
    for second in 0..5 {
        deliver(&store, traffic(today(), second)).await.unwrap();
    }
    deliver(&store, choice(1)).await.unwrap();
    store.close();
    let connection = Connection::open(&place.file).unwrap();
    let mut statement = connection.prepare("SELECT ledger, sequence FROM delivered ORDER BY ledger").unwrap();
    let delivered: Vec<(String, i64)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    // Five seconds of traffic before the choice would be a six.
    assert_eq!(delivered, [("consent".to_owned(), 1), ("traffic".to_owned(), 5)]);
}

#[tokio::test]
async fn where_rows_lie_does_not_tell_which_came_first() {
    let place = Place::new();
    let store = place.open();
    let usage = |route: &str, requests| {
        let (day, status) = (today(), StatusClass::from_digit(2).unwrap());
        Rows::Usage(vec![UsageRow {
            day,
            route: route.into(),
            status,
            requests,
            page_views: 0,
            entries: 0,
            not_found: 0,
        }])
    };
    // The last makes a row longer, which moves it.
    for (route, requests) in
        [("/parks", 10), ("/tips", 10), ("/bins", 10), ("/libraries", 10), ("/parks", 900)]
    {
        deliver(&store, usage(route, requests)).await.unwrap();
    }
    store.close();
    let bytes = fs::read(&place.file).unwrap();
    let places = ["/bins", "/libraries", "/parks", "/tips"].map(|route| {
        let found: Vec<_> =
            (0..bytes.len()).filter(|at| bytes[*at..].starts_with(route.as_bytes())).collect();
        assert_eq!(found.len(), 1, "{route} lies at {found:?}");
        found[0]
    });
    assert!(places.is_sorted_by(|one, next| one > next), "a page is filled from its end: {places:?}");
}

/// STORE4.
#[test]
fn store_04_one_server_to_a_file_and_readers_beside_it() {
    let place = Place::new();
    let store = place.open();
    let refused = Store::open(&place.file, Retention::default()).unwrap_err();
    assert!(matches!(refused, StoreError::InUse(_)), "{refused}");
    let refused = ImportStore::open(&place.file, Retention::default(), 1 << 30).unwrap_err();
    assert!(matches!(refused, StoreError::InUse(_)), "{refused}");
    assert!(place.read().sites().unwrap().is_empty());
    store.close();
    place.open().close();
}

/// FAULT6.
#[test]
fn fault_06_files_that_cannot_be_used_are_named() {
    let place = Place::new();
    assert!(Ledgers::open(&place.file).unwrap_err().to_string().contains("pinfold.db cannot be used"));
    fs::write(&place.file, "this is no database, but long enough to look at: ".repeat(100)).unwrap();
    let refused = Store::open(&place.file, Retention::default()).unwrap_err();
    assert!(refused.to_string().contains("pinfold.db cannot be used: file is not a database"), "{refused}");
    fs::remove_file(&place.file).unwrap();
    place.open().close();
    Connection::open(&place.file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for refused in
        [Store::open(&place.file, Retention::default()).unwrap_err(), Ledgers::open(&place.file).unwrap_err()]
    {
        assert!(matches!(refused, StoreError::NewerSchema { found: 99, known: 7, .. }), "{refused}");
    }
    let nowhere = Store::open(Path::new("/nowhere/at/all/pinfold.db"), Retention::default()).unwrap_err();
    assert!(nowhere.to_string().contains("/nowhere/at/all/pinfold.db"), "{nowhere}");
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.open().close();
    assert_eq!(fs::metadata(&place.file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn what_administrators_did_is_a_chain_and_an_older_store_learns_it() {
    let place = Place::new();
    place.open().close();
    // As the version before left it.
    let connection = Connection::open(&place.file).unwrap();
    connection.execute_batch(BACK_TO_2).unwrap();
    connection.execute_batch("DROP TABLE action; PRAGMA user_version = 1").unwrap();
    drop(connection);
    assert_eq!(place.read().actions(SITE).unwrap(), []);
    assert_eq!(place.read().head_of_actions(SITE).unwrap(), ChainHash::START);
    let act = |basis: &str| Rows::Action(action(basis));
    for round in 0..3 {
        let store = place.open();
        deliver(&store, act(&format!("case {round}"))).await.unwrap();
        deliver(&store, act("another")).await.unwrap();
        store.close();
    }
    let entries = Ledgers::open(&place.file).unwrap().actions(SITE).unwrap();
    assert_eq!(entries.len(), 6);
    let head = verify_chain(SITE, &entries).unwrap();
    assert_eq!(head, entries[5].hash);
    let connection = Connection::open(&place.file).unwrap();
    connection.execute("UPDATE action SET basis = 'nothing' WHERE sequence = 4", []).unwrap();
    let entries = Ledgers::open(&place.file).unwrap().actions(SITE).unwrap();
    assert_eq!(verify_chain(SITE, &entries), Err(BrokenAt(4)));
}

/// Takes a store to the schema of the version before visits and facets, when traffic was counted by the hour.
const BACK_TO_2: &str = "
DROP TABLE visit;
DROP TABLE facet;
DROP TABLE import;
ALTER TABLE usage DROP COLUMN not_found;
ALTER TABLE cookie DROP COLUMN distinct_values;
ALTER TABLE cookie DROP COLUMN identifies;
DROP TABLE traffic;
CREATE TABLE traffic (
    site TEXT NOT NULL, hour INTEGER NOT NULL, method TEXT NOT NULL, status INTEGER NOT NULL,
    requests INTEGER NOT NULL, page_views INTEGER NOT NULL,
    PRIMARY KEY (site, hour, method, status)
) STRICT, WITHOUT ROWID;
PRAGMA user_version = 2";

#[tokio::test]
async fn a_store_of_version_2_keeps_its_rows_learns_facets_and_forgets_hours() {
    let place = Place::new();
    place.open().close();
    let connection = Connection::open(&place.file).unwrap();
    connection.execute_batch(BACK_TO_2).unwrap();
    connection
        .execute("INSERT INTO usage VALUES (?1, ?2, '/bins', 4, 12, 0, 0)", (SITE, today().days()))
        .unwrap();
    for hour in [8, 9] {
        let hour = i64::from(today().days()) * 86_400 + hour * 3_600;
        connection.execute("INSERT INTO traffic VALUES (?1, ?2, 'GET', 2, 6, 3)", (SITE, hour)).unwrap();
    }
    drop(connection);
    let traffic = |ledgers: &Ledgers| {
        let days = ledgers.traffic(SITE, always()).unwrap();
        days.iter().map(|day| (day.day, day.requests, day.page_views)).collect::<Vec<_>>()
    };
    // A reader need not wait for a writer to have been there.
    let old = place.read();
    assert_eq!(old.usage(SITE, always()).unwrap()[0].not_found, 0);
    assert!(old.facets(SITE, FacetKind::Browser, always()).unwrap().is_empty());
    assert_eq!(traffic(&old), [(today(), 12, 6)]);
    drop(old);

    let store = place.open();
    let row =
        FacetRow { day: today(), kind: FacetKind::Browser, value: "Firefox".to_owned(), page_views: 10 };
    deliver(&store, Rows::Facet(vec![row])).await.unwrap();
    store.close();
    let ledgers = place.read();
    assert_eq!(traffic(&ledgers), [(today(), 12, 6)]);
    assert_eq!(
        (ledgers.usage(SITE, always()).unwrap()[0].requests, ledgers.usage(SITE, always()).unwrap().len()),
        (12, 1)
    );
    assert_eq!(ledgers.facets(SITE, FacetKind::Browser, always()).unwrap()[0].page_views, 10);
}
