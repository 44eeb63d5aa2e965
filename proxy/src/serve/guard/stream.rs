use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::super::latency::Latency;
use super::super::limits::{HEAD, TAKING, UNUSED};
use super::super::patience::Patience;
use super::super::refused::Refused;
use super::conversation::Conversation;
use super::farewell::{Farewell, GoAway, answer, go_away};
use super::messages::Messages;
use super::streams::Streams;

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
    /// h2 judges what is said.
    Http2(Streams),
}

/// Why nothing is handed on any more.
#[derive(Debug, Clone, Copy)]
enum Over {
    /// A head is refused.
    Head(Refused),
    /// A body is refused, and whoever answers its request says so; or it has been answered before it came.
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
            reading: Patience::of(HEAD),
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
                self.judge = Judge::Http2(Streams::default());
                self.conversation.use_streams();
                self.judge_held();
                return Some(Speaks::Http2);
            }
        }
    }

    /// Finds out how much of what is held may be handed on, and gives the rest up if it is refused.
    fn judge_held(&mut self) {
        match &mut self.judge {
            Judge::Http2(_) => self.sound = self.held.len(),
            Judge::Http1(messages) => {
                let judged = messages.judge(&self.held[self.sound..]);
                self.sound += judged.sound;
                if let Some(refused) = judged.refused {
                    self.refuse(refused);
                }
            }
        }
    }

    /// Judges what has come after a request for another protocol, once the answer is that HTTP goes on. Whether it has just done so.
    fn decide(&mut self) -> bool {
        let Judge::Http1(messages) = &mut self.judge else { return false };
        let is_answered = || self.conversation.begun() == messages.heads() && self.conversation.rests();
        if !messages.is_undecided() || !is_answered() {
            return false;
        }
        messages.go_on();
        self.judge_held();
        true
    }

    fn is_undecided(&self) -> bool {
        matches!(&self.judge, Judge::Http1(messages) if messages.is_undecided())
    }

    /// Leaves a client to whoever speaks another protocol with it: its end, and what it has said of that protocol already. Nothing
    /// where hyper has left some of its answer unsent.
    pub(in super::super) fn step_aside(self) -> Option<(S, BytesMut)> {
        (self.is_undecided() && !self.unsent).then_some((self.stream, self.held))
    }

    /// Ends a connection that hyper has left open.
    pub(in super::super) async fn close(mut self) {
        // A part of an answer is followed by nothing.
        if !self.unsent {
            let _ = std::future::poll_fn(|cx| Pin::new(&mut self).poll_shutdown(cx)).await;
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

    /// Whether a body goes on after its answer: servers disagree on where the next request begins then (CVE-2025-4366). A body whose
    /// head hyper has not come to yet is another's.
    fn is_answered_early(&self) -> bool {
        let is_last = |messages: &Messages| messages.heads() == self.conversation.begun();
        matches!(&self.judge, Judge::Http1(messages) if messages.in_body() && is_last(messages))
            && self.conversation.rests()
    }

    /// Whether nothing is being answered, and the next request may be waited for.
    fn rests(&self) -> bool {
        self.conversation.rests() && !self.unsent && !self.in_body()
    }

    /// Waits for the client to say something, but not for ever: whoever has nothing to be answered must begin, and then go on. A body
    /// has a limit of its own, where it is read.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let rests = self.rests();
        match &mut self.judge {
            Judge::Http1(_) if !rests => {
                self.reading.renew();
                return Poll::Pending;
            }
            Judge::Http1(messages) => {
                let begins = self.conversation.begun() == 0 || messages.in_head();
                let limit = if begins { HEAD } else { UNUSED };
                if self.reading.limit() != limit {
                    self.reading.renew_to(limit);
                }
                ready!(self.reading.poll_lost(cx));
                if messages.in_head() {
                    self.refuse(Refused::LATE);
                    return Poll::Ready(());
                }
            }
            Judge::Http2(streams) => {
                ready!(streams.poll_patience(&self.conversation, rests, &mut self.reading, cx));
            }
        }
        self.over = Some(Over::Unused);
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
            Judge::Http2(streams) => {
                if streams.are_flooded(&self.conversation, come.len()) {
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
            this.decide();
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
            // The rest stays where it is until it is known what it is: whoever flushes the answer wakes hyper.
            if !this.held.is_empty() && this.is_undecided() {
                return Poll::Pending;
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
    fn poll_taken<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
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
        self.unsent = true;
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.poll_taken(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.unsent = true;
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.poll_taken(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS keeps what the system does not take yet.
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        ready!(self.poll_taken(cx, polled))?;
        let had_unsent = std::mem::take(&mut self.unsent);
        if had_unsent && self.conversation.rests() {
            if self.is_answered_early() {
                self.over = Some(Over::Body);
            }
            // hyper may not ask again by itself.
            if self.over.is_some() || self.poll_patience(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
        }
        if self.decide() {
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
                (Some(Over::Flood), Judge::Http2(_)) => go_away(GoAway::EnhanceYourCalm),
                (Some(Over::Unused), Judge::Http2(_)) => go_away(GoAway::NoError),
                _ => Vec::new(),
            };
            let is_mid_message = this.over.is_some() || this.in_body() || !this.held.is_empty();
            let lingers = !this.ended && (is_mid_message || matches!(this.judge, Judge::Http2(_)));
            this.farewell = Some(Farewell::new(words, lingers));
        }
        let Some(farewell) = &mut this.farewell else { return Poll::Ready(Ok(())) };
        if let Poll::Ready(said) = farewell.poll(Pin::new(&mut this.stream), cx) {
            return Poll::Ready(said);
        }
        ready!(this.writing.poll_lost(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt as _, BufStream, DuplexStream, duplex};
    use tokio::time::Instant;

    use super::super::super::tunnel::Tunnel;
    use super::*;

    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    /// A guard, and the client's end.
    fn guarded_by(room: usize) -> (Guarded<DuplexStream>, DuplexStream) {
        let (client, server) = duplex(room);
        (Guarded::new(server, Conversation::default(), Arc::default()), client)
    }

    /// What hyper would be given until the end.
    async fn handed_on(guarded: &mut Guarded<DuplexStream>) -> Vec<u8> {
        let mut bytes = Vec::new();
        guarded.read_to_end(&mut bytes).await.unwrap();
        bytes
    }

    #[tokio::test(start_paused = true)]
    async fn sound_messages_are_handed_on_unchanged_and_nothing_else() {
        let post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
        for (sound, rest, words) in [
            ([GET, post, GET].concat(), &b""[..], ""),
            ([GET, GET].concat(), b"GET / HTTP/1.1\r\nHost:", ""),
            ([GET, post].concat(), b"GET / HTTP/1.1\r\n: x\r\n\r\n", "HTTP/1.1 400 "),
            (Vec::new(), b"GET / HTTP/4.0\r\n", "HTTP/1.1 505 "),
        ] {
            for step in [1, 7, 1000] {
                let (mut guarded, mut client) = guarded_by(4096);
                let bytes = [&sound, rest].concat();
                let sent = tokio::spawn(async move {
                    for part in bytes.chunks(step) {
                        client.write_all(part).await.unwrap();
                        tokio::task::yield_now().await;
                    }
                    client.shutdown().await.unwrap();
                    let mut told = String::new();
                    client.read_to_string(&mut told).await.unwrap();
                    told
                });
                assert_eq!(guarded.speaks().await, Some(Speaks::Http1));
                assert_eq!(handed_on(&mut guarded).await, sound);
                guarded.shutdown().await.unwrap();
                let told = sent.await.unwrap();
                assert!(told.starts_with(words) && told.is_empty() == words.is_empty(), "{told}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn upgrade_1_what_follows_is_held_until_the_answer_is_known() {
        const ASK: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
        for (early, follows, told) in [(GET, [GET, GET].concat(), ""), (b"\0", Vec::new(), "HTTP/1.1 400 ")] {
            for switches in [false, true] {
                let (mut guarded, mut client) = guarded_by(4096);
                client.write_all(&[GET, ASK].concat()).await.unwrap();
                guarded.speaks().await.unwrap();
                guarded.read_exact(&mut vec![0; GET.len() + ASK.len()]).await.unwrap();
                let open = [guarded.conversation.open(), guarded.conversation.open()];
                // One part of it is held, and the rest is left to wait with the client, longer than any limit for requests.
                for part in [early, GET] {
                    client.write_all(part).await.unwrap();
                    let mut buffer = [0; 100];
                    let read = tokio::time::timeout(10 * UNUSED, guarded.read(&mut buffer)).await;
                    assert!(read.is_err(), "{read:?}");
                    assert_eq!(guarded.held, early);
                }
                if switches {
                    let nowhere = hyper::upgrade::on(http::Request::new(()));
                    guarded.conversation.switch(Tunnel::to(nowhere));
                    drop(open);
                    assert!(!guarded.decide());
                    let (mut stream, held) = guarded.step_aside().unwrap();
                    let mut rest = vec![0; GET.len()];
                    stream.read_exact(&mut rest).await.unwrap();
                    assert_eq!((held, rest), (early.into(), GET.to_vec()));
                    continue;
                }
                drop(open);
                client.shutdown().await.unwrap();
                assert_eq!(handed_on(&mut guarded).await, follows);
                guarded.close().await;
                let mut words = String::new();
                client.read_to_string(&mut words).await.unwrap();
                assert!(words.starts_with(told) && words.is_empty() == told.is_empty(), "{words}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn fault_19_patience_ends() {
        for (asked, beginning, told, limit) in [
            (0, &b"GET / HT"[..], "HTTP/1.1 408 ", HEAD),
            (1, b"GET / HT", "HTTP/1.1 408 ", HEAD),
            (0, GET, "", HEAD),
            (1, GET, "", UNUSED),
        ] {
            let (mut guarded, mut client) = guarded_by(4096);
            client.write_all(beginning).await.unwrap();
            guarded.speaks().await.unwrap();
            (0..asked).for_each(|_| drop(guarded.conversation.open()));
            let began = Instant::now();
            handed_on(&mut guarded).await;
            assert_eq!(began.elapsed().as_secs(), limit.as_secs());
            guarded.shutdown().await.unwrap();
            drop(guarded);
            let mut words = String::new();
            client.read_to_string(&mut words).await.unwrap();
            assert!(words.starts_with(told) && words.is_empty() == told.is_empty(), "{words}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn fault_19_whoever_takes_nothing_is_cut_off() {
        let (mut guarded, _client) = guarded_by(64);
        let began = Instant::now();
        let error = guarded.write_all(&[0; 1000]).await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed().as_secs()), (io::ErrorKind::TimedOut, TAKING.as_secs()));
        // Not even a refusal.
        let (mut guarded, mut client) = guarded_by(64);
        client.write_all(b"GET / HTTP/4.0\r\n").await.unwrap();
        guarded.speaks().await.unwrap();
        handed_on(&mut guarded).await;
        let began = Instant::now();
        let error = guarded.shutdown().await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed().as_secs()), (io::ErrorKind::TimedOut, TAKING.as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn fault_19_whoever_takes_nothing_of_what_tls_holds_is_cut_off() {
        let (_client, server) = duplex(64);
        let buffered = BufStream::new(server);
        let mut guarded = Guarded::new(buffered, Conversation::default(), Arc::default());
        guarded.write_all(&[0; 1000]).await.unwrap();
        for ending in [false, true] {
            let began = Instant::now();
            let ended = if ending { guarded.shutdown().await } else { guarded.flush().await };
            let found = (ended.unwrap_err().kind(), began.elapsed().as_secs());
            assert_eq!(found, (io::ErrorKind::TimedOut, TAKING.as_secs()));
            guarded.writing.renew();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn http2_5_a_preface_is_whole_or_the_end() {
        for (beginning, expected) in [
            (PREFACE, Some(Speaks::Http2)),
            (&PREFACE[..20], None),
            (b"PRI * HTTP/2.0\r\n\r\nXX", None),
            (b"PRI / HTTP/1.1\r\n", Some(Speaks::Http1)),
            (b"", None),
        ] {
            let (mut guarded, mut client) = guarded_by(4096);
            client.write_all(beginning).await.unwrap();
            assert_eq!(guarded.speaks().await, expected, "{}", beginning.escape_ascii());
        }
    }
}
