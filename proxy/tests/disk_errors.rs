//! Errors of a disk, put in by strace one at a time: nothing is settled that is not there, and nothing is written twice.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and a child tells its parent"
)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use common::chaos::{note, times};
use common::choices::{counted, is_whole};
use common::signal;
use pinfold::audit::{Batch, ConsentRow, Rows, Sink};
use pinfold::consent::ConsentEvent;
use pinfold::time::CivilDate;
use pinfold_store::{Retention, Store};

/// Tells a child which file to write to.
const STORE: &str = "PINFOLD_TEST_STORE";

/// How many choices a child writes, each in a commit of its own.
const CHOICES: u64 = 25;

/// What a child says of each, and once all are.
const SETTLED: &str = "one is settled";
const DONE: &str = "all are settled";

/// FAULT4. What a child had settled by its end is in the file, whichever call failed, and not more than it was given.
#[test]
#[ignore = "needs strace"]
fn fault_04_an_error_of_the_disk_settles_nothing_that_is_not_there() {
    let most = times(6, 200);
    let (mut injected, mut reopened, mut refused) = (0, 0, 0);
    for error in ["EIO", "ENOSPC"] {
        for (index, when) in (1..=most).enumerate() {
            // A few of the many are spread over all of them.
            let when = if most < 200 { 3 + 20 * index } else { when };
            match write_with(error, when) {
                Outcome::Refused => refused += 1,
                Outcome::Wrote { errors, reopens } => {
                    injected += errors;
                    reopened += reopens;
                }
            }
        }
    }
    assert!(injected > 0 && reopened > 0, "{injected} errors, {reopened} reopened");
    note(
        "FAULT4",
        "EIO or ENOSPC on the Nth write or sync (strace)",
        2 * most,
        "nothing settled falsely, nothing twice, a failed connection never used again",
        &format!(
            "{injected} calls failed while running, {reopened} times the file was reopened; {refused} starts refused"
        ),
    );
}

enum Outcome {
    /// The start met the error, and said so.
    Refused,
    Wrote {
        errors: usize,
        reopens: usize,
    },
}

fn write_with(error: &str, when: usize) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    let (store, calls) = (directory.path().join("pinfold.db"), directory.path().join("calls"));
    let mut child = Command::new("strace")
        // The tracer stands aside, so that the child is ours.
        .args(["-D", "-f", "-qq", "-e", "signal=none", "-e", "trace=fsync,fdatasync,pwrite64,openat"])
        .args(["-e", &format!("inject=fsync,fdatasync,pwrite64:error={error}:when={when}"), "-o"])
        .arg(&calls)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "a_child_that_writes", "--ignored", "--nocapture", "--test-threads=1"])
        .env(STORE, &store)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let (mut settled, mut done) = (0, false);
    for line in said.by_ref() {
        settled += u64::from(line.ends_with(SETTLED));
        done = line == DONE;
        if done {
            break;
        }
    }
    // It has no chance to mend anything at its end.
    if done {
        signal(child.id(), "KILL");
    }
    child.wait().unwrap();
    let calls = fs::read_to_string(calls).unwrap();
    if !done {
        assert_eq!(settled, 0, "{error} at {when}: it stopped half-way");
        assert!(calls.contains("(INJECTED)"), "{calls}");
        return Outcome::Refused;
    }
    assert_eq!(settled, CHOICES);
    assert!(is_whole(&store), "{error} at {when}");
    assert_eq!(counted(&store), CHOICES, "{error} at {when}");
    Outcome::Wrote { errors: calls.matches("(INJECTED)").count(), reopens: reopens(&calls, &store) }
}

/// How many failed calls of the running writer were followed by the file being opened again; each must be. The sync of a directory is none of
/// them: SQLite does without it, and what is settled has left the log.
fn reopens(calls: &str, store: &Path) -> usize {
    let thread = |line: &str| line.split(' ').next().unwrap().to_owned();
    let writer = thread(calls.lines().rfind(|line| line.contains("sync(")).unwrap());
    let lines: Vec<&str> = calls.lines().filter(|line| thread(line) == writer).collect();
    let opens = |line: &str, path: &Path| line.contains(&format!("openat(AT_FDCWD, \"{}\"", path.display()));
    let mut reopened = 0;
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("(INJECTED)")) {
        if at > 0 && opens(lines[at - 1], store.parent().unwrap()) {
            continue;
        }
        let again = lines[at + 1..].iter().any(|line| opens(line, store));
        assert!(again, "the file was not opened again after {line}\n{calls}");
        reopened += 1;
    }
    reopened
}

#[test]
#[ignore = "the child of another test"]
fn a_child_that_writes() {
    let Some(file) = std::env::var_os(STORE) else { return };
    let store = Store::open(Path::new(&file), Retention::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for _ in 0..CHOICES {
        let row = ConsentRow {
            day: CivilDate::from_days(20_000),
            policy: "00c0ffee".to_owned(),
            event: ConsentEvent::Accepted,
            purpose: "marketing".to_owned(),
            events: 1,
        };
        let batch = Batch { site: Arc::from("www.town.example"), rows: Rows::Consent(vec![row]) };
        runtime.block_on(store.sink().deliver(batch)).unwrap();
        println!("{SETTLED}");
    }
    println!("{DONE}");
    // Until it is killed.
    std::thread::sleep(std::time::Duration::from_secs(60));
}
