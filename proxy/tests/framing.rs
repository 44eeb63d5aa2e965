//! What HTTP/1 messages come in, what is refused, and what of it reaches the site: raw bytes on both sides.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use common::recorder::{Recorder, converse, listen};
use common::tls::Authority;
use common::{Pinfold, configuration};

/// A proxy in front of a recording origin.
struct Rig {
    origin: Recorder,
    pinfold: Pinfold,
    /// Where the proxy is asked over TLS.
    tls: Option<Authority>,
}

/// What is expected of a case.
#[derive(Debug, Clone, Copy)]
enum Expected {
    /// Answered with one of these, not shown to the site as a whole, and the connection closed.
    Refused(&'static [u16]),
    /// Closed, with no answer.
    Closed,
    /// Shown to the site, answered 200, and the connection kept.
    Served,
    /// Shown to the site, answered 200, and the connection closed.
    ServedLast,
}
use Expected::{Closed, Refused, Served, ServedLast};

const NEXT: &[u8] = b"GET / HTTP/1.1\r\nHost: www.town.example\r\nConnection: close\r\n\r\n";

const BAD: Expected = Refused(&[400]);
const BAD_OR_UNKNOWN: Expected = Refused(&[400, 501]);

impl Rig {
    fn start() -> Self {
        Self::configured("")
    }

    /// With a line more under `[listen]`.
    fn configured(line: &str) -> Self {
        let origin = Recorder::start();
        let text = configuration(origin.address, "").replace("[listen]\n", &format!("[listen]\n{line}\n"));
        let pinfold = Pinfold::configured(&text);
        Self { origin, pinfold, tls: None }
    }

    fn over_tls() -> Self {
        let (origin, authority) = (Recorder::start(), Authority::for_the_town());
        let pinfold = Pinfold::configured(&authority.listening(&configuration(origin.address, "")));
        Self { origin, pinfold, tls: Some(authority) }
    }

    /// Holds every case to what is expected of it, and tells of all that fail.
    fn hold<S: AsRef<[u8]>>(&self, cases: impl IntoIterator<Item = (S, Expected)>) {
        let failed: Vec<String> =
            cases.into_iter().filter_map(|(bytes, expected)| self.fault(bytes.as_ref(), expected)).collect();
        assert!(failed.is_empty(), "{} cases failed:\n{}", failed.len(), failed.join("\n"));
        assert!(!self.pinfold.log().contains("panicked"), "{}", self.pinfold.log());
    }

