use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use pin_project_lite::pin_project;

use super::limits::{BODY, BODY_STEP};
use super::patience::Patience;

pin_project! {
    /// The body of a request. It has no trailers, which some servers merge into the fields before; a client that is
    /// silent or slow is cut off; and how it goes can be watched, because what a client does wrong is not the origin's fault.
    pub(crate) struct ClientBody {
        // Nothing where it is empty.
        #[pin]
        body: Option<Incoming>,
        patience: Patience,
        // How many bytes have come since it was renewed.
        come: u64,
        progress: Option<Progress>,
    }
}

/// How far the body of a request has come.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<AtomicU8>);

/// A state of [`Progress`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upload {
    /// The client has broken it off, or sent nonsense.
    Broken,
    /// All of it has come.
    Ended,
    /// The next part has not been asked for: the origin has not taken the last.
    Offered,
    /// The client has been silent or slow for too long.
    Silent,
    /// The next part has not come yet.
    Waiting,
}

const STATES: [Upload; 5] = [Upload::Broken, Upload::Ended, Upload::Offered, Upload::Silent, Upload::Waiting];

impl Progress {
    pub(super) fn state(&self) -> Upload {
        STATES[usize::from(self.0.load(Ordering::Relaxed))]
    }

    fn set(&self, state: Upload) {
        let place = STATES.iter().position(|one| *one == state).unwrap_or_default();
        self.0.store(place as u8, Ordering::Relaxed);
    }
}

impl ClientBody {
    pub(super) fn new(body: Incoming) -> Self {
        let body = Some(body).filter(|body| !body.is_end_stream());
        let progress = body.is_some().then(|| {
            let progress = Progress(Arc::default());
            progress.set(Upload::Offered);
            progress
        });
        Self { body, patience: Patience::of(BODY), come: 0, progress }
    }

    /// No body.
    pub(super) const fn empty() -> Self {
        Self { body: None, patience: Patience::of(BODY), come: 0, progress: None }
    }

    /// Where to look how far it has come; nothing where it is empty.
    pub(super) fn progress(&self) -> Option<Progress> {
        self.progress.clone()
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let note = |state| this.progress.iter().for_each(|progress| progress.set(state));
        let Some(body) = this.body.as_pin_mut() else { return Poll::Ready(None) };
        match body.poll_frame(cx) {
            Poll::Pending => {
                note(Upload::Waiting);
                ready!(this.patience.poll_lost(cx));
                note(Upload::Silent);
                Poll::Ready(Some(Err(BrokenBody)))
            }
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                *this.come += frame.data_ref().map_or(0, |data| data.len() as u64);
                if *this.come < BODY_STEP {
                    this.patience.pause();
                } else {
                    *this.come = 0;
                    this.patience.renew();
                }
                note(Upload::Offered);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(_))) => {
                note(Upload::Broken);
                Poll::Ready(Some(Err(BrokenBody)))
            }
            Poll::Ready(_) => {
                note(Upload::Ended);
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

/// The client did not send the rest of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BrokenBody;

impl std::fmt::Display for BrokenBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the client did not send the rest of the body")
    }
}

impl std::error::Error for BrokenBody {}

/// A short answer of the proxy's own. It says nothing of what lies behind.
pub(crate) fn text_response(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
