//! `Link` fields (RFC 8288), by which an answer has a browser load things, or connect, before it has read the page. Pure.

use http::header::LINK;
use http::{HeaderMap, HeaderValue};

use crate::html::host_of;

/// Takes out the links to hosts that are held.
pub(super) fn hold_links(headers: &mut HeaderMap, is_held: impl Fn(&str, Option<u16>) -> bool) {
    let holds = |link: &[u8]| {
        let begins = memchr::memchr(b'<', link).map(|begins| &link[begins + 1..]);
        let target = begins.and_then(|rest| Some(&rest[..memchr::memchr(b'>', rest)?]));
        let host = target.and_then(|target| host_of(&String::from_utf8_lossy(target)));
        host.is_some_and(|(host, port)| is_held(&host, port))
    };
    let lines = || headers.get_all(LINK).into_iter();
    if !lines().any(|line| links(line.as_bytes()).any(holds)) {
        return;
    }
    let kept: Vec<HeaderValue> = lines()
        .filter_map(|line| {
            if !links(line.as_bytes()).any(holds) {
                return Some(line.clone());
            }
            let kept: Vec<_> =
                links(line.as_bytes()).filter(|link| !holds(link)).map(<[u8]>::trim_ascii).collect();
            HeaderValue::from_bytes(&kept.join(&b", "[..])).ok().filter(|line| !line.is_empty())
        })
        .collect();
    headers.remove(LINK);
    kept.into_iter().for_each(|line| {
        headers.append(LINK, line);
    });
}

/// The links of a line: at commas that are neither in an address nor in quotation marks.
fn links(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut address, mut quoted, mut escaped) = (false, false, false);
    line.split(move |byte| {
        if std::mem::take(&mut escaped) {
            return false;
        }
        match byte {
            b'<' if !quoted => address = true,
            b'>' if !quoted => address = false,
            b'"' if !address => quoted = !quoted,
            b'\\' if quoted => escaped = true,
            _ => {}
        }
        *byte == b',' && !address && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_held_hosts_go_and_others_stay_as_they_are() {
        for (lines, expected) in [
            (&["<https://bad.example>; rel=preconnect"][..], &[][..]),
            (
                &["</a.css>; rel=preload,  <https://ok.example/b>; rel=x"],
                &["</a.css>; rel=preload,  <https://ok.example/b>; rel=x"],
            ),
            (
                &["</a>; title=\"x, <y\", <//bad.example/b,c>; rel=preload, </d>", "</e>"],
                &["</a>; title=\"x, <y\", </d>", "</e>"],
            ),
            (&["nonsense", ""], &["nonsense", ""]),
            (&["<https://bad.example/a>; rel=preload; title=\"Caff\u{e9}\""], &[]),
            (
                &["</a.css>; title=\"5\\\"\", <https://bad.example>; rel=preconnect"],
                &["</a.css>; title=\"5\\\"\""],
            ),
        ] {
            let mut headers = HeaderMap::new();
            lines.iter().for_each(|line| {
                headers.append(LINK, HeaderValue::from_bytes(line.as_bytes()).unwrap());
            });
            hold_links(&mut headers, |host, _| host == "bad.example");
            let left: Vec<_> = headers.get_all(LINK).into_iter().map(|line| line.to_str().unwrap()).collect();
            assert_eq!(left, expected);
        }
    }
}
