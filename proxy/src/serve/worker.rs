//! One thread: a runtime, a listener, a pool of connections to the origin, and the connections of its clients.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use pinfold::client_ip::TrustedProxies;
use tokio::sync::watch;

use super::announced;
use super::door::Door;
use super::origin::Origin;
use super::speak::Server;

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
    let server = Server::new();
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
                let (announcers, stop) = (announcers.clone(), stop.clone());
                tokio::spawn(async move {
                    let client = match &announcers {
                        None => Some(peer),
                        Some(trusted) => announced::client(&mut stream, peer, trusted).await,
                    };
                    let Some(client) = client else { return };
                    server.serve(stream, client, door, watcher, stop).await;
                });
            }
            Err(error) => rest_after(&error).await,
        }
    }
    drop(listener);
    // What is not done by then is cut off.
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
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
