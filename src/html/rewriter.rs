use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::charset::{Charset, is_utf_16};
use super::gate::{Bottom, Doorman, Looks, gate};
use super::insertion::{Additions, Insertion, Text};
use super::stage::{ROOM, Stage};
use super::unpack::{Broken, Coding, Unpack};
use super::watch::Watch;

/// What is to be changed in a page. All texts are ASCII.
#[derive(Default)]
pub(crate) struct Edits {
    /// Attributes of the root element, if it is written out.
    pub(crate) root: Vec<(String, String)>,
    /// Put in at the start of the head.
    pub(crate) head: String,
    /// Put in straight after the body begins.
    pub(crate) top: Option<Text>,
    /// Put in before the body ends.
    pub(crate) bottom: Option<Text>,
    /// Who says what content of others may load.
    pub(crate) doorman: Option<Arc<dyn Doorman>>,
    /// Whether this is known to be a page and not a part of one.
    pub(crate) whole: bool,
}

/// Changes one page as it streams by: part by part, and holding back no more than a tag or an element that is kept together.
pub(crate) struct Rewriter {
    unpack: Option<Unpack>,
    insertion: Option<Insertion>,
    gate: Option<Gate>,
    begun: bool,
    /// Bytes seen after unpacking.
    seen: u64,
    packed: bool,
}

/// The pass that holds content: from the start, or once there is reason to.
#[derive(Debug)]
enum Gate {
    Parsing(Stage),
    Watching(Box<Watch>),
}

impl Gate {
    fn write(&mut self, part: &[u8], done: &mut Vec<u8>) {
        match self {
            Self::Parsing(stage) => stage.write(part, done),
            Self::Watching(watch) => watch.write(part, done),
        }
    }

    /// Takes the last part, and gives all that is left.
    fn last(self, part: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Parsing(mut stage) => {
                let mut done = Vec::with_capacity(part.len() + ROOM);
                stage.write(&part, &mut done);
                stage.end(&mut done);
                done
            }
            Self::Watching(watch) => watch.last(part),
        }
    }
}

/// How much of a compressed page is changed; the rest is unpacked and passed on.
const MOST_PACKED: u64 = 64 * 1024 * 1024;

impl Rewriter {
    pub(crate) fn new(edits: Edits, charset: Charset, coding: Coding) -> Self {
        let Edits { root, head, top, bottom, doorman, whole } = edits;
        let inserts = !root.is_empty() || !head.is_empty() || top.is_some();
        let gate = match (doorman, bottom.map(Bottom::new)) {
            (None, None) => None,
            (Some(doorman), bottom) => Some(Gate::Watching(Box::new(Watch::new(doorman, bottom, charset)))),
            (None, bottom) => Some(Gate::Parsing(gate(None, bottom, charset, Looks::AtHosts))),
        };
        let unpack = Unpack::new(coding);
        Self {
            packed: unpack.is_some(),
            unpack,
            insertion: inserts.then(|| Insertion::new(Additions { root, head, top }, whole, charset)),
            gate,
            begun: false,
            seen: 0,
        }
    }

    /// Takes a part of the body and gives what is done of the page.
    ///
    /// # Errors
    ///
    /// Where the body cannot be unpacked: it must be broken off.
    pub(crate) fn write(&mut self, part: &[u8]) -> Result<Vec<u8>, Broken> {
        let part = self.unpacked(part, false)?;
        Ok(if self.changes(&part) { self.rewrite(&part) } else { self.finish_before(&part) })
    }

    /// Takes the last part and gives what is left of the page.
    ///
    /// # Errors
    ///
    /// As for [`Self::write`].
    pub(crate) fn last(mut self, part: &[u8]) -> Result<Vec<u8>, Broken> {
        let part = self.unpacked(part, true)?;
        Ok(if self.changes(&part) { self.finish(&part) } else { self.finish_before(&part) })
    }

