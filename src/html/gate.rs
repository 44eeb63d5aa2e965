//! Content of others in a page, and holding what nobody agreed to.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use lol_html::Selector;
use lol_html::html_content::{ContentType, DocumentEnd, TextChunk};
use lol_html::send::{DocumentContentHandlers, Element, ElementContentHandlers, Settings};

use super::charset::Charset;
use super::insertion::Text;
use super::references::decoded;
use super::stage::{Stage, settings};
use super::url::{candidates, host_of, in_srcset, is_relative};

/// Says what may be loaded, and what stands in the place of what may not.
pub(crate) trait Doorman: fmt::Debug + Send + Sync {
    /// About content that the page itself gives a purpose.
    fn of_purpose(&self, purpose: &str) -> Verdict;

    /// Whether any host is known at all. Without, content is held only where the page says what it is for.
    fn knows_hosts(&self) -> bool;

    /// About content of a host.
    fn of_host(&self, host: &str, port: Option<u16>) -> Verdict;

    /// Whether a host is one of the site's own.
    fn is_own(&self, host: &str) -> bool;

    /// What is shown for content that is held, as ASCII, in a page of this language.
    fn placeholder(&self, held: &Held<'_>, language: Option<&str>) -> String;
}

/// Whether content may be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Somebody agreed to it.
    Allowed,
    /// Nobody agreed to this purpose.
    Held(String),
    /// Nobody knows it.
    Unknown,
}

/// Content that is held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held<'a> {
    pub(crate) purpose: &'a str,
    pub(crate) host: Option<&'a str>,
    /// What the page calls it, as it is written in an attribute.
    pub(crate) name: Option<&'a str>,
    pub(crate) place: Place,
}

/// What may stand where a placeholder goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A form, headings, anything.
    Block,
    /// Words and links, in the middle of a sentence.
    Phrase,
    /// Words: it is inside a link.
    Link,
}

/// Attributes that make a browser load something, and the names under which they are kept while it may not.
const LOADING: [(&str, &str); 7] = [
    ("src", "data-src"),
    ("href", "data-href"),
    ("srcset", "data-srcset"),
    ("imagesrcset", "data-imagesrcset"),
    ("srcdoc", "data-srcdoc"),
    ("data", "data-data"),
    ("poster", "data-poster"),
];

/// How much of a `noscript` element is read.
const MOST_NOSCRIPT: usize = 64 * 1024;

/// What a pass looks at to find content of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    /// The elements that load something from a host.
    AtHosts,
    /// These, and every element that says what it is for: the parser has to read the attributes of all, which takes twice as long.
    AtEverything,
}

/// A text for the end of the body, which is the same for every pass over a page.
#[derive(Clone)]
pub(super) struct Bottom(Arc<(Mutex<Option<Text>>, OnceLock<String>)>);

impl Bottom {
    pub(super) fn new(text: Text) -> Self {
        Self(Arc::new((Mutex::new(Some(text)), OnceLock::new())))
    }

    fn text(&self, language: Option<&str>) -> &str {
        let (text, drawn) = &*self.0;
        drawn.get_or_init(|| {
            let text = text.lock().unwrap_or_else(PoisonError::into_inner).take();
            text.map(|text| text(language)).unwrap_or_default()
        })
    }
}

/// One pass that holds content, and puts a text in at the end of the body.
pub(super) fn gate(
    doorman: Option<Arc<dyn Doorman>>,
    bottom: Option<Bottom>,
    charset: Charset,
    looks: Looks,
) -> Stage {
    let page = Arc::new(Page::default());
    let is_in = Arc::new(AtomicBool::new(false));
    Stage::new(charset, move |charset| {
        let noted = page.clone();
        let root = Handlers::default().element(move |root: &mut Element<'_, '_>| {
            if let Some(language) = root.get_attribute("lang") {
                // The first one counts.
                let _ = noted.language.set(language);
            }
            Ok(())
        });
        let mut settings = at(settings(charset), &ROOT, root);
        if let Some(bottom) = &bottom {
            settings = put_in_at_the_end(settings, bottom.clone(), is_in.clone(), page.clone());
        }
        if let Some(doorman) = &doorman {
            settings = at(settings, &BASE, base_of(page.clone(), doorman.clone()));
            settings = hold_content(settings, doorman.clone(), page.clone(), looks);
            settings = at(settings, &NOSCRIPT, looked_through(doorman.clone(), page.clone(), looks));
        }
        settings
    })
}

