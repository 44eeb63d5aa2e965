//! The PROXY protocol, beside a second reader of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pinfold_proxy::fuzzing::announced;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

pub fn run(data: &[u8]) {
    let expected = if data.starts_with(b"PROXY ") { version_1(data) } else { version_2(data) };
    // A line of a file may end without a return; this reader knows the wire alone.
    let end = data.iter().position(|&byte| byte == b'\n').unwrap_or_default();
    if data.starts_with(b"PROXY ") && !data[..end].ends_with(b"\r") {
        return;
    }
    let found = announced(data, PEER);
    // Text behind `UNKNOWN` means nothing, and no proxy writes much of it: the parser takes some of it for a fault, and the
    // connection is closed.
    if found.is_none() && data.starts_with(b"PROXY UNKNOWN ") {
        return;
    }
    assert_eq!(
        found,
        expected.map(|(client, length)| (client.unwrap_or(PEER), length)),
        "{}",
        data.escape_ascii()
    );
}

type Read = Option<(Option<IpAddr>, usize)>;

fn version_1(data: &[u8]) -> Read {
    let end = data.windows(2).position(|pair| pair == b"\r\n")?;
    let length = end + 2;
    if length > 107 {
        return None;
    }
    let line = std::str::from_utf8(&data[..end]).ok()?;
    let words: Vec<_> = line.split(' ').collect();
    if words.get(1) == Some(&"UNKNOWN") {
        return Some((None, length));
    }
    let [_, family, source, target, port, other_port] = words[..] else { return None };
    let is_port = |text: &str| text.parse::<u16>().is_ok_and(|port| port.to_string() == text);
    if !is_port(port) || !is_port(other_port) {
        return None;
    }
    let source = match family {
        "TCP4" => (source.parse::<Ipv4Addr>().ok()?.into(), target.parse::<Ipv4Addr>().ok()?).0,
        "TCP6" => (IpAddr::V6(source.parse::<Ipv6Addr>().ok()?), target.parse::<Ipv6Addr>().ok()?).0,
        _ => return None,
    };
    Some((somebody(source), length))
}

fn version_2(data: &[u8]) -> Read {
    let rest = data.strip_prefix(SIGNATURE)?;
    let [command, family, high, low, rest @ ..] = rest else { return None };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let mut rest = rest.get(..length)?;
    if command >> 4 != 2 || command & 15 > 1 || family >> 4 > 3 || family & 15 > 2 {
        return None;
    }
    let (address, size) = match family >> 4 {
        1 => (rest.first_chunk::<4>().map(|octets| IpAddr::from(*octets)), 12),
        2 => (rest.first_chunk::<16>().map(|octets| IpAddr::from(*octets)), 36),
        3 => (None, 216),
        _ => (None, 0),
    };
    rest = rest.get(size..)?;
    // Families that are not specified have no addresses that could be told from what follows.
    while family >> 4 != 0 && !rest.is_empty() {
        let [_, high, low, after @ ..] = rest else { return None };
        rest = after.get(usize::from(u16::from_be_bytes([*high, *low]))..)?;
    }
    let client = if command & 15 == 1 { address.and_then(somebody) } else { None };
    Some((client, SIGNATURE.len() + 4 + length))
}

fn somebody(address: IpAddr) -> Option<IpAddr> {
    (!address.is_unspecified()).then_some(address)
}
