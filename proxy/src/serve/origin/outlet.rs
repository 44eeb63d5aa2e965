use std::error::Error;
use std::io;
use std::sync::Arc;

use http::header::TRANSFER_ENCODING;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body as _;
use hyper::client::conn::TrySendError;

use super::super::body::ClientBody;
use super::answer::AnswerBody;
use super::link::Link;
use super::pool::Pool;
use super::server::{Server, Speaks};
use super::streams::{Stream, Streams, as_http2};

/// The connections of one thread to one server.
#[derive(Debug)]
pub(super) struct Outlet {
    server: Arc<Server>,
    connections: Connections,
}

#[derive(Debug)]
enum Connections {
    /// A request at a time over each.
    Http1(Arc<Pool>),
    /// Many at a time.
    Http2(Streams),
}

/// Why there is no answer.
pub(super) enum Missed {
    /// There is no connection, so nothing of the request was sent.
    Unconnected(io::Error, Box<Request<ClientBody>>),
    Unanswered(hyper::Error),
    /// There were informational answers without end.
    Unending,
}

/// What became of a request that one connection brought no answer to.
enum Lost {
    Failed {
        error: hyper::Error,
        /// The request, where nothing of it was sent.
        unsent: Option<Box<Request<ClientBody>>>,
        /// Whether the other end had begun to answer.
        heard: bool,
    },
    Unending,
}

impl Outlet {
    pub(super) fn to(server: Arc<Server>) -> Self {
        let connections = match server.speaks() {
            Speaks::Http1 => Connections::Http1(Arc::default()),
            Speaks::Http2 => Connections::Http2(Streams::default()),
        };
        Self { server, connections }
    }

    pub(super) fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// Closes connections that have been unused for long.
    pub(super) fn tidy(&self) {
        match &self.connections {
            Connections::Http1(pool) => pool.tidy(),
            Connections::Http2(streams) => streams.tidy(),
        }
    }

    /// The server's answer. A request that can be sent twice is, once, where a connection that was used before turns out to be closed
    /// (RFC 9112 section 9.3.1): servers close unused ones whenever they please.
    pub(super) async fn send(
        &self,
        request: Box<Request<ClientBody>>,
    ) -> Result<Response<AnswerBody>, Missed> {
        match &self.connections {
            Connections::Http1(pool) => self.send_alone(request, pool).await,
            Connections::Http2(streams) => {
                let is_secure = self.server.address().is_secure();
                // Elsewhere, so that what goes the other way does not keep room for it.
                Box::pin(self.send_among(as_http2(*request, is_secure), streams)).await
            }
        }
    }

    async fn send_alone(
        &self,
        request: Box<Request<ClientBody>>,
        pool: &Arc<Pool>,
    ) -> Result<Response<AnswerBody>, Missed> {
        let again = Some(&*request).filter(|request| request.method().is_idempotent()).and_then(copy);
        let unsent = match pool.take(again.is_some()) {
            None => request,
            Some(link) => match (over(link, request, pool).await, again) {
                (Ok(response), _) => return Ok(response),
                (Err(Lost::Failed { unsent: Some(unsent), .. }), _) => unsent,
                (Err(Lost::Failed { error, heard: false, .. }), Some(again)) if was_closed(&error) => {
                    tracing::debug!("a connection to the origin had been closed: asking once more");
                    again
                }
                (Err(lost), _) => return Err(lost.into()),
            },
        };
        // Elsewhere, so that a request over an open connection does not keep room for it.
        Box::pin(self.send_afresh(unsent, pool)).await
    }

    async fn send_afresh(
        &self,
        request: Box<Request<ClientBody>>,
        pool: &Arc<Pool>,
    ) -> Result<Response<AnswerBody>, Missed> {
        let opened = async { Link::new(self.server.address().connect().await?).await };
        let link = match opened.await {
            Ok(link) => link,
            Err(error) => return Err(Missed::Unconnected(error, request)),
        };
        tracing::debug!("a connection to the origin was opened");
        Ok(over(link, request, pool).await?)
    }