    fn unpacked<'p>(&mut self, part: &'p [u8], is_last: bool) -> Result<Cow<'p, [u8]>, Broken> {
        let Some(unpack) = &mut self.unpack else { return Ok(Cow::Borrowed(part)) };
        let mut plain = Vec::new();
        unpack.write(part, &mut plain)?;
        if is_last {
            unpack.end(&mut plain)?;
        }
        Ok(Cow::Owned(plain))
    }

    /// Whether a part is changed, once it has been looked at.
    fn changes(&mut self, part: &[u8]) -> bool {
        if !self.begun && !part.is_empty() {
            self.begun = true;
            if is_utf_16(part) {
                self.insertion = None;
                self.gate = None;
            }
        }
        self.seen += part.len() as u64;
        !(self.packed && self.seen > MOST_PACKED)
    }

    fn rewrite(&mut self, part: &[u8]) -> Vec<u8> {
        let mut done = Vec::with_capacity(part.len() + ROOM);
        match (&mut self.insertion, &mut self.gate) {
            (None, None) => done.extend_from_slice(part),
            (None, Some(gate)) => gate.write(part, &mut done),
            (Some(insertion), None) => insertion.write(part, &mut done),
            (Some(insertion), Some(gate)) => {
                let mut between = Vec::with_capacity(part.len() + ROOM);
                insertion.write(part, &mut between);
                gate.write(&between, &mut done);
            }
        }
        // What comes after goes straight to what is left.
        self.insertion.take_if(|insertion| insertion.is_over());
        done
    }

    /// Ends both passes with a part.
    fn finish(&mut self, part: &[u8]) -> Vec<u8> {
        let mut between = Vec::with_capacity(part.len() + ROOM);
        match self.insertion.take() {
            None => between.extend_from_slice(part),
            Some(mut insertion) => {
                insertion.write(part, &mut between);
                insertion.end(&mut between);
            }
        }
        match self.gate.take() {
            None => between,
            Some(gate) => gate.last(between),
        }
    }

    /// Ends both passes; the part is not theirs any more.
    fn finish_before(&mut self, part: &[u8]) -> Vec<u8> {
        let mut done = self.finish(&[]);
        done.extend_from_slice(part);
        done
    }
}

