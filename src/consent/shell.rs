//! The cookies page within a page of the site, fetched from the site itself.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE,
    SET_COOKIE,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, response};
use http_body::Body;

use super::cache::{Keeping, keep_from_others};
use super::changes::Changes;
use super::finish::{Kind, narrow};
use super::outcome::ConsentOutcome;
use super::policy::Policy;
use super::purpose::PurposeSet;
use super::validator::forget_bytes;
use crate::html::{Charset, fill};

/// How large a page of the site may be for that. More is not waited for.
const MOST: usize = 1024 * 1024;

/// What is to be put into the page of the site, and the answer that is given where that cannot be done.
#[derive(Debug)]
pub(super) struct Filling {
    pub(super) content: String,
    /// What is held in that page, as in any other of the site; nothing where pages are left alone.
    pub(super) holds: Option<Holds>,
    pub(super) otherwise: (Response<Bytes>, ConsentOutcome),
}

/// What is held in a page for one visitor.
#[derive(Debug)]
pub(super) struct Holds {
    pub(super) policy: Policy,
    pub(super) granted: PurposeSet,
    pub(super) changes: Option<Box<Changes>>,
}

/// Makes a request for the cookies page one for the page around it.
pub(super) fn ask_for_shell<B>(request: &mut Request<B>, shell: &PathAndQuery) {
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(shell.clone());
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    let headers = request.headers_mut();
    for name in [IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE] {
        headers.remove(name);
    }
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
}

/// The page of the site while it comes in.
#[derive(Debug)]
pub(super) struct Shell {
    head: response::Parts,
    charset: Charset,
    page: Vec<u8>,
}

impl Shell {
    /// Nothing, where the answer is no page that can be filled.
    pub(super) fn of(head: response::Parts) -> Option<Self> {
        let text = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let kind = text(CONTENT_TYPE).unwrap_or_default();
        let is_html = head.headers.get(CONTENT_TYPE).is_some_and(|kind| Kind::of(kind) == Kind::Html);
        let plain = text(CONTENT_ENCODING).is_none_or(|coding| coding.eq_ignore_ascii_case("identity"));
        let charset = Charset::of(kind).filter(|_| head.status == StatusCode::OK && is_html && plain)?;
        Some(Self { head, charset, page: Vec::new() })
    }

    /// Takes in the page; tells whether all of it has come.
    pub(super) fn poll_receive<B: Body>(
        &mut self,
        mut body: Pin<&mut B>,
        cx: &mut Context<'_>,
    ) -> Poll<bool> {
        loop {
            match ready!(body.as_mut().poll_frame(cx)) {
                None => return Poll::Ready(true),
                Some(Err(_)) => return Poll::Ready(false),
                Some(Ok(frame)) => {
                    let Ok(mut data) = frame.into_data() else { continue };
                    if self.page.len() + data.remaining() > MOST {
                        return Poll::Ready(false);
                    }
                    while data.has_remaining() {
                        let chunk = data.chunk();
                        let length = chunk.len();
                        self.page.extend_from_slice(chunk);
                        data.advance(length);
                    }
                }
            }
        }
    }

    /// The cookies page, within the page of the site. It keeps the site's own fields but for what would be untrue.
    ///
    /// `own` are the fields of that page as it is without the other: what it takes back is taken back in both.
    pub(super) fn filled(
        self,
        content: String,
        holds: Option<Holds>,
        own: &HeaderMap,
    ) -> Option<Response<Bytes>> {
        let mut page = fill(&self.page, self.charset, content)?;
        let mut head = self.head;
        let headers: &mut HeaderMap = &mut head.headers;
        if let Some(Holds { policy, granted, changes }) = holds {
            narrow(&policy, granted, headers);
            if let Some(rewriter) = changes.and_then(|changes| changes.rewriter(&policy, headers)) {
                page = rewriter.last(&page).ok()?;
            }
        }
        forget_bytes(headers);
        for name in [ETAG, SET_COOKIE] {
            headers.remove(name);
        }
        keep_from_others(headers, Keeping::Nobody);
        headers.extend(own.get_all(SET_COOKIE).into_iter().map(|field| (SET_COOKIE, field.clone())));
        Some(Response::from_parts(head, Bytes::from(page)))
    }
}