    fn fault(&self, bytes: &[u8], expected: Expected) -> Option<String> {
        // Whoever is listened to for longer shows by another answer.
        let next: &[u8] = if matches!(expected, Served) { NEXT } else { b"" };
        let bytes = [bytes, next].concat();
        let reply = match &self.tls {
            None => converse(self.pinfold.site, &bytes),
            Some(authority) => authority.converse(self.pinfold.https.unwrap(), &bytes),
        };
        let seen = self.origin.take();
        let statuses = reply.statuses();
        let (whole, closed) = (seen.whole.len(), reply.closed);
        let sound = match expected {
            Refused(allowed) => statuses.len() == 1 && allowed.contains(&statuses[0]) && whole == 0 && closed,
            Closed => statuses.is_empty() && whole == 0 && closed,
            Served => statuses == [200, 200] && whole == 2 && closed,
            ServedLast => statuses == [200] && whole == 1 && closed,
        };
        let sound = sound && seen.nonsense.is_empty();
        let shown: String = bytes.escape_ascii().to_string().chars().take(200).collect();
        (!sound).then(|| {
            format!("{shown}: {expected:?}, but {statuses:?}, {whole} whole, closed {closed}, {seen:?}")
        })
    }
}

/// A request with these fields after `Host`.
fn get(fields: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: www.town.example\r\n{fields}\r\n")
}

fn post(fields: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: www.town.example\r\n{fields}\r\n{body}")
}

fn chunked(body: &str) -> String {
    post("Transfer-Encoding: chunked\r\n", body)
}

#[test]
fn sound_messages_pass() {
    Rig::start().hold([
        (get(""), Served),
        (get("Accept: */*\r\nX-Empty:\r\nX-Tab: a\tb\r\nX-High: caf\u{e9}\r\n"), Served),
        (format!("\r\n{}", get("")), Served),
        (get("Connection: close\r\n"), ServedLast),
        (post("Content-Length: 0\r\n", ""), Served),
        (post("Content-Length: 5\r\n", "hello"), Served),
        (post("content-length:5\r\n", "hello"), Served),
        (post("CONTENT-LENGTH: \t5 \t\r\n", "hello"), Served),
        (chunked("0\r\n\r\n"), Served),
        (chunked("5\r\nhello\r\n0\r\n\r\n"), Served),
        (chunked("005\r\nhello\r\n00\r\n\r\n"), Served),
        (chunked("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"), Served),
        (post("Transfer-Encoding: CHUNKED\r\n", "0\r\n\r\n"), Served),
        ("GET / HTTP/1.0\r\nHost: www.town.example\r\n\r\n".to_owned(), ServedLast),
        ("OPTIONS * HTTP/1.1\r\nHost: www.town.example\r\n\r\n".to_owned(), Served),
        ("PROPFIND /x HTTP/1.1\r\nHost: www.town.example\r\n\r\n".to_owned(), Served),
    ]);
}

/// The guard does not know whether it reads through TLS: one or two cases of each kind.
#[test]
fn tls_1_messages_are_judged_alike_over_tls() {
    let rig = Rig::over_tls();
    rig.hold([
        (get(""), Served),
        (get("Connection: close\r\n"), ServedLast),
        (post("Content-Length: 5\r\n", "hello"), Served),
        (chunked("5\r\nhello\r\n0\r\n\r\n"), Served),
        (post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), BAD),
        (post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), BAD_OR_UNKNOWN),
        (post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), BAD_OR_UNKNOWN),
        (post("Content-Length: +5\r\n", "hello"), BAD),
        (post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), BAD),
        (chunked("5\nhello\r\n0\r\n\r\n"), BAD),
        (chunked("0x5\r\nhello\r\n0\r\n\r\n"), BAD),
        (chunked("5\r\nhello6\r\n0\r\n\r\n"), BAD),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), BAD),
        (get("Host: www.town.example\r\n"), BAD),
        (get("X : y\r\n"), BAD),
        (get("X: a\r\n b\r\n"), BAD),
        (get("X: a\0b\r\n"), BAD),
        ("GET /#x HTTP/1.1\r\nHost: www.town.example\r\n\r\n".to_owned(), BAD),
        ("GET / HTTP/2.0\r\nHost: www.town.example\r\n\r\n".to_owned(), Refused(&[400, 505])),
        ("TRACE / HTTP/1.1\r\nHost: www.town.example\r\n\r\n".to_owned(), Refused(&[405])),
        (get(&format!("X: {}\r\n", "x".repeat(64 * 1024))), Refused(&[431])),
    ]);
    // Nothing follows what is refused, and an end that nobody announced is no end of a body.
    let mut stream = rig.tls.as_ref().unwrap().connect(rig.pinfold.https.unwrap());
    stream.write_all(post("Content-Length: 10\r\n", "hello").as_bytes()).unwrap();
    drop(stream);
    thread::sleep(Duration::from_millis(300));
    assert!(rig.origin.take().whole.is_empty());
}

#[test]
fn frame_01_one_framing() {
    Rig::start().hold([
        (post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), BAD),
        (post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), BAD),
        (post("Transfer-Encoding: chunked\r\nX: y\r\ncontent-length: 0\r\n", "0\r\n\r\n"), BAD),
        (post("content-length: 5\r\ntransfer-encoding: identity\r\n", "hello"), BAD),
        (get("content-length: 5\r\ntransfer-encoding: chunked\r\n"), BAD),
    ]);
}

#[test]
fn frame_02_one_transfer_coding() {
    let rig = Rig::start();
    rig.hold(
        [
            "chunked, chunked",
            "chunked,chunked",
            ",chunked",
            "chunked,",
            "gzip, chunked",
            "chunked, gzip",
            "gzip",
            "identity",
            "identity, chunked",
            "\"chunked\"",
            "'chunked'",
            "chunked;q=1",
            "chunked foo",
            "xchunked",
            "chunke",
            "chunked\x0b",
            "\x0bchunked",
            "chunked\x0c",
            "chunked\0",
            "\0chunked",
            "chun\rked",
            "",
            " ",
            "chunked\u{a0}",
        ]
        .map(|coding| (post(&format!("Transfer-Encoding: {coding}\r\n"), "0\r\n\r\n"), BAD_OR_UNKNOWN)),
    );
    rig.hold([
        (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), BAD_OR_UNKNOWN),
        (post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), BAD_OR_UNKNOWN),
        (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"), BAD_OR_UNKNOWN),
        (post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), BAD),
        (post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), BAD),
        (post("Transfer\tEncoding: chunked\r\n", "0\r\n\r\n"), BAD),
    ]);
}

