//! Which requests come in at all. Pure: head in, refusal out.

use http::header::{COOKIE, EXPECT, HOST};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Method, Version};

use super::by_host::ByHost;
use super::door::HEALTH;
use super::limits::{LONGEST_COOKIE, LONGEST_METHOD, LONGEST_TARGET, MOST_FIELDS};
use super::refused::Refused;

/// Whether a balancer asks whether this is alive. They ask by address, with whatever `Host` they please.
pub(super) fn is_of_balancer(parts: &Parts) -> bool {
    parts.uri.path() == HEALTH && [Method::GET, Method::HEAD].contains(&parts.method)
}

/// The host a request is for, and its site, once it may come in.
pub(super) fn admit<'s, T: Clone>(
    parts: &Parts,
    sites: &'s ByHost<T>,
) -> Result<(Authority, &'s T), Refused> {
    if matches!(parts.method, Method::CONNECT | Method::TRACE) {
        return Err(Refused::METHOD);
    }
    if parts.method.as_str().len() > LONGEST_METHOD {
        return Err(Refused::UNKNOWN_METHOD);
    }
    let whole_server = parts.method == Method::OPTIONS && parts.uri.path() == "*";
    if !whole_server && !parts.uri.path().starts_with('/') {
        return Err(Refused::MALFORMED);
    }
    let target = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    // In HTTP/2 it is written out (RFC 9113 section 8.3.1), though `Uri` would take `?query` for `/?query`.
    if parts.version == Version::HTTP_2 && target.starts_with('?') {
        return Err(Refused::MALFORMED);
    }
    if target.len() > LONGEST_TARGET {
        return Err(Refused::TARGET);
    }
    check_amount(&parts.headers)?;
    let is_known = |expected: &[u8]| expected.eq_ignore_ascii_case(b"100-continue");
    if !parts.headers.get_all(EXPECT).into_iter().all(|expected| is_known(expected.as_bytes())) {
        return Err(Refused::EXPECTATION);
    }
    let host = host(parts)?;
    let site = sites.find(host.host()).ok_or(Refused::HOST)?;
    Ok((host, site))
}

/// As in HTTP/1, where the crumbs of HTTP/2 would be one field (RFC 9113 section 8.2.3).
fn check_amount(headers: &HeaderMap) -> Result<(), Refused> {
    let (crumbs, cookies) = headers
        .get_all(COOKIE)
        .into_iter()
        .fold((0, 0), |(count, length), crumb| (count + 1, length + crumb.len() + "; ".len()));
    let fields = headers.len() - crumbs + crumbs.min(1);
    if fields > MOST_FIELDS || cookies > LONGEST_COOKIE + "; ".len() {
        return Err(Refused::FIELDS);
    }
    Ok(())
}

/// The one host: of the target where it names one (RFC 9112 section 3.2.2), else of the one `Host` field.
fn host(parts: &Parts) -> Result<Authority, Refused> {
    let mut fields = parts.headers.get_all(HOST).into_iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err(Refused::MALFORMED);
    }
    let named = match field {
        Some(field) => Some(parse_host(field.as_bytes()).ok_or(Refused::MALFORMED)?),
        None => None,
    };
    let target = match parts.uri.authority() {
        Some(authority) => Some(parse_host(authority.as_str().as_bytes()).ok_or(Refused::MALFORMED)?),
        None => None,
    };
    match (target, named) {
        (Some(target), Some(named)) if parts.version == Version::HTTP_2 && target != named => {
            Err(Refused::MALFORMED)
        }
        (Some(host), _) | (None, Some(host)) => Ok(canonical(host)),
        (None, None) => Err(Refused::MALFORMED),
    }
}

/// In lower case, and with a port as a number or with none (RFC 9110 section 4.2.3).
fn canonical(host: Authority) -> Authority {
    let port = host.as_str()[host.host().len()..].strip_prefix(':');
    let is_plain = port.is_none_or(|port| matches!(port.as_bytes(), [b'1'..=b'9', ..]));
    if is_plain && !host.as_str().bytes().any(|byte| byte.is_ascii_uppercase()) {
        return host;
    }
    let name = host.host().to_ascii_lowercase();
    let written = match port.and_then(|port| port.parse::<u16>().ok()) {
        Some(port) => format!("{name}:{port}"),
        None => name,
    };
    Authority::try_from(written).unwrap_or(host)
}

