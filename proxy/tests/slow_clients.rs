//! Clients that are slow or silent are cut off, while others are served.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use common::chaos::note;
use common::http2::{END_HEADERS, GOAWAY, HEADERS, Wire, fields, frame};
use common::recorder::{Recorder, listen};
use common::{Answer, Origin, Pinfold, configuration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const HEAD: &str = "GET / HTTP/1.1\r\nhost: www.town.example\r\n";
const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// What a client says, and then says over and over, once a second.
fn kinds() -> [(String, &'static [u8]); 11] {
    [
        (String::new(), b""),
        ("G".to_owned(), b""),
        ("P".to_owned(), b""),
        (PREFACE[..16].to_owned(), b""),
        (HEAD.to_owned(), b""),
        (HEAD.to_owned(), b"x"),
        (HEAD.to_owned(), b"a: b\r\n"),
        (format!("{HEAD}content-length: 100000\r\n\r\n").replace("GET", "POST"), b""),
        (format!("{HEAD}content-length: 100000\r\n\r\n").replace("GET", "POST"), b"x"),
        (format!("{HEAD}transfer-encoding: chunked\r\n\r\n").replace("GET", "POST"), b"1\r\nx\r\n"),
        (PREFACE.to_owned(), b""),
    ]
}

#[test]
fn fault_19_three_hundred_slow_clients_are_cut_off_while_others_are_served() {
    const CLIENTS: usize = 300;
    let pinfold = Pinfold::in_front_of(&Origin::hello());
    let site = pinfold.site;
    let slow = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let clients: Vec<_> = (0..CLIENTS).map(|number| tokio::spawn(be_slow(site, number))).collect();
            let mut lived = Vec::new();
            for client in clients {
                lived.push(client.await.unwrap());
            }
            lived
        })
    });
    // Others are served all the while.
    let mut slowest = Duration::ZERO;
    while !slow.is_finished() {
        let started = Instant::now();
        assert_eq!(pinfold.get("/", &[]).status, 200);
        slowest = slowest.max(started.elapsed());
        thread::sleep(Duration::from_millis(20));
    }
    let lived = slow.join().unwrap();
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    for (kind, (beginning, drip)) in kinds().iter().enumerate() {
        let longest = lived.iter().skip(kind).step_by(kinds().len()).max().unwrap();
        let shortest = lived.iter().skip(kind).step_by(kinds().len()).min().unwrap();
        assert!(*longest <= Duration::from_secs(15), "{beginning:?} {drip:?}: {longest:?}");
        assert!(*shortest >= Duration::from_secs(8), "{beginning:?} {drip:?}: {shortest:?}");
    }
    note(
        "FAULT19",
        "300 slow or idle clients at once",
        1,
        "each is cut off within 15 s, and others are served",
        &format!(
            "the longest lived {:?}; the slowest answer to others {slowest:?}",
            lived.iter().max().unwrap()
        ),
    );
}

/// How long such a client is listened to.
async fn be_slow(site: SocketAddr, number: usize) -> Duration {
    let kinds = kinds();
    let (beginning, drip) = &kinds[number % kinds.len()];
    let mut stream = tokio::net::TcpStream::connect(site).await.unwrap();
    let started = Instant::now();
    stream.write_all(beginning.as_bytes()).await.unwrap();
    let mut part = [0; 1024];
    while started.elapsed() < Duration::from_secs(30) {
        match tokio::time::timeout(Duration::from_secs(1), stream.read(&mut part)).await {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(_)) => {}
            // A reset shows on the next read.
            Err(_) => drop(stream.write_all(drip).await),
        }
    }
    started.elapsed()
}

/// The limits are told, and a client that is slow within them is served.
#[test]
fn fault_19_whoever_is_late_is_told_and_whoever_is_merely_slow_is_served() {
    let origin = Recorder::start();
    let pinfold = Pinfold::configured(&configuration(origin.address, ""));
    let client = |text: String| {
        let mut stream = TcpStream::connect(pinfold.site).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    let late_head = client(HEAD.to_owned());
    let late_body = client(format!("{HEAD}content-length: 10\r\n\r\nx").replace("GET", "POST"));
    let form = "content-type: application/x-www-form-urlencoded\r\norigin: https://www.town.example\r\n";
    let late_form =
        client(format!("{HEAD}{form}content-length: 17\r\n\r\ncookies").replace("GET /", "POST /cookies"));
    let late_next = client(format!("{HEAD}\r\n{HEAD}"));
    let mut slow_body = client(format!("{HEAD}content-length: 14630\r\n\r\n").replace("GET", "POST"));
    for _ in 0..10 {
        // Ten times a KiB and a half, for longer than the limit is for one.
        slow_body.write_all(&[b'x'; 1463]).unwrap();
        thread::sleep(Duration::from_millis(1300));
    }
    for (mut stream, expected) in
        [(late_head, &[408][..]), (late_body, &[408]), (late_form, &[408]), (late_next, &[200, 408])]
    {
        let reply = listen(&mut stream);
        assert_eq!((&reply.statuses()[..], reply.closed), (expected, true));
    }
    slow_body.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut answer = [0; 1024];
    let length = slow_body.read(&mut answer).unwrap();
    assert_eq!(Answer::read(&answer[..length]).status, 200);
    assert_eq!(origin.take().whole.iter().filter(|message| message.body.len() == 14630).count(), 1);
}

#[test]
fn fault_19_http2_is_told_the_same() {
    let pinfold = Pinfold::in_front_of(&Origin::hello());
    let request =
        [(":method", "POST"), (":scheme", "https"), (":path", "/"), (":authority", "www.town.example")];
    let mut unused = Wire::introduced(pinfold.site, &[]);
    let mut late = Wire::introduced(pinfold.site, &[]);
    late.send(&frame(HEADERS, END_HEADERS, 1, &fields(&request)));
    let began = Instant::now();
    let patience = Duration::from_secs(12);
    let unused = thread::spawn(move || unused.read(patience));
    let late = late.read(patience);
    let unused = unused.join().unwrap();
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!((late.status(1), late.closed, unused.closed), (Some(408), true, true), "{late:?} {unused:?}");
    for frames in [&late, &unused] {
        assert_eq!(frames.of(GOAWAY).map(|frame| frame.payload[4..].to_vec()).collect::<Vec<_>>(), [[0; 4]]);
    }
}
