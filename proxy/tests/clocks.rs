//! Clocks that step, and days that are not like others, by libfaketime. Only the wall clock is faked.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use common::chaos::{note, times};
use common::clock::{self, Steps};
use common::{Origin, Pinfold, configuration, node};
use rusqlite::Connection;

/// A server by a clock of its own. `more` is said to libfaketime.
fn start(text: &str, more: &[(&str, &str)]) -> Pinfold {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("pinfold.toml"), text).unwrap();
    let mut command = node::command(&directory);
    clock::fake(&mut command);
    command.envs(more.iter().copied());
    Pinfold::spawn(command, directory)
}

fn number(store: &Connection, query: &str) -> i64 {
    store.query_row(query, [], |row| row.get(0)).unwrap()
}

/// FAULT8. By UTC, and whether a civil day in London ends three seconds later.
#[test]
#[ignore = "needs faketime: scripts/check installs it and runs this"]
fn fault_08_one_key_a_civil_day_and_every_request_counted() {
    let moments = [
        ("2026-03-28 23:59:57", true),
        ("2026-03-29 00:59:57", false),
        ("2026-03-29 22:59:57", true),
        ("2026-10-24 22:59:57", true),
        ("2026-10-25 00:59:57", false),
        ("2026-10-25 23:59:57", true),
        ("2028-02-28 23:59:57", true),
        ("2028-02-29 23:59:57", true),
        ("2026-12-31 23:59:57", true),
    ];
    let origin = Origin::hello();
    let text = configuration(origin.address, "");
    thread::scope(|scope| {
        for (moment, ends) in moments {
            let text = &text;
            scope.spawn(move || {
                let pinfold = start(text, &[("FAKETIME", &format!("@{moment}"))]);
                let (began, mut sent) = (Instant::now(), 0);
                while began.elapsed() < Duration::from_secs(6) {
                    assert_eq!(pinfold.get("/", &[]).status, 200);
                    sent += 1;
                    thread::sleep(Duration::from_millis(50));
                }
                assert_eq!(pinfold.metric("pinfold_panics_total"), 0.0);
                let (directory, _) = pinfold.stop();
                let store = Connection::open(directory.path().join("pinfold.db")).unwrap();
                let days = 1 + i64::from(ends);
                assert_eq!(number(&store, "SELECT count(DISTINCT epoch) FROM key"), days, "{moment}");
                assert_eq!(number(&store, "SELECT count(DISTINCT day) FROM traffic"), days, "{moment}");
                assert_eq!(number(&store, "SELECT sum(requests) FROM traffic"), sent, "{moment}");
            });
        }
    });
    note(
        "FAULT8",
        "midnights and changes of the clock (faketime)",
        moments.len(),
        "one key a civil day, requests before and after all counted",
        "0 lost",
    );
}

/// FAULT7. The clock steps to and fro, and limits are what they were.
#[test]
#[ignore = "needs faketime: scripts/check installs it and runs this"]
fn fault_07_a_clock_that_steps_moves_no_limit_and_brings_no_key_back() {
    // Takes connections and says nothing.
    let origin = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = origin.local_addr().unwrap();
    thread::spawn(move || origin.incoming().collect::<Vec<_>>());
    let steps = Steps::new();
    let file = steps.file();
    let pinfold = start(
        &configuration(address, "timeout = \"2 s\""),
        &[("FAKETIME_TIMESTAMP_FILE", file.to_str().unwrap()), ("FAKETIME_NO_CACHE", "1")],
    );
    let mut slowest = Duration::ZERO;
    let rounds = times(1, 10);
    for _ in 0..rounds {
        for by in ["+365d", "-1h", "+0", "-1", "+0", "+1"] {
            steps.step(by);
            let began = Instant::now();
            assert_eq!(pinfold.get("/", &[]).status, 504);
            let took = began.elapsed();
            assert!(took.abs_diff(Duration::from_secs(2)) < Duration::from_millis(400), "{by}: {took:?}");
            slowest = slowest.max(took);
        }
    }
    assert_eq!(pinfold.metric("pinfold_panics_total"), 0.0);
    let (directory, _) = pinfold.stop();
    let store = Connection::open(directory.path().join("pinfold.db")).unwrap();
    // One for the day of the start and one for that a year on; back there again is no third.
    assert_eq!(number(&store, "SELECT count(*) FROM key"), 2);
    assert_eq!(number(&store, "SELECT count(*) FROM key WHERE destroyed IS NULL"), 0);
    note(
        "FAULT7",
        "the clock a year on, an hour back, a second to and fro (faketime)",
        6 * rounds,
        "no panic, no key comes back, timeouts unmoved",
        &format!("504 after at most {slowest:?} where 2 s are allowed"),
    );
}
