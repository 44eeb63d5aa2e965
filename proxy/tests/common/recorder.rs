//! An origin that keeps every byte it is sent, and a client that says what came back.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::Answer;
use super::strict::{self, Message};

/// Answers `hello` to every request that it has read whole.
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

/// What an origin has been sent.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    pub(crate) whole: Vec<Message>,
    /// Beginnings of requests whose connection ended before they did.
    pub(crate) cut: Vec<Vec<u8>>,
    /// What cannot be read, and why.
    pub(crate) nonsense: Vec<(&'static str, Vec<u8>)>,
}

impl Recorder {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let noted = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let noted = noted.clone();
                thread::spawn(move || record(stream, &noted));
            }
        });
        Self { address, seen }
    }

    /// What has come since this was asked last.
    pub(crate) fn take(&self) -> Seen {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

fn record(mut stream: TcpStream, seen: &Mutex<Seen>) {
    let mut bytes = Vec::new();
    let mut part = [0; 64 * 1024];
    loop {
        match strict::read(&bytes) {
            Ok(None) => match stream.read(&mut part) {
                Ok(length) if length > 0 => bytes.extend_from_slice(&part[..length]),
                _ => {
                    if !bytes.is_empty() {
                        seen.lock().unwrap().cut.push(bytes);
                    }
                    return;
                }
            },
            Ok(Some((message, length))) => {
                bytes.drain(..length);
                seen.lock().unwrap().whole.push(message);
                let _ = stream.write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello",
                );
            }
            Err(why) => {
                seen.lock().unwrap().nonsense.push((why, bytes));
                return;
            }
        }
    }
}

/// What came back over one connection.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) answers: Vec<Answer>,
    /// Whether the other side has closed the connection.
    pub(crate) closed: bool,
}

impl Reply {
    pub(crate) fn statuses(&self) -> Vec<u16> {
        self.answers.iter().map(|answer| answer.status).collect()
    }
}

/// How long silence means that nothing more comes.
pub(crate) const SILENCE: Duration = Duration::from_secs(1);

/// Sends bytes, and reads until the other side closes or says nothing more. It half-closes nothing.
pub(crate) fn converse(address: SocketAddr, bytes: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).unwrap();
    let _ = stream.write_all(bytes);
    listen(&mut stream)
}

/// Reads until the other side closes or says nothing more.
pub(crate) fn listen(stream: &mut TcpStream) -> Reply {
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    read_reply(stream)
}

/// Reads until the other side closes or the stream's patience is at its end.
pub(crate) fn read_reply(stream: &mut impl Read) -> Reply {
    let mut read = Vec::new();
    let mut part = [0; 64 * 1024];
    let closed = loop {
        match stream.read(&mut part) {
            Ok(0) => break true,
            Ok(length) => read.extend_from_slice(&part[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break false,
            Err(_) => break true,
        }
    };
    Reply { answers: answers(&read), closed }
}

/// Every answer has a length.
fn answers(mut bytes: &[u8]) -> Vec<Answer> {
    let mut found = Vec::new();
    while let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
        let answer = Answer::read(&bytes[..head + 4]);
        let length =
            answer.values("content-length").first().map_or(0, |length| length.parse::<usize>().unwrap());
        let end = (head + 4 + length).min(bytes.len());
        found.push(Answer::read(&bytes[..end]));
        bytes = &bytes[end..];
    }
    assert!(bytes.is_empty(), "{:?} is no answer", String::from_utf8_lossy(bytes));
    found
}
