//! Origins that are known to speak HTTP/2: many requests over one connection, and whatever such an origin can do wrong.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::http2::{DATA, END_HEADERS, END_STREAM, HEADERS, Wire, fields, frame};
use common::http2_origin::{CANCEL, FrameOrigin, Http2Origin, REFUSED, go_away, hello, reset};
use common::tls::Authority;
use common::{Answer, Origin, Pinfold, configuration, pinfold, raw};
use http::Version;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use tokio_rustls::TlsAcceptor;

/// In front of a site by HTTP/2.
fn in_front_of(origin: SocketAddr) -> Pinfold {
    Pinfold::configured(&configuration(origin, "http2 = true\n"))
}

/// Asks over so many connections at a time: the statuses.
fn ask_at_once(site: SocketAddr, count: usize, path: &'static str) -> Vec<u16> {
    let clients: Vec<_> = (0..count)
        .map(|_| {
            let request =
                format!("GET {path} HTTP/1.1\r\nhost: www.town.example\r\nconnection: close\r\n\r\n");
            thread::spawn(move || Answer::read(&raw(site, request.as_bytes())).status)
        })
        .collect();
    clients.into_iter().map(|client| client.join().unwrap()).collect()
}

fn cores() -> usize {
    thread::available_parallelism().unwrap().get()
}

#[test]
fn many_requests_share_one_connection() {
    let origin = Http2Origin::start(1000, None);
    let pinfold = in_front_of(origin.address);
    assert_eq!(ask_at_once(pinfold.site, 40, "/slow?a=%2F..").as_slice(), [200; 40]);
    for _ in 0..20 {
        assert_eq!(pinfold.get("/", &[]).body, "hello");
    }
    assert!(origin.connections() <= cores(), "{} connections", origin.connections());
    assert!(origin.most_at_once() > 10, "they were asked at a time");

    let fields = [("cookie", "session=1; _ga=2; other=3"), ("connection", "x-secret"), ("x-secret", "1")];
    let answer = pinfold.send("POST", "/form?x=1", &[&fields[..], &[("x-kept", "1")]].concat(), "a=1");
    assert_eq!((answer.status, answer.body.as_str()), (200, "a=1"));
    assert_eq!(answer.values("set-cookie"), ["session=1"]);
    let seen = origin.requests();
    let (first, last) = (&seen[0], seen.last().unwrap());
    assert_eq!(first.uri(), "http://www.town.example/slow?a=%2F..");
    assert_eq!((last.version(), last.method().as_str()), (Version::HTTP_2, "POST"));
    assert_eq!(last.headers()["cookie"], "session=1");
    assert_eq!(last.headers()["content-length"], "3");
    assert_eq!(last.headers()["x-forwarded-host"], "www.town.example");
    assert!(last.headers().contains_key("x-kept"));
    for gone in ["host", "x-secret", "connection", "transfer-encoding"] {
        assert!(!last.headers().contains_key(gone), "{gone}");
    }
    assert_eq!(&last.body()[..], b"a=1");
    let options =
        raw(pinfold.site, b"OPTIONS * HTTP/1.1\r\nhost: www.town.example\r\nconnection: close\r\n\r\n");
    assert_eq!(Answer::read(&options).status, 200);
}

#[test]
fn large_bodies_pass_both_ways() {
    const LENGTH: usize = 3 << 20;
    let origin = Http2Origin::start(100, None);
    let pinfold = in_front_of(origin.address);
    let text = "y".repeat(LENGTH);
    let answer = pinfold.send("PUT", "/large", &[], &text);
    assert!(answer.status == 200 && answer.body == text, "{} {}", answer.status, answer.body.len());
}

