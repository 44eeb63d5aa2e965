use std::net::SocketAddr;

use bytes::Bytes;
use http::header::LOCATION;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Response, StatusCode, Uri};
use http_body_util::Full;
use pinfold::client_ip::TrustedProxies;

use super::body::text_response;
use crate::config::Settings;

/// Where visitors belong who come by http though the site is listened to by https, too.
#[derive(Debug)]
pub(super) struct ToHttps {
    /// The port of the site's URL.
    port: Option<u16>,
    /// Who may have ended TLS already, and so is served.
    fronts: TrustedProxies,
}

impl ToHttps {
    /// For a site that visitors reach by `url`; nothing where that is not https.
    pub(super) fn new(url: &Uri, fronts: TrustedProxies) -> Option<Self> {
        (url.scheme() == Some(&Scheme::HTTPS)).then(|| Self { port: url.port_u16(), fronts })
    }

    /// For the site of these settings, if it is listened to by https itself.
    pub(super) fn of(settings: &Settings, url: &Uri) -> Option<Self> {
        settings.listen.https.as_ref().and_then(|_| Self::new(url, settings.fronts.clone()))
    }

    /// The answer to a request of `peer` for `target` of `host`, unless it is to be served. What a method was it stays (RFC 9110 section
    /// 15.4.9).
    pub(super) fn answer(
        &self,
        host: &Authority,
        target: &Uri,
        peer: SocketAddr,
    ) -> Option<Response<Full<Bytes>>> {
        if self.fronts.contains(peer.ip()) {
            return None;
        }
        let location = HeaderValue::try_from(self.location(host, target)?.to_string()).ok()?;
        let mut response = text_response(StatusCode::PERMANENT_REDIRECT, "This site is at https.\n");
        response.headers_mut().insert(LOCATION, location);
        Some(response)
    }

    /// Put together from parts that have been admitted.
    fn location(&self, host: &Authority, target: &Uri) -> Option<Uri> {
        let authority = match self.port {
            None => host.host().to_owned(),
            Some(port) => format!("{}:{port}", host.host()),
        };
        let path = target.path_and_query().filter(|path| path.as_str().starts_with('/')).cloned();
        let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Uri::builder().scheme(Scheme::HTTPS).authority(authority).path_and_query(path).build().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_visitors_belong() {
        let fronts = || TrustedProxies::new(["10.0.0.0/8"]).unwrap();
        let location = |url: &'static str, host: &'static str, target: &str, peer: [u8; 4]| {
            let to_https = ToHttps::new(&Uri::from_static(url), fronts())?;
            let answer = to_https.answer(
                &Authority::from_static(host),
                &target.parse().unwrap(),
                (peer, 4711).into(),
            )?;
            assert_eq!(answer.status(), 308);
            Some(answer.headers()[LOCATION].to_str().unwrap().to_owned())
        };
        let (url, visitor) = ("https://www.town.example", [203, 0, 113, 7]);
        for (url, host, target, peer, expected) in [
            (url, "town.example:80", "/a//b?c=%20d", visitor, Some("https://town.example/a//b?c=%20d")),
            (url, "town.example", "//evil.example", visitor, Some("https://town.example//evil.example")),
            (url, "town.example", "http://town.example/x", visitor, Some("https://town.example/x")),
            (url, "town.example", "*", visitor, Some("https://town.example/")),
            (url, "[::1]:80", "/", visitor, Some("https://[::1]/")),
            (
                "https://town.example:8443",
                "town.example:8080",
                "/",
                visitor,
                Some("https://town.example:8443/"),
            ),
            (url, "town.example", "/", [10, 1, 2, 3], None),
            ("http://localhost:8080", "town.example", "/", visitor, None),
        ] {
            assert_eq!(location(url, host, target, peer).as_deref(), expected, "{host} {target}");
        }
    }
}
