use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::HOST;
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::Instant;

use super::super::body::ClientBody;
use super::address::{Address, Stream as Bytes};

/// How many requests one connection carries at a time, or fewer, where the server says so (RFC 9113 section 6.5.2). There are more
/// connections where that is not enough: else a hundred clients who take their answers slowly would keep all others from the origin.
const MOST_STREAMS: usize = 100;

/// How much of each answer may be on its way, in bytes.
const WINDOW: u32 = 64 * 1024;

/// How much of all of them may be: whoever takes nothing of an answer must not take the room of others.
const CONNECTION_WINDOW: u32 = WINDOW * MOST_STREAMS as u32;

/// The longest head of an answer, in bytes.
const LONGEST_HEAD: u32 = 64 * 1024;

/// How long an unused connection is kept. Where the server closes it first, it says what it has not looked at.
const UNUSED: Duration = Duration::from_secs(30);

/// How often a server is asked whether it is still there while it has something to answer, and how long it may take to say so.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(10);

/// How long a server may take to say how many streams it takes: it has to, before anything else (RFC 9113 section 3.4).
const GREETING: Duration = Duration::from_secs(5);

/// How often that is looked for. hyper has another task read what a server says, and wakes nobody here.
const LOOK: Duration = Duration::from_millis(1);

/// The connections of one thread to a server that speaks HTTP/2.
#[derive(Debug, Default)]
pub(super) struct Streams {
    // One thread alone takes it; the lock is for the compiler.
    open: Mutex<Vec<Connection>>,
    /// Whoever finds no room opens a connection, and who comes meanwhile waits for it.
    opening: tokio::sync::Mutex<()>,
    failed: Mutex<(usize, Option<io::ErrorKind>)>,
}

#[derive(Debug)]
struct Connection {
    sender: SendRequest<ClientBody>,
    load: Arc<Load>,
    unused_since: Option<Instant>,
}

/// How much a connection has to do.
#[derive(Debug)]
struct Load {
    streams: AtomicUsize,
    /// How many it may carry.
    most: AtomicUsize,
    was_used: AtomicBool,
}

/// Room for one request. It is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Stream {
    sender: SendRequest<ClientBody>,
    load: Arc<Load>,
    was_used_before: bool,
}

impl Streams {
    /// Room over a connection that is open, else over a new one.
    pub(super) async fn stream(&self, address: &Address) -> io::Result<Stream> {
        if let Some(stream) = self.free() {
            return Ok(stream);
        }
        let before = self.failures().0;
        let _opening = self.opening.lock().await;
        if let Some(stream) = self.free() {
            return Ok(stream);
        }
        // What has just failed for somebody else would take as long again.
        if let (count, Some(kind)) = *self.failures()
            && count != before
        {
            return Err(kind.into());
        }
        let connection = open(address).await.inspect_err(|error| {
            let mut failures = self.failures();
            *failures = (failures.0.wrapping_add(1), Some(error.kind()));
        })?;
        tracing::debug!("a connection to the origin was opened");
        let stream = connection.stream();
        self.connections().push(connection);
        Ok(stream)
    }

    /// Gives no other request to the connection of `stream`.
    pub(super) fn leave(&self, stream: &Stream) {
        self.connections().retain(|connection| !Arc::ptr_eq(&connection.load, &stream.load));
    }

    /// Closes what has not been used for long, or is closed at the other end.
    pub(super) fn tidy(&self) {
        self.connections().retain_mut(|connection| {
            if connection.load.streams.load(Ordering::Relaxed) > 0 {
                connection.unused_since = None;
            }
            let since = *connection.unused_since.get_or_insert_with(Instant::now);
            !connection.sender.is_closed() && since.elapsed() < UNUSED
        });
    }

    fn free(&self) -> Option<Stream> {
        let mut open = self.connections();
        open.retain(|connection| !connection.sender.is_closed());
        open.iter().find(|connection| connection.load.has_room()).map(Connection::stream)
    }

