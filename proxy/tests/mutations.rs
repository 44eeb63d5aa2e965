//! Sound messages with faults in them, by the thousand: what reaches the site is read alike by everybody.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::thread;

use common::recorder::{Recorder, converse_to_the_end};
use common::strict::Message;
use common::{Pinfold, configuration};

/// How many messages, in each of the threads: more on request.
fn rounds() -> usize {
    std::env::var("PINFOLD_TEST_MUTATIONS").map_or(250, |rounds| rounds.parse().unwrap())
}

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
    let threads = [0x9e37_79b9, 0x7f4a_7c15, 0xbf58_476d, 0x94d0_49bb].map(|seed| {
        thread::spawn(move || {
            let origin = Recorder::start();
            let pinfold = Pinfold::configured(&configuration(origin.address, ""));
            let mut chance = Chance(seed);
            let (mut served, mut refused) = (0, 0);
            for _ in 0..rounds() {
                let bytes = chance.message();
                let reply = converse_to_the_end(pinfold.site, &bytes);
                let seen = origin.take();
                let shown = bytes.escape_ascii().to_string();
                let statuses: Vec<u16> =
                    reply.statuses().into_iter().filter(|status| *status != 100).collect();
                let is_clients =
                    |status: &u16| [200, 501, 505].contains(status) || (400..500).contains(status);
                assert!(statuses.iter().all(is_clients), "{shown}: {statuses:?}");
                assert!(seen.nonsense.is_empty(), "{shown}: {seen:?}");
                // Every request that the site has seen was one to the client as well.
                let answered = statuses.iter().filter(|status| **status == 200).count();
                assert_eq!(seen.whole.len(), answered, "{shown}: {statuses:?} {seen:?}");
                seen.whole.iter().for_each(|message| read_again(message, &shown));
                // Nonsense follows, so nothing but a body that takes it in ends otherwise.
                assert!(
                    reply.closed || statuses.last().is_none_or(|last| *last == 200),
                    "{shown}: {statuses:?}"
                );
                refused += usize::from(answered == 0);
                served += answered;
            }
            assert!(!pinfold.log().contains("panicked"), "{}", pinfold.log());
            (served, refused)
        })
    });
    let counts = threads.map(|thread| thread.join().unwrap());
    // Both ways are tried.
    for (served, refused) in counts {
        assert!(served > rounds() / 10 && refused > rounds() / 10, "{served} {refused}");
    }
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
