//! A site behind the consent layer, asked through the door that everybody comes in by.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HOST, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use pinfold::consent::{
    ConsentManagerLayer, CookieRule, Embed, LegalBasis, Policy, PolicyBuilder, Preference, Purpose,
    Undeclared,
};
use pinfold::time::{Calendar, ManualClock, UnixTime};
use tower::{Layer as _, Service as _};

pub(crate) const URL: &str = "https://www.town.example";
pub(crate) const DECISION: &str = "__Host-pinfold-consent";
pub(crate) const PREFERENCES: &str = "__Host-pinfold-preferences";

/// 25 November 2026, noon.
pub(crate) const NOW: i64 = 1_795_608_000;
pub(crate) const MONTH: &str = "202611";

/// What each rule of the site is for; nothing for what is strictly necessary. Marketing alone needs to be granted.
pub(crate) const RULES: [(&str, Option<&str>); 6] = [
    ("_ga*", Some("marketing")),
    ("session", None),
    ("ok*", None),
    ("ok_secret", Some("marketing")),
    ("ASP.NET_SessionId", None),
    ("count", Some("statistics")),
];

/// A town that has everything that can be declared.
pub(crate) fn town() -> PolicyBuilder {
    let words = ["A purpose", "What it is for."];
    let mut town = Policy::builder("Town", URL)
        .well_known(false)
        .purpose(Purpose::new("statistics", LegalBasis::Statistics, words[0], words[1]))
        .purpose(Purpose::new("marketing", LegalBasis::Consent, words[0], words[1]))
        .preference(Preference::new("text-size", ["normal", "large", "largest"]))
        .preference(Preference::new("contrast", ["normal", "high"]));
    for (name, purpose) in RULES {
        town = town.cookie(match purpose {
            Some(purpose) => CookieRule::new(name, purpose),
            None => CookieRule::strictly_necessary(name),
        });
    }
    town
}

/// The town with content of others in its pages.
pub(crate) fn town_with_embeds() -> PolicyBuilder {
    town().embed(Embed::new("marketing", ["video.example", "*.tracker.example"]))
}

/// A policy in force, with a clock that stands still.
pub(crate) struct Site {
    layer: ConsentManagerLayer,
    pub(crate) policy: Policy,
}

/// A body in the parts in which it comes.
type Parts = Vec<Bytes>;

/// What came of one request.
pub(crate) struct Exchange {
    /// The fields that the site was sent, if it was asked.
    pub(crate) seen: Option<HeaderMap>,
    pub(crate) answer: Response<Bytes>,
}

impl Site {
    pub(crate) fn of(town: PolicyBuilder) -> Self {
        let policy = town.build().expect("the policy is sound");
        let clock = Arc::new(ManualClock::at(UnixTime::from_seconds(NOW)));
        let layer = ConsentManagerLayer::new(policy.clone(), Calendar::utc()).with_clock(clock);
        Self { layer, policy }
    }

    /// Sends a request, to which the site gives an answer in these parts.
    pub(crate) fn exchange(&self, request: Request<Bytes>, answer: Response<Parts>) -> Exchange {
        let seen = Arc::<Mutex<Option<HeaderMap>>>::default();
        let (noted, mut answer) = (seen.clone(), Some(answer));
        let mut service = self.layer.layer(tower::service_fn(move |request: Request<Full<Bytes>>| {
            *noted.lock().expect("nobody panics with it") = Some(request.headers().clone());
            let answer = answer.take().expect("the site is asked once");
            let frames = |parts: Parts| {
                let mut parts = parts.into_iter();
                StreamBody::new(PartStream(move || parts.next()))
            };
            std::future::ready(Ok::<_, Infallible>(answer.map(frames)))
        }));
        let answered = now(async move {
            let Ok(response) = service.call(request.map(Full::new)).await;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            Response::from_parts(parts, body)
        });
        let seen = seen.lock().expect("nobody panics with it").take();
        Exchange { seen, answer: answered }
    }

    /// Asks for a page with these `Cookie` fields.
    pub(crate) fn page(&self, cookies: &[&[u8]]) -> Exchange {
        let mut request = request(Method::GET, "/");
        for line in cookies {
            let Ok(value) = HeaderValue::from_bytes(line) else { continue };
            request.headers_mut().append(COOKIE, value);
        }
        self.exchange(request, Response::new(vec![Bytes::from_static(b"hello")]))
    }

    /// Sends the form of the cookies page.
    pub(crate) fn form(&self, cookies: &[&[u8]], body: &[u8]) -> Exchange {
        let mut request = request(Method::POST, self.policy.page()).map(|_| Bytes::copy_from_slice(body));
        let fields = request.headers_mut();
        fields.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        for line in cookies {
            let Ok(value) = HeaderValue::from_bytes(line) else { continue };
            fields.append(COOKIE, value);
        }
        self.exchange(request, Response::new(Vec::new()))
    }
}

/// The town, and the cookie of somebody who has agreed to everything.
pub(crate) static TOWN: LazyLock<(Site, String)> = LazyLock::new(|| with_consent(town()));

/// The same where cookies pass that nobody declared.
pub(crate) static LENIENT_TOWN: LazyLock<(Site, String)> =
    LazyLock::new(|| with_consent(town().undeclared(Undeclared::Pass)));

pub(crate) fn with_consent(town: PolicyBuilder) -> (Site, String) {
    let site = Site::of(town);
    let answer = site.form(&[], b"cookies[all]=yes").answer;
    let value = cookie_set(answer.headers(), DECISION).expect("a decision is set");
    let cookie = format!("{DECISION}={value}");
    (site, cookie)
}

/// The value that an answer gives a cookie of ours.
pub(crate) fn cookie_set(fields: &HeaderMap, name: &str) -> Option<String> {
    fields.get_all(SET_COOKIE).iter().find_map(|field| {
        let (its, rest) = field.to_str().ok()?.split_once('=')?;
        (its == name).then(|| rest.split(';').next().unwrap_or_default().to_owned())
    })
}

pub(crate) fn request(method: Method, path: &str) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().expect("the path is sound");
    request.headers_mut().insert(HOST, HeaderValue::from_static("www.town.example"));
    request.headers_mut().insert("sec-fetch-dest", HeaderValue::from_static("document"));
    request
}

/// Whatever is done here waits for nothing.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("something waits"),
    }
}

/// A stream that is always ready.
struct PartStream<F>(F);

impl<F: FnMut() -> Option<Bytes> + Unpin> futures_core::Stream for PartStream<F> {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready((self.0)().map(|part| Ok(Frame::data(part))))
    }
}