#[test]
fn frame_03_a_length_is_a_number() {
    let rig = Rig::start();
    rig.hold(
        [
            "+5",
            "-5",
            "5, 5",
            "5,5",
            "5,6",
            "5 5",
            "5 ;x",
            "0x5",
            "5e0",
            "5.0",
            "five",
            "5a",
            "\u{665}",
            "1000000000000000000",
            "0000000000000000005",
            "18446744073709551621",
            "",
            " ",
            "\x0b5",
        ]
        .map(|length| (post(&format!("Content-Length: {length}\r\n"), "hello"), BAD)),
    );
    rig.hold([
        (post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), BAD),
        (post("Content-Length: 6\r\nContent-Length: 5\r\n", "hello"), BAD),
        (post("Content-Length: 5\r\nX: y\r\ncontent-length: 5\r\n", "hello"), BAD),
        (post("Content-Length : 5\r\n", "hello"), BAD),
        (post("Content-Length: 5\r\n 6\r\n", "hello"), BAD),
    ]);
}

#[test]
fn frame_04_chunks_are_what_they_say() {
    let rig = Rig::start();
    rig.hold(
        [
            "+5\r\nhello\r\n0\r\n\r\n",
            "-5\r\nhello\r\n0\r\n\r\n",
            "0x5\r\nhello\r\n0\r\n\r\n",
            "5_\r\nhello\r\n0\r\n\r\n",
            "0_5\r\nhello\r\n0\r\n\r\n",
            " 5\r\nhello\r\n0\r\n\r\n",
            "5 \r\nhello\r\n0\r\n\r\n",
            "5\t\r\nhello\r\n0\r\n\r\n",
            "\r\nhello\r\n0\r\n\r\n",
            ";x\r\nhello\r\n0\r\n\r\n",
            "g\r\nhello\r\n0\r\n\r\n",
            "00000000000000005\r\nhello\r\n0\r\n\r\n",
            "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
            "10000000000000005\r\nhello\r\n0\r\n\r\n",
            "5\nhello\r\n0\r\n\r\n",
            "5\rhello\r\n0\r\n\r\n",
            "5\r\rhello\r\n0\r\n\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "5\r\nhello\r0\r\n\r\n",
            "5\r\nhello0\r\n\r\n",
            "5\r\nhello\r\n0\n\n",
            "5\r\nhello\r\n0\r\n\n",
            "5\r\nhello\r\n0\n\r\n",
            "5;a\nb\r\nhello\r\n0\r\n\r\n",
            "5;a\rb\r\nhello\r\n0\r\n\r\n",
            "5;\n\r\nhello\r\n0\r\n\r\n",
            "5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n",
            "5;a\0\r\nhello\r\n0\r\n\r\n",
            "5;\x7f\r\nhello\r\n0\r\n\r\n",
            "5 ;a\r\nhello\r\n0\r\n\r\n",
            "5\r\nhello world\r\n0\r\n\r\n",
            "5\r\nhell\r\n0\r\n\r\n",
            "2\r\nhello\r\n0\r\n\r\n",
            "5\r\nhello\r\n0\r\nx y: z\r\n\r\n",
            "5\r\nhello\r\n0\r\n x: z\r\n\r\n",
            "5\r\nhello\r\n0\r\nx\r\n\r\n",
            "5\r\nhello\r\n0\r\n: z\r\n\r\n",
            "5\r\nhello\r\n0\r\nx: a\nb\r\n\r\n",
            "5\r\nhello\r\n0\r\nx: a\rb\r\n\r\n",
            "5\r\nhello\r\n0\r\nx: a\0b\r\n\r\n",
            "5\r\nhello\r\n0\r\nx: y\n\r\n",
        ]
        .map(|body| (chunked(body), BAD)),
    );
}

/// The whole begins well and is answered in its time; what is not well is never shown to the site as complete.
#[test]
fn frame_04_a_fault_that_comes_late_aborts_the_request() {
    let rig = Rig::start();
    let mut client = TcpStream::connect(rig.pinfold.site).unwrap();
    client.write_all(chunked("5\r\nhello\r\n").as_bytes()).unwrap();
    thread::sleep(Duration::from_millis(100));
    client.write_all(b"5\r\nhello, world\r\n0\r\n\r\n").unwrap();
    let reply = listen(&mut client);
    thread::sleep(Duration::from_millis(100));
    let seen = rig.origin.take();
    assert_eq!((reply.statuses(), reply.closed), (vec![400], true), "{reply:?}");
    assert_eq!((seen.whole.len(), seen.cut.len(), seen.nonsense.len()), (0, 1, 0), "{seen:?}");
}

#[test]
fn frame_05_extensions_are_dropped_and_bounded() {
    let rig = Rig::start();
    let extension = |length: usize| format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(length));
    rig.hold([
        (chunked("5;a\r\nhello\r\n0\r\n\r\n"), Served),
        (chunked("5;a=b;c=\"d\"\r\nhello\r\n0;z\r\n\r\n"), Served),
        (chunked(&extension(8 * 1024)), Served),
        (chunked(&extension(17 * 1024)), BAD),
        // Together they are too long.
        (chunked(&format!("{}0\r\n\r\n", format!("1;{}\r\nx\r\n", "y".repeat(200)).repeat(90))), BAD),
    ]);
    converse(rig.pinfold.site, chunked("5;secret=1\r\nhello\r\n0\r\n\r\n").as_bytes());
    let seen = rig.origin.take();
    assert_eq!(seen.whole[0].body, b"hello");
}