    fn connections(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failures(&self) -> MutexGuard<'_, (usize, Option<io::ErrorKind>)> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    fn stream(&self) -> Stream {
        self.load.streams.fetch_add(1, Ordering::Relaxed);
        let was_used_before = self.load.was_used.swap(true, Ordering::Relaxed);
        Stream { sender: self.sender.clone(), load: self.load.clone(), was_used_before }
    }
}

impl Load {
    fn has_room(&self) -> bool {
        self.streams.load(Ordering::Relaxed) < self.most.load(Ordering::Relaxed)
    }
}

impl Stream {
    pub(super) fn send(
        &mut self,
        request: Request<ClientBody>,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<ClientBody>>>> + use<> {
        self.sender.try_send_request(request)
    }

    /// Whether its connection had carried another request before.
    pub(super) fn was_used_before(&self) -> bool {
        self.was_used_before
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.load.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Many requests share it, so it has a task of its own. Nothing is sent before it is known how many the server takes: it would refuse
/// the others.
async fn open(address: &Address) -> io::Result<Connection> {
    let stream: Bytes = address.connect().await?;
    let (sender, connection) = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_frame_size(16 * 1024)
        .max_header_list_size(LONGEST_HEAD)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(64 * 1024)
        .initial_max_send_streams(0)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    let mut connection = Box::pin(connection);
    let greeted = async {
        while connection.current_max_send_streams() == 0 {
            tokio::select! {
                _ = connection.as_mut() => return Err(io::Error::other("it does not speak HTTP/2")),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        Ok(())
    };
    tokio::time::timeout(GREETING, greeted).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    let load = Arc::new(Load {
        streams: AtomicUsize::new(0),
        most: AtomicUsize::new(connection.current_max_send_streams().min(MOST_STREAMS)),
        was_used: AtomicBool::new(false),
    });
    let told = load.clone();
    tokio::spawn(async move {
        std::future::poll_fn(|cx| {
            let polled = connection.as_mut().poll(cx);
            // One that takes nothing would never be told that it is in use.
            let most = connection.current_max_send_streams().clamp(1, MOST_STREAMS);
            told.most.store(most, Ordering::Relaxed);
            polled.map(|_| ())
        })
        .await;
    });
    Ok(Connection { sender, load, unused_since: None })
}

/// The same request with its host where HTTP/2 has it (RFC 9113 section 8.3.1), unless it is there already. It chooses no address.
pub(super) fn as_http2<B>(request: Request<B>, is_secure: bool) -> Request<B> {
    let (mut parts, body) = request.into_parts();
    let host = parts.headers.remove(HOST);
    let authority = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let authority = authority.or_else(|| parts.uri.authority().cloned());
    let mut target = Parts::default();
    target.path_and_query =
        Some(parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")));
    if let Some(authority) = authority {
        target.scheme = Some(if is_secure { Scheme::HTTPS } else { Scheme::HTTP });
        target.authority = Some(authority);
    }
    // Scheme, host and path together are always sound.
    parts.uri = Uri::from_parts(target).unwrap_or_default();
    parts.version = Version::HTTP_2;
    Request::from_parts(parts, body)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn a_host_goes_where_http_2_has_it() {
        for (target, host, is_secure, expected) in [
            ("/a%2F..?b", Some("town.example:8080"), false, "http://town.example:8080/a%2F..?b"),
            ("/", Some("[::1]"), true, "https://[::1]/"),
            ("*", Some("town.example"), false, "http://town.example*"),
            ("/", None, false, "/"),
        ] {
            let mut request = Request::new(ClientBody::empty());
            *request.method_mut() = Method::OPTIONS;
            *request.uri_mut() = target.parse().unwrap();
            request.headers_mut().extend(host.map(|host| (HOST, host.parse().unwrap())));
            let once = as_http2(request, is_secure);
            assert_eq!((once.uri().to_string().as_str(), once.version()), (expected, Version::HTTP_2));
            assert!(!once.headers().contains_key(HOST));
            let twice = as_http2(once, is_secure);
            assert_eq!(twice.uri().to_string(), expected, "for whoever stands by");
        }
    }
}
