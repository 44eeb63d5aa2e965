use std::net::IpAddr;
use std::sync::Arc;

use http::{Extensions, HeaderMap, Method, Request};

use super::asked::{Asked, Fetch};
use super::auditor::Auditor;
use crate::client_ip::{AddressFields, ClientIpResolver, Found, Peer};
use crate::pseudonym::Pseudonym;

/// What a service needs where requests come in: how the address of a client is found, who counts it, and what the site
/// is told of it.
#[derive(Debug, Clone)]
pub(super) struct Entrance {
    pub(super) auditor: Arc<Auditor>,
    pub(super) resolver: ClientIpResolver,
    pub(super) fields: AddressFields,
    /// Where the peer is found, if not in [`Peer`].
    pub(super) peer: Option<fn(&Extensions) -> Option<IpAddr>>,
}

impl Entrance {
    /// Counts the address behind a request and takes every trace of it out. Only whoever may choose is told from others
    /// any further, and only until the choice is counted.
    pub(super) fn admit<B>(&self, request: &mut Request<B>) -> (Asked, Option<Pseudonym>) {
        let found = self.peer.map(|find| find(request.extensions()));
        let extension = request.extensions_mut().remove::<Peer>();
        let peer = found.unwrap_or_else(|| extension.map(|peer| peer.0.ip()));
        let (fetch, address) = self.admit_fields(peer, request.headers_mut());
        let chooser = address.filter(|_| request.method() == Method::POST);
        (Asked::of(request, fetch), chooser)
    }

    fn admit_fields(&self, peer: Option<IpAddr>, headers: &mut HeaderMap) -> (Fetch, Option<Pseudonym>) {
        let (mut fetch, mut found) = (Fetch::default(), Found::default());
        let mut evidence = peer.map(|peer| self.resolver.evidence(peer));
        for (name, value) in &*headers {
            let name = name.as_str();
            fetch.see(name, value);
            if found.see(name)
                && let Some(evidence) = &mut evidence
            {
                evidence.see(name, value);
            }
        }
        let address = self.auditor.count_address(evidence.as_ref(), &self.resolver);
        let client = match self.fields {
            AddressFields::None => None,
            AddressFields::Address => evidence.map(|evidence| self.resolver.client(&evidence)),
        };
        found.remove(headers);
        self.fields.write(headers, client.as_ref());
        (fetch, address)
    }
}
