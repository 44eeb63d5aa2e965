//! Which requests come in at all. Pure: head in, refusal out.

use http::header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, Method, StatusCode, Version};

use crate::config::Hosts;

/// Why a request does not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) text: &'static str,
}

const fn refused(status: StatusCode, text: &'static str) -> Refused {
    Refused { status, text }
}

/// The longest path and query, in bytes.
const LONGEST_TARGET: usize = 8 * 1024;

const MALFORMED: Refused = refused(StatusCode::BAD_REQUEST, "The request is malformed.\n");

/// The host a request is for, once it may come in.
pub(super) fn admit(parts: &Parts, hosts: &Hosts) -> Result<Authority, Refused> {
    if matches!(parts.method, Method::CONNECT | Method::TRACE) {
        return Err(refused(StatusCode::METHOD_NOT_ALLOWED, "This method is not allowed.\n"));
    }
    let whole_server = parts.method == Method::OPTIONS && parts.uri.path() == "*";
    if !whole_server && !parts.uri.path().starts_with('/') {
        return Err(MALFORMED);
    }
    if parts.uri.path_and_query().is_some_and(|target| target.as_str().len() > LONGEST_TARGET) {
        return Err(refused(StatusCode::URI_TOO_LONG, "The address is too long.\n"));
    }
    check_framing(&parts.headers, parts.version)?;
    if parts
        .headers
        .get(EXPECT)
        .is_some_and(|expected| !expected.as_bytes().eq_ignore_ascii_case(b"100-continue"))
    {
        return Err(refused(StatusCode::EXPECTATION_FAILED, "This expectation cannot be met.\n"));
    }
    let host = host(parts)?;
    match hosts {
        Hosts::Only(known) if !known.iter().any(|one| one.eq_ignore_ascii_case(host.host())) => {
            Err(refused(StatusCode::MISDIRECTED_REQUEST, "No site of this name is served here.\n"))
        }
        _ => Ok(host),
    }
}

/// One of the two framings of RFC 9112 section 6, never both, and no transfer coding but `chunked`.
fn check_framing(headers: &HeaderMap, version: Version) -> Result<(), Refused> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).into_iter();
    let mut lengths = headers.get_all(CONTENT_LENGTH).into_iter();
    if let Some(coding) = codings.next() {
        let only = codings.next().is_none() && lengths.next().is_none() && version == Version::HTTP_11;
        if !only {
            return Err(MALFORMED);
        }
        if !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err(refused(StatusCode::NOT_IMPLEMENTED, "This transfer coding is not known here.\n"));
        }
    } else if let Some(length) = lengths.next() {
        let digits = length.as_bytes();
        let sound = !digits.is_empty() && digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit);
        if !sound || lengths.next().is_some() {
            return Err(MALFORMED);
        }
    }
    Ok(())
}

/// The one host: of the target where it names one (RFC 9112 section 3.2.2), else of the one `Host` field.
fn host(parts: &Parts) -> Result<Authority, Refused> {
    let mut fields = parts.headers.get_all(HOST).into_iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err(MALFORMED);
    }
    let named = match field {
        Some(field) => Some(parse_host(field.as_bytes()).ok_or(MALFORMED)?),
        None => None,
    };
    let target = match parts.uri.authority() {
        Some(authority) => Some(parse_host(authority.as_str().as_bytes()).ok_or(MALFORMED)?),
        None => None,
    };
    match (target, named) {
        (Some(target), Some(named)) if parts.version == Version::HTTP_2 && target != named => Err(MALFORMED),
        (Some(host), _) | (None, Some(host)) => Ok(host),
        (None, None) => Err(MALFORMED),
    }
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
        Some(digits) => digits.is_empty() || digits.parse::<u16>().is_ok(),
    };
    (port_is_sound && !authority.host().is_empty()).then_some(authority)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn status(line: (&str, &str, Version), fields: &[(&str, &[u8])]) -> u16 {
        let (method, target, version) = line;
        let mut request = Request::builder().method(method).uri(target).version(version);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let hosts = Hosts::Only(vec!["town.example".to_owned()]);
        admit(&parts, &hosts).err().map_or(200, |refused| refused.status.as_u16())
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
        let h2 = ("GET", "http://town.example/", Version::HTTP_2);
        assert_eq!(status(h2, &[]), 200);
        assert_eq!(status(h2, &[("host", b"other.example")]), 400);
    }

    #[test]
    fn frame_01_to_3_one_framing() {
        const POST: (&str, &str, Version) = ("POST", "/", Version::HTTP_11);
        const OLD: (&str, &str, Version) = ("POST", "/", Version::HTTP_10);
        let host = ("host", &b"town.example"[..]);
        for (line, fields, expected) in [
            (POST, &[("content-length", &b"5"[..])][..], 200),
            (POST, &[("transfer-encoding", b"chunked")], 200),
            (POST, &[("transfer-encoding", b"Chunked")], 200),
            (POST, &[("transfer-encoding", b"chunked"), ("content-length", b"5")], 400),
            (POST, &[("transfer-encoding", b"gzip, chunked")], 501),
            (POST, &[("transfer-encoding", b"chunked, chunked")], 501),
            (POST, &[("transfer-encoding", b"chunked"), ("transfer-encoding", b"chunked")], 400),
            (POST, &[("content-length", b"+5")], 400),
            (POST, &[("content-length", b"5, 5")], 400),
            (POST, &[("content-length", b"5"), ("content-length", b"5")], 400),
            (POST, &[("content-length", b"9999999999999999999")], 400),
            (POST, &[("content-length", b"")], 400),
            (OLD, &[("transfer-encoding", b"chunked")], 400),
        ] {
            let fields: Vec<_> = fields.iter().copied().chain([host]).collect();
            assert_eq!(status(line, &fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn frame_13_and_14_methods_and_expectations() {
        let host = ("host", &b"town.example"[..]);
        assert_eq!(status(("TRACE", "/", Version::HTTP_11), &[host]), 405);
        assert_eq!(status(("CONNECT", "town.example:80", Version::HTTP_11), &[host]), 405);
        assert_eq!(status(("OPTIONS", "*", Version::HTTP_11), &[host]), 200);
        assert_eq!(status(("GET", "*", Version::HTTP_11), &[host]), 400);
        assert_eq!(status(("GET", &format!("/{}", "x".repeat(8 * 1024)), Version::HTTP_11), &[host]), 414);
        assert_eq!(status(("POST", "/", Version::HTTP_11), &[host, ("expect", b"100-Continue")]), 200);
        assert_eq!(status(("POST", "/", Version::HTTP_11), &[host, ("expect", b"tea")]), 417);
    }
}
