//! The way to the origin: the service at the centre of the stack.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, StatusCode, Uri, Version};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower::Service;

use super::body::{ClientBody, Progress, Upload, text_response};
use super::fields::{prepare_request, prepare_response};

/// The body of an answer: the origin's, or a short one of the proxy's own.
pub(super) type OriginBody = Either<Incoming, Full<Bytes>>;

/// How long a connection to the origin may take to open.
const CONNECT: Duration = Duration::from_secs(5);

/// How long an unused connection to the origin is kept: less than common servers keep theirs.
const IDLE: Duration = Duration::from_secs(4);

/// The host that the door has admitted, handed on as a request extension.
#[derive(Debug, Clone)]
pub(super) struct AdmittedHost(pub(super) Authority);

/// Sends requests to one origin over connections of its own thread.
#[derive(Debug, Clone)]
pub(super) struct Forward {
    client: Client<HttpConnector, ClientBody>,
    origin: Authority,
    public_scheme: Scheme,
    timeout: Duration,
}

impl Forward {
    /// To the origin at `authority`, for a site that visitors reach by `public_scheme`.
    pub(super) fn new(origin: Authority, public_scheme: Scheme, timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Self { client, origin, public_scheme, timeout }
    }

    /// The request as the origin gets it.
    fn prepared(&self, request: Request<ClientBody>) -> Request<ClientBody> {
        let (mut parts, body) = request.into_parts();
        let host = parts.extensions.remove::<AdmittedHost>();
        let host = host.map_or_else(|| self.origin.clone(), |host| host.0);
        prepare_request(&mut parts.headers, &host, &self.public_scheme);
        let mut uri = Uri::default().into_parts();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(self.origin.clone());
        uri.path_and_query =
            Some(parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")));
        // Scheme, authority and path are each sound, so together they are.
        parts.uri = Uri::from_parts(uri).unwrap_or_default();
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
        let progress = request.body().progress();
        let answer = self.client.request(self.prepared(request));
        let timeout = self.timeout;
        Box::pin(async move {
            let state = || progress.as_ref().map_or(Upload::Ended, Progress::state);
            Ok(match patiently(answer, timeout, state).await {
                None => own(StatusCode::GATEWAY_TIMEOUT, "The site took too long to answer.\n"),
                Some(Ok(response)) => received(response),
                Some(Err(error)) => failed(&error, state()),
            })
        })
    }
}

/// Waits for the answer as long as the body of the request is still coming, and then for `timeout`.
async fn patiently<F: Future>(
    answer: F,
    timeout: Duration,
    upload: impl Fn() -> Upload,
) -> Option<F::Output> {
    let mut answer = pin!(answer);
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

fn failed(error: &hyper_util::client::legacy::Error, upload: Upload) -> Response<OriginBody> {
    match upload {
        Upload::Broken => own(StatusCode::BAD_REQUEST, "The request was broken off.\n"),
        Upload::Silent => own(StatusCode::REQUEST_TIMEOUT, "The rest of the request did not come.\n"),
        Upload::Ended | Upload::Offered | Upload::Waiting => {
            tracing::debug!(error = error as &dyn std::error::Error, "the origin did not answer");
            own(StatusCode::BAD_GATEWAY, "The site cannot be reached at the moment.\n")
        }
    }
}

fn received(response: Response<Incoming>) -> Response<OriginBody> {
    // Nobody asked for another protocol: the field that would has been taken out.
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return own(StatusCode::BAD_GATEWAY, "The site gave an answer that cannot be used.\n");
    }
    let mut response = response.map(Either::Left);
    prepare_response(response.headers_mut());
    response
}

fn own(status: StatusCode, text: &'static str) -> Response<OriginBody> {
    text_response(status, text).map(Either::Right)
}
