//! The words that a page is watched for.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::long_tag::ends_name;

/// The attribute by which a page says what its content is for.
const ATTRIBUTE: &[u8] = b"data-consent";

/// How much of a word may be at the end of one part of a page.
pub(super) const BEGUN: usize = ATTRIBUTE.len() - 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// The attribute, or what looks like it.
    Consent,
    /// `<noscript`, with whatever comes after it.
    Noscript,
    /// `</noscript`, with an end.
    NoscriptEnds,
}

/// The words in a text and where they are, in letters of any case.
pub(super) fn words(text: &[u8]) -> impl Iterator<Item = (usize, Word)> {
    PIECES
        .iter()
        .flat_map(move |pieces| pieces.find_iter(text))
        .filter_map(move |found| word_around(text, found.start()))
}

/// A piece of each word in all its cases: a few letters of which there are few in pages can be looked for many bytes at a time, and in whatever
/// case, which a whole word cannot.
static PIECES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let pieces: [&[u8]; 12] =
        [b"a-c", b"a-C", b"A-c", b"A-C", b"<no", b"<nO", b"<No", b"<NO", b"/no", b"/nO", b"/No", b"/NO"];
    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(pieces).ok()
});

/// The word of which a piece is at this place.
fn word_around(text: &[u8], piece: usize) -> Option<(usize, Word)> {
    let (before, written, word): (_, &[u8], _) = match text[piece] {
        b'<' => (0, b"<noscript", Word::Noscript),
        b'/' => (1, b"</noscript", Word::NoscriptEnds),
        _ => (3, ATTRIBUTE, Word::Consent),
    };
    let start = piece.checked_sub(before)?;
    let (found, after) = text[start..].split_at_checked(written.len())?;
    let has_end = word != Word::NoscriptEnds || after.first().is_some_and(|&byte| ends_name(byte));
    (has_end && found.eq_ignore_ascii_case(written)).then_some((start, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_case() {
        use Word::{Consent, Noscript, NoscriptEnds};
        for (text, expected) in [
            ("<p data-consent=x>", &[Consent][..]),
            ("<p DATA-Consent=x daTa-conSent>", &[Consent, Consent]),
            ("<p data-consen", &[]),
            ("-consent data-x", &[]),
            ("a-consent", &[]),
            ("a-b-data-consent", &[Consent]),
            ("<noscript>x</NoScript>", &[Noscript, NoscriptEnds]),
            ("<NOscripts></noscripts></noscript", &[Noscript]),
            ("/noscript></noscript ", &[NoscriptEnds]),
            ("<nos/no<no", &[]),
            ("", &[]),
        ] {
            let found: Vec<_> = words(text.as_bytes()).map(|(_, word)| word).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
