//! Where the top of a page is.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use lol_html::Selector;
use lol_html::html_content::{ContentType, Doctype, DocumentEnd};
use lol_html::send::{DocumentContentHandlers, Element, ElementContentHandlers, Settings};

use super::charset::Charset;
use super::stage::{Stage, settings};
use super::top::{Found, Spot, Top};

/// A text in the language of the page it is put into: the `lang` of its root, where it has one.
pub(crate) type Text = Box<dyn FnOnce(Option<&str>) -> String + Send>;

/// What is put in at the top of a page.
pub(super) struct Additions {
    /// Attributes of the root element, in place of its own of these names. Where it is not written out they have no place.
    pub(super) root: Vec<(String, String)>,
    /// At the start of the head, or before `top` where there is none.
    pub(super) head: String,
    /// Straight after `<body>`, written or implied.
    pub(super) top: Option<Text>,
}

impl Additions {
    /// What goes in where the body begins.
    fn at_body(&mut self, language: Option<&str>) -> String {
        let top = self.top.take().map(|top| top(language));
        std::mem::take(&mut self.head) + &top.unwrap_or_default()
    }
}

/// Puts things in at the top, then is done.
pub(super) enum Insertion {
    /// Nothing of the page has come: it may begin as one that was parsed before.
    Unread(Box<Unread>),
    Parsing(Parsing),
    Over,
}

/// What is to be done with a page.
pub(super) struct Unread {
    additions: Additions,
    whole: bool,
    charset: Charset,
}

impl Insertion {
    /// `whole` says that this is a page and not a part of one, which may have no `<html>` either.
    pub(super) fn new(additions: Additions, whole: bool, charset: Charset) -> Self {
        Self::Unread(Box::new(Unread { additions, whole, charset }))
    }

    pub(super) fn write(&mut self, part: &[u8], done: &mut Vec<u8>) {
        match std::mem::replace(self, Self::Over) {
            Self::Unread(unread) if part.is_empty() => *self = Self::Unread(unread),
            Self::Unread(unread) => self.begin(*unread, part, done),
            Self::Parsing(parsing) => self.parse(parsing, part, done),
            Self::Over => done.extend_from_slice(part),
        }
    }

    fn begin(&mut self, unread: Unread, part: &[u8], done: &mut Vec<u8>) {
        let Unread { additions, whole, charset } = unread;
        // Its root may have attributes that are replaced: that is no matter of places.
        if !additions.root.is_empty() {
            return self.parse(Parsing::new(additions, whole, charset), part, done);
        }
        match Top::of(part, whole) {
            Ok(top) => put_in(part, &top, additions, done),
            Err(beginning) => {
                let (parsing, before) = (Parsing::new(additions, whole, charset), done.len());
                let search = parsing.search.clone();
                self.parse(parsing, part, done);
                if let Some(found) = lock(&search).found.take() {
                    found.remember(part, &done[before..], beginning, whole);
                }
            }
        }
    }

    fn parse(&mut self, mut parsing: Parsing, part: &[u8], done: &mut Vec<u8>) {
        parsing.write(part, done);
        if !parsing.is_over() {
            *self = Self::Parsing(parsing);
        }
    }

    pub(super) fn end(&mut self, done: &mut Vec<u8>) {
        match std::mem::replace(self, Self::Over) {
            Self::Unread(unread) => {
                let Unread { additions, whole, charset } = *unread;
                Parsing::new(additions, whole, charset).stage.end(done);
            }
            Self::Parsing(mut parsing) => parsing.stage.end(done),
            Self::Over => {}
        }
    }

    /// Whether everything is in, and the rest goes through untouched.
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }
}

