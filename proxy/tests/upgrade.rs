//! Other protocols than HTTP, over connections that began with it: raw bytes on both sides.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::recorder::{converse, listen};
use common::{Answer, Pinfold, configuration, signal};

/// An origin that speaks raw bytes, and keeps the heads it was sent.
struct Site {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<Answer>>>,
}

/// What it answers to whoever asks for a WebSocket.
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// What it answers to whoever asks for a page.
const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello";

impl Site {
    /// A request that asks for no other protocol is answered `hello`; one that does is left, once its head is read, to `switch`.
    fn start(switch: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (heads, switch) = (Arc::<Mutex<Vec<_>>>::default(), Arc::new(switch));
        let seen = heads.clone();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let (seen, switch) = (seen.clone(), switch.clone());
                thread::spawn(move || {
                    stream.set_nodelay(true).unwrap();
                    while let Some(head) = read_head(&mut stream) {
                        let asks = !head.values("upgrade").is_empty();
                        seen.lock().unwrap().push(head);
                        if asks {
                            switch(&mut stream);
                        } else {
                            let _ = stream.write_all(HELLO.as_bytes());
                        }
                    }
                });
            }
        });
        Self { address, heads }
    }

    /// Agrees to a WebSocket, and says back whatever it hears; at the end of it, `bye`.
    fn echo() -> Self {
        Self::start(|stream| {
            stream.write_all(SWITCH.as_bytes()).unwrap();
            let mut part = vec![0; 64 * 1024];
            while let Ok(length @ 1..) = stream.read(&mut part) {
                if stream.write_all(&part[..length]).is_err() {
                    return;
                }
            }
            let _ = stream.write_all(b"bye");
            let _ = stream.shutdown(Shutdown::Both);
        })
    }

    /// Answers so whatever else is asked for.
    fn answering(text: &'static str) -> Self {
        Self::start(|stream| {
            let _ = stream.write_all(text.as_bytes());
        })
    }

    /// What was asked, in order, since the last time.
    fn take(&self) -> Vec<Answer> {
        std::mem::take(&mut self.heads.lock().unwrap())
    }

    fn pinfold(&self) -> Pinfold {
        Pinfold::configured(&configuration(self.address, ""))
    }
}

/// A head, and not a byte more. Nothing at the end.
fn read_head(stream: &mut TcpStream) -> Option<Answer> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    Some(Answer::read(&head))
}

fn asking(fields: &str) -> String {
    format!("GET /chat HTTP/1.1\r\nHost: www.town.example\r\n{fields}\r\n")
}

const WEBSOCKET: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A client that has sent this.
fn client(pinfold: &Pinfold, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(pinfold.site).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    stream
}

/// A client that speaks with the origin.
fn switched(pinfold: &Pinfold, fields: &str) -> (TcpStream, Answer) {
    let mut stream = client(pinfold, &asking(&format!("{WEBSOCKET}{fields}")));
    let head = read_head(&mut stream).unwrap();
    assert_eq!(head.status, 101, "{head:?}");
    (stream, head)
}

/// So many bytes.
fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

