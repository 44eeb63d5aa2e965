//! The requests that are measured, and the services that they are sent through.
#![allow(dead_code, reason = "each benchmark uses its own part")]

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Empty;
use pinfold::PinfoldLayer;
use pinfold::audit::{AuditSettings, TracingSink};
use pinfold::client_ip::{ClientIpResolver, HeaderFamily, Peer};
use pinfold::consent::{ConsentManagerLayer, CookieRule, LegalBasis, Policy, Purpose};
use pinfold::time::Calendar;
use tower::{Layer, Service};
use tower_cookies::{Cookie, CookieManagerLayer, Cookies};

pub(crate) type Ask = Request<Empty<Bytes>>;
type Answer = Response<Empty<Bytes>>;

/// One kind of request and answer.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    request: fn() -> Ask,
    set: &'static [&'static str],
    rules: usize,
}

const SIX_ALLOWED: &str = "session=6a1b2c3d4e5f; stats_id=1; lang=en; theme=dark; stats_seen=2; basket=empty";
const TWO_HELD: &str = "session=6a1b2c3d4e5f; _ga=GA1.1.1.1; lang=en; theme=dark; _ga_X=GS1.1; basket=empty";
const TWO_SET: &[&str] =
    &["session=6a1b2c3d4e5f; Path=/; HttpOnly; Secure", "lang=en; Path=/; Max-Age=31536000"];
const ONE_OF_TWO_HELD: &[&str] = &["session=6a1b2c3d4e5f; Path=/; HttpOnly; Secure", "_ga=GA1.1.1.1; Path=/"];

impl Scene {
    pub(crate) fn all() -> Vec<Self> {
        let scene = |name, request, set| Self { name, request, set, rules: 10 };
        vec![
            scene("no cookies", || ask(None, false), &[]),
            scene("two trusted hops", || ask(None, true), &[]),
            scene("six cookies, two held", || ask(Some(TWO_HELD), false), &[]),
            scene("two Set-Cookie", || ask(None, false), TWO_SET),
            scene("everything allowed", || ask(Some(SIX_ALLOWED), true), TWO_SET),
            scene("held one way", || ask(Some(TWO_HELD), true), TWO_SET),
            scene("a file of the page", a_file, &[]),
            scene("held both ways", || ask(Some(TWO_HELD), true), ONE_OF_TWO_HELD),
        ]
    }

    pub(crate) fn named(name: &str) -> Self {
        Self::all().into_iter().find(|scene| scene.name == name).expect("a scene of that name")
    }

    /// The same with a register of so many rules.
    pub(crate) fn with_rules(self, rules: usize) -> Self {
        Self { rules, ..self }
    }

    /// The service that does nothing.
    pub(crate) fn bare(&self) -> Stage<Site> {
        Stage { request: (self.request)(), service: self.bare_service() }
    }

    pub(crate) fn bare_service(&self) -> Site {
        Site(self.set)
    }

    /// The same behind Pinfold, as the proxy sets it up.
    pub(crate) fn layered(&self) -> Stage<pinfold::Pinfold<Site>> {
        Stage { request: (self.request)(), service: self.service() }
    }

    /// The same while so many other clients are blocked.
    pub(crate) fn layered_with_blocks(&self, blocks: u32) -> Stage<pinfold::Pinfold<Site>> {
        let layer = layer(self.rules);
        let handle = layer.handle();
        for number in 0..blocks {
            let client = IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) + u128::from(number)));
            for (_, name) in handle.pseudonyms_of(client) {
                handle.block(name, Duration::from_secs(3_600), "scans").expect("room for a block");
            }
        }
        Stage { request: (self.request)(), service: layer.layer(Site(self.set)) }
    }

    /// Requests of so many clients for so many pages, one after the other, through a service.
    pub(crate) fn parade<S: Clone>(&self, clients: u32, pages: u32, service: S) -> Parade<S> {
        let stage = |number: u32| {
            let mut request = (self.request)();
            let (client, page) = (Ipv4Addr::from(0xc612_0000 + number % clients), letters(number % pages));
            let hops = format!("{client}, 10.0.0.9");
            request
                .headers_mut()
                .insert("x-forwarded-for", HeaderValue::try_from(hops).expect("a sound value"));
            *request.uri_mut() = format!("/pages/{page}").parse().expect("a sound path");
            Stage { request, service: service.clone() }
        };
        Parade { stages: (0..clients.max(pages)).map(stage).collect(), next: Cell::new(0) }
    }

    pub(crate) fn service(&self) -> pinfold::Pinfold<Site> {
        layer(self.rules).layer(Site(self.set))
    }

    /// A service for each thread, all on one shared state.
    pub(crate) fn layered_for_threads(&self, threads: usize) -> Vec<Stage<pinfold::Pinfold<Site>>> {
        let layer = layer(self.rules);
        (0..threads)
            .map(|_| Stage { request: (self.request)(), service: layer.layer(Site(self.set)) })
            .collect()
    }

    /// The same behind tower-cookies, with a handler that reads one cookie and sets one.
    pub(crate) fn behind_tower_cookies(
        &self,
    ) -> Stage<impl Service<Ask, Response = Answer, Error = Infallible> + Clone> {
        let mut site = Site(self.set);
        let handler = tower::service_fn(move |request: Ask| {
            let cookies = request.extensions().get::<Cookies>().cloned();
            if let Some(cookies) = cookies {
                let seen = cookies.get("session").is_some();
                cookies.add(Cookie::new("seen", if seen { "1" } else { "0" }));
            }
            site.call(request)
        });
        Stage { request: (self.request)(), service: CookieManagerLayer::new().layer(handler) }
    }
}

