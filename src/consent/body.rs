use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

#[cfg(feature = "html")]
use bytes::Buf as _;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::outcome::ConsentOutcome;
use super::response::filter_trailers;
#[cfg(feature = "html")]
use crate::html::Rewriter;

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
        Changed { #[pin] body: B, change: Change },
        Page { page: Option<Bytes> },
    }
}

impl<B> ResponseBody<B> {
    pub(super) fn site(body: B, outcome: ConsentOutcome) -> Self {
        Self { inner: Inner::Site { body }, outcome }
    }

    /// The body of the site, changed as it streams by.
    #[cfg(feature = "html")]
    pub(super) fn changed(body: B, rewriter: Rewriter, outcome: ConsentOutcome) -> Self {
        Self { inner: Inner::Changed { body, change: Some(Box::new(rewriter)) }, outcome }
    }

    pub(crate) fn page(page: Bytes, outcome: ConsentOutcome) -> Self {
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
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let body = match self.project().inner.project() {
            InnerPinned::Page { page } => {
                return Poll::Ready(page.take().map(|page| Ok(Frame::data(page.into()))));
            }
            InnerPinned::Site { body } => body,
            InnerPinned::Changed { body, change } => return poll_changed(body, change, cx),
        };
        let frame = ready!(body.poll_frame(cx));
        Poll::Ready(frame.map(|frame| frame.map(without_cookies).map_err(|error| BodyError(error.into()))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Page { page } => page.is_none(),
            Inner::Site { body } => body.is_end_stream(),
            Inner::Changed { change, .. } => is_over(change),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Page { page } => SizeHint::with_exact(page.as_ref().map_or(0, |page| page.len() as u64)),
            Inner::Site { body } => body.size_hint(),
            Inner::Changed { .. } => SizeHint::default(),
        }
    }
}

fn without_cookies<D>(mut frame: Frame<D>) -> Frame<D> {
    if let Some(trailers) = frame.trailers_mut() {
        filter_trailers(trailers);
    }
    frame
}

/// What changes a page, until it has come to its end.
#[cfg(feature = "html")]
type Change = Option<Box<Rewriter>>;

#[cfg(feature = "html")]
fn is_over(change: &Change) -> bool {
    change.is_none()
}

/// The next part of a changed page. Fields after the body are of the site's own bytes, such as their digest: they go.
#[cfg(feature = "html")]
fn poll_changed<B>(
    mut body: Pin<&mut B>,
    change: &mut Change,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<B::Data>, BodyError>>>
where
    B: Body,
    B::Data: From<Bytes>,
    B::Error: Into<BoxError>,
{
    loop {
        let Some(rewriter) = change.take() else { return Poll::Ready(None) };
        let Poll::Ready(frame) = body.as_mut().poll_frame(cx) else {
            *change = Some(rewriter);
            return Poll::Pending;
        };
        let (part, is_last) = match frame {
            Some(Err(error)) => return Poll::Ready(Some(Err(BodyError(error.into())))),
            Some(Ok(frame)) => {
                // Bytes that are in one piece are not copied.
                let data = frame.into_data().map(|mut data| data.copy_to_bytes(data.remaining()));
                (data.unwrap_or_default(), body.is_end_stream())
            }
            None => (Bytes::new(), true),
        };
        let changed = if is_last { rewriter.last(&part) } else { change.insert(rewriter).write(&part) };
        match changed {
            Err(broken) => {
                *change = None;
                return Poll::Ready(Some(Err(BodyError(broken.into()))));
            }
            Ok(part) if part.is_empty() => {}
            Ok(part) => return Poll::Ready(Some(Ok(Frame::data(Bytes::from(part).into())))),
        }
    }
}

/// Nothing changes a page.
#[cfg(not(feature = "html"))]
type Change = std::convert::Infallible;

#[cfg(not(feature = "html"))]
fn is_over(change: &Change) -> bool {
    match *change {}
}

#[cfg(not(feature = "html"))]
fn poll_changed<B: Body>(
    _: Pin<&mut B>,
    change: &mut Change,
    _: &mut Context<'_>,
) -> Poll<Option<Result<Frame<B::Data>, BodyError>>> {
    match *change {}
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a response was broken off: by the site, or because what it said of its compression is not true.
#[derive(Debug)]
pub struct BodyError(BoxError);

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body of the response was broken off")
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
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
