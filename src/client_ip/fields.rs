use std::net::SocketAddr;

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
}

impl AddressFields {
    /// Removes every address field and writes those that this choice calls for.
    pub fn rewrite(self, headers: &mut HeaderMap, client: Option<&ClientIp>) {
        self.rewrite_and_show(headers, client, |_, _| {});
    }

    /// The same, and shows every other field on the way, some perhaps more than once: a walk for whoever needs one too.
    pub(crate) fn rewrite_and_show(
        self,
        headers: &mut HeaderMap,
        client: Option<&ClientIp>,
        mut show: impl FnMut(&str, &HeaderValue),
    ) {
        let mut found: [Option<HeaderName>; 4] = Default::default();
        loop {
            let mut places = found.iter_mut();
            for (name, value) in &*headers {
                let text = name.as_str();
                if !names_address(text) {
                    show(text, value);
                } else if let Some(place) = places.next() {
                    *place = Some(name.clone());
                }
            }
            let is_last = places.next().is_some();
            found.iter_mut().filter_map(Option::take).for_each(|name| {
                headers.remove(name);
            });
            if is_last {
                break;
            }
        }
        if let (Self::Address, Some(client)) = (self, client)
            && let Ok(mut value) = HeaderValue::from_str(&client.to_ip().to_string())
        {
            value.set_sensitive(true);
            headers.insert("x-real-ip", value.clone());
            headers.insert("x-forwarded-for", value);
        }
    }
}

/// The fields in which proxies and content networks are known to write the address of a client.
///
/// Behind CGI and its like a `_` cannot be told from a `-`.
#[inline]
fn names_address(name: &str) -> bool {
    // Most fields are told apart by their first letter.
    let may = matches!(name.as_bytes(), [b'c' | b'd' | b'f' | b'i' | b'p' | b'r' | b't' | b'w' | b'x', ..]);
    may && if name.contains('_') { is_address_field(&name.replace('_', "-")) } else { is_address_field(name) }
}

fn is_address_field(name: &str) -> bool {
    matches!(
        name,
        "forwarded"
            | "x-forwarded-for"
            | "x-real-ip"
            | "cf-connecting-ip"
            | "cf-connecting-ipv6"
            | "cf-pseudo-ipv4"
            | "client-ip"
            | "cloudfront-viewer-address"
            | "do-connecting-ip"
            | "fastly-client-ip"
            | "fly-client-ip"
            | "forwarded-for"
            | "incap-client-ip"
            | "proxy-client-ip"
            | "remote-addr"
            | "true-client-ip"
            | "wl-proxy-client-ip"
            | "x-appengine-user-ip"
            | "x-azure-clientip"
            | "x-azure-socketip"
            | "x-client-ip"
            | "x-cluster-client-ip"
            | "x-envoy-external-address"
            | "x-forwarded"
            | "x-nf-client-connection-ip"
            | "x-original-forwarded-for"
            | "x-originating-ip"
            | "x-proxyuser-ip"
            | "x-real-client-ip"
            | "x-remote-addr"
            | "x-remote-ip"
            | "x-sucuri-clientip"
            | "x-vercel-forwarded-for"
    )
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
