//! What follows once client and origin speak another protocol: bytes, both ways, of which nobody knows what they say.

use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional_with_sizes};

use super::guard::Guarded;
use super::limits::{TUNNEL, TUNNEL_STEP};
use super::patience::Patience;

/// The way to an origin that speaks another protocol from now on: an extension of the answer that says so.
#[derive(Debug, Clone)]
pub(super) struct Tunnel(OnUpgrade);

impl Tunnel {
    /// `origin` will be its end of the connection.
    pub(super) fn to(origin: OnUpgrade) -> Self {
        Self(origin)
    }

    /// Carries bytes both ways until both sides are done, one breaks off, or nothing has moved for too long.
    pub(super) async fn carry<S: AsyncRead + AsyncWrite + Unpin>(self, client: Guarded<S>) {
        if let (Some((stream, early)), Ok(origin)) = (client.step_aside(), self.0.await) {
            carry(stream, early, TokioIo::new(origin), TUNNEL).await;
        }
    }
}

/// `early` is what the client has said before it was known that it would be understood.
async fn carry<C, O>(client: C, early: BytesMut, mut origin: O, unused: Duration)
where
    C: AsyncRead + AsyncWrite + Unpin,
    O: AsyncRead + AsyncWrite + Unpin,
{
    let moved = AtomicBool::new(false);
    let mut client = ClientEnd { stream: client, early, moved: &moved };
    // Where one side ends, the other hears of it, and may still go on.
    let mut copied = pin!(copy_bidirectional_with_sizes(&mut client, &mut origin, TUNNEL_STEP, TUNNEL_STEP));
    let mut patience = Patience::of(unused);
    std::future::poll_fn(|cx| {
        if copied.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        if moved.swap(false, Ordering::Relaxed) {
            patience.renew();
        }
        patience.poll_lost(cx)
    })
    .await;
}

/// Notes when bytes move, in either direction.
struct ClientEnd<'a, C> {
    stream: C,
    early: BytesMut,
    moved: &'a AtomicBool,
}

impl<C> ClientEnd<'_, C> {
    fn note(&self, moves: bool) {
        if moves {
            self.moved.store(true, Ordering::Relaxed);
        }
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for ClientEnd<'_, C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            let count = self.early.len().min(buf.remaining());
            buf.put_slice(&self.early[..count]);
            self.early.advance(count);
            if self.early.is_empty() {
                self.early = BytesMut::new();
            }
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.note(buf.filled().len() > before);
        polled
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for ClientEnd<'_, C> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(polled.is_ready());
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    use super::*;

    const ROOM: usize = 1024;

    /// The client's end, the origin's, and what lies between.
    fn tunnel(early: &[u8]) -> (DuplexStream, DuplexStream, JoinHandle<()>) {
        let ((client, near), (far, origin)) = (duplex(ROOM), duplex(ROOM));
        let between = tokio::spawn(carry(near, BytesMut::from(early), far, TUNNEL));
        (client, origin, between)
    }

    async fn next(end: &mut DuplexStream) -> String {
        let mut part = [0; 64];
        let length = end.read(&mut part).await.unwrap();
        String::from_utf8_lossy(&part[..length]).into_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn upgrade_3_an_end_passes_either_way_and_the_other_side_goes_on() {
        let (mut client, mut origin, between) = tunnel(b"early");
        assert_eq!(next(&mut origin).await, "early");
        client.write_all(b"bye").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!((next(&mut origin).await, next(&mut origin).await), ("bye".to_owned(), String::new()));
        origin.write_all(b"not yet").await.unwrap();
        assert_eq!(next(&mut client).await, "not yet");
        origin.shutdown().await.unwrap();
        assert_eq!(next(&mut client).await, "");
        between.await.unwrap();

        let (mut client, mut origin, between) = tunnel(b"");
        origin.shutdown().await.unwrap();
        assert_eq!(next(&mut client).await, "");
        client.write_all(b"still here").await.unwrap();
        assert_eq!(next(&mut origin).await, "still here");
        drop(client);
        assert_eq!(next(&mut origin).await, "");
        between.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn upgrade_3_a_tunnel_is_cut_once_nothing_has_moved_for_an_hour() {
        let (mut client, mut origin, between) = tunnel(b"");
        let began = Instant::now();
        let nearly = TUNNEL - Duration::from_secs(1);
        // A ping in either direction is enough.
        for _ in 0..3 {
            tokio::time::sleep(nearly).await;
            client.write_all(b"ping").await.unwrap();
            assert_eq!(next(&mut origin).await, "ping");
            tokio::time::sleep(nearly).await;
            origin.write_all(b"pong").await.unwrap();
            assert_eq!(next(&mut client).await, "pong");
        }
        between.await.unwrap();
        assert_eq!(began.elapsed().as_secs(), (6 * nearly + TUNNEL).as_secs());
        assert_eq!((next(&mut client).await, next(&mut origin).await), (String::new(), String::new()));
    }

    #[tokio::test(start_paused = true)]
    async fn upgrade_3_whoever_takes_nothing_is_given_an_hour_too() {
        let (mut client, _origin, between) = tunnel(b"");
        let began = Instant::now();
        let written = client.write_all(&[0; 64 * ROOM]).await;
        assert!(written.is_err(), "it is not kept in memory");
        between.await.unwrap();
        assert_eq!(began.elapsed().as_secs(), TUNNEL.as_secs());
    }
}
