use std::collections::{BTreeMap, BTreeSet};

use super::field::set_by;
use super::recognised::{Product, product_of};

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
    /// Cookies of fields that no browser keeps of the address that was looked at, and why.
    pub(super) refused: BTreeMap<String, String>,
    /// Whether visitors come in by another address than that, for all that is known.
    pub(super) is_elsewhere: bool,
    /// Products that are known by a page, by the service of theirs that is well known, each with the first such page.
    pub(super) products: BTreeMap<&'static str, (&'static Product, String)>,
}

/// Something in a page that may tell what made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sign {
    /// The address of what it loads, or of what a form is sent to.
    Address(String),
    /// The name of a cookie.
    Cookie(String),
    /// The name of a field of a form.
    Field(String),
    /// What it says that it was made with.
    Generator(String),
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
        self.recognise([Sign::Cookie(name.to_owned())], &cookie.page);
        let key = (name.to_owned(), domain.trim_start_matches('.').to_owned(), path.to_owned());
        let known = self.cookies.entry(key).or_insert_with(|| cookie.clone());
        // A cookie of a session may be kept longer by a later page.
        known.lifetime = known.lifetime.max(cookie.lifetime);
    }

    /// Notes what a `Set-Cookie` field in the answer of an address sets, met while `page` was looked at.
    pub(super) fn note_field(&mut self, field: &str, address: &str, page: &str, now: i64) {
        let Some(set) = set_by(field, address, now) else { return };
        self.in_fields.insert(set.name.clone());
        if let Some(why) = set.refused {
            self.refused.entry(set.name.clone()).or_insert(why);
            // Where visitors come in it may be kept.
            if !self.is_elsewhere {
                return;
            }
        }
        let is_known = |(name, domain, path): &(String, String, String)| {
            *name == set.name && (domain, path) != (&set.domain, &set.path)
        };
        // A browser knows better for which path it is.
        if !self.cookies.keys().any(is_known) {
            let cookie =
                Cookie { lifetime: set.lifetime, partitioned: set.partitioned, page: page.to_owned() };
            self.note((&set.name, &set.domain, &set.path), cookie);
        }
    }

    /// Notes that an address could not be looked at.
    pub(super) fn fail(&mut self, address: impl Into<String>, why: impl Into<String>) {
        let address = address.into();
        if !self.failed.iter().any(|(failed, _)| *failed == address) {
            self.failed.push((address, why.into()));
        }
    }

    /// Whether an address is answered with an error; then it is noted as one that could not be looked at.
    pub(super) fn is_error(&mut self, address: &str, status: u16) -> bool {
        let is_error = status >= 400;
        if is_error {
            self.fail(address, format!("it is answered {status}"));
        }
        is_error
    }

    /// Notes the products that a page gives away.
    pub(super) fn recognise(&mut self, signs: impl IntoIterator<Item = Sign>, page: &str) {
        for product in signs.into_iter().filter_map(|sign| product_of(&sign)) {
            self.products.entry(product.service).or_insert_with(|| (product, page.to_owned()));
        }
    }
}

/// The host that an address names, in lower case.
pub(super) fn host_of(url: &str) -> Option<String> {
    url.parse::<http::Uri>().ok()?.host().map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_from_pages() {
        let mut visit = Visit::default();
        for (status, is_error) in
            [(200, false), (302, false), (399, false), (400, true), (421, true), (503, true)]
        {
            assert_eq!(visit.is_error(&format!("/{status}"), status), is_error, "{status}");
        }
        let failed: Vec<_> = visit.failed.iter().map(|(_, why)| why.as_str()).collect();
        assert_eq!(failed, ["it is answered 400", "it is answered 421", "it is answered 503"]);
    }

    #[test]
    fn fields_add_to_what_a_browser_keeps() {
        const PAGE: &str = "https://www.example.gov.uk/";
        let mut visit = Visit::default();
        visit.note(
            ("wide", ".example.gov.uk", "/forms"),
            Cookie { lifetime: None, partitioned: false, page: PAGE.to_owned() },
        );
        for field in ["wide=1; Domain=example.gov.uk", "brief=1", "odd=1; Domain=other.example"] {
            visit.note_field(field, PAGE, PAGE, 0);
        }
        let names: Vec<_> = visit.cookies.keys().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, ["brief", "wide"]);
        assert_eq!(visit.refused.keys().collect::<Vec<_>>(), ["odd"]);

        // Where visitors come in by another address, it may well be kept.
        visit.is_elsewhere = true;
        visit.note_field("odd=1; Domain=other.example", PAGE, PAGE, 0);
        assert!(
            visit.cookies.keys().any(|(name, domain, _)| name == "odd" && domain == "www.example.gov.uk")
        );
    }
}
