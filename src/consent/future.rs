use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{Response, StatusCode, Uri};
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::ResponseBody;
use super::decision::Standing;
use super::finish::finish;
use super::judge::Judge;
use super::outcome::{ConsentOutcome, Deeds};
use super::outlook::{Outlook, Withdrawal};
use super::page::{Chosen, LIMIT, Refusal, Visitor};
use super::policy::Mode;
use super::shared::Shared;
#[cfg(feature = "html")]
use super::shell::{Filling, Shell};

pin_project! {
    /// The future of [`super::ConsentManager`].
    pub struct ResponseFuture<F, B, R> {
        #[pin]
        state: State<F, B, R>,
    }
}

pin_project! {
    #[project = StatePinned]
    enum State<F, B, R> {
        Answer { answer: Option<(Response<Bytes>, ConsentOutcome)> },
        Form { #[pin] body: B, received: Vec<u8>, form: Box<Form> },
        Shell { #[pin] future: F, filling: Option<Box<Filling>> },
        ShellBody { #[pin] body: R, shell: Option<Box<Shell>>, filling: Option<Box<Filling>> },
        Site { #[pin] future: F, shared: Arc<Shared>, standing: Standing, outlook: Option<(Outlook, Deeds)> },
    }
}

struct Form {
    shared: Arc<Shared>,
    visitor: Visitor,
    uri: Uri,
    /// What may have to be taken back.
    withdrawal: Option<Box<Withdrawal>>,
}

impl<F, B, R> ResponseFuture<F, B, R> {
    pub(super) fn answer(response: Response<Bytes>, outcome: ConsentOutcome) -> Self {
        Self { state: State::Answer { answer: Some((response, outcome)) } }
    }

    #[cfg(feature = "html")]
    pub(super) fn shell(future: F, filling: Filling) -> Self {
        Self { state: State::Shell { future, filling: Some(Box::new(filling)) } }
    }

    pub(super) fn form(
        shared: Arc<Shared>,
        visitor: Visitor,
        uri: Uri,
        withdrawal: Option<Box<Withdrawal>>,
        body: B,
    ) -> Self {
        let form = Box::new(Form { shared, visitor, uri, withdrawal });
        Self { state: State::Form { body, received: Vec::new(), form } }
    }

    pub(super) fn site(
        future: F,
        shared: Arc<Shared>,
        standing: Standing,
        outlook: Outlook,
        deeds: Deeds,
    ) -> Self {
        Self { state: State::Site { future, shared, standing, outlook: Some((outlook, deeds)) } }
    }
}

impl<F, B, ResBody, E> Future for ResponseFuture<F, B, ResBody>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
    B: Body,
    ResBody: Body,
{
    type Output = Result<Response<ResponseBody<ResBody>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        #[cfg(feature = "html")]
        let mut this = this;
        #[cfg(feature = "html")]
        if let StatePinned::Shell { future, filling } = this.state.as_mut().project() {
            let answer = ready!(future.poll(cx));
            let filling = filling.take();
            let next = match answer.ok().map(Response::into_parts) {
                Some((head, body)) => match Shell::of(head) {
                    Some(shell) => State::ShellBody { body, shell: Some(Box::new(shell)), filling },
                    None => otherwise(filling),
                },
                None => otherwise(filling),
            };
            this.state.set(next);
        }
        let (response, outcome) = match this.state.project() {
            #[cfg(feature = "html")]
            StatePinned::Shell { filling, .. } => {
                filling.take().map(|filling| filling.otherwise).unwrap_or_default()
            }
            #[cfg(feature = "html")]
            StatePinned::ShellBody { body, shell, filling } => {
                let whole = match shell {
                    Some(shell) => ready!(shell.poll_receive(body, cx)),
                    None => false,
                };
                let shell = shell.take().filter(|_| whole);
                let Some(Filling { content, holds, otherwise: (page, outcome) }) =
                    filling.take().map(|filling| *filling)
                else {
                    return Poll::Pending;
                };
                (
                    shell.and_then(|shell| shell.filled(content, holds, page.headers())).unwrap_or(page),
                    outcome,
                )
            }
            #[cfg(not(feature = "html"))]
            StatePinned::Shell { filling, .. } | StatePinned::ShellBody { filling, .. } => match filling {
                Some(never) => match **never {},
                None => return Poll::Pending,
            },
            StatePinned::Site { future, shared, standing, outlook } => {
                let response = ready!(future.poll(cx)?);
                let (outlook, deeds) = outlook.take().unwrap_or_default();
                let judge = Judge {
                    policy: &shared.policy,
                    standing: *standing,
                    undeclared: &shared.undeclared,
                    seen: &shared.seen,
                    values: None,
                    recall: &shared.recall,
                };
                return Poll::Ready(Ok(finish(&judge, outlook, deeds, &*shared.clock, response)));
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

/// The cookies page as it is without a page of the site.
#[cfg(feature = "html")]
fn otherwise<F, B, R>(filling: Option<Box<Filling>>) -> State<F, B, R> {
    tracing::debug!("the page around the cookies page cannot be used");
    State::Answer { answer: filling.map(|filling| filling.otherwise) }
}

/// There is no page of the site to be filled.
#[cfg(not(feature = "html"))]
type Filling = std::convert::Infallible;
#[cfg(not(feature = "html"))]
type Shell = std::convert::Infallible;

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
            Ok(Chosen { mut response, choice, refused }) => {
                outcome.choice = (!choice.events.is_empty()).then(|| Box::new(choice));
                if let Some(withdrawal) = self.withdrawal.as_ref().filter(|_| policy.mode() == Mode::Enforce)
                {
                    let headers = response.headers_mut();
                    withdrawal.take_back(policy, refused, clock.now(), headers, &mut outcome.deeds);
                }
                (response, outcome)
            }
            Err(refusal) => (refusal.response(), outcome),
        }
    }
}

impl<F, B, R> fmt::Debug for ResponseFuture<F, B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
