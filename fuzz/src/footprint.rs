//! The cookie of visits: whatever it holds, what is set anew is one byte, and the site never sees it.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::Empty;
use pinfold::audit::{AuditSettings, TracingSink};
use pinfold::consent::ConsentManagerLayer;
use pinfold::time::{Calendar, ManualClock, UnixTime};
use pinfold::{Pinfold, PinfoldLayer};
use tower::{Layer as _, Service as _};

use crate::site::{NOW, cookie_set, now, request, town};

const VISIT: &str = "__Host-pinfold-visit";

/// Robots leave no footprint.
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

static LAYER: LazyLock<PinfoldLayer> = LazyLock::new(|| {
    let clock = Arc::new(ManualClock::at(UnixTime::from_seconds(NOW)));
    let policy = town().footprint(true).build().expect("the policy is sound");
    let consent = ConsentManagerLayer::new(policy, Calendar::utc()).with_clock(clock);
    let timer = Arc::new(|_| std::future::pending());
    // What it would write is of no interest here.
    let made = PinfoldLayer::of(consent, Arc::new(TracingSink), timer, AuditSettings::default());
    made.expect("there is randomness").0
});

/// The first byte says where the visitor comes from (1: elsewhere).
pub fn run(data: &[u8]) {
    let Some((&how, value)) = data.split_first() else { return };
    let Ok(cookie) = HeaderValue::from_bytes(&[VISIT.as_bytes(), b"=", value].concat()) else { return };
    let mut request = request(Method::GET, "/bins").map(|_| Empty::<Bytes>::new());
    request.headers_mut().insert(COOKIE, cookie);
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(BROWSER));
    let from = if how & 1 != 0 { "none" } else { "same-origin" };
    request.headers_mut().insert("sec-fetch-site", HeaderValue::from_static(from));
    let mut seen = HeaderMap::new();
    let site = tower::service_fn(|request: http::Request<Empty<Bytes>>| {
        seen = request.headers().clone();
        let mut page = Response::new(Empty::<Bytes>::new());
        page.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        std::future::ready(Ok::<_, Infallible>(page))
    });
    let mut service: Pinfold<_> = LAYER.layer(site);
    let Ok(answer) = now(service.call(request));
    let set = cookie_set(answer.headers(), VISIT);
    drop(service);
    let is_byte = |text: &String| {
        text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    assert!(set.iter().all(is_byte), "{set:?}");
    let is_own =
        |line: &HeaderValue| line.as_bytes().windows(VISIT.len()).any(|text| text == VISIT.as_bytes());
    assert!(value.contains(&b';') || !seen.get_all(COOKIE).iter().any(is_own), "the site saw it");
    assert!(
        how & 1 == 0 || value.contains(&b';') || set.is_some() || value.trim_ascii_end().len() == 2,
        "a visit begins"
    );
}
