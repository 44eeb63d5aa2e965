use std::borrow::Cow;
use std::ops::Range;

/// A text as somebody reads it who undoes its escapes, and where each byte of that stands in the text itself.
///
/// Escapes of URLs (`%3A`), of JSON (`\u003a`, `\/`) and of Apache and nginx (`\x3a`) are undone together, as often as they
/// were put on each other (`%253A`): what is looked for could be hidden by any of them.
#[derive(Debug)]
pub(super) struct Unescaped<'a> {
    bytes: Cow<'a, [u8]>,
    /// Where each byte begins, and the end; of no use where nothing was escaped.
    starts: Vec<usize>,
}

impl<'a> Unescaped<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        if memchr::memchr2(b'%', b'\\', text).is_none() {
            return Self { bytes: Cow::Borrowed(text), starts: Vec::new() };
        }
        let (mut bytes, mut starts) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len() + 1));
        for (place, &byte) in text.iter().enumerate() {
            bytes.push(byte);
            starts.push(place);
            while let Some((length, byte)) = escape_at_end(&bytes) {
                bytes.truncate(bytes.len() - length);
                bytes.push(byte);
                starts.truncate(bytes.len());
            }
        }
        starts.push(text.len());
        Self { bytes: Cow::Owned(bytes), starts }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where in the text these bytes stand.
    pub(super) fn in_text(&self, bytes: Range<usize>) -> Range<usize> {
        if self.starts.is_empty() { bytes } else { self.starts[bytes.start]..self.starts[bytes.end] }
    }

    /// Whether a byte was written in another way.
    pub(super) fn was_escaped(&self, place: usize) -> bool {
        self.in_text(place..place + 1).len() > 1
    }
}

/// How long the escape is that has just ended, and what it stands for. Whatever is not ASCII is the same to everybody who asks.
fn escape_at_end(bytes: &[u8]) -> Option<(usize, u8)> {
    match *bytes {
        [.., b'%', high, low] if is_hex(high) && is_hex(low) => Some((3, of_hex(high) << 4 | of_hex(low))),
        [.., b'\\', b'x', high, low] if is_hex(high) && is_hex(low) => {
            Some((4, of_hex(high) << 4 | of_hex(low)))
        }
        [.., b'\\', b'u', a, b, high, low] if [a, b, high, low].into_iter().all(is_hex) => {
            let byte = of_hex(high) << 4 | of_hex(low);
            Some((6, if (a, b) == (b'0', b'0') { byte } else { 0xff }))
        }
        [.., b'\\', byte @ (b'"' | b'\\' | b'/')] => Some((2, byte)),
        [.., b'\\', b'b' | b'f' | b'n' | b'r' | b't' | b'v'] => Some((2, b'\n')),
        _ => None,
    }
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

fn of_hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_however_often() {
        for (text, expected) in [
            ("", ""),
            ("/a%20b%3fc", "/a b?c"),
            ("%253A%25253a", "::"),
            (r"\u0031\u002e1", "1.1"),
            (r"\\u0031\\\\u0031", "11"),
            (r"http:\/\/a\x3ab", "http://a:b"),
            (r#"\"a\"\n1"#, "\"a\"\n1"),
            ("100% %zz %4 \\", "100% %zz %4 \\"),
        ] {
            let unescaped = Unescaped::of(text.as_bytes());
            assert_eq!(unescaped.bytes(), expected.as_bytes(), "{text}");
            assert_eq!(unescaped.in_text(0..expected.len()), 0..text.len());
        }
        assert_eq!(Unescaped::of(br"\u00e9\ud83d\ude00").bytes(), b"\xe9\xff\xff");
    }

    #[test]
    fn where_it_stands_in_the_text() {
        let unescaped = Unescaped::of(b"a%3A%253Ab");
        assert_eq!(unescaped.bytes(), b"a::b");
        assert_eq!((unescaped.in_text(1..2), unescaped.in_text(2..3)), (1..4, 4..9));
        assert_eq!([0, 1, 2, 3].map(|place| unescaped.was_escaped(place)), [false, true, true, false]);
    }
}
