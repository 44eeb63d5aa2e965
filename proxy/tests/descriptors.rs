//! Where the system has no descriptor left, accepting rests, and goes on without a hand.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use common::chaos::{note, times};
use common::choices::counted;
use common::{Answer, Origin, Pinfold};

const CLIENTS: usize = 500;
const FORM: [(&str, &str); 2] =
    [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
const TELLS: &str = "no connection can be accepted";

/// FAULT13. Five hundred clients where there are eighty descriptors.
#[test]
fn fault_13_without_descriptors_accepting_rests_and_the_store_is_written() {
    // More choices of one address would not be counted.
    let rounds = times(1, 4);
    let pinfold = Pinfold::in_front_of(&Origin::hello());
    // The way to the origin is there before it is needed.
    assert_eq!(pinfold.get("/", &[]).status, 200);
    limit_descriptors(pinfold.pid(), "80");
    let mut most_busy: f64 = 0.0;
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds {
        let mut first = TcpStream::connect(pinfold.site).unwrap();
        choose(&mut first);
        let clients: Vec<_> = (1..CLIENTS).map(|_| TcpStream::connect(pinfold.site).unwrap()).collect();
        wait_until_open(&pinfold, |open| open >= 79);
        // Whoever has come in is served, and its choice is counted.
        choose(&mut first);
        let (before, began) = (busy(pinfold.pid()), Instant::now());
        // Long enough for the origin to be asked how it is.
        thread::sleep(Duration::from_secs(7));
        let spent = busy(pinfold.pid()) - before;
        most_busy = most_busy.max(spent.as_secs_f64() / began.elapsed().as_secs_f64());
        drop((first, clients));
        let released = Instant::now();
        assert_eq!(pinfold.get("/", &[]).status, 200);
        slowest = slowest.max(released.elapsed());
        wait_until_open(&pinfold, |open| open < 40);
    }
    assert!(most_busy < 0.2, "it spins: {most_busy}");
    assert!(slowest < Duration::from_secs(1), "serving after {slowest:?}");
    assert_eq!(pinfold.send("POST", "/cookies", &FORM, "cookies[all]=yes").status, 303);
    assert!(pinfold.metric("pinfold_accept_errors_total") > 0.0);
    let (directory, log) = pinfold.stop();
    assert_eq!(counted(directory.path().join("pinfold.db")), 2 * rounds as u64 + 1);
    assert!(!log.contains("is not well"), "the origin has nothing to do with it: {log}");
    let told = log.matches(TELLS).count();
    let workers = thread::available_parallelism().unwrap().get();
    assert!((1..=workers).contains(&told), "told {told} times");
    note(
        "FAULT13",
        "500 clients where 80 descriptors are open at most (prlimit)",
        rounds,
        "choices are counted meanwhile, and connections accepted after",
        &format!("{:.1} % of a core while full; serving {slowest:?} after the release", 100.0 * most_busy),
    );
}

fn limit_descriptors(pid: u32, most: &str) {
    let limit = format!("--nofile={most}:{most}");
    assert!(Command::new("prlimit").args(["--pid", &pid.to_string(), &limit]).status().unwrap().success());
}

fn wait_until_open(pinfold: &Pinfold, enough: impl Fn(usize) -> bool) {
    let began = Instant::now();
    let open = || fs::read_dir(format!("/proc/{}/fd", pinfold.pid())).unwrap().count();
    while !enough(open()) {
        assert!(began.elapsed() < Duration::from_secs(5), "{} are open", open());
        thread::sleep(Duration::from_millis(10));
    }
}

fn choose(client: &mut TcpStream) {
    let request = "POST /cookies HTTP/1.1\r\nhost: www.town.example\r\nsec-fetch-site: same-origin\r\n\
        content-type: application/x-www-form-urlencoded\r\ncontent-length: 16\r\n\r\ncookies[all]=yes";
    client.write_all(request.as_bytes()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut answer = [0; 4096];
    let length = client.read(&mut answer).unwrap();
    assert_eq!(Answer::read(&answer[..length]).status, 303);
}

/// How long a process has been at work.
fn busy(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: u64 = [11, 12].map(|field| fields[field].parse::<u64>().unwrap()).iter().sum();
    // A hundred a second, on every system that Linux runs on.
    Duration::from_millis(10 * ticks)
}
