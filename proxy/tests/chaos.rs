//! Faults at random, one after the other, while visitors choose.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::chaos::{Chance, is_full, note};
use common::choices::{MANY_ADDRESSES, Visitors, counted, free_address, is_whole};
use common::{BINARY, Pinfold, configuration, pinfold, signal};
use tempfile::TempDir;

/// How many minutes, and how many seconds lie between two faults, in full.
const MINUTES: &str = "PINFOLD_CHAOS_MINUTES";
const EVERY: &str = "PINFOLD_CHAOS_EVERY";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    Kill,
    FullDisk,
    DeadOrigin,
    BadReload,
    Reload,
}

const FAULTS: [Fault; 5] = [Fault::Kill, Fault::FullDisk, Fault::DeadOrigin, Fault::BadReload, Fault::Reload];

/// FAULT22, with what there is of FAULT1, FAULT3, FAULT11, FAULT12 and FAULT15.
#[test]
fn fault_22_whatever_happens_each_choice_that_was_answered_counts_once() {
    let number = |name, default| std::env::var(name).map_or(default, |number| number.parse().unwrap());
    let (length, every) = match is_full() {
        true => (Duration::from_secs(60 * number(MINUTES, 60)), Duration::from_secs(number(EVERY, 20))),
        false => (Duration::from_secs(12), Duration::from_secs(1)),
    };
    let (site, origin) = (free_address(), FickleOrigin::start());
    let sound = configuration(origin.address, MANY_ADDRESSES).replacen("127.0.0.1:0", &site.to_string(), 1);
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("pinfold.toml"), &sound).unwrap();
    let mut server = start(directory);
    // Some two hundred choices a second.
    let visitors = Visitors::choose(site, 8, Duration::from_millis(35));
    let (began, mut chance, mut injected) = (Instant::now(), Chance::new(), BTreeMap::<Fault, usize>::new());
    let mut slowest = Duration::ZERO;
    while began.elapsed() < length {
        thread::sleep(every);
        // Each has its turn first.
        let turn = injected.values().sum::<usize>();
        let fault = FAULTS[if turn < FAULTS.len() { turn } else { chance.below(FAULTS.len()) }];
        *injected.entry(fault).or_default() += 1;
        server = inject(fault, server, &origin, &sound);
        let mended = Instant::now();
        server.wait_until("pages are served, and counts written", |server| {
            server.get("/", &[]).status == 200 && server.metric("pinfold_store_healthy") == 1.0
        });
        slowest = slowest.max(mended.elapsed());
    }
    let told = visitors.leave();
    server.wait_until("everything is written", |server| {
        server.metric("pinfold_audit_pending{ledger=\"consent\"}") == 0.0
    });
    let (directory, _) = server.stop();
    let file = directory.path().join("pinfold.db");
    assert!(is_whole(&file));
    told.assert_counted(counted(&file));
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    note(
        "FAULT22",
        &format!("{injected:?} in {} s", began.elapsed().as_secs()),
        injected.values().sum(),
        "every choice answered in time counts, none counts twice",
        &format!(
            "{} choices counted, {told:?}; pages and counts again after at most {slowest:?}",
            counted(&file)
        ),
    );
}

fn start(directory: TempDir) -> Pinfold {
    let mut command = Command::new("env");
    command
        .args(["--ignore-signal=XFSZ", BINARY, "run", "--config", "pinfold.toml"])
        .current_dir(directory.path());
    Pinfold::spawn(command, directory)
}

fn inject(fault: Fault, server: Pinfold, origin: &FickleOrigin, sound: &str) -> Pinfold {
    let write = |text: &str| fs::write(server.path().join("pinfold.toml"), text).unwrap();
    match fault {
        Fault::Kill => {
            let (directory, _) = server.kill("KILL");
            return start(directory);
        }
        Fault::FullDisk => {
            limit_files(server.pid(), "1");
            thread::sleep(Duration::from_millis(1_500));
            assert_eq!(server.get("/", &[]).status, 200);
            limit_files(server.pid(), "unlimited");
        }
        Fault::DeadOrigin => {
            origin.is_dead.store(true, Ordering::Relaxed);
            assert_eq!(server.get("/", &[]).status, 502);
            thread::sleep(Duration::from_millis(500));
            origin.is_dead.store(false, Ordering::Relaxed);
        }
        Fault::BadReload => {
            write("version = 1\n[sight]\n");
            assert_eq!(pinfold(&["reload"], server.path()).status.code(), Some(2));
            write(sound);
        }
        Fault::Reload => {
            write(&sound.replace("title = \"Marketing\"", "title = \"Campaigns\""));
            signal(server.pid(), "HUP");
            thread::sleep(Duration::from_millis(300));
            write(sound);
            assert!(pinfold(&["reload"], server.path()).status.success());
        }
    }
    server
}

fn limit_files(pid: u32, size: &str) {
    let limit = format!("--fsize={size}:unlimited");
    assert!(Command::new("prlimit").args(["--pid", &pid.to_string(), &limit]).status().unwrap().success());
}

/// A site that hangs up while it is dead.
struct FickleOrigin {
    address: SocketAddr,
    is_dead: Arc<AtomicBool>,
}

impl FickleOrigin {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, is_dead) = (listener.local_addr().unwrap(), Arc::<AtomicBool>::default());
        let dead = is_dead.clone();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                if dead.load(Ordering::Relaxed) {
                    continue;
                }
                let _ = stream.read(&mut [0; 64 * 1024]);
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello");
            }
        });
        Self { address, is_dead }
    }
}
