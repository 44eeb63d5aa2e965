//! Looking at pages without a browser: cookies of scripts are not seen.

use std::io;

use bytes::Bytes;
use fluent_uri::UriRef;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, LOCATION, SET_COOKIE, USER_AGENT};
use http::{HeaderValue, Request};
use lol_html::{RewriteStrSettings, element, rewrite_str};
use pinfold::time::{Clock as _, SystemClock};
use tokio::runtime::Runtime;

use super::asker::{Answer, Asker};
use super::site::{Site, Whose};
use super::visit::{Opened, Sign, Visit};
use crate::serve::{HEALTH, HEALTHY};

/// How much of a page is read, in bytes.
const MOST_OF_PAGE: usize = 4 << 20;

/// What asks for pages: whoever has each, or one web server for all of a site.
#[derive(Debug)]
pub(super) struct Plain {
    runtime: Runtime,
    between: Option<(Site, Asker)>,
}

impl Plain {
    pub(super) fn new(between: Option<(Site, Asker)>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, between })
    }

    /// Whether Pinfold stands before what is at an address: then it is asked for its health, and the site is not.
    pub(super) fn is_behind_pinfold(&self, address: &str) -> bool {
        let Ok(health) = UriRef::parse(HEALTH) else { return false };
        let health = fluent_uri::Uri::parse(address).ok().and_then(|page| health.resolve_against(&page).ok());
        let Some((health, asker)) = health.zip(Asker::of(address).ok()) else { return false };
        self.ask(&asker, health.as_str()).is_ok_and(|answer| answer.body == HEALTHY.as_bytes())
    }

    /// Asks for a page and notes what its answer sets. A page that cannot be had is noted in `visit`.
    pub(super) fn look(&self, page: &str, visit: &mut Visit) -> Option<Opened> {
        let asked = match &self.between {
            Some((_, asker)) => self.ask(asker, page),
            None => Asker::of(page).and_then(|asker| self.ask(&asker, page)),
        };
        let Answer { status, headers, body, .. } = match asked {
            Ok(answer) => answer,
            Err(why) => {
                visit.fail(page, why);
                return None;
            }
        };
        let now = SystemClock::new().now().seconds();
        for field in headers.get_all(SET_COOKIE) {
            visit.note_field(&String::from_utf8_lossy(field.as_bytes()), page, page, now);
        }
        if visit.is_error(page, status.as_u16()) {
            return None;
        }
        visit.pages.push(page.to_owned());
        let text =
            |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let generator = text(HeaderName::from_static("x-generator")).map(Sign::Generator);
        visit.recognise(generator, page);
        if let Some(elsewhere) = text(LOCATION) {
            // Where it leads is looked at like any other page, if it is of the site.
            let address = moved(page, &elsewhere);
            let whose = self.between.as_ref().map_or(Whose::Site, |(site, _)| site.whose(&address));
            if whose == Whose::Others {
                visit.fail(address.clone(), "it is of another site");
            } else if elsewhere == page || whose == Whose::SentOn(page.to_owned()) {
                visit.fail(elsewhere.clone(), "it leads back to the same page, without end");
            }
            return Some(Opened { address, links: vec![elsewhere] });
        }
        let is_page =
            text(CONTENT_TYPE).is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"));
        let (links, signs) = if is_page { read(&String::from_utf8_lossy(&body)) } else { Default::default() };
        visit.recognise(signs, page);
        Some(Opened { address: page.to_owned(), links })
    }

    fn ask(&self, asker: &Asker, address: &str) -> Result<Answer, String> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = address.parse().map_err(|_| "it is not an address".to_owned())?;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static("pinfold"));
        headers.insert(ACCEPT, HeaderValue::from_static("text/html, */*;q=0.5"));
        self.runtime.block_on(asker.ask(request, MOST_OF_PAGE))
    }
}

/// The address to go on from: another where it is the same page of another host, or by https.
fn moved(page: &str, elsewhere: &str) -> String {
    let leads_on = elsewhere.starts_with("http://") || elsewhere.starts_with("https://");
    if leads_on { elsewhere.to_owned() } else { page.to_owned() }
}

/// What a page links to, and what in it may tell what made it.
fn read(page: &str) -> (Vec<String>, Vec<Sign>) {
    let (mut links, mut signs) = (Vec::new(), Vec::new());
    let any = element!(
        "a[href], area[href], [src], link[href], form[action], input[name], meta[name]",
        |element| {
            let attribute = |name: &str| element.get_attribute(name);
            match element.tag_name().as_str() {
                "a" | "area" => links.extend(attribute("href")),
                "link" => signs.extend(attribute("href").map(Sign::Address)),
                "form" => signs.extend(attribute("action").map(Sign::Address)),
                "meta" if attribute("name").is_some_and(|name| name.eq_ignore_ascii_case("generator")) => {
                    signs.extend(attribute("content").map(Sign::Generator));
                }
                "input" => signs.extend(attribute("name").map(Sign::Field)),
                _ => {}
            }
            signs.extend(attribute("src").map(Sign::Address));
            Ok(())
        }
    );
    // What comes out of it is of no use.
    let _ = rewrite_str(page, RewriteStrSettings::new().append_element_content_handler(any));
    (links, signs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_where_they_are() {
        let page = "<!-- <a href=/no> --><a href=/one>x</a><A HREF='two?a=1&amp;b'>y</A><area href=\"/three\"><a name=x><script>'<a href=/no>'</script>";
        assert_eq!(read(page).0, ["/one", "two?a=1&amp;b", "/three"]);
    }

    #[test]
    fn signs_are_found_where_they_are() {
        let page = "<meta name=Generator content='WordPress 6.8'><meta name=robots content=no><link href=/a.css><script src=/b.js></script>\
                    <form action=/c><input name=d><input></form>";
        let [a, b, c] = ["/a.css", "/b.js", "/c"].map(|address| Sign::Address(address.to_owned()));
        let generator = Sign::Generator("WordPress 6.8".to_owned());
        assert_eq!(read(page).1, [generator, a, b, c, Sign::Field("d".to_owned())]);
    }
}