fn resident_kib(pinfold: &Pinfold) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pinfold.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn upgrade_1_a_websocket_opens_with_the_fields_that_it_needs() {
    let site = Site::echo();
    let pinfold = site.pinfold();
    let (mut stream, head) = switched(&pinfold, "Keep-Alive: 5\r\nHTTP2-Settings: AAMAAABk\r\n");
    assert_eq!(head.values("upgrade"), ["websocket"]);
    assert_eq!(head.values("connection"), ["upgrade"]);
    assert_eq!(head.values("sec-websocket-accept"), ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
    stream.write_all(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58").unwrap();
    assert_eq!(read(&mut stream, 11), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    let asked = site.take();
    assert_eq!(asked[0].values("connection"), ["upgrade"]);
    assert_eq!(asked[0].values("upgrade"), ["websocket"]);
    assert_eq!(asked[0].values("sec-websocket-key"), ["dGhlIHNhbXBsZSBub25jZQ=="]);
    for gone in ["keep-alive", "http2-settings"] {
        assert!(asked[0].values(gone).is_empty(), "{gone}");
    }
}

#[test]
fn upgrade_1_what_is_said_early_is_not_heard_before_the_origin_agrees() {
    let heard = Arc::<Mutex<Vec<Option<ErrorKind>>>>::default();
    let noted = heard.clone();
    let site = Site::start(move |stream| {
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        noted.lock().unwrap().push(stream.read(&mut [0]).err().map(|error| error.kind()));
        stream.set_read_timeout(None).unwrap();
        // What an origin says first may come along with its answer.
        stream.write_all(format!("{SWITCH}first").as_bytes()).unwrap();
        let mut early = [0; 41];
        stream.read_exact(&mut early).unwrap();
        stream.write_all(&early).unwrap();
    });
    let pinfold = site.pinfold();
    // A request, if somebody took it for one.
    let early = "GET /admin HTTP/1.1\r\nHost: evil.example\r\n";
    for apart in [false, true] {
        let mut stream = client(&pinfold, &asking(WEBSOCKET));
        if apart {
            thread::sleep(Duration::from_millis(100));
        }
        stream.write_all(early.as_bytes()).unwrap();
        assert_eq!(read_head(&mut stream).unwrap().status, 101);
        assert_eq!(read(&mut stream, 46), format!("first{early}").as_bytes());
    }
    assert_eq!(*heard.lock().unwrap(), [Some(ErrorKind::WouldBlock); 2]);
    assert_eq!(site.take().len(), 2);
}

#[test]
fn upgrade_1_where_the_origin_does_not_agree_http_goes_on() {
    const REQUIRED: &str = "HTTP/1.1 426 Upgrade Required\r\nconnection: upgrade\r\nupgrade: websocket, h2c\r\n\
                            sec-websocket-version: 13\r\ncontent-length: 3\r\n\r\nno!";
    const CHUNKED: &str = "HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n3\r\nno!\r\n0\r\n\r\n";
    let next = "GET /next HTTP/1.1\r\nHost: www.town.example\r\n\r\n";
    let ask = asking(WEBSOCKET);
    for (answer, status) in [(HELLO, 200), (REQUIRED, 426), (CHUNKED, 404)] {
        let site = Site::answering(answer);
        let pinfold = site.pinfold();
        for (first, more, statuses, closed, seen) in [
            ("", next, vec![status, 200], false, 2),
            ("", "GET /next HTTP/1.1\r\nHost: a b\r\n\r\n", vec![status, 400], true, 1),
            ("", "\0nonsense", vec![status, 400], true, 1),
            ("", "\x16\x03\x01", vec![status, 400], true, 1),
            (next, next, vec![200, status, 200], false, 3),
            (next, "GET /next HTTP/9.9\r\n\r\n", vec![200, status, 505], true, 2),
            ("", ask.as_str(), vec![status, status], false, 2),
            ("", "", vec![status], false, 1),
        ] {
            for apart in [false, true] {
                let mut stream = client(&pinfold, &format!("{first}{ask}"));
                if apart {
                    thread::sleep(Duration::from_millis(50));
                }
                stream.write_all(more.as_bytes()).unwrap();
                let found = everything(&mut stream);
                assert_eq!(found, (statuses.clone(), closed), "{first}{ask}{more}");
                assert_eq!(site.take().len(), seen, "{first}{ask}{more}");
            }
        }
    }
    let pinfold = Site::answering(REQUIRED).pinfold();
    let required = listen(&mut client(&pinfold, &ask));
    assert_eq!(required.answers[0].values("upgrade"), ["websocket"]);
    assert_eq!(required.answers[0].values("connection"), ["upgrade"]);
}

/// The statuses of what comes back, and whether the connection is closed after it.
fn everything(stream: &mut TcpStream) -> (Vec<u16>, bool) {
    stream.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
    let mut bytes = Vec::new();
    let closed = stream.read_to_end(&mut bytes).is_ok();
    let text = String::from_utf8_lossy(&bytes);
    let statuses = text.match_indices("HTTP/1.1 ").map(|(at, _)| text[at + 9..at + 12].parse().unwrap());
    (statuses.collect(), closed)
}

#[test]
fn upgrade_1_and_http2_6_what_is_no_offer_is_an_ordinary_request() {
    let site = Site::echo();
    let pinfold = site.pinfold();
    let next = "GET /next HTTP/1.1\r\nHost: www.town.example\r\n\r\n";
    let post = |fields: &str, body: &str| {
        format!("POST / HTTP/1.1\r\nHost: www.town.example\r\n{WEBSOCKET}{fields}\r\n{body}")
    };
    for (request, more) in [
        (asking("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"), next),
        (asking("Connection: Upgrade\r\nUpgrade: TLS/1.2, HTTP/2.0\r\n"), next),
        (asking("Upgrade: websocket\r\n"), next),
        (asking("Connection: Upgrade\r\n"), next),
        (asking("Connection: Upgrade\r\nUpgrade: web socket\r\n"), next),
        (asking(WEBSOCKET).replace("HTTP/1.1", "HTTP/1.0"), ""),
        (post("Content-Length: 5\r\n", "hello"), ""),
    ] {
        let reply = converse(pinfold.site, format!("{request}{more}").as_bytes());
        assert!(reply.statuses().iter().all(|status| *status == 200), "{request}: {reply:?}");
        let asked = site.take();
        assert_eq!(asked.len(), 1 + usize::from(!more.is_empty()), "{request}");
        for name in ["upgrade", "connection", "http2-settings"] {
            assert!(asked[0].values(name).is_empty(), "{request}: {name}");
        }
    }
    // Pages of Pinfold's own are pages.
    let own = asking(WEBSOCKET).replace("/chat", "/.well-known/gpc.json");
    assert_eq!(converse(pinfold.site, format!("{own}{own}{next}").as_bytes()).statuses(), [200; 3]);
    assert_eq!(site.take().len(), 1);
    // Of several, what may pass does.
    let mut stream =
        client(&pinfold, &asking("Connection: Upgrade\r\nUpgrade: h2c, WebSocket\r\nUpgrade: irc/6.9\r\n"));
    assert_eq!(read_head(&mut stream).unwrap().status, 101);
    assert_eq!(site.take()[0].values("upgrade"), ["WebSocket, irc/6.9"]);
}

#[test]
fn upgrade_2_and_frame_17_a_switch_to_anything_else_is_502() {
    for (answer, fields, status) in [
        (SWITCH, WEBSOCKET, 101),
        ("HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: WebSocket\r\n\r\n", WEBSOCKET, 101),
        ("HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: irc\r\n\r\n", WEBSOCKET, 502),
        ("HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", WEBSOCKET, 502),
        ("HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket, h2c\r\n\r\n", WEBSOCKET, 502),
        (
            "HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\nupgrade: h2c\r\n\r\n",
            WEBSOCKET,
            502,
        ),
        ("HTTP/1.1 101 X\r\n\r\n", WEBSOCKET, 502),
        (SWITCH, "Connection: Upgrade\r\nUpgrade: chat/2\r\n", 502),
    ] {
        let site = Site::answering(answer);
        let pinfold = site.pinfold();
        let mut stream = client(&pinfold, &asking(fields));
        assert_eq!(read_head(&mut stream).unwrap().status, status, "{answer}");
    }
}

#[test]
fn upgrade_3_ends_pass_either_way() {
    let site = Site::echo();
    let pinfold = site.pinfold();
    // A close frame is bytes like any other, and so is what nobody can read.
    let (mut stream, _) = switched(&pinfold, "");
    let close = b"\x88\x82\x00\x00\x00\x00\x03\xe9";
    stream.write_all(close).unwrap();
    assert_eq!(read(&mut stream, close.len()), close);
    // The client has said everything; the origin has not.
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut stream), b"bye");

    // The other way round.
    let (told, hears) = std::sync::mpsc::channel();
    let told = Mutex::new(told);
    let site = Site::start(move |stream| {
        stream.write_all(format!("{SWITCH}\x03").as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        told.lock().unwrap().send(read_to_end(stream)).unwrap();
    });
    let pinfold = site.pinfold();
    let (mut stream, _) = switched(&pinfold, "");
    assert_eq!(read_to_end(&mut stream), b"\x03");
    stream.write_all(b"still here").unwrap();
    thread::sleep(Duration::from_millis(100));
    stream.write_all(b", and done").unwrap();
    drop(stream);
    assert_eq!(hears.recv_timeout(Duration::from_secs(5)).unwrap(), b"still here, and done");
}

#[test]
fn upgrade_3_a_connection_that_was_switched_is_not_used_again() {
    let site = Site::echo();
    let pinfold = site.pinfold();
    for _ in 0..20 {
        let (mut stream, _) = switched(&pinfold, "");
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_to_end(&mut stream), b"bye");
        assert_eq!(pinfold.get("/", &[]).body, "hello");
    }
}

#[test]
fn upgrade_3_messages_of_any_length_pass_in_little_memory() {
    const LONG: usize = 64 << 20;
    let site = Site::echo();
    let pinfold = site.pinfold();
    let (mut stream, _) = switched(&pinfold, "");
    for number in 0..1000 {
        let message = format!("message {number}");
        stream.write_all(message.as_bytes()).unwrap();
        assert_eq!(read(&mut stream, message.len()), message.as_bytes());
    }
    let before = resident_kib(&pinfold);
    let mut sender = stream.try_clone().unwrap();
    let sent = thread::spawn(move || {
        let part: Vec<u8> = (0..=255).cycle().take(64 * 1024).collect();
        // The client is slow to listen: what it has not taken waits with the sender.
        (0..LONG / part.len()).for_each(|_| sender.write_all(&part).unwrap());
    });
    thread::sleep(Duration::from_millis(500));
    let mut most = resident_kib(&pinfold);
    for part in 0..LONG / (1 << 20) {
        let bytes = read(&mut stream, 1 << 20);
        assert!(bytes.iter().enumerate().all(|(at, byte)| usize::from(*byte) == at % 256), "{part}");
        most = most.max(resident_kib(&pinfold));
    }
    sent.join().unwrap();
    assert!(most < before + 4096, "{before} KiB, then {most}");
}

#[test]
fn upgrade_3_idle_tunnels_hold_little() {
    const TUNNELS: usize = 300;
    let site = Site::echo();
    let pinfold = site.pinfold();
    let mut open: Vec<_> = (0..20).map(|_| switched(&pinfold, "").0).collect();
    let before = resident_kib(&pinfold);
    open.extend((0..TUNNELS).map(|_| switched(&pinfold, "").0));
    let each = resident_kib(&pinfold).saturating_sub(before) / TUNNELS;
    assert!(each < 32, "{each} KiB for each tunnel, in a build that is not optimised");
    for stream in &mut open {
        stream.write_all(b"ping").unwrap();
        assert_eq!(read(stream, 4), b"ping");
    }
}

#[test]
fn law_03_and_upgrade_1_cookies_are_held_in_both_directions() {
    let site = Site::start(|stream| {
        let cookies = "Set-Cookie: session=2\r\nSet-Cookie: _ga=2\r\nset-cookie: stray=2\r\n\
                       Content-Type: text/html\r\nContent-Length: 5\r\n\r\n";
        let _ = stream.write_all(SWITCH.replacen("\r\n\r\n", &format!("\r\n{cookies}"), 1).as_bytes());
        let mut part = [0; 1024];
        while let Ok(length @ 1..) = stream.read(&mut part) {
            let _ = stream.write_all(&part[..length]);
        }
    });
    let pinfold = site.pinfold();
    let fields = "Cookie: session=1; _ga=1; stray=1\r\nSec-Fetch-Dest: document\r\nAccept: text/html\r\n\
                  X-Forwarded-For: 203.0.113.77\r\nPinfold-Consent: marketing\r\n";
    let (mut stream, head) = switched(&pinfold, fields);
    assert_eq!(head.values("set-cookie"), ["session=2"], "{head:?}");
    assert!(head.values("content-length").is_empty(), "{head:?}");
    stream.write_all(b"<body>").unwrap();
    assert_eq!(read(&mut stream, 6), b"<body>", "what is said is no page");
    let asked = site.take();
    assert_eq!(asked[0].values("cookie"), ["session=1"]);
    assert!(asked[0].values("x-forwarded-for").is_empty());
    assert_ne!(asked[0].values("pinfold-consent"), ["marketing"]);
    drop(stream);
    let (directory, log) = pinfold.stop();
    assert!(!log.contains("panicked"), "{log}");
    let report = Pinfold::report(directory.path());
    assert_eq!(report["traffic"]["requests"], 1);
    assert_eq!(report["traffic"]["page_views"], 0);
    assert_eq!(report["traffic"]["by_status"]["1xx"], 1);
}

#[test]
fn upgrade_3_and_fault_16_a_stop_leaves_tunnels_alone_for_a_while() {
    let site = Site::echo();
    let (finished, cut) = (site.pinfold(), site.pinfold());
    let (mut stream, mut stubborn) = (switched(&finished, "").0, switched(&cut, "").0);
    let began = Instant::now();
    for pinfold in [&finished, &cut] {
        signal(pinfold.pid(), "TERM");
    }
    thread::sleep(Duration::from_secs(2));
    for stream in [&mut stream, &mut stubborn] {
        stream.write_all(b"ping").unwrap();
        assert_eq!(read(stream, 4), b"ping");
    }
    // It ends as soon as the last one does.
    drop(stream);
    finished.stop();
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(read_to_end(&mut stubborn), b"");
    let after = began.elapsed().as_secs();
    assert!((29..=40).contains(&after), "cut after {after} s");
    cut.stop();
}
