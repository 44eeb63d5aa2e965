//! Which pages of a site are looked at next. Pure.

use std::collections::{BTreeSet, VecDeque};

use fluent_uri::{Uri, UriRef};

use super::site::{Site, Whose};

/// What is no page, whatever it holds, by the end of its path.
const FILES: [&str; 27] = [
    "7z", "avi", "bmp", "csv", "doc", "docx", "gif", "gz", "ics", "jpeg", "jpg", "json", "mov", "mp3", "mp4",
    "odt", "pdf", "png", "ppt", "pptx", "rss", "svg", "webp", "xls", "xlsx", "xml", "zip",
];

/// What a page is called that ends a session, its letters alone, in English and in Welsh.
const ENDS: [&str; 6] = ["allgofnodi", "endsession", "logoff", "logout", "signoff", "signout"];

/// Pages that wait to be looked at, each once, those that were met first before others.
#[derive(Debug)]
pub(super) struct Frontier {
    origin: String,
    /// That of visitors, where they do not come in there.
    site: Option<Site>,
    /// A path that is not looked at.
    passed: Option<String>,
    waiting: VecDeque<String>,
    /// Paths: a page that differs in its query alone sets the same cookies, and calendars have no end.
    met: BTreeSet<String>,
}

impl Frontier {
    /// Of the site of `start`; nothing where that is not the address of a page.
    pub(super) fn from(start: &str, site: Option<Site>) -> Option<Self> {
        let start = Uri::parse(start).ok()?;
        let origin = origin_of(&start)?;
        let mut frontier = Self {
            origin: origin.clone(),
            site,
            passed: None,
            waiting: VecDeque::new(),
            met: BTreeSet::new(),
        };
        frontier.push(&start, &origin);
        Some(frontier)
    }

    /// Follows no link to this path: where Pinfold stands before the site, it is Pinfold that answers there.
    pub(super) fn pass_over(&mut self, path: &str) {
        self.passed = Some(path.to_owned());
    }

    pub(super) fn next(&mut self) -> Option<String> {
        self.waiting.pop_front()
    }

    /// Where a site sends its first visitor is where it is: `www.`, or https. Not where it is known beforehand.
    pub(super) fn move_to(&mut self, page: &str) {
        if self.site.is_none()
            && let Some(origin) = Uri::parse(page).ok().and_then(|page| origin_of(&page))
        {
            self.origin = origin;
        }
    }

    /// Adds what a page links to, as far as it is of the same site and may be a page.
    pub(super) fn add<'a>(&mut self, page: &str, links: impl IntoIterator<Item = &'a str>) {
        let Ok(base) = Uri::parse(page) else { return };
        for link in links {
            let resolved = UriRef::parse(link.trim()).ok().and_then(|link| link.resolve_against(&base).ok());
            if let Some(link) = resolved.filter(|link| is_page(link.borrow()))
                && let Some(origin) = self.origin_of_own(link.as_str())
            {
                self.push(&link.borrow(), &origin);
            }
        }
    }

    /// Scheme, host and port by which a link is followed; nothing where it leads to others.
    fn origin_of_own(&self, link: &str) -> Option<String> {
        let address = match self.site.as_ref().map(|site| site.whose(link)) {
            Some(Whose::Others) => return None,
            Some(Whose::SentOn(to)) => to,
            Some(Whose::Site) | None => link.to_owned(),
        };
        let origin = origin_of(&Uri::parse(address.as_str()).ok()?)?;
        (self.site.is_some() || origin == self.origin).then_some(origin)
    }

    fn push(&mut self, page: &Uri<&str>, origin: &str) {
        let path = if page.path().is_empty() { "/" } else { page.path().as_str() };
        if self.passed.as_deref() == Some(path) {
            return;
        }
        let place = if self.site.is_some() { format!("{origin}{path}") } else { path.to_owned() };
        if self.met.insert(place) {
            let query = page.query().map(|query| format!("?{query}")).unwrap_or_default();
            self.waiting.push_back(format!("{origin}{path}{query}"));
        }
    }
}

/// Whether what a link leads to may be a page, and is not named as one that ends a session.
fn is_page(link: Uri<&str>) -> bool {
    let path = link.path().as_str();
    let last = path.rsplit('/').next().unwrap_or_default();
    let file = last.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    let values = link.query().map(|query| query.as_str()).unwrap_or_default().split(['&', '=']);
    let ends = path.split('/').map(|part| part.split('.').next().unwrap_or_default()).chain(values);
    let letters = |words: &str| -> String {
        words.chars().filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    file.is_none_or(|file| !FILES.contains(&file.as_str()))
        && !ends.map(letters).any(|word| ENDS.contains(&word.as_str()))
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
        let mut frontier = Frontier::from("https://WWW.example.gov.uk:443", None).unwrap();
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
                "/logout",
                "/user/Log-Out.aspx",
                "/wp-login.php?action=logout&_wpnonce=1",
                "/sign-out/",
                "/cy/Allgofnodi.aspx",
                "/cyfrif?gweithred=allgofnodi",
                "/logout-of-hours",
                "/v1.2/page",
                "mailto:clerk@example.gov.uk",
                "javascript:void(0)",
                "/a b",
                "",
            ],
        );
        let expected = ["/", "/a/c", "/d?page=1", "/e", "/c", "/f", "/logout-of-hours", "/v1.2/page", "/a/b"];
        assert_eq!(all(frontier), expected.map(|path| format!("https://www.example.gov.uk{path}")));
    }

    #[test]
    fn where_the_site_sends_its_visitors_is_the_site() {
        let mut frontier = Frontier::from("http://example.gov.uk/", None).unwrap();
        frontier.move_to("https://www.example.gov.uk/home");
        frontier.add("https://www.example.gov.uk/home", ["/a", "http://example.gov.uk/b"]);
        assert_eq!(all(frontier), ["http://example.gov.uk/", "https://www.example.gov.uk/a"]);
    }

    #[test]
    fn links_to_what_visitors_see_are_followed_where_it_is_known() {
        let site = Site::at("https://www.example.gov.uk", &["example.gov.uk".to_owned()]);
        let mut frontier = Frontier::from("https://www.example.gov.uk/", site).unwrap();
        frontier.move_to("https://other.example/");
        frontier.pass_over("/cookies");
        frontier.add(
            "https://www.example.gov.uk/",
            [
                "/cookies",
                "https://example.gov.uk/cookies?lang=cy",
                "/a",
                "http://www.example.gov.uk/b",
                "https://example.gov.uk/a",
                "https://other.example/c",
                "http://127.0.0.1:8000/d",
            ],
        );
        let expected =
            ["www.example.gov.uk/", "www.example.gov.uk/a", "www.example.gov.uk/b", "example.gov.uk/a"];
        assert_eq!(all(frontier), expected.map(|page| format!("https://{page}")));
    }

    #[test]
    fn what_is_no_page_is_no_start() {
        for start in
            ["", "example.gov.uk", "ftp://example.gov.uk/", "file:///etc/passwd", "http://", "https:///a"]
        {
            assert!(Frontier::from(start, None).is_none(), "{start}");
        }
    }
}
