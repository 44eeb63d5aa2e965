//! `X-Forwarded-For` and `Forwarded` (RFC 7239), read from the right.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The entries of one `X-Forwarded-For` field line, the right-most first.
pub(super) fn x_forwarded_for(line: &[u8]) -> impl Iterator<Item = Option<IpAddr>> {
    line.rsplit(|&byte| byte == b',').map(|entry| {
        let entry = trim(entry);
        // Nearly every entry is an IPv4 address and nothing else.
        dotted(entry).or_else(|| node(unquote(entry)?))
    })
}

/// The `for` parameters of one `Forwarded` field line, the right-most first.
///
/// Elements are split from the right, so that a quotation mark left open by a client cannot swallow what a proxy
/// appended after it. An element with a backslash, or with no sound `for`, gives `None`.
pub(super) fn forwarded(line: &[u8]) -> impl Iterator<Item = Option<IpAddr>> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let mut quoted = false;
        let comma = line.iter().rposition(|&byte| {
            quoted ^= byte == b'"';
            byte == b',' && !quoted
        });
        let element = match comma {
            Some(at) => {
                rest = Some(&line[..at]);
                &line[at + 1..]
            }
            None => rest.take()?,
        };
        Some(for_parameter(element))
    })
}

fn for_parameter(element: &[u8]) -> Option<IpAddr> {
    if element.contains(&b'\\') {
        return None;
    }
    let mut found = None;
    for pair in element.split(|&byte| byte == b';') {
        let equals = pair.iter().position(|&byte| byte == b'=')?;
        if trim(&pair[..equals]).eq_ignore_ascii_case(b"for") {
            let value = node(unquote(trim(&pair[equals + 1..]))?)?;
            if found.replace(value).is_some() {
                return None;
            }
        }
    }
    found
}

/// One address, with or without brackets, zone and port. The unspecified address is nobody.
fn node(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let address = if let Ok(address) = text.parse() {
        address
    } else if let Some(bracketed) = text.strip_prefix('[') {
        let (inside, port) = bracketed.split_once(']')?;
        sound_port(port).then(|| v6(inside))??
    } else if text.bytes().filter(|&byte| byte == b':').count() == 1 {
        let (v4, _) = text.split_once(':')?;
        sound_port(&text[v4.len()..]).then(|| v4.parse().ok().map(IpAddr::V4))??
    } else {
        v6(text)?
    };
    let address = address.to_canonical();
    (!address.is_unspecified()).then_some(address)
}

/// Four numbers of 0 to 255 with dots between, none with a leading zero, not all zero.
fn dotted(text: &[u8]) -> Option<IpAddr> {
    let (mut address, mut octet, mut digits, mut dots) = (0_u32, 0, 0, 0);
    for &byte in text {
        match byte {
            b'0'..=b'9' if digits == 0 || octet > 0 => {
                octet = octet * 10 + u32::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 => {
                address = address << 8 | octet;
                (octet, digits, dots) = (0, 0, dots + 1);
            }
            _ => return None,
        }
        if octet > 255 {
            return None;
        }
    }
    let address = address << 8 | octet;
    (dots == 3 && digits > 0 && address != 0).then(|| Ipv4Addr::from(address).into())
}

fn v6(text: &str) -> Option<IpAddr> {
    let text = match text.split_once('%') {
        Some((_, "")) => return None,
        Some((address, _zone)) => address,
        None => text,
    };
    text.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// Nothing, `:` and up to five digits, or `:` and an obfuscated port (RFC 7239 section 6.2).
fn sound_port(text: &str) -> bool {
    let Some(port) = text.strip_prefix(':') else { return text.is_empty() };
    let digits = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    let obfuscated = port.len() > 1
        && port.starts_with('_')
        && port.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    digits || obfuscated
}

/// What stands between two quotation marks; the whole where there are none; nothing where there is one.
fn unquote(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'"', inside @ .., b'"'] => Some(inside),
        _ if text.contains(&b'"') => None,
        _ => Some(text),
    }
}

