use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Method, Request, Response};
use tower_service::Service;

use super::future::ResponseFuture;
use super::layer::AuditLayer;
use super::ledger::MethodClass;
use crate::client_ip::Peer;
use crate::consent::ResponseBody;

/// Counts requests: addresses as pseudonyms on the way in, everything else on the way out.
#[derive(Debug, Clone)]
pub struct Audit<S> {
    inner: S,
    layer: Arc<AuditLayer>,
}

impl<S> Audit<S> {
    pub(super) fn new(inner: S, layer: Arc<AuditLayer>) -> Self {
        Self { inner, layer }
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

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let entrance = &*self.layer.entrance;
        let peer = (entrance.peer)(&parts.extensions);
        let client = entrance.resolver.resolve(peer, &parts.headers);
        self.layer.auditor.count_address(client.as_ref());
        entrance.fields.rewrite(&mut parts.headers, client.as_ref());
        drop(client);
        parts.extensions.remove::<Peer>();

        let asked = Asked::of(&parts);
        let target = parts.uri.path_and_query().cloned();
        let future = self.inner.call(Request::from_parts(parts, body));
        ResponseFuture::new(future, self.layer.clone(), asked, target)
    }
}

/// What is remembered of a request until it is answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) method: MethodClass,
    /// A page is asked for, not something on a page.
    pub(super) navigation: bool,
    /// The visitor comes from outside the site.
    pub(super) entry: bool,
}

impl Asked {
    /// One walk through the fields: cheaper than to look each of them up.
    fn of(parts: &Parts) -> Self {
        let (mut destination, mut site, mut accept) = (None, &b""[..], &b""[..]);
        for (name, value) in &parts.headers {
            match name.as_str() {
                "accept" => accept = value.as_bytes(),
                "sec-fetch-dest" => destination = Some(value.as_bytes()),
                "sec-fetch-site" => site = value.as_bytes(),
                _ => {}
            }
        }
        let navigation = parts.method == Method::GET
            && match destination {
                Some(destination) => destination == b"document",
                None => memchr::memmem::find(accept, b"text/html").is_some(),
            };
        let entry = navigation && matches!(site, b"none" | b"cross-site");
        Self { method: MethodClass::of(&parts.method), navigation, entry }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn navigations_and_entries() {
        for (method, fields, navigation, entry) in [
            ("GET", &[("sec-fetch-dest", "document"), ("sec-fetch-site", "none")][..], true, true),
            ("GET", &[("sec-fetch-dest", "document"), ("sec-fetch-site", "cross-site")], true, true),
            ("GET", &[("sec-fetch-dest", "document"), ("sec-fetch-site", "same-origin")], true, false),
            ("GET", &[("sec-fetch-dest", "image"), ("accept", "text/html")], false, false),
            ("GET", &[("sec-fetch-dest", "iframe")], false, false),
            ("GET", &[("accept", "text/html,*/*;q=0.8")], true, false),
            ("GET", &[("accept", "image/*")], false, false),
            ("GET", &[], false, false),
            ("POST", &[("sec-fetch-dest", "document")], false, false),
            ("HEAD", &[("accept", "text/html")], false, false),
        ] {
            let mut request = Request::builder().method(method);
            for (name, value) in fields {
                request = request.header(*name, *value);
            }
            let asked = Asked::of(&request.body(()).unwrap().into_parts().0);
            assert_eq!((asked.navigation, asked.entry), (navigation, entry), "{method} {fields:?}");
        }
    }
}