/// A name, an IPv4 address or an IPv6 address in brackets, and perhaps a port.
fn parse_host(host: &[u8]) -> Option<Authority> {
    let sound = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(byte);
    if host.is_empty() || host.len() > 255 || !host.iter().all(sound) {
        return None;
    }
    let authority = Authority::try_from(host).ok()?;
    let port = authority.as_str().strip_prefix(authority.host())?;
    let port_is_sound = match port.strip_prefix(':') {
        None => port.is_empty(),
        Some(digits) => digits.is_empty() || digits.parse::<u16>().is_ok_and(|port| port > 0),
    };
    (port_is_sound && !authority.host().is_empty()).then_some(authority)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::config::Hosts;

    fn status(line: (&str, &str, Version), fields: &[(&str, &[u8])]) -> u16 {
        let (method, target, version) = line;
        let mut request = Request::builder().method(method).uri(target).version(version);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let hosts = Hosts::Only(vec!["town.example".to_owned()]);
        admit(&parts, &ByHost::new([(&hosts, ())])).err().map_or(200, |refused| refused.status.as_u16())
    }

    #[test]
    fn frame_07_one_sound_host() {
        const GET: (&str, &str, Version) = ("GET", "/", Version::HTTP_11);
        for (host, expected) in [
            (&b"town.example"[..], 200),
            (b"town.example:8080", 200),
            (b"TOWN.example", 200),
            (b"other.example", 421),
            (b"town.example.", 421),
            (b"[::1]:80", 421),
            (b"", 400),
            (b"town.example:", 200),
            (b"town.example:0", 400),
            (b"town.example:65536", 400),
            (b"town.example:x", 400),
            (b"town.example, other.example", 400),
            (b"town.example other", 400),
            (b"user@town.example", 400),
            (b"town.example/x", 400),
            (b"town.example?x", 400),
            (b"town.example#x", 400),
            (b"town.example\\x", 400),
            (b"[::1", 400),
            (b"t\xc3\xb6wn.example", 400),
        ] {
            assert_eq!(status(GET, &[("host", host)]), expected, "{}", String::from_utf8_lossy(host));
        }
        assert_eq!(status(GET, &[]), 400);
        assert_eq!(status(GET, &[("host", b"town.example"), ("host", b"town.example")]), 400);
    }

    #[test]
    fn an_absolute_target_overrules_host() {
        let absolute = |target| ("GET", target, Version::HTTP_11);
        assert_eq!(status(absolute("http://town.example/"), &[("host", b"other.example")]), 200);
        assert_eq!(status(absolute("http://other.example/"), &[("host", b"town.example")]), 421);
        assert_eq!(status(absolute("http://user@town.example/"), &[("host", b"town.example")]), 400);
        for (written, canonical) in [
            ("TOWN.Example:80", "town.example:80"),
            ("town.example:", "town.example"),
            ("town.example:00080", "town.example:80"),
            ("[2001:DB8::1]:080", "[2001:db8::1]:80"),
        ] {
            let (parts, ()) = Request::get("/").header("host", written).body(()).unwrap().into_parts();
            let sites = ByHost::new([(&Hosts::Any, ())]);
            assert_eq!(admit(&parts, &sites).unwrap().0.as_str(), canonical, "{written}");
        }
        let h2 = ("GET", "http://town.example/", Version::HTTP_2);
        assert_eq!(status(h2, &[]), 200);
        assert_eq!(status(h2, &[("host", b"other.example")]), 400);
    }

    #[test]
    fn frame_16_fields_and_cookies() {
        const H2: (&str, &str, Version) = ("GET", "http://town.example/", Version::HTTP_2);
        let crumbs = |count: usize, length: usize| {
            let crumb = "x".repeat(length);
            let fields: Vec<_> = (0..count).map(|_| ("cookie", crumb.as_bytes())).collect();
            status(H2, &fields)
        };
        assert_eq!(crumbs(400, 8), 200);
        assert_eq!(crumbs(1, 16 * 1024), 200);
        assert_eq!(crumbs(1, 16 * 1024 + 1), 431);
        assert_eq!(crumbs(2, 8 * 1024 - 1), 200);
        assert_eq!(crumbs(2, 8 * 1024), 431);
        assert_eq!(status(H2, &[("a", &b"1"[..]); 100]), 200);
        assert_eq!(status(H2, &[("a", &b"1"[..]); 101]), 431);
    }

    #[test]
    fn frame_13_and_14_methods_and_expectations() {
        let host = ("host", &b"town.example"[..]);
        assert_eq!(status((&"X".repeat(33), "/", Version::HTTP_2), &[host]), 501);
        assert_eq!(status(("GET", "http://town.example?x", Version::HTTP_2), &[]), 400);
        assert_eq!(status(("GET", "http://town.example?x", Version::HTTP_11), &[host]), 200);
        assert_eq!(status(("TRACE", "/", Version::HTTP_11), &[host]), 405);
        assert_eq!(status(("CONNECT", "town.example:80", Version::HTTP_11), &[host]), 405);
        assert_eq!(status(("OPTIONS", "*", Version::HTTP_11), &[host]), 200);
        assert_eq!(status(("GET", "*", Version::HTTP_11), &[host]), 400);
        assert_eq!(status(("GET", &format!("/{}", "x".repeat(8 * 1024)), Version::HTTP_11), &[host]), 414);
        assert_eq!(status(("POST", "/", Version::HTTP_11), &[host, ("expect", b"100-Continue")]), 200);
        assert_eq!(status(("POST", "/", Version::HTTP_11), &[host, ("expect", b"tea")]), 417);
        let two = [host, ("expect", b"100-continue"), ("expect", b"tea")];
        assert_eq!(status(("POST", "/", Version::HTTP_11), &two), 417);
    }
}