impl fmt::Debug for Rewriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rewriter").field("seen", &self.seen).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::{Held, Verdict};

    fn rewriter(coding: Coding) -> Rewriter {
        let text = |text: &'static str| -> Option<Text> { Some(Box::new(move |_| text.to_owned())) };
        let edits = Edits { top: text("[T]"), bottom: text("[B]"), ..Edits::default() };
        Rewriter::new(edits, Charset::of("text/html").unwrap(), coding)
    }

    #[test]
    fn page_05_what_comes_in_goes_out_at_once() {
        let mut rewriter = rewriter(Coding::Identity);
        assert_eq!(
            rewriter.write(b"<!doctype html><html><body><h1>First").unwrap(),
            b"<!doctype html><html><body>[T]<h1>First"
        );
        assert_eq!(rewriter.write(b" part</h1><p>and a second").unwrap(), b" part</h1><p>and a second");
        assert_eq!(rewriter.write(b"</body></html>").unwrap(), b"[B]</body></html>");
        assert_eq!(rewriter.last(b"").unwrap(), b"");
    }

    #[test]
    fn page_05_a_page_that_is_watched_goes_out_as_it_comes() {
        for (parts, expected) in [
            (
                ["<body><a href=\"/search?q=\">Search</a><p>1</p>", "<p>2</p>", "<p class='x'>3</p><i"],
                ["<body><a href=\"/search?q=\">Search</a><p>1</p>", "<p>2</p>", "<p class='x'>3</p>"],
            ),
            (
                [
                    "<script>for(;i<n;){u+='&q='+a[i]}</script><p class=\"x\">1",
                    "<p>2",
                    "<!-- <noscript-x> -->",
                ],
                [
                    "<script>for(;i<n;){u+='&q='+a[i]}</script><p class=\"x\">1",
                    "<p>2",
                    "<!-- <noscript-x> -->",
                ],
            ),
            (["<p title='a > b", " > c", "'>d"], ["", "", "<p title='a > b > c'>d"]),
        ] {
            let edits = Edits { doorman: Some(Arc::new(ByPurpose)), ..Edits::default() };
            let mut rewriter = Rewriter::new(edits, Charset::of("text/html").unwrap(), Coding::Identity);
            for (part, expected) in parts.iter().zip(expected) {
                assert_eq!(String::from_utf8(rewriter.write(part.as_bytes()).unwrap()).unwrap(), expected);
            }
        }
    }

    #[test]
    fn law_03_what_stands_in_noscript_hides_nothing_after_it() {
        const HELD: &[u8] = b"<iframe data-consent=bad src=/v></iframe>";
        for (first, second) in [
            (&b"<noscript title=\"</noscript>\">caf\xe9"[..], &b"<!-- </noscript>"[..]),
            (b"<noscript>caf\xe9</noscript><script>", b"'<!--'</script>"),
            (b"<noscript><noscript>x</noscript><script>", b"'<title>'</script>"),
            (b"<noscript><noscript>x</noscript><style>", b"/*<!--*/</style>"),
        ] {
            let page = [first, second, HELD].concat();
            let done = by_purpose(&page, first.len(), usize::MAX, false);
            assert!(done.ends_with(b"[held ]"), "{}", String::from_utf8_lossy(&done));
        }
    }

    /// Holds what the page itself calls bad, and knows no host.
    #[derive(Debug)]
    struct ByPurpose;

    impl Doorman for ByPurpose {
        fn of_purpose(&self, purpose: &str) -> Verdict {
            if purpose == "bad" { Verdict::Held(purpose.to_owned()) } else { Verdict::Allowed }
        }

        fn knows_hosts(&self) -> bool {
            false
        }

        fn of_host(&self, _: &str, _: Option<u16>) -> Verdict {
            Verdict::Unknown
        }

        fn is_own(&self, _: &str) -> bool {
            false
        }

        fn placeholder(&self, _: &Held<'_>, language: Option<&str>) -> String {
            format!("[held {}]", language.unwrap_or_default())
        }
    }

    #[test]
    fn a_page_is_parsed_only_where_it_asks_for_consent_itself() {
        let long = "<p>words and <b class=\"a-b\">more</b> - words</p>\n".repeat(8_000);
        for (page, expected) in [
            (
                "<html lang=cy><body><p>x</p><iframe data-consent=bad src=/v></iframe>y",
                "<html lang=cy><body><p>x</p>[held cy]y",
            ),
            (
                "<script type=text/plain DATA-CONSENT=good>x()</script><p>",
                "<script DATA-CONSENT=good>x()</script><p>",
            ),
            ("<script>'data-consent'</script><p>", "<script>'data-consent'</script><p>"),
            (
                "<noscript><p>caf\u{e9}</p></noscript><iframe data-consent=bad></iframe>",
                "<noscript><p>caf\u{e9}</p></noscript>[held ]",
            ),
            ("<p>nothing of the kind", "<p>nothing of the kind"),
            ("a < b and c", "a < b and c"),
            (&long, &long),
            (&format!("{long}<iframe data-consent=bad src=/v></iframe>"), &format!("{long}[held ]")),
            (
                "<noscript><p>one</p><img width=1 src=/p data-consent=bad></noscript><iframe data-consent=bad src=/v></iframe>",
                "<noscript><p>one</p><img width=1 data-consent=bad data-src=\"/p\"></noscript>[held ]",
            ),
            ("<iframe title=\"<b>Map</b>\" data-consent=bad src=/v></iframe>x", "[held ]x"),
            (
                "<!-- don't --><script>a<b</script><iframe title='>' data-consent=bad></iframe>x",
                "<!-- don't --><script>a<b</script>[held ]x",
            ),
            (&format!("<iframe title=\"{}\" data-consent=bad></iframe>x", "<b> ".repeat(4_000)), "[held ]x"),
        ] {
            for chunk in (1..80).chain([1_000, 100_000]) {
                if page.len() > 1000 && chunk < 64 {
                    continue;
                }
                let edits = Edits { doorman: Some(Arc::new(ByPurpose)), ..Edits::default() };
                let mut rewriter = Rewriter::new(edits, Charset::of("text/html").unwrap(), Coding::Identity);
                let mut done = Vec::new();
                let whole = page.len() - page.len() % chunk;
                page.as_bytes()[..whole]
                    .chunks(chunk)
                    .for_each(|part| done.extend(rewriter.write(part).unwrap()));
                done.extend(rewriter.last(&page.as_bytes()[whole..]).unwrap());
                assert!(
                    String::from_utf8(done.clone()).unwrap() == expected,
                    "in parts of {chunk}: {} {}",
                    String::from_utf8_lossy(&done[..300.min(done.len())]),
                    &expected[..40.min(expected.len())]
                );
            }
        }
    }

    #[test]
    fn utf_16_is_left_alone() {
        let page = b"\xff\xfe<\0h\0t\0m\0l\0>\0<\0b\0o\0d\0y\0>\0";
        let mut rewriter = rewriter(Coding::Identity);
        assert_eq!(rewriter.write(page).unwrap(), page);
        assert_eq!(rewriter.last(b"").unwrap(), b"");
    }

    /// A page in parts, of which the first is that long, where something stands at its end or nobody knows a host.
    fn by_purpose(page: &[u8], first: usize, chunk: usize, bottom: bool) -> Vec<u8> {
        let bottom: Option<Text> = bottom.then(|| -> Text { Box::new(|_| "[B]".to_owned()) });
        let edits = Edits { doorman: Some(Arc::new(ByPurpose)), bottom, ..Edits::default() };
        let mut rewriter = Rewriter::new(edits, Charset::of("text/html").unwrap(), Coding::Identity);
        let (first, rest) = page.split_at(first);
        let mut done = rewriter.write(first).unwrap();
        rest.chunks(chunk).for_each(|part| done.extend(rewriter.write(part).unwrap()));
        done.extend(rewriter.last(b"").unwrap());
        done
    }

    #[test]
    fn law_03_what_follows_is_held_where_the_parser_has_no_room() {
        const HELD: &str = "<iframe data-consent=bad src=/v></iframe>";
        let long = "A".repeat(1_300_000);
        for (what, before) in [
            ("picture", format!("<img alt='a > b' src=\"data:image/png;base64,{long}\" title=x>")),
            ("no quotation mark", format!("<p title=it's data-x={long}>")),
            ("name", format!("<p {long}>")),
            ("page in a value", format!("<p title=\"{HELD}<b>'{long}\">")),
            ("script", format!("<script data-x='{long}'>'{HELD}'</script>")),
            ("title", format!("<TITLE lang='{long}'>{HELD}</title>")),
            ("end tag", format!("<p>x</p {long}>")),
            ("many values", format!("<p {}>", "data-x=\"y\" ".repeat(130_000))),
            ("two", format!("<p title={long}><p title={long}>")),
            ("paragraphs", "<p>".repeat(30_000)),
            ("as many as can be", "<b>".repeat(100_000)),
            ("words", "<p>words</p>".repeat(110_000)),
        ] {
            for bottom in [false, true] {
                for (first, chunk) in [(0, usize::MAX), (8, usize::MAX), (3, 1_000)] {
                    let page = format!("<body>{before}{HELD}<p>end");
                    let expected = format!("<body>{before}[held ]<p>end{}", if bottom { "[B]" } else { "" });
                    let found = by_purpose(page.as_bytes(), first, chunk, bottom);
                    assert!(
                        found == expected.as_bytes(),
                        "{what}, {bottom}, {first}, {chunk}: {}",
                        found.len()
                    );
                }
            }
        }
    }

    #[test]
    fn what_follows_a_long_tag_is_read_in_the_encoding_that_the_page_has_said() {
        let long = "A".repeat(1_300_000);
        let before = format!("<meta charset=windows-1252><p title={long}><noscript>caf");
        let page = [before.as_bytes(), b"\xe9</noscript>"].concat();
        for (first, chunk) in [(0, usize::MAX), (8, 10_000)] {
            assert!(by_purpose(&page, first, chunk, true) == [&page, &b"[B]"[..]].concat(), "{first}");
        }
    }

    #[test]
    fn a_tag_that_never_ends_goes_on_as_it_was() {
        for tag in ["<p title=\"", "<p title=", "<p ", "<!--", "<!"] {
            let page = format!("<body>{tag}{}", "A".repeat(1_300_000));
            for (first, chunk) in [(0, usize::MAX), (8, 10_000)] {
                assert!(by_purpose(page.as_bytes(), first, chunk, false) == page.as_bytes(), "{tag} {first}");
            }
        }
    }
}
