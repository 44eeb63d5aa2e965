use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

/// What goes on over a connection: the guard must know, and sees bytes alone.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Conversation(Arc<Requests>);

/// Of one connection, since it began.
#[derive(Debug, Default)]
struct Requests {
    begun: AtomicUsize,
    answered: AtomicUsize,
}

/// One request, from its head to the end of its answer.
#[derive(Debug)]
pub(in super::super) struct Open(Conversation);

impl Conversation {
    /// A request begins.
    pub(in super::super) fn open(&self) -> Open {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Open(self.clone())
    }

    /// How many requests there were.
    pub(super) fn begun(&self) -> usize {
        self.0.begun.load(Ordering::Relaxed)
    }

    /// Whether no request is being answered.
    pub(super) fn rests(&self) -> bool {
        self.begun() == self.0.answered.load(Ordering::Relaxed)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.answered.fetch_add(1, Ordering::Relaxed);
    }
}

pin_project! {
    /// The body of an answer. Its request is open for as long as this is.
    #[derive(Debug)]
    pub(in super::super) struct WhileOpen<B> {
        #[pin]
        body: B,
        open: Open,
    }
}

impl<B> WhileOpen<B> {
    pub(in super::super) const fn new(body: B, open: Open) -> Self {
        Self { body, open }
    }
}

impl<B: Body> Body for WhileOpen<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