/// Selectors take longer to read than many a page: they are read once.
static ROOT: LazyLock<Option<Selector>> = LazyLock::new(|| "html".parse().ok());
static BASE: LazyLock<Option<Selector>> = LazyLock::new(|| "base".parse().ok());
static BODY: LazyLock<Option<Selector>> = LazyLock::new(|| "body".parse().ok());
static WITHIN_LINK: LazyLock<Option<Selector>> =
    LazyLock::new(|| "a iframe, a img, a [data-consent]".parse().ok());
static LOADS: LazyLock<Option<Selector>> =
    LazyLock::new(|| "script, iframe, img, link, [data-consent]".parse().ok());
static WITHIN_LINK_BY_HOST: LazyLock<Option<Selector>> = LazyLock::new(|| "a iframe, a img".parse().ok());
static LOADS_BY_HOST: LazyLock<Option<Selector>> = LazyLock::new(|| "script, iframe, img, link".parse().ok());
static NOSCRIPT: LazyLock<Option<Selector>> = LazyLock::new(|| "noscript".parse().ok());

type Handlers = ElementContentHandlers<'static>;

/// Adds what is done at the elements that a selector finds.
fn at(
    settings: Settings<'static, 'static>,
    selector: &'static LazyLock<Option<Selector>>,
    handlers: Handlers,
) -> Settings<'static, 'static> {
    match &**selector {
        Some(selector) => settings.append_element_content_handler((Cow::Borrowed(selector), handlers)),
        None => settings,
    }
}

/// What a page has said of itself so far.
#[derive(Debug, Default)]
struct Page {
    /// The `lang` of the root element.
    language: OnceLock<String>,
    /// From which host it loads what is given by a path alone, where that is not the site's own (HTML, section 4.2.3).
    base: OnceLock<Option<Host>>,
}

/// A host and perhaps a port.
type Host = (String, Option<u16>);

impl Page {
    fn language(&self) -> Option<&str> {
        self.language.get().map(String::as_str)
    }

    /// The host that an address without one leads to, if it is another than the site's own.
    fn base_of(&self, address: &str) -> Option<Host> {
        self.base.get()?.clone().filter(|_| is_relative(address))
    }
}

fn put_in_at_the_end(
    settings: Settings<'static, 'static>,
    bottom: Bottom,
    is_in: Arc<AtomicBool>,
    page: Arc<Page>,
) -> Settings<'static, 'static> {
    let take = move || {
        let text = (!is_in.swap(true, Ordering::Relaxed)).then(|| bottom.text(page.language()).to_owned());
        text.unwrap_or_default()
    };
    let take_at_end = take.clone();
    let body = Handlers::default().element(move |body: &mut Element<'_, '_>| {
        let take = take.clone();
        if let Some(handlers) = body.end_tag_handlers() {
            handlers.push(Box::new(move |end| {
                end.before(&take(), ContentType::Html);
                Ok(())
            }));
        }
        Ok(())
    });
    at(settings, &BODY, body)
        // The end tag of a body need not be written.
        .append_document_content_handler(DocumentContentHandlers::default().end(
            move |end: &mut DocumentEnd<'_>| {
                end.append(&take_at_end(), ContentType::Html);
                Ok(())
            },
        ))
}

fn hold_content(
    settings: Settings<'static, 'static>,
    doorman: Arc<dyn Doorman>,
    page: Arc<Page>,
    looks: Looks,
) -> Settings<'static, 'static> {
    let in_link = Arc::new(AtomicBool::new(false));
    let noted = in_link.clone();
    // Handlers are called in the order in which they are added.
    let within_link = Handlers::default().element(move |_: &mut Element<'_, '_>| {
        noted.store(true, Ordering::Relaxed);
        Ok(())
    });
    let loads = Handlers::default().element(move |element: &mut Element<'_, '_>| {
        judge(&*doorman, element, in_link.swap(false, Ordering::Relaxed), &page);
        Ok(())
    });
    let (in_links, all) = match looks {
        Looks::AtHosts => (&WITHIN_LINK_BY_HOST, &LOADS_BY_HOST),
        Looks::AtEverything => (&WITHIN_LINK, &LOADS),
    };
    at(at(settings, in_links, within_link), all, loads)
}