fn trim(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn who_03_one_canonical_form() {
        for (text, expected) in [
            ("192.0.2.1", ip("192.0.2.1")),
            (" 192.0.2.1\t", ip("192.0.2.1")),
            ("192.0.2.1:8080", ip("192.0.2.1")),
            ("192.0.2.1:_port", ip("192.0.2.1")),
            ("\"192.0.2.1\"", ip("192.0.2.1")),
            ("::ffff:192.0.2.1", ip("192.0.2.1")),
            ("[::ffff:192.0.2.1]:443", ip("192.0.2.1")),
            ("2001:db8::1", ip("2001:db8::1")),
            ("[2001:db8::1]", ip("2001:db8::1")),
            ("[2001:DB8:0::1]:443", ip("2001:db8::1")),
            ("\"[2001:db8::1]:443\"", ip("2001:db8::1")),
            ("fe80::1%eth0", ip("fe80::1")),
            ("[fe80::1%25eth0]:80", ip("fe80::1")),
            ("0.0.0.0", None),
            ("::", None),
            ("[::]:1", None),
            ("01.2.3.4", None),
            ("1.2.3", None),
            ("192.0.2.1:123456", None),
            ("192.0.2.1:", None),
            ("192.0.2.1:8o", None),
            ("[2001:db8::1", None),
            ("2001:db8::1]", None),
            ("[2001:db8::1]x", None),
            ("[192.0.2.1]", None),
            ("fe80::1%", None),
            ("_hidden", None),
            ("unknown", None),
            ("", None),
            ("\"192.0.2.1", None),
            ("192.0.2.1 192.0.2.2", None),
            ("\u{660}.1.2.3", None),
        ] {
            assert_eq!(x_forwarded_for(text.as_bytes()).next(), Some(expected), "{text}");
        }
    }

    #[test]
    fn x_forwarded_for_runs_from_the_right() {
        let entries: Vec<_> = x_forwarded_for(b"192.0.2.1, nonsense ,192.0.2.3,").collect();
        assert_eq!(entries, [None, ip("192.0.2.3"), None, ip("192.0.2.1")]);
    }

    proptest::proptest! {
        #[test]
        fn dotted_addresses_are_read_as_the_standard_library_reads_them(text in "[0-9.]{0,16}") {
            let expected = text.parse::<std::net::Ipv4Addr>().ok().filter(|ip| !ip.is_unspecified()).map(IpAddr::V4);
            proptest::prop_assert_eq!(dotted(text.as_bytes()), expected);
        }
    }

    #[test]
    fn forwarded_runs_from_the_right() {
        for (line, expected) in [
            ("for=192.0.2.1", vec![ip("192.0.2.1")]),
            ("For=192.0.2.1;proto=https;by=203.0.113.4", vec![ip("192.0.2.1")]),
            ("for=\"[2001:db8::1]:4711\"", vec![ip("2001:db8::1")]),
            ("for=192.0.2.1, for=192.0.2.2", vec![ip("192.0.2.2"), ip("192.0.2.1")]),
            ("for=192.0.2.1;host=\"a,b\", for=192.0.2.2", vec![ip("192.0.2.2"), ip("192.0.2.1")]),
            ("for=_hidden, for=unknown", vec![None, None]),
            ("proto=https", vec![None]),
            ("for=192.0.2.1;for=192.0.2.2", vec![None]),
            ("for=\"192.0.2.1\\\"\"", vec![None]),
            ("for", vec![None]),
            ("", vec![None]),
        ] {
            assert_eq!(forwarded(line.as_bytes()).collect::<Vec<_>>(), expected, "{line}");
        }
    }

    #[test]
    fn an_open_quote_from_a_client_hides_nothing_a_proxy_appended() {
        let first = forwarded(b"for=\"198.51.100.66, for=192.0.2.1").next();
        assert_eq!(first, Some(ip("192.0.2.1")));
    }
}
