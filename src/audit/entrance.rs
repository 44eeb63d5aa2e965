use std::net::IpAddr;
use std::sync::Arc;

use http::Extensions;

use super::auditor::Auditor;
use crate::client_ip::{AddressFields, ClientIpResolver};

/// What a service needs where requests come in: how the address of a client is found, who counts it, and what the site
/// is told of it.
#[derive(Debug, Clone)]
pub(super) struct Entrance {
    pub(super) auditor: Arc<Auditor>,
    pub(super) resolver: ClientIpResolver,
    pub(super) fields: AddressFields,
    pub(super) peer: fn(&Extensions) -> Option<IpAddr>,
}
