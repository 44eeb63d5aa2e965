//! An older store is of the older or the newer version whenever the server is killed, and a backup is one whatever goes on.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::chaos::{Chance, note, times};
use common::choices::{MANY_ADDRESSES, Visitors, counted, is_whole};
use common::{BINARY, Origin, Pinfold, configuration, pinfold, signal};
use pinfold_store::{Retention, Store};
use rusqlite::Connection;

const OLD: i64 = 4;

/// A store of version 4, with hours of two years in it.
fn make_old(file: &Path, newest: &mut i64) -> i64 {
    Store::open(file, Retention::default()).unwrap().close();
    let store = Connection::open(file).unwrap();
    *newest = version(&store);
    store
        .execute_batch(
            "BEGIN;
             ALTER TABLE cookie DROP COLUMN distinct_values;
             ALTER TABLE cookie DROP COLUMN identifies;
             DROP TABLE traffic;
             CREATE TABLE traffic (
                 site TEXT NOT NULL, hour INTEGER NOT NULL, method TEXT NOT NULL, status INTEGER NOT NULL,
                 requests INTEGER NOT NULL, page_views INTEGER NOT NULL,
                 PRIMARY KEY (site, hour, method, status)
             ) STRICT, WITHOUT ROWID;
             WITH RECURSIVE hours(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM hours WHERE n < 12000)
             INSERT INTO traffic
                 SELECT 'www.town.example', (unixepoch() / 3600 - n) * 3600, method.value, status.value, n, 1
                 FROM hours, json_each('[\"GET\",\"POST\",\"other\"]') AS method, json_each('[2,3,4,5]') AS status;
             PRAGMA user_version = 4;
             COMMIT;",
        )
        .unwrap();
    sum(&store)
}

fn version(store: &Connection) -> i64 {
    store.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

fn sum(store: &Connection) -> i64 {
    store.query_row("SELECT sum(requests) FROM traffic", [], |row| row.get(0)).unwrap()
}

fn has_column(store: &Connection, table: &str, column: &str) -> bool {
    let query = "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2";
    store.query_row(query, [table, column], |row| row.get::<_, i64>(0)).unwrap() == 1
}

#[test]
fn fault_20_a_kill_leaves_the_old_schema_or_the_new_one() {
    let rounds = times(8, 50);
    let origin = Origin::hello();
    let (directory, mut newest) = (tempfile::tempdir().unwrap(), 0);
    let old = directory.path().join("old.db");
    let expected = make_old(&old, &mut newest);
    fs::write(directory.path().join("pinfold.toml"), configuration(origin.address, "")).unwrap();
    let file = directory.path().join("pinfold.db");
    // How long it takes, so that the kills fall into it.
    let took = migrate_until(directory.path(), &old, None);
    let (mut chance, mut left) = (Chance::new(), [0, 0]);
    for _ in 0..rounds {
        let longest = u64::try_from(took.as_millis()).unwrap() + 20;
        migrate_until(directory.path(), &old, Some(chance.milliseconds(0..longest)));
        assert!(is_whole(&file));
        let store = Connection::open(&file).unwrap();
        let is_new = version(&store) == newest;
        assert!(is_new || version(&store) == OLD, "version {}", version(&store));
        for (table, column, expected) in
            [("traffic", "hour", !is_new), ("traffic", "day", is_new), ("cookie", "distinct_values", is_new)]
        {
            assert_eq!(has_column(&store, table, column), expected, "{table}.{column}");
        }
        assert_eq!(sum(&store), expected);
        left[usize::from(is_new)] += 1;
    }
    note(
        "FAULT20",
        "kill -9 while an older store is brought to the newest schema",
        rounds,
        "the old schema or the new one, every count there",
        &format!("{} old, {} new; unkilled it takes {took:?}", left[0], left[1]),
    );
}

/// Starts a server on a copy of an older store, and kills it; how long it was let live, or took to serve.
fn migrate_until(directory: &Path, old: &Path, kill: Option<Duration>) -> Duration {
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(directory.join(format!("pinfold.db{suffix}")));
    }
    fs::copy(old, directory.join("pinfold.db")).unwrap();
    let log = fs::File::create(directory.join("log")).unwrap();
    let mut command = Command::new(BINARY);
    command
        .args(["run", "--config", "pinfold.toml"])
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(log);
    let began = Instant::now();
    let mut child = command.spawn().unwrap();
    match kill {
        Some(after) => thread::sleep(after),
        None => {
            while !fs::read_to_string(directory.join("log")).unwrap().contains(" ready ") {
                assert!(began.elapsed() < Duration::from_secs(20));
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
    let took = began.elapsed();
    signal(child.id(), "KILL");
    child.wait().unwrap();
    took
}

#[test]
fn fault_20_a_backup_under_load_has_every_choice_that_was_answered_before() {
    let rounds = times(3, 30);
    let origin = Origin::hello();
    let server = Pinfold::configured(&configuration(origin.address, MANY_ADDRESSES));
    let visitors = Visitors::choose(server.site, 4, Duration::from_millis(10));
    for round in 0..rounds {
        thread::sleep(Duration::from_millis(300));
        let answered = visitors.told().answered();
        let backup = server.path().join(format!("backup-{round}.db"));
        let said = pinfold(&["db", "backup", backup.to_str().unwrap()], server.path());
        assert!(said.status.success(), "{said:?}");
        assert!(is_whole(&backup));
        Store::open(&backup, Retention::default()).unwrap().close();
        let kept = counted(&backup);
        assert!(kept >= answered, "{kept} of {answered}");
    }
    let told = visitors.leave();
    let (directory, _) = server.stop();
    told.assert_counted(counted(directory.path().join("pinfold.db")));
    note(
        "FAULT20",
        "pinfold db backup under load",
        rounds,
        "integrity ok, every choice answered before its start is in it",
        &format!("{} choices answered meanwhile", told.answered()),
    );
}
