//! The words for which a page has to be parsed.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::long_tag::ends_name;

/// The attribute by which a page says what its content is for.
const ATTRIBUTE: &[u8] = b"data-consent";

/// What is in this element is text to a parser, and to a browser without scripts a part of the page.
const NOSCRIPT: &[u8] = b"<noscript";

/// How much of a word, and of what follows it, may be at the end of one part of a page.
pub(super) const BEGUN: usize = ATTRIBUTE.len() - 1;

/// Whether the attribute occurs in a text, or perhaps the element, in letters of any case.
pub(super) fn occur(text: &[u8], noscript: bool) -> bool {
    let [hyphens @ .., small, large] = &*PAIRS;
    let has_attribute = |hyphen: usize| {
        let start = hyphen.checked_sub(4);
        start.is_some_and(|start| after(text, start, ATTRIBUTE).is_some())
    };
    let has_element = |at: usize| {
        after(text, at, NOSCRIPT).is_some_and(|rest| rest.first().is_some_and(|&byte| ends_name(byte)))
    };
    hyphens.iter().any(|pair| pair.find_iter(text).any(has_attribute))
        || noscript && [small, large].iter().any(|pair| pair.find_iter(text).any(has_element))
}

/// Two letters of each word in either case: for them a text can be looked through many bytes at a time, which for a word in any case it cannot.
static PAIRS: LazyLock<[Finder<'static>; 4]> =
    LazyLock::new(|| [b"-c", b"-C", b"<n", b"<N"].map(Finder::new));

/// What follows a word that stands at a place.
fn after<'t>(text: &'t [u8], start: usize, word: &[u8]) -> Option<&'t [u8]> {
    let (found, rest) = text[start..].split_at_checked(word.len())?;
    found.eq_ignore_ascii_case(word).then_some(rest)
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
            assert_eq!(occur(text.as_bytes(), true), expected, "{text}");
            assert_eq!(
                occur(text.as_bytes(), false),
                expected && !text.starts_with("<no") && !text.starts_with("<NO"),
                "{text}"
            );
        }
    }
}
