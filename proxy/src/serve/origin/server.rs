use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HOST, USER_AGENT};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::io::Errno;

use super::super::body::ClientBody;
use super::address::Address;
use super::answer::AnswerBody;
use super::exchange::Failed;
use super::outlet::Outlet;
use super::standing::Standing;
use super::streams::as_http2;
use crate::tls::OriginTls;

/// How long a server may take to show that it is well.
const PATIENCE: Duration = Duration::from_secs(2);

/// One web server, as all threads know it: where it is, what it speaks, and whether it is well.
#[derive(Debug)]
pub(crate) struct Server {
    /// Of its origin, and where it is: `default 10.0.0.7:8000`.
    name: String,
    url: Uri,
    address: Address,
    speaks: Speaks,
    health: Option<Question>,
    standing: Standing,
}

/// What is spoken to it, known beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Speaks {
    Http1,
    Http2,
}

/// What a server is asked for outside of anybody's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) path: PathAndQuery,
    pub(crate) host: HeaderValue,
}

impl PartialEq for Server {
    /// Whether connections to one are as good as to the other.
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.url, &self.address, self.speaks, &self.health)
            == (&other.name, &other.url, &other.address, other.speaks, &other.health)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Server {
    /// At `url`, for the origin of this name, reached by https where there is `tls`. Without a question for its health, whoever takes a
    /// connection is well.
    pub(in super::super) fn new(
        origin: &str,
        url: &Uri,
        authority: &Authority,
        tls: Option<Arc<OriginTls>>,
        speaks: Speaks,
        health: Option<Question>,
    ) -> Self {
        let name = format!("{origin} {authority}");
        let address = Address::new(authority, tls);
        Self { name, url: url.clone(), address, speaks, health, standing: Standing::default() }
    }

    /// Whether all is as with another, but for who must vouch for it.
    pub(in super::super) fn believes_others_than(&self, other: &Self) -> bool {
        (&self.url, self.speaks) == (&other.url, other.speaks) && self.address != other.address
    }

    pub(crate) fn url(&self) -> &Uri {
        &self.url
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(in super::super) fn speaks(&self) -> Speaks {
        self.speaks
    }

    /// Whether it was when it was asked last.
    pub(crate) fn is_well(&self) -> bool {
        self.standing.is_well()
    }

    /// Asks it, and notes and logs what that changes. True where it must be asked again soon.
    pub(in super::super) async fn check(self: Arc<Self>) -> bool {
        let Some(answered) = self.health_within(PATIENCE).await else { return true };
        if self.standing.note(answered) {
            let origin = &self.name;
            if answered {
                tracing::info!(origin, "an origin is well again");
            } else {
                tracing::warn!(origin, "an origin is not well");
            }
        }
        self.standing.is_in_doubt()
    }

    /// Whether it shows in time that it is well.
    pub(crate) async fn answers_within(self: &Arc<Self>, limit: Duration) -> bool {
        self.health_within(limit).await.unwrap_or(false)
    }

    /// The same; nothing where it cannot be asked, because this process or machine has no descriptor left, of which the server knows nothing.
    async fn health_within(self: &Arc<Self>, limit: Duration) -> Option<bool> {
        let is_of_it = |error: &io::Error| {
            let errno = Errno::from_io_error(error);
            errno != Some(Errno::MFILE) && errno != Some(Errno::NFILE)
        };
        let health = async {
            match &self.health {
                None => match self.address.connect().await {
                    Ok(_) => Some(true),
                    Err(error) => is_of_it(&error).then_some(false),
                },
                Some(question) => match self.ask(question).await {
                    Ok(response) => {
                        let status = response.status();
                        Some(status.is_success() || status.is_redirection())
                    }
                    Err(Failed::Connect(error)) => is_of_it(&error).then_some(false),
                    Err(_) => Some(false),
                },
            }
        };
        tokio::time::timeout(limit, health).await.unwrap_or(Some(false))
    }

    /// Its answer, over a connection of its own that is opened as all are.
    pub(crate) async fn ask(self: &Arc<Self>, question: &Question) -> Result<Response<AnswerBody>, Failed> {
        let mut request = Box::new(Request::new(ClientBody::empty()));
        *request.uri_mut() = Uri::from(question.path.clone());
        request.headers_mut().extend([
            (HOST, question.host.clone()),
            (USER_AGENT, HeaderValue::from_static("pinfold")),
            (ACCEPT, HeaderValue::from_static("text/html, */*;q=0.5")),
        ]);
        Outlet::to(self.clone()).send(request).await.map_err(Failed::from)
    }

    /// Its answer to a request of our own that is there as a whole, over a connection that ends with it.
    pub(crate) async fn answer(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Failed> {
        let stream = TokioIo::new(self.address.connect().await.map_err(Failed::Connect)?);
        let answer = match self.speaks {
            Speaks::Http1 => {
                let (mut sender, connection) = http1::handshake(stream).await.map_err(Failed::Exchange)?;
                tokio::spawn(connection);
                sender.send_request(request).await
            }
            Speaks::Http2 => {
                let shaken = http2::handshake(TokioExecutor::new(), stream).await;
                let (mut sender, connection) = shaken.map_err(Failed::Exchange)?;
                tokio::spawn(connection);
                sender.send_request(as_http2(request, self.address.is_secure())).await
            }
        };
        answer.map_err(Failed::Exchange)
    }
}
