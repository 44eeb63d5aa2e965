use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT, REFERER};
use http::{HeaderMap, HeaderName, Method, Request, Response, Uri};
use http_body::Body;
use tower_service::Service;

use super::body::ResponseBody;
use super::extension::Consent;
use super::fetch::Fetch;
use super::future::ResponseFuture;
use super::judge::Judge;
use super::outcome::{ConsentOutcome, Deeds};
use super::outlook::{Outlook, Withdrawal};
use super::page::{
    Plan, Visitor, is_worth_a_plan, may_confirm, plan, referrer_without_confirmation, without_confirmation,
};
use super::policy::Policy;
use super::shared::Shared;
#[cfg(feature = "html")]
use super::shell::{Filling, Holds};
use super::withdrawal::Unseen;
use super::{request, signal};

pub(super) const PINFOLD_CONSENT: HeaderName = HeaderName::from_static("pinfold-consent");
pub(super) const PINFOLD_PREFERENCE: HeaderName = HeaderName::from_static("pinfold-preference");

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
    type Future = ResponseFuture<S::Future, ReqBody, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let shared = &self.shared;
        let Shared { policy, calendar, clock, .. } = &**shared;
        let marks = Marks::of(request.headers(), policy);
        let visitor = if marks.may_tell {
            Visitor::of(policy, calendar, &**clock, request.headers(), marks.gpc)
        } else {
            Visitor::without_cookies(policy, marks.gpc)
        };
        if is_worth_a_plan(&shared.policy, request.uri().path()) {
            let may_count = policy.may_count_visits(visitor.standing);
            let (parts, body) = request.into_parts();
            match plan(&shared.policy, &shared.seen, &visitor, &parts) {
                Plan::Answer(response) => {
                    let outcome = ConsentOutcome::of_page(visitor.standing.state, false, may_count);
                    return ResponseFuture::answer(*response, outcome);
                }
                Plan::Page { mut page, asks, content } => {
                    let asked = (&parts.method, &parts.uri);
                    let outlook = marks.outlook(policy, &visitor, asked, &parts.headers);
                    let mut outcome = ConsentOutcome::of_page(visitor.standing.state, asks, may_count);
                    if let Some(due) = outlook.withdrawal {
                        let refused = visitor.standing.refused();
                        due.take_back(policy, refused, clock.now(), page.headers_mut(), &mut outcome.deeds);
                    }
                    return match content {
                        #[cfg(feature = "html")]
                        Some(content) => {
                            let standing = visitor.standing;
                            let holds = (!policy.leaves_pages_alone(standing)).then(|| Holds {
                                policy: policy.clone(),
                                granted: standing.granted,
                                changes: outlook.changes.map(|changes| Box::new(changes.without_notices())),
                            });
                            let filling = Filling { content, holds, otherwise: (*page, outcome) };
                            let request =
                                self.shell_request(marks, &visitor, Request::from_parts(parts, body));
                            ResponseFuture::shell(self.inner.call(request), filling)
                        }
                        _ => ResponseFuture::answer(*page, outcome),
                    };
                }
                Plan::Form => {
                    let every = shared.policy.declared();
                    let withdrawal =
                        Withdrawal::of(&shared.policy, every, Unseen::Removed, &parts.uri, &parts.headers);
                    return ResponseFuture::form(shared.clone(), visitor, parts.uri, withdrawal, body);
                }
                Plan::Site => request = Request::from_parts(parts, body),
            }
        }
        let asked = (request.method(), request.uri());
        let outlook = marks.outlook(&shared.policy, &visitor, asked, request.headers());
        let mut deeds = Deeds::default();
        let judge = Judge {
            policy: &shared.policy,
            standing: visitor.standing,
            undeclared: &shared.undeclared,
            seen: &shared.seen,
            values: marks.navigates.then_some(&*shared.values),
            recall: &shared.recall,
        };
        let headers = request.headers_mut();
        if marks.has_cookies {
            request::filter(&judge, headers, &mut deeds);
        }
        marks.tell_site(policy, &visitor, headers);
        #[cfg(feature = "html")]
        if let Some(changes) = &outlook.changes {
            changes.prepare(headers);
        }
        if let Some(uri) = without_confirmation(request.uri()) {
            *request.uri_mut() = uri;
        }
        if shared.tells_handlers {
            let consent = Consent::new(shared.policy.clone(), visitor.standing, visitor.preferred);
            request.extensions_mut().insert(consent);
        }
        let future = self.inner.call(request);
        ResponseFuture::site(future, shared.clone(), visitor.standing, outlook, deeds)
    }
}

