//! The walk through `X-Forwarded-For` and `Forwarded`, beside a second one that is slow and plain.

use std::net::IpAddr;
use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue};
use pinfold::client_ip::{AddressSource, ClientIpResolver, HeaderFamily, TrustedProxies};

const PEER: &str = "10.0.0.1";

static RESOLVERS: LazyLock<[ClientIpResolver; 2]> = LazyLock::new(|| {
    [HeaderFamily::XForwardedFor, HeaderFamily::Forwarded].map(|family| {
        let trusted = TrustedProxies::new(["10.0.0.0/8", "fd00::/8"]).expect("these are networks");
        ClientIpResolver::behind(trusted, family)
    })
});

/// The first byte says which field it is (1: `Forwarded`); a field a line follows.
pub fn run(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else { return };
    let family = usize::from(how & 1);
    let name = ["x-forwarded-for", "forwarded"][family];
    let mut headers = HeaderMap::new();
    let mut entries = Vec::new();
    for line in rest.split(|&byte| byte == b'\n').filter(|line| line.len() < 8192) {
        let Ok(value) = HeaderValue::from_bytes(line) else { continue };
        headers.append(name, value);
        if family == 0 {
            entries.extend(line.split(|&byte| byte == b',').map(x_forwarded_for));
        } else {
            entries.extend(elements(line).iter().map(|element| forwarded(element)));
        }
    }
    let client = RESOLVERS[family].resolve(Some(ip(PEER)), &headers).expect("there is a peer");
    let (mut expected, mut source) = (ip(PEER), None);
    for entry in entries.into_iter().rev() {
        source = Some(if entry.is_some() {
            [AddressSource::XForwardedFor, AddressSource::Forwarded][family]
        } else {
            AddressSource::Unknown
        });
        let Some(address) = entry else { break };
        expected = address;
        if !is_trusted(address) {
            break;
        }
    }
    assert!(client.is(expected), "{} is not {expected}", rest.escape_ascii());
    assert_eq!(client.source(), source.unwrap_or(AddressSource::Peer), "{}", rest.escape_ascii());
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn is_trusted(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets()[0] == 10,
        IpAddr::V6(v6) => v6.octets()[0] == 0xfd,
    }
}

fn x_forwarded_for(entry: &[u8]) -> Option<IpAddr> {
    node(entry.trim_ascii())
}

/// The elements of a line: commas within quotation marks, counted from the right, divide nothing.
fn elements(line: &[u8]) -> Vec<Vec<u8>> {
    let mut found = vec![Vec::new()];
    let mut quoted = false;
    for &byte in line.iter().rev() {
        quoted ^= byte == b'"';
        if byte == b',' && !quoted {
            found.push(Vec::new());
        } else if let Some(last) = found.last_mut() {
            last.insert(0, byte);
        }
    }
    found.reverse();
    found
}

fn forwarded(element: &[u8]) -> Option<IpAddr> {
    let pairs: Option<Vec<(&[u8], &[u8])>> = element
        .split(|&byte| byte == b';')
        .map(|pair| {
            let equals = pair.iter().position(|&byte| byte == b'=')?;
            Some((pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii()))
        })
        .collect();
    let named: Vec<_> = pairs?.into_iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"for")).collect();
    match named[..] {
        [(_, value)] if !element.contains(&b'\\') => node(value),
        _ => None,
    }
}

/// One address in any of the forms in which proxies write it.
fn node(text: &[u8]) -> Option<IpAddr> {
    let mut text = std::str::from_utf8(text).ok()?;
    if text.len() > 1 && text.starts_with('"') && text.ends_with('"') {
        text = &text[1..text.len() - 1];
    } else if text.contains('"') {
        return None;
    }
    let address = match text.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')?;
            if !is_port(&rest[end + 1..]) {
                return None;
            }
            IpAddr::V6(without_zone(&rest[..end])?.parse().ok()?)
        }
        None => match text.matches(':').count() {
            0 => IpAddr::V4(text.parse().ok()?),
            1 => {
                let colon = text.find(':')?;
                if !is_port(&text[colon..]) {
                    return None;
                }
                IpAddr::V4(text[..colon].parse().ok()?)
            }
            _ => IpAddr::V6(without_zone(text)?.parse().ok()?),
        },
    };
    let address = address.to_canonical();
    (!address.is_unspecified()).then_some(address)
}

fn without_zone(text: &str) -> Option<&str> {
    match text.find('%') {
        Some(at) if at + 1 == text.len() => None,
        Some(at) => Some(&text[..at]),
        None => Some(text),
    }
}

fn is_port(text: &str) -> bool {
    let Some(port) = text.strip_prefix(':') else { return text.is_empty() };
    match port.strip_prefix('_') {
        Some(name) => {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        }
        None => (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit()),
    }
}
