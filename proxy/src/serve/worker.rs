//! One thread: a runtime, listeners, a pool of connections to the origin, and the connections of its clients.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::doorway::Doorway;
use super::limits::{DRAIN, FAREWELL, FAREWELL_BYTES};
use super::pressure::Connected;
use super::refused::Refused;
use super::speak::Server;
use super::{announced, secured};

/// How long accepting rests when the system has no descriptor left.
const REST: Duration = Duration::from_millis(50);

/// How often that is said.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// A listener, and how its connections are taken in.
#[derive(Debug)]
pub(super) struct Entrance {
    pub(super) listener: TcpListener,
    pub(super) way_in: WayIn,
}

/// What a connection passes before its first request is read.
#[derive(Clone)]
pub(super) struct WayIn {
    /// TLS, where it is spoken.
    pub(super) acceptor: Option<TlsAcceptor>,
    pub(super) doorway: Doorway,
}

impl std::fmt::Debug for WayIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WayIn").field("doorway", &self.doorway).finish_non_exhaustive()
    }
}

/// Serves until `stop` turns true, then finishes what is under way. Blocks the thread.
pub(super) fn run(entrances: Vec<Entrance>, doorway: Doorway, stop: watch::Receiver<bool>) -> io::Result<()> {
    let idle = doorway.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_park(move || idle.widen())
        .build()?;
    runtime.block_on(async {
        tokio::spawn(async move { doorway.tidy().await });
        let graceful = Arc::new(GracefulShutdown::new());
        let server = Arc::new(Server::new());
        let mut accepting = JoinSet::new();
        for Entrance { listener, way_in } in entrances {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            accepting.spawn(accept(listener, way_in, server.clone(), graceful.clone(), stop.clone()));
        }
        while accepting.join_next().await.is_some() {}
        // What is not done by then is cut off.
        if let Some(graceful) = Arc::into_inner(graceful) {
            let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
        }
        Ok(())
    })
}

async fn accept(
    listener: tokio::net::TcpListener,
    way_in: WayIn,
    server: Arc<Server>,
    graceful: Arc<GracefulShutdown>,
    mut stop: watch::Receiver<bool>,
) {
    let mut said = None;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(connected) = Connected::new() else {
                    if way_in.acceptor.is_none() {
                        tokio::spawn(turn_away(stream));
                    }
                    continue;
                };
                // A connection without it is slower, not wrong.
                let _ = stream.set_nodelay(true);
                tokio::spawn(let_in(
                    stream,
                    peer,
                    way_in.clone(),
                    server.clone(),
                    graceful.watcher(),
                    stop.clone(),
                    connected,
                ));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                way_in.doorway.latency().note_not_accepted();
                if said.is_none_or(|said: Instant| said.elapsed() > SAY_AGAIN) {
                    said = Some(Instant::now());
                    tracing::warn!(%error, "no connection can be accepted; trying again (raise the limit of open files)");
                }
                tokio::time::sleep(REST).await;
            }
        }
    }
}

async fn let_in(
    mut stream: TcpStream,
    peer: SocketAddr,
    way_in: WayIn,
    server: Arc<Server>,
    watcher: Watcher,
    stop: watch::Receiver<bool>,
    _connected: Connected,
) {
    // Where there are some, it must come from one of them, and begin with whom it is from.
    let client = match &way_in.doorway.announcers() {
        None => Some(peer),
        // In a place of its own, so that a connection does not keep room for it.
        Some(trusted) => Box::pin(announced::client(&mut stream, peer, trusted)).await,
    };
    let Some(client) = client else { return };
    match &way_in.acceptor {
        None => server.serve(stream, None, client, way_in.doorway, watcher, stop).await,
        Some(acceptor) => {
            let Some((stream, agreed)) = secured::secured(stream, acceptor).await else { return };
            // In a place of its own, so that what comes in clear does not keep room for it.
            Box::pin(server.serve(stream, agreed, client, way_in.doorway, watcher, stop)).await;
        }
    }
}

/// Tells a client that there is no memory for what it asks, whatever that is. Nothing of it is kept.
async fn turn_away(mut stream: TcpStream) {
    let text = Refused::BUSY.text;
    let length = text.len();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{text}"
    );
    // The socket takes so little at once.
    if stream.write_all(answer.as_bytes()).await.is_ok() && stream.shutdown().await.is_ok() {
        let _ = tokio::time::timeout(FAREWELL, throw_away(stream)).await;
    }
}

async fn throw_away(mut stream: TcpStream) {
    let (mut part, mut thrown) = ([0; 1024], 0);
    while thrown < FAREWELL_BYTES {
        match stream.read(&mut part).await {
            Ok(length) if length > 0 => thrown += length,
            _ => break,
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// Where a listener is.
pub(super) fn address_of(listeners: &[TcpListener]) -> io::Result<SocketAddr> {
    listeners.first().ok_or_else(|| io::Error::other("no listener"))?.local_addr()
}