#[test]
fn frame_06_trailers_are_no_fields() {
    let rig = Rig::start();
    let body = "5\r\nhello\r\n0\r\nX-Forwarded-For: 1.2.3.4\r\nCookie: a=1\r\nX-Real: 1\r\n\r\n";
    rig.hold([
        (chunked(body), Served),
        (chunked(&format!("0\r\nx: {}\r\n\r\n", "y".repeat(70 * 1024))), BAD),
        (chunked(&format!("0\r\n{}\r\n", "x: y\r\n".repeat(200))), BAD),
    ]);
    let request = post("Transfer-Encoding: chunked\r\nTrailer: X-Forwarded-For\r\n", body);
    converse(rig.pinfold.site, request.as_bytes());
    let seen = rig.origin.take();
    let names: Vec<_> = seen.whole[0].fields.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["x-forwarded-for", "cookie", "x-real", "trailer"] {
        assert!(!names.contains(&name), "{names:?}");
    }
}

/// A client gets those of an answer that it can take; none of them sets a cookie.
#[test]
fn frame_06_and_claim_05_trailers_of_an_answer_pass_as_trailers() {
    let pinfold = in_front_of(|stream| {
        let _ = stream.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\
              trailer: x-sum, set-cookie\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 532\r\nset-cookie: _ga=1\r\n\r\n",
        );
    });
    for (fields, passes) in [("Connection: TE\r\nTE: trailers\r\n", true), ("", false)] {
        let mut client = TcpStream::connect(pinfold.site).unwrap();
        client.write_all(get(&format!("{fields}Connection: close\r\n")).as_bytes()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let trailers = if passes { "x-sum: 532\r\n" } else { "" };
        assert_eq!(body, format!("5\r\nhello\r\n0\r\n{trailers}\r\n"), "{fields}");
    }
}

#[test]
fn frame_07_one_sound_host() {
    let rig = Rig::start();
    let with = |host: &str| (format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), BAD);
    rig.hold([
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), BAD),
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), BAD),
        (get("Host: www.town.example\r\n"), BAD),
        (get("Host: other.example\r\n"), BAD),
        (get("Host:\r\n"), BAD),
        with(""),
        with("www.town.example www.town.example"),
        with("www.town.example, www.town.example"),
        with("www.town.example,other.example"),
        with("user@www.town.example"),
        with("www.town.example/"),
        with("www.town.example/x"),
        with("www.town.example?x"),
        with("www.town.example#x"),
        with("www.town.example\\x"),
        with("http://www.town.example"),
        with("[www.town.example"),
        with("[::1"),
        with("[::1]x"),
        with("www.town.example\0"),
        with("www.town.example:65536"),
        with("www.town.example:99999999"),
        with("www.town.example:-1"),
        with("www.town.example:8o"),
        with("www.town.example:80:80"),
        with("www.t\u{f6}wn.example"),
        with("www.town.example\t.evil"),
        ("GET http:///x HTTP/1.1\r\nHost: www.town.example\r\n\r\n".to_owned(), BAD),
        ("GET http://user@www.town.example/ HTTP/1.1\r\nHost: www.town.example\r\n\r\n".to_owned(), BAD),
        ("GET ftp://www.town.example/ HTTP/1.1\r\nHost: www.town.example\r\n\r\n".to_owned(), BAD),
        ("GET //www.town.example HTTP/1.1\r\nHost: www.town.example\r\n\r\n".to_owned(), Served),
        ("GET http://other.example/ HTTP/1.1\r\nHost: www.town.example\r\n\r\n".to_owned(), Refused(&[421])),
        ("GET / HTTP/1.1\r\nHost: WWW.town.example:8080\r\n\r\n".to_owned(), Served),
    ]);
    converse(rig.pinfold.site, b"GET http://WWW.town.example/x?y HTTP/1.1\r\nHost: other.example\r\n\r\n");
    let seen = rig.origin.take();
    assert_eq!(seen.whole[0].line, "GET /x?y HTTP/1.1");
    assert_eq!(seen.whole[0].values("host"), [b"www.town.example"]);
}

