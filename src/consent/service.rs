use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response};
use http_body::Body;
use tower_service::Service;

use super::body::ResponseBody;
use super::extension::Consent;
use super::future::ResponseFuture;
use super::judge::Judge;
use super::outcome::Deeds;
use super::page::{Asked, Plan, Visitor, is_worth_a_plan, plan, without_confirmation};
use super::shared::Shared;
use super::{request, signal};

const PINFOLD_CONSENT: HeaderName = HeaderName::from_static("pinfold-consent");
const PINFOLD_PREFERENCE: HeaderName = HeaderName::from_static("pinfold-preference");

/// Holds what a visitor does not allow, in both directions, and serves the cookies page.
#[derive(Debug, Clone)]
pub struct ConsentManager<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> ConsentManager<S> {
    pub(super) fn new(inner: S, shared: Arc<Shared>) -> Self {
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

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let shared = &self.shared;
        let marks = Marks::of(request.headers());
        let visitor = visitor(shared, request.headers(), marks);
        if is_worth_a_plan(&shared.policy, request.uri().path()) {
            let (parts, body) = request.into_parts();
            match plan(&shared.policy, &visitor, &parts) {
                Plan::Answer(response, Asked(asked)) => {
                    return ResponseFuture::answer(*response, visitor.standing.state, asked);
                }
                Plan::Form => return ResponseFuture::form(shared.clone(), visitor, parts.uri, body),
                Plan::Site => request = Request::from_parts(parts, body),
            }
        }
        let mut deeds = Deeds::default();
        let judge =
            Judge { policy: &shared.policy, standing: visitor.standing, undeclared: &shared.undeclared };
        let headers = request.headers_mut();
        if marks.has_cookies {
            request::filter(&judge, headers, &mut deeds);
        }
        headers.insert(PINFOLD_CONSENT, shared.policy.granted_field(visitor.standing.granted));
        if marks.claims_preferences {
            headers.remove(PINFOLD_PREFERENCE);
        }
        if let Some(uri) = without_confirmation(request.uri()) {
            *request.uri_mut() = uri;
        }
        if shared.tells_handlers {
            request.extensions_mut().insert(Consent::new(shared.policy.clone(), visitor.standing));
        }
        let future = self.inner.call(request);
        ResponseFuture::site(future, shared.clone(), visitor.standing, deeds)
    }
}

fn visitor(shared: &Shared, headers: &HeaderMap, marks: Marks) -> Visitor {
    let decision = if marks.has_cookies { request::decision(&shared.policy, headers) } else { None };
    // The clock is read for a decision alone.
    let dated = decision.map(|decision| (decision, shared.calendar.day_of(shared.clock.now()).month));
    Visitor { standing: shared.policy.standing(dated, marks.gpc), decision, signal: marks.gpc }
}

/// What one walk through the fields of a request tells: cheaper than to look each of them up.
#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    has_cookies: bool,
    gpc: bool,
    claims_preferences: bool,
}

impl Marks {
    fn of(headers: &HeaderMap) -> Self {
        let mut marks = Self::default();
        for (name, value) in headers {
            match name.as_str() {
                "cookie" => marks.has_cookies = true,
                signal::FIELD => marks.gpc |= signal::is_set(value),
                "pinfold-preference" => marks.claims_preferences = true,
                _ => {}
            }
        }
        marks
    }
}
