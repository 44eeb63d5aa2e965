use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::outcome::ConsentOutcome;
use super::response::filter_trailers;

pin_project! {
    /// The body of a response: the site's own, frame by frame as it comes, or a page of Pinfold's.
    pub struct ResponseBody<B> {
        #[pin]
        inner: Inner<B>,
        outcome: ConsentOutcome,
    }
}

pin_project! {
    #[project = InnerPinned]
    enum Inner<B> {
        Site { #[pin] body: B },
        Page { page: Option<Bytes> },
    }
}

impl<B> ResponseBody<B> {
    pub(super) fn site(body: B, outcome: ConsentOutcome) -> Self {
        Self { inner: Inner::Site { body }, outcome }
    }

    pub(super) fn page(page: Bytes, outcome: ConsentOutcome) -> Self {
        let page = (!page.is_empty()).then_some(page);
        Self { inner: Inner::Page { page }, outcome }
    }

    /// What the consent layer did.
    pub fn outcome(&self) -> &ConsentOutcome {
        &self.outcome
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body,
    B::Data: From<Bytes>,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let body = match self.project().inner.project() {
            InnerPinned::Page { page } => {
                return Poll::Ready(page.take().map(|page| Ok(Frame::data(page.into()))));
            }
            InnerPinned::Site { body } => body,
        };
        let mut frame = ready!(body.poll_frame(cx));
        if let Some(Ok(frame)) = &mut frame
            && let Some(trailers) = frame.trailers_mut()
        {
            filter_trailers(trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Page { page } => page.is_none(),
            Inner::Site { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Page { page } => SizeHint::with_exact(page.as_ref().map_or(0, |page| page.len() as u64)),
            Inner::Site { body } => body.size_hint(),
        }
    }
}

impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::site(B::default(), ConsentOutcome::default())
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}
