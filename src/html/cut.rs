//! Where a page can be cut as it comes: not within a tag, which may have to be changed as a whole.

use super::long_tag::LongTag;

/// Looks at the end of a text that grows for a tag that may have begun and not ended.
///
/// Within a tag a `>` is part of a quoted value, and before the mark that opens one there is a `=` (HTML, sections 13.2.5.32 to 13.2.5.38). So a tag
/// in which a text ends begins after the last `>`, unless the last mark of either kind before that has opened a value: then it begins before the
/// mark, and is read from there.
#[derive(Debug, Default)]
pub(super) struct Cut {
    /// How much has been looked at.
    seen: usize,
    /// The place after the last `>`.
    closed: usize,
    /// How far from there on no tag begins.
    looked: usize,
    /// The last `"` before that `>`, and the last `'`.
    marks: [Option<usize>; 2],
    /// Where a tag has begun in a value of which that `>` is.
    around: Option<usize>,
    /// The last answer.
    cut: usize,
}

/// The longest tag that is waited for.
pub(super) const LONGEST_TAG: usize = 8 * 1024;

impl Cut {
    /// The length of the text without a tag that may not have ended: never less than before. The text begins with all that it was shown before.
    pub(super) fn before(&mut self, text: &[u8]) -> usize {
        if let Some(found) = memchr::memrchr(b'>', &text[self.seen..]) {
            let (from, last) = (self.closed, self.seen + found);
            let mut may_differ = self.around.is_some();
            for (place, found) in self.marks.iter_mut().zip(last_marks(&text[from..last])) {
                may_differ |= found.is_some();
                *place = found.map(|found| from + found).or(*place);
            }
            (self.closed, self.looked) = (last + 1, last + 1);
            if may_differ {
                self.around = tag_around(text, self.marks, DEPTH);
            }
        }
        self.seen = text.len();
        self.looked = first_tag(text, self.looked).unwrap_or(text.len());
        self.cut = self.cut.max(self.around.map_or(self.looked, |around| around.min(self.looked)));
        self.cut
    }
}

/// How many values within values are told apart: after that everything may be in a tag.
const DEPTH: u8 = 4;

fn last_marks(text: &[u8]) -> [Option<usize>; 2] {
    [b'"', b'\''].map(|mark| memchr::memrchr(mark, text))
}

/// The place of the first `<` from here on that may begin a tag.
fn first_tag(text: &[u8], from: usize) -> Option<usize> {
    let begins = |after: Option<&u8>| after.is_none_or(|&byte| byte == b'/' || byte.is_ascii_alphabetic());
    let mut all = memchr::memchr_iter(b'<', &text[from..]).map(|found| from + found);
    all.find(|at| begins(text.get(at + 1)))
}

/// Where the tag begins in which a text ends, if one of these marks may have opened a value of it.
fn tag_around(text: &[u8], marks: [Option<usize>; 2], depth: u8) -> Option<usize> {
    marks.into_iter().flatten().filter_map(|mark| tag_with_value_at(text, mark, depth)).min()
}

/// Where the tag begins in which a text ends, if this mark may have opened a value of it. No tag is looked for farther back than is waited for.
fn tag_with_value_at(text: &[u8], mark: usize, depth: u8) -> Option<usize> {
    let from = mark.saturating_sub(LONGEST_TAG);
    let before = &text[from..mark];
    match before.trim_ascii_end().last() {
        Some(b'=') => {}
        None if from > 0 => return Some(from),
        _ => return None,
    }
    let (begins, around) = match (memchr::memrchr(b'>', before), depth.checked_sub(1)) {
        (_, None) => return Some(from),
        (None, _) if from > 0 => return Some(from),
        (None, _) => (0, None),
        (Some(last), Some(depth)) => {
            let marks = last_marks(&before[..last]).map(|found| found.map(|found| from + found));
            (from + last + 1, tag_around(text, marks, depth))
        }
    };
    let tag =
        first_tag(&text[..mark], begins).filter(|&tag| !LongTag::new(&text[tag..]).length_in(&text[tag..]).1);
    tag.into_iter().chain(around).min()
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::{Arc, Mutex};

    use lol_html::html_content::Element;
    use lol_html::{RewriteStrSettings, element, rewrite_str};
    use proptest::prelude::*;

    use super::*;

    /// How much is shown each time, and the answer.
    fn cuts(text: &str, part: usize) -> Vec<(usize, usize)> {
        let (mut cut, bytes) = (Cut::default(), text.as_bytes());
        let mut ends: Vec<_> = (0..bytes.len()).step_by(part).skip(1).collect();
        ends.push(bytes.len());
        ends.into_iter().map(|end| (end, cut.before(&bytes[..end]))).collect()
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
            ("<p title=\"=\">text", 17),
            ("<p title=\"=\">text<b title=\"x\">y", 31),
            ("<p it's>text<i title='", 12),
            ("<p>x</p \"> y", 12),
            ("<p></", 3),
            ("<p>x=\"a > b", 11),
            ("<img alt='\"=\"><img alt=\"> <a ", 0),
            ("<iframe\u{11} a><p", 11),
            ("<iframe title=\"<b>Map</b>\" ", 0),
            ("<!-- don't --><p>x", 18),
            ("<p><!", 5),
            ("<p><!-- a > b", 13),
            ("<script>if (a<b) x = '<i", 13),
            ("<script>for(i=0;i<n;i++){u+='&q='+a[i]}</script><p>x", 52),
            ("<script>for(i=0;i<n;i++){u+='&q='+a[", 17),
            ("<a href='?q='><p class=\"x\">y", 28),
            ("<p title='<i title=\"'>x\">y", 26),
            ("<p title='<i title=\">x\">y", 0),
            ("", 0),
        ] {
            for part in [1, 2, 5, 100] {
                assert_eq!(
                    cuts(text, part).last(),
                    Some(&(text.len(), expected)),
                    "{text} in parts of {part}"
                );
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

    /// That whatever is shown of a page is cut before a tag that has begun.
    fn cuts_no_tag(page: &str, part: usize) -> bool {
        let tags = start_tags(page);
        let is_before = |(shown, cut): (usize, usize)| {
            let open = tags.iter().find(|tag| tag.start < shown && shown < tag.end);
            open.is_none_or(|tag| cut <= tag.start)
        };
        cuts(page, part).into_iter().all(is_before)
    }

    #[test]
    fn law_03_no_tag_is_cut_in_pages_that_were_once() {
        for page in [
            "<img alt='<img alt=''<b title='<p><img alt=' -->",
            "<script><!-- <script></script> <title></script><a href=\"<a href=\"'>",
        ] {
            assert!(cuts_no_tag(page, 1), "{page}");
        }
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
            prop_assert!(cuts_no_tag(&page, part), "{}", page);
        }
    }
}
