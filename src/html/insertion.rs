//! Where the top of a page is.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use lol_html::Selector;
use lol_html::html_content::{ContentType, Doctype, DocumentEnd};
use lol_html::send::{DocumentContentHandlers, Element, ElementContentHandlers, Settings};

use super::charset::Charset;
use super::stage::{Stage, settings};

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

/// Puts things in at the top, then is done.
#[derive(Debug)]
pub(super) struct Insertion {
    stage: Stage,
    over: Arc<AtomicBool>,
}

/// How much is parsed before asking whether the top has been found: the rest of the page need not be.
const SLICE: usize = 256;

impl Insertion {
    /// `whole` says that this is a page and not a part of one, which may have no `<html>` either.
    pub(super) fn new(additions: Additions, whole: bool, charset: Charset) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let search = Search { additions, whole, language: None, hidden: Arc::default(), over: over.clone() };
        let search = Arc::new(Mutex::new(search));
        Self { stage: Stage::new(charset, move |charset| Search::settings(&search, charset)), over }
    }

    pub(super) fn write(&mut self, part: &[u8], done: &mut Vec<u8>) {
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

    pub(super) fn end(&mut self, done: &mut Vec<u8>) {
        self.stage.end(done);
    }

    /// Whether everything is in, and the rest goes through untouched.
    pub(super) fn is_over(&self) -> bool {
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
                element.prepend(&std::mem::take(&mut self.additions.head), ContentType::Html);
            }
            "body" => {
                element.prepend(&self.rest(), ContentType::Html);
            }
            // These stand in a head that need not be written out.
            "base" | "basefont" | "bgsound" | "link" | "meta" | "noframes" | "noscript" | "script"
            | "style" | "title" => {}
            // Frames have no place for a text, and neither has a part of a page.
            "frameset" => self.over.store(true, Ordering::Relaxed),
            _ if !self.whole => self.over.store(true, Ordering::Relaxed),
            _ => element.before(&self.rest(), ContentType::Html),
        }
    }

    /// A page of nothing but text, or with nothing but a head.
    fn at_end(&mut self, end: &mut DocumentEnd<'_>) {
        if self.whole && !self.over.load(Ordering::Relaxed) {
            end.append(&self.rest(), ContentType::Html);
        }
    }

    fn rest(&mut self) -> String {
        self.over.store(true, Ordering::Relaxed);
        let top = self.additions.top.take().map(|top| top(self.language.as_deref()));
        std::mem::take(&mut self.additions.head) + &top.unwrap_or_default()
    }
}

fn lock(search: &Mutex<Search>) -> MutexGuard<'_, Search> {
    search.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
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
