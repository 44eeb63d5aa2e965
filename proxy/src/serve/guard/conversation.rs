use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use hyper::upgrade::OnUpgrade;
use pin_project_lite::pin_project;

use super::super::limits::{MOST_STREAMS, TAKING, TAKING_ONE};
use super::super::tunnel::Tunnel;
use super::stalls::Stalls;

/// What goes on over a connection: the guard must know, and sees bytes alone.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Conversation(Arc<Requests>);

/// Of one connection, since it began.
#[derive(Debug, Default)]
struct Requests {
    begun: AtomicUsize,
    answered: AtomicUsize,
    ended: AtomicBool,
    /// Another protocol is spoken from now on.
    tunnel: OnceLock<Tunnel>,
    /// Where hyper leaves the connection, once it is done with it.
    left: Mutex<Option<OnUpgrade>>,
    /// Over HTTP/2 alone: over HTTP/1 there is one answer at a time, and the guard sees it go out.
    stalls: OnceLock<Stalls>,
}

/// One request, from its head to the end of its answer.
#[derive(Debug)]
pub(in super::super) struct Open {
    conversation: Conversation,
    stream: Option<usize>,
}

impl Conversation {
    /// A request begins.
    pub(in super::super) fn open(&self) -> Open {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Open { conversation: self.clone(), stream: self.0.stalls.get().and_then(Stalls::take) }
    }

    /// Nothing more is to be asked after what is being answered.
    pub(in super::super) fn end(&self) {
        self.0.ended.store(true, Ordering::Relaxed);
    }

    /// What is said from now on is no longer HTTP.
    pub(in super::super) fn switch(&self, tunnel: Tunnel) {
        self.0.tunnel.get_or_init(|| tunnel);
    }

    /// Where it goes, if it is not.
    pub(in super::super) fn tunnel(&self) -> Option<Tunnel> {
        self.0.tunnel.get().cloned()
    }

    /// hyper will not close the connection but leave it there; what was said of this before is no longer true.
    pub(in super::super) fn will_be_left(&self, end: OnUpgrade) {
        *self.0.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    }

    pub(in super::super) fn left(&self) -> Option<OnUpgrade> {
        self.0.left.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Many requests may be answered at a time.
    pub(super) fn use_streams(&self) {
        self.0.stalls.get_or_init(|| Stalls::of(MOST_STREAMS));
    }

    /// How many requests there were.
    pub(super) fn begun(&self) -> usize {
        self.0.begun.load(Ordering::Relaxed)
    }

    /// Whether no request is being answered, and none was answered with another protocol.
    pub(super) fn rests(&self) -> bool {
        self.begun() == self.0.answered.load(Ordering::Relaxed) && self.0.tunnel.get().is_none()
    }

    /// Whether [`Self::end`] was called.
    pub(super) fn is_ended(&self) -> bool {
        self.0.ended.load(Ordering::Relaxed)
    }

    /// Whether the client does not take an answer that is there.
    pub(super) fn is_stalled(&self) -> bool {
        self.0.stalls.get().is_some_and(|stalls| stalls.are_over(TAKING, TAKING_ONE))
    }
}

impl Open {
    fn note(&self, note: impl FnOnce(&Stalls, usize)) {
        if let (Some(stream), Some(stalls)) = (self.stream, self.conversation.0.stalls.get()) {
            note(stalls, stream);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.note(Stalls::free);
        self.conversation.0.answered.fetch_add(1, Ordering::Relaxed);
    }
}

pin_project! {
    /// The body of an answer. Its request is open for as long as this is.
    ///
    /// Where it breaks, what there was before is sent first: a client that was told nothing at all would ask again, whatever it had asked.
    #[derive(Debug)]
    pub(in super::super) struct WhileOpen<B: Body> {
        #[pin]
        body: B,
        open: Open,
        broken: Option<B::Error>,
    }
}

impl<B: Body> WhileOpen<B> {
    pub(in super::super) fn new(body: B, open: Open) -> Self {
        open.note(Stalls::clients);
        Self { body, open, broken: None }
    }
}

impl<B: Body> Body for WhileOpen<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        if let Some(error) = this.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let polled = this.body.poll_frame(cx);
        this.open.note(if polled.is_ready() { Stalls::clients } else { Stalls::ours });
        if let Poll::Ready(Some(Err(error))) = polled {
            // hyper sends what it has while it waits.
            *this.broken = Some(error);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.broken.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
