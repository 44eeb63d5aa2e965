use std::fmt;
use std::net::IpAddr;

use http::HeaderMap;
use zeroize::Zeroize;

use super::evidence::Evidence;
use super::forwarded::{forwarded, x_forwarded_for};
use super::trusted::TrustedProxies;

/// Finds the client behind a request. By default that is the peer of the connection.
#[derive(Debug, Clone)]
pub struct ClientIpResolver {
    believed: Option<(TrustedProxies, HeaderFamily)>,
    /// How the peer came to be known.
    peer: AddressSource,
}

impl Default for ClientIpResolver {
    fn default() -> Self {
        Self { believed: None, peer: AddressSource::Peer }
    }
}

impl ClientIpResolver {
    /// The peer is the client, whatever any field says.
    pub fn peer() -> Self {
        Self::default()
    }

    /// The peer is the client, and was named by a proxy at the start of the connection (the PROXY protocol). It is for the server
    /// to believe that only of proxies that it trusts.
    pub fn peer_named_by_proxy() -> Self {
        Self { peer: AddressSource::ProxyProtocol, ..Self::default() }
    }

    /// What these proxies say in fields of this family is believed.
    pub fn behind(trusted: TrustedProxies, family: HeaderFamily) -> Self {
        Self { believed: Some((trusted, family)), ..Self::default() }
    }

    /// The client of a request that came from `peer` with these fields, or `None` where the peer is not known.
    pub fn resolve(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<ClientIp> {
        let mut evidence = self.evidence(peer?);
        headers.iter().for_each(|(name, value)| evidence.see(name.as_str(), value));
        Some(self.client(&evidence))
    }

    /// Begins to gather the evidence of a request that came from `peer`.
    pub(crate) fn evidence<'a>(&self, peer: IpAddr) -> Evidence<'a> {
        let peer = peer.to_canonical();
        let believed = self.believed.as_ref().filter(|(trusted, _)| trusted.contains(peer));
        Evidence::new(peer, believed.map(|(_, family)| *family))
    }

    /// The client to whom the evidence leads.
    pub(crate) fn client(&self, evidence: &Evidence<'_>) -> ClientIp {
        let peer = evidence.peer();
        let (Some((trusted, _)), Some(family)) = (&self.believed, evidence.family()) else {
            return ClientIp::new(peer, self.peer);
        };
        let lines = evidence.lines().rev();
        let found = match family {
            HeaderFamily::Forwarded => walk(peer, trusted, lines.flat_map(forwarded)),
            HeaderFamily::XForwardedFor => walk(peer, trusted, lines.flat_map(x_forwarded_for)),
        };
        match found {
            Walk::Ended(address) => ClientIp::new(address, family.source()),
            Walk::Empty => ClientIp::new(peer, self.peer),
            Walk::Stopped(address) => ClientIp::new(address, AddressSource::Unknown),
        }
    }
}

enum Walk {
    /// No entry at all.
    Empty,
    /// At the first address that is not trusted, or at the left end of a list that is trusted throughout.
    Ended(IpAddr),
    /// At an entry that is no address: the last sound address to its right.
    Stopped(IpAddr),
}

fn walk(peer: IpAddr, trusted: &TrustedProxies, entries: impl Iterator<Item = Option<IpAddr>>) -> Walk {
    let mut nearest = None;
    for entry in entries {
        match entry {
            None => return Walk::Stopped(nearest.unwrap_or(peer)),
            Some(address) if trusted.contains(address) => nearest = Some(address),
            Some(address) => return Walk::Ended(address),
        }
    }
    nearest.map_or(Walk::Empty, Walk::Ended)
}

/// The one family of fields in which trusted proxies name the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderFamily {
    /// `Forwarded`, RFC 7239.
    Forwarded,
    /// `X-Forwarded-For`.
    XForwardedFor,
}

impl HeaderFamily {
    /// The name of the field, in lower case.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::XForwardedFor => "x-forwarded-for",
        }
    }

    fn source(self) -> AddressSource {
        match self {
            Self::Forwarded => AddressSource::Forwarded,
            Self::XForwardedFor => AddressSource::XForwardedFor,
        }
    }
}

/// The address of a client, for as long as it takes to make a pseudonym of it.
///
/// It cannot be printed, cloned or compared with another, and is overwritten when dropped.
pub struct ClientIp {
    octets: [u8; 16],
    is_v4: bool,
    source: AddressSource,
}

impl ClientIp {
    pub(crate) fn new(address: IpAddr, source: AddressSource) -> Self {
        let (octets, is_v4) = match address.to_canonical() {
            IpAddr::V4(v4) => (v4.to_ipv6_mapped().octets(), true),
            IpAddr::V6(v6) => (v6.octets(), false),
        };
        Self { octets, is_v4, source }
    }

    /// How the address was found.
    pub fn source(&self) -> AddressSource {
        self.source
    }

    /// Whether this is the address `other`.
    pub fn is(&self, other: IpAddr) -> bool {
        self.octets == Self::new(other, self.source).octets
    }

