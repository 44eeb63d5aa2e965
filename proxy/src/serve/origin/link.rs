use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;
use tokio_util::io::InspectReader;

use super::super::body::ClientBody;
use super::address::Stream;

/// hyper does not say what a connection is that may become another protocol's.
type Driver = dyn Future<Output = hyper::Result<()>> + Send;
type Received = Result<http::Response<Incoming>, TrySendError<Request<ClientBody>>>;

/// The longest head of an answer, in bytes.
const LONGEST_HEAD: usize = 64 * 1024;

/// How much of an answer is read at once, in bytes.
const MOST_AT_ONCE: usize = 64 * 1024;

/// How many informational answers may come before the answer.
const MOST_INFORMATIONAL: u32 = 100;

/// One connection to the origin: it moves only while [`Link::drive`] is called.
pub(super) struct Link {
    sender: SendRequest<ClientBody>,
    /// Nothing once it is closed.
    connection: Option<Pin<Box<Driver>>>,
    /// Those to the last request.
    informational: Informational,
    /// Whether anything has come since the last request.
    heard: Arc<AtomicBool>,
    unused_since: Instant,
}

/// How many informational answers to the last request over a link have come.
#[derive(Debug, Clone, Default)]
pub(super) struct Informational(Arc<AtomicU32>);

impl Informational {
    /// Whether there were more than anybody listens to.
    pub(super) fn never_end(&self) -> bool {
        self.0.load(Ordering::Relaxed) > MOST_INFORMATIONAL
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("is_closed", &self.connection.is_none()).finish_non_exhaustive()
    }
}

impl Link {
    /// Over an open stream.
    pub(super) async fn new(stream: Stream) -> io::Result<Self> {
        let heard = Arc::<AtomicBool>::default();
        let noted = Arc::clone(&heard);
        let stream = InspectReader::new(stream, move |bytes: &[u8]| {
            if !bytes.is_empty() {
                noted.store(true, Ordering::Relaxed);
            }
        });
        let (sender, connection) = Builder::new()
            .max_header_size(LONGEST_HEAD)
            .max_buf_size(MOST_AT_ONCE)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        Ok(Self {
            sender,
            connection: Some(Box::pin(connection.with_upgrades())),
            informational: Informational::default(),
            heard,
            unused_since: Instant::now(),
        })
    }

    /// Hands a request over; what comes back does so while the link is driven.
    pub(super) fn send(
        &mut self,
        mut request: Request<ClientBody>,
    ) -> (impl Future<Output = Received> + use<>, Informational) {
        self.informational.0.store(0, Ordering::Relaxed);
        self.heard.store(false, Ordering::Relaxed);
        let informational = self.informational.clone();
        hyper::ext::on_informational(&mut request, move |_| {
            informational.0.fetch_add(1, Ordering::Relaxed);
        });
        (self.sender.try_send_request(request), self.informational.clone())
    }

    /// Moves whatever can be moved. A server that never comes to its answer is not listened to any longer.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && (connection.as_mut().poll(cx).is_ready() || self.informational.never_end())
        {
            self.connection = None;
        }
    }

    /// Whether the server has said anything since it was sent the last request.
    pub(super) fn has_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    /// Waits for `answer`, which comes from this link.
    pub(super) async fn answer<F: Future>(&mut self, answer: F) -> F::Output {
        let mut answer = std::pin::pin!(answer);
        std::future::poll_fn(|cx| {
            self.drive(cx);
            // Nobody but this task brings it, so nobody has to wake it.
            answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        })
        .await
    }

    /// Drives the link until it can take another request. Not at all, where it is closed first.
    pub(super) async fn until_free(&mut self) -> bool {
        std::future::poll_fn(|cx| {
            self.drive(cx);
            if self.connection.is_none() {
                return Poll::Ready(false);
            }
            self.sender.poll_ready(cx).map(|ready| ready.is_ok())
        })
        .await
    }

    /// Drives the link until HTTP is over on it: closed, or handed to whoever asked for another protocol.
    pub(super) async fn until_over(mut self) {
        std::future::poll_fn(|cx| {
            self.drive(cx);
            if self.connection.is_none() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Whether it can take another request, now that it has brought an answer.
    pub(super) fn rest(&mut self) -> bool {
        self.unused_since = Instant::now();
        self.is_open()
    }

    /// Whether it has been unused for less than `limit`.
    pub(super) fn is_fresh(&self, limit: Duration) -> bool {
        self.unused_since.elapsed() < limit
    }

    /// Whether it can take a request, as far as can be seen. Nobody is woken by it from then on.
    pub(super) fn is_open(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.connection.is_some() && self.sender.is_ready()
    }
}
