//! What only a store in PostgreSQL does: several nodes at once, roles, certificates, and a server that is away.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common/chaos.rs"]
mod chaos;
#[path = "common/postgres.rs"]
mod postgres;
#[path = "common/rows.rs"]
mod rows;

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use chaos::{Chance, note, times};
use pinfold::audit::{DistinctRow, Ledger, Rows, verify_chain};
use pinfold::pseudonym::{KeyEnd, KeyEvent, Pseudonym};
use pinfold_store::{Ledgers, Postgres, Retention, Store, StoreError, migrate, record_action};
use postgres::{Database, Server};
use rows::{SITE, action, address, always, choice, deliver, key, now, put, settled, today, traffic};

impl Database {
    fn open(&self, node: &str) -> Store {
        Store::open(self.as_node(node), Retention::default()).unwrap()
    }

    fn with_spool(&self, spool: &Path) -> Store {
        Store::open(self.as_node("one").with_spool(spool), Retention::default()).unwrap()
    }

    fn read(&self) -> Ledgers {
        Ledgers::open(self.as_node("reader")).unwrap()
    }

    fn choices(&self) -> i64 {
        self.read().consent(SITE, always()).unwrap().iter().map(|row| row.events).sum()
    }
}

/// Each writes what all have counted, and its own count while it was alone.
#[test]
#[ignore = "needs PostgreSQL"]
fn what_nodes_count_together_is_not_added_up() {
    let database = Database::new();
    let counted = |node: &str, epoch: &str, estimate| {
        let row = DistinctRow { day: today(), epoch: epoch.to_owned(), estimate };
        put(&database.open(node), Rows::Distinct(row)).unwrap();
    };
    let told = || {
        let count = database.read().distinct(SITE, always()).unwrap().remove(0);
        (count.at_least, count.at_most, count.runs)
    };
    for (node, estimate) in [("node-0", 90), ("node-1", 100), ("node-2", 95)] {
        counted(node, "common", estimate);
    }
    assert_eq!(told(), (100, 100, 1));
    counted("node-2", "alone", 30);
    assert_eq!(told(), (100, 130, 2));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn several_nodes_make_the_tables_at_once_and_add_up() {
    let database = Arc::new(Database::new());
    let nodes = (0..8).map(|node| {
        let database = database.clone();
        thread::spawn(move || {
            let store = database.open(&format!("node-{node}"));
            for _ in 0..50 {
                put(&store, choice(1)).unwrap();
                put(&store, traffic(today(), 2)).unwrap();
                put(&store, Rows::Action(action("case"))).unwrap();
            }
            let epoch = format!("epoch-{node}");
            put(&store, Rows::Distinct(DistinctRow { day: today(), epoch, estimate: 10 })).unwrap();
        })
    });
    nodes.collect::<Vec<_>>().into_iter().for_each(|node| node.join().unwrap());
    let ledgers = database.read();
    assert_eq!(database.choices(), 400);
    assert_eq!(ledgers.traffic(SITE, always()).unwrap()[0].requests, 800);
    let entries = ledgers.actions(SITE).unwrap();
    assert_eq!((entries.len(), verify_chain(SITE, &entries)), (400, Ok(entries[399].hash)), "one chain");
    let distinct = &ledgers.distinct(SITE, always()).unwrap()[0];
    assert_eq!((distinct.at_least, distinct.at_most, distinct.runs), (80, 80, 8));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn what_a_node_leaves_open_is_its_own() {
    let database = Database::new();
    let (one, other) = (database.open("one"), database.open("other"));
    for (store, epoch, host) in [(&one, "a", 7), (&other, "b", 8)] {
        put(store, Rows::Key(vec![key(epoch, 60)])).unwrap();
        put(store, address(host, now())).unwrap();
    }
    let met = |host| database.read().buckets_of(SITE, Pseudonym::from_number(host)).unwrap().len();
    // A key that is destroyed takes the rows of its own node with it, and so does one that is lost.
    let destroyed = KeyEvent::Destroyed {
        epoch: "b".to_owned(),
        at: now(),
        how: KeyEnd::Stopped,
        ends: now().plus(9_000),
    };
    put(&other, Rows::Key(vec![destroyed])).unwrap();
    assert_eq!((met(7), met(8)), (1, 0));
    put(&other, address(8, now())).unwrap();
    one.close();
    database.open("one").close();
    assert_eq!((met(7), met(8)), (0, 1));
    let keys = database.read().keys(SITE).unwrap();
    let keys: Vec<_> = keys.iter().map(|key| (key.node.as_str(), key.how.as_deref())).collect();
    assert_eq!(keys, [("one", Some("lost with the process")), ("other", Some("stopped"))]);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn no_two_servers_have_one_name() {
    let database = Database::new();
    let _one = database.open("one");
    let refused = Store::open(database.as_node("one"), Retention::default()).unwrap_err();
    assert!(matches!(refused, StoreError::NodeInUse { .. }), "{refused}");
    assert!(database.read().status().unwrap().in_use);
}

/// What is left of its last connection may hold the name for a while.
#[test]
#[ignore = "needs PostgreSQL"]
fn a_server_has_its_name_again_after_a_connection_that_was_slow_to_end() {
    let database = Arc::new(Database::new());
    let store = database.open("one");
    let of_name = "FROM pg_locks WHERE locktype = 'advisory' AND classid = 1885957742 AND granted";
    let name = database.sql(&format!("SELECT objid::bigint::bit(32)::int {of_name}"));
    let holder = database.sql(&format!("SELECT pid {of_name}"));
    let other = database.clone();
    let slow = thread::spawn(move || {
        other.sql(&format!("SELECT pg_advisory_lock(1885957742, {name}); SELECT pg_sleep(3)"));
    });
    wait_until(|| database.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") == "1");
    database.sql(&format!("SELECT pg_terminate_backend({holder})"));
    put(&store, choice(1)).unwrap();
    assert_eq!(database.choices(), 1, "nobody waits for the name");
    slow.join().unwrap();
    assert_eq!(database.sql(&format!("SELECT count(*) {of_name}")), "0");
    thread::sleep(Duration::from_secs(1));
    put(&store, choice(1)).unwrap();
    assert_eq!(database.sql(&format!("SELECT count(*) {of_name}")), "1");
}

fn wait_until(is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < until);
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn law_08_each_role_has_its_own_tables_alone() {
    let database = Database::new();
    database.open("one").close();
    let of = |role: &str| {
        database.sql(&format!(
            "SELECT string_agg(table_name, ' ' ORDER BY table_name) FROM information_schema.role_table_grants
             WHERE table_schema = 'pinfold' AND grantee = '{role}' AND privilege_type = 'INSERT'"
        ))
    };
    assert_eq!(of("pinfold_addresses"), "address delivered key");
    assert_eq!(
        of("pinfold_ledgers"),
        "action consent cookie delivered distinct_addresses facet import policy purpose_bit traffic usage visit"
    );
    let reads = |role: &str, table: &str| {
        database.sql(&format!("SELECT has_table_privilege('{role}', 'pinfold.{table}', 'SELECT')")) == "t"
    };
    assert!(!reads("pinfold_ledgers", "address") && reads("pinfold_ledgers", "key"));
    assert!(!reads("pinfold_addresses", "usage") && !reads("pinfold_addresses", "action"));
    let columns = |table: &str| {
        database.sql(&format!(
            "SELECT string_agg(column_name, ' ' ORDER BY ordinal_position) FROM information_schema.columns
             WHERE table_schema = 'pinfold' AND table_name = '{table}'"
        ))
    };
    assert_eq!(columns("address"), "site bucket host network requests refused node");
    assert_eq!(columns("usage"), "site day route status requests page_views entries not_found");
}

/// Whoever may not make roles is told what to have run, and once it has been run, goes on.
#[test]
#[ignore = "needs PostgreSQL"]
fn a_user_without_rights_is_told_which_are_missing() {
    let server = Arc::new(Server::start(""));
    server.sql("postgres", "DROP ROLE pinfold_addresses; DROP ROLE pinfold_ledgers");
    server.sql("postgres", &format!("CREATE ROLE town LOGIN PASSWORD '{}'", postgres::PASSWORD));
    server.sql("postgres", "CREATE DATABASE town");
    let database = Database { server: server.clone(), name: "town".to_owned() };
    let StoreError::MayNotMigrate { statements, .. } =
        Store::open(database.as_node("one"), Retention::default()).unwrap_err()
    else {
        panic!("it may not")
    };
    assert_eq!(
        statements,
        "CREATE ROLE pinfold_addresses NOLOGIN; GRANT pinfold_addresses TO town; CREATE ROLE pinfold_ledgers NOLOGIN; \
         GRANT pinfold_ledgers TO town; CREATE SCHEMA pinfold AUTHORIZATION town;"
    );
    database.sql(&statements);
    let store = database.open("one");
    put(&store, choice(1)).unwrap();
    assert_eq!(database.choices(), 1);

    // Another user makes the tables: the server need not.
    server.sql("postgres", "CREATE DATABASE other");
    server.sql("postgres", &format!("ALTER ROLE postgres PASSWORD '{}'", postgres::PASSWORD));
    let url = format!("postgres://postgres@127.0.0.1:{}/other", server.port);
    let admin = Postgres::at(&url).unwrap().with_password_file(server.password_file());
    assert_eq!(migrate(admin).unwrap(), (0, 7));
    let as_town =
        Postgres::at(&url.replace("postgres@", "town@")).unwrap().with_password_file(server.password_file());
    let store = Store::open(as_town.clone().with_node("one"), Retention::default()).unwrap();
    put(&store, choice(2)).unwrap();
    assert_eq!(Ledgers::open(as_town).unwrap().consent(SITE, always()).unwrap()[0].events, 2);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn what_cannot_be_used_is_an_error_that_names_it() {
    let database = Database::new();
    let wrong = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(wrong.path(), "not the password\n").unwrap();
    let url = database.url();
    let nobody = format!("postgres://{}@127.0.0.1:9/x", database.name);
    for (place, words) in [
        (Postgres::at(&url).unwrap().with_password_file(wrong.path()), "password authentication failed"),
        (Postgres::at(&url).unwrap().with_password_file("/nowhere/at/all"), "/nowhere/at/all cannot be read"),
        (Postgres::at(&url).unwrap(), "password"),
        (Postgres::at(&nobody).unwrap(), "127.0.0.1:9/x cannot be used: error connecting to server"),
        (Postgres::at(&format!("{url}?sslmode=verify-full")).unwrap(), "cannot be used"),
    ] {
        let refused = Store::open(place.clone(), Retention::default()).unwrap_err().to_string();
        assert!(refused.contains(words) && !refused.contains("not the password"), "{words}: {refused}");
        assert!(!refused.contains('\n'), "{refused}");
        assert!(Ledgers::open(place).is_err());
    }
    assert!(Ledgers::open(database.as_node("one")).is_err(), "nobody has made the tables");
    let refused = record_action(database.as_node("one"), SITE, action("export")).unwrap_err();
    assert!(refused.to_string().contains("holds no ledgers"), "{refused}");
    database.open("one").close();
    database.sql("UPDATE pinfold.schema_version SET version = 99");
    for refused in [
        Store::open(database.as_node("one"), Retention::default()).unwrap_err(),
        Ledgers::open(database.as_node("one")).unwrap_err(),
    ] {
        assert!(matches!(refused, StoreError::NewerSchema { found: 99, known: 7, .. }), "{refused}");
    }
}

/// STORE6. A server that answers nonsense is an error, and nobody waits for one that answers nothing.
#[test]
fn store_06_whatever_answers_in_the_place_of_a_server_is_an_error() {
    use std::io::Write;
    for answer in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"R\0\0\0\x08\0\0\0\0Z\xff\xff\xff\xff",
        b"R\0\0\0\x04",
        b"",
        b"D\0\0\0\x07\0\x01x",
    ] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let silent = answer.is_empty();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.write_all(answer);
                if silent {
                    std::mem::forget(stream);
                }
            }
        });
        let began = Instant::now();
        let nonsense = Postgres::at(&format!("postgres://town@{address}/town")).unwrap();
        let refused = Ledgers::open(nonsense.clone()).unwrap_err();
        assert!(matches!(refused, StoreError::Unreachable { .. }), "{refused}");
        assert!(Store::open(nonsense, Retention::default()).is_err());
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn fault_09_while_the_server_is_away_batches_wait_on_disk_and_addresses_in_memory() {
    let server = Arc::new(Server::start(""));
    let database = Database::on(server.clone());
    let spool = tempfile::tempdir().unwrap();
    let store = database.with_spool(spool.path());
    put(&store, Rows::Key(vec![key("a", 60)])).unwrap();
    put(&store, choice(1)).unwrap();
    server.stop_at_once();
    let began = Instant::now();
    put(&store, choice(1)).unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    for _ in 0..20 {
        let began = Instant::now();
        put(&store, choice(1)).unwrap();
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    }
    let host = 0x1122_3344_5566_7788;
    let addresses = deliver(&store, address(host, now()));
    let act = deliver(&store, Rows::Action(action("case")));
    put(&store, traffic(today(), 5)).unwrap();
    let state = store.spool().unwrap();
    assert!(!store.is_healthy() && store.keeps() && state.rows >= 22 && state.bytes > 0, "{state:?}");
    let waits = |ledger| store.pending().into_iter().find(|(one, _)| *one == ledger).unwrap().1;
    assert_eq!((waits(Ledger::Address), waits(Ledger::Action), waits(Ledger::Consent)), (1, 1, 0));
    for file in std::fs::read_dir(spool.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(8).any(|window| window == host.to_le_bytes() || window == host.to_be_bytes()));
    }
    server.resume();
    settled(addresses).unwrap();
    settled(act).unwrap();
    wait_until_drained(&store);
    assert_eq!(database.choices(), 22);
    assert_eq!(database.read().traffic(SITE, always()).unwrap()[0].requests, 5);
    assert_eq!(database.read().buckets_of(SITE, Pseudonym::from_number(host)).unwrap().len(), 1);

    // What a process leaves on disk the next one writes, and its keys died with it.
    server.stop_at_once();
    put(&store, choice(1)).unwrap();
    put(&store, Rows::Key(vec![key("b", 0)])).unwrap();
    store.close();
    server.resume();
    let store = database.with_spool(spool.path());
    assert!(
        database
            .read()
            .keys(SITE)
            .unwrap()
            .iter()
            .all(|key| key.how.as_deref() == Some("lost with the process"))
    );
    wait_until_drained(&store);
    assert_eq!((database.choices(), database.read().keys(SITE).unwrap().len()), (23, 2));
}

fn wait_until_drained(store: &Store) {
    let until = Instant::now() + Duration::from_secs(60);
    while !store.is_healthy() || store.spool().is_some_and(|spool| spool.rows > 0) {
        assert!(Instant::now() < until, "{:?} {:?}", store.spool(), store.pending());
        thread::sleep(Duration::from_millis(20));
    }
}

/// FAULT9. Whatever becomes of the server, and whenever, what was kept counts once.
#[test]
#[ignore = "needs PostgreSQL"]
fn fault_09_stops_and_freezes_at_random_lose_nothing_and_double_nothing() {
    let server = Arc::new(Server::start(""));
    let database = Database::on(server.clone());
    let spool = tempfile::tempdir().unwrap();
    let store = Arc::new(database.with_spool(spool.path()));
    let (stop, writer) = (Arc::new(std::sync::atomic::AtomicBool::new(false)), store.clone());
    let stopped = stop.clone();
    let visitors = thread::spawn(move || {
        let mut kept = 0;
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            let some: Vec<_> = (0..5).map(|_| deliver(&writer, choice(1))).collect();
            kept += some.into_iter().map(|one| i64::from(settled(one).is_ok())).sum::<i64>();
        }
        kept
    });
    let (rounds, mut chance) = (times(6, 60), Chance::new());
    for round in 0..rounds {
        thread::sleep(chance.milliseconds(50..700));
        if round % 2 == 0 {
            server.stop_at_once();
            thread::sleep(chance.milliseconds(0..1_500));
            server.resume();
        } else {
            server.signal("-STOP");
            thread::sleep(chance.milliseconds(0..6_000));
            server.signal("-CONT");
        }
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let kept = visitors.join().unwrap();
    wait_until_drained(&store);
    assert_eq!(database.choices(), kept);
    assert!(kept > 100, "{kept}");
    note(
        "FAULT9",
        "PostgreSQL stopped at once and frozen at random",
        rounds,
        "each choice that was kept counts once",
        &format!("{kept} choices"),
    );
}