#[cfg(feature = "html")]
impl<S> ConsentManager<S> {
    /// The request for the page of the site into which the cookies page is put.
    fn shell_request<B>(&self, marks: Marks, visitor: &Visitor, mut request: Request<B>) -> Request<B> {
        let policy = &self.shared.policy;
        if let Some(shell) = &policy.pages().shell {
            super::shell::ask_for_shell(&mut request, shell);
        }
        let judge = Judge {
            policy,
            standing: visitor.standing,
            undeclared: &self.shared.undeclared,
            seen: &self.shared.seen,
            values: None,
            recall: &self.shared.recall,
        };
        let headers = request.headers_mut();
        request::filter(&judge, headers, &mut Deeds::default());
        marks.tell_site(policy, visitor, headers);
        request
    }
}

/// What one walk through the fields of a request tells: cheaper than to look each of them up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks {
    has_cookies: bool,
    may_tell: bool,
    gpc: bool,
    claims_preferences: bool,
    may_confirm: bool,
    asks_for_part: bool,
    prefetches: bool,
    navigates: bool,
}

impl Marks {
    pub(super) fn of(headers: &HeaderMap, policy: &Policy) -> Self {
        let mut marks = Self::default();
        for (name, value) in headers {
            match name.as_str() {
                "cookie" => {
                    marks.has_cookies = true;
                    marks.may_tell |= request::may_tell(policy, value);
                }
                signal::FIELD => marks.gpc |= signal::is_set(value),
                "pinfold-preference" => marks.claims_preferences = true,
                "referer" => marks.may_confirm = may_confirm(value),
                "purpose" | "sec-purpose" => marks.prefetches |= value.as_bytes().starts_with(b"prefetch"),
                "sec-fetch-dest" => marks.navigates |= value == "document",
                "range" | "x-requested-with" => marks.asks_for_part = true,
                _ => {}
            }
        }
        marks
    }

    /// Whether the browser sends the signal.
    pub(super) fn gpc(self) -> bool {
        self.gpc
    }

    /// Tells the site what is granted and preferred, whatever the client says of that, and nothing of what was just confirmed.
    fn tell_site(self, policy: &Policy, visitor: &Visitor, headers: &mut HeaderMap) {
        if self.may_confirm
            && let Some(told) = headers.get(REFERER).and_then(referrer_without_confirmation)
        {
            headers.insert(REFERER, told);
        }
        headers.insert(PINFOLD_CONSENT, policy.granted_field(visitor.standing.granted));
        match policy.offer().and_then(|offer| offer.field(visitor.preferred)) {
            Some(field) => {
                headers.insert(PINFOLD_PREFERENCE, field.clone());
            }
            None if self.claims_preferences => {
                headers.remove(PINFOLD_PREFERENCE);
            }
            None => {}
        }
    }

    /// What will have to be done to the answer.
    fn outlook(
        self,
        policy: &Policy,
        visitor: &Visitor,
        asked: (&Method, &Uri),
        headers: &HeaderMap,
    ) -> Outlook {
        if policy.leaves_pages_alone(visitor.standing) {
            return Outlook::default();
        }
        Outlook::of(policy, visitor, self.fetch(headers), asked, headers)
    }

    pub(super) fn fetch(self, headers: &HeaderMap) -> Fetch {
        Fetch::of(headers.get("sec-fetch-dest"), headers.get(ACCEPT), self.asks_for_part, self.prefetches)
    }
}
