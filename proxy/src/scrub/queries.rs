//! What stands behind the path of a page.

use std::borrow::Cow;
use std::ops::Range;

use super::edit::Edit;
use super::escapes::Unescaped;

/// The text without queries (`?a=b`), fragments (`#a`) and parameters of paths (`;a=b`), and from how many addresses of pages
/// any were cut. What is one target, alone or in a request, is so to its end; in another text they are words.
pub(super) fn without(text: &[u8], is_target: bool) -> (Cow<'_, [u8]>, u64) {
    let is_plain = memchr::memchr3(b'?', b'#', b';', text).is_none();
    if is_plain && memchr::memchr2(b'%', b'\\', text).is_none() {
        return (Cow::Borrowed(text), 0);
    }
    let unescaped = Unescaped::of(text);
    if memchr::memchr3(b'?', b'#', b';', unescaped.bytes()).is_none() {
        return (Cow::Borrowed(text), 0);
    }
    let mut edit = Edit::of(text);
    let mut count = 0;
    let mut cut = |word: Range<usize>, is_target: bool| {
        let parts = parts_to_cut(&unescaped.bytes()[word.clone()], is_target);
        count += u64::from(!parts.is_empty());
        for part in parts {
            edit.replace(unescaped.in_text(word.start + part.start..word.start + part.end), b"");
        }
    };
    let version = version(unescaped.bytes());
    if is_target || version.is_some() || begins_like_target(unescaped.bytes()) {
        cut(0..version.unwrap_or(unescaped.bytes().len()), true);
    } else {
        words(&unescaped).for_each(|word| cut(word, false));
    }
    (edit.finish(), count)
}

/// Where the version begins with which a request ends.
fn version(text: &[u8]) -> Option<usize> {
    let blank = memchr::memrchr(b' ', text)?;
    let version = text[blank + 1..].strip_prefix(b"HTTP/")?;
    version.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.').then_some(blank)
}

/// `/path`, `https://site/path`, `GET /path`.
fn begins_like_target(text: &[u8]) -> bool {
    let method = text.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let target = if method > 0 && text.get(method) == Some(&b' ') { &text[method + 1..] } else { text };
    let name = target.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count();
    target.starts_with(b"/") || (name > 0 && target[name..].starts_with(b"://"))
}

/// What stands between blanks, quotation marks and angle brackets, if there is anything in it that could be cut.
fn words(text: &Unescaped<'_>) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.bytes();
    let is_end = move |place: &usize| {
        matches!(bytes[*place], b' ' | b'\t' | b'"' | b'<' | b'>' | b'`') && !text.was_escaped(*place)
    };
    let mut from = 0;
    std::iter::from_fn(move || {
        let mark = from + memchr::memchr3(b'?', b'#', b';', &bytes[from..])?;
        let start = (from..mark).rev().find(is_end).map_or(from, |end| end + 1);
        from = (mark..bytes.len()).find(is_end).unwrap_or(bytes.len());
        Some(start..from)
    })
}

/// Parameters, each to the end of its step of the path, then whatever follows `?` or `#`.
fn parts_to_cut(word: &[u8], is_target: bool) -> Vec<Range<usize>> {
    let is_target = is_target || is_address_of_page(word);
    let query = memchr::memchr2(b'?', b'#', word)
        .filter(|&place| is_target || (word[place] == b'?' && is_query(&word[..place], &word[place + 1..])));
    let path = &word[..query.unwrap_or(word.len())];
    let mut parts = Vec::new();
    let mut from = 0;
    while let Some(mark) = memchr::memchr(b';', &path[from..]).filter(|_| is_target) {
        let start = from + mark;
        let end = start + memchr::memchr2(b'/', b' ', &path[start..]).unwrap_or(path.len() - start);
        if path[start..end].contains(&b'=') {
            parts.push(start..end);
        }
        from = end;
    }
    parts.extend(query.map(|query| query..word.len()));
    parts
}

fn is_address_of_page(word: &[u8]) -> bool {
    let word = word.trim_ascii_start();
    let word = &word[word.iter().take_while(|byte| b"(['+=:,{".contains(byte)).count()..];
    word.starts_with(b"/") || memchr::memmem::find(word, b"://").is_some()
}

/// `index.php?a`, `a/b?c`, `?a=b`; not `why?` and `who?me`.
fn is_query(path: &[u8], query: &[u8]) -> bool {
    query.contains(&b'=') || (!query.is_empty() && path.iter().any(|byte| b"./".contains(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_go_and_the_rest_stays() {
        for (text, expected) in [
            ("GET /bins?postcode=AB1 HTTP/1.1", "GET /bins HTTP/1.1"),
            ("GET /bins?a=b c HTTP/2.0", "GET /bins HTTP/2.0"),
            ("GET /bins?a=b HTTP/jo smith", "GET /bins"),
            ("GET /bins?a=b", "GET /bins"),
            ("GET index?a HTTP/1.0", "GET index HTTP/1.0"),
            ("/a?b#c", "/a"),
            ("/a?", "/a"),
            ("/a#b?c", "/a"),
            ("/a?b c", "/a"),
            ("https://www.example.org/?q=x", "https://www.example.org/"),
            ("https://www.example.org?q=x", "https://www.example.org"),
            ("GET /a;jsessionid=ABC HTTP/1.1", "GET /a HTTP/1.1"),
            ("/a;jsessionid=ABC/b;v=1;w=2/c;d?e", "/a/b/c;d"),
            ("/r/https%3A%2F%2Fx%2F%3Fpostcode%3DAB1%20x", "/r/https%3A%2F%2Fx%2F"),
            ("/a%253Bsid%253D1/b", "/a/b"),
            (r"/a\u003fb\u003dc", "/a"),
            (r"http:\/\/a.example\/b?c", r"http:\/\/a.example\/b"),
            ("from /a?b=c to https://x.example/y?z, twice", "from /a to https://x.example/y twice"),
            ("(+http://x.example/bot;id=7?a) yes", "(+http://x.example/bot yes"),
            ("index.php?sid=1", "index.php"),
            ("index.php?sid", "index.php"),
            ("?a=b", ""),
            ("said \"/a?b c\"", "said \"/a c\""),
            ("url=/a?b", "url=/a"),
        ] {
            let (cut, count) = without(text.as_bytes(), false);
            assert_eq!((String::from_utf8_lossy(&cut).as_ref(), count > 0), (expected, true), "{text}");
            assert!(matches!(without(expected.as_bytes(), false), (Cow::Borrowed(_), 0)), "{expected}");
        }
    }

    #[test]
    fn a_mark_alone_is_no_query() {
        for text in [
            "",
            "why? because",
            "who?me",
            "?",
            "e.g.? #1 c#",
            "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101",
            "(iPhone;FBAV/250.0;a=b)",
            "GET /a;b HTTP/1.1",
            r"\x16\x03",
            "100%",
        ] {
            assert!(matches!(without(text.as_bytes(), false), (Cow::Borrowed(_), 0)), "{text}");
        }
        let (cut, _) = without(b"jo?a b HTTP/jo", true);
        assert_eq!(cut.as_ref(), b"jo", "it is known to be one");
    }
}
