//! The council's web server: a page that sets cookies, a style sheet, and a WebSocket that says back what it hears.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::common::Answer;

/// What it sets that is strictly necessary.
pub(crate) const NECESSARY: [&str; 2] =
    ["session=b%2Fc==; Path=/; HttpOnly", "__Secure-sign=\"1\"; Secure; Path=/; SameSite=Strict"];
/// What it sets that needs consent.
pub(crate) const OPTIONAL: &str = "_ga=GA1.1; Path=/; Max-Age=34000000";

/// The answer to the key of RFC 6455 section 1.3.
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<Answer>>>,
}

impl Site {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::<Mutex<Vec<_>>>::default();
        let seen = heads.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let seen = seen.clone();
                thread::spawn(move || serve(stream, &seen));
            }
        });
        Self { address, heads }
    }

    /// What it was asked since the last time.
    pub(crate) fn take(&self) -> Vec<Answer> {
        std::mem::take(&mut self.heads.lock().unwrap())
    }
}

fn serve(mut stream: TcpStream, seen: &Mutex<Vec<Answer>>) {
    while let Some(head) = read_head(&mut stream) {
        let switches = !head.values("upgrade").is_empty();
        let answer = if switches { SWITCH.to_owned() } else { answer_to(&head) };
        seen.lock().unwrap().push(head);
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
        if switches {
            let mut listener = stream.try_clone().unwrap();
            let _ = std::io::copy(&mut listener, &mut stream);
            return;
        }
    }
}

/// Both may be kept by whoever likes, it says.
fn answer_to(head: &Answer) -> String {
    let (kind, fields, body) = if head.head.starts_with("GET /style.css ") {
        ("text/css", String::new(), "p{margin:0}")
    } else {
        let cookies =
            [NECESSARY[0], NECESSARY[1], OPTIONAL].map(|cookie| format!("Set-Cookie: {cookie}\r\n"));
        (
            "text/html; charset=utf-8",
            cookies.concat(),
            "<!DOCTYPE html><html lang=en><title>Town</title><body><p>Welcome",
        )
    };
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nCache-Control: public, max-age=600\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
    )
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
