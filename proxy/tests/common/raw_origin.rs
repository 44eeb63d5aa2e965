//! A site that speaks raw bytes, for what no server would say.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// An origin that speaks raw bytes: `serve` is given each connection and its number, from 1.
pub(crate) struct RawOrigin {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    /// The first lines of the requests that were read whole.
    asked: Arc<Mutex<Vec<String>>>,
}

impl RawOrigin {
    pub(crate) fn start(serve: impl Fn(usize, &mut Connection) + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(), serve)
    }

    pub(crate) fn on(
        listener: TcpListener,
        serve: impl Fn(usize, &mut Connection) + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let (connections, asked) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<_>>>::default());
        let (opened, noted, serve) = (connections.clone(), asked.clone(), Arc::new(serve));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let number = opened.fetch_add(1, Ordering::SeqCst) + 1;
                let (asked, serve) = (noted.clone(), serve.clone());
                thread::spawn(move || serve(number, &mut Connection { stream, asked }));
            }
        });
        Self { address, connections, asked }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Connection {
    /// Reads a head; false where the other side is done.
    pub(crate) fn read_head(&mut self) -> bool {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            match self.stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ => return false,
            }
        }
        let head = String::from_utf8_lossy(&head);
        self.asked.lock().unwrap().push(head.lines().next().unwrap_or_default().to_owned());
        true
    }

    /// The first lines of what was asked so far, over any connection.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn write(&mut self, text: &str) {
        let _ = self.stream.write_all(text.as_bytes());
    }
}

pub(crate) const HELLO: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello";
