//! HTTP/2 frame by frame (RFC 9113), for what no library would send.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// A client's end of a connection.
pub(crate) struct Wire(pub(crate) TcpStream);

/// A frame that came back.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// What came back, and whether the connection ended.
#[derive(Debug)]
pub(crate) struct Frames {
    pub(crate) frames: Vec<Received>,
    pub(crate) closed: bool,
}

impl Wire {
    /// Connected, and introduced with `settings`.
    pub(crate) fn introduced(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut wire = Self(stream);
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        assert!(wire.send(&[PREFACE, &frame(SETTINGS, 0, 0, &settings)].concat()));
        wire
    }

    /// False where the other side takes nothing any more.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// Reads until the other side closes or is silent for `silence`.
    pub(crate) fn read(&mut self, silence: Duration) -> Frames {
        self.read_until(silence, |_| false)
    }

    /// The status on a stream, if it comes before a silence.
    pub(crate) fn await_status(&mut self, stream: u32, silence: Duration) -> Option<u16> {
        self.read_until(silence, |frames| frames.status(stream).is_some()).status(stream)
    }

    fn read_until(&mut self, silence: Duration, enough: impl Fn(&Frames) -> bool) -> Frames {
        self.0.set_read_timeout(Some(silence)).unwrap();
        let (mut bytes, mut part) = (Vec::new(), [0; 64 * 1024]);
        let closed = loop {
            match self.0.read(&mut part) {
                Ok(0) => break true,
                Ok(length) => {
                    bytes.extend_from_slice(&part[..length]);
                    let so_far = Frames { frames: frames(&bytes), closed: false };
                    if enough(&so_far) {
                        return so_far;
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    break false;
                }
                Err(_) => break true,
            }
        };
        Frames { frames: frames(&bytes), closed }
    }
}

impl Frames {
    pub(crate) fn of(&self, kind: u8) -> impl Iterator<Item = &Received> {
        self.frames.iter().filter(move |frame| frame.kind == kind)
    }

    /// The status on a stream, if there is an answer.
    pub(crate) fn status(&self, stream: u32) -> Option<u16> {
        self.of(HEADERS).find(|frame| frame.stream == stream).map(|frame| status(&frame.payload))
    }

    /// Whether a stream, or the connection, was ended with an error.
    pub(crate) fn is_reset(&self, stream: u32) -> bool {
        let reset = self.of(RST_STREAM).any(|frame| frame.stream == stream);
        reset || self.of(GOAWAY).any(|frame| frame.payload[4..8] != [0; 4])
    }
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Fields as HPACK writes them where nothing is indexed or compressed (RFC 7541 section 6.2.2).
pub(crate) fn fields<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        string(&mut block, name.as_ref());
        string(&mut block, value.as_ref());
    }
    block
}

pub(crate) fn string(block: &mut Vec<u8>, text: &[u8]) {
    if text.len() < 127 {
        block.push(text.len() as u8);
    } else {
        block.push(127);
        let mut rest = text.len() - 127;
        while rest >= 128 {
            block.push((rest % 128) as u8 | 128);
            rest /= 128;
        }
        block.push(rest as u8);
    }
    block.extend_from_slice(text);
}

fn frames(mut bytes: &[u8]) -> Vec<Received> {
    let mut found = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<9>() {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let Some((payload, rest)) = rest.split_at_checked(length) else { break };
        let stream = u32::from_be_bytes([head[5] & 127, head[6], head[7], head[8]]);
        found.push(Received { kind: head[3], flags: head[4], stream, payload: payload.to_vec() });
        bytes = rest;
    }
    found
}

/// The status in the first field of a block: one of the static table, or three digits in Huffman's code.
fn status(block: &[u8]) -> u16 {
    const KNOWN: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    match block {
        [first @ 0x88..=0x8e, ..] => KNOWN[usize::from(first - 0x88)],
        [0x48, length, digits @ ..] if length & 128 != 0 => {
            let bits: String =
                digits[..usize::from(length & 127)].iter().map(|byte| format!("{byte:08b}")).collect();
            let (mut status, mut at) = (0, 0);
            for _ in 0..3 {
                let (digit, width) = match &bits[at..at + 5] {
                    "00000" => (0, 5),
                    "00001" => (1, 5),
                    "00010" => (2, 5),
                    _ => (u16::from_str_radix(&bits[at..at + 6], 2).unwrap() - 0b011001 + 3, 6),
                };
                status = status * 10 + digit;
                at += width;
            }
            status
        }
        [0x48, 3, digits @ ..] => std::str::from_utf8(&digits[..3]).unwrap().parse().unwrap(),
        _ => panic!("{block:?} begins with no status"),
    }
}
