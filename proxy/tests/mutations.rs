//! Sound messages with faults in them, by the thousand or by the million: what reaches the site is read alike by everybody.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::Write as _;
use std::net::Shutdown;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use common::recorder::{Recorder, Reply, Seen, read_reply};
use common::strict::Message;
use common::tls::{self, Authority};
use common::{BINARY, Pinfold, configuration};

/// How many messages, on all listeners together. `scripts/fuzz mutations` asks for a million.
fn messages() -> usize {
    std::env::var("PINFOLD_TEST_MUTATIONS").map_or(1_600, |messages| messages.parse().unwrap())
}

/// One in so many is said over TLS.
const SECURED: usize = 16;

/// Whoever is neither answered nor cut off for so long is neither.
const PATIENCE: Duration = Duration::from_secs(20);

const SOUND: [&str; 7] = [
    "GET /bins?ward=7 HTTP/1.1\r\nHost: www.town.example\r\nAccept: */*\r\nCookie: session=1; _ga=2\r\n\r\n",
    "POST /pay HTTP/1.1\r\nHost: www.town.example\r\nContent-Length: 11\r\nX-A: b\r\n\r\nhello world",
    "POST /pay HTTP/1.1\r\nHost: www.town.example\r\nTransfer-Encoding: chunked\r\n\r\n\
     5\r\nhello\r\n6;x=\"y\"\r\n world\r\n0\r\nX-T: v\r\n\r\n",
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: www.town.example\r\nConnection: keep-alive, x-b\r\n\
     X-B: 1\r\n\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n",
    "PUT http://www.town.example/x HTTP/1.1\r\nHost: other\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody",
    "OPTIONS * HTTP/1.1\r\nHost: www.town.example\r\nX_Y: z\r\nTE: trailers\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: www.town.example\r\nConnection: keep-alive\r\n\r\n",
];

/// What has divided servers before.
const PIECES: [&str; 41] = [
    "\r",
    "\n",
    "\r\n",
    "\r\n\r\n",
    " ",
    "\t",
    "\0",
    "\x0b",
    "\x7f",
    "\u{e9}",
    ":",
    ";",
    ",",
    "\"",
    "_",
    "#",
    "/",
    "0",
    "1",
    "f",
    "+",
    "-",
    "0x",
    "Content-Length: 3\r\n",
    "content-length : 3\r\n",
    "Content-Length: 3, 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding:\x0bchunked\r\n",
    "Host: www.town.example\r\n",
    "Host: other\r\n",
    " folded\r\n",
    "chunked, ",
    "HTTP/1.0",
    "HTTP/1.1",
    "GET /smuggled HTTP/1.1\r\nHost: www.town.example\r\n\r\n",
    "0\r\n\r\n",
    "5\r\nhello\r\n",
    "Upgrade: h2c\r\n",
    "Connection: upgrade\r\nUpgrade: websocket\r\n",
    "Connection: content-length\r\n",
];

/// Numbers that are the same in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// One message or two, with up to four faults.
    fn message(&mut self) -> Vec<u8> {
        let mut bytes = self.of(&SOUND).as_bytes().to_vec();
        if self.below(3) == 0 {
            bytes.extend(self.of(&SOUND).as_bytes());
        }
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let end = (at + 1 + self.below(8)).min(bytes.len());
            match self.below(5) {
                0 => bytes.splice(at..at, self.of(&PIECES).bytes()).for_each(drop),
                1 => bytes.splice(at..end, self.of(&PIECES).bytes()).for_each(drop),
                2 => bytes.drain(at..end).for_each(drop),
                3 => bytes[at] = self.below(256) as u8,
                // At the beginning of a line, where it does most harm.
                _ => {
                    let line =
                        bytes[..at].windows(2).rposition(|two| two == b"\r\n").map_or(0, |end| end + 2);
                    bytes.splice(line..line, self.of(&PIECES).bytes()).for_each(drop);
                }
            }
            if bytes.is_empty() {
                return self.message();
            }
        }
        bytes
    }
}

#[test]
fn frame_whatever_reaches_the_site_is_read_alike() {
    println!("{}", run(|_| {}));
}

