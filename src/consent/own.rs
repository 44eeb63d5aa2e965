use cookie::{Cookie, SameSite, time::Duration};
use http::HeaderValue;

use super::remarks::LONGEST_DAYS;

/// The names of Pinfold's own cookies, without prefix.
const NAMES: [&[u8]; 3] = [b"pinfold-consent", b"pinfold-visit", b"pinfold-preferences"];

/// The longest that a browser keeps a cookie, in seconds.
const MOST_SECONDS: i64 = LONGEST_DAYS * 86_400;

/// A cookie of Pinfold's own, its name by what the site can promise a browser (RFC 6265bis 4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OwnCookie {
    pub(crate) name: &'static str,
    secure: bool,
}

impl OwnCookie {
    /// The one that holds the decision.
    pub(super) fn decision(secure: bool, shared: bool) -> Self {
        Self::named(["pinfold-consent", "__Host-pinfold-consent", "__Secure-pinfold-consent"], secure, shared)
    }

    /// The one that holds the footprint.
    pub(super) fn visit(secure: bool, shared: bool) -> Self {
        Self::named(["pinfold-visit", "__Host-pinfold-visit", "__Secure-pinfold-visit"], secure, shared)
    }

    /// The one that holds what a visitor prefers.
    pub(super) fn preferences(secure: bool, shared: bool) -> Self {
        Self::named(
            ["pinfold-preferences", "__Host-pinfold-preferences", "__Secure-pinfold-preferences"],
            secure,
            shared,
        )
    }

    /// One name where nothing can be promised, one for a host alone, one for all under a domain.
    fn named([bare, of_host, of_domain]: [&'static str; 3], secure: bool, shared: bool) -> Self {
        let name = match (secure, shared) {
            (false, _) => bare,
            (true, false) => of_host,
            (true, true) => of_domain,
        };
        Self { name, secure }
    }

    /// The field that sets it for so many seconds, or with none removes it; for a host alone or for all under a domain.
    pub(crate) fn field(self, value: String, seconds: i64, domain: Option<&str>) -> HeaderValue {
        let mut cookie = Cookie::build((self.name, value))
            .path("/")
            .secure(self.secure)
            .http_only(true)
            .same_site(SameSite::Lax)
            .max_age(Duration::seconds(seconds.clamp(0, MOST_SECONDS)));
        if let Some(domain) = domain {
            cookie = cookie.domain(domain.to_owned());
        }
        // Names, domains and values of ours are always sound.
        HeaderValue::from_str(&cookie.build().to_string()).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

/// Whether a path may be one of Pinfold's own, beside the cookies page.
pub(super) fn is_own_path(path: &str) -> bool {
    path.starts_with("/.pinfold/") || path == "/.well-known/gpc.json"
}

/// Whether a cookie has a name of ours, or one that a browser or server might take for it.
///
/// Such a cookie never reaches the site and is never accepted from it.
#[inline]
pub(super) fn is_own(name: &[u8]) -> bool {
    // Nearly every name fails here.
    matches!(name, [b'p' | b'P', ..] | [b'_', b'_', ..]) && is_own_behind_prefix(name)
}

fn is_own_behind_prefix(name: &[u8]) -> bool {
    let bare = &name[prefix_length(name)..];
    NAMES.iter().any(|own| bare.eq_ignore_ascii_case(own))
}

/// The length of the cookie name prefix that a browser enforces, 0 where there is none. Letter case is free.
#[inline]
pub(super) fn prefix_length(name: &[u8]) -> usize {
    if name.starts_with(b"__") { length_of_prefix(name) } else { 0 }
}

fn length_of_prefix(name: &[u8]) -> usize {
    let prefixes: [&[u8]; 4] = [b"__Host-Http-", b"__Host-", b"__Secure-", b"__Http-"];
    let found = prefixes
        .iter()
        .find(|prefix| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)));
    found.map_or(0, |prefix| prefix.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claim_02_names_that_could_be_taken_for_ours() {
        for (name, own) in [
            ("pinfold-consent", true),
            ("__Host-pinfold-consent", true),
            ("__Secure-pinfold-visit", true),
            ("__HOST-PINFOLD-PREFERENCES", true),
            ("__Host-Http-pinfold-consent", true),
            ("pinfold-consent2", false),
            ("_pinfold-consent", false),
            ("xpinfold-consent", false),
            ("pinfold", false),
            ("__Host-", false),
            ("", false),
        ] {
            assert_eq!(is_own(name.as_bytes()), own, "{name}");
        }
    }
}
