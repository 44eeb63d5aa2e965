//! A client that keeps its connection.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Failure;

const REQUEST: &[u8] =
    b"GET /council-tax/bands HTTP/1.1\r\nhost: www.town.example\r\nuser-agent: load\r\naccept: text/html\r\n\
    accept-language: cy, en;q=0.8\r\nsec-fetch-dest: document\r\nsec-fetch-site: same-origin\r\n\
    cookie: session=6a1b2c; theme=dark; _ga=GA1.1.1.1\r\n\r\n";

const END_OF_PAGE: &[u8] = b"</html>\n";

pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 8192] })
    }

    /// Asks for the page and reads it to its end.
    pub(crate) async fn ask(&mut self) -> Result<(), Failure> {
        self.stream.write_all(REQUEST).await?;
        let mut received = 0;
        // The page is of a fixed size; what comes before it is a head of any.
        while !self.buffer[..received].ends_with(END_OF_PAGE) {
            let read = self.stream.read(&mut self.buffer[received..]).await?;
            if read == 0 {
                return Err("the connection was closed".into());
            }
            received += read;
        }
        Ok(())
    }

    /// The connection, without the room that is only needed to read.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }
}