/// Notes where a page says that it is.
fn base_of(page: Arc<Page>, doorman: Arc<dyn Doorman>) -> Handlers {
    Handlers::default().element(move |base: &mut Element<'_, '_>| {
        if let Some(address) = base.get_attribute("href") {
            let host = host_of(&decoded(&address)).filter(|(host, _)| !doorman.is_own(host));
            // The first one counts.
            let _ = page.base.set(host);
        }
        Ok(())
    })
}

/// Holds what a `noscript` element loads. To the parser this is text; to a browser without scripts it is a part of the page.
fn looked_through(doorman: Arc<dyn Doorman>, page: Arc<Page>, looks: Looks) -> Handlers {
    let (mut seen, mut too_long) = (String::new(), false);
    Handlers::default().text(move |text: &mut TextChunk<'_>| {
        // What is too long to be looked at is not shown.
        too_long |= seen.len() + text.as_str().len() > MOST_NOSCRIPT;
        if !too_long {
            seen.push_str(text.as_str());
        }
        if text.last_in_text_node() {
            let seen = std::mem::take(&mut seen);
            let too_long = std::mem::take(&mut too_long);
            let shown = if too_long { String::new() } else { within(&doorman, &page, &seen, looks) };
            text.replace(&shown, ContentType::Html);
        } else {
            text.remove();
        }
        Ok(())
    })
}

/// A part of a page, with what it loads from others held.
fn within(doorman: &Arc<dyn Doorman>, page: &Arc<Page>, part: &str, looks: Looks) -> String {
    if part.is_empty() {
        return String::new();
    }
    let utf_8 = Charset { encoding: lol_html::AsciiCompatibleEncoding::utf_8(), guessed: false };
    let mut done = Vec::with_capacity(part.len());
    let (doorman, page) = (doorman.clone(), page.clone());
    let mut stage = Stage::new(utf_8, move |charset| {
        let settings = hold_content(settings(charset), doorman.clone(), page.clone(), looks);
        // One within another is no HTML (section 4.12.2), and to look through each in turn would take a stack of any depth.
        let nothing = Handlers::default().text(|text: &mut TextChunk<'_>| {
            text.remove();
            Ok(())
        });
        at(settings, &NOSCRIPT, nothing)
    });
    stage.write(part.as_bytes(), &mut done);
    stage.end(&mut done);
    String::from_utf8(done).unwrap_or_default()
}

fn judge(doorman: &dyn Doorman, element: &mut Element<'_, '_>, in_link: bool, page: &Page) {
    let declared = element.get_attribute("data-consent");
    let by_purpose =
        declared.as_deref().map_or(Verdict::Unknown, |purpose| match doorman.of_purpose(purpose) {
            // A page that asks for a purpose which is not declared is not given everything.
            Verdict::Unknown => Verdict::Held(purpose.to_owned()),
            known => known,
        });
    if by_purpose == Verdict::Allowed {
        wake(element);
    }
    let hosts = hosts(element, page);
    let held_host = hosts.iter().find_map(|(host, port)| match doorman.of_host(host, *port) {
        Verdict::Held(purpose) => Some((purpose, host.as_str())),
        Verdict::Allowed | Verdict::Unknown => None,
    });
    let (purpose, host) = match (held_host, by_purpose) {
        (Some((purpose, host)), _) => (purpose, Some(host)),
        (None, Verdict::Held(purpose)) => (purpose, hosts.first().map(|(host, _)| host.as_str())),
        (None, Verdict::Allowed | Verdict::Unknown) => return,
    };
    let place = match (in_link, element.tag_name() == "img") {
        (true, _) => Place::Link,
        (false, false) => Place::Block,
        (false, true) => Place::Phrase,
    };
    let name = element.get_attribute("alt").or_else(|| element.get_attribute("title"));
    let name = name.as_deref().filter(|name| !name.trim().is_empty());
    let held = Held { purpose: &purpose, host, name, place };
    hold(element, || doorman.placeholder(&held, page.language()));
}

