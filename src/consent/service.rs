use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body::Body;
use tower_service::Service;

use super::body::ResponseBody;
use super::decision::Consent;
use super::future::ResponseFuture;
use super::judge::Judge;
use super::layer::Shared;
use super::outcome::Deeds;
use super::page::{Asked, Plan, Visitor, plan, without_confirmation};
use super::{request, signal};

const PINFOLD_CONSENT: HeaderName = HeaderName::from_static("pinfold-consent");
const PINFOLD_PREFERENCE: HeaderName = HeaderName::from_static("pinfold-preference");

/// Holds what a visitor does not allow, in both directions, and serves the cookies page.
#[derive(Debug, Clone)]
pub struct ConsentManager<S> {
    inner: S,
    shared: Shared,
}

impl<S> ConsentManager<S> {
    pub(super) fn new(inner: S, shared: Shared) -> Self {
        Self { inner, shared }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for ConsentManager<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: Body,
    ResBody: Body,
    ResBody::Data: From<Bytes>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let shared = &self.shared;
        let (mut parts, body) = request.into_parts();
        let visitor = visitor(shared, &parts.headers);
        match plan(&shared.policy, &visitor, &parts) {
            Plan::Answer(response, Asked(asked)) => {
                return ResponseFuture::answer(*response, visitor.standing.state, asked);
            }
            Plan::Form => return ResponseFuture::form(shared.clone(), visitor, parts.uri, body),
            Plan::Site => {}
        }
        let mut deeds = Deeds::default();
        let judge =
            Judge { policy: &shared.policy, standing: visitor.standing, undeclared: &shared.undeclared };
        request::filter(&judge, &mut parts.headers, &mut deeds);
        parts.headers.insert(PINFOLD_CONSENT, shared.policy.granted_field(visitor.standing.granted));
        parts.headers.remove(PINFOLD_PREFERENCE);
        if let Some(uri) = without_confirmation(&parts.uri) {
            parts.uri = uri;
        }
        if shared.tells_handlers {
            parts.extensions.insert(Consent::new(shared.policy.clone(), visitor.standing));
        }
        let future = self.inner.call(Request::from_parts(parts, body));
        ResponseFuture::site(future, shared.clone(), visitor.standing, deeds)
    }
}

fn visitor(shared: &Shared, headers: &http::HeaderMap) -> Visitor {
    let decision = request::decision(&shared.policy, headers);
    let signal = signal::gpc(headers);
    // The month matters to a decision alone.
    let month = shared.calendar.day_of(shared.clock.now()).month;
    Visitor { standing: shared.policy.standing(decision, signal, month), decision, signal }
}
