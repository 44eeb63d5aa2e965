//! Whom a connection is from, as a trusted proxy announces it in its first bytes: the PROXY protocol, versions 1 and 2.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pinfold::client_ip::TrustedProxies;
use ppp::{HeaderResult, PartialResult as _, v1, v2};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// How long the announcement may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A longer one is none: proxies add a few hundred bytes about TLS at most.
const LONGEST: usize = 4 * 1024;

/// How version 1 begins, and how long it can be.
const V1: &[u8] = b"PROXY ";
const LONGEST_V1: usize = 107;

/// How long to wait before looking again whether more has come.
const REST: Duration = Duration::from_millis(20);

/// What the first bytes of a connection are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// The beginning of an announcement.
    Beginning,
    /// Not an announcement.
    Malformed,
    /// An announcement of so many bytes. It names nobody where the proxy speaks for itself.
    Whole { length: usize, client: Option<SocketAddr> },
}

/// Takes the announcement off a connection: the client, or nothing where the connection must be closed with nothing served, because
/// its peer is not trusted or announces nothing sound.
pub(super) async fn client(
    stream: &mut TcpStream,
    peer: SocketAddr,
    trusted: &TrustedProxies,
) -> Option<SocketAddr> {
    if !trusted.contains(peer.ip()) {
        return None;
    }
    tokio::time::timeout(PATIENCE, take(stream, peer)).await.ok().flatten()
}

async fn take(stream: &mut TcpStream, peer: SocketAddr) -> Option<SocketAddr> {
    let mut first = [0; LONGEST];
    loop {
        let count = stream.peek(&mut first).await.ok()?;
        match look(&first[..count]) {
            Seen::Beginning if count > 0 && count < LONGEST => tokio::time::sleep(REST).await,
            Seen::Beginning | Seen::Malformed => return None,
            Seen::Whole { length, client } => {
                stream.read_exact(first.get_mut(..length)?).await.ok()?;
                return Some(client.unwrap_or(peer));
            }
        }
    }
}

/// Whom a recorded connection is from, and after how many bytes its first request begins; or why it would be closed with nothing
/// served. A line of version 1 may end as it does in a file. Pure.
pub(crate) fn recorded(
    first: &[u8],
    peer: IpAddr,
    trusted: &TrustedProxies,
) -> Result<(IpAddr, usize), &'static str> {
    if !trusted.contains(peer) {
        return Err("its peer is not among `trusted_proxies`");
    }
    let (line, shorter) = match memchr::memchr(b'\n', first) {
        Some(end) if first.starts_with(V1) && first.get(end.wrapping_sub(1)) != Some(&b'\r') => {
            ([&first[..end], b"\r\n"].concat(), 1)
        }
        _ => (first.to_vec(), 0),
    };
    match look(&line) {
        Seen::Whole { length, client } => Ok((client.map_or(peer, |client| client.ip()), length - shorter)),
        Seen::Beginning | Seen::Malformed => {
            Err("it does not begin with a sound header of the PROXY protocol")
        }
    }
}

/// Pure.
fn look(first: &[u8]) -> Seen {
    // The parser takes some beginnings of version 1 for nonsense.
    if first.starts_with(V1) && memchr::memmem::find(first, b"\r\n").is_none() {
        return if first.len() < LONGEST_V1 { Seen::Beginning } else { Seen::Malformed };
    }
    let parsed = HeaderResult::parse(first);
    if parsed.is_incomplete() {
        return Seen::Beginning;
    }
    match parsed {
        // To the parser, `+3` is a port.
        HeaderResult::V1(Ok(header)) if is_signed(&header) => Seen::Malformed,
        HeaderResult::V1(Ok(header)) => {
            let client = match header.addresses {
                v1::Addresses::Unknown => None,
                v1::Addresses::Tcp4(ip) => Some(SocketAddr::from((ip.source_address, ip.source_port))),
                v1::Addresses::Tcp6(ip) => Some(SocketAddr::from((ip.source_address, ip.source_port))),
            };
            Seen::Whole { length: header.header.len(), client: somebody(client) }
        }
        // What does not fill its own length is not what the proxy meant to say.
        HeaderResult::V2(Ok(header)) if header.tlvs().any(|tlv| tlv.is_err()) => Seen::Malformed,
        HeaderResult::V2(Ok(header)) => {
            let client = match (header.command, header.addresses) {
                (v2::Command::Proxy, v2::Addresses::IPv4(ip)) => {
                    Some(SocketAddr::from((ip.source_address, ip.source_port)))
                }
                (v2::Command::Proxy, v2::Addresses::IPv6(ip)) => {
                    Some(SocketAddr::from((ip.source_address, ip.source_port)))
                }
                (v2::Command::Local | v2::Command::Proxy, _) => None,
            };
            Seen::Whole { length: header.len(), client: somebody(client) }
        }
        HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)) => Seen::Malformed,
    }
}

