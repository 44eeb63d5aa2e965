//! Where memory comes to its end, requests are turned away before the process is.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use common::chaos::{note, times};
use common::{Pinfold, configuration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How many at once are twice what would fit.
const CLIENTS: usize = 3_000;

/// FAULT14. Clients with large heads, for a site that does not answer.
#[test]
fn fault_14_with_a_memory_limit_requests_are_shed_and_nothing_aborts() {
    // Takes connections, and lets them wait.
    let origin = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = origin.local_addr().unwrap();
    thread::spawn(move || origin.incoming().collect::<Vec<_>>());
    let rounds = times(1, 5);
    let pinfold = Pinfold::configured(&configuration(address, "timeout = \"3 s\""));
    let site = pinfold.site;
    let space = status(pinfold.pid(), "VmSize");
    let limit = space + (256 << 20);
    let argument = format!("--as={limit}:{limit}");
    assert!(
        Command::new("prlimit")
            .args(["--pid", &pinfold.pid().to_string(), &argument])
            .status()
            .unwrap()
            .success()
    );
    // Limits are read once a second.
    thread::sleep(Duration::from_millis(1_500));
    let mut answers = BTreeMap::<u16, usize>::new();
    for _ in 0..rounds {
        for status in be_many(site, CLIENTS) {
            *answers.entry(status).or_default() += 1;
        }
        // Whoever comes then is served: an origin that does not answer is 504.
        let began = Instant::now();
        assert_eq!(pinfold.get("/", &[]).status, 504);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
    // What the allocator keeps of it is there for the next: nobody is turned away of two hundred.
    let next = be_many(site, 200);
    assert_eq!(next, [504; 200]);
    let peak = status(pinfold.pid(), "VmPeak");
    let shed = pinfold.metric("pinfold_shed_total");
    let answered = answers.get(&503).copied().unwrap_or_default();
    assert!(shed > 0.0 && answered > 0, "{answers:?}, {shed} shed");
    pinfold.wait_until("it is said", |pinfold| pinfold.log().contains("memory is short"));
    note(
        "FAULT14",
        "3,000 clients with large heads where memory is limited (prlimit --as)",
        rounds,
        "sheds with 503, does not abort, serves again after",
        &format!("{answered} answers with 503, {shed} shed; peak {} % of the limit", 100 * peak / limit),
    );
}

/// What each was answered; 0 where the connection was closed.
fn be_many(site: SocketAddr, count: usize) -> Vec<u16> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let clients: Vec<_> = (0..count).map(|_| tokio::spawn(be_hungry(site))).collect();
        let mut answers = Vec::new();
        for client in clients {
            answers.push(client.await.unwrap());
        }
        answers
    })
}

async fn be_hungry(site: SocketAddr) -> u16 {
    let Ok(mut stream) = tokio::net::TcpStream::connect(site).await else { return 0 };
    let head = format!(
        "POST / HTTP/1.1\r\nhost: www.town.example\r\ncontent-length: 1\r\nx: {}\r\n\r\nx",
        "x".repeat(60_000)
    );
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_exact(&mut answer));
    match read.await {
        Ok(Ok(_)) => std::str::from_utf8(&answer[9..]).unwrap().parse().unwrap(),
        _ => 0,
    }
}

/// A figure of a process, in bytes.
fn status(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}
