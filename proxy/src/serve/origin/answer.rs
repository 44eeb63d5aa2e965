use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::super::fields::prepare_trailers;
use super::link::Link;
use super::pool::Pool;
use super::streams::Stream;

/// The body of an answer. Where nothing else drives the connection, reading the body does; once it has been read, the connection goes
/// back to the pool. A body that is dropped before its end closes the connection, so that what is left of it reaches nobody.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    body: Incoming,
    /// The first part of it, where that came with the head.
    first: Option<Frame<Bytes>>,
    ended: bool,
    over: Over,
}

/// What an answer comes over.
#[derive(Debug)]
enum Over {
    /// A connection that is driven by reading.
    Link(Link, Arc<Pool>),
    /// One of many streams, whose room is free again once this is gone.
    Stream { _room: Stream },
    /// A connection that a task of its own drives.
    Task,
}

impl AnswerBody {
    /// Over a connection that is driven by reading.
    pub(super) fn driving(body: Incoming, link: Link, pool: Arc<Pool>) -> Self {
        Self { body, first: None, ended: false, over: Over::Link(link, pool) }
    }

    /// Over a connection that a task of its own drives.
    pub(super) fn driven(body: Incoming) -> Self {
        Self { body, first: None, ended: false, over: Over::Task }
    }

    /// Over one stream of a connection that others share.
    pub(super) fn of_stream(body: Incoming, stream: Stream) -> Self {
        Self { body, first: None, ended: false, over: Over::Stream { _room: stream } }
    }

    /// Looks whether a part of it is there already, without waiting.
    ///
    /// # Errors
    ///
    /// Where it is broken before it has begun: the client has not been told of it yet, and can be told otherwise.
    pub(in super::super) fn begin(&mut self, cx: &mut Context<'_>) -> Result<(), hyper::Error> {
        if !self.body.is_end_stream()
            && let Poll::Ready(Some(first)) = Pin::new(&mut *self).poll_frame(cx)
        {
            self.first = Some(first?);
        }
        Ok(())
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        let mut polled = match &mut this.over {
            Over::Stream { .. } | Over::Task => Pin::new(&mut this.body).poll_frame(cx),
            Over::Link(link, _) => {
                // Nobody but this task brings it, so nobody has to wake it.
                let mut quiet = Context::from_waker(Waker::noop());
                match Pin::new(&mut this.body).poll_frame(&mut quiet) {
                    Poll::Pending => {
                        link.drive(cx);
                        Pin::new(&mut this.body).poll_frame(&mut quiet)
                    }
                    ready @ Poll::Ready(_) => ready,
                }
            }
        };
        this.ended = matches!(polled, Poll::Ready(None));
        if let Poll::Ready(Some(Ok(frame))) = &mut polled
            && let Some(trailers) = frame.trailers_mut()
        {
            prepare_trailers(trailers);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().and_then(Frame::data_ref).map_or(0, |data| data.len() as u64);
        let rest = self.body.size_hint();
        let mut hint = SizeHint::new();
        if let Some(most) = rest.upper() {
            hint.set_upper(most + first);
        }
        hint.set_lower(rest.lower() + first);
        hint
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        let over = std::mem::replace(&mut self.over, Over::Task);
        if let Over::Link(link, pool) = over
            && (self.ended || self.first.is_none() && self.body.is_end_stream())
        {
            pool.give(link);
        }
    }
}
