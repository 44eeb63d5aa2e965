//! One thread: a runtime, a listener, a pool of connections to the origin, and the connections of its clients.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::door::Door;

/// How long a client may take to send the first byte, or the head of a request.
const HEAD: Duration = Duration::from_secs(10);

/// How long a stop waits for requests under way.
const DRAIN: Duration = Duration::from_secs(30);

/// How long accepting rests when the system has no descriptor left.
const REST: Duration = Duration::from_millis(50);

/// Serves until `stop` turns true, then finishes what is under way. Blocks the thread.
pub(super) fn run(listener: TcpListener, door: Door, stop: watch::Receiver<bool>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        serve(listener, door, stop).await;
        Ok(())
    })
}

async fn serve(listener: tokio::net::TcpListener, door: Door, mut stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let server = server();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                // A connection without it is slower, not wrong.
                let _ = stream.set_nodelay(true);
                let (server, watcher, door) = (server.clone(), graceful.watcher(), door.clone());
                tokio::spawn(async move {
                    if speaks_in_time(&stream).await {
                        let service = service_fn(move |request| door.clone().answer(request, peer));
                        let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service);
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

/// Whether anything comes at all: hyper's own limit begins only once it knows which version of HTTP is spoken.
async fn speaks_in_time(stream: &TcpStream) -> bool {
    matches!(tokio::time::timeout(HEAD, stream.readable()).await, Ok(Ok(())))
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
