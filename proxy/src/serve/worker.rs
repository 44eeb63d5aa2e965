//! One thread: a runtime, a listener, a pool of connections to the origin, and the connections of its clients.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use pinfold::client_ip::TrustedProxies;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::announced;
use super::door::Door;
use super::origin::Origin;

/// How long a client may take to send the first byte, or the head of a request.
const HEAD: Duration = Duration::from_secs(10);

/// How long a stop waits for requests under way.
const DRAIN: Duration = Duration::from_secs(30);

/// How long accepting rests when the system has no descriptor left.
const REST: Duration = Duration::from_millis(50);

/// Serves until `stop` turns true, then finishes what is under way. Blocks the thread. Where there are `announcers`, each connection
/// must come from one of them, and begin with whom it is from.
pub(super) fn run(
    listener: TcpListener,
    announcers: Option<Arc<TrustedProxies>>,
    door: Door,
    origin: Arc<Origin>,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::spawn(async move { origin.tidy().await });
        let listener = tokio::net::TcpListener::from_std(listener)?;
        serve(listener, announcers, door, stop).await;
        Ok(())
    })
}

async fn serve(
    listener: tokio::net::TcpListener,
    announcers: Option<Arc<TrustedProxies>>,
    door: Door,
    mut stop: watch::Receiver<bool>,
) {
    let graceful = GracefulShutdown::new();
    let server = server();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((mut stream, peer)) => {
                // A connection without it is slower, not wrong.
                let _ = stream.set_nodelay(true);
                let (server, watcher, door) = (server.clone(), graceful.watcher(), door.clone());
                let announcers = announcers.clone();
                tokio::spawn(async move {
                    let client = match &announcers {
                        None => Some(peer),
                        Some(trusted) => announced::client(&mut stream, peer, trusted).await,
                    };
                    let Some(client) = client else { return };
                    if speaks_in_time(&stream).await {
                        let service = service_fn(move |request| door.clone().answer(request, client));
                        let connection = server.serve_connection(TokioIo::new(stream), service);
                        // Clients hang up and talk nonsense; hyper has answered what can be answered.
                        let _ = watcher.watch(connection.into_owned()).await;
                    }
                });
            }
            Err(error) => rest_after(&error).await,
        }
    }
    drop(listener);
    // What is not done by then is cut off.
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
}

fn server() -> Builder<TokioExecutor> {
    let mut server = Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(64 * 1024);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .max_header_list_size(64 * 1024)
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .max_local_error_reset_streams(Some(128))
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(HEAD);
    server
}

/// Whether the client says in time which version of HTTP it speaks: hyper's own limits begin only after that.
async fn speaks_in_time(stream: &TcpStream) -> bool {
    matches!(tokio::time::timeout(HEAD, version_is_told(stream)).await, Ok(Ok(true)))
}

/// Looks at the first bytes, without taking them, until they are the whole preface of HTTP/2 (RFC 9113 section 3.4) or
/// cannot be.
async fn version_is_told(stream: &TcpStream) -> io::Result<bool> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut first = [0; PREFACE.len()];
    loop {
        let seen = stream.peek(&mut first).await?;
        if seen == 0 {
            return Ok(false);
        }
        if seen == PREFACE.len() || !PREFACE.starts_with(&first[..seen]) {
            return Ok(true);
        }
        // What has been seen stays to be seen: only time brings more.
        tokio::time::sleep(REST).await;
    }
}

async fn rest_after(error: &io::Error) {
    let of_one_connection =
        [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::Interrupted];
    if !of_one_connection.contains(&error.kind()) {
        tracing::warn!(%error, "no connection can be accepted; trying again");
        tokio::time::sleep(REST).await;
    }
}

/// Where a listener is.
pub(super) fn address_of(listeners: &[TcpListener]) -> io::Result<SocketAddr> {
    listeners.first().ok_or_else(|| io::Error::other("no listener"))?.local_addr()
}
