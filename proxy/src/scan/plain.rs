//! Looking at pages without a browser: cookies of scripts are not seen.

use std::io;
use std::time::Duration;

use cookie::Cookie as SetCookie;
use fluent_uri::UriRef;
use http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Uri};
use http_body_util::BodyExt as _;
use lol_html::{RewriteStrSettings, element, rewrite_str};
use pinfold::time::{Clock as _, SystemClock};
use tokio::runtime::Runtime;

use super::visit::{Cookie, Opened, Visit, host_of};
use crate::config::Settings;
use crate::serve::{AnswerBody, HEALTH, HEALTHY, Origins, Question};

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How much of a page is read, in bytes.
const MOST_OF_PAGE: usize = 4 << 20;

/// What asks for pages.
#[derive(Debug)]
pub(super) struct Plain(Runtime);

impl Plain {
    pub(super) fn new() -> io::Result<Self> {
        tokio::runtime::Builder::new_current_thread().enable_all().build().map(Self)
    }

    /// Whether Pinfold stands before the site of a page: then it is asked for its health, and the site is not.
    pub(super) fn is_behind_pinfold(&self, page: &str) -> bool {
        let Ok(health) = UriRef::parse(HEALTH) else { return false };
        let health = fluent_uri::Uri::parse(page).ok().and_then(|page| health.resolve_against(&page).ok());
        let asked = async { tokio::time::timeout(PATIENCE, ask(health?.as_str())).await.ok()?.ok() };
        self.0.block_on(asked).is_some_and(|(_, body)| body == HEALTHY)
    }

    /// Asks for a page and notes what its answer sets. A page that cannot be had is noted in `visit`.
    pub(super) fn look(&self, page: &str, visit: &mut Visit) -> Option<Opened> {
        let asked = async {
            tokio::time::timeout(PATIENCE, ask(page)).await.map_err(|_| "it takes too long".to_owned())?
        };
        let (fields, body) = match self.0.block_on(asked) {
            Ok(answer) => answer,
            Err(why) => {
                visit.failed.push((page.to_owned(), why));
                return None;
            }
        };
        visit.pages.push(page.to_owned());
        let now = SystemClock::new().now().seconds();
        for field in fields.get_all(SET_COOKIE) {
            note(&String::from_utf8_lossy(field.as_bytes()), page, now, visit);
        }
        let text =
            |name| fields.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        if let Some(elsewhere) = text(LOCATION) {
            // Where it leads is looked at like any other page, if it is of the site.
            return Some(Opened { address: moved(page, &elsewhere), links: vec![elsewhere] });
        }
        let is_page =
            text(CONTENT_TYPE).is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"));
        let links = if is_page { links_of(&body) } else { Vec::new() };
        Some(Opened { address: page.to_owned(), links })
    }
}

/// The address to go on from: another where it is the same page of another host, or by https.
fn moved(page: &str, elsewhere: &str) -> String {
    let leads_on = elsewhere.starts_with("http://") || elsewhere.starts_with("https://");
    if leads_on { elsewhere.to_owned() } else { page.to_owned() }
}

async fn ask(page: &str) -> Result<(HeaderMap, String), String> {
    let uri: Uri = page.parse().map_err(|_| "it is not an address".to_owned())?;
    let mut origin = uri.clone().into_parts();
    origin.path_and_query = Some(PathAndQuery::from_static("/"));
    let origin = Uri::from_parts(origin).map_err(|error| error.to_string())?.to_string();
    let settings =
        Settings::for_origin(origin.trim_end_matches('/'), None).map_err(|errors| errors.to_string())?;
    let origins = Origins::of(&settings, None).map_err(|(problem, _)| problem)?;
    let server = origins.servers().next().ok_or("it has no server")?;
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let host = uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    let host = host.ok_or_else(|| "it names no host".to_owned())?;
    let response = server.ask(&Question { path, host }).await.map_err(|error| error.to_string())?;
    let (head, body) = response.into_parts();
    Ok((head.headers, beginning(body).await))
}

async fn beginning(mut body: AnswerBody) -> String {
    let mut page = Vec::new();
    while let Some(Ok(frame)) = body.frame().await
        && page.len() < MOST_OF_PAGE
    {
        page.extend(frame.into_data().unwrap_or_default());
    }
    String::from_utf8_lossy(&page).into_owned()
}

/// Notes what a `Set-Cookie` field sets (RFC 6265bis section 5.6).
fn note(field: &str, page: &str, now: i64, visit: &mut Visit) {
    let Ok(set) = SetCookie::parse(field) else { return };
    let of_page = host_of(page).unwrap_or_default();
    let (domain, path) = (set.domain().map_or(of_page, str::to_owned), set.path().unwrap_or("/"));
    let lifetime = set.max_age().map(|age| age.whole_seconds());
    let lifetime =
        lifetime.or_else(|| set.expires_datetime().map(|ends| ends.unix_timestamp().saturating_sub(now)));
    let lifetime = lifetime.map(|seconds| seconds.max(0).cast_unsigned());
    let partitioned = set.partitioned().unwrap_or(false);
    visit.in_fields.insert(set.name().to_owned());
    visit.note((set.name(), &domain, path), Cookie { lifetime, partitioned, page: page.to_owned() });
}

/// What a page links to.
fn links_of(page: &str) -> Vec<String> {
    let mut links = Vec::new();
    let link = element!("a[href], area[href]", |element| {
        links.extend(element.get_attribute("href"));
        Ok(())
    });
    // What comes out of it is of no use.
    let _ = rewrite_str(page, RewriteStrSettings::new().append_element_content_handler(link));
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fields_set() {
        let mut visit = Visit::default();
        for field in [
            "session=a; HttpOnly",
            "seen=1; Max-Age=60; Domain=.example.gov.uk; Path=/forms",
            "old=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "later=1; Expires=Thu, 01 Jan 1970 00:10:00 GMT; Partitioned; Secure",
            "nothing",
        ] {
            note(field, "https://www.example.gov.uk/a", 300, &mut visit);
        }
        let seen: Vec<_> = visit
            .cookies
            .iter()
            .map(|((name, domain, path), cookie)| {
                (name.as_str(), domain.as_str(), path.as_str(), cookie.lifetime, cookie.partitioned)
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("later", "www.example.gov.uk", "/", Some(300), true),
                ("old", "www.example.gov.uk", "/", Some(0), false),
                ("seen", "example.gov.uk", "/forms", Some(60), false),
                ("session", "www.example.gov.uk", "/", None, false),
            ]
        );
    }

    #[test]
    fn links_are_found_where_they_are() {
        let page = "<!-- <a href=/no> --><a href=/one>x</a><A HREF='two?a=1&amp;b'>y</A><area href=\"/three\"><a name=x><script>'<a href=/no>'</script>";
        assert_eq!(links_of(page), ["/one", "two?a=1&amp;b", "/three"]);
    }
}