/// Every host that an element would load from.
fn hosts(element: &Element<'_, '_>, page: &Page) -> Vec<Host> {
    let mut hosts = Vec::new();
    for (attribute, kept) in LOADING {
        for value in [attribute, kept].into_iter().filter_map(|name| element.get_attribute(name)) {
            let value = decoded(&value);
            if attribute.ends_with("srcset") {
                hosts.extend(in_srcset(&value).filter_map(host_of));
                hosts.extend(candidates(&value).filter_map(|address| page.base_of(address)));
            } else {
                hosts.extend(host_of(&value));
                hosts.extend(page.base_of(&value).filter(|_| attribute != "srcdoc"));
            }
        }
    }
    hosts
}

/// Lets an element load that the page has written so that it does not.
fn wake(element: &mut Element<'_, '_>) {
    for (attribute, kept) in LOADING {
        if let Some(value) = element.get_attribute(kept).filter(|_| !element.has_attribute(attribute)) {
            // These are names of attributes.
            let _ = element.set_attribute(attribute, &value);
            element.remove_attribute(kept);
        }
    }
    if ["script", "style"].contains(&&*element.tag_name()) && is_inert(element) {
        match element.get_attribute("data-type") {
            Some(kind) => {
                let _ = element.set_attribute("type", &kind);
            }
            None => element.remove_attribute("type"),
        }
    }
}

fn is_inert(element: &Element<'_, '_>) -> bool {
    element.get_attribute("type").is_some_and(|kind| decoded(&kind).trim().eq_ignore_ascii_case("text/plain"))
}

/// Keeps an element from loading, and shows something in its place where there was something to see.
fn hold(element: &mut Element<'_, '_>, placeholder: impl FnOnce() -> String) {
    match &*element.tag_name() {
        "audio" | "embed" | "iframe" | "img" | "object" | "video" if !is_invisible(element) => {
            element.replace(&placeholder(), ContentType::Html);
            return;
        }
        "script" | "style" if !is_inert(element) => {
            if let Some(kind) = element.get_attribute("type") {
                let _ = element.set_attribute("data-type", &kind);
            }
            let _ = element.set_attribute("type", "text/plain");
        }
        _ => {}
    }
    for (attribute, kept) in LOADING {
        if let Some(value) = element.get_attribute(attribute) {
            let _ = element.set_attribute(kept, &value);
            element.remove_attribute(attribute);
        }
    }
}

