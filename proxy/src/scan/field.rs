//! What a `Set-Cookie` field sets, and whether a browser keeps that (RFC 6265bis sections 5.6 and 5.7). Pure.

use std::net::IpAddr;

use cookie::{Cookie as SetCookie, SameSite};
use http::Uri;

use super::visit::host_of;
use crate::config::{is_public_suffix, is_within};

/// The longest that a browser keeps a cookie, in seconds.
const LONGEST: u64 = 400 * 86_400;

/// A cookie that is set, without its value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) name: String,
    /// That of the host alone, where no browser takes the other from it.
    pub(super) domain: String,
    pub(super) path: String,
    /// In seconds; nothing where it ends with the session.
    pub(super) lifetime: Option<u64>,
    pub(super) partitioned: bool,
    /// Why no browser keeps it of that address.
    pub(super) refused: Option<String>,
}

/// What a field of the answer of an address sets; nothing where it takes a cookie back.
pub(super) fn set_by(field: &str, address: &str, now: i64) -> Option<Set> {
    let set = SetCookie::parse(field).ok()?;
    let ends = set.expires_datetime().map(|ends| ends.unix_timestamp().saturating_sub(now));
    let lifetime = set.max_age().map(|age| age.whole_seconds()).or(ends);
    if lifetime.is_some_and(|seconds| seconds <= 0) {
        return None;
    }
    let refused = refused(&set, address);
    let declared = domain_of(&set).filter(|_| refused.is_none());
    Some(Set {
        name: set.name().to_owned(),
        domain: declared.or_else(|| host_of(address)).unwrap_or_default(),
        path: set.path().unwrap_or("/").to_owned(),
        lifetime: lifetime.map(|seconds| seconds.unsigned_abs().min(LONGEST)),
        partitioned: set.partitioned().unwrap_or(false),
        refused,
    })
}

fn domain_of(set: &SetCookie<'_>) -> Option<String> {
    let domain = set.domain()?.trim_start_matches('.').to_ascii_lowercase();
    (!domain.is_empty()).then_some(domain)
}

/// Why no browser keeps a cookie of an address.
fn refused(set: &SetCookie<'_>, address: &str) -> Option<String> {
    let host = host_of(address)?;
    let is_https = address.parse::<Uri>().is_ok_and(|uri| uri.scheme_str() == Some("https"));
    let is_secure = set.secure().unwrap_or(false);
    let name = set.name().to_ascii_lowercase();
    if let Some(domain) = domain_of(set).filter(|domain| *domain != host) {
        if host.parse::<IpAddr>().is_ok() || !is_within(&host, &domain) {
            return Some(format!("it is for {domain}, and the address is not"));
        }
        if is_public_suffix(&domain) {
            return Some(format!("it is for all of {domain}"));
        }
    }
    if is_secure && !(is_https || is_of_this_machine(&host)) {
        return Some("it is `Secure`, and the address is plain http".to_owned());
    }
    for prefix in ["__secure-", "__host-"] {
        if name.starts_with(prefix) && !is_secure {
            let prefix = &set.name()[..prefix.len()];
            return Some(format!("its name begins with `{prefix}`, which takes `Secure`"));
        }
    }
    if name.starts_with("__host-") && (set.domain().is_some() || set.path() != Some("/")) {
        return Some("its name begins with `__Host-`, which takes `Path=/` and no `Domain`".to_owned());
    }
    let needs_secure = set.same_site() == Some(SameSite::None) || set.partitioned().unwrap_or(false);
    (needs_secure && !is_secure).then(|| {
        "it is for frames on other sites (`SameSite=None` or `Partitioned`), and not `Secure`".to_owned()
    })
}

/// Where browsers keep `Secure` cookies without https.
fn is_of_this_machine(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fields_set() {
        for (field, expected) in [
            ("session=a; HttpOnly", Some(("session", "www.example.gov.uk", "/", None, false))),
            (
                "seen=1; Max-Age=60; Domain=.Example.gov.uk; Path=/forms",
                Some(("seen", "example.gov.uk", "/forms", Some(60), false)),
            ),
            ("old=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", None),
            ("gone=; Max-Age=0", None),
            (
                "later=1; Expires=Thu, 01 Jan 1970 00:10:00 GMT; Partitioned; Secure",
                Some(("later", "www.example.gov.uk", "/", Some(300), true)),
            ),
            ("ever=1; Max-Age=999999999", Some(("ever", "www.example.gov.uk", "/", Some(LONGEST), false))),
            ("nothing", None),
        ] {
            let set = set_by(field, "https://www.example.gov.uk/a", 300);
            let told =
                set.as_ref().map(|set| (&*set.name, &*set.domain, &*set.path, set.lifetime, set.partitioned));
            assert_eq!(told, expected, "{field}");
            assert_eq!(set.and_then(|set| set.refused), None, "{field}");
        }
    }

    #[test]
    fn what_no_browser_keeps() {
        const SITE: &str = "https://www.example.gov.uk/";
        for (field, address, expected) in [
            ("a=1; Secure", "http://192.0.2.2:9113/", Some("plain http")),
            ("a=1; Secure", "http://127.0.0.1:9112/", None),
            ("a=1; Secure", "http://site.localhost/", None),
            ("__Secure-a=1; Secure", "http://localhost/", None),
            ("__Secure-a=1", SITE, Some("`__Secure-`")),
            ("__Host-a=1; Secure; Path=/", SITE, None),
            ("__Host-a=1; Secure", SITE, Some("`Path=/`")),
            ("__HOST-a=1; Secure; Path=/; Domain=example.gov.uk", SITE, Some("`Path=/`")),
            ("a=1; Domain=example.gov.uk", "http://127.0.0.1:9112/", Some("for example.gov.uk")),
            ("a=1; Domain=0.0.1", "http://127.0.0.1/", Some("for 0.0.1")),
            ("a=1; Domain=gov.uk", SITE, Some("all of gov.uk")),
            ("a=1; Domain=ample.gov.uk", SITE, Some("for ample.gov.uk")),
            ("a=1; Domain=localhost", "http://localhost/", None),
            ("a=1; SameSite=None", SITE, Some("not `Secure`")),
        ] {
            let refused = set_by(field, address, 0).unwrap().refused;
            match expected {
                Some(words) => {
                    assert!(refused.as_ref().is_some_and(|why| why.contains(words)), "{field}: {refused:?}")
                }
                None => assert_eq!(refused, None, "{field}"),
            }
        }
    }
}
