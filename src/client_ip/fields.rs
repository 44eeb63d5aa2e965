use std::net::SocketAddr;
use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::ClientIp;

/// The other end of the connection on which a request came: a request extension that the server sets.
///
/// The audit layer takes it out again, so that nothing behind the layer is given the address.
#[derive(Clone, Copy)]
pub struct Peer(pub SocketAddr);

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Peer(..)")
    }
}

/// What the site is told about the address of a client. Whatever is chosen, every field in which a client or proxy
/// may have written an address is removed first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressFields {
    /// Nothing. The default.
    #[default]
    None,
    /// The address, in `X-Forwarded-For` and `X-Real-IP`, for a site that cannot do without.
    Address,
    /// A name that stands for the client for a day, in `Forwarded` (RFC 7239 section 6.3), for a site that must tell
    /// clients apart. It is made under a key of its own, so it is in none of our ledgers.
    Obfuscated,
}

impl AddressFields {
    /// Removes every address field and writes those that this choice calls for.
    pub fn rewrite(self, headers: &mut HeaderMap, client: Option<&ClientIp>) {
        let mut found = Found::default();
        headers.keys().for_each(|name| {
            found.see(name.as_str());
        });
        found.remove(headers);
        self.write(headers, client);
    }

    /// Writes the fields that this choice calls for.
    pub(crate) fn write(self, headers: &mut HeaderMap, client: Option<&ClientIp>) {
        if let (Self::Address, Some(client)) = (self, client)
            && let Ok(mut value) = HeaderValue::from_str(&client.to_ip().to_string())
        {
            value.set_sensitive(true);
            headers.insert("x-real-ip", value.clone());
            headers.insert("x-forwarded-for", value);
        }
    }
}

/// Which address fields there are among the fields of a request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Found {
    /// A bit for each of [`ADDRESS_FIELDS`].
    known: u64,
    /// Whether there is another that says so by its name, or one with a `_` in it: behind CGI and its like that cannot be told from a `-`.
    others: bool,
}

impl Found {
    /// Takes note of a field, if it may be one: whether it may.
    #[inline]
    pub(crate) fn see(&mut self, name: &str) -> bool {
        let may = may_name_address(name);
        if may {
            match ADDRESS_FIELDS.iter().position(|field| *field == name) {
                Some(place) => self.known |= 1 << place,
                None => self.others |= is_another(name),
            }
        } else if may_end_as_address(name) {
            self.others |= is_another(name);
        }
        may
    }

    /// Removes them all.
    pub(crate) fn remove(self, headers: &mut HeaderMap) {
        let mut known = self.known;
        while known != 0 {
            headers.remove(&NAMES[known.trailing_zeros() as usize]);
            known &= known - 1;
        }
        while self.others
            && let Some(name) = headers.keys().find(|name| is_another(name.as_str())).cloned()
        {
            headers.remove(name);
        }
    }
}

/// The fields in which proxies and content networks are known to write the address of a client.
const ADDRESS_FIELDS: [&str; 36] = [
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "cf-pseudo-ipv4",
    "client-ip",
    "cloudfront-viewer-address",
    "do-connecting-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "forwarded-for",
    "incap-client-ip",
    "proxy-client-ip",
    "remote-addr",
    "true-client-ip",
    // Proxies on the visitor's side may give their own (RFC 9110 section 7.6.3).
    "via",
    "wl-proxy-client-ip",
    "x-appengine-user-ip",
    "x-client",
    "x-peer",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "x-forwarded",
    "x-nf-client-connection-ip",
    "x-original-forwarded-for",
    "x-originating-ip",
    "x-proxyuser-ip",
    "x-real-client-ip",
    "x-remote-addr",
    "x-remote-ip",
    "x-sucuri-clientip",
    "x-vercel-forwarded-for",
];

static NAMES: LazyLock<[HeaderName; ADDRESS_FIELDS.len()]> =
    LazyLock::new(|| ADDRESS_FIELDS.map(HeaderName::from_static));

/// For each first letter, the lengths of the fields that begin with it: a bit each.
const LENGTHS: [u32; 256] = {
    let mut lengths = [0; 256];
    let mut place = 0;
    while place < ADDRESS_FIELDS.len() {
        let name = ADDRESS_FIELDS[place].as_bytes();
        lengths[name[0] as usize] |= 1 << name.len();
        place += 1;
    }
    lengths
};