#[test]
fn whoever_stands_by_is_told_the_same_host() {
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let origin = Http2Origin::start(100, None);
    let text = configuration(gone, "http2 = true\n").replace(
        &format!("url = \"http://{gone}\""),
        &format!("url = [\"http://{gone}\", \"http://{}\"]", origin.address),
    );
    let pinfold = Pinfold::configured(&text);
    assert_eq!(pinfold.send("POST", "/form", &[], "a=1").body, "a=1");
    assert_eq!(origin.requests()[0].uri(), "http://www.town.example/form");
}

#[test]
fn no_more_streams_than_the_origin_takes() {
    let origin = Http2Origin::start(4, None);
    let pinfold = in_front_of(origin.address);
    // What it takes is known from then on.
    for _ in 0..10 {
        assert_eq!(pinfold.get("/", &[]).status, 200);
    }
    assert_eq!(ask_at_once(pinfold.site, 40, "/slow").as_slice(), [200; 40]);
    assert!(origin.most_at_once() <= 4);
    assert!(origin.connections() > cores(), "there are more connections instead");
}

#[test]
fn frame_06_trailers_of_an_answer_pass_as_trailers() {
    let origin = Http2Origin::start(100, None);
    let pinfold = in_front_of(origin.address);
    let answer = raw(
        pinfold.site,
        b"GET /sum HTTP/1.1\r\nhost: www.town.example\r\nconnection: close, te\r\nte: trailers\r\n\r\n",
    );
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.ends_with("\r\n0\r\n\r\n") && !answer.contains("_ga"), "{answer}");
    let mut wire = Wire::introduced(pinfold.site, &[]);
    let block =
        [(":method", "GET"), (":scheme", "http"), (":path", "/sum"), (":authority", "www.town.example")];
    assert!(wire.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &fields(&block))));
    let frames = wire.read(Duration::from_secs(1));
    assert_eq!(frames.of(HEADERS).count(), 2, "{frames:?}");
}