    /// Sixteen octets; an IPv4 address stands in the last four.
    pub(crate) fn octets(&self) -> &[u8; 16] {
        &self.octets
    }

    pub(crate) fn is_v4(&self) -> bool {
        self.is_v4
    }

    pub(crate) fn to_ip(&self) -> IpAddr {
        IpAddr::from(self.octets).to_canonical()
    }
}

impl Drop for ClientIp {
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

impl fmt::Debug for ClientIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIp").field("source", &self.source).finish_non_exhaustive()
    }
}

/// How the address of a client was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AddressSource {
    /// A trusted proxy named it in `Forwarded`.
    Forwarded,
    /// It is the peer of the connection.
    Peer,
    /// A trusted proxy named it at the start of the connection.
    ProxyProtocol,
    /// It is not known: no peer was given, or a trusted proxy sent a list that cannot be read.
    Unknown,
    /// A trusted proxy named it in `X-Forwarded-For`.
    XForwardedFor,
}

impl AddressSource {
    /// Every way, in order.
    pub const ALL: [Self; 5] =
        [Self::Forwarded, Self::Peer, Self::ProxyProtocol, Self::Unknown, Self::XForwardedFor];

    /// The name used in configuration files and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::Peer => "peer",
            Self::ProxyProtocol => "proxy-protocol",
            Self::Unknown => "unknown",
            Self::XForwardedFor => "x-forwarded-for",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUSTED: &str = "10.0.0.0/8, ::1";

    fn resolve(
        family: Option<HeaderFamily>,
        peer: &str,
        fields: &[(&'static str, &str)],
    ) -> (IpAddr, AddressSource) {
        let resolver = match family {
            Some(family) => ClientIpResolver::behind(TRUSTED.parse().unwrap(), family),
            None => ClientIpResolver::peer(),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        let client = resolver.resolve(Some(peer.parse().unwrap()), &headers).unwrap();
        (client.to_ip(), client.source())
    }

    #[test]
    fn who_01_nobody_is_believed_by_default() {
        let fields = [
            ("x-forwarded-for", "203.0.113.1"),
            ("forwarded", "for=203.0.113.2"),
            ("x-real-ip", "203.0.113.3"),
            ("cf-connecting-ip", "203.0.113.4"),
        ];
        let expected = ("192.0.2.1".parse().unwrap(), AddressSource::Peer);
        assert_eq!(resolve(None, "192.0.2.1", &fields), expected);
        assert_eq!(resolve(Some(HeaderFamily::XForwardedFor), "192.0.2.1", &fields), expected);
        assert_eq!(resolve(Some(HeaderFamily::Forwarded), "::ffff:192.0.2.1", &fields), expected);
    }

    #[test]
    fn who_02_walk_past_trusted_proxies_from_the_right() {
        use AddressSource::{Peer, Unknown, XForwardedFor};
        for (lines, client, source) in [
            (vec!["203.0.113.1"], "203.0.113.1", XForwardedFor),
            (vec!["198.51.100.1, 203.0.113.1"], "203.0.113.1", XForwardedFor),
            (vec!["198.51.100.1, 203.0.113.1, 10.1.1.1"], "203.0.113.1", XForwardedFor),
            (vec!["198.51.100.1", "203.0.113.1, 10.1.1.1", "10.2.2.2"], "203.0.113.1", XForwardedFor),
            (vec!["nonsense, 203.0.113.1, 10.1.1.1"], "203.0.113.1", XForwardedFor),
            (vec!["203.0.113.1, nonsense, 10.1.1.1, 10.2.2.2"], "10.1.1.1", Unknown),
            (vec!["203.0.113.1, unknown"], "10.9.9.9", Unknown),
            (vec!["203.0.113.1,"], "10.9.9.9", Unknown),
            (vec!["10.3.3.3, 10.1.1.1"], "10.3.3.3", XForwardedFor),
            (vec![""], "10.9.9.9", Unknown),
            (vec![], "10.9.9.9", Peer),
        ] {
            let fields: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
            let expected = (client.parse().unwrap(), source);
            assert_eq!(
                resolve(Some(HeaderFamily::XForwardedFor), "10.9.9.9", &fields),
                expected,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn who_02_one_family_is_read() {
        let fields = [("x-forwarded-for", "203.0.113.1"), ("forwarded", "for=203.0.113.2")];
        let by = |family| resolve(Some(family), "::1", &fields).0.to_string();
        assert_eq!(by(HeaderFamily::XForwardedFor), "203.0.113.1");
        assert_eq!(by(HeaderFamily::Forwarded), "203.0.113.2");
    }

    #[test]
    fn no_peer_is_no_client() {
        assert!(ClientIpResolver::peer().resolve(None, &HeaderMap::new()).is_none());
    }

    #[test]
    fn an_address_is_not_shown() {
        let client = ClientIp::new("203.0.113.77".parse().unwrap(), AddressSource::Peer);
        let shown = format!("{client:?} {client:#?}");
        assert!(!shown.contains("113") && !shown.contains("77"), "{shown}");
    }
}
