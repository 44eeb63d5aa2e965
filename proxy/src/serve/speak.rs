//! A conversation with one client, in the version of HTTP that it speaks, behind the guard.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::door::{Answer, DoorBody};
use super::doorway::Doorway;
use super::guard::{Conversation, Guarded, Open, Speaks, WhileOpen};
use super::limits::{CONNECTION_WINDOW, LONGEST_HEAD, MOST_STREAMS};
use super::tunnel::Tunnel;

/// How often a client of HTTP/2 is asked whether it is still there, and how long it may take to say so.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(10);

/// hyper for both versions, set up once.
#[derive(Debug, Clone)]
pub(super) struct Server {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Server {
    pub(super) fn new() -> Self {
        let mut http1 = http1::Builder::new();
        // The guard has limits of its own, which are to be met first.
        http1.header_read_timeout(None).max_buf_size(LONGEST_HEAD);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(MOST_STREAMS)
            .max_frame_size(16 * 1024)
            .max_header_list_size(64 * 1024)
            .initial_stream_window_size(64 * 1024)
            .initial_connection_window_size(CONNECTION_WINDOW as u32)
            .max_send_buf_size(64 * 1024)
            // Streams that are reset before they are looked at (CVE-2023-44487), and those that the client makes us reset
            // (CVE-2025-8671): after so many of either the connection ends.
            .max_pending_accept_reset_streams(20)
            .max_local_error_reset_streams(128)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PONG);
        Self { http1, http2 }
    }

    /// Answers the requests of a connection that is from `client`, until it ends; once `stop` turns true it is asked to. `watcher` is
    /// who waits for that. Not one is answered where what is spoken is not what was `agreed` (RFC 9113 sections 3.2 and 3.4).
    pub(super) async fn serve<S>(
        &self,
        stream: S,
        agreed: Option<Speaks>,
        client: SocketAddr,
        doorway: Doorway,
        watcher: Watcher,
        mut stop: watch::Receiver<bool>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let conversation = Conversation::default();
        let mut guarded = Guarded::new(stream, conversation.clone(), doorway.latency().clone());
        let Some(speaks) = guarded.speaks().await else { return };
        if agreed.is_some_and(|agreed| agreed != speaks) {
            return;
        }
        let answered = conversation.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let (conversation, open) = (answered.clone(), answered.open());
            if let Some(end) = request.extensions().get::<OnUpgrade>() {
                conversation.will_be_left(end.clone());
            }
            Answering { answer: doorway.answer(request, client), conversation, open: Some(open) }
        });
        let io = TokioIo::new(guarded);
        // Clients hang up and talk nonsense; what can be answered has been.
        match speaks {
            Speaks::Http1 => {
                {
                    let mut connection = pin!(self.http1.serve_connection(io, service).with_upgrades());
                    // The watcher can ask no connection to finish that may come to speak another protocol.
                    let told = async { stop.wait_for(|stop| *stop).await.is_ok() };
                    // What has come is read before a stop is heard of: hyper takes a connection of which it has read nothing for unused.
                    tokio::select! {
                        biased;
                        _ = connection.as_mut() => {}
                        _ = told => {
                            connection.as_mut().graceful_shutdown();
                            let _ = connection.await;
                        }
                    }
                }
                if let Some(guarded) = left_by_hyper::<S>(&conversation).await {
                    match conversation.tunnel() {
                        Some(tunnel) => tunnel.carry(guarded).await,
                        None => guarded.close().await,
                    }
                }
                // Only now is nothing left to wait for.
                drop(watcher);
            }
            Speaks::Http2 => {
                // In a place of its own, so that HTTP/1 does not keep room for it.
                let _ = Box::pin(watcher.watch(self.http2.serve_connection(io, service))).await;
            }
        }
    }
}

pin_project! {
    /// An answer on its way, and what it means for the connection.
    struct Answering {
        #[pin]
        answer: Answer,
        conversation: Conversation,
        open: Option<Open>,
    }
}

impl Future for Answering {
    type Output = Result<Response<WhileOpen<DoorBody>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.answer.poll(cx));
        if let Some(tunnel) = response.extensions_mut().remove::<Tunnel>() {
            this.conversation.switch(tunnel);
        }
        // Whoever is slow with one request is not given time for another.
        if response.status() == StatusCode::REQUEST_TIMEOUT {
            this.conversation.end();
        }
        let Some(open) = this.open.take() else { return Poll::Pending };
        Poll::Ready(Ok(response.map(|body| WhileOpen::new(body, open))))
    }
}

/// The client's end of a connection that hyper is done with and has not closed: where a request named another protocol, it leaves that to
/// others, whatever the answer was.
async fn left_by_hyper<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    conversation: &Conversation,
) -> Option<Guarded<S>> {
    let left = conversation.left()?.await.ok()?;
    left.downcast::<TokioIo<Guarded<S>>>().ok().map(|left| left.io.into_inner())
}
