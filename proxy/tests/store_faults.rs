//! No page waits on the store: whatever happens to it, pages are served and what is lost is counted.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use common::chaos::note;
use common::{BINARY, Origin, Pinfold, configuration};
use rusqlite::Connection;

const FORM: [(&str, &str); 2] =
    [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];

/// FAULT3. A limit on the size of files stands for a disk that is full: writing fails in the same way.
#[test]
fn fault_03_with_a_full_disk_pages_are_served_choices_honoured_and_nothing_is_lost_once_there_is_room() {
    let origin = Origin::hello();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("pinfold.toml"), configuration(origin.address, "")).unwrap();
    let mut command = Command::new("env");
    command
        .args(["--ignore-signal=XFSZ", BINARY, "run", "--config", "pinfold.toml"])
        .current_dir(directory.path());
    let pinfold = Pinfold::spawn(command, directory);
    pinfold.wait_until("the start is written", |pinfold| {
        pinfold.metric("pinfold_audit_pending{ledger=\"policy\"}") == 0.0
    });

    limit_files(pinfold.pid(), "1");
    for _ in 0..50 {
        let started = Instant::now();
        assert_eq!(pinfold.get("/", &[]).status, 200);
        assert!(started.elapsed() < Duration::from_secs(1));
    }
    let started = Instant::now();
    let chosen = pinfold.send("POST", "/cookies", &FORM, "cookies[all]=yes");
    assert_eq!(chosen.status, 303);
    assert!(chosen.values("set-cookie")[0].starts_with("__Host-pinfold-consent="));
    assert!(started.elapsed() < Duration::from_secs(1), "a choice waits a tenth of a second");
    pinfold.wait_until("it is shown", |pinfold| {
        pinfold.metric("pinfold_store_healthy") == 0.0
            && pinfold.metric("pinfold_audit_pending{ledger=\"consent\"}") == 2.0
            && pinfold.admin("/readyz").body.contains("\"store_writable\":false")
    });
    assert_eq!(pinfold.get("/", &[]).status, 200);

    limit_files(pinfold.pid(), "unlimited");
    let freed = Instant::now();
    pinfold.wait_until("it recovers", |pinfold| {
        pinfold.metric("pinfold_audit_pending{ledger=\"consent\"}") == 0.0
    });
    let recovered = freed.elapsed();
    assert!(recovered < Duration::from_secs(5), "{recovered:?}");
    let (directory, _) = pinfold.stop();
    let report = Pinfold::report(directory.path());
    assert_eq!(report["traffic"]["requests"], 52);
    assert!(
        report["consent"]
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["event"] == "accepted" && row["events"] == 1)
    );
    note(
        "FAULT3",
        "a full disk (a limit on the size of files)",
        1,
        "every page served, the choice honoured, its count pending and then written",
        &format!("written {recovered:?} after there was room"),
    );
}

fn limit_files(pid: u32, size: &str) {
    let limit = format!("--fsize={size}:unlimited");
    assert!(Command::new("prlimit").args(["--pid", &pid.to_string(), &limit]).status().unwrap().success());
}

/// FAULT5, and a stop while the writer cannot get on: what it could not write is counted as lost.
#[test]
fn fault_05_with_a_writer_that_stands_still_pages_are_served_and_the_loss_is_said() {
    let origin = Origin::hello();
    let pinfold = Pinfold::in_front_of(&origin);
    pinfold.wait_until("the start is written", |pinfold| {
        pinfold.metric("pinfold_audit_pending{ledger=\"policy\"}") == 0.0
    });
    let holder = Connection::open(pinfold.path().join("pinfold.db")).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut slowest = Duration::ZERO;
    for _ in 0..200 {
        let started = Instant::now();
        assert_eq!(pinfold.get("/", &[]).body, "hello");
        slowest = slowest.max(started.elapsed());
    }
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    assert_eq!(pinfold.send("POST", "/cookies", &FORM, "cookies[all]=no").status, 303);
    pinfold.wait_until("counts wait", |pinfold| {
        pinfold.metric("pinfold_audit_pending{ledger=\"traffic\"}") > 0.0
    });
    let (_directory, log) = pinfold.stop();
    assert!(log.contains("rows of a ledger were lost") && log.contains("ledger=\"traffic\""), "{log}");
}

/// What can never be written is lost, and `/metrics` says so.
#[test]
fn a_loss_is_counted_in_the_metrics_and_the_choice_is_honoured() {
    let origin = Origin::hello();
    let pinfold = Pinfold::in_front_of(&origin);
    pinfold.wait_until("the start is written", |pinfold| {
        pinfold.metric("pinfold_audit_pending{ledger=\"policy\"}") == 0.0
    });
    // Somebody has put a table there that takes no choices.
    let other = Connection::open(pinfold.path().join("pinfold.db")).unwrap();
    other
        .execute_batch(
            "DROP TABLE consent;
             CREATE TABLE consent (site, day, policy, event, purpose, events CHECK (events < 0),
                 PRIMARY KEY (site, day, policy, event, purpose))",
        )
        .unwrap();
    drop(other);
    let chosen = pinfold.send("POST", "/cookies", &FORM, "cookies[all]=yes");
    assert_eq!(chosen.status, 303);
    assert!(chosen.values("set-cookie")[0].starts_with("__Host-pinfold-consent="));
    pinfold.wait_until("it is counted", |pinfold| {
        pinfold.metric("pinfold_audit_lost_total{ledger=\"consent\"}") == 2.0
    });
    assert_eq!(pinfold.get("/", &[]).status, 200);
    pinfold.wait_until("other ledgers go on", |pinfold| {
        pinfold.metric("pinfold_audit_pending{ledger=\"traffic\"}") == 0.0
    });
}

/// FAULT6 while it runs: what was removed is not written to, and what is put back in its place is.
#[test]
fn fault_06_a_store_that_is_removed_is_said_to_be_and_one_that_is_put_back_is_used() {
    let origin = Origin::start(|_| common::page("<html><body>hello</body></html>"));
    let pinfold = Pinfold::in_front_of(&origin);
    assert_eq!(pinfold.send("POST", "/cookies", &FORM, "cookies[all]=yes").status, 303);
    let away = pinfold.path().join("away");
    fs::create_dir(&away).unwrap();
    let move_all = |from: &std::path::Path, to: &std::path::Path| {
        for name in ["pinfold.db", "pinfold.db-wal", "pinfold.db-shm"] {
            let _ = fs::rename(from.join(name), to.join(name));
        }
    };
    move_all(pinfold.path(), &away);
    assert_eq!(pinfold.send("POST", "/cookies", &FORM, "cookies[all]=yes").status, 303);
    let page = pinfold.get("/", &[("accept", "text/html"), ("sec-fetch-dest", "document")]);
    assert!(page.status == 200 && page.body.contains("cookies[all]"), "the banner stays: {page:?}");
    pinfold.wait_until("it is said", |pinfold| {
        pinfold.metric("pinfold_store_healthy") == 0.0
            && pinfold.metric("pinfold_audit_pending{ledger=\"consent\"}") == 2.0
    });
    assert!(!pinfold.path().join("pinfold.db").exists(), "an empty one would hide it");
    move_all(&away, pinfold.path());
    pinfold.wait_until("it goes on", |pinfold| pinfold.metric("pinfold_store_healthy") == 1.0);
    let (directory, log) = pinfold.stop();
    assert!(log.contains("the store takes no writes") && log.contains("pinfold.db is not there"), "{log}");
    assert_eq!(common::choices::counted(directory.path().join("pinfold.db")), 2);
}
