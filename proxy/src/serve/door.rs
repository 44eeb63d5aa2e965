use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use pinfold::Pinfold;
use pinfold::client_ip::Peer;
use pinfold::consent::ResponseBody;
use tower::Service;

use super::admit::{admit, is_of_balancer};
use super::body::{ClientBody, Progress, Upload, text_response};
use super::by_host::ByHost;
use super::forward::{AdmittedHost, Forward, OriginBody};
use super::latency::Latency;
use super::panics::{Caught, FailureId, caught};
use super::pressure;
use super::refused::Refused;
use super::to_https::ToHttps;

/// Where balancers ask whether this is alive.
pub(crate) const HEALTH: &str = "/.pinfold/health";

/// What they are answered.
pub(crate) const HEALTHY: &str = "ok\n";

/// The body of whatever a client is answered.
pub(super) type DoorBody = Either<ResponseBody<OriginBody>, Full<Bytes>>;

/// Lets requests in, or not, each to its site, and times the answers.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) sites: ByHost<Arc<Inside>>,
    /// Counts who does not come in.
    pub(super) latency: Arc<Latency>,
}

/// What a request passes that is let in to a site.
#[derive(Debug)]
pub(super) struct Inside {
    pub(super) stack: Pinfold<Forward>,
    pub(super) latency: Arc<Latency>,
    /// Where visitors are sent who did not come by https and should.
    pub(super) to_https: Option<Arc<ToHttps>>,
}

impl Door {
    /// Answers one request that came from `peer`, whatever becomes of us.
    pub(super) fn answer(&self, request: Request<Incoming>, peer: SocketAddr, is_secured: bool) -> Answer {
        let version = request.version();
        let stage = match caught(|| self.let_in(request, peer, is_secured)) {
            Ok(stage) => stage,
            Err(id) => Stage::own(failure(id, version)),
        };
        Answer { version, stage }
    }

    fn let_in(&self, request: Request<Incoming>, peer: SocketAddr, is_secured: bool) -> Stage {
        let (parts, body) = request.into_parts();
        if is_of_balancer(&parts) {
            return Stage::own(text_response(StatusCode::OK, HEALTHY));
        }
        if pressure::sheds() {
            return Stage::own(refusal(Refused::BUSY, parts.version));
        }
        let (host, inside) = match admit(&parts, &self.sites) {
            Ok((host, inside)) => (host, inside.clone()),
            Err(refused) => {
                self.latency.note_refused();
                return Stage::own(refusal(refused, parts.version));
            }
        };
        let to_https = inside.to_https.as_ref().filter(|_| !is_secured);
        if let Some(redirect) = to_https.and_then(|way| way.answer(&host, &parts.uri, peer)) {
            return Stage::own(redirect);
        }
        let body = ClientBody::new(body);
        let progress = body.progress();
        let mut request = Request::from_parts(parts, body);
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(AdmittedHost(host));
        let started = Instant::now();
        Stage::Inside {
            future: Caught { future: inside.stack.clone().call(request) },
            started,
            inside,
            progress,
        }
    }
}

pin_project! {
    /// An answer on its way.
    ///
    /// It is no `async` block, because it is moved for every request and those keep room for all that they ever held.
    pub(super) struct Answer {
        version: Version,
        #[pin]
        stage: Stage,
    }
}

pin_project! {
    #[project = StagePinned]
    enum Stage {
        // Whoever does not come in is answered at once.
        Own { answer: Option<Response<Full<Bytes>>> },
        // The site stays as it is until it has answered.
        Inside {
            #[pin]
            future: Caught<<Pinfold<Forward> as Service<Request<ClientBody>>>::Future>,
            started: Instant,
            inside: Arc<Inside>,
            // Nothing where the request has no body.
            progress: Option<Progress>,
        },
    }
}

impl Stage {
    fn own(answer: Response<Full<Bytes>>) -> Self {
        Self::Own { answer: Some(answer) }
    }
}

impl Future for Answer {
    type Output = Response<DoorBody>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (future, started, inside, progress) = match this.stage.project() {
            StagePinned::Inside { future, started, inside, progress } => (future, started, inside, progress),
            StagePinned::Own { answer } => {
                return answer.take().map_or(Poll::Pending, |answer| Poll::Ready(answer.map(Either::Right)));
            }
        };
        let mut response = match ready!(future.poll(cx)) {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(id) => return Poll::Ready(failure(id, *this.version).map(Either::Right)),
        };
        inside.latency.note(started.elapsed());
        // A form that did not come in time is not malformed.
        if response.status() == StatusCode::BAD_REQUEST
            && progress.as_ref().is_some_and(|progress| progress.state() == Upload::Silent)
        {
            return Poll::Ready(refusal(Refused::LATE, *this.version).map(Either::Right));
        }
        // Whoever finds a request malformed may have read it differently: nothing follows it.
        if *this.version < Version::HTTP_2 && response.status() == StatusCode::BAD_REQUEST {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        // HTTP/1.0 has no other end for a body of unknown length (RFC 9112 section 6.3).
        if *this.version == Version::HTTP_10 && response.body().size_hint().exact().is_none() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            // Else hyper offers to keep the connection.
            *response.version_mut() = Version::HTTP_10;
        }
        Poll::Ready(response.map(Either::Left))
    }
}

/// The answer where the server itself failed: a number that stands in the log, and nothing of why.
fn failure(id: FailureId, version: Version) -> Response<Full<Bytes>> {
    let mut response = text_response(StatusCode::INTERNAL_SERVER_ERROR, "");
    *response.body_mut() = format!("Something has gone wrong here. Its number is {id}.\n").into();
    if version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whoever sends what cannot be believed is not listened to any longer (RFC 9112 section 9.6); HTTP/2 has no such field.
fn refusal(refused: Refused, version: Version) -> Response<Full<Bytes>> {
    let mut response = text_response(refused.status, refused.text);
    if version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
