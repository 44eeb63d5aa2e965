//! Under which addresses visitors know a site. Pure.

use std::collections::BTreeSet;

use http::Uri;
use http::uri::Authority;
use serde_json::{Value, json};

/// A site that is looked at where its visitors do not come in: its web server is asked as if they did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Site {
    scheme: String,
    host: String,
    /// Nothing where it is the usual one.
    port: Option<u16>,
    /// Each of its own, in lower case and without port.
    hosts: BTreeSet<String>,
}

/// Whose an address is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Others,
    Site,
    /// That of the site, by the other scheme: whoever ends TLS sends visitors on to this one.
    SentOn(String),
}

impl Site {
    /// At `url`, which is scheme and host alone, and at these other hosts.
    pub(super) fn at(url: &str, hosts: &[String]) -> Option<Self> {
        let (scheme, host, port, uri) = parts(url)?;
        let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        let hosts = hosts.iter().cloned().chain([host.clone()]).collect();
        is_bare.then_some(Self { scheme, host, port, hosts })
    }

    /// Scheme and host.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", self.scheme, authority(&self.host, self.port))
    }

    pub(super) fn hosts(&self) -> &BTreeSet<String> {
        &self.hosts
    }

    /// Whether an address is one that visitors use.
    pub(super) fn is_at(&self, address: &str) -> bool {
        parts(address).is_some_and(|(scheme, host, port, _)| {
            (scheme, host, port) == (self.scheme.clone(), self.host.clone(), self.port)
        })
    }

    /// What visitors call the page at an address of the web server.
    pub(super) fn page(&self, address: &str) -> String {
        let uri = address.parse::<Uri>().ok();
        let path = uri.as_ref().and_then(Uri::path_and_query).map_or("/", |path| path.as_str());
        format!("{}{path}", self.origin())
    }

    /// Whose an address is: that of a page, or of what a page asks for.
    pub(super) fn whose(&self, address: &str) -> Whose {
        let Some((scheme, host, port, uri)) = parts(address) else { return Whose::Others };
        let is_own = self.hosts.contains(&host) && (port.is_none() || port == self.port);
        match (is_own, scheme == self.scheme) {
            (false, _) => Whose::Others,
            (true, true) => Whose::Site,
            (true, false) => {
                let place = authority(&host, self.port.filter(|_| host == self.host));
                let path = uri.path_and_query().map_or("/", |path| path.as_str());
                Whose::SentOn(format!("{}://{place}{path}", self.scheme))
            }
        }
    }

    /// Which requests a browser must not make itself: those for the site, and those for pages, of which some are elsewhere.
    pub(super) fn patterns(&self) -> Value {
        let own = self.hosts.iter().flat_map(|host| [format!("*://{host}/*"), format!("*://{host}:*/*")]);
        let own = own.map(|pattern| json!({ "urlPattern": pattern }));
        own.chain([json!({ "urlPattern": "*", "resourceType": "Document" })]).collect()
    }

    /// Rules by which a browser finds no way to the site that visitors see, whatever asks for it.
    pub(super) fn dead_ends(&self) -> String {
        let ports = [80, 443].into_iter().chain(self.port);
        let rules =
            ports.flat_map(|port| self.hosts.iter().map(move |host| format!("MAP {host}:{port} ~NOTFOUND")));
        rules.collect::<Vec<_>>().join(",")
    }
}

/// Scheme, host, port unless it is the usual one, and the whole of an address of the web. Those of WebSocket are like the others.
fn parts(address: &str) -> Option<(String, String, Option<u16>, Uri)> {
    let uri: Uri = address.parse().ok()?;
    let (scheme, usual) = match uri.scheme_str()?.to_ascii_lowercase().as_str() {
        "http" | "ws" => ("http", 80),
        "https" | "wss" => ("https", 443),
        _ => return None,
    };
    let place: &Authority = uri.authority().filter(|place| !place.as_str().contains('@'))?;
    let (host, port) = (place.host().to_ascii_lowercase(), place.port_u16().filter(|port| *port != usual));
    (!host.is_empty()).then_some((scheme.to_owned(), host, port, uri))
}

fn authority(host: &str, port: Option<u16>) -> String {
    port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site::at("https://WWW.example.gov.uk:443/", &["example.gov.uk".to_owned()]).unwrap()
    }

    #[test]
    fn what_is_the_address_of_a_site() {
        for (url, expected) in [
            ("https://www.example.gov.uk", Some("https://www.example.gov.uk")),
            ("HTTP://Localhost:8080/", Some("http://localhost:8080")),
            ("www.example.gov.uk", None),
            ("https://www.example.gov.uk/home", None),
            ("https://clerk@www.example.gov.uk", None),
            ("ftp://www.example.gov.uk", None),
            ("", None),
        ] {
            assert_eq!(Site::at(url, &[]).map(|site| site.origin()).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn whose_addresses_are() {
        let sent = |to: &str| Whose::SentOn(to.to_owned());
        for (address, expected) in [
            ("https://www.example.gov.uk/a?b", Whose::Site),
            ("https://EXAMPLE.gov.uk", Whose::Site),
            ("wss://www.example.gov.uk/live", Whose::Site),
            ("http://www.example.gov.uk/a?b", sent("https://www.example.gov.uk/a?b")),
            ("http://example.gov.uk:80", sent("https://example.gov.uk/")),
            ("https://www.example.gov.uk:8443/", Whose::Others),
            ("https://forms.example.gov.uk/", Whose::Others),
            ("https://www.example.gov.uk@other.example/", Whose::Others),
            ("data:text/html,", Whose::Others),
        ] {
            assert_eq!(site().whose(address), expected, "{address}");
        }
        let here = Site::at("http://localhost:8080", &[]).unwrap();
        assert_eq!(here.whose("http://localhost:8080/a"), Whose::Site);
        assert_eq!(here.whose("https://localhost/a"), sent("http://localhost:8080/a"));
        assert_eq!(here.whose("http://localhost:9/a"), Whose::Others);
        assert!(here.is_at("http://LOCALHOST:8080/a") && !here.is_at("http://127.0.0.1:8080"));
    }

    #[test]
    fn a_browser_is_given_no_way_to_what_visitors_see() {
        assert_eq!(site().page("http://127.0.0.1:8000/a?b"), "https://www.example.gov.uk/a?b");
        assert_eq!(site().page("http://127.0.0.1:8000"), "https://www.example.gov.uk/");
        let rules = site().dead_ends();
        for rule in ["MAP www.example.gov.uk:443 ~NOTFOUND", "MAP example.gov.uk:80 ~NOTFOUND"] {
            assert!(rules.split(',').any(|one| one == rule), "{rules}");
        }
        assert_eq!(site().patterns().as_array().unwrap().len(), 5);
    }
}
