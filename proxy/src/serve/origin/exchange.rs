use std::error::Error;
use std::io;
use std::sync::Arc;

use http::uri::Authority;
use http::{Request, Response, StatusCode};
use http_body::Body;
use hyper::client::conn::TrySendError;

use super::super::body::ClientBody;
use super::address::Address;
use super::answer::AnswerBody;
use super::link::Link;
use super::pool::Pool;
use super::queue::Queue;
use crate::tls::OriginTls;

/// The origin, as one thread reaches it.
#[derive(Debug)]
pub(in super::super) struct Origin {
    address: Address,
    pool: Arc<Pool>,
    queue: Queue,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum Failed {
    #[error("too many requests wait for the origin")]
    Busy,
    #[error("no connection to the origin")]
    Connect(#[source] io::Error),
    #[error("no answer that can be used")]
    Exchange(#[source] hyper::Error),
}

/// What became of a request that one connection brought no answer to.
struct Unanswered {
    error: hyper::Error,
    /// The request, where nothing of it was sent.
    unsent: Option<Request<ClientBody>>,
}

impl Origin {
    /// Reached by https where there is `tls`.
    pub(in super::super) fn new(origin: &Authority, tls: Option<Arc<OriginTls>>) -> Self {
        Self { address: Address::new(origin, tls), pool: Arc::default(), queue: Queue::default() }
    }

    /// Whether it is where `origin` says, and those who may be it are the same.
    pub(in super::super) fn is_at(&self, origin: &Authority, tls: Option<&Arc<OriginTls>>) -> bool {
        self.address == Address::new(origin, tls.cloned())
    }

    /// Closes connections that have been unused for long.
    pub(in super::super) fn tidy(&self) {
        self.pool.tidy();
    }

    /// The origin's answer. A request that can be sent twice is, once, where a connection that was used before turns out to be closed
    /// (RFC 9112 section 9.3.1): servers close unused ones whenever they please.
    pub(in super::super) async fn send(
        &self,
        request: Request<ClientBody>,
    ) -> Result<Response<AnswerBody>, Failed> {
        let _turn = self.queue.turn().await.ok_or(Failed::Busy)?;
        let again = copy(&request);
        let Some(link) = self.pool.take(again.is_some()) else { return self.send_afresh(request).await };
        match self.over(link, request).await {
            Ok(response) => Ok(response),
            Err(Unanswered { unsent: Some(unsent), .. }) => self.send_afresh(unsent).await,
            Err(Unanswered { error, unsent: None }) => match again {
                Some(again) if was_closed(&error) => {
                    tracing::debug!("a connection to the origin had been closed: asking once more");
                    self.send_afresh(again).await
                }
                _ => Err(Failed::Exchange(error)),
            },
        }
    }

    async fn send_afresh(&self, request: Request<ClientBody>) -> Result<Response<AnswerBody>, Failed> {
        let stream = self.address.connect().await.map_err(Failed::Connect)?;
        let link = Link::new(stream).await.map_err(Failed::Connect)?;
        tracing::debug!("a connection to the origin was opened");
        self.over(link, request).await.map_err(|failed| Failed::Exchange(failed.error))
    }

    /// Over one connection.
    async fn over(
        &self,
        mut link: Link,
        request: Request<ClientBody>,
    ) -> Result<Response<AnswerBody>, Unanswered> {
        let uploads = !request.body().is_end_stream();
        let answer = link.send(request);
        let received = if uploads {
            // The rest of the body goes on its way even while nobody reads the answer.
            let pool = self.pool.clone();
            tokio::spawn(async move {
                if link.until_free().await {
                    pool.give(link);
                }
            });
            answer.await.map(|response| response.map(AnswerBody::driven))
        } else {
            let received = link.answer(answer).await;
            if let Ok(switched) = received.as_ref()
                && switched.status() == StatusCode::SWITCHING_PROTOCOLS
            {
                link.until_over().await;
                return received.map(|response| response.map(AnswerBody::driven)).map_err(unanswered);
            }
            received.map(|response| response.map(|body| AnswerBody::driving(body, link, self.pool.clone())))
        };
        received.map_err(unanswered)
    }
}

fn unanswered(mut failed: TrySendError<Request<ClientBody>>) -> Unanswered {
    let unsent = failed.take_message();
    Unanswered { error: failed.into_error(), unsent }
}

/// The same request once more, where sending it twice does what sending it once does (RFC 9110 section 9.2.2).
fn copy(request: &Request<ClientBody>) -> Option<Request<ClientBody>> {
    if !request.method().is_idempotent() || !request.body().is_end_stream() {
        return None;
    }
    let mut copy = Request::new(ClientBody::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// Whether the other end had closed the connection before it said anything.
fn was_closed(error: &hyper::Error) -> bool {
    let reset = || {
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        source.is_some_and(|error| {
            // Over TLS, the last is an end that nobody announced.
            matches!(
                error.kind(),
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof
            )
        })
    };
    error.is_incomplete_message() || error.is_canceled() || error.is_closed() || reset()
}
