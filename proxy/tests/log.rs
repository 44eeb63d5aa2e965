//! What is logged, and that nobody waits for it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::chaos::{note, times};
use common::{Answer, BINARY, Origin, Pinfold, configuration, fronted, raw, signal};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

/// Whatever is logged of requests is logged.
const TALKATIVE: (&str, &str) = ("PINFOLD_LOG", "trace");

/// Nothing is put into what is no page.
fn site() -> Origin {
    Origin::start(|_| Response::builder().header("content-type", "text/plain").body("hello".into()).unwrap())
}

/// A server whose log nobody reads once it is ready.
struct Unread {
    child: Ended,
    stderr: BufReader<ChildStderr>,
    site: SocketAddr,
    admin: SocketAddr,
    _directory: tempfile::TempDir,
}

impl Unread {
    fn start(origin: &Origin) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("pinfold.toml"), configuration(origin.address, "")).unwrap();
        let mut child = Command::new(BINARY)
            .args(["run", "--config", "pinfold.toml"])
            .current_dir(directory.path())
            .env(TALKATIVE.0, TALKATIVE.1)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Small, so that the pipe is full after it.
        let mut stderr = BufReader::with_capacity(256, child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains(" ready ") {
            line.clear();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "it did not start");
        }
        let (site, admin) = (address(&line, "site="), address(&line, "admin="));
        Self { child: Ended(child), stderr, site, admin, _directory: directory }
    }

    fn dropped(&self) -> f64 {
        dropped(self.admin)
    }
}

fn dropped(admin: SocketAddr) -> f64 {
    let text = raw(admin, b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let text = Answer::read(&text).body;
    let line = text.lines().find_map(|line| line.strip_prefix("pinfold_log_dropped_total "));
    line.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
}

/// The slowest of so many requests over HTTP/2, because nothing else is logged in so many lines.
fn slowest(site: SocketAddr, requests: usize) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = TokioIo::new(TcpStream::connect(site).await.unwrap());
        let (mut client, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        let mut slowest = Duration::ZERO;
        for _ in 0..requests {
            let began = Instant::now();
            let request = Request::get("http://www.town.example/").body(Empty::<Bytes>::new()).unwrap();
            let answer = async { client.send_request(request).await.unwrap().into_body().collect().await };
            let answer =
                tokio::time::timeout(Duration::from_secs(10), answer).await.expect("an answer in time");
            assert_eq!(answer.unwrap().to_bytes(), "hello");
            slowest = slowest.max(began.elapsed());
        }
        slowest
    })
}

#[test]
fn fault_21_a_log_that_nobody_reads_holds_up_no_request_and_what_is_dropped_is_counted() {
    let mut server = Unread::start(&site());
    let requests = times(1_000, 40_000);
    let slowest = slowest(server.site, requests);
    let dropped = server.dropped();
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    assert!(dropped > 0.0, "the log is not full");
    signal(server.child.0.id(), "TERM");
    let began = Instant::now();
    // Not even a stop waits for long.
    while server.child.0.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut rest = String::new();
    server.stderr.read_to_string(&mut rest).unwrap();
    assert!(!rest.contains("\u{1b}"), "colours are for terminals");
    note(
        "FAULT21",
        "a log that nobody reads",
        requests,
        "no request waits, what is dropped is counted, a stop is a stop",
        &format!("slowest answer {slowest:?}; {dropped} lines dropped"),
    );
}

/// A limit on the size of files stands for the full disk: writing fails in the same way.
#[test]
fn fault_21_a_log_on_a_full_disk_is_counted_and_nothing_else_suffers() {
    let origin = site();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("pinfold.toml"), configuration(origin.address, "")).unwrap();
    let log = directory.path().join("log");
    let child = Command::new("env")
        .args(["--ignore-signal=XFSZ", BINARY, "run", "--config", "pinfold.toml"])
        .current_dir(directory.path())
        .env(TALKATIVE.0, TALKATIVE.1)
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut server = Ended(child);
    let began = Instant::now();
    let text = loop {
        let text = fs::read_to_string(&log).unwrap();
        if text.contains(" ready ") {
            break text;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{text}");
        std::thread::sleep(Duration::from_millis(20));
    };
    let (site, admin) = (address(&text, "site="), address(&text, "admin="));
    let limit = |size: &str| {
        let pid = server.0.id().to_string();
        let size = format!("--fsize={size}:unlimited");
        assert!(Command::new("prlimit").args(["--pid", &pid, &size]).status().unwrap().success());
    };
    limit("1");
    assert!(slowest(site, 50) < Duration::from_secs(1));
    let began = Instant::now();
    while dropped(admin) == 0.0 {
        assert!(began.elapsed() < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(20));
    }
    limit("unlimited");
    slowest(site, 1);
    signal(server.0.id(), "TERM");
    assert!(server.0.wait().unwrap().success());
    assert!(fs::read_to_string(&log).unwrap().contains("stopping"), "it is written again");
}

/// A server that does not outlive its test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn address(text: &str, name: &str) -> SocketAddr {
    text.split_once(name).unwrap().1.split_whitespace().next().unwrap().parse().unwrap()
}

/// LOG1. One event a line, without a control byte, whatever comes in and whatever stands in files.
#[test]
fn log_01_no_line_has_a_control_byte_or_is_two() {
    let origin = site();
    let server = Pinfold::configured(&fronted(origin.address, ""));
    for bytes in [
        &b"GET /\x1b[31mred HTTP/1.1\r\nhost: www.town.example\r\n\r\n"[..],
        b"GET /%1b%0a%0d HTTP/1.1\r\nhost: www.town.example\r\nuser-agent: \x1b]0;x\x07\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: \x1b\n\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: www.town.example\r\ncookie: a=\x1b; \x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: www.town.example\r\nconnection: close\r\nreferer: \xff\xfe\x9b\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
        b"\x1b\n\x1b\n",
    ] {
        raw(server.site, bytes);
    }
    slowest(server.site, 3);
    for broken in
        ["x\u{1b}[31m = 1\n", "[site]\nname = \"a\nb\"\n", "[origin]\nurl = \"http://\\u001b\\n\"\n"]
    {
        fs::write(server.path().join("pinfold.toml"), broken).unwrap();
        let before = server.log().matches("the configuration is at fault").count();
        signal(server.pid(), "HUP");
        server.wait_until("it is said", |server| {
            server.log().matches("the configuration is at fault").count() > before
        });
    }
    let (_, log) = server.stop();
    for line in log.lines() {
        assert!(!line.chars().any(char::is_control), "{line:?}");
        let stamp = line.split('.').next().unwrap();
        assert!(stamp.len() == 19 && stamp.starts_with("20") && stamp.contains('T'), "{line:?} is no event");
    }
}
