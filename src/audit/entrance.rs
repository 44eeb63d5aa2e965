use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, FORWARDED};
use http::{Extensions, HeaderMap, HeaderValue, Request, Response, StatusCode};

use super::asked::{Asked, Told};
use super::auditor::{Auditor, Blocked};
use super::edition::Edition;
use crate::client_ip::{AddressFields, ClientIp, ClientIpResolver, Found, Peer};
use crate::consent::{ConsentOutcome, ResponseBody};
use crate::pseudonym::Pseudonym;

/// What a visitor is told who is refused because of a block.
const REFUSAL: &str = "Requests from your network are refused for the time being.\n\
                       Caiff ceisiadau o'ch rhwydwaith eu gwrthod am y tro.\n";

/// What a service needs where requests come in: how the address of a client is found, who counts it, and what the site
/// is told of it.
#[derive(Debug, Clone)]
pub(super) struct Entrance {
    pub(super) auditor: Arc<Auditor>,
    /// By which policy its requests go, from first to last.
    pub(super) edition: Arc<Edition>,
    pub(super) resolver: ClientIpResolver,
    pub(super) fields: AddressFields,
    /// Where the peer is found, if not in [`Peer`].
    pub(super) peer: Option<fn(&Extensions) -> Option<IpAddr>>,
    /// How requests from blocked hosts and networks are answered.
    pub(super) blocked_status: StatusCode,
}

/// A request that has come in, or has come as far as the door.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) asked: Asked,
    /// From whom, or that they are blocked.
    pub(super) host: Result<Option<Pseudonym>, Blocked>,
}

impl Entrance {
    /// Counts the address behind a request and takes every trace of it out.
    pub(super) fn admit<B>(&self, request: &mut Request<B>) -> Admitted {
        let found = self.peer.map(|find| find(request.extensions()));
        let extension = request.extensions_mut().remove::<Peer>();
        let peer = found.unwrap_or_else(|| extension.map(|peer| peer.0.ip()));
        let (mut told, mut found) = (Told::default(), Found::default());
        let mut evidence = peer.map(|peer| self.resolver.evidence(peer));
        // One walk hands each field to whom it concerns: cheaper than to look each of them up.
        for (name, value) in request.headers() {
            let name = name.as_str();
            told.see(name, value);
            if found.see(name)
                && let Some(evidence) = &mut evidence
            {
                evidence.see(name, value);
            }
        }
        let footprint = self.edition.policy.visits().map(|visits| visits.cookie.name);
        let asked = Asked::of(request, &told, footprint);
        let host = self.auditor.count_address(evidence.as_ref(), &self.resolver, self.edition.crowd);
        let client = match self.fields {
            AddressFields::None => None,
            AddressFields::Address | AddressFields::Obfuscated => {
                evidence.map(|evidence| self.resolver.client(&evidence))
            }
        };
        found.remove(request.headers_mut());
        self.tell_site(client.as_ref(), request.headers_mut());
        Admitted { asked, host }
    }

    /// The answer to whoever is blocked.
    pub(super) fn refusal<B>(&self) -> Response<ResponseBody<B>> {
        let body = ResponseBody::page(Bytes::from_static(REFUSAL.as_bytes()), ConsentOutcome::default());
        let mut response = Response::new(body);
        *response.status_mut() = self.blocked_status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// Tells the site of the client what it is to be told.
    fn tell_site(&self, client: Option<&ClientIp>, headers: &mut HeaderMap) {
        self.fields.write(headers, client);
        if let (AddressFields::Obfuscated, Some(client)) = (self.fields, client)
            && let Some(name) = self.auditor.addresses.mine().name_for_origin(client)
            && let Ok(value) = HeaderValue::try_from(format!("for=_{name}"))
        {
            headers.insert(FORWARDED, value);
        }
    }
}
