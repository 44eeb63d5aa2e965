//! The layer is a good citizen of Tower.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use common::{Notebook, Town, from, policy};
use http::{Request, Response};
use http_body_util::Full;
use pinfold::audit::{AuditSettings, TracingSink};
use pinfold::consent::{Policy, ResponseBody};
use pinfold::{Pinfold, PinfoldLayer};
use tower::{Layer, Service, ServiceExt};

/// Panics when called without having said that it is ready.
#[derive(Default)]
struct Shy {
    ready: bool,
}

impl Clone for Shy {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Request<Full<Bytes>>> for Shy {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without being ready");
        ready(Ok(Response::new(Full::default())))
    }
}

#[tokio::test]
async fn the_service_that_was_ready_is_the_one_called() {
    let town = Town::new(policy(), Notebook::default(), AuditSettings::default());
    let mut service = town.layer.layer(Shy::default());
    for _ in 0..3 {
        service.ready().await.unwrap().call(from(1, Request::get("/"))).await.unwrap();
    }
    service.clone().oneshot(from(1, Request::get("/"))).await.unwrap();
}

#[derive(Debug, PartialEq)]
struct Broken;

#[tokio::test]
async fn errors_of_the_site_pass_unchanged() {
    let town = Town::new(policy(), Notebook::default(), AuditSettings::default());
    let site = tower::service_fn(|_: Request<Full<Bytes>>| ready(Err::<Response<Full<Bytes>>, _>(Broken)));
    let error = town.layer.layer(site).oneshot(from(1, Request::get("/"))).await.unwrap_err();
    assert_eq!(error, Broken);
}

#[test]
fn auto_traits() {
    fn is_fit<T: Clone + Send + Sync + std::fmt::Debug + 'static>() {}
    is_fit::<PinfoldLayer>();
    is_fit::<Policy>();
    is_fit::<TracingSink>();
    fn moves<T: Send>() {}
    moves::<Pinfold<Shy>>();
    moves::<ResponseBody<Full<Bytes>>>();
    moves::<<Pinfold<Shy> as Service<Request<Full<Bytes>>>>::Future>();
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn axums_handlers_take_consent_or_are_told_what_is_missing() {
    use pinfold::consent::Consent;

    let app = || {
        axum::Router::new().route(
            "/",
            axum::routing::get(|consent: Consent| async move { consent.allows("statistics").to_string() }),
        )
    };
    let town = Town::new(policy(), Notebook::default(), AuditSettings::default());
    let ask = || http::Request::get("/").body(axum::body::Body::empty()).unwrap();
    let answer = app().layer(town.layer).oneshot(ask()).await.unwrap();
    let text = axum::body::to_bytes(answer.into_body(), 1024).await.unwrap();
    assert_eq!(text, "true");
    let answer = app().oneshot(ask()).await.unwrap();
    assert_eq!(answer.status(), 500);
    let text = axum::body::to_bytes(answer.into_body(), 1024).await.unwrap();
    assert_eq!(text, "Can't extract consent. Is `PinfoldLayer` enabled?");
}
