//! One line of an Apache or nginx log.

use super::names::Names;
use crate::access_log::{Line, address, after_site};

/// What stays in a log besides.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Keep {
    /// The names of users who have signed in.
    pub(crate) users: bool,
    /// What stands after `?` in addresses of pages.
    pub(crate) queries: bool,
}

/// Writes a line with its address replaced: `host ident user [time] "request" status size "referrer" "browser"`. Nothing is
/// written, and the answer is no, where it is not like that. What stands after the browser is left out.
pub(super) fn scrub(line: &[u8], keep: Keep, names: &mut Names, out: &mut Vec<u8>) -> bool {
    let begins = out.len();
    let done = scrub_parts(line, keep, names, out);
    if done.is_none() {
        out.truncate(begins);
    }
    done.is_some()
}

fn scrub_parts(line: &[u8], keep: Keep, names: &mut Names, out: &mut Vec<u8>) -> Option<()> {
    let parts = Line::read(line)?;
    out.extend_from_slice(names.of(address(parts.host)?).as_bytes());
    out.extend_from_slice(b" - ");
    out.extend_from_slice(if keep.users { parts.user } else { b"-" });
    out.extend_from_slice(b" [");
    out.extend_from_slice(parts.time);
    out.extend_from_slice(b"] \"");
    write_request(parts.request, keep, out);
    out.extend_from_slice(b"\" ");
    out.extend_from_slice(parts.status);
    out.push(b' ');
    out.extend_from_slice(parts.size);
    if let Some(referrer) = parts.referrer {
        out.extend_from_slice(b" \"");
        write_referrer(referrer, keep, names, out);
        out.push(b'"');
    }
    if let Some(agent) = parts.agent {
        out.extend_from_slice(b" \"");
        out.extend_from_slice(agent);
        out.push(b'"');
    }
    Some(())
}

/// The same for a line that begins with the name of the site.
pub(super) fn scrub_after_site(line: &[u8], keep: Keep, names: &mut Names, out: &mut Vec<u8>) -> bool {
    let Some((site, rest)) = after_site(line) else { return false };
    let begins = out.len();
    out.extend_from_slice(site);
    out.push(b' ');
    let done = scrub(rest, keep, names, out);
    if !done {
        out.truncate(begins);
    }
    done
}

/// `GET /path?query HTTP/1.1`, with what follows `?` left out.
fn write_request(request: &[u8], keep: Keep, out: &mut Vec<u8>) {
    let query = memchr::memchr(b'?', request).filter(|_| !keep.queries);
    let Some(query) = query else { return out.extend_from_slice(request) };
    out.extend_from_slice(&request[..query]);
    if let Some(version) = memchr::memmem::rfind(request, b" HTTP/").filter(|version| *version > query) {
        out.extend_from_slice(&request[version..]);
    }
}

/// The address of a page elsewhere, which may hold the address of a machine itself.
fn write_referrer(referrer: &[u8], keep: Keep, names: &mut Names, out: &mut Vec<u8>) {
    let end = memchr::memchr2(b'?', b'#', referrer).filter(|_| !keep.queries);
    let referrer = &referrer[..end.unwrap_or(referrer.len())];
    let host = memchr::memmem::find(referrer, b"://").map(|scheme| scheme + 3);
    if let Some(begins) = host {
        let length = referrer[begins..].iter().position(|byte| b"/:".contains(byte));
        let ends = begins + length.unwrap_or(referrer.len() - begins);
        if let Some(host) = address(&referrer[begins..ends]) {
            out.extend_from_slice(&referrer[..begins]);
            out.extend_from_slice(names.of(host).as_bytes());
            return out.extend_from_slice(&referrer[ends..]);
        }
    }
    out.extend_from_slice(referrer);
}

#[cfg(test)]
mod tests {
    use pinfold::pseudonym::EpochKey;

    use super::*;

    fn scrubbed(line: &str, keep: Keep) -> Option<String> {
        let mut names = Names::new(EpochKey::from_root([7; 32], "scrub"));
        let name = |names: &mut Names, address: &str| names.of(address.parse().unwrap()).to_owned();
        let (one, six) = (name(&mut names, "192.0.2.1"), name(&mut names, "2001:db8::1"));
        let mut out = Vec::new();
        let done = match line.strip_prefix("@") {
            Some(line) => scrub_after_site(line.as_bytes(), keep, &mut names, &mut out),
            None => scrub(line.as_bytes(), keep, &mut names, &mut out),
        };
        let text = String::from_utf8(out).unwrap().replace(&one, "{4}").replace(&six, "{6}");
        assert!(done || text.is_empty());
        done.then_some(text)
    }

    #[test]
    fn addresses_users_and_queries_go_and_the_rest_stays() {
        for (line, expected) in [
            (
                r#"192.0.2.1 - jo [22/Nov/2026:10:00:00 +0000] "GET /bins?postcode=AB1 HTTP/1.1" 200 512 "https://www.example.com/?q=x" "Mozilla/5.0 \"x\"""#,
                Some(
                    r#"{4} - - [22/Nov/2026:10:00:00 +0000] "GET /bins HTTP/1.1" 200 512 "https://www.example.com/" "Mozilla/5.0 \"x\"""#,
                ),
            ),
            (
                r#"2001:db8::1 - - [22/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 304 -"#,
                Some(r#"{6} - - [22/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 304 -"#),
            ),
            (
                r#"@town.example:443 192.0.2.1 - - [x] "GET / HTTP/2.0" 200 1 "-" "curl/8""#,
                Some(r#"town.example:443 {4} - - [x] "GET / HTTP/2.0" 200 1 "-" "curl/8""#),
            ),
            (
                r#"192.0.2.1 - a b [x] "\x16\x03" 400 0 "http://192.0.2.1:8080/a" "-" "192.0.2.1""#,
                Some(r#"{4} - - [x] "\x16\x03" 400 0 "http://{4}:8080/a" "-""#),
            ),
            (r#"192.0.2.1 - - [x] "" 408 0 "-" "-""#, Some(r#"{4} - - [x] "" 408 0 "-" "-""#)),
            (
                r#"192.0.2.1 - - [x] "GET / HTTP/1.1" 200 1 "-" "Mozil"#,
                Some(r#"{4} - - [x] "GET / HTTP/1.1" 200 1 "-" "Mozil""#),
            ),
            (r#"crawler.example - - [x] "GET / HTTP/1.1" 200 1"#, None),
            (r#"192.0.2.1 - - [x] "GET / HTTP/1.1 200 1"#, None),
            (r#"192.0.2.1 - - [x] "GET / HTTP/1.1" ok 1"#, None),
            ("192.0.2.1", None),
            ("", None),
        ] {
            assert_eq!(scrubbed(line, Keep::default()).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn what_is_asked_for_is_kept() {
        let keep = Keep { users: true, queries: true };
        let line = r#"192.0.2.1 - jo [x] "GET /?a=b HTTP/1.1" 200 1 "http://a.example/?c#d" "x""#;
        let expected = r#"{4} - jo [x] "GET /?a=b HTTP/1.1" 200 1 "http://a.example/?c#d" "x""#;
        assert_eq!(scrubbed(line, keep).as_deref(), Some(expected));
    }
}
