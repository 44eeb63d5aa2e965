//! One line of an Apache or nginx log.

use super::text::{Scrubber, Text};
use crate::access_log::{Line, address, after_site};

/// Writes a line with what tells of a person replaced: `host ident user [time] "request" status size "referrer" "browser"`.
/// Nothing is written, and the answer is no, where it is not like that. What stands after the browser is left out.
pub(super) fn scrub(line: &[u8], scrubber: &mut Scrubber, out: &mut Vec<u8>) -> bool {
    let begins = out.len();
    let done = scrub_parts(line, scrubber, out);
    if done.is_none() {
        out.truncate(begins);
    }
    done.is_some()
}

fn scrub_parts(line: &[u8], scrubber: &mut Scrubber, out: &mut Vec<u8>) -> Option<()> {
    let parts = Line::read(line)?;
    out.extend_from_slice(scrubber.names.of(address(parts.host)?).as_bytes());
    scrubber.tally.addresses += 1;
    out.extend_from_slice(b" - ");
    if scrubber.keep.users {
        out.extend_from_slice(&scrubber.text(parts.user, Text::Any));
    } else {
        out.push(b'-');
        scrubber.tally.users += u64::from(parts.user != b"-");
    }
    out.extend_from_slice(b" [");
    out.extend_from_slice(&scrubber.text(parts.time, Text::Any));
    out.extend_from_slice(b"] \"");
    out.extend_from_slice(&scrubber.text(parts.request, Text::Target));
    out.extend_from_slice(b"\" ");
    out.extend_from_slice(parts.status);
    out.push(b' ');
    out.extend_from_slice(parts.size);
    for (text, kind) in [(parts.referrer, Text::Target), (parts.agent, Text::Agent)] {
        if let Some(text) = text {
            out.extend_from_slice(b" \"");
            out.extend_from_slice(&scrubber.text(text, kind));
            out.push(b'"');
        }
    }
    Some(())
}

/// The same for a line that begins with the name of the site.
pub(super) fn scrub_after_site(line: &[u8], scrubber: &mut Scrubber, out: &mut Vec<u8>) -> bool {
    let Some((site, rest)) = after_site(line) else { return false };
    let begins = out.len();
    out.extend_from_slice(&scrubber.text(site, Text::Any));
    out.push(b' ');
    let done = scrub(rest, scrubber, out);
    if !done {
        out.truncate(begins);
    }
    done
}

#[cfg(test)]
mod tests {
    use pinfold::pseudonym::EpochKey;

    use super::*;
    use crate::scrub::text::Keep;

    fn scrubbed(line: &str, keep: Keep) -> Option<String> {
        let mut scrubber = Scrubber::new(EpochKey::from_root([7; 32], "scrub"), keep);
        let [one, six] = ["192.0.2.1", "2001:db8::1"]
            .map(|address| scrubber.names.of(address.parse().unwrap()).to_owned());
        let mut out = Vec::new();
        let done = match line.strip_prefix("@") {
            Some(line) => scrub_after_site(line.as_bytes(), &mut scrubber, &mut out),
            None => scrub(line.as_bytes(), &mut scrubber, &mut out),
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
            (
                r#"192.0.2.1 - - [x] "GET http://192.0.2.1/p HTTP/1.1" 200 1 "http://[2001:db8::1]/x" "x 192.0.2.1 Chrome/141.0.0.0""#,
                Some(
                    r#"{4} - - [x] "GET http://{4}/p HTTP/1.1" 200 1 "http://[{6}]/x" "x {4} Chrome/141.0.0.0""#,
                ),
            ),
            (
                r#"192.0.2.1 - - [x] "CONNECT 192.0.2.1:443 HTTP/1.1" 405 1 "192.0.2.1" "Firefox/140.0.0.1""#,
                Some(r#"{4} - - [x] "CONNECT {4}:443 HTTP/1.1" 405 1 "{4}" "Firefox/140.0.0.1""#),
            ),
            (
                r#"192.0.2.1 - - [x] "GET /lookup/192.0.2.1/x;jsessionid=ABC HTTP/1.1" 200 1 "http://jo:pw@192.0.2.1/x" "-""#,
                Some(r#"{4} - - [x] "GET /lookup/{4}/x HTTP/1.1" 200 1 "http://{4}/x" "-""#),
            ),
            (
                r#"192.0.2.1 - - [x] "GET /r/jo.smith@example.org HTTP/1.1" 200 1"#,
                Some(r#"{4} - - [x] "GET /r/e-mail HTTP/1.1" 200 1"#),
            ),
            (
                r#"@192.0.2.1:443 192.0.2.1 - - [x] "GET /\x31\x39%32.0.2.1 HTTP/1.1" 200 1"#,
                Some(r#"{4}:443 {4} - - [x] "GET /{4} HTTP/1.1" 200 1"#),
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
        let keep = Keep { users: true, queries: true, mails: true };
        let line = r#"192.0.2.1 - jo [x] "GET /?a=b HTTP/1.1" 200 1 "http://a.example/?c#d" "x""#;
        let expected = r#"{4} - jo [x] "GET /?a=b HTTP/1.1" 200 1 "http://a.example/?c#d" "x""#;
        assert_eq!(scrubbed(line, keep).as_deref(), Some(expected));
    }
}
