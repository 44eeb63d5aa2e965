//! Where a page can be cut as it comes: not within a tag, which may have to be changed as a whole.

/// Looks at the end of a text that grows for a tag that may have begun and not ended.
///
/// Within a tag a `>` is part of a quoted value, and before the mark that opens one there is a `=` (HTML, sections 13.2.5.32 to 13.2.5.38). So a tag
/// in which a text ends begins after the last `>`, unless the last mark of either kind before that has opened a value: then it begins before the
/// mark. What only looks like that, as in a script, may keep a little of a page waiting for the next part, and no more.
#[derive(Debug, Default)]
pub(super) struct Cut {
    /// How much has been looked at.
    seen: usize,
    /// The place after the last `>`.
    closed: usize,
    /// The last `"` before that, and the last `'`.
    marks: [Option<usize>; 2],
    /// Where a tag may begin in a value of which that `>` is.
    around: Option<usize>,
    /// Where an element has begun that is kept together, because its content is read as a part of the page by browsers without scripts.
    noscript: Option<usize>,
    /// The last answer.
    cut: usize,
}

impl Cut {
    /// The length of the text without what must stay together and may not have ended: never less than before. The text begins with all that it
    /// was shown before.
    pub(super) fn before(&mut self, text: &[u8]) -> usize {
        if let Some(found) = memchr::memrchr(b'>', &text[self.seen..]) {
            let (from, last) = (self.closed, self.seen + found);
            for (place, found) in self.marks.iter_mut().zip(last_marks(&text[from..last])) {
                *place = found.map(|found| from + found).or(*place);
            }
            self.closed = last + 1;
            self.around = tag_around(text, self.marks, DEPTH);
        }
        self.seen = text.len();
        let after = first_tag(text, self.closed);
        let open = [after, self.around, self.noscript].into_iter().flatten().min();
        self.cut = self.cut.max(open.unwrap_or(text.len()));
        self.cut
    }

    /// Takes note that `noscript` begins.
    pub(super) fn begin_noscript(&mut self, at: usize) {
        self.noscript.get_or_insert(at);
    }

    /// Takes note that it ends.
    pub(super) fn end_noscript(&mut self) {
        self.noscript = None;
    }
}

/// How many values within values are told apart: after that everything may be in a tag.
const DEPTH: u8 = 4;

const MARKS: [u8; 2] = [b'"', b'\''];

fn last_marks(text: &[u8]) -> [Option<usize>; 2] {
    MARKS.map(|mark| memchr::memrchr(mark, text))
}

/// The place of the first `<` from here on that may begin a tag.
fn first_tag(text: &[u8], from: usize) -> Option<usize> {
    let begins = |after| matches!(after, None | Some(b'a'..=b'z' | b'A'..=b'Z' | b'/' | b'!' | b'?'));
    let mut all = memchr::memchr_iter(b'<', &text[from..]).map(|found| from + found);
    all.find(|at| begins(text.get(at + 1).copied()))
}

/// Where the tag may begin in which one of these marks opens a value.
fn tag_around(text: &[u8], marks: [Option<usize>; 2], depth: u8) -> Option<usize> {
    let may_open = |mark: &usize| text[..*mark].trim_ascii_end().ends_with(b"=");
    marks.into_iter().flatten().filter(may_open).filter_map(|mark| tag_open_at(&text[..mark], depth)).min()
}

/// Where the tag may begin in which a text ends.
fn tag_open_at(text: &[u8], depth: u8) -> Option<usize> {
    let Some(depth) = depth.checked_sub(1) else { return Some(0) };
    let Some(last) = memchr::memrchr(b'>', text) else { return first_tag(text, 0) };
    let around = tag_around(text, last_marks(&text[..last]), depth);
    around.into_iter().chain(first_tag(text, last + 1)).min()
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::{Arc, Mutex};

    use lol_html::html_content::Element;
    use lol_html::{RewriteStrSettings, element, rewrite_str};
    use proptest::prelude::*;

    use super::*;
    use crate::html::words::{Word, words};

    fn cuts(text: &str, part: usize) -> Vec<usize> {
        let (mut cut, bytes) = (Cut::default(), text.as_bytes());
        let mut ends: Vec<_> = (0..bytes.len()).step_by(part).skip(1).collect();
        ends.push(bytes.len());
        let cut_at = |end: usize| {
            for (at, word) in words(&bytes[..end]) {
                match word {
                    Word::Consent => {}
                    Word::Noscript => cut.begin_noscript(at),
                    Word::NoscriptEnds => cut.end_noscript(),
                }
            }
            cut.before(&bytes[..end])
        };
        ends.into_iter().map(cut_at).collect()
    }

    #[test]
    fn a_tag_that_has_not_ended_waits() {
        for (text, expected) in [
            ("<p>text", 7),
            ("<p>text<ifr", 7),
            ("<p>text<", 7),
            ("<p>a < b", 8),
            ("<p>Don't say \"no", 16),
            ("<p>text<img alt=\"a > b", 7),
            ("<p>text<img alt = 'a > b' src=x", 7),
            ("<p>text<img alt='a > \"b\" > ", 7),
            ("<p>text<img alt=\"a > b\">", 24),
            ("<p class=\"x\">text<img alt=''", 17),
            ("<p title=\"=\">text", 0),
            ("<p title=\"=\">text<b title=\"x\">y", 31),
            ("<p it's>text<i title='", 12),
            ("<p>x</p \"> y", 12),
            ("<p></", 3),
            ("<p>x=\"a > b", 11),
            ("<img alt='\"=\"><img alt=\"> <a ", 0),
            ("<iframe\u{11} a><p", 11),
            ("<iframe title=\"<b>Map</b>\" ", 0),
            ("<!-- don't --><p>x", 18),
            ("<p><!", 3),
            ("<script>if (a<b) x = '<i", 13),
            ("<p><noscript><p>one</p>", 3),
            ("<p><noscript><p>one</p></noscript>x", 35),
            ("", 0),
        ] {
            for part in [1, 2, 5, 100] {
                assert_eq!(cuts(text, part).last(), Some(&expected), "{text} in parts of {part}");
            }
        }
    }

    /// Where the start tags of a page are, as lol_html reads it.
    fn start_tags(page: &str) -> Vec<Range<usize>> {
        let tags = Arc::new(Mutex::new(Vec::new()));
        let found = tags.clone();
        let every = element!("*", move |element: &mut Element<'_, '_>| {
            found.lock().unwrap().push(element.source_location().bytes());
            Ok(())
        });
        let settings = RewriteStrSettings::new().append_element_content_handler(every);
        rewrite_str(page, settings).unwrap();
        std::mem::take(&mut *tags.lock().unwrap())
    }

    proptest! {
        #[test]
        fn law_03_no_tag_is_cut(
            parts in proptest::collection::vec(0..22_usize, 0..24),
            part in 1..40_usize,
        ) {
            const PARTS: [&str; 22] = [
                "<p>", "</p>", "<a href=\"", "\">", "<img alt='", "'>", "<b title=", " ", "x", "don't", "a > b", " < ", "=", "\"", "'", "<!-- ", " -->",
                "<script>", "</script>", "<i data-x=\"1\" y='2' z=3>", "<br/>", "<title>",
            ];
            let page: String = parts.iter().map(|&number| PARTS[number]).collect();
            let tags = start_tags(&page);
            for cut in cuts(&page, part) {
                prop_assert!(!tags.iter().any(|tag| tag.start < cut && cut < tag.end), "{} at {}", page, cut);
            }
        }
    }
}