/// Nearly every other field is told apart by its first letter and its length.
#[inline]
fn may_name_address(name: &str) -> bool {
    let first = name.bytes().next().unwrap_or_default();
    name.len() < 32 && LENGTHS[usize::from(first)] >> name.len() & 1 == 1
}

/// Nearly every other field fails here.
#[inline]
fn may_end_as_address(name: &str) -> bool {
    matches!(
        name.as_bytes(),
        [.., b'i', b'p'] | [.., b'd', b'r'] | [.., b's', b's'] | [.., b'v', b'4' | b'6']
    )
}

/// Whether a field that is not in the list is one in another spelling, or says by its last words that it is one: new ones are invented
/// faster than lists are kept.
fn is_another(name: &str) -> bool {
    if name.contains('_') && ADDRESS_FIELDS.contains(&&*name.replace('_', "-")) {
        return true;
    }
    let mut words = name.rsplit(['-', '_']);
    match (words.next().unwrap_or_default(), words.next()) {
        ("ip" | "ipv4" | "ipv6" | "clientip" | "realip" | "remoteip" | "sourceip" | "userip", _) => true,
        ("addr" | "address", Some(whose)) => {
            ["client", "external", "ip", "peer", "remote", "source", "src", "user", "viewer", "visitor"]
                .contains(&whose)
        }
        ("ipaddr" | "ipaddress" | "clientaddr" | "remoteaddr", _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_ip::ClientIpResolver;

    #[test]
    fn no_address_field_stays() {
        let mut headers = HeaderMap::new();
        for name in [
            "X-Forwarded-For",
            "Forwarded",
            "X-Real-IP",
            "CF-Connecting-IP",
            "True-Client-IP",
            "Client-IP",
            "X-Client-IP",
            "X-Cluster-Client-IP",
            "Fastly-Client-IP",
            "X-Envoy-External-Address",
            "X-Original-Forwarded-For",
            "X_Forwarded_For",
            "CloudFront-Viewer-Address",
            "X-Sucuri-ClientIP",
        ] {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_static("203.0.113.1"),
            );
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_static("203.0.113.2"),
            );
        }
        headers.append("accept", HeaderValue::from_static("text/html"));
        AddressFields::None.rewrite(&mut headers, None);
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn other_fields_stay() {
        let mut headers = HeaderMap::new();
        for name in [
            "_",
            "x",
            "zip",
            "x-email-address",
            "x-ip-country",
            "strip",
            "x-forwarded-host",
            "x-request-id",
            "client_id",
            "forwarded-far",
            "x-real-iq",
        ] {
            headers.append(name, HeaderValue::from_static("203.0.113.1"));
        }
        headers.append(HeaderName::try_from("x".repeat(1_000)).unwrap(), HeaderValue::from_static("1"));
        let before = headers.clone();
        AddressFields::None.rewrite(&mut headers, None);
        assert_eq!(headers, before);
    }

    #[test]
    fn fields_that_say_so_by_their_names_go() {
        for name in [
            "ali-cdn-real-ip",
            "cdn-src-ip",
            "akamai-client-ip",
            "x-akamai-client-ip",
            "x-forwarded-client-ip",
            "x_source_ip",
            "x-src-ip",
            "client-address",
            "x-visitor-ip",
            "x-ip",
            "x-arr-clientip",
            "x-varnish-client-ip",
            "remote_address",
            "x-ipaddress",
            "x-client-ipv6",
        ] {
            let mut headers = HeaderMap::new();
            headers.append(name, HeaderValue::from_static("203.0.113.1"));
            AddressFields::None.rewrite(&mut headers, None);
            assert!(headers.is_empty(), "{name}");
        }
    }

    #[test]
    fn every_known_field_goes_in_either_spelling() {
        for field in ADDRESS_FIELDS {
            for name in [field.to_owned(), field.replace('-', "_")] {
                let mut headers = HeaderMap::new();
                headers.append(HeaderName::try_from(&name).unwrap(), HeaderValue::from_static("203.0.113.1"));
                AddressFields::None.rewrite(&mut headers, None);
                assert!(headers.is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn the_address_is_told_only_where_chosen() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", HeaderValue::from_static("198.51.100.1, 198.51.100.2"));
        let client = ClientIpResolver::peer().resolve("203.0.113.7".parse().ok(), &headers);
        AddressFields::Address.rewrite(&mut headers, client.as_ref());
        assert_eq!(headers["x-forwarded-for"], "203.0.113.7");
        assert_eq!(headers["x-real-ip"], "203.0.113.7");
        assert!(headers["x-real-ip"].is_sensitive());
    }
}
