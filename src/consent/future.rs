use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{Response, StatusCode, Uri};
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::ResponseBody;
use super::decision::{ChoiceState, Standing};
use super::judge::Judge;
use super::outcome::{ConsentOutcome, Deeds};
use super::page::{LIMIT, Refusal, Visitor};
use super::response;
use super::shared::Shared;

pin_project! {
    /// The future of [`super::ConsentManager`].
    pub struct ResponseFuture<F, B> {
        #[pin]
        state: State<F, B>,
    }
}

pin_project! {
    #[project = StatePinned]
    enum State<F, B> {
        Answer { answer: Option<(Response<Bytes>, ConsentOutcome)> },
        Form { #[pin] body: B, received: Vec<u8>, form: Box<Form> },
        Site { #[pin] future: F, shared: Arc<Shared>, standing: Standing, deeds: Option<Deeds> },
    }
}

struct Form {
    shared: Arc<Shared>,
    visitor: Visitor,
    uri: Uri,
}

impl<F, B> ResponseFuture<F, B> {
    pub(super) fn answer(response: Response<Bytes>, state: ChoiceState, asked: bool) -> Self {
        let outcome = ConsentOutcome { state: Some(state), asked, ..ConsentOutcome::default() };
        Self { state: State::Answer { answer: Some((response, outcome)) } }
    }

    pub(super) fn form(shared: Arc<Shared>, visitor: Visitor, uri: Uri, body: B) -> Self {
        let form = Box::new(Form { shared, visitor, uri });
        Self { state: State::Form { body, received: Vec::new(), form } }
    }

    pub(super) fn site(future: F, shared: Arc<Shared>, standing: Standing, deeds: Deeds) -> Self {
        Self { state: State::Site { future, shared, standing, deeds: Some(deeds) } }
    }
}

impl<F, B, ResBody, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<ResBody>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (response, outcome) = match self.project().state.project() {
            StatePinned::Site { future, shared, standing, deeds } => {
                let mut response = ready!(future.poll(cx)?);
                let mut deeds = deeds.take().unwrap_or_default();
                let judge =
                    Judge { policy: &shared.policy, standing: *standing, undeclared: &shared.undeclared };
                response::filter(&judge, response.headers_mut(), &mut deeds);
                let outcome =
                    ConsentOutcome { state: Some(standing.state), deeds, ..ConsentOutcome::default() };
                return Poll::Ready(Ok(response.map(|body| ResponseBody::site(body, outcome))));
            }
            StatePinned::Form { body, received, form } => {
                let status = ready!(poll_receive(body, received, cx));
                form.judge(status.map(|()| &received[..]))
            }
            StatePinned::Answer { answer } => answer.take().unwrap_or_default(),
        };
        Poll::Ready(Ok(response.map(|page| ResponseBody::page(page, outcome))))
    }
}

/// Reads the body as far as a form may go.
fn poll_receive<B: Body>(
    mut body: Pin<&mut B>,
    received: &mut Vec<u8>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), StatusCode>> {
    loop {
        let Some(frame) = ready!(body.as_mut().poll_frame(cx)) else { return Poll::Ready(Ok(())) };
        let Ok(frame) = frame else { return Poll::Ready(Err(StatusCode::BAD_REQUEST)) };
        let Ok(mut data) = frame.into_data() else { continue };
        if received.len() + data.remaining() > LIMIT {
            return Poll::Ready(Err(StatusCode::PAYLOAD_TOO_LARGE));
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            let length = chunk.len();
            received.extend_from_slice(chunk);
            data.advance(length);
        }
    }
}

impl Form {
    fn judge(&self, body: Result<&[u8], StatusCode>) -> (Response<Bytes>, ConsentOutcome) {
        let Shared { policy, calendar, clock, .. } = &*self.shared;
        let mut outcome =
            ConsentOutcome { state: Some(self.visitor.standing.state), ..ConsentOutcome::default() };
        let chosen = body
            .map_err(Refusal)
            .and_then(|body| self.visitor.choose(policy, &self.uri, body, clock.now(), calendar));
        match chosen {
            Ok((response, choice)) => {
                outcome.choice = (!choice.events.is_empty()).then(|| Box::new(choice));
                (response, outcome)
            }
            Err(refusal) => (refusal.response(), outcome),
        }
    }
}

impl<F, B> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