fn is_signed(header: &v1::Header<'_>) -> bool {
    header.addresses != v1::Addresses::Unknown && header.header.contains('+')
}

/// `0.0.0.0` and `::` are nobody's address.
fn somebody(client: Option<SocketAddr>) -> Option<SocketAddr> {
    client.filter(|client| !client.ip().is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: &[u8] = b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n";

    /// Version 2: signature, command, family, length, addresses, and what comes after.
    fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
        [b"\r\n\r\n\0\r\nQUIT\n", &[0x20 | command, family][..], &length, addresses].concat()
    }

    #[test]
    fn a_recorded_header_tells_whom_the_connection_is_from() {
        let trusted = TrustedProxies::new(["127.0.0.1"]).unwrap();
        let (near, far) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([198, 51, 100, 9]));
        let client = IpAddr::from([203, 0, 113, 7]);
        let in_a_file = b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\nGET / HTTP/1.1\n";
        for (first, peer, expected) in [
            (FOUR, near, Ok((client, FOUR.len()))),
            (&in_a_file[..], near, Ok((client, FOUR.len() - 1))),
            (&v2(1, 0x11, &[203, 0, 113, 7, 192, 0, 2, 1, 18, 103, 1, 187]), near, Ok((client, 28))),
            (b"PROXY UNKNOWN\r\n", near, Ok((near, 15))),
            (FOUR, far, Err("its peer is not among `trusted_proxies`")),
            (b"GET / HTTP/1.1\r\n", near, Err("it does not begin with a sound header of the PROXY protocol")),
            (b"", near, Err("it does not begin with a sound header of the PROXY protocol")),
        ] {
            assert_eq!(recorded(first, peer, &trusted), expected);
        }
    }

    #[test]
    fn who_04_what_is_announced() {
        let four =
            [&[203, 0, 113, 7, 192, 0, 2, 1][..], &4711_u16.to_be_bytes(), &443_u16.to_be_bytes()].concat();
        let with_more = [&four[..], &[0x04, 0, 1, 0]].concat();
        let six: Vec<u8> = [
            &"2001:db8::7".parse::<std::net::Ipv6Addr>().unwrap().octets()[..],
            &[0; 16],
            &4711_u16.to_be_bytes(),
            &[1, 187],
        ]
        .concat();
        for (bytes, expected) in [
            (FOUR.to_vec(), Some("203.0.113.7:4711")),
            (b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n".to_vec(), Some("[2001:db8::7]:4711")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY TCP4 0.0.0.0 192.0.2.1 4711 443\r\n".to_vec(), None),
            (b"PROXY TCP6 :: 2001:db8::1 4711 443\r\n".to_vec(), None),
            (v2(1, 0x11, &[0, 0, 0, 0, 192, 0, 2, 1, 18, 103, 1, 187]), None),
            (v2(1, 0x11, &four), Some("203.0.113.7:4711")),
            (v2(1, 0x11, &with_more), Some("203.0.113.7:4711")),
            (v2(1, 0x21, &six), Some("[2001:db8::7]:4711")),
            (v2(0, 0x00, &[]), None),
            (v2(0, 0x11, &four), None),
        ] {
            let client = expected.map(|client| client.parse().unwrap());
            let whole = Seen::Whole { length: bytes.len(), client };
            assert_eq!(look(&bytes), whole, "{bytes:?}");
            let followed = [&bytes[..], b"GET / HTTP/1.1\r\n"].concat();
            assert_eq!(look(&followed), whole, "with a request behind it");
            for end in 0..bytes.len() {
                assert_eq!(look(&bytes[..end]), Seen::Beginning, "{end} of {bytes:?}");
            }
        }
    }

    #[test]
    fn who_04_what_is_not() {
        for bytes in [
            &b"GET / HTTP/1.1\r\nHost: town.example\r\n\r\n"[..],
            b"PROXY TCP4 203.0.113.700 192.0.2.1 4711 443\r\n",
            b"PROXY TCP4 203.0.113.7 192.0.2.1 4711\r\n",
            b"PROXY TCP4 203.0.113.7 192.0.2.1 471100 443\r\n",
            b"PROXY TCP4 203.0.113.7 192.0.2.1 +4711 443\r\n",
            b"PROXY UDP4 203.0.113.7 192.0.2.1 4711 443\r\n",
            &[b"PROXY ", &[b'x'; 101][..]].concat(),
            b"proxy TCP4 203.0.113.7 192.0.2.1 4711 443\r\n",
            &v2(2, 0x11, &[0; 12]),
            &v2(1, 0x11, &[0; 4]),
            &v2(1, 0x11, &[203, 0, 113, 7, 192, 0, 2, 1, 18, 103, 1, 187, 4, 255, 255]),
        ] {
            assert_eq!(look(bytes), Seen::Malformed, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
