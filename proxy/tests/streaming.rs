//! A page of any length passes through, changed, in little memory.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use common::{Pinfold, configuration};

/// How many MiB the page has: more on request, because a build for tests parses slowly.
fn page_mib() -> usize {
    std::env::var("PINFOLD_TEST_PAGE_MIB").map_or(64, |mib| mib.parse().unwrap())
}

/// Serves one page, as long as it is told, to whoever asks.
fn endless_origin(mib: usize) -> std::net::SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut part = String::new();
        while part.len() < 64 * 1024 {
            part.push_str("<p>Your <b>bins</b> are collected <a href=\"/bins\">on Monday</a> - or so.</p>\n");
        }
        part.truncate(64 * 1024);
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            if stream.read(&mut head).unwrap_or_default() == 0 {
                continue;
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\nconnection: close\r\n\r\n<!doctype html><html lang=en><body>");
            for _ in 0..mib * 16 {
                if stream.write_all(part.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    address
}

fn resident_kib(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn page_05_memory_stays_flat_while_a_long_page_is_parsed_to_its_end() {
    let mib = page_mib();
    let gated = "[[embed]]\npurpose = \"marketing\"\nhosts = [\"video.example\"]\n";
    let pinfold = Pinfold::configured(&configuration(endless_origin(mib), gated));
    let mut client = TcpStream::connect(pinfold.site).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: www.town.example\r\nsec-fetch-dest: document\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut buffer = vec![0; 256 * 1024];
    let (mut received, mut beginning, mut most) = (0, Vec::new(), 0);
    let mut at_first = None;
    loop {
        let length = client.read(&mut buffer).unwrap();
        if length == 0 {
            break;
        }
        if beginning.len() < 4096 {
            beginning.extend_from_slice(&buffer[..length.min(4096)]);
        }
        let before = received / (1024 * 1024);
        received += length;
        if received / (1024 * 1024) > before {
            let now = resident_kib(pinfold.pid());
            at_first.get_or_insert(now);
            most = most.max(now);
        }
    }
    assert!(received >= mib * 1024 * 1024, "{received}");
    assert!(String::from_utf8_lossy(&beginning).contains("pinfold-banner"));
    let growth = most - at_first.unwrap();
    assert!(growth < 16 * 1024, "{growth} KiB more than at the first MiB");
}
