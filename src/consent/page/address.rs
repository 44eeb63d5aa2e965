//! Addresses within the site: where a visitor goes back to, and the confirmation that rides along.

use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};

/// The query field that tells a page of a choice just made. The site never sees it.
const CONFIRMATION: &str = "pinfold-choice";

/// What a confirmation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confirmation {
    Accepted,
    Rejected,
    Saved,
}

impl Confirmation {
    fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Saved => "saved",
        }
    }

    /// The confirmation in a query, if any.
    pub(crate) fn in_query(query: &str) -> Option<Self> {
        let value = field(query, CONFIRMATION)?;
        [Self::Accepted, Self::Rejected, Self::Saved].into_iter().find(|one| one.name() == value)
    }
}

/// The first value of a query field, as written.
pub(super) fn field<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// The address with a confirmation in its query.
pub(super) fn with_confirmation(address: &str, confirmation: Confirmation) -> String {
    let (address, fragment) = match address.split_once('#') {
        Some((address, fragment)) => (address, Some(fragment)),
        None => (address, None),
    };
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let rest = kept_fields(query);
    let separator = if rest.is_empty() { "" } else { "&" };
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{path}?{rest}{separator}{CONFIRMATION}={}{fragment}", confirmation.name())
}

/// The address of a request without the confirmation, or `None` where it has none.
pub(crate) fn without_confirmation(uri: &Uri) -> Option<Uri> {
    let query = uri.query()?;
    memchr::memmem::find(query.as_bytes(), CONFIRMATION.as_bytes())?;
    let target = unconfirmed(uri.path(), query)?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::from_maybe_shared(target).ok()?);
    Uri::from_parts(parts).ok()
}

/// The address that a visitor comes from without the confirmation, or `None` where it has none: the page of the choice just made asks for
/// all that is on it under that address.
pub(crate) fn referrer_without_confirmation(referrer: &HeaderValue) -> Option<HeaderValue> {
    let (address, query) = referrer.to_str().ok()?.split_once('?')?;
    HeaderValue::try_from(unconfirmed(address, query)?).ok()
}

/// An address and what its query has besides confirmations, or `None` where it has none.
fn unconfirmed(address: &str, query: &str) -> Option<String> {
    let rest = kept_fields(query);
    if rest.len() == query.len() {
        return None;
    }
    Some(if rest.is_empty() { address.to_owned() } else { format!("{address}?{rest}") })
}

/// Whether there may be a confirmation in an address.
pub(crate) fn may_confirm(address: &HeaderValue) -> bool {
    // Few addresses have a query.
    let query = memchr::memchr(b'?', address.as_bytes()).map(|begins| &address.as_bytes()[begins..]);
    query.is_some_and(|query| memchr::memmem::find(query, CONFIRMATION.as_bytes()).is_some())
}

fn kept_fields(query: &str) -> String {
    let is_confirmation = |pair: &&str| pair.split('=').next() == Some(CONFIRMATION);
    query.split('&').filter(|pair| !is_confirmation(pair)).collect::<Vec<_>>().join("&")
}

/// The address to return to, if it is one of this site: a path, in the characters that RFC 3986 allows in one.
///
/// Whatever a browser could read as another site is refused: `//`, `/\`, schemes, user names, control characters and blanks, which
/// browsers drop or turn round before they look.
pub(super) fn within_site(address: &str) -> Option<&str> {
    let sound = address.starts_with('/')
        && !address.starts_with("//")
        && address.len() <= 2048
        && address.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte))
        && address.matches('#').count() <= 1;
    sound.then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_referrer_does_not_tell_the_choice() {
        for (referrer, expected) in [
            ("https://a.example/b?pinfold-choice=rejected", Some("https://a.example/b")),
            ("https://a.example/b?x=1&pinfold-choice=saved&y", Some("https://a.example/b?x=1&y")),
            ("https://a.example/pinfold-choice?x=pinfold-choice", None),
            ("https://a.example/", None),
        ] {
            let told = referrer_without_confirmation(&HeaderValue::from_static(referrer));
            assert_eq!(told.as_ref().map(|told| told.to_str().unwrap()), expected, "{referrer}");
        }
    }

    #[test]
    fn form_03_only_addresses_of_this_site() {
        for (address, sound) in [
            ("/", true),
            ("/bins?street=High%20Street&n=1#top", true),
            ("/a//b", true),
            ("/a:b@c", true),
            ("", false),
            ("bins", false),
            ("//example.org", false),
            ("///example.org", false),
            ("/\\example.org", false),
            ("\\/example.org", false),
            ("/\t/example.org", false),
            ("/\n/example.org", false),
            ("/ /example.org", false),
            (" /bins", false),
            ("https://example.org", false),
            ("javascript:alert(1)", false),
            ("/caf\u{e9}", false),
            ("/a#b#c", false),
            ("/\u{0}", false),
        ] {
            assert_eq!(within_site(address).is_some(), sound, "{address:?}");
        }
        assert!(within_site(&format!("/{}", "x".repeat(2048))).is_none());
    }

    #[test]
    fn a_confirmation_rides_and_is_taken_off() {
        for (address, expected) in [
            ("/", "/?pinfold-choice=saved"),
            ("/a?b=1", "/a?b=1&pinfold-choice=saved"),
            ("/a?b=1#c", "/a?b=1&pinfold-choice=saved#c"),
            ("/a?pinfold-choice=accepted&b=1", "/a?b=1&pinfold-choice=saved"),
            ("/a?", "/a?pinfold-choice=saved"),
        ] {
            assert_eq!(with_confirmation(address, Confirmation::Saved), expected, "{address}");
        }
        for (uri, expected) in [
            ("/a?pinfold-choice=saved", Some("/a")),
            ("/a?b=1&pinfold-choice=saved&c=2", Some("/a?b=1&c=2")),
            ("https://h.example/a?pinfold-choice=x", Some("https://h.example/a")),
            ("/a?b=pinfold-choice", None),
            ("/a?pinfold-choices=1", None),
            ("/a", None),
        ] {
            let stripped = without_confirmation(&uri.parse().unwrap());
            assert_eq!(stripped.map(|uri| uri.to_string()).as_deref(), expected, "{uri}");
        }
        assert_eq!(Confirmation::in_query("a=1&pinfold-choice=rejected"), Some(Confirmation::Rejected));
        assert_eq!(Confirmation::in_query("pinfold-choice=<script>"), None);
    }
}
