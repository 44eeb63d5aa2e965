//! What a line of a log says of a request, whatever the format.

use std::borrow::Cow;

use http::StatusCode;
use pinfold::audit::MethodClass;
use pinfold::time::UnixTime;

use super::json;
use crate::access_log::{Format, Line, Stamps, after_site};

/// A request that was logged. Nothing of whom it came from is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// The host that was asked, where the log tells: in lower case, without port.
    pub(super) host: Option<String>,
    pub(super) at: UnixTime,
    pub(super) method: MethodClass,
    pub(super) status: StatusCode,
    pub(super) path: Cow<'a, str>,
    /// Empty where there was none, nothing where the log does not tell; so too `agent`.
    pub(super) referrer: Option<Cow<'a, [u8]>>,
    pub(super) agent: Option<Cow<'a, [u8]>>,
}

impl<'a> Entry<'a> {
    /// What a line says, if it says when what was asked and what was answered.
    pub(super) fn read(line: &'a [u8], format: Format, stamps: &mut Stamps) -> Option<Self> {
        match format {
            Format::Combined | Format::Common => Self::of_line(&Line::read(line)?, stamps),
            Format::Json => json::read(line, stamps),
            Format::VhostCombined => {
                let (host, rest) = after_site(line)?;
                let entry = Self::of_line(&Line::read(rest)?, stamps)?;
                Some(Self { host: Some(host_alone(std::str::from_utf8(host).ok()?)), ..entry })
            }
        }
    }

    fn of_line(line: &Line<'a>, stamps: &mut Stamps) -> Option<Self> {
        let (method, target) = asked(line.request)?;
        Some(Self {
            host: None,
            at: stamps.read(line.time)?,
            method,
            status: status(line.status)?,
            path: path_of(target)?,
            referrer: line.referrer.map(or_none),
            agent: line.agent.map(or_none),
        })
    }
}

/// Method and target of `GET /path?query HTTP/1.1`.
pub(super) fn asked(request: &[u8]) -> Option<(MethodClass, &[u8])> {
    let (method, rest) = request.split_at_checked(memchr::memchr(b' ', request)?)?;
    let target = match memchr::memmem::rfind(rest, b" HTTP/") {
        Some(version) => &rest[1.min(version)..version],
        None => &rest[1..],
    };
    Some((method_of(method)?, target))
}

/// The class of a method (RFC 9110 section 9.1: a token, by custom in capitals).
pub(super) fn method_of(method: &[u8]) -> Option<MethodClass> {
    match method {
        b"GET" => Some(MethodClass::Get),
        b"HEAD" => Some(MethodClass::Head),
        b"POST" => Some(MethodClass::Post),
        _ => {
            let is_method = (1..=32).contains(&method.len())
                && method.iter().all(|byte| byte.is_ascii_uppercase() || b"-_".contains(byte));
            is_method.then_some(MethodClass::Other)
        }
    }
}

/// The path of a target, without a query: `/path`, `https://host/path` or `*`.
pub(super) fn path_of(target: &[u8]) -> Option<Cow<'_, str>> {
    let end = memchr::memchr2(b'?', b'#', target).unwrap_or(target.len());
    let target = &target[..end];
    let path = match target.first()? {
        b'/' => target,
        b'*' if target.len() == 1 => target,
        _ => {
            let rest = &target[memchr::memmem::find(target, b"://")? + 3..];
            memchr::memchr(b'/', rest).map_or(&b"/"[..], |path| &rest[path..])
        }
    };
    Some(String::from_utf8_lossy(path))
}

pub(super) fn status(digits: &[u8]) -> Option<StatusCode> {
    StatusCode::from_bytes(digits).ok().filter(|status| status.as_u16() < 600)
}

/// In logs `-` stands for a field that was not there.
fn or_none(field: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(if field == b"-" { b"" } else { field })
}

/// A host in lower case, without its port.
pub(super) fn host_alone(host: &str) -> String {
    let end = host.rfind(':').filter(|at| !host[*at..].contains(']')).unwrap_or(host.len());
    host[..end].trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[u8], format: Format) -> Option<String> {
        let entry = Entry::read(line, format, &mut Stamps::default())?;
        let text = |field: &Option<Cow<'_, [u8]>>| {
            field.as_ref().map_or("?".to_owned(), |field| String::from_utf8_lossy(field).into_owned())
        };
        Some(format!(
            "{} {} {} {} {} <{}> <{}>",
            entry.host.as_deref().unwrap_or("?"),
            entry.at,
            entry.method.name(),
            entry.status.as_u16(),
            entry.path,
            text(&entry.referrer),
            text(&entry.agent)
        ))
    }

    #[test]
    fn what_each_format_says() {
        for (format, line, says) in [
            (
                Format::Combined,
                &br#"192.0.2.1 - jo [22/Nov/2026:10:00:00 +0000] "GET /bins?a=b HTTP/1.1" 200 5 "https://x.example/" "Firefox""#[..],
                Some("? 2026-11-22T10:00:00Z GET 200 /bins <https://x.example/> <Firefox>"),
            ),
            (
                Format::Combined,
                br#"192.0.2.1 - - [22/Nov/2026:10:00:00 +0000] "OPTIONS * HTTP/1.0" 204 - "-" "-""#,
                Some("? 2026-11-22T10:00:00Z other 204 * <> <>"),
            ),
            (
                Format::Common,
                br#"crawler.example - - [22/Nov/2026:10:00:00 +0000] "GET http://x.example?q HTTP/1.1" 404 5"#,
                Some("? 2026-11-22T10:00:00Z GET 404 / <?> <?>"),
            ),
            (
                Format::VhostCombined,
                br#"WWW.Town.example:443 192.0.2.1 - - [22/Nov/2026:10:00:00 +0000] "HEAD /a b HTTP/1.1" 200 5 "-" "x""#,
                Some("www.town.example 2026-11-22T10:00:00Z HEAD 200 /a b <> <x>"),
            ),
            (Format::Combined, br#"192.0.2.1 - - [22/Nov/2026:10:00:00 +0000] "GET /old" 200 5 "-" "x""#, Some("? 2026-11-22T10:00:00Z GET 200 /old <> <x>")),
            (Format::Combined, br#"192.0.2.1 - - [22/Nov/2026:10:00:00 +0000] "\x16\x03" 400 5 "-" "-""#, None),
            (Format::Combined, br#"192.0.2.1 - - [22/Nov/2026:10:00:00 +0000] "-" 408 5 "-" "-""#, None),
            (Format::Combined, br#"192.0.2.1 - - [22/Nov/2026:10:00:00 +0000] "" 408 5 "-" "-""#, None),
            (Format::Combined, br#"192.0.2.1 - - [22/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 000 5 "-" "-""#, None),
            (Format::Combined, br#"192.0.2.1 - - [yesterday] "GET / HTTP/1.1" 200 5 "-" "-""#, None),
            (Format::Combined, br#"192.0.2.1 - - [22/Nov/2026:10:00:00 +0000] "GET HTTP/1.1" 200 5 "-" "-""#, None),
            (Format::VhostCombined, b"www.town.example", None),
            (Format::Combined, b"\xff\x00\"] \" [ \"", None),
        ] {
            assert_eq!(read(line, format).as_deref(), says, "{}", String::from_utf8_lossy(line));
        }
        let hostile =
            b"192.0.2.1 - - [22/Nov/2026:10:00:00 +0000] \"GET /\xff\xfe HTTP/1.1\" 200 5 \"\xff\" \"\xff\"";
        assert!(read(hostile, Format::Combined).is_some());
    }
}
