//! Which pages of a site are looked at next. Pure.

use std::collections::{BTreeSet, VecDeque};

use fluent_uri::{Uri, UriRef};

/// What is no page, whatever it holds, by the end of its path.
const FILES: [&str; 27] = [
    "7z", "avi", "bmp", "csv", "doc", "docx", "gif", "gz", "ics", "jpeg", "jpg", "json", "mov", "mp3", "mp4",
    "odt", "pdf", "png", "ppt", "pptx", "rss", "svg", "webp", "xls", "xlsx", "xml", "zip",
];

/// Pages that wait to be looked at, each once, those that were met first before others.
#[derive(Debug)]
pub(super) struct Frontier {
    origin: String,
    waiting: VecDeque<String>,
    /// Paths: a page that differs in its query alone sets the same cookies, and calendars have no end.
    met: BTreeSet<String>,
}

impl Frontier {
    /// Of the site of `start`; nothing where that is not the address of a page.
    pub(super) fn from(start: &str) -> Option<Self> {
        let start = Uri::parse(start).ok()?;
        let mut frontier =
            Self { origin: origin_of(&start)?, waiting: VecDeque::new(), met: BTreeSet::new() };
        frontier.push(&start);
        Some(frontier)
    }

    pub(super) fn next(&mut self) -> Option<String> {
        self.waiting.pop_front()
    }

    /// Where a site sends its first visitor is where it is: `www.`, or https.
    pub(super) fn move_to(&mut self, page: &str) {
        if let Some(origin) = Uri::parse(page).ok().and_then(|page| origin_of(&page)) {
            self.origin = origin;
        }
    }

    /// Adds what a page links to, as far as it is of the same site and may be a page.
    pub(super) fn add<'a>(&mut self, page: &str, links: impl IntoIterator<Item = &'a str>) {
        let Ok(base) = Uri::parse(page) else { return };
        for link in links {
            let resolved = UriRef::parse(link.trim()).ok().and_then(|link| link.resolve_against(&base).ok());
            if let Some(link) = resolved.filter(|link| self.is_page(link.borrow())) {
                self.push(&link.borrow());
            }
        }
    }

    fn is_page(&self, link: Uri<&str>) -> bool {
        let path = link.path().as_str();
        let ends = path
            .rsplit('/')
            .next()
            .and_then(|last| last.rsplit_once('.'))
            .map(|(_, end)| end.to_ascii_lowercase());
        origin_of(&link).as_deref() == Some(&self.origin)
            && ends.is_none_or(|end| !FILES.contains(&end.as_str()))
    }

    fn push(&mut self, page: &Uri<&str>) {
        let path = if page.path().is_empty() { "/" } else { page.path().as_str() };
        if self.met.insert(path.to_owned()) {
            let query = page.query().map(|query| format!("?{query}")).unwrap_or_default();
            self.waiting.push_back(format!("{}{path}{query}", self.origin));
        }
    }
}

/// Scheme, host and port of a page.
fn origin_of(page: &Uri<&str>) -> Option<String> {
    let (scheme, authority) = (page.scheme().as_str().to_ascii_lowercase(), page.authority()?);
    let host = authority.host().to_ascii_lowercase();
    let port = authority.port().map(|port| port.as_str()).filter(|port| !port.is_empty());
    let usual = match &*scheme {
        "http" => "80",
        "https" => "443",
        _ => return None,
    };
    let port = port.filter(|port| *port != usual).map(|port| format!(":{port}")).unwrap_or_default();
    (!host.is_empty()).then(|| format!("{scheme}://{host}{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut frontier: Frontier) -> Vec<String> {
        std::iter::from_fn(|| frontier.next()).collect()
    }

    #[test]
    fn pages_of_the_site_each_once_in_order() {
        let mut frontier = Frontier::from("https://WWW.example.gov.uk:443").unwrap();
        frontier.add(
            "https://www.example.gov.uk/a/b",
            [
                "c#top",
                "/d?page=1",
                "/d?page=2",
                " ../e ",
                "https://www.example.gov.uk/c",
                "//www.example.gov.uk/f",
                "http://www.example.gov.uk/g",
                "https://forms.example.gov.uk/",
                "https://www.example.gov.uk@evil.example/",
                "/minutes.PDF",
                "/v1.2/page",
                "mailto:clerk@example.gov.uk",
                "javascript:void(0)",
                "/a b",
                "",
            ],
        );
        let expected = ["/", "/a/c", "/d?page=1", "/e", "/c", "/f", "/v1.2/page", "/a/b"];
        assert_eq!(all(frontier), expected.map(|path| format!("https://www.example.gov.uk{path}")));
    }

    #[test]
    fn where_the_site_sends_its_visitors_is_the_site() {
        let mut frontier = Frontier::from("http://example.gov.uk/").unwrap();
        frontier.move_to("https://www.example.gov.uk/home");
        frontier.add("https://www.example.gov.uk/home", ["/a", "http://example.gov.uk/b"]);
        assert_eq!(all(frontier), ["http://example.gov.uk/", "https://www.example.gov.uk/a"]);
    }

    #[test]
    fn what_is_no_page_is_no_start() {
        for start in
            ["", "example.gov.uk", "ftp://example.gov.uk/", "file:///etc/passwd", "http://", "https:///a"]
        {
            assert!(Frontier::from(start).is_none(), "{start}");
        }
    }
}
