use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::super::latency::Latency;
use super::super::limits::{HEAD, MOST_UNASKED, TAKING, UNUSED};
use super::super::patience::Patience;
use super::super::refused::Refused;
use super::conversation::Conversation;
use super::farewell::{Farewell, GoAway, answer, go_away};
use super::messages::Messages;

/// How a connection to a client begins that speaks HTTP/2 (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Whoever begins so does not speak HTTP/1.
const SPEAKS_2: &[u8] = b"PRI * HTTP/2";

/// How much is read before it is known what a client speaks, in bytes: most heads.
const FIRST_READ: usize = 4 * 1024;

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Speaks {
    Http1,
    Http2,
}

/// A client's end of a connection, as hyper may see it.
#[derive(Debug)]
pub(in super::super) struct Guarded<S> {
    stream: S,
    judge: Judge,
    /// What has been read and not been handed on; its first `sound` bytes may be.
    held: BytesMut,
    sound: usize,
    conversation: Conversation,
    /// Nothing is handed on any more.
    over: Option<Over>,
    /// hyper has seen the end of what is handed on, and will answer nothing more.
    told: bool,
    /// The client has said all it will.
    ended: bool,
    /// Something of an answer may not have gone out yet.
    unsent: bool,
    reading: Patience,
    writing: Patience,
    farewell: Option<Farewell>,
    latency: Arc<Latency>,
}

#[derive(Debug)]
enum Judge {
    Http1(Messages),
    /// h2 judges what there is; `unasked` is how many bytes have come since the last request, while none was being answered.
    Http2 {
        begun: usize,
        unasked: usize,
    },
}

