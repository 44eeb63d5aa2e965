use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use pin_project_lite::pin_project;

pin_project! {
    /// The body of a request on its way to the origin. It remembers whether the client broke it off, because that is
    /// the client's fault and not the origin's.
    pub(crate) struct ClientBody {
        #[pin]
        body: Incoming,
        broken: Option<BrokenOff>,
    }
}

/// Whether a client broke off its body.
#[derive(Debug, Clone, Default)]
pub(super) struct BrokenOff(Arc<AtomicBool>);

impl BrokenOff {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl ClientBody {
    /// A body and, unless it is empty already, where to look whether it was broken off.
    pub(super) fn new(body: Incoming) -> (Self, Option<BrokenOff>) {
        let broken = (!body.is_end_stream()).then(BrokenOff::default);
        (Self { body, broken: broken.clone() }, broken)
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let frame = this.body.poll_frame(cx);
        if let (Poll::Ready(Some(Err(_))), Some(broken)) = (&frame, this.broken) {
            broken.0.store(true, Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A short answer of the proxy's own. It says nothing of what lies behind.
pub(crate) fn text_response(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
