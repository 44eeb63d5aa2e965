//! `php-cgi` behind the FastCGI protocol, as a web server would ask it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// A PHP of its own on a free port, stopped when dropped.
pub(crate) struct Php {
    child: Child,
    connection: TcpStream,
}

impl Php {
    pub(crate) fn start() -> Self {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let child = Command::new("php-cgi")
            .args(["-b", &address.to_string()])
            .env("PHP_FCGI_MAX_REQUESTS", "0")
            .stdin(Stdio::null())
            .spawn()
            .expect("install php-cgi: scripts/check does");
        Self { child, connection: connected(address) }
    }

    /// What a script answers to a request with these parameters, without its header fields.
    pub(crate) fn ask(&mut self, script: &Path, parameters: &[(&str, &[u8])]) -> Vec<u8> {
        let script = script.to_str().unwrap().as_bytes();
        let mut pairs = Vec::new();
        for (name, value) in
            [("REQUEST_METHOD", &b"GET"[..]), ("SCRIPT_FILENAME", script)].iter().chain(parameters)
        {
            pairs.extend((name.len() as u32 | LONG).to_be_bytes());
            pairs.extend((value.len() as u32 | LONG).to_be_bytes());
            pairs.extend(name.as_bytes());
            pairs.extend(*value);
        }
        let mut request = record(BEGIN, &[0, RESPONDER, KEEP_CONNECTION, 0, 0, 0, 0, 0]);
        request.extend(record(PARAMETERS, &pairs));
        request.extend(record(PARAMETERS, b""));
        request.extend(record(INPUT, b""));
        self.connection.write_all(&request).unwrap();
        let answer = self.answer();
        let body = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
        answer[body..].to_vec()
    }

    fn answer(&mut self) -> Vec<u8> {
        let mut answer = Vec::new();
        loop {
            let mut head = [0; 8];
            self.connection.read_exact(&mut head).unwrap();
            let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
            let mut content = vec![0; length + usize::from(head[6])];
            self.connection.read_exact(&mut content).unwrap();
            content.truncate(length);
            match head[1] {
                END => return answer,
                OUTPUT => answer.extend(content),
                kind => panic!("PHP wrote {}: {}", kind, content.escape_ascii()),
            }
        }
    }
}

impl Drop for Php {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// The numbers of the FastCGI specification, sections 3.3 and 8.
const BEGIN: u8 = 1;
const END: u8 = 3;
const PARAMETERS: u8 = 4;
const INPUT: u8 = 5;
const OUTPUT: u8 = 6;
const RESPONDER: u8 = 1;
const KEEP_CONNECTION: u8 = 1;
const LONG: u32 = 1 << 31;

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let mut record = vec![1, kind, 0, 1, high, low, 0, 0];
    record.extend(content);
    record
}

fn connected(address: SocketAddr) -> TcpStream {
    for _ in 0..200 {
        if let Ok(connection) = TcpStream::connect(address) {
            connection.set_nodelay(true).unwrap();
            connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            return connection;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("php-cgi does not listen on {address}");
}
