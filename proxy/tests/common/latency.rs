//! What a page takes on a connection that is kept.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use super::Pinfold;

/// How many pages, each of another client, a measurement takes.
pub(crate) const PAGES: u32 = 400;

/// What a hundredth of the pages took longer than. The site must answer `GET /` with `hello` and no more.
pub(crate) fn p99(node: &Pinfold, client: impl Fn(u32) -> Ipv4Addr) -> Duration {
    let mut stream = TcpStream::connect(node.site).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut times: Vec<_> = (0..PAGES).map(|number| page(&mut stream, client(number))).collect();
    times.sort_unstable();
    times[times.len() - times.len() / 100]
}

/// Asks for a page; how long it took.
fn page(stream: &mut TcpStream, client: Ipv4Addr) -> Duration {
    let request = format!("GET / HTTP/1.1\r\nhost: www.town.example\r\nx-forwarded-for: {client}\r\n\r\n");
    let began = Instant::now();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !answer.ends_with(b"hello") {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the connection ended: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..read]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    began.elapsed()
}
