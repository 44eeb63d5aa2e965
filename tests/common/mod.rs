//! A town to test with: its policy, a clock that is moved by hand, and a sink that keeps what it is given.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its own part, and a test may panic")]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use pinfold::audit::{AuditSettings, Background, Batch, Delivery, Lost, Rows, Sink};
use pinfold::client_ip::Peer;
use pinfold::consent::{
    ConsentManagerLayer, CookieRule, LegalBasis, Policy, PolicyBuilder, Purpose, ResponseBody,
};
use pinfold::time::{Calendar, ManualClock, UnixTime};
use pinfold::{Pinfold, PinfoldLayer};
use tower::{Layer, Service};

/// 22 November 2026, 10:00 in London.
pub(crate) const MORNING: UnixTime = UnixTime::from_seconds(1_795_341_600);

pub(crate) fn policy() -> PolicyBuilder {
    Policy::builder("Town", "https://www.town.example")
        .purpose(Purpose::new("statistics", LegalBasis::Statistics, "Statistics", "They count."))
        .purpose(Purpose::new("marketing", LegalBasis::Consent, "Marketing", "They measure campaigns."))
        .cookie(CookieRule::strictly_necessary("session"))
        .cookie(CookieRule::new("stats*", "statistics"))
        .cookie(CookieRule::new("_ga*", "marketing").with_provider("Google"))
}

/// Keeps every batch.
#[derive(Clone, Default)]
pub(crate) struct Notebook(Arc<Mutex<Vec<Rows>>>);

impl Notebook {
    pub(crate) fn rows(&self) -> Vec<Rows> {
        self.0.lock().unwrap().clone()
    }
}

impl Sink for Notebook {
    fn deliver(&self, batch: Batch) -> Delivery {
        self.0.lock().unwrap().push(batch.rows);
        Box::pin(ready(Ok(())))
    }
}

/// Refuses so many batches of usage rows, then keeps every batch.
#[derive(Clone)]
pub(crate) struct Reluctant {
    pub(crate) refuses: Arc<Mutex<usize>>,
    pub(crate) notebook: Notebook,
}

impl Sink for Reluctant {
    fn deliver(&self, batch: Batch) -> Delivery {
        let mut refuses = self.refuses.lock().unwrap();
        if matches!(batch.rows, Rows::Usage(_)) && *refuses > 0 {
            *refuses -= 1;
            return Box::pin(ready(Err(Lost)));
        }
        self.notebook.deliver(batch)
    }
}

/// Takes nothing, at once.
#[derive(Clone, Copy)]
pub(crate) struct Full0;

impl Sink for Full0 {
    fn deliver(&self, _: Batch) -> Delivery {
        Box::pin(ready(Err(Lost)))
    }
}

/// Answers, but never says that anything is kept.
#[derive(Clone, Copy)]
pub(crate) struct Stuck;

impl Sink for Stuck {
    fn deliver(&self, _: Batch) -> Delivery {
        Box::pin(std::future::pending())
    }
}

/// A site that answers with whatever a function makes of the request.
#[derive(Clone)]
pub(crate) struct Site<F>(pub(crate) F);

impl<F> Service<Request<Full<Bytes>>> for Site<F>
where
    F: Fn(Request<Full<Bytes>>) -> Response<Full<Bytes>>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        ready(Ok((self.0)(request)))
    }
}

/// A layer, its background, and the hands of its clock.
pub(crate) struct Town {
    pub(crate) layer: PinfoldLayer,
    pub(crate) background: Option<Background>,
    pub(crate) clock: Arc<ManualClock>,
}

impl Town {
    pub(crate) fn new(policy: PolicyBuilder, sink: impl Sink, settings: AuditSettings) -> Self {
        Self::under(Arc::new(ManualClock::at(MORNING)), policy, sink, settings)
    }

    /// A town whose time is that of a clock.
    pub(crate) fn under(
        clock: Arc<ManualClock>,
        policy: PolicyBuilder,
        sink: impl Sink,
        settings: AuditSettings,
    ) -> Self {
        let consent =
            ConsentManagerLayer::new(policy.build().unwrap(), Calendar::named("Europe/London").unwrap())
                .with_clock(clock.clone());
        let timer = Arc::new(tokio::time::sleep);
        let (layer, background) = PinfoldLayer::of(consent, Arc::new(sink), timer, settings).unwrap();
        Self { layer, background: Some(background), clock }
    }

    pub(crate) fn around<F>(&self, site: F) -> Pinfold<Site<F>>
    where
        F: Fn(Request<Full<Bytes>>) -> Response<Full<Bytes>>,
    {
        self.layer.layer(Site(site))
    }
}

/// A request from an address of TEST-NET-3, one network for each `n`.
pub(crate) fn from(n: u8, request: http::request::Builder) -> Request<Full<Bytes>> {
    let peer: SocketAddr = format!("203.{n}.113.77:4000").parse().unwrap();
    request.extension(Peer(peer)).body(Full::default()).unwrap()
}

pub(crate) async fn body<B>(response: Response<ResponseBody<B>>) -> String
where
    ResponseBody<B>: http_body::Body<Data = Bytes>,
    <ResponseBody<B> as http_body::Body>::Error: std::fmt::Debug,
{
    let collected = response.into_body().collect().await.unwrap();
    String::from_utf8(collected.to_bytes().to_vec()).unwrap()
}
