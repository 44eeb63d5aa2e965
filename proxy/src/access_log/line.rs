//! One line of an Apache or nginx log.

use super::format::address;

/// The parts of `host ident user [time] "request" status size "referrer" "browser"`, byte for byte. What stands after the
/// browser is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) host: &'a [u8],
    pub(crate) user: &'a [u8],
    pub(crate) time: &'a [u8],
    pub(crate) request: &'a [u8],
    pub(crate) status: &'a [u8],
    pub(crate) size: &'a [u8],
    pub(crate) referrer: Option<&'a [u8]>,
    pub(crate) agent: Option<&'a [u8]>,
}

impl<'a> Line<'a> {
    /// The parts of a line, if it is like that.
    pub(crate) fn read(line: &'a [u8]) -> Option<Self> {
        let (host, rest) = cut_at(line, b' ')?;
        let (_, rest) = cut_at(rest, b' ')?;
        // A quotation mark in the name of a user is escaped, a bracket is not.
        let (user_and_time, rest) = cut(rest, b"] \"")?;
        let time = memchr::memmem::rfind(user_and_time, b" [")?;
        let (user, time) = (&user_and_time[..time], &user_and_time[time + 2..]);
        let (request, rest) = quoted(rest)?;
        let mut words = rest.trim_ascii().splitn(3, |&byte| byte == b' ');
        let (status, size) = (words.next()?, words.next()?);
        let is_number = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_digit);
        if ![status, size].into_iter().all(|word| word == b"-" || is_number(word)) {
            return None;
        }
        let (referrer, rest) = next_quoted(words.next().unwrap_or_default());
        let (agent, _) = next_quoted(rest);
        Some(Self { host, user, time, request, status, size, referrer, agent })
    }
}

/// The name of the site with which a line begins, and the rest of it.
pub(crate) fn after_site(line: &[u8]) -> Option<(&[u8], &[u8])> {
    cut_at(line, b' ').filter(|(site, _)| address(site).is_none())
}

fn next_quoted(text: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let Some(text) = text.trim_ascii_start().strip_prefix(b"\"") else { return (None, b"") };
    // Some agents are so long that the line was cut off.
    let (text, rest) = quoted(text).unwrap_or((text, b""));
    (Some(text), rest)
}

fn cut_at(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = memchr::memchr(at, text)?;
    Some((&text[..place], &text[place + 1..]))
}

fn cut<'a>(text: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = memchr::memmem::find(text, at)?;
    Some((&text[..place], &text[place + at.len()..]))
}

/// Up to the quotation mark that ends a text: not one behind a backslash.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut from = 0;
    loop {
        let end = from + memchr::memchr(b'"', &text[from..])?;
        let marks = text[..end].iter().rev().take_while(|&&byte| byte == b'\\').count();
        if marks % 2 == 0 {
            return Some((&text[..end], &text[end + 1..]));
        }
        from = end + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_line() {
        let line = br#"192.0.2.1 - jo b [22/Nov/2026:10:00:00 +0000] "GET /a\"b HTTP/1.1" 200 - "-" "Mozil"#;
        let parts = Line::read(line).unwrap();
        assert_eq!((parts.host, parts.user), (&b"192.0.2.1"[..], &b"jo b"[..]));
        assert_eq!(
            (parts.time, parts.request),
            (&b"22/Nov/2026:10:00:00 +0000"[..], &br#"GET /a\"b HTTP/1.1"#[..])
        );
        assert_eq!((parts.status, parts.size), (&b"200"[..], &b"-"[..]));
        assert_eq!((parts.referrer, parts.agent), (Some(&b"-"[..]), Some(&b"Mozil"[..])));
        let bracket = br#"::1 - jo [it] smith [22/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1"#;
        let parts = Line::read(bracket).unwrap();
        assert_eq!((parts.user, parts.time), (&b"jo [it] smith"[..], &b"22/Nov/2026:10:00:00 +0000"[..]));
        let common = Line::read(br#"::1 - - [x] "" 408 0"#).unwrap();
        assert_eq!((common.request, common.referrer, common.agent), (&b""[..], None, None));
        for line in [&br#"::1 - - [x] "" 408"#[..], br#"::1 - - [x] "" 408  "-""#, br#"::1 - - [x] "" x 0"#] {
            assert_eq!(Line::read(line), None);
        }
        assert_eq!(
            after_site(b"town.example 192.0.2.1 -"),
            Some((&b"town.example"[..], &b"192.0.2.1 -"[..]))
        );
        assert_eq!(after_site(b"192.0.2.1 - -"), None);
    }
}