/// Puts things in where the top is known to be.
fn put_in(part: &[u8], top: &Top, mut additions: Additions, done: &mut Vec<u8>) {
    let (before, rest) = part.split_at(top.body);
    let (head, before) = before.split_at(top.head.unwrap_or_default());
    if top.head.is_some() {
        done.extend_from_slice(head);
        done.extend_from_slice(std::mem::take(&mut additions.head).as_bytes());
    }
    done.extend_from_slice(before);
    done.extend_from_slice(additions.at_body(top.language.as_deref()).as_bytes());
    done.extend_from_slice(rest);
}

/// A page whose top is looked for.
pub(super) struct Parsing {
    stage: Stage,
    search: Arc<Mutex<Search>>,
    over: Arc<AtomicBool>,
}

/// How much is parsed before asking whether the top has been found: the rest of the page need not be.
const SLICE: usize = 256;

impl Parsing {
    fn new(additions: Additions, whole: bool, charset: Charset) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let search = Search {
            additions,
            whole,
            language: None,
            hidden: Arc::default(),
            over: over.clone(),
            head: None,
            found: None,
        };
        let search = Arc::new(Mutex::new(search));
        let of_stage = search.clone();
        let stage = Stage::new(charset, move |charset| Search::settings(&of_stage, charset));
        Self { stage, search, over }
    }

    fn write(&mut self, part: &[u8], done: &mut Vec<u8>) {
        let mut rest = part;
        while !rest.is_empty() {
            let length = if self.is_over() { rest.len() } else { rest.len().min(SLICE) };
            let (slice, after) = rest.split_at(length);
            self.stage.write(slice, done);
            if self.is_over() {
                self.stage.end(done);
            }
            rest = after;
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// Read once, because that takes longer than the top of a page.
static EVERY: LazyLock<Option<Selector>> = LazyLock::new(|| "*".parse().ok());

/// What is known of a page so far.
struct Search {
    additions: Additions,
    whole: bool,
    language: Option<String>,
    /// How many `template` elements are open: nothing in them is shown.
    hidden: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    /// Where the head begins.
    head: Option<Spot>,
    found: Option<Found>,
}

impl Search {
    fn settings(search: &Arc<Mutex<Self>>, charset: Charset) -> Settings<'static, 'static> {
        let (at_doctype, at_element, at_end) = (search.clone(), search.clone(), search.clone());
        let document = DocumentContentHandlers::default()
            .doctype(move |_: &mut Doctype<'_>| {
                lock(&at_doctype).whole = true;
                Ok(())
            })
            .end(move |end: &mut DocumentEnd<'_>| {
                lock(&at_end).at_end(end);
                Ok(())
            });
        let every = ElementContentHandlers::default().element(move |element: &mut Element<'_, '_>| {
            lock(&at_element).at(element);
            Ok(())
        });
        let settings = settings(charset).append_document_content_handler(document);
        match &*EVERY {
            Some(selector) => settings.append_element_content_handler((Cow::Borrowed(selector), every)),
            None => settings,
        }
    }

    fn at(&mut self, element: &mut Element<'_, '_>) {
        if self.over.load(Ordering::Relaxed) {
            return;
        }
        let name = element.tag_name();
        // The root comes first, or is not written out.
        let root = std::mem::take(&mut self.additions.root);
        if name == "html" {
            for (attribute, value) in &root {
                // The names are sound, because preferences are.
                let _ = element.set_attribute(attribute, value);
            }
        }
        if self.additions.head.is_empty() && self.additions.top.is_none() {
            self.over.store(true, Ordering::Relaxed);
            return;
        }
        if name == "template" {
            self.hidden.fetch_add(1, Ordering::Relaxed);
            let hidden = self.hidden.clone();
            if let Some(handlers) = element.end_tag_handlers() {
                handlers.push(Box::new(move |_| {
                    hidden.fetch_sub(1, Ordering::Relaxed);
                    Ok(())
                }));
            }
            return;
        }
        if self.hidden.load(Ordering::Relaxed) > 0 {
            return;
        }
        match &*name {
            "html" => {
                self.whole = true;
                self.language = element.get_attribute("lang");
            }
            "head" => {
                self.whole = true;
                let head = std::mem::take(&mut self.additions.head);
                element.prepend(&head, ContentType::Html);
                self.head
                    .get_or_insert(Spot { at: element.source_location().bytes().end, length: head.len() });
            }
            "body" => {
                let tag = element.source_location().bytes();
                let rest = self.rest(tag.end, tag.end);
                element.prepend(&rest, ContentType::Html);
            }
            // These stand in a head that need not be written out.
            "base" | "basefont" | "bgsound" | "link" | "meta" | "noframes" | "noscript" | "script"
            | "style" | "title" => {}
            // Frames have no place for a text, and neither has a part of a page.
            "frameset" => self.over.store(true, Ordering::Relaxed),
            _ if !self.whole => self.over.store(true, Ordering::Relaxed),
            _ => {
                let tag = element.source_location().bytes();
                let rest = self.rest(tag.start, tag.end);
                element.before(&rest, ContentType::Html);
            }
        }
    }

    /// A page of nothing but text, or with nothing but a head.
    fn at_end(&mut self, end: &mut DocumentEnd<'_>) {
        if self.whole && !self.over.load(Ordering::Relaxed) {
            self.over.store(true, Ordering::Relaxed);
            end.append(&self.additions.at_body(self.language.as_deref()), ContentType::Html);
        }
    }

    /// What goes in at a place, where the body begins, as a tag says that ends at another.
    fn rest(&mut self, at: usize, told_by: usize) -> String {
        self.over.store(true, Ordering::Relaxed);
        let rest = self.additions.at_body(self.language.as_deref());
        let body = Spot { at, length: rest.len() };
        self.found = Some(Found { head: self.head, body, told_by, language: self.language.take() });
        rest
    }
}

