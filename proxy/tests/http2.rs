//! What HTTP/2 messages come in, and what floods do not do.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::thread;
use std::time::{Duration, Instant};

use common::http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, Wire, fields, frame, string,
};
use common::recorder::{Recorder, Seen, converse};
use common::{Pinfold, configuration};

const SILENCE: Duration = Duration::from_millis(300);

/// The fields of a sound request.
const SOUND: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "https"), (":path", "/x"), (":authority", "www.town.example")];

/// A block in frames that are not too large.
fn head(stream: u32, flags: u8, block: &[u8]) -> Vec<u8> {
    let mut parts = block.chunks(16 * 1024).peekable();
    let mut frames = Vec::new();
    while let Some(part) = parts.next() {
        let ends = if parts.peek().is_none() { END_HEADERS } else { 0 };
        let (kind, flags) = if frames.is_empty() { (HEADERS, flags) } else { (CONTINUATION, 0) };
        frames.extend(frame(kind, flags | ends, stream, part));
    }
    frames
}

type Field = (Vec<u8>, Vec<u8>);

fn owned(fields: &[(&str, &str)]) -> Vec<Field> {
    fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

/// A sound request with fields more.
fn with(more: &[(&str, &str)]) -> Vec<Field> {
    [owned(&SOUND), owned(more)].concat()
}

/// A sound request in which one field is another.
fn but(name: &str, value: &str) -> Vec<Field> {
    let mut request = owned(&SOUND);
    request.iter_mut().find(|(its, _)| its == name.as_bytes()).unwrap().1 = value.as_bytes().to_vec();
    request
}

fn without(name: &str) -> Vec<Field> {
    owned(&SOUND).into_iter().filter(|(its, _)| its != name.as_bytes()).collect()
}

/// A proxy in front of a recording origin.
struct Rig {
    origin: Recorder,
    pinfold: Pinfold,
}

impl Rig {
    fn start() -> Self {
        let origin = Recorder::start();
        let pinfold = Pinfold::configured(&configuration(origin.address, ""));
        Self { origin, pinfold }
    }

    fn introduced(&self) -> Wire {
        Wire::introduced(self.pinfold.site, &[])
    }

    /// One request over a connection of its own: what came back, and what the site has seen.
    fn ask(&self, request: &[Field], body: Option<&[u8]>) -> (Frames, Seen) {
        let mut wire = self.introduced();
        wire.send(&head(1, if body.is_none() { END_STREAM } else { 0 }, &fields(request)));
        if let Some(body) = body {
            wire.send(&frame(DATA, END_STREAM, 1, body));
        }
        (wire.read(SILENCE), self.origin.take())
    }

    fn is_served(&self) -> bool {
        let mut wire = self.introduced();
        wire.send(&head(1, END_STREAM, &fields(&SOUND)));
        let status = wire.await_status(1, Duration::from_secs(2));
        self.origin.take();
        status == Some(200)
    }

    fn resident_kib(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pinfold.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

#[test]
fn sound_messages_pass() {
    let rig = Rig::start();
    for (request, body) in [
        (with(&[]), None),
        (with(&[("te", "trailers")]), None),
        (with(&[("host", "www.town.example")]), None),
        (but(":path", "/?a=b"), None),
        (but(":method", "POST"), Some(&b"hello"[..])),
        (with(&[("content-length", "5")]), Some(b"hello")),
    ] {
        let (frames, seen) = rig.ask(&request, body);
        assert_eq!((frames.status(1), seen.whole.len()), (Some(200), 1), "{request:?} {frames:?}");
        assert_eq!(seen.whole[0].values("host"), [b"www.town.example"]);
        assert_eq!(seen.whole[0].body, body.unwrap_or_default());
        assert_eq!(seen.whole[0].value("te"), None);
    }
}

#[test]
fn http2_2_malformed_requests_are_reset_or_400() {
    let rig = Rig::start();
    let names = ["X-Upper", "x y", "x\0", "x\r", "x\n", "x:", "", " x", "x\u{e9}", ":x", ":status"];
    let values = ["a\r", "a\nb", "a\0b", "a\r\nx: y", "\u{7f}", "\u{1b}"];
    let paths =
        ["", " ", "/a b", "/a\rb", "/a\nb", "/a\0b", "/a\tb", "/\u{7f}", "x", "*", "http://evil.example/"];
    let authorities = [
        "",
        "www.town.example,other.example",
        "www.town.example, www.town.example",
        "user@www.town.example",
        "www.town.example/x",
        "www.town.example:99999",
        "www.town.example\0",
        "www.town.example www.town.example",
        "[::1",
    ];
    let hop_by_hop = [
        ("connection", "close"),
        ("connection", "upgrade"),
        ("transfer-encoding", "chunked"),
        ("keep-alive", "5"),
        ("proxy-connection", "close"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("te", "trailers, gzip"),
    ];
    let mut cases = vec![
        without(":path"),
        without(":method"),
        without(":scheme"),
        without(":authority"),
        with(&[(":path", "/y")]),
        with(&[(":method", "POST")]),
        with(&[(":authority", "www.town.example")]),
        with(&[("host", "other.example")]),
        with(&[("host", "www.town.example"), ("host", "www.town.example")]),
        with(&[("x", "y"), (":path", "/y")]),
        [owned(&[("x", "y")]), owned(&SOUND)].concat(),
        but(":method", "G T"),
        but(":method", ""),
        but(":method", "GET / HTTP/1.1\r\nx: y\r\n\r\n"),
        but(":scheme", "ht tp"),
        with(&[("content-length", "x")]),
        with(&[("content-length", "-1")]),
        with(&[("content-length", "0"), ("content-length", "5")]),
    ];
    cases.extend(names.map(|name| with(&[(name, "y")])));
    cases.extend(values.map(|value| with(&[("x", value)])));
    cases.extend(paths.map(|path| but(":path", path)));
    cases.extend(authorities.map(|authority| but(":authority", authority)));
    cases.extend(hop_by_hop.map(|field| with(&[field])));
    let mut failed = Vec::new();
    for request in cases {
        let (frames, seen) = rig.ask(&request, None);
        let refused = frames.status(1) == Some(400) || frames.status(1).is_none() && frames.is_reset(1);
        if !refused || !seen.whole.is_empty() || !seen.nonsense.is_empty() {
            let request: Vec<_> = request
                .iter()
                .map(|(name, value)| format!("{}: {}", name.escape_ascii(), value.escape_ascii()))
                .collect();
            failed.push(format!("{request:?}: {:?} {frames:?} {seen:?}", frames.status(1)));
        }
    }
    assert!(failed.is_empty(), "{} cases failed:\n{}", failed.len(), failed.join("\n"));
    for (request, expected) in [(but(":method", "TRACE"), 405), (but(":authority", "other.example"), 421)] {
        assert_eq!(rig.ask(&request, None).0.status(1), Some(expected), "{request:?}");
    }
    assert!(!rig.pinfold.log().contains("panicked"));
}

#[test]
fn http2_3_a_body_is_as_long_as_it_says() {
    let rig = Rig::start();
    let post = |length: &str| [but(":method", "POST"), owned(&[("content-length", length)])].concat();
    for (length, body) in [("5", Some(&b"hell"[..])), ("5", Some(b"hello!")), ("0", Some(b"x")), ("5", None)]
    {
        let (frames, seen) = rig.ask(&post(length), body);
        assert!(frames.status(1).is_none_or(|status| status == 400), "{length} {body:?}: {frames:?}");
        assert!(frames.is_reset(1) || frames.status(1) == Some(400), "{length} {body:?}: {frames:?}");
        assert!(seen.whole.is_empty() && seen.nonsense.is_empty(), "{length} {body:?}: {seen:?}");
    }
    // Too long in the second part, when the first is on its way.
    let mut wire = rig.introduced();
    wire.send(&frame(HEADERS, END_HEADERS, 1, &fields(&post("6"))));
    wire.send(&frame(DATA, 0, 1, b"hello"));
    thread::sleep(Duration::from_millis(100));
    wire.send(&frame(DATA, END_STREAM, 1, b"hello"));
    let frames = wire.read(SILENCE);
    let seen = rig.origin.take();
    assert!(frames.is_reset(1), "{frames:?}");
    assert!(seen.whole.is_empty() && seen.cut.len() == 1, "{seen:?}");
}

#[test]
fn http2_4_crumbs_are_joined_and_bounded() {
    let rig = Rig::start();
    let crumbs: Vec<_> = (0..400).map(|number| format!("c{number}=1")).collect();
    let with_crumbs = |crumbs: &[String]| {
        let more: Vec<_> = crumbs.iter().map(|crumb| ("cookie", crumb.as_str())).collect();
        rig.ask(&with(&more), None)
    };
    let (frames, _) = with_crumbs(&crumbs);
    assert_eq!(frames.status(1), Some(200), "{frames:?}");
    let (_, seen) = with_crumbs(&["session=1".to_owned(), "_ga=2".to_owned(), "session=3".to_owned()]);
    assert_eq!(seen.whole[0].values("cookie"), [b"session=1; session=3"]);
    let (frames, _) =
        with_crumbs(&["x=".to_owned() + &"y".repeat(6 * 1024), "x=".to_owned() + &"y".repeat(12 * 1024)]);
    assert_eq!(frames.status(1), Some(431));
    let many: Vec<_> = (0..101).map(|_| ("x", "y")).collect();
    assert_eq!(rig.ask(&with(&many), None).0.status(1), Some(431));
}

#[test]
fn http2_5_limits_are_said() {
    let frames = Rig::start().introduced().read(SILENCE);
    let settings = frames.of(SETTINGS).find(|frame| frame.flags == 0).unwrap();
    let value = |name: u16| {
        let found = settings.payload.chunks(6).find(|entry| entry[..2] == name.to_be_bytes());
        found.map(|entry| u32::from_be_bytes(entry[2..].try_into().unwrap()))
    };
    // Streams at once, the window of one, the largest frame (16 KiB unless told), the longest list of fields.
    assert_eq!(value(3), Some(100));
    assert_eq!(value(4), Some(64 * 1024));
    assert_eq!(value(5).unwrap_or(16 * 1024), 16 * 1024);
    assert_eq!(value(6), Some(64 * 1024));
    // Another protocol on a stream (RFC 8441) is not offered.
    assert_eq!(value(8).unwrap_or(0), 0);
    // The window of the connection, beyond the 65,535 that it begins with.
    let update = frames.of(WINDOW_UPDATE).find(|frame| frame.stream == 0).unwrap();
    assert_eq!(u32::from_be_bytes(update.payload[..].try_into().unwrap()), 1024 * 1024 - 65_535);
}

#[test]
fn http2_6_there_is_no_upgrade_to_http2() {
    let rig = Rig::start();
    let request = "GET / HTTP/1.1\r\nHost: www.town.example\r\nConnection: Upgrade, HTTP2-Settings\r\n\
                   Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n";
    let reply = converse(rig.pinfold.site, request.as_bytes());
    assert_eq!(reply.statuses(), [200]);
    let seen = rig.origin.take();
    for name in ["upgrade", "http2-settings", "connection"] {
        assert_eq!(seen.whole[0].value(name), None);
    }
}

/// RFC 8441, which is not offered.
#[test]
fn upgrade_2_there_is_no_websocket_on_a_stream() {
    let rig = Rig::start();
    let request = [owned(&[(":method", "CONNECT"), (":protocol", "websocket")]), without(":method")].concat();
    let (frames, seen) = rig.ask(&request, None);
    assert!(frames.status(1).is_none_or(|status| status >= 400), "{frames:?}");
    assert!(seen.whole.is_empty(), "{seen:?}");
    assert!(rig.is_served());
}

/// A flood: whether it is to end the connection, and what it sends, over and over.
struct Flood {
    name: &'static str,
    ends: bool,
    settings: &'static [(u16, u32)],
    rounds: u32,
    send: fn(u32) -> Vec<u8>,
}

fn stream(round: u32) -> u32 {
    2 * round + 1
}

fn request(round: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream(round), &fields(&SOUND))
}

const FLOODS: [Flood; 12] = [
    // CVE-2023-44487.
    Flood {
        name: "rapid reset",
        ends: true,
        settings: &[],
        rounds: 20_000,
        send: |round| [request(round), frame(RST_STREAM, 0, stream(round), &[0, 0, 0, 8])].concat(),
    },
    // CVE-2025-8671: an update of nothing makes the server reset.
    Flood {
        name: "made you reset",
        ends: true,
        settings: &[],
        rounds: 20_000,
        send: |round| [request(round), frame(WINDOW_UPDATE, 0, stream(round), &[0; 4])].concat(),
    },
    // RUSTSEC-2024-0003.
    Flood {
        name: "resets of malformed requests",
        ends: true,
        settings: &[],
        rounds: 20_000,
        send: |round| {
            let malformed = [&SOUND[..], &[("connection", "close")]].concat();
            frame(HEADERS, END_HEADERS | END_STREAM, stream(round), &fields(&malformed))
        },
    },
    // RUSTSEC-2024-0332.
    Flood {
        name: "continuations",
        ends: true,
        settings: &[],
        rounds: 20_000,
        send: |round| match round {
            0 => frame(HEADERS, END_STREAM, 1, &fields(&SOUND)),
            _ => frame(CONTINUATION, 0, 1, &fields(&[("x", "y".repeat(500))])),
        },
    },
    Flood {
        name: "empty continuations",
        ends: true,
        settings: &[],
        rounds: 200_000,
        send: |round| match round {
            0 => frame(HEADERS, END_STREAM, 1, &fields(&SOUND)),
            _ => frame(CONTINUATION, 0, 1, &[]),
        },
    },
    // RUSTSEC-2026-0258.
    Flood {
        name: "empty data",
        ends: true,
        settings: &[],
        rounds: 200_000,
        send: |round| match round {
            0 => frame(HEADERS, END_HEADERS, 1, &fields(&SOUND)),
            _ => frame(DATA, 0, 1, &[]),
        },
    },
    Flood {
        name: "settings",
        ends: true,
        settings: &[],
        rounds: 100_000,
        send: |_| frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255]),
    },
    Flood { name: "pings", ends: true, settings: &[], rounds: 200_000, send: |_| frame(PING, 0, 0, &[0; 8]) },
    // As many as may be, of which nothing can be sent.
    Flood { name: "no window", ends: false, settings: &[(4, 0)], rounds: 400, send: request },
    // One long field, and then its place in the table, over and over.
    Flood {
        name: "compression bomb",
        ends: true,
        settings: &[],
        rounds: 200,
        send: |round| {
            let mut block = fields(&SOUND);
            if round == 0 {
                block.push(0x40);
                string(&mut block, b"x");
                string(&mut block, &[b'y'; 4000]);
            }
            block.extend([0x80 | 62; 10_000]);
            frame(HEADERS, END_HEADERS | END_STREAM, stream(round), &block)
        },
    },
    Flood {
        name: "crumbs",
        ends: true,
        settings: &[],
        rounds: 100,
        send: |round| {
            let block = [fields(&SOUND), fields(&[("cookie", "a=b"); 9_000])].concat();
            head(stream(round), END_STREAM, &block)
        },
    },
    Flood {
        name: "unknown frames",
        ends: true,
        settings: &[],
        rounds: 20_000,
        send: |_| frame(0x42, 0xff, 1, &[0; 1000]),
    },
];

#[test]
fn http2_1_floods_do_no_harm() {
    let rig = Rig::start();
    assert!(rig.is_served());
    for Flood { name, ends, settings, rounds, send } in FLOODS {
        let before = rig.resident_kib();
        let mut most = before;
        let mut wire = Wire::introduced(rig.pinfold.site, settings);
        let began = Instant::now();
        let mut round = 0;
        while round < rounds && began.elapsed() < Duration::from_secs(8) {
            let some: Vec<u8> = (round..rounds.min(round + 50)).flat_map(send).collect();
            if !wire.send(&some) {
                break;
            }
            round += 50;
            if round % 1000 == 0 {
                most = most.max(rig.resident_kib());
            }
        }
        most = most.max(rig.resident_kib());
        let asked = Instant::now();
        assert!(rig.is_served(), "{name}");
        assert!(asked.elapsed() < Duration::from_secs(2), "{name}: {:?}", asked.elapsed());
        assert!(most - before < 64 * 1024, "{name}: {} KiB more", most - before);
        let frames = wire.read(SILENCE);
        let told = frames.of(GOAWAY).next().is_some();
        println!(
            "{name}: {round} rounds in {:?}, {} KiB more, closed {}, told {told}",
            began.elapsed(),
            most - before,
            frames.closed
        );
        assert!(!ends || frames.closed, "{name}: it goes on after {round} rounds");
    }
    assert!(!rig.pinfold.log().contains("panicked"));
}
