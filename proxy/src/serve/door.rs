use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use pinfold::Pinfold;
use pinfold::client_ip::Peer;
use pinfold::consent::ResponseBody;
use tower::Service;

use super::admit::{admit, is_of_balancer};
use super::body::{ClientBody, text_response};
use super::by_host::ByHost;
use super::forward::{AdmittedHost, Forward, OriginBody};
use super::latency::Latency;
use super::panics::{Caught, FailureId};
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
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
        is_secured: bool,
    ) -> Result<Response<DoorBody>, Infallible> {
        let version = request.version();
        match (Caught { future: self.pass(request, peer, is_secured) }).await {
            Ok(answer) => answer,
            Err(id) => Ok(failure(id, version).map(Either::Right)),
        }
    }

    async fn pass(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
        is_secured: bool,
    ) -> Result<Response<DoorBody>, Infallible> {
        let (parts, body) = request.into_parts();
        if is_of_balancer(&parts) {
            return Ok(text_response(StatusCode::OK, HEALTHY).map(Either::Right));
        }
        if pressure::sheds() {
            return Ok(refusal(Refused::BUSY, parts.version).map(Either::Right));
        }
        let (host, inside) = match admit(&parts, &self.sites) {
            Ok((host, inside)) => (host, inside.clone()),
            Err(refused) => {
                self.latency.note_refused();
                return Ok(refusal(refused, parts.version).map(Either::Right));
            }
        };
        // The request of one site keeps nothing of the others.
        drop(self);
        let to_https = inside.to_https.as_ref().filter(|_| !is_secured);
        let redirect = to_https.and_then(|way| way.answer(&host, &parts.uri, peer));
        if let Some(redirect) = redirect {
            return Ok(redirect.map(Either::Right));
        }
        let version = parts.version;
        let mut request = Request::from_parts(parts, ClientBody::new(body));
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(AdmittedHost(host));
        let started = Instant::now();
        let mut response = inside.stack.clone().call(request).await?;
        inside.latency.note(started.elapsed());
        // Whoever finds a request malformed may have read it differently: nothing follows it.
        if version < Version::HTTP_2 && response.status() == StatusCode::BAD_REQUEST {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        // HTTP/1.0 has no other end for a body of unknown length (RFC 9112 section 6.3).
        if version == Version::HTTP_10 && response.body().size_hint().exact().is_none() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            // Else hyper offers to keep the connection.
            *response.version_mut() = Version::HTTP_10;
        }
        Ok(response.map(Either::Left))
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