#[test]
fn frame_08_fields_are_names_colons_and_values() {
    let rig = Rig::start();
    rig.hold([
        ("GET / HTTP/1.1\r\n Host: www.town.example\r\n\r\n", BAD),
        ("GET / HTTP/1.1\r\n\tHost: www.town.example\r\n\r\n", BAD),
        ("GET / HTTP/1.1\r\nHost : www.town.example\r\n\r\n", BAD),
        ("GET / HTTP/1.1\r\nHost\t: www.town.example\r\n\r\n", BAD),
        ("GET / HTTP/1.1\r\nHost: www.town.example\n\r\n", BAD),
        ("GET / HTTP/1.1\r\nHost: www.town.example\r\n\n", BAD),
        ("GET / HTTP/1.1\nHost: www.town.example\r\n\r\n", BAD),
        ("GET / HTTP/1.1\rHost: www.town.example\r\n\r\n", BAD),
        ("GET / HTTP/1.1\r\r\nHost: www.town.example\r\n\r\n", BAD),
        ("\n\nGET / HTTP/1.1\r\nHost: www.town.example\r\n\r\n", BAD),
    ]);
    rig.hold(
        [
            &b"nocolon"[..],
            b": x",
            b":x",
            b"x : y",
            b"x\t: y",
            b"x y: z",
            b"x\0: y",
            b"x\x01: y",
            b"x\x7f: y",
            b"x\xe9: y",
            b"\xffx: y",
            b"x(: y",
            b"x/y: z",
            b"x@y: z",
            b"x[0]: z",
            b"x{}: z",
            b"\"x\": z",
            b"x,y: z",
            b"x;y: z",
            b"x=y: z",
            b"x\r: z",
            b"x: a\rb",
            b"x: a\nb",
            b"x: a\0b",
            b"x: a\x07b",
            b"x: a\x1bb",
            b"x: a\x7fb",
            b"x: a\x0bb",
            b"x: a\x0cb",
            b"x: y\r",
            b"x: y\r\n folded: z",
            b"x: y\r\n\tz",
            b"x:\r\n y",
            b"x: y\r\n ",
        ]
        .map(|field| {
            let head = b"GET / HTTP/1.1\r\nHost: www.town.example\r\n";
            ([head, field, b"\r\n\r\n"].concat(), BAD)
        }),
    );
    // The last of several, too.
    rig.hold([(get("A: b\r\nC: d\r\nCookie: e=f\r\nbad name: x\r\n"), BAD)]);
}

#[test]
fn frame_09_underscores_are_dropped_or_let_through_by_name() {
    let fields = "X_Forwarded_For: 1.2.3.4\r\nApi_Key: k\r\nPinfold_Consent: marketing\r\n\
                  X-Forwarded_Proto: gopher\r\nHTTP_PROXY: x\r\nContent_Length: 9\r\n";
    let seen = |rig: &Rig| {
        converse(rig.pinfold.site, get(fields).as_bytes());
        let whole = rig.origin.take().whole;
        let names = whole[0].fields.iter().map(|(name, _)| name.clone());
        names.filter(|name| name.contains('_')).collect::<Vec<_>>()
    };
    assert!(seen(&Rig::start()).is_empty());
    assert_eq!(seen(&Rig::configured("underscore_fields = [\"api_key\"]")), ["api_key"]);
}

#[test]
fn frame_10_nobody_takes_fields_away_by_naming_them() {
    let rig = Rig::start();
    let fields = "Connection: close, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, Cookie, Host, \
                  Content-Length, Pinfold-Consent, Pinfold-Preference, Forwarded, Sec-GPC, X-Private\r\n\
                  Cookie: session=1\r\nX-Private: 1\r\nKeep-Alive: 5\r\nProxy-Connection: close\r\n\
                  TE: trailers\r\nProxy: http://evil.example\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\
                  Proxy-Authorization: Basic eDp5\r\nSec-GPC: 1\r\nContent-Length: 5\r\n";
    converse(rig.pinfold.site, post(fields, "hello").as_bytes());
    let seen = rig.origin.take();
    let message = &seen.whole[0];
    assert_eq!(message.body, b"hello");
    for (name, expected) in [
        ("host", "www.town.example"),
        ("cookie", "session=1"),
        ("content-length", "5"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "www.town.example"),
        ("pinfold-consent", ""),
        ("sec-gpc", "1"),
    ] {
        let value = message.value(name);
        assert!(value.is_some_and(|value| value.contains(expected)), "{name}: {message:?}");
    }
    for name in [
        "connection",
        "x-private",
        "keep-alive",
        "proxy-connection",
        "te",
        "proxy",
        "upgrade",
        "http2-settings",
        "proxy-authorization",
    ] {
        assert_eq!(message.value(name), None, "{name}");
    }
}