/// Why nothing is handed on any more.
#[derive(Debug, Clone, Copy)]
enum Over {
    /// A head is refused.
    Head(Refused),
    /// The body that hyper reads is. Whoever answers its request says so.
    Body,
    /// Much came, and nothing was asked for.
    Flood,
    /// Nothing was asked for in time.
    Unused,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guarded<S> {
    pub(in super::super) fn new(stream: S, conversation: Conversation, latency: Arc<Latency>) -> Self {
        Self {
            stream,
            judge: Judge::Http1(Messages::new()),
            held: BytesMut::new(),
            sound: 0,
            conversation,
            over: None,
            told: false,
            ended: false,
            unsent: false,
            reading: Patience::of(UNUSED),
            writing: Patience::of(TAKING),
            farewell: None,
            latency,
        }
    }

    /// What the client speaks, as soon as its first bytes tell. Nothing where it falls silent before, or begins as HTTP/2 does and does
    /// not go on so.
    pub(in super::super) async fn speaks(&mut self) -> Option<Speaks> {
        tokio::time::timeout(HEAD, self.first_bytes()).await.ok().flatten()
    }

    async fn first_bytes(&mut self) -> Option<Speaks> {
        self.held.reserve(FIRST_READ);
        loop {
            if self.stream.read_buf(&mut self.held).await.ok()? == 0 {
                return None;
            }
            let compared = self.held.len().min(PREFACE.len());
            if !PREFACE.starts_with(&self.held[..compared]) {
                if self.held.starts_with(SPEAKS_2) {
                    return None;
                }
                self.judge_held();
                return Some(Speaks::Http1);
            }
            if compared == PREFACE.len() {
                self.judge = Judge::Http2 { begun: 0, unasked: 0 };
                self.judge_held();
                return Some(Speaks::Http2);
            }
        }
    }

    /// Finds out how much of what is held may be handed on, and gives the rest up if it is refused.
    fn judge_held(&mut self) {
        match &mut self.judge {
            Judge::Http2 { .. } => self.sound = self.held.len(),
            Judge::Http1(messages) => {
                let judged = messages.judge(&self.held[self.sound..]);
                self.sound += judged.sound;
                if let Some(refused) = judged.refused {
                    self.refuse(refused);
                }
            }
        }
    }

    fn refuse(&mut self, refused: Refused) {
        self.held.truncate(self.sound);
        if self.in_body() {
            self.over = Some(Over::Body);
        } else {
            self.latency.note_refused();
            self.over = Some(Over::Head(refused));
        }
    }

    fn in_body(&self) -> bool {
        matches!(&self.judge, Judge::Http1(messages) if messages.in_body())
    }

    fn in_head(&self) -> bool {
        matches!(&self.judge, Judge::Http1(messages) if messages.in_head())
    }

    /// Whether nothing is being answered, and the next request may be waited for.
    fn rests(&self) -> bool {
        self.conversation.rests() && !self.unsent && !self.in_body()
    }

    /// Waits for the client to say something, but not for ever: whoever has nothing to be answered must begin, and then go on. A body
    /// has a limit of its own, where it is read.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.rests() {
            self.reading.renew();
            return Poll::Pending;
        }
        ready!(self.reading.poll_lost(cx));
        if self.in_head() {
            self.refuse(Refused::LATE);
        } else {
            self.over = Some(Over::Unused);
        }
        Poll::Ready(())
    }

    /// Takes what has come into `buf`, as far as it may be handed on.
    fn take(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let come = &buf.filled()[before..];
        if come.is_empty() {
            self.ended = true;
            return;
        }
        let messages = match &mut self.judge {
            Judge::Http1(messages) => messages,
            Judge::Http2 { begun, unasked } => {
                if !self.conversation.rests() || *begun != self.conversation.begun() {
                    (*begun, *unasked) = (self.conversation.begun(), 0);
                }
                *unasked += come.len();
                if *unasked > MOST_UNASKED {
                    self.over = Some(Over::Flood);
                }
                return;
            }
        };
        let was_in_head = messages.in_head();
        let passed = if self.held.is_empty() {
            let judged = messages.judge(come);
            if judged.sound < come.len() && judged.refused.is_none() {
                self.held.extend_from_slice(&come[judged.sound..]);
            }
            if let Some(refused) = judged.refused {
                self.refuse(refused);
            }
            judged.sound
        } else {
            self.held.extend_from_slice(come);
            self.judge_held();
            0
        };
        buf.set_filled(before + passed);
        if !was_in_head || passed > 0 || self.sound > 0 {
            self.reading.renew();
        }
    }

    /// Hands on what is held and may be.
    fn give(&mut self, buf: &mut ReadBuf<'_>) {
        let count = self.sound.min(buf.remaining());
        buf.put_slice(&self.held[..count]);
        self.held.advance(count);
        self.sound -= count;
        if self.held.is_empty() {
            self.held = BytesMut::new();
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        loop {
            if this.sound > 0 {
                this.give(buf);
                return Poll::Ready(Ok(()));
            }
            match this.over {
                None if this.ended => return Poll::Ready(Ok(())),
                None => {}
                // hyper hears of the end once it has answered what came before.
                Some(Over::Head(_)) if !this.rests() => return Poll::Pending,
                Some(_) => {
                    this.told = true;
                    return Poll::Ready(Ok(()));
                }
            }
            match Pin::new(&mut this.stream).poll_read(cx, buf) {
                Poll::Ready(Ok(())) => {
                    this.take(buf, before);
                    if buf.filled().len() > before {
                        return Poll::Ready(Ok(()));
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => ready!(this.poll_patience(cx)),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guarded<S> {
    /// Whoever takes nothing of an answer for too long is cut off.
    fn poll_taken(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.unsent = true;
        match polled {
            Poll::Ready(taken) => {
                self.writing.renew();
                Poll::Ready(taken)
            }
            Poll::Pending => {
                ready!(self.writing.poll_lost(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.poll_taken(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.poll_taken(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        let had_unsent = std::mem::take(&mut self.unsent);
        // Whoever was told to wait for this, and is not asked again, is told now.
        if had_unsent && self.rests() && (self.over.is_some() || self.poll_patience(cx).is_ready()) {
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.farewell.is_none() {
            let words = match (this.over, &this.judge) {
                // Whoever was told in an answer that the connection ends is told nothing more.
                (Some(Over::Head(refused)), _) if this.told => answer(refused),
                (Some(Over::Flood), Judge::Http2 { .. }) => go_away(GoAway::EnhanceYourCalm),
                (Some(Over::Unused), Judge::Http2 { .. }) => go_away(GoAway::NoError),
                _ => Vec::new(),
            };
            let is_mid_message = this.over.is_some() || this.in_body() || !this.held.is_empty();
            let lingers = !this.ended && (is_mid_message || matches!(this.judge, Judge::Http2 { .. }));
            this.farewell = Some(Farewell::new(words, lingers));
        }
        match &mut this.farewell {
            Some(farewell) => farewell.poll(Pin::new(&mut this.stream), cx),
            None => Poll::Ready(Ok(())),
        }
    }
}