#[test]
fn a_client_that_takes_nothing_keeps_nobody_waiting() {
    let origin = Http2Origin::start(1000, None);
    let pinfold = in_front_of(origin.address);
    // More than one connection carries, and far more than would fill a window of one MiB.
    let stalled: Vec<_> = (0..cores() * 120)
        .map(|_| {
            let mut stream = TcpStream::connect(pinfold.site).unwrap();
            stream.write_all(b"GET /long HTTP/1.1\r\nhost: www.town.example\r\n\r\n").unwrap();
            stream
        })
        .collect();
    pinfold.wait_until("they are asked for", |_| origin.requests().len() >= cores() * 120);
    thread::sleep(Duration::from_millis(500));
    for _ in 0..20 {
        let began = Instant::now();
        assert_eq!(pinfold.get("/", &[]).body, "hello");
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    drop(stalled);
}

#[test]
fn upgrade_1_there_is_no_other_protocol_behind_http_2() {
    let origin = Http2Origin::start(100, None);
    let pinfold = in_front_of(origin.address);
    let answer = pinfold.get("/chat", &[("connection", "upgrade"), ("upgrade", "websocket")]);
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
    let seen = origin.requests();
    assert!(!seen[0].headers().contains_key("upgrade"), "{:?}", seen[0].headers());
}

/// Requests over one connection of a client, so that one worker answers them all: the statuses.
fn ask_one_by_one(site: SocketAddr, requests: &[(&str, &str)]) -> Vec<u16> {
    let mut client = TcpStream::connect(site).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let ask = |(method, body): &(&str, &str)| {
        let length =
            if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        let text = format!("{method} / HTTP/1.1\r\nhost: www.town.example\r\n{length}\r\n{body}");
        client.write_all(text.as_bytes()).unwrap();
        let (mut answer, mut part) = (Vec::new(), [0; 1024]);
        loop {
            let read = client.read(&mut part).unwrap();
            answer.extend_from_slice(&part[..read]);
            let so_far = Answer::read(&answer);
            let length = so_far.values("content-length").first().and_then(|length| length.parse().ok());
            if read == 0 || length == Some(so_far.body.len()) {
                return so_far.status;
            }
        }
    };
    requests.iter().map(ask).collect()
}

#[test]
fn origin_03_what_was_not_looked_at_is_asked_once_more() {
    // The second request on the first connection is told that it was not looked at.
    for refusal in [|_| go_away(1), |stream| reset(stream, REFUSED)] {
        let origin = FrameOrigin::start(move |connection, request, stream| {
            Some(if (connection, request) == (1, 2) { refusal(stream) } else { hello(stream) })
        });
        let pinfold = in_front_of(origin.address);
        let statuses = ask_one_by_one(pinfold.site, &[("GET", ""), ("POST", ""), ("GET", "")]);
        assert_eq!((statuses.as_slice(), origin.asked()), (&[200, 200, 200][..], 4));
    }
    // Once.
    let origin = FrameOrigin::start(|_, _, stream| Some(reset(stream, REFUSED)));
    let pinfold = in_front_of(origin.address);
    assert_eq!(ask_one_by_one(pinfold.site, &[("GET", "")]), [502]);
    assert_eq!(origin.asked(), 2);
}

#[test]
fn origin_03_what_may_have_been_done_is_not_asked_again() {
    let closes = |_: u32| None;
    let cancels = |stream| Some(reset(stream, CANCEL));
    for (refusal, request, expected) in [
        // The connection had been used, and nothing else was heard on it: it may have been closed before the request came.
        (closes as fn(u32) -> Option<Vec<u8>>, ("GET", ""), (200, 3)),
        (closes, ("POST", ""), (502, 2)),
        (closes, ("POST", "a=1"), (502, 2)),
        (cancels, ("GET", ""), (502, 2)),
    ] {
        let origin = FrameOrigin::start(move |connection, request, stream| match (connection, request) {
            (1, 2) => refusal(stream),
            _ => Some(hello(stream)),
        });
        let pinfold = in_front_of(origin.address);
        let statuses = ask_one_by_one(pinfold.site, &[("GET", ""), request]);
        assert_eq!((statuses[1], origin.asked()), expected, "{request:?}");
    }
    // Not even a GET, where the connection is new.
    let origin = FrameOrigin::start(|_, _, _| None);
    let pinfold = in_front_of(origin.address);
    assert_eq!(ask_one_by_one(pinfold.site, &[("GET", "")]), [502]);
    assert_eq!(origin.asked(), 1);
}

#[test]
fn frame_17_an_answer_that_cannot_be_used_is_502() {
    let head =
        |block: &[(&str, &str)], stream| frame(HEADERS, END_HEADERS | END_STREAM, stream, &fields(block));
    let status = move |status: &str, stream| head(&[(":status", status)], stream);
    let long = "a".repeat(15 * 1024);
    type Serve = Box<dyn Fn(u32) -> Option<Vec<u8>> + Send + Sync>;
    let answers: [(&str, Serve); 9] = [
        ("status 99", Box::new(move |stream| Some(status("99", stream)))),
        ("status 600", Box::new(move |stream| Some(status("600", stream)))),
        ("101", Box::new(move |stream| Some(status("101", stream)))),
        ("no status", Box::new(move |stream| Some(head(&[("x", "1")], stream)))),
        ("a control byte", Box::new(move |stream| Some(head(&[(":status", "200"), ("x", "a\0b")], stream)))),
        ("HTTP/1.1", Box::new(|_| Some(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()))),
        ("data first", Box::new(|stream| Some(frame(DATA, END_STREAM, stream, b"hello")))),
        ("reset", Box::new(|stream| Some(reset(stream, CANCEL)))),
        (
            "a head over 64 KiB",
            Box::new(move |stream| {
                let block = |first: bool| {
                    let status = [(":status", "200")];
                    let rest = [("x", long.as_str())];
                    if first { fields(&status) } else { fields(&rest) }
                };
                const CONTINUATION: u8 = 9;
                let mut bytes = frame(HEADERS, END_STREAM, stream, &block(true));
                (0..5).for_each(|_| bytes.extend(frame(CONTINUATION, 0, stream, &block(false))));
                bytes.extend(frame(CONTINUATION, END_HEADERS, stream, &[]));
                Some(bytes)
            }),
        ),
    ];
    for (what, serve) in answers {
        let origin = FrameOrigin::start(move |_, _, stream| serve(stream));
        let pinfold = in_front_of(origin.address);
        assert_eq!(ask_one_by_one(pinfold.site, &[("GET", "")]), [502], "{what}");
    }
}

#[test]
fn frame_17_an_answer_that_is_cut_short_is_seen_to_be() {
    let part = |length: Option<&str>, stream| {
        let mut head = vec![(":status", "200"), ("content-type", "text/plain")];
        head.extend(length.map(|length| ("content-length", length)));
        [frame(HEADERS, END_HEADERS, stream, &fields(&head)), frame(DATA, 0, stream, b"hello")].concat()
    };
    for (length, end) in [
        (None, reset as fn(u32, u32) -> Vec<u8>),
        (Some("100"), reset),
        (Some("100"), |stream, _| frame(DATA, END_STREAM, stream, b"")),
    ] {
        let origin = FrameOrigin::start(move |_, _, stream| {
            Some([part(length, stream), end(stream, CANCEL)].concat())
        });
        let pinfold = in_front_of(origin.address);
        let answer = raw(pinfold.site, b"GET / HTTP/1.1\r\nhost: www.town.example\r\n\r\n");
        let answer = String::from_utf8_lossy(&answer);
        // Where the end has come before anything was passed on, there may be no answer at all.
        let framing = ["transfer-encoding: chunked", "content-length: 100"];
        let is_framed = answer.is_empty() || framing.iter().any(|field| answer.contains(field));
        assert!(is_framed && !answer.ends_with("\r\n0\r\n\r\n"), "{length:?}: {answer}");
    }
}

#[test]
fn http_2_is_agreed_upon_where_the_origin_is_reached_by_https() {
    let authority = Authority::new();
    let issued = authority.issue("localhost");
    let acceptor = |protocols: &[&str]| {
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![issued.der.clone()],
                PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    };
    for (protocols, status, said) in [
        (&["http/1.1", "h2"][..], 200, "a connection to the origin was opened"),
        (&["http/1.1"], 502, "it does not agree to speak this version of HTTP (see `http2`)"),
        (&[], 502, "it does not agree to speak HTTP/2 (leave out `http2`)"),
    ] {
        let origin = Http2Origin::start(100, Some(acceptor(protocols)));
        let more = format!("http2 = true\nca = {:?}\n", authority.path("ca.pem"));
        let text = configuration(origin.address, &more).replace("http://127.0.0.1:", "https://localhost:");
        let pinfold = Pinfold::configured(&text);
        assert_eq!(pinfold.get("/", &[]).status, status, "{protocols:?}");
        pinfold.wait_until("it is said", |pinfold| pinfold.log().contains(said));
        if status == 200 {
            assert_eq!(origin.requests()[0].uri(), "https://www.town.example/");
        }
    }
}

#[test]
fn an_origin_that_does_not_speak_it_is_found_before_the_start() {
    let (old, new) = (Origin::hello(), Http2Origin::start(100, None));
    for (address, more, expected) in [
        (new.address, "http2 = true\nhealth = \"/\"\n", "answers 200 for www.town.example"),
        (new.address, "", "does not answer for www.town.example"),
        (old.address, "http2 = true\n", "it does not speak HTTP/2"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("pinfold.toml"), configuration(address, more)).unwrap();
        let check = pinfold(&["check", "--connect", "--format", "json"], directory.path());
        let said = String::from_utf8_lossy(&check.stdout);
        assert!(said.contains(expected), "{more}: {said}");
    }
}