    async fn send_among(
        &self,
        request: Request<ClientBody>,
        streams: &Streams,
    ) -> Result<Response<AnswerBody>, Missed> {
        let again = copy(&request);
        let stream = match streams.stream(self.server.address()).await {
            Ok(stream) => stream,
            Err(error) => return Err(Missed::Unconnected(error, request.into())),
        };
        let (mut failed, stream) = match among(stream, request).await {
            Ok(response) => return Ok(response),
            Err(failed) => failed,
        };
        let unsent = failed.take_message();
        let error = failed.into_error();
        let request = match (unsent, again) {
            (Some(unsent), _) => unsent,
            (None, Some(again)) if was_refused(&error) => *again,
            (None, Some(again))
                if stream.was_used_before() && again.method().is_idempotent() && was_closed(&error) =>
            {
                *again
            }
            _ => return Err(Missed::Unanswered(error)),
        };
        tracing::debug!("a stream to the origin was refused or closed: asking once more");
        // Where one stream alone was refused, others may not be.
        if !of_http2(&error).is_some_and(h2::Error::is_reset) {
            streams.leave(&stream);
        }
        drop(stream);
        match streams.stream(self.server.address()).await {
            Ok(stream) => {
                among(stream, request).await.map_err(|(failed, _)| Missed::Unanswered(failed.into_error()))
            }
            Err(error) => Err(Missed::Unconnected(error, request.into())),
        }
    }
}

/// Over one connection that has nothing else to do.
async fn over(
    mut link: Link,
    mut request: Box<Request<ClientBody>>,
    pool: &Arc<Pool>,
) -> Result<Response<AnswerBody>, Lost> {
    let uploads = !request.body().is_end_stream();
    if uploads && request.body().size_hint().exact().is_none() {
        // Without a word the client would take a body of unknown length for none where the method is one that hardly ever has any.
        request.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    let (answer, informational) = link.send(*request);
    if uploads {
        // The rest of the body goes on its way even while nobody reads the answer.
        let pool = pool.clone();
        tokio::spawn(async move {
            if link.until_free().await {
                pool.give(link);
            }
        });
        let received = answer.await;
        if informational.never_end() {
            return Err(Lost::Unending);
        }
        received.map(|response| response.map(AnswerBody::driven)).map_err(|failed| lost(failed, true))
    } else {
        let received = link.answer(answer).await;
        if informational.never_end() {
            return Err(Lost::Unending);
        }
        match received {
            Ok(switched) if switched.status() == StatusCode::SWITCHING_PROTOCOLS => {
                link.until_over().await;
                Ok(switched.map(AnswerBody::driven))
            }
            Ok(response) => Ok(response.map(|body| AnswerBody::driving(body, link, pool.clone()))),
            Err(failed) => Err(lost(failed, link.has_heard())),
        }
    }
}

/// Over one stream, among others over the same connection.
async fn among(
    mut stream: Stream,
    request: Request<ClientBody>,
) -> Result<Response<AnswerBody>, (TrySendError<Request<ClientBody>>, Stream)> {
    match stream.send(request).await {
        Ok(response) => Ok(response.map(|body| AnswerBody::of_stream(body, stream))),
        Err(failed) => Err((failed, stream)),
    }
}

fn lost(mut failed: TrySendError<Request<ClientBody>>, heard: bool) -> Lost {
    let unsent = failed.take_message().map(Box::new);
    Lost::Failed { error: failed.into_error(), unsent, heard }
}

impl From<Lost> for Missed {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Failed { error, .. } => Self::Unanswered(error),
            Lost::Unending => Self::Unending,
        }
    }
}

/// The same request once more, where it has no body, which could be read but once.
fn copy(request: &Request<ClientBody>) -> Option<Box<Request<ClientBody>>> {
    if !request.body().is_end_stream() {
        return None;
    }
    let mut copy = Box::new(Request::new(ClientBody::empty()));
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// Whether the other end says that it has not looked at the request (RFC 9113 section 8.7).
fn was_refused(error: &hyper::Error) -> bool {
    of_http2(error).is_some_and(|error| {
        error.is_remote()
            && (error.is_go_away() || error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM))
    })
}

/// Whether the other end had closed the connection before it said anything.
fn was_closed(error: &hyper::Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    let of_stream = of_http2(error).and_then(h2::Error::get_io);
    let is_end = |error: &io::Error| {
        // Over TLS, the last is an end that nobody announced.
        matches!(
            error.kind(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof
        )
    };
    error.is_incomplete_message()
        || error.is_canceled()
        || error.is_closed()
        || source.or(of_stream).is_some_and(is_end)
}

fn of_http2(error: &hyper::Error) -> Option<&h2::Error> {
    error.source()?.downcast_ref()
}
