use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::auditor::Blocked;
use super::entrance::{Admitted, Entrance};
use super::future::ResponseFuture;
use crate::consent::ResponseBody;

/// Counts requests: addresses as pseudonyms on the way in, everything else on the way out.
#[derive(Debug, Clone)]
pub struct Audit<S> {
    inner: S,
    entrance: Arc<Entrance>,
}

impl<S> Audit<S> {
    pub(super) fn new(inner: S, entrance: Arc<Entrance>) -> Self {
        Self { inner, entrance }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Audit<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResponseBody<ResBody>>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let Admitted { asked, host } = self.entrance.admit(&mut request);
        let target = request.uri().path_and_query().cloned();
        let (future, host) = match host {
            Ok(host) => (Some(self.inner.call(request)), host),
            Err(Blocked) => (None, None),
        };
        ResponseFuture::new(future, self.entrance.clone(), asked, target, host)
    }
}
