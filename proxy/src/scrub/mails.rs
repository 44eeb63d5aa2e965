//! Addresses of e-mail, and users within addresses of pages.

use std::borrow::Cow;
use std::ops::Range;

use super::edit::Edit;
use super::escapes::Unescaped;

/// What stands where an address of e-mail was.
const WORD: &[u8] = b"e-mail";

/// With these, what follows `@` is a file: `logo@2x.png`, `jquery@3.2.1.min.js`.
const ENDINGS: [&[u8]; 23] = [
    b"avif", b"css", b"csv", b"gif", b"htm", b"html", b"ico", b"jpeg", b"jpg", b"js", b"json", b"map",
    b"min", b"mjs", b"pdf", b"php", b"png", b"svg", b"tgz", b"txt", b"webp", b"woff", b"xml",
];

/// The text with a word in place of each address of e-mail, and how many there were.
pub(super) fn replaced(text: &[u8]) -> (Cow<'_, [u8]>, u64) {
    let Some(unescaped) = with_at(text) else { return (Cow::Borrowed(text), 0) };
    let bytes = unescaped.bytes();
    let (mut edit, mut from, mut count) = (Edit::of(text), 0, 0);
    for at in memchr::memchr_iter(b'@', bytes) {
        if let Some(place) = mail_around(bytes, from, at) {
            edit.replace(unescaped.in_text(place.clone()), WORD);
            (from, count) = (place.end, count + 1);
        }
    }
    (edit.finish(), count)
}

/// The text without `user:password@` behind any `://` (RFC 3986 section 3.2.1), and how many there were.
pub(super) fn without_users(text: &[u8]) -> (Cow<'_, [u8]>, u64) {
    let Some(unescaped) = with_at(text) else { return (Cow::Borrowed(text), 0) };
    let bytes = unescaped.bytes();
    let (mut edit, mut from, mut count) = (Edit::of(text), 0, 0);
    for scheme in memchr::memmem::find_iter(bytes, b"://") {
        // Within an address that is escaped as a whole, so is its end.
        let is_escaped = unescaped.was_escaped(scheme + 2);
        let start = scheme + 3;
        if start < from {
            continue;
        }
        let is_end = |place: &usize| {
            b"/?# \"<>\n".contains(&bytes[*place]) && unescaped.was_escaped(*place) == is_escaped
        };
        let end = (start..bytes.len()).find(is_end).unwrap_or(bytes.len());
        if let Some(at) = memchr::memrchr(b'@', &bytes[start..end]) {
            edit.replace(unescaped.in_text(start..start + at + 1), b"");
            (from, count) = (start + at + 1, count + 1);
        }
    }
    (edit.finish(), count)
}

fn with_at(text: &[u8]) -> Option<Unescaped<'_>> {
    memchr::memchr3(b'@', b'%', b'\\', text)?;
    let unescaped = Unescaped::of(text);
    memchr::memchr(b'@', unescaped.bytes())?;
    Some(unescaped)
}

fn mail_around(text: &[u8], from: usize, at: usize) -> Option<Range<usize>> {
    let is_local =
        |byte: u8| byte.is_ascii_alphanumeric() || b".!$&'*+-_`|~".contains(&byte) || !byte.is_ascii();
    let is_domain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte) || !byte.is_ascii();
    let start = at - text[from..at].iter().rev().take_while(|&&byte| is_local(byte)).count();
    let length = text[at + 1..].iter().take_while(|&&byte| is_domain(byte)).count();
    let domain = &text[at + 1..at + 1 + length];
    let length = length - domain.iter().rev().take_while(|byte| b".-".contains(byte)).count();
    (start < at && is_domain_name(&domain[..length])).then(|| start..at + 1 + length)
}

/// At least two labels, of which the last is no number, once the endings of files are left out.
fn is_domain_name(mut text: &[u8]) -> bool {
    loop {
        let Some(dot) = memchr::memrchr(b'.', text) else { return false };
        let last = &text[dot + 1..];
        if !ENDINGS.iter().any(|ending| last.eq_ignore_ascii_case(ending)) {
            return dot > 0 && last.len() > 1 && !last.iter().any(u8::is_ascii_digit);
        }
        text = &text[..dot];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_is_a_word() {
        for (text, expected) in [
            ("/r/jo.smith@example.org", "/r/e-mail"),
            ("GET /r/jo@example.org/x HTTP/1.1", "GET /r/e-mail/x HTTP/1.1"),
            ("/u/jo+x@mail.example.org.json", "/u/e-mail"),
            ("/u/jo%40example%2Eorg", "/u/e-mail"),
            (r"\u006ao\u0040example.org", "e-mail"),
            ("mailto:jo@example.org.", "mailto:e-mail."),
            ("from <jo@example.org>, Ann@b.example", "from <e-mail>, e-mail"),
            ("j\u{f6}@m\u{fc}ller.example", "e-mail"),
            ("a@b@example.org", "a@e-mail"),
            ("(contact: bot@example.com)", "(contact: e-mail)"),
        ] {
            let (cleaned, count) = replaced(text.as_bytes());
            assert_eq!((String::from_utf8_lossy(&cleaned).as_ref(), count > 0), (expected, true), "{text}");
        }
        for text in [
            "",
            "@",
            "a@",
            "@example.org",
            "jo@localhost",
            "/logo@2x.png",
            "/jquery@3.2.1.min.js",
            "/npm/@scope/a@1.2.3/",
            "a@b.c",
        ] {
            assert!(matches!(replaced(text.as_bytes()), (Cow::Borrowed(_), 0)), "{text}");
        }
    }

    #[test]
    fn users_within_addresses_of_pages_go() {
        for (text, expected) in [
            ("http://jo:pw@203.0.113.77/x", "http://203.0.113.77/x"),
            ("GET ftp://jo@a.example HTTP/1.1", "GET ftp://a.example HTTP/1.1"),
            ("http://jo%40x.example:p%2Fw@a.example/", "http://a.example/"),
            ("/r/http%3A%2F%2Fjo:pw%40a.example%2F", "/r/http%3A%2F%2Fa.example%2F"),
            ("http://x%3A%2F%2Fjo@a.example/", "http://a.example/"),
            (r"http:\/\/jo:pw@a.example\/", r"http:\/\/a.example\/"),
        ] {
            let (cleaned, count) = without_users(text.as_bytes());
            assert_eq!((String::from_utf8_lossy(&cleaned).as_ref(), count), (expected, 1), "{text}");
        }
        for text in ["", "://", "jo@a.example", "http://a.example/@jo", "http://a.example?@jo"] {
            assert!(matches!(without_users(text.as_bytes()), (Cow::Borrowed(_), 0)), "{text}");
        }
    }
}