/// A number as a word: digits are no part of a route.
fn letters(mut number: u32) -> String {
    let mut word = String::new();
    for _ in 0..5 {
        word.push(char::from(b'g' + (number % 16) as u8));
        number /= 16;
    }
    word
}

fn ask(cookies: Option<&'static str>, behind_proxies: bool) -> Ask {
    let mut request = Request::get("/council-tax/bands?from=home")
        .header("host", "www.town.example")
        .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
        .header("accept-language", "cy,en;q=0.8")
        .header("accept-encoding", "gzip, deflate, br, zstd")
        .header("connection", "keep-alive")
        .header("upgrade-insecure-requests", "1")
        .header("sec-fetch-dest", "document")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-site", "same-origin")
        .header("sec-fetch-user", "?1")
        .header("priority", "u=0, i")
        .header("referer", "https://www.search.example/")
        .header("cache-control", "no-cache");
    if let Some(cookies) = cookies {
        request = request.header(COOKIE, HeaderValue::from_static(cookies));
    }
    if behind_proxies {
        request = request.header("x-forwarded-for", "203.0.113.77, 10.0.0.9");
    }
    let peer: SocketAddr = ([10, 0, 0, 5], 40_000).into();
    request.extension(Peer(peer)).body(Empty::new()).expect("a sound request")
}

/// A picture on a page, asked for with all that is sent for the page itself.
fn a_file() -> Ask {
    let mut request = ask(Some(SIX_ALLOWED), true);
    *request.uri_mut() = Uri::from_static("/assets/crest.svg");
    let headers = request.headers_mut();
    headers.insert("accept", HeaderValue::from_static("image/avif,image/webp,*/*;q=0.8"));
    headers.insert("sec-fetch-dest", HeaderValue::from_static("image"));
    headers.insert("sec-fetch-mode", HeaderValue::from_static("no-cors"));
    headers.insert("referer", HeaderValue::from_static("https://www.town.example/council-tax/bands"));
    headers.remove("upgrade-insecure-requests");
    headers.remove("sec-fetch-user");
    request
}

/// The layer with a register of so many rules, six of which the scenes use.
fn layer(rules: usize) -> PinfoldLayer {
    let mut policy = Policy::builder("Town", "https://www.town.example")
        .purpose(Purpose::new("statistics", LegalBasis::Statistics, "Statistics", "They count."))
        .purpose(Purpose::new("marketing", LegalBasis::Consent, "Marketing", "They measure campaigns."))
        .cookie(CookieRule::new("stats*", "statistics"))
        .cookie(CookieRule::new("_ga*", "marketing"));
    for name in ["session", "lang", "theme", "basket"] {
        policy = policy.cookie(CookieRule::strictly_necessary(name));
    }
    for number in 6..rules {
        policy = policy.cookie(CookieRule::strictly_necessary(format!("filler_{number}")));
    }
    let policy = policy.build().expect("a sound policy");
    let consent = ConsentManagerLayer::new(policy, Calendar::named("Europe/London").expect("a zone"))
        .with_consent_for_handlers(false);
    let trusted = "10.0.0.0/8".parse().expect("a network");
    let settings = AuditSettings::default()
        .with_client_ip(ClientIpResolver::behind(trusted, HeaderFamily::XForwardedFor));
    let timer = Arc::new(tokio::time::sleep);
    let (layer, background) =
        PinfoldLayer::of(consent, Arc::new(TracingSink), timer, settings).expect("randomness");
    drop(background);
    layer
}

/// Answers at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site(&'static [&'static str]);

impl Service<Ask> for Site {
    type Response = Answer;
    type Error = Infallible;
    type Future = Ready<Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Ask) -> Self::Future {
        std::hint::black_box(&request);
        let mut response = Response::new(Empty::new());
        response.headers_mut().insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
        for set in self.0 {
            response.headers_mut().append(SET_COOKIE, HeaderValue::from_static(set));
        }
        ready(Ok(response))
    }
}

/// The request as a server hands it over: its fields in a map with the room that hyper reserves.
fn arrived(request: &Ask) -> Ask {
    let mut arrived = Request::new(Empty::new());
    *arrived.method_mut() = request.method().clone();
    *arrived.uri_mut() = request.uri().clone();
    *arrived.extensions_mut() = request.extensions().clone();
    arrived.headers_mut().reserve(request.headers().len());
    arrived.headers_mut().extend(request.headers().clone());
    arrived
}

/// A service, and the request that is sent through it again and again.
#[derive(Clone)]
pub(crate) struct Stage<S> {
    request: Ask,
    service: S,
}

/// Requests that take turns.
pub(crate) struct Parade<S> {
    stages: Vec<Stage<S>>,
    next: Cell<usize>,
}

impl<S> Parade<S>
where
    S: Service<Ask, Error = Infallible> + Clone,
{
    /// Sends the next one.
    pub(crate) fn run(&self) {
        self.stages[self.next.get()].run();
        self.next.set((self.next.get() + 1) % self.stages.len());
    }
}

impl<S> Stage<S>
where
    S: Service<Ask, Error = Infallible> + Clone,
{
    /// Sends the request once. The answer is dropped here: that is part of what it costs.
    pub(crate) fn run(&self) {
        let future = self.service.clone().call(arrived(&self.request));
        let mut context = Context::from_waker(Waker::noop());
        let answer = pin!(future).poll(&mut context);
        assert!(std::hint::black_box(answer).is_ready());
    }
}