#[test]
fn frame_11_targets() {
    let rig = Rig::start();
    let line = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: www.town.example\r\n\r\n");
    rig.hold(
        [
            "/a#b",
            "/#",
            "#",
            "/a b",
            "/a\tb",
            "/a\0b",
            "/a\x01b",
            "/a\x7fb",
            "/a\rb",
            "a",
            "a/b",
            "?",
            "*",
            "..",
            "\\",
            "www.town.example",
            "www.town.example:80",
            "http:",
            "http:/",
            "http://",
            "data:x",
            "",
            " ",
            " /",
            "/ ",
            // What no browser sends as it is, and no server needs.
            "/<",
            "/>",
            "/`",
            "/?\"",
            "/?<",
            "/?>",
            "/\u{ff}\u{fe}x\u{80}y z",
        ]
        .map(|target| (line(target), BAD)),
    );
    for target in [
        "/a/../b/./c",
        "/%2e%2e/%2F",
        "/a%00b",
        "//x//y",
        "/a;b=c,d",
        "/?q=a+b&c=%20",
        "/??a=?",
        "/a\\b",
        "/:@!$&'()*+,;=~",
        "/\"",
        "/{}",
        "/|",
        "/^",
        "/?{}",
        "/?|",
        "/?^",
        "/?`",
        "/[x]",
        "/?",
    ] {
        let reply = converse(rig.pinfold.site, line(target).as_bytes());
        let seen = rig.origin.take();
        let lines: Vec<_> = seen.whole.iter().map(|message| message.line.clone()).collect();
        assert_eq!((reply.statuses(), lines), (vec![200], vec![format!("GET {target} HTTP/1.1")]));
    }
}