fn lock(search: &Mutex<Search>) -> MutexGuard<'_, Search> {
    search.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn inserted(page: &str, whole: bool, chunk: usize) -> String {
        let top: Text = Box::new(|language| format!("[T{}]", language.unwrap_or_default()));
        let additions = Additions { root: vec![], head: "[H]".to_owned(), top: Some(top) };
        put_into(page, additions, whole, chunk)
    }

    fn put_into(page: &str, additions: Additions, whole: bool, chunk: usize) -> String {
        let mut insertion = Insertion::new(additions, whole, Charset::of("text/html").unwrap());
        let mut done = Vec::new();
        page.as_bytes().chunks(chunk).for_each(|part| insertion.write(part, &mut done));
        insertion.end(&mut done);
        String::from_utf8(done).unwrap()
    }

    #[test]
    fn form_05_straight_after_the_body_begins() {
        for (page, expected) in [
            (
                "<!doctype html><html lang=en><head><title>x</title></head><body class=a><a href=#m>Skip</a></body></html>",
                "<!doctype html><html lang=en><head>[H]<title>x</title></head><body class=a>[Ten]<a href=#m>Skip</a></body></html>",
            ),
            ("<!doctype html><title>x</title><p>Hello", "<!doctype html><title>x</title>[H][T]<p>Hello"),
            (
                "<!doctype html><title>x</title><BODY><p>Hello",
                "<!doctype html><title>x</title><BODY>[H][T]<p>Hello",
            ),
            ("<html>Only text", "<html>Only text[H][T]"),
            (
                "<html><head><script>'<body>'</script><style>/*<body>*/</style><!-- <body> --><template><body><p></template></head><body>x",
                "<html><head>[H]<script>'<body>'</script><style>/*<body>*/</style><!-- <body> --><template><body><p></template></head><body>[T]x",
            ),
            (
                "<html><title><body></title><noscript><body></noscript><body>x<textarea><body></textarea>",
                "<html><title><body></title><noscript><body></noscript><body>[H][T]x<textarea><body></textarea>",
            ),
            (
                "<html><frameset><frame src=a></frameset></html>",
                "<html><frameset><frame src=a></frameset></html>",
            ),
            ("<p>A part of a page</p>", "<p>A part of a page</p>"),
            ("<li>1<li>2", "<li>1<li>2"),
            ("", ""),
        ] {
            for chunk in [1, 2, 7, 4096] {
                assert_eq!(inserted(page, false, chunk), expected, "in parts of {chunk}");
            }
        }
        assert_eq!(
            inserted("<p>A page, says the browser</p>", true, 3),
            "[H][T]<p>A page, says the browser</p>"
        );
    }

    #[test]
    fn page_05_a_page_that_begins_as_one_before_is_not_parsed_again() {
        const HEAD: &str = "<!doctype html><html lang=en><head><title>Bins</title></head><body class=a>";
        for (page, whole, top) in [
            (format!("{HEAD}<p>x"), false, Some((Some(35), HEAD.len(), Some("en")))),
            ("<title>x</title><p>y".to_owned(), true, Some((None, 16, None))),
            ("<html><title>x</title>y<body>z".to_owned(), false, Some((None, 29, None))),
            // Nothing goes in, or only at the end.
            ("<title>x</title><p>y".to_owned(), false, None),
            ("<html>Only text".to_owned(), false, None),
            ("<html><frameset></frameset>".to_owned(), false, None),
            (format!("<html><!-- {} --><body>x", "-".repeat(70_000)), false, None),
        ] {
            assert!(Top::of(page.as_bytes(), whole).is_err(), "{page}");
            let parsed = inserted(&page, whole, page.len());
            let found = Top::of(page.as_bytes(), whole).ok();
            let found = found.as_ref().map(|top| (top.head, top.body, top.language.as_deref()));
            assert_eq!(found, top, "{page}");
            assert_eq!(inserted(&page, whole, page.len()), parsed, "{page}");
            assert_eq!(inserted(&page, whole, 1), parsed, "{page}");
            if let Some((_, body, _)) = top {
                assert!(Top::of(&page.as_bytes()[..body - 1], whole).is_err(), "{page}");
                assert!(Top::of(page.as_bytes(), !whole).is_err(), "{page}");
            }
        }
        // Where the body is implied, what tells is the first tag of it.
        let start = format!("<!doctype html><html lang=en><!-- {} --><title>x</title>", "-".repeat(600));
        for rest in [
            "<p>x",
            "<meta name=x><p>x",
            "<style>p{}</style><body class=a><p>x",
            "<frameset>",
            "</head>x<body>",
            "<template><p></template>x<p>",
            "text<p>",
            "<head><title>x</title></head><body>x",
            "<head><head><body>x",
        ] {
            for page in [format!("{start}{rest}"), format!("{start}{rest}<p>y")] {
                assert_eq!(inserted(&page, false, page.len()), inserted(&page, false, 1), "{rest}");
            }
        }
        for (language, is_known) in [("cy", true), ("\u{e9}", false), (&"x".repeat(36), false)] {
            let page = format!("<html lang={language}><body>x");
            inserted(&page, false, page.len());
            assert_eq!(Top::of(page.as_bytes(), false).is_ok(), is_known, "{language}");
        }
        let title = inserted(&HEAD.replace("Bins", "Bin<s"), false, 4096);
        assert_eq!(title, HEAD.replace("Bins", "Bin<s").replace("<head>", "<head>[H]") + "[Ten]");
    }

    proptest! {
        #[test]
        fn page_05_what_is_remembered_is_what_would_be_found(
            head in proptest::collection::vec(0..20_usize, 0..12),
            tails in proptest::collection::vec(proptest::collection::vec(0..20_usize, 0..4), 3),
            whole in any::<bool>(),
        ) {
            const PARTS: [&str; 20] = [
                "<!doctype html>", "<html lang=cy>", "<html>", "<head>", "</head>", "<title>a<body>", "</title>", "<script>'<body>", "</script>", "<!-- <body>",
                "-->", "<body>", "<body/>", "<template>", "</template>", "<svg>", "</svg>", "text", "<p title='>'>", "<br",
            ];
            let text = |numbers: &[usize]| numbers.iter().map(|&number| PARTS[number]).collect::<String>();
            for tail in &tails {
                let page = format!("{}<!--{}-->{}", text(&head), "-".repeat(600), text(tail));
                let parsed = inserted(&page, whole, 1);
                for _ in 0..2 {
                    prop_assert_eq!(&inserted(&page, whole, usize::MAX), &parsed);
                }
            }
        }
    }

    fn with_root(page: &str, chunk: usize) -> String {
        let root = [("data-text-size", "large"), ("data-contrast", "high")];
        let root = root.map(|(name, value)| (name.to_owned(), value.to_owned()));
        put_into(page, Additions { root: root.into(), head: String::new(), top: None }, true, chunk)
    }

    #[test]
    fn form_05_attributes_of_the_root_where_it_is_written_out() {
        const BOTH: &str = "data-text-size=\"large\" data-contrast=\"high\"";
        for (page, expected) in [
            ("<html>x", format!("<html {BOTH}>x")),
            (
                "<!-- <html> --> <HTML lang='cy' class=a>x",
                format!("<!-- <html> --> <HTML lang='cy' class=a {BOTH}>x"),
            ),
            (
                "<!doctype html><html lang=en data-text-size=small DATA-CONTRAST=low><head><title>x",
                "<!doctype html><html lang=en data-text-size=\"large\" DATA-CONTRAST=\"high\"><head><title>x"
                    .to_owned(),
            ),
            (
                "<html data-text-size=a data-text-size=b>x<html>",
                "<html data-text-size=\"large\" data-text-size=b data-contrast=\"high\">x<html>".to_owned(),
            ),
        ] {
            for chunk in [1, 2, 7, 4096] {
                assert_eq!(with_root(page, chunk), expected, "{page} in parts of {chunk}");
            }
        }
        for page in [
            "",
            "only text",
            "<!doctype html><title>x</title><html><p>x",
            "<head><title><html></title></head><html>",
            "<body><html>",
            "<p>A part</p><html>",
            "<template><html></template><html>",
            "<script>'<html>'</script>",
            "<textarea><html></textarea>",
            "<!-- <html> -->",
            "<svg><html></svg>",
        ] {
            for chunk in [1, 2, 7, 4096] {
                assert_eq!(with_root(page, chunk), page, "in parts of {chunk}");
            }
        }
    }

    #[test]
    fn form_05_the_top_is_found_behind_a_tag_that_is_too_long_for_the_parser() {
        let long = "A".repeat(1_300_000);
        for head in [
            format!("<link rel=icon href=\"data:image/png;base64,{long}\">"),
            format!("<!-- <body> {long} -->"),
            format!("<script data-x={long}>'<body>'</script>"),
        ] {
            for chunk in [10_000, usize::MAX] {
                let page = format!("<html lang=en><head>{head}</head><body>x");
                let expected = format!("<html lang=en><head>[H]{head}</head><body>[Ten]x");
                assert!(inserted(&page, false, chunk) == expected, "{} {chunk}", &head[..9]);
            }
        }
    }

    #[test]
    fn page_05_with_the_root_found_nothing_more_is_parsed() {
        let additions =
            Additions { root: vec![("data-x".to_owned(), "y".to_owned())], head: String::new(), top: None };
        let mut insertion = Insertion::new(additions, true, Charset::of("text/html").unwrap());
        let mut done = Vec::new();
        insertion.write(b"<html>", &mut done);
        assert!(insertion.is_over());
        // An attribute of a tag that has not ended would wait for its end, if anybody still read it.
        insertion.write(b"<p title=\"", &mut done);
        assert_eq!(done, b"<html data-x=\"y\"><p title=\"");
    }
}
