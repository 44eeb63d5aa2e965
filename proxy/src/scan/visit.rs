use std::collections::{BTreeMap, BTreeSet};

/// What was seen of a site.
#[derive(Debug, Default)]
pub(super) struct Visit {
    /// The pages that were looked at, in order.
    pub(super) pages: Vec<String>,
    /// Those that could not be, and why.
    pub(super) failed: Vec<(String, String)>,
    /// By name, domain and path: what a cookie is to a browser (RFC 6265bis section 5.7).
    pub(super) cookies: BTreeMap<(String, String, String), Cookie>,
    /// Hosts that pages had a browser ask, that of the site too, each with the page on which that was first seen.
    pub(super) hosts: BTreeMap<String, String>,
    /// Whether Pinfold stands before the site, and holds most of what there is to see.
    pub(super) is_behind_pinfold: bool,
    /// Names that came in a `Set-Cookie` field.
    pub(super) in_fields: BTreeSet<String>,
}

/// A cookie, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cookie {
    /// How long it is kept, in seconds; nothing where it ends with the session.
    pub(super) lifetime: Option<u64>,
    pub(super) partitioned: bool,
    /// The page on which it was first seen.
    pub(super) page: String,
}

/// What came of a page.
#[derive(Debug)]
pub(super) struct Opened {
    /// Where it is, once it has sent its visitor where it likes.
    pub(super) address: String,
    pub(super) links: Vec<String>,
}

impl Visit {
    /// Notes a cookie that is there once `page` is.
    pub(super) fn note(&mut self, (name, domain, path): (&str, &str, &str), cookie: Cookie) {
        let key = (name.to_owned(), domain.to_owned(), path.to_owned());
        let known = self.cookies.entry(key).or_insert_with(|| cookie.clone());
        // A cookie of a session may be kept longer by a later page.
        known.lifetime = known.lifetime.max(cookie.lifetime);
    }
}

/// The host that an address names, in lower case.
pub(super) fn host_of(url: &str) -> Option<String> {
    url.parse::<http::Uri>().ok()?.host().map(str::to_ascii_lowercase)
}
