use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::limits::{FAREWELL, FAREWELL_BYTES, TAKING};
use super::super::patience::Patience;
use super::super::refused::Refused;

/// The end of a connection: last words, if there are any; then the end of what we say; then, where the client may still be saying
/// something, a while in which that is thrown away.
#[derive(Debug)]
pub(super) struct Farewell {
    words: Vec<u8>,
    written: usize,
    flushed: bool,
    shut: bool,
    /// For all that to be taken.
    taking: Patience,
    /// How many more bytes are thrown away.
    left: usize,
    patience: Patience,
}

impl Farewell {
    /// `lingers` where the client may still be sending.
    pub(super) fn new(words: Vec<u8>, lingers: bool) -> Self {
        Self {
            words,
            written: 0,
            flushed: false,
            shut: false,
            taking: Patience::of(TAKING),
            left: if lingers { FAREWELL_BYTES } else { 0 },
            patience: Patience::of(FAREWELL),
        }
    }

    pub(super) fn poll<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        mut stream: Pin<&mut S>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        match self.poll_said(stream.as_mut(), cx) {
            Poll::Ready(said) => said?,
            Poll::Pending => {
                ready!(self.taking.poll_lost(cx));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        let mut thrown = [0; 4096];
        while self.left > 0 {
            let mut thrown = ReadBuf::new(&mut thrown);
            match stream.as_mut().poll_read(cx, &mut thrown) {
                Poll::Ready(Ok(())) if !thrown.filled().is_empty() => {
                    self.left = self.left.saturating_sub(thrown.filled().len());
                }
                Poll::Ready(_) => self.left = 0,
                Poll::Pending => {
                    ready!(self.patience.poll_lost(cx));
                    self.left = 0;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The words, and then the end.
    fn poll_said<S: AsyncWrite + Unpin>(
        &mut self,
        mut stream: Pin<&mut S>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.written < self.words.len() {
            match ready!(stream.as_mut().poll_write(cx, &self.words[self.written..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        if !self.flushed {
            ready!(stream.as_mut().poll_flush(cx))?;
            self.flushed = true;
        }
        if !self.shut {
            ready!(stream.as_mut().poll_shutdown(cx))?;
            self.shut = true;
        }
        Poll::Ready(Ok(()))
    }
}

/// Why a connection of HTTP/2 is ended (RFC 9113 section 7).
#[derive(Debug, Clone, Copy)]
pub(super) enum GoAway {
    NoError = 0,
    EnhanceYourCalm = 11,
}

/// A frame that says so. Whatever the client has asked may have been done (RFC 9113 section 6.8).
pub(super) fn go_away(why: GoAway) -> Vec<u8> {
    let mut frame = vec![0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff];
    frame.extend((why as u32).to_be_bytes());
    frame
}

/// In the form of the proxy's other answers.
pub(super) fn answer(Refused { status, text }: Refused) -> Vec<u8> {
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now()).unwrap_or_default();
    let length = text.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\n\
         connection: close\r\ncontent-length: {length}\r\ndate: {date}\r\n\r\n{text}"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_whole_answer() {
        let answer = String::from_utf8(answer(Refused::VERSION)).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 505 HTTP Version Not Supported\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        assert!(head.ends_with(" GMT"), "{head}");
    }
}
