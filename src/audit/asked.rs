use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, Method, Request};

use super::footprint::{CameFrom, Held};
use super::ledger::MethodClass;

/// What is remembered of a request until it is answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) method: MethodClass,
    /// A page is asked for, not something on a page.
    pub(super) navigation: bool,
    /// The visitor comes from outside the site.
    pub(super) entry: bool,
    /// From where the browser says that its visitor comes.
    pub(super) from: CameFrom,
    /// The footprint of a navigation, where footprints are counted.
    pub(super) held: Held,
}

impl Asked {
    /// `footprint` is the name of the cookie that holds one, where there is any.
    pub(super) fn of<B>(request: &Request<B>, fetch: Fetch, footprint: Option<&str>) -> Self {
        let navigation = *request.method() == Method::GET
            && fetch.of_document.unwrap_or_else(|| accepts_html(request.headers()));
        let entry = navigation && fetch.from_outside;
        let held = footprint.filter(|_| navigation).map(|name| Held::of(request.headers(), name));
        let from = if fetch.from_another_host { CameFrom::Outside } else { CameFrom::Within };
        Self {
            method: MethodClass::of(request.method()),
            navigation,
            entry,
            from,
            held: held.unwrap_or_default(),
        }
    }
}

/// Browsers that do not say what they fetch for say what they would read.
fn accepts_html(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(ACCEPT).into_iter().next_back();
    accept.is_some_and(|value| memchr::memmem::find(value.as_bytes(), b"text/html").is_some())
}

/// What the browser says of a request (W3C Fetch Metadata).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fetch {
    of_document: Option<bool>,
    from_outside: bool,
    /// From outside, or from another host of the same council.
    from_another_host: bool,
}

impl Fetch {
    pub(super) fn see(&mut self, name: &str, value: &HeaderValue) {
        match name {
            "sec-fetch-dest" => self.of_document = Some(value == "document"),
            "sec-fetch-site" => {
                self.from_outside = value == "none" || value == "cross-site";
                self.from_another_host = self.from_outside || value == "same-site";
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn navigations_and_entries() {
        for (method, fields, navigation, entry) in [
            ("GET", &[("sec-fetch-dest", "document"), ("sec-fetch-site", "none")][..], true, true),
            ("GET", &[("sec-fetch-dest", "document"), ("sec-fetch-site", "cross-site")], true, true),
            ("GET", &[("sec-fetch-dest", "document"), ("sec-fetch-site", "same-origin")], true, false),
            ("GET", &[("sec-fetch-dest", "image"), ("accept", "text/html")], false, false),
            ("GET", &[("sec-fetch-dest", "iframe")], false, false),
            ("GET", &[("accept", "text/html,*/*;q=0.8")], true, false),
            ("GET", &[("accept", "image/*")], false, false),
            ("GET", &[], false, false),
            ("POST", &[("sec-fetch-dest", "document")], false, false),
            ("HEAD", &[("accept", "text/html")], false, false),
        ] {
            let mut request = Request::builder().method(method);
            for (name, value) in fields {
                request = request.header(*name, *value);
            }
            let request = request.body(()).unwrap();
            let mut fetch = Fetch::default();
            request.headers().iter().for_each(|(name, value)| fetch.see(name.as_str(), value));
            let asked = Asked::of(&request, fetch, None);
            assert_eq!((asked.navigation, asked.entry), (navigation, entry), "{method} {fields:?}");
        }
    }
}