/// A third reader: llhttp, which is that of Node.
#[test]
#[ignore = "needs Node"]
fn frame_whatever_reaches_the_site_is_read_alike_by_node_too() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (mut bytes, mut expected) = (Vec::new(), Vec::new());
    let summary = run(|message| {
        bytes.extend_from_slice(&u32::try_from(message.raw.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(&message.raw);
        expected.push(told(message));
    });
    fs::write(file.path(), &bytes).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mutations/llhttp.js");
    let node = Command::new("node").args([script, file.path().to_str().unwrap()]).output().unwrap();
    assert!(node.status.success(), "{}", String::from_utf8_lossy(&node.stderr));
    let read: Vec<_> = std::str::from_utf8(&node.stdout).unwrap().lines().collect();
    assert_eq!(read.len(), expected.len());
    let unknown = read.iter().filter(|line| **line == "?").count();
    assert!(unknown < read.len() / 4, "{unknown} of {} were refused", read.len());
    for (read, expected) in read.iter().zip(&expected).filter(|(read, _)| **read != "?") {
        assert_eq!(read, expected);
    }
    println!("{summary}; llhttp read {} of them alike, and refused {unknown}", read.len() - unknown);
}

/// A message in the words of the script.
fn told(message: &Message) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let fields = message.fields.iter().map(|(name, value)| format!("{name}:{}", hex(value)));
    [message.line.clone(), hex(&message.body)].into_iter().chain(fields).collect::<Vec<_>>().join(" ")
}

/// Sends every message, and shows each one that reached a site; what came of it.
fn run(mut show: impl FnMut(&Message)) -> String {
    let began = Instant::now();
    let messages = messages();
    let secured = messages / SECURED;
    let clear = (messages - secured).div_ceil(4);
    let shares = [
        (0x9e37_79b9, clear, false),
        (0x7f4a_7c15, clear, false),
        (0xbf58_476d, clear, false),
        (0x94d0_49bb, clear, false),
        (0x2545_f491, secured, true),
    ];
    let (passed, shown) = std::sync::mpsc::sync_channel(1_024);
    let threads = shares.map(|(seed, count, tls)| {
        let passed = passed.clone();
        let send = move || Rig::start(tls).send(Chance(seed), count, |message| passed.send(message).unwrap());
        (count, thread::spawn(send))
    });
    drop(passed);
    shown.iter().for_each(|message| show(&message));
    let (mut served, mut refused) = (0, 0);
    for (count, thread) in threads {
        let (its_served, its_refused) = thread.join().unwrap();
        // Both ways are tried.
        assert!(its_served > count / 10 && its_refused > count / 10, "{its_served} {its_refused}");
        served += its_served;
        refused += its_refused;
    }
    let took = began.elapsed();
    format!(
        "{messages} messages in {took:?}, {secured} of them over TLS: {served} requests reached the site, {refused} connections brought none"
    )
}

/// How long the proxy throws away what is still said after its last answer (RFC 9112 section 9.6).
const FAREWELL: Duration = Duration::from_secs(1);

/// A proxy in front of a recording origin.
struct Rig {
    origin: Recorder,
    pinfold: Pinfold,
    /// Where it is asked over TLS.
    tls: Option<(Authority, std::sync::Arc<rustls::ClientConfig>)>,
}

