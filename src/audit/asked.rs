use http::{HeaderValue, Method, Request, StatusCode};

use super::agent::Agent;
use super::footprint::{CameFrom, Held};
use super::ledger::MethodClass;

/// What is remembered of a request until it is answered.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: MethodClass,
    /// A page is asked for, not something on a page.
    navigation: bool,
    /// The visitor comes from outside the site.
    pub(super) entry: bool,
    /// From where the browser says that its visitor comes.
    pub(super) from: CameFrom,
    /// The footprint of a navigation, where footprints are counted.
    pub(super) held: Held,
    /// Who asks; looked at only where a page may be asked for.
    pub(super) agent: Agent,
    referrer: Option<HeaderValue>,
}

impl Asked {
    /// `footprint` is the name of the cookie that holds one, where there is any.
    pub(super) fn of<B>(request: &Request<B>, told: &Told<'_>, footprint: Option<&str>) -> Self {
        let is_get = *request.method() == Method::GET;
        let navigation = is_get && told.of_document.unwrap_or_else(|| told.accepts_html());
        let entry = navigation && told.from_outside;
        // Robots do not say what they fetch for, and many would read anything.
        let name = told.agent.map(HeaderValue::as_bytes).unwrap_or_default();
        let agent = match told.of_document {
            Some(true) if is_get => Agent::of_browser(name),
            // Whoever asks for a page in so many words need not have a name.
            None if navigation && name.is_empty() => Agent::UNKNOWN,
            None if is_get => Agent::of(name),
            _ => Agent::UNKNOWN,
        };
        let referrer = told.referrer.filter(|_| navigation).cloned();
        let held = footprint.filter(|_| navigation && !agent.is_robot());
        let held = held.map(|name| Held::of(request.headers(), name)).unwrap_or_default();
        let from = if told.from_another_host { CameFrom::Outside } else { CameFrom::Within };
        Self { method: MethodClass::of(request.method()), navigation, entry, from, held, agent, referrer }
    }

    /// `Referer`, empty where there is none.
    pub(super) fn referrer(&self) -> &[u8] {
        self.referrer.as_ref().map(HeaderValue::as_bytes).unwrap_or_default()
    }

    /// Whether somebody, and not a robot, asks for a page.
    pub(super) fn is_by_a_person(&self) -> bool {
        self.navigation && !self.agent.is_robot()
    }

    /// Whether a page was asked for and given.
    pub(super) fn is_answered_by_page(&self, status: StatusCode, is_html: impl FnOnce() -> bool) -> bool {
        if status == StatusCode::NOT_MODIFIED {
            return self.navigation;
        }
        (self.navigation || self.agent.is_robot()) && status.is_success() && is_html()
    }
}

/// What the fields of a request tell of who asks and for what: most of it as browsers say it (W3C Fetch Metadata).
#[derive(Default)]
pub(super) struct Told<'a> {
    of_document: Option<bool>,
    from_outside: bool,
    /// From outside, or from another host of the same council.
    from_another_host: bool,
    accept: Option<&'a HeaderValue>,
    agent: Option<&'a HeaderValue>,
    referrer: Option<&'a HeaderValue>,
}

impl<'a> Told<'a> {
    /// Takes note of a field, if it tells anything.
    #[inline]
    pub(super) fn see(&mut self, name: &str, value: &'a HeaderValue) {
        match name {
            "accept" => self.accept = Some(value),
            "referer" => self.referrer = self.referrer.or(Some(value)),
            "sec-fetch-dest" => self.of_document = Some(value == "document"),
            "sec-fetch-site" => {
                self.from_outside = value == "none" || value == "cross-site";
                self.from_another_host = self.from_outside || value == "same-site";
            }
            "user-agent" => self.agent = self.agent.or(Some(value)),
            _ => {}
        }
    }

    /// Browsers that do not say what they fetch for say what they would read.
    fn accepts_html(&self) -> bool {
        self.accept.is_some_and(|value| memchr::memmem::find(value.as_bytes(), b"text/html").is_some())
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
            let mut told = Told::default();
            request.headers().iter().for_each(|(name, value)| told.see(name.as_str(), value));
            let asked = Asked::of(&request, &told, None);
            assert_eq!((asked.navigation, asked.entry), (navigation, entry), "{method} {fields:?}");
        }
    }

    #[test]
    fn pages_of_people_and_of_robots() {
        const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        for (method, fields, status, html, page, robot) in [
            ("GET", &[("accept", "text/html"), ("user-agent", FIREFOX)][..], 200, true, true, false),
            ("GET", &[("accept", "text/html"), ("user-agent", FIREFOX)], 304, false, true, false),
            ("GET", &[("accept", "text/html"), ("user-agent", FIREFOX)], 200, false, false, false),
            ("GET", &[("accept", "text/html"), ("user-agent", FIREFOX)], 404, true, false, false),
            ("GET", &[("accept", "*/*"), ("user-agent", FIREFOX)], 200, true, false, false),
            ("GET", &[("accept", "*/*"), ("user-agent", "curl/8")], 200, true, true, true),
            ("GET", &[("accept", "*/*"), ("user-agent", "curl/8")], 304, true, false, true),
            ("GET", &[("accept", "*/*"), ("user-agent", "curl/8")], 200, false, false, true),
            ("GET", &[], 200, true, true, true),
            ("GET", &[("sec-fetch-dest", "document")], 200, true, true, false),
            ("HEAD", &[("user-agent", "curl/8")], 200, true, false, false),
            ("GET", &[("sec-fetch-dest", "empty"), ("user-agent", "curl/8")], 200, true, false, false),
        ] {
            let mut request = Request::builder().method(method);
            for (name, value) in fields {
                request = request.header(*name, *value);
            }
            let request = request.body(()).unwrap();
            let mut told = Told::default();
            request.headers().iter().for_each(|(name, value)| told.see(name.as_str(), value));
            let asked = Asked::of(&request, &told, None);
            let status = StatusCode::from_u16(status).unwrap();
            let found = (asked.is_answered_by_page(status, || html), asked.agent.is_robot());
            assert_eq!(found, (page, robot), "{method} {fields:?} {status}");
        }
    }
}