/// A pixel is not there to be looked at.
fn is_invisible(element: &Element<'_, '_>) -> bool {
    let tiny = |name| {
        element.get_attribute(name).is_some_and(|size| {
            size.trim().trim_end_matches("px").parse::<f32>().is_ok_and(|size| size <= 3.0)
        })
    };
    let style = element.get_attribute("style").unwrap_or_default();
    let style = decoded(&style).to_ascii_lowercase().replace(' ', "");
    tiny("width")
        || tiny("height")
        || element.has_attribute("hidden")
        || style.contains("display:none")
        || style.contains("visibility:hidden")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::watch::Watch;
    use super::*;

    /// Lets `good` load, holds `bad`.
    #[derive(Debug)]
    struct Test;

    impl Doorman for Test {
        fn of_purpose(&self, purpose: &str) -> Verdict {
            match purpose {
                "good" => Verdict::Allowed,
                "bad" => Verdict::Held("bad".to_owned()),
                _ => Verdict::Unknown,
            }
        }

        fn knows_hosts(&self) -> bool {
            true
        }

        fn of_host(&self, host: &str, _: Option<u16>) -> Verdict {
            match host {
                "bad.example" | "www.bad.example" => Verdict::Held("bad".to_owned()),
                "good.example" => Verdict::Allowed,
                _ => Verdict::Unknown,
            }
        }

        fn is_own(&self, host: &str) -> bool {
            host == "www.bad.example"
        }

        fn placeholder(&self, held: &Held<'_>, language: Option<&str>) -> String {
            let Held { purpose, host, place, .. } = held;
            format!("[{purpose} {} {place:?}{}]", host.unwrap_or("-"), language.unwrap_or_default())
        }
    }

    fn gated(page: &str, chunk: usize) -> String {
        let charset = Charset::of("text/html").unwrap();
        let mut stage = gate(Some(Arc::new(Test)), None, charset, Looks::AtEverything);
        let mut done = Vec::new();
        page.as_bytes().chunks(chunk).for_each(|part| stage.write(part, &mut done));
        stage.end(&mut done);
        String::from_utf8(done).unwrap()
    }

    /// The same, of a page that is watched for what says what it is for.
    fn watched(page: &str, chunk: usize) -> String {
        let bottom = Bottom::new(Box::new(|_| String::new()));
        let mut watch = Watch::new(Arc::new(Test), Some(bottom), Charset::of("text/html").unwrap());
        let mut done = Vec::new();
        let whole = page.len() - page.len() % chunk;
        page.as_bytes()[..whole].chunks(chunk).for_each(|part| watch.write(part, &mut done));
        done.extend(watch.last(page.as_bytes()[whole..].to_vec()));
        String::from_utf8(done).unwrap()
    }

    proptest! {
        #[test]
        fn law_03_a_page_that_is_watched_is_held_as_one_that_is_read(
            parts in proptest::collection::vec(0..24_usize, 0..20),
            chunk in 1..60_usize,
        ) {
            const PARTS: [&str; 24] = [
                "<html lang=en>", "<body>", "<p>", "text", "<a href=/x>", "</a>", "<img src=//bad.example/a alt='a > b'>", "<iframe src=https://bad.example></iframe>",
                "<script src=//bad.example></script>", "<script>'<i src=", "</script>", "<noscript>", "</noscript>", "<!-- ", " -->", "<p title='",
                "'>", "\"", "=", " < ", "<video poster=/x data-consent=bad></video>", "<b DATA-consent=good data-src=y>", "<link href=//bad.example>", "</body>",
            ];
            let page: String = parts.iter().map(|&number| PARTS[number]).collect();
            prop_assert_eq!(watched(&page, chunk), gated(&page, usize::MAX), "{}", page);
        }
    }

    #[test]
    fn a_path_is_looked_for_at_the_base_of_its_page() {
        const BASE: &str = r#"<base href="https://bad.example/x/">"#;
        for (page, expected) in [
            (r#"<iframe src="/v"></iframe>"#, r#"[bad bad.example Block]"#),
            (r#"<img srcset="a.png 1x, b.png 2x" alt=x>"#, "[bad bad.example Phrase]"),
            (r#"<script src=t.js></script>"#, r#"<script type="text/plain" data-src="t.js"></script>"#),
            (
                r#"<iframe src="https://good.example/v"></iframe>"#,
                r#"<iframe src="https://good.example/v"></iframe>"#,
            ),
            (r#"<img src="data:image/gif;base64,AAAA">"#, r#"<img src="data:image/gif;base64,AAAA">"#),
            ("<script>x()</script>", "<script>x()</script>"),
            (
                r#"<img srcset="https://good.example/a.png 1x, https://good.example/b.png 2x">"#,
                r#"<img srcset="https://good.example/a.png 1x, https://good.example/b.png 2x">"#,
            ),
            ("<iframe srcdoc='<p>x'></iframe>", "<iframe srcdoc='<p>x'></iframe>"),
            ("<noscript><iframe src=/v></iframe></noscript>", "<noscript>[bad bad.example Block]</noscript>"),
        ] {
            for chunk in [1, 7, 4096] {
                assert_eq!(
                    gated(&format!("{BASE}{page}"), chunk),
                    format!("{BASE}{expected}"),
                    "in parts of {chunk}"
                );
            }
            // The first base counts; one of the site's own leads nowhere else, and in `noscript` it is not for everybody.
            for own in [r#"<base href="/x/">"#, r#"<base href="https://www.bad.example/">"#] {
                assert_eq!(gated(&format!("{own}{BASE}{page}"), 4096), format!("{own}{BASE}{page}"));
            }
            let aside = format!("<noscript>{BASE}</noscript>");
            assert_eq!(gated(&format!("{aside}{page}"), 4096), format!("{aside}{page}"));
        }
    }

    #[test]
    fn content_is_held_by_host_and_by_purpose() {
        for (page, expected) in [
            (
                r#"<script src="https://bad.example/t.js" async></script>"#,
                r#"<script async type="text/plain" data-src="https://bad.example/t.js"></script>"#,
            ),
            (
                r#"<script type="module" src="//BAD.example/t.js"></script>"#,
                r#"<script type="text/plain" data-type="module" data-src="//BAD.example/t.js"></script>"#,
            ),
            (
                r#"<script type="text/plain" data-consent="bad">x()</script>"#,
                r#"<script type="text/plain" data-consent="bad">x()</script>"#,
            ),
            (
                r#"<script data-consent="bad">x()</script>"#,
                r#"<script data-consent="bad" type="text/plain">x()</script>"#,
            ),
            (
                r#"<script type="text/plain" data-consent="good">x()</script>"#,
                r#"<script data-consent="good">x()</script>"#,
            ),
            (
                r#"<script type="text/plain" data-type="module" data-consent="good" data-src="/a.js"></script>"#,
                r#"<script type="module" data-type="module" data-consent="good" src="/a.js"></script>"#,
            ),
            (
                r#"<script type="text/plain" data-consent="good" data-src="https://bad.example/a.js"></script>"#,
                r#"<script data-consent="good" type="text/plain" data-src="https://bad.example/a.js"></script>"#,
            ),
            (
                r#"<script type="text/plain" data-consent="nonsense">x()</script>"#,
                r#"<script type="text/plain" data-consent="nonsense">x()</script>"#,
            ),
            (
                r#"<html lang=cy><iframe src="https://bad.example/v">Old</iframe><p>"#,
                "<html lang=cy>[bad bad.example Blockcy]<p>",
            ),
            (
                r#"<iframe src="https://good.example/v"></iframe>"#,
                r#"<iframe src="https://good.example/v"></iframe>"#,
            ),
            (
                r#"<iframe data-consent="good" data-src="/v"></iframe>"#,
                r#"<iframe data-consent="good" src="/v"></iframe>"#,
            ),
            (r#"<iframe data-consent="bad" src="/v"></iframe>"#, "[bad - Block]"),
            (
                r#"<iframe src="https://bad.example/ns" width="0" height="0" style="display:none"></iframe>"#,
                r#"<iframe width="0" height="0" style="display:none" data-src="https://bad.example/ns"></iframe>"#,
            ),
            (
                r#"<p>See <img src="https://bad.example/i.png" alt="x"> here"#,
                "<p>See [bad bad.example Phrase] here",
            ),
            (
                r##"<a href="/"><img src="/x.png" srcset="/1.png 1x, https://bad.example/2.png 2x"></a><img src="https://bad.example/i">"##,
                r##"<a href="/">[bad bad.example Link]</a>[bad bad.example Phrase]"##,
            ),
            (
                r#"<img width=1 height=1 src="https://bad.example/p.gif">"#,
                r#"<img width=1 height=1 data-src="https://bad.example/p.gif">"#,
            ),
            (
                r#"<link rel="stylesheet" href="https://bad.example/f.css">"#,
                r#"<link rel="stylesheet" data-href="https://bad.example/f.css">"#,
            ),
            (
                r#"<noscript><img src="https://bad.example/p" width=1><img src="/own"></noscript>"#,
                r#"<noscript><img width=1 data-src="https://bad.example/p"><img src="/own"></noscript>"#,
            ),
            (
                r#"<html lang=cy><noscript><iframe src="https://bad.example/v"></iframe></noscript>"#,
                "<html lang=cy><noscript>[bad bad.example Blockcy]</noscript>",
            ),
            (
                r#"<textarea><script src="https://bad.example/t.js"></script></textarea>"#,
                r#"<textarea><script src="https://bad.example/t.js"></script></textarea>"#,
            ),
            (
                r#"<script>"<script src='https://bad.example/t.js'>"</script><!-- <img src="https://bad.example/i"> -->"#,
                r#"<script>"<script src='https://bad.example/t.js'>"</script><!-- <img src="https://bad.example/i"> -->"#,
            ),
            (
                r#"<iframe hidden srcdoc="<script>x()</script>" data-consent="bad"></iframe>"#,
                r#"<iframe hidden data-consent="bad" data-srcdoc="<script>x()</script>"></iframe>"#,
            ),
            (
                r#"<link rel="preload" as="image" imagesrcset="https://bad.example/1 1x">"#,
                r#"<link rel="preload" as="image" data-imagesrcset="https://bad.example/1 1x">"#,
            ),
            (r#"<video poster="/p.png" data-consent="bad"><source src="/v.mp4"></video>x"#, "[bad - Block]x"),
            (r#"<object data="/o" data-consent="bad"><p>Old</p></object>x"#, "[bad - Block]x"),
            (r#"<embed src="/o" data-consent="bad">x"#, "[bad - Block]x"),
            (r#"<embed data-src="/o" data-consent="good">"#, r#"<embed data-consent="good" src="/o">"#),
            (
                r#"<style data-consent="bad">@import "/x";</style>"#,
                r#"<style data-consent="bad" type="text/plain">@import "/x";</style>"#,
            ),
            (
                r#"<input type="image" src="/i" data-consent="bad">"#,
                r#"<input type="image" data-consent="bad" data-src="/i">"#,
            ),
            (r#"<p data-consent="bad">Words</p>"#, r#"<p data-consent="bad">Words</p>"#),
            (
                "<iframe src=\"https&#x3A;&#x2F;&#x2F;bad.example/v?a&amp;b\"></iframe>",
                "[bad bad.example Block]",
            ),
            (
                "<script src=\"&#x2F;&#x2F;bad&period;example/t.js?a=1&amp;b\"></script>",
                "<script type=\"text/plain\" data-src=\"&#x2F;&#x2F;bad&period;example/t.js?a=1&amp;b\"></script>",
            ),
            (
                "<img width=1 srcset=\"/1.png&#32;1x&comma;https&colon;//bad.example/2.png 2x\">",
                "<img width=1 data-srcset=\"/1.png&#32;1x&comma;https&colon;//bad.example/2.png 2x\">",
            ),
            (
                "<script src=\"https&#58//good.example/a?x=&copy;&amp\"></script>",
                "<script src=\"https&#58//good.example/a?x=&copy;&amp\"></script>",
            ),
            (
                "<script type=\"text&#x2F;plain\" data-consent=\"good\">x()</script>",
                "<script data-consent=\"good\">x()</script>",
            ),
            (
                "<iframe style=\"display&#x3A;none\" data-consent=\"bad\" src=\"&#x2F;v\"></iframe>",
                "<iframe style=\"display&#x3A;none\" data-consent=\"bad\" data-src=\"&#x2F;v\"></iframe>",
            ),
            (
                r#"<object data="/o"></object><video src="/v"></video>"#,
                r#"<object data="/o"></object><video src="/v"></video>"#,
            ),
            (
                r#"<a href="https://bad.example/">A link is only a link</a>"#,
                r#"<a href="https://bad.example/">A link is only a link</a>"#,
            ),
        ] {
            for chunk in [1, 3, 16, 4096] {
                assert_eq!(gated(page, chunk), expected, "in parts of {chunk}");
            }
        }
    }

    #[test]
    fn a_part_for_browsers_without_scripts_that_is_too_long_goes_whole() {
        let page = format!("a<noscript>{}</noscript>b<noscript><p>c</noscript>", "<p>words".repeat(20_000));
        for chunk in [1_000, 1_000_000] {
            assert_eq!(gated(&page, chunk), "a<noscript></noscript>b<noscript><p>c</noscript>");
        }
    }

    #[test]
    fn a_part_for_browsers_without_scripts_within_another_goes_however_many_there_are() {
        let image = "<img src='https://bad.example/i' width=1>";
        for depth in [2, 6_000] {
            let page = "<noscript>".repeat(depth) + image;
            assert_eq!(gated(&page, 4_096), "<noscript><noscript>", "{depth}");
        }
    }

    #[test]
    fn a_text_goes_before_the_end_of_the_body() {
        for (page, expected) in [
            ("<html lang=cy><body><p>x</p></body></html>", "<html lang=cy><body><p>x</p>[Bcy]</body></html>"),
            ("<body><p>x", "<body><p>x[B]"),
            ("<p>x", "<p>x[B]"),
        ] {
            let bottom: Text = Box::new(|language| format!("[B{}]", language.unwrap_or_default()));
            let charset = Charset::of("text/html").unwrap();
            let mut stage = gate(None, Some(Bottom::new(bottom)), charset, Looks::AtHosts);
            let mut done = Vec::new();
            stage.write(page.as_bytes(), &mut done);
            stage.end(&mut done);
            assert_eq!(String::from_utf8(done).unwrap(), expected);
        }
    }
}
