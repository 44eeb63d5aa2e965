//! The words for which a page has to be parsed.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::long_tag::ends_name;

/// The attribute by which a page says what its content is for.
const ATTRIBUTE: &[u8] = b"data-consent";

/// What is in this element is text to a parser, and to a browser without scripts a part of the page.
const NOSCRIPT: &[u8] = b"<noscript";

/// How much of a word, and of what follows it, may be at the end of one part of a page.
pub(super) const BEGUN: usize = ATTRIBUTE.len() - 1;

/// Whether either occurs in a text, in letters of any case.
pub(super) fn occur(text: &[u8]) -> bool {
    PIECES.iter().flat_map(|pieces| pieces.find_iter(text)).any(|piece| is_in_word(text, piece.start()))
}

/// A piece of each word in all its cases: a few letters that are rare in pages can be looked for many bytes at a time, which a whole word in
/// any case cannot.
static PIECES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let pieces: [&[u8]; 8] = [b"a-c", b"a-C", b"A-c", b"A-C", b"<no", b"<nO", b"<No", b"<NO"];
    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(pieces).ok()
});

fn is_in_word(text: &[u8], piece: usize) -> bool {
    let is = |start: usize, word: &[u8]| {
        let (found, after) = text[start..].split_at_checked(word.len())?;
        found.eq_ignore_ascii_case(word).then_some(after)
    };
    match text[piece] {
        b'<' => is(piece, NOSCRIPT).is_some_and(|after| after.first().is_some_and(|&byte| ends_name(byte))),
        _ => piece.checked_sub(3).and_then(|start| is(start, ATTRIBUTE)).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_case() {
        for (text, expected) in [
            ("<p data-consent=x>", true),
            ("<p DATA-Consent=x", true),
            ("<p daTa-conSent", true),
            ("<p data-consen", false),
            ("-consent data-x", false),
            ("a-consent", false),
            ("a-b-data-consent", true),
            ("<noscript>x", true),
            ("<NOscript\n", true),
            ("<noscript", false),
            ("<noscript-x></noscript><nos<no", false),
            ("", false),
        ] {
            assert_eq!(occur(text.as_bytes()), expected, "{text}");
        }
    }
}
