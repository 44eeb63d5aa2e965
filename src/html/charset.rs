use encoding_rs::{Encoding, UTF_8};
use lol_html::AsciiCompatibleEncoding;

/// The encoding of a page, of the kind in which ASCII is ASCII.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Charset {
    pub(super) encoding: AsciiCompatibleEncoding,
    /// Whether the page may still say otherwise in a `meta` element.
    pub(super) guessed: bool,
}

impl Charset {
    /// The encoding that `Content-Type` names; nothing where it is one in which nothing can be put in, such as UTF-16.
    pub(crate) fn of(content_type: &str) -> Option<Self> {
        let parameters = content_type.split(';').skip(1);
        let label = parameters.filter_map(|one| one.split_once('=')).find_map(|(name, value)| {
            name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
        });
        let Some(label) = label.filter(|label| !label.is_empty()) else {
            return Some(Self { encoding: AsciiCompatibleEncoding::utf_8(), guessed: true });
        };
        // A browser goes on guessing where it does not know the name.
        let known = Encoding::for_label(label.as_bytes());
        let encoding = AsciiCompatibleEncoding::new(known.unwrap_or(UTF_8))?;
        Some(Self { encoding, guessed: known.is_none() })
    }
}

/// Whether a page begins with the mark of UTF-16, which overrules everything else (Encoding Standard, "BOM sniff").
pub(super) fn is_utf_16(beginning: &[u8]) -> bool {
    matches!(beginning, [0xfe, 0xff, ..] | [0xff, 0xfe, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_05_encodings_that_can_be_written_into() {
        for (content_type, expected) in [
            ("text/html", Some(true)),
            ("text/html; charset=utf-8", Some(false)),
            ("text/html;charset=\"Windows-1252\"", Some(false)),
            ("text/html; boundary=x; Charset=iso-8859-1", Some(false)),
            ("text/html; charset=shift_jis", Some(false)),
            ("text/html; charset=", Some(true)),
            ("text/html; charset=made-up", Some(true)),
            ("text/html; charset=utf-16", None),
            ("text/html; charset=utf-16le", None),
            ("text/html; charset=iso-2022-jp", None),
            ("text/html; charset=hz-gb-2312", None),
        ] {
            assert_eq!(Charset::of(content_type).map(|charset| charset.guessed), expected, "{content_type}");
        }
        assert!(is_utf_16(b"\xff\xfe<\0"));
        assert!(!is_utf_16(b"\xef\xbb\xbf<html>"));
    }
}
