//! The way to the origin: the service at the centre of the stack.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderName, Request, Response, StatusCode, Uri, Version};
use http_body_util::{Either, Full};
use tower::Service;

use super::body::{ClientBody, Progress, Upload, text_response};
use super::fields::{is_framed_once, prepare_request, prepare_response};
use super::origin::{AnswerBody, Failed, Origin};
use super::routes::Routes;
use super::tunnel::Tunnel;
use super::upgrade::{Offer, Reply};

/// The body of an answer: the origin's, or a short one of the proxy's own.
pub(super) type OriginBody = Either<AnswerBody, Full<Bytes>>;

/// The host that the door has admitted, handed on as a request extension.
#[derive(Debug, Clone)]
pub(super) struct AdmittedHost(pub(super) Authority);

/// Sends requests to the origins that they are for, over connections of its own thread.
#[derive(Debug, Clone)]
pub(super) struct Forward {
    ways: Arc<Routes<Arc<Way>>>,
}

/// The way to one origin.
#[derive(Debug)]
pub(super) struct Way {
    origin: Arc<Origin>,
    host: Authority,
    public_scheme: Scheme,
    underscored: Arc<[HeaderName]>,
    timeout: Duration,
}

impl Forward {
    pub(super) fn by(ways: Routes<Arc<Way>>) -> Self {
        Self { ways: Arc::new(ways) }
    }

    /// The way for a request: by the host that the door has admitted, whatever else it says.
    fn way(&self, request: &Request<ClientBody>) -> &Arc<Way> {
        self.ways.only().unwrap_or_else(|| {
            let host = request.extensions().get::<AdmittedHost>();
            self.ways.find(host.map_or("", |host| host.0.host()), request.uri().path())
        })
    }
}

impl Way {
    /// To `origin`, which is `host` to a request that names none, for a site that visitors reach by `public_scheme`. Of the fields
    /// with `_` in their names, it is sent those that are `underscored`.
    pub(super) fn new(
        origin: Arc<Origin>,
        host: Authority,
        public_scheme: Scheme,
        underscored: Arc<[HeaderName]>,
        timeout: Duration,
    ) -> Self {
        Self { origin, host, public_scheme, underscored, timeout }
    }

    /// The request as the origin gets it.
    fn prepared(&self, request: Request<ClientBody>, offer: Option<&Offer>) -> Request<ClientBody> {
        let (mut parts, body) = request.into_parts();
        let host = parts.extensions.remove::<AdmittedHost>();
        let host = host.map_or_else(|| self.host.clone(), |host| host.0);
        prepare_request(&mut parts.headers, &host, &self.public_scheme, &self.underscored);
        if let Some(offer) = offer {
            offer.ask(&mut parts.headers);
        }
        if parts.uri.authority().is_some() {
            let mut target = Uri::default().into_parts();
            let path = parts.uri.path_and_query().cloned();
            target.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
            // A path alone is always sound.
            parts.uri = Uri::from_parts(target).unwrap_or_default();
        }
        parts.version = Version::HTTP_11;
        Request::from_parts(parts, body)
    }
}

impl Service<Request<ClientBody>> for Forward {
    type Response = Response<OriginBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ClientBody>) -> Self::Future {
        let way = self.way(&request).clone();
        let progress = request.body().progress();
        let offer = Offer::of(&request).filter(|_| way.origin.may_switch());
        // It is large, passes many hands, and may have to wait for its turn: by its address all that takes little room.
        let request = Box::new(way.prepared(request, offer.as_ref()));
        Box::pin(async move {
            let state = || progress.as_ref().map_or(Upload::Ended, Progress::state);
            let answer = pin!(way.origin.send(request));
            Ok(match patiently(answer, way.timeout, state).await {
                None => own(StatusCode::GATEWAY_TIMEOUT, "The site took too long to answer.\n"),
                Some(Ok(mut response)) => {
                    match poll_fn(|cx| Poll::Ready(response.body_mut().begin(cx))).await {
                        Ok(()) => received(response, offer.as_ref()),
                        Err(error) => failed(&Failed::Exchange(error), &way.host, state()),
                    }
                }
                Some(Err(error)) => failed(&error, &way.host, state()),
            })
        })
    }
}

/// Waits for the answer as long as the body of the request is still coming, and then for `timeout`.
async fn patiently<F: Future>(
    mut answer: Pin<&mut F>,
    timeout: Duration,
    upload: impl Fn() -> Upload,
) -> Option<F::Output> {
    loop {
        let before = upload();
        if let Ok(answer) = tokio::time::timeout(timeout, &mut answer).await {
            return Some(answer);
        }
        // A client that is slow or silent has a limit of its own. Once it has sent everything, the origin has its time.
        match (before, upload()) {
            (_, Upload::Waiting) => {}
            (Upload::Waiting | Upload::Offered, Upload::Ended) => {}
            _ => return None,
        }
    }
}

fn failed(error: &Failed, origin: &Authority, upload: Upload) -> Response<OriginBody> {
    match upload {
        Upload::Broken => own(StatusCode::BAD_REQUEST, "The request was broken off.\n"),
        Upload::Silent => own(StatusCode::REQUEST_TIMEOUT, "The rest of the request did not come.\n"),
        _ if matches!(error, Failed::Busy) => own(
            StatusCode::SERVICE_UNAVAILABLE,
            "The site is too busy at the moment. Please try again later.\n",
        ),
        Upload::Ended | Upload::Offered | Upload::Waiting => {
            tracing::debug!(%origin, error = error as &dyn std::error::Error, "the origin did not answer");
            own(StatusCode::BAD_GATEWAY, "The site cannot be reached at the moment.\n")
        }
    }
}

fn received(mut response: Response<AnswerBody>, offer: Option<&Offer>) -> Response<OriginBody> {
    let reply = Reply::of(response.status(), response.headers(), offer);
    // Nobody knows what a status above 599 means (RFC 9110 section 15).
    let usable = reply != Reply::Unasked && response.status().as_u16() <= 599;
    if !usable || !is_framed_once(response.headers()) {
        return own(StatusCode::BAD_GATEWAY, "The site gave an answer that cannot be used.\n");
    }
    if let Reply::Switches(_) = reply {
        let tunnel = Tunnel::to(hyper::upgrade::on(&mut response));
        response.extensions_mut().insert(tunnel);
    }
    // Ours, whatever the origin's is (RFC 9110 section 2.5): in HTTP/1.0 no client could tell that an answer was cut.
    *response.version_mut() = Version::HTTP_11;
    prepare_response(response.status(), response.headers_mut());
    reply.tell(response.headers_mut());
    response.map(Either::Left)
}

fn own(status: StatusCode, text: &'static str) -> Response<OriginBody> {
    text_response(status, text).map(Either::Right)
}