#[test]
fn frame_12_versions() {
    let rig = Rig::start();
    const VERSION: Expected = Refused(&[400, 505]);
    rig.hold(
        [
            "HTTP/2.0",
            "HTTP/3.0",
            "HTTP/1.10",
            "HTTP/1.2",
            "HTTP/0.9",
            "HTTP/9.9",
            "HTTP/1",
            "HTTP/1.",
            "HTTP/.1",
            "HTTP/11",
            "HTTP/01.1",
            "HTTP/1.1x",
            "HTTP/1.1 ",
            " HTTP/1.1",
            "http/1.1",
            "HTTP 1.1",
            "HTTPS/1.1",
            "ICY",
            "",
            "HTTP/1.1\t",
            "HTTP/+1.1",
        ]
        .map(|version| (format!("GET / {version}\r\nHost: www.town.example\r\n\r\n"), VERSION)),
    );
    let old =
        |fields: &str, body: &str| format!("POST / HTTP/1.0\r\nHost: www.town.example\r\n{fields}\r\n{body}");
    rig.hold([
        ("GET /\r\n".to_owned(), VERSION),
        ("GET /\r\n\r\n".to_owned(), VERSION),
        ("GET\r\n\r\n".to_owned(), VERSION),
        (old("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), BAD),
        (old("", ""), ServedLast),
        (old("Content-Length: 5\r\n", "hello"), ServedLast),
    ]);
}

#[test]
fn frame_13_methods() {
    let rig = Rig::start();
    const METHOD: Expected = Refused(&[405]);
    rig.hold([
        ("CONNECT www.town.example:80 HTTP/1.1\r\nHost: www.town.example\r\n\r\n", METHOD),
        ("CONNECT / HTTP/1.1\r\nHost: www.town.example\r\n\r\n", METHOD),
        ("TRACE / HTTP/1.1\r\nHost: www.town.example\r\nCookie: secret=1\r\n\r\n", METHOD),
        ("TRACE http://www.town.example/ HTTP/1.1\r\nHost: www.town.example\r\n\r\n", METHOD),
        ("G(T / HTTP/1.1\r\nHost: www.town.example\r\n\r\n", BAD),
        ("G\x00T / HTTP/1.1\r\nHost: www.town.example\r\n\r\n", BAD),
        ("\"GET\" / HTTP/1.1\r\nHost: www.town.example\r\n\r\n", BAD),
        (" GET / HTTP/1.1\r\nHost: www.town.example\r\n\r\n", BAD),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03", BAD),
    ]);
    let trace = "TRACE / HTTP/1.1\r\nHost: www.town.example\r\nCookie: secret=1\r\n\r\n";
    let reply = converse(rig.pinfold.site, trace.as_bytes());
    assert!(!format!("{reply:?}").contains("secret"), "{reply:?}");
}

#[test]
fn frame_14_expectations() {
    let rig = Rig::start();
    rig.hold([
        (post("Expect: tea\r\nContent-Length: 5\r\n", "hello"), Refused(&[417])),
        (post("Expect: 100-continue, tea\r\nContent-Length: 5\r\n", "hello"), Refused(&[417])),
        (post("Expect: 100-continue\r\nExpect: tea\r\nContent-Length: 5\r\n", "hello"), Refused(&[417])),
        // What is refused is refused before its body comes, and nobody is told to go on.
        (post("Expect: 100-continue\r\nContent-Length: nonsense\r\n", ""), BAD),
        (
            "POST / HTTP/1.1\r\nHost: other.example\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
                .to_owned(),
            Refused(&[421]),
        ),
    ]);
    let mut client = TcpStream::connect(rig.pinfold.site).unwrap();
    client.write_all(post("Expect: 100-Continue\r\nContent-Length: 5\r\n", "").as_bytes()).unwrap();
    assert_eq!(listen(&mut client).statuses(), [100]);
    client.write_all(b"hello").unwrap();
    assert_eq!(listen(&mut client).statuses(), [200]);
    assert_eq!(rig.origin.take().whole[0].value("expect"), None);
}

/// Whoever waits to be told before it sends a body is answered without one, if that is what the site does.
#[test]
fn frame_14_the_site_may_answer_before_the_body_comes() {
    for (line, status) in [("401 Unauthorized", 401), ("417 Expectation Failed", 417), ("200 OK", 200)] {
        let pinfold = in_front_of(move |stream| {
            let _ = stream.write_all(format!("HTTP/1.1 {line}\r\ncontent-length: 5\r\n\r\nhello").as_bytes());
        });
        for framing in ["Content-Length: 1000000\r\n", "Transfer-Encoding: chunked\r\n"] {
            let mut client = TcpStream::connect(pinfold.site).unwrap();
            client.write_all(post(&format!("Expect: 100-continue\r\n{framing}"), "").as_bytes()).unwrap();
            let reply = listen(&mut client);
            let statuses = reply.statuses();
            assert_eq!((statuses.last(), reply.closed), (Some(&status), true), "{line} {statuses:?}");
            assert!(statuses[..statuses.len() - 1].iter().all(|status| *status == 100), "{statuses:?}");
        }
    }
}

/// Whoever waits is told to go on, and each part is with the site before the next is sent.
#[test]
fn frame_14_an_upload_that_waited_streams() {
    let (come, comes) = std::sync::mpsc::channel();
    let come = std::sync::Mutex::new(come);
    let pinfold = in_front_of(move |stream| {
        let (mut body, mut part) = (Vec::new(), [0; 4096]);
        while !body.ends_with(b"\r\n0\r\n\r\n") {
            let length = stream.read(&mut part).unwrap();
            body.extend_from_slice(&part[..length]);
            come.lock().unwrap().send(length).unwrap();
        }
        let _ = stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n");
    });
    let mut client = TcpStream::connect(pinfold.site).unwrap();
    client.write_all(post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", "").as_bytes()).unwrap();
    assert_eq!(listen(&mut client).statuses(), [100]);
    assert!(comes.try_recv().is_err(), "nothing has been sent");
    for _ in 0..3 {
        client.write_all(b"5\r\nhello\r\n").unwrap();
        comes.recv_timeout(Duration::from_secs(5)).unwrap();
    }
    client.write_all(b"0\r\n\r\n").unwrap();
    assert_eq!(listen(&mut client).statuses(), [201]);
}

/// In front of a site that reads heads, and then does this.
fn in_front_of(answer: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> Pinfold {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let pinfold = Pinfold::configured(&configuration(listener.local_addr().unwrap(), ""));
    let answer = std::sync::Arc::new(answer);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            thread::spawn(move || {
                let (mut head, mut byte) = (Vec::new(), [0]);
                while stream.read(&mut byte).is_ok_and(|length| length > 0) {
                    head.push(byte[0]);
                    if head.ends_with(b"\r\n\r\n") {
                        head.clear();
                        answer(&mut stream);
                    }
                }
            });
        }
    });
    pinfold
}

#[test]
fn frame_15_after_a_refusal_the_connection_closes() {
    let rig = Rig::start();
    let fault = |first: &str, second: &str, statuses: &[u16], whole: usize| {
        let reply = converse(rig.pinfold.site, format!("{first}{second}").as_bytes());
        let seen = rig.origin.take();
        let found = (reply.statuses(), reply.closed, seen.whole.len());
        assert_eq!(found, (statuses.to_vec(), true, whole), "{first}{second}");
    };
    let bad = get("bad name: x\r\n");
    // Answers that are under way come first; nothing that follows is looked at.
    fault(&get(""), &bad, &[200, 400], 1);
    fault(&get("").repeat(3), &bad, &[200, 200, 200, 400], 3);
    fault(&bad, &get(""), &[400], 0);
    fault(&chunked("5\r\nhello\r\n0\r\n\r\n"), &bad, &[200, 400], 1);
    fault(&post("Content-Length: 5\r\n", "hello)"), &get(""), &[200, 400], 1);
    fault(&post("Content-Length: 3\r\n", "hello\r\n"), "", &[200, 400], 1);
    fault("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", &get(""), &[400], 0);
    fault("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n", &get(""), &[421], 0);
    // A page of the proxy's own is answered before the body was read.
    let early = post("Content-Length: 1000000\r\n", "hello").replace("POST / ", "PUT /cookies ");
    fault(&early, "", &[405], 0);
    // Sound ones are answered in their order, and the connection is kept.
    let reply = converse(rig.pinfold.site, get("").repeat(20).as_bytes());
    assert_eq!((reply.statuses(), reply.closed), (vec![200; 20], false));
}

/// The site answers as soon as it has seen the head.
#[test]
fn frame_15_whoever_is_answered_before_the_body_came_is_not_listened_to() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let pinfold = Pinfold::configured(&configuration(listener.local_addr().unwrap(), ""));
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut part = [0; 4096];
                let _ = stream.read(&mut part);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
                while stream.read(&mut part).is_ok_and(|length| length > 0) {}
            });
        }
    });
    // A body that goes on is not that of the answer before.
    let origin = Recorder::start();
    let behind = Pinfold::configured(&configuration(origin.address, ""));
    let mut client = TcpStream::connect(behind.site).unwrap();
    client.write_all(format!("{}{}", get(""), post("Content-Length: 5\r\n", "he")).as_bytes()).unwrap();
    assert_eq!(listen(&mut client).statuses(), [200]);
    client.write_all(b"llo").unwrap();
    assert_eq!(listen(&mut client).statuses(), [200]);
    for body in [post("Content-Length: 100\r\n", "hel"), chunked("5\r\nhel")] {
        let mut client = TcpStream::connect(pinfold.site).unwrap();
        client.write_all(body.as_bytes()).unwrap();
        let reply = listen(&mut client);
        assert_eq!((reply.statuses(), reply.closed), (vec![200], true), "{body}");
    }
}