impl Rig {
    fn start(tls: bool) -> Self {
        let origin = Recorder::start();
        let mut text = configuration(origin.address, "");
        let tls = tls.then(|| {
            let authority = Authority::for_the_town();
            text = authority.listening(&text);
            let client = authority.client(rustls::DEFAULT_VERSIONS, &[]).into();
            (authority, client)
        });
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("pinfold.toml"), text).unwrap();
        let mut command = Command::new(BINARY);
        command.args(["run", "--config", "pinfold.toml"]).current_dir(directory.path());
        // A million requests are much to remember.
        command.env("PINFOLD_LOG", "info").stdin(Stdio::null());
        Self { pinfold: Pinfold::spawn(command, directory), origin, tls }
    }

    /// How many requests reached the site, and how many connections brought none.
    fn send(&self, mut chance: Chance, count: usize, mut pass: impl FnMut(Message)) -> (usize, usize) {
        let (mut served, mut refused) = (0, 0);
        for _ in 0..count {
            let bytes = chance.message();
            let cut = chance.below(4 * bytes.len());
            let (reply, seen, took) = self.converse_in_time(&bytes, cut);
            let answered = judge(&reply, &seen, &format!("{took:?} {}", bytes.escape_ascii()));
            seen.whole.into_iter().for_each(&mut pass);
            refused += usize::from(answered == 0);
            served += answered;
        }
        assert!(!self.pinfold.log().contains("panicked"), "{}", self.pinfold.log());
        (served, refused)
    }

    /// Says the same again where the machine was so busy that a reset may have taken the answer.
    fn converse_in_time(&self, bytes: &[u8], cut: usize) -> (Reply, Seen, Duration) {
        let mut tries = 0..4;
        loop {
            let began = Instant::now();
            let reply = self.converse(bytes, cut);
            let (seen, took) = (self.origin.take(), began.elapsed());
            if tries.next().is_none() || !reply.closed || took < FAREWELL {
                return (reply, seen, took);
            }
        }
    }

    /// Sends bytes, some of them in two parts, and then what can hardly be the beginning of anything, and the end.
    fn converse(&self, bytes: &[u8], cut: usize) -> Reply {
        let parts = bytes.split_at_checked(cut).unwrap_or((bytes, b""));
        let parts = [parts.0, parts.1, &b"\r\n\0".repeat(1_000)];
        match &self.tls {
            None => {
                let stream = std::net::TcpStream::connect(self.pinfold.site).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_nodelay(true).unwrap();
                let _ = parts.iter().try_for_each(|part| (&stream).write_all(part));
                let _ = stream.shutdown(Shutdown::Write);
                read_reply(&mut &stream)
            }
            Some((_, client)) => {
                let mut stream = tls::connect(self.pinfold.https.unwrap(), client.clone());
                stream.sock.set_read_timeout(Some(PATIENCE)).unwrap();
                let _ = parts.iter().try_for_each(|part| stream.write_all(part));
                stream.conn.send_close_notify();
                let _ = stream.flush();
                read_reply(&mut stream)
            }
        }
    }
}

/// Holds what came of one connection to what must. How many requests there were.
fn judge(reply: &Reply, seen: &Seen, shown: &str) -> usize {
    let statuses: Vec<u16> = reply.statuses().into_iter().filter(|status| *status != 100).collect();
    let is_clients = |status: &u16| [200, 501, 505].contains(status) || (400..500).contains(status);
    assert!(statuses.iter().all(is_clients), "{shown}: {statuses:?}");
    assert!(seen.nonsense.is_empty(), "{shown}: {seen:?}");
    // Every request that the site has seen was one to the client as well.
    let answered = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(seen.whole.len(), answered, "{shown}: {statuses:?} {seen:?}");
    seen.whole.iter().for_each(|message| read_again(message, shown));
    assert!(reply.closed, "{shown}: {statuses:?}, and the connection is left open");
    answered
}

/// The second reader: httparse, as far as it goes.
fn read_again(message: &Message, shown: &str) {
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut fields);
    let head = request.parse(&message.raw).unwrap().unwrap();
    let line =
        format!("{} {} HTTP/1.{}", request.method.unwrap(), request.path.unwrap(), request.version.unwrap());
    assert_eq!(line, message.line, "{shown}");
    let fields: Vec<_> =
        request.headers.iter().map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec())).collect();
    assert_eq!(fields, message.fields, "{shown}");
    let mut rest = &message.raw[head..];
    let mut body = Vec::new();
    if message.value("transfer-encoding").is_some() {
        loop {
            let (start, size) = httparse::parse_chunk_size(rest).unwrap().unwrap();
            let end = start + size as usize;
            body.extend_from_slice(&rest[start..end]);
            rest = &rest[end + 2..];
            if size == 0 {
                break;
            }
        }
    } else {
        let length = message.value("content-length").map_or(0, |length| length.parse().unwrap());
        body.extend_from_slice(&rest[..length]);
        rest = &rest[length..];
    }
    assert_eq!((body.as_slice(), rest), (&message.body[..], &b""[..]), "{shown}");
}