#[test]
fn frame_16_limits() {
    let rig = Rig::start();
    let x = |count: usize| "x".repeat(count);
    const FIELDS: Expected = Refused(&[431]);
    const TARGET: Expected = Refused(&[414]);
    let target = |length: usize| format!("GET /{} HTTP/1.1\r\nHost: www.town.example\r\n\r\n", x(length - 1));
    let cookies: Vec<String> = (0..400).map(|number| format!("c{number}=1")).collect();
    rig.hold([
        (target(8 * 1024), Served),
        (target(8 * 1024 + 1), TARGET),
        (format!("GET /{}", x(20_000)), TARGET),
        (get(&format!("X: {}\r\n", x(60 * 1024))), Served),
        (get(&format!("X: {}\r\n", x(64 * 1024))), FIELDS),
        (format!("GET / HTTP/1.1\r\nX: {}", x(70 * 1024)), FIELDS),
        (format!("GET / HTTP/1.1\r\n{}", x(70 * 1024)), FIELDS),
        (get(&"A: 1\r\n".repeat(99)), Served),
        (get(&"A: 1\r\n".repeat(100)), FIELDS),
        (format!("GET / HTTP/1.1\r\n{}", "A: 1\r\n".repeat(200)), FIELDS),
        (get(&format!("Cookie: {}\r\n", cookies.join("; "))), Served),
        (get(&format!("Cookie: a={}\r\n", x(16 * 1024 - 2))), Served),
        (get(&format!("Cookie: a={}\r\n", x(16 * 1024 - 1))), FIELDS),
        (format!("{} / HTTP/1.1\r\nHost: www.town.example\r\n\r\n", x(100)), Refused(&[400, 501])),
    ]);
}

/// Pieces of a head or a body come together as they would in one.
#[test]
fn bytes_that_come_one_by_one_are_read_alike() {
    let rig = Rig::start();
    let messages =
        [get("Accept: */*\r\n"), chunked("5;x\r\nhello\r\n0\r\nt: v\r\n\r\n"), get("bad name: x\r\n")];
    let mut client = TcpStream::connect(rig.pinfold.site).unwrap();
    client.set_nodelay(true).unwrap();
    for byte in messages.concat().bytes() {
        client.write_all(&[byte]).unwrap();
        thread::sleep(Duration::from_micros(200));
    }
    let reply = listen(&mut client);
    assert_eq!((reply.statuses(), reply.closed), (vec![200, 200, 400], true));
    let seen = rig.origin.take();
    assert_eq!((seen.whole.len(), seen.whole[1].body.as_slice()), (2, &b"hello"[..]));
}

/// What begins as HTTP/2 does and does not go on so is not answered as HTTP/1.
#[test]
fn http2_5_a_wrong_preface_is_no_request() {
    Rig::start().hold([
        ("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", Closed),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", Closed),
        ("PRI * HTTP/2.0\r\nHost: www.town.example\r\n\r\n", Closed),
        ("PRI * HTTP/1.1\r\nHost: www.town.example\r\n\r\n", BAD),
    ]);
}
