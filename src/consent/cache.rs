//! Who may keep an answer (RFC 9111 5.2.2). Pure.

use http::header::{CACHE_CONTROL, EXPIRES, PRAGMA, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// How an answer that belongs to one visitor may be kept.
///
/// From the least strict to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Keeping {
    /// By the visitor's browser, as long as the site says.
    Private,
    /// By the visitor's browser, which asks each time whether it is still good.
    PrivateChecked,
    /// By nobody.
    Nobody,
}

/// Fields by which some caches are told other things than the rest (RFC 9213 and its forerunners).
const TARGETED: [&str; 9] = [
    "akamai-cache-control",
    "cdn-cache-control",
    "cloudflare-cdn-cache-control",
    "edge-control",
    "netlify-cdn-cache-control",
    "surrogate-control",
    "vercel-cdn-cache-control",
    "x-accel-expires",
    "x-litespeed-cache-control",
];

/// Directives of caches that many share.
const SHARED: [&str; 6] =
    ["proxy-revalidate", "public", "s-maxage", "must-understand", "stale-if-error", "stale-while-revalidate"];

/// How long a page may be served without asking.
const FRESHNESS: [&str; 4] = ["immutable", "max-age", "no-cache", "must-revalidate"];

/// Keeps an answer from caches that many visitors share.
pub(super) fn keep_from_others(headers: &mut HeaderMap, keeping: Keeping) {
    remove_targeted(headers);
    let directives = directives(headers);
    let strict = directives.iter().any(|directive| name_of(directive) == "no-store");
    let kept: Vec<&str> = match keeping {
        Keeping::Nobody => vec![],
        _ if strict => vec!["no-store"],
        Keeping::Private => {
            directives.iter().map(String::as_str).filter(|one| !is_one_of(one, &SHARED)).collect()
        }
        Keeping::PrivateChecked => {
            let rest = directives.iter().map(String::as_str);
            rest.filter(|one| !is_one_of(one, &SHARED) && !is_one_of(one, &FRESHNESS))
                .chain(["no-cache"])
                .collect()
        }
    };
    let first: &[&str] = if keeping == Keeping::Nobody { &["private", "no-store"] } else { &["private"] };
    let all = first.iter().copied().chain(kept.into_iter().filter(|one| name_of(one) != "private"));
    write(headers, all);
    if keeping != Keeping::Private {
        headers.remove(EXPIRES);
        headers.remove(PRAGMA);
    }
}

/// Lets a shared cache keep an answer for all visitors with one value of a field, and browsers ask that cache each time.
pub(super) fn keep_by_key(headers: &mut HeaderMap, key: &HeaderName) {
    let directives = directives(headers);
    let age = |wanted: &str| {
        let found = directives.iter().find(|one| name_of(one) == wanted);
        found.and_then(|one| one.split_once('=')).map(|(_, seconds)| seconds.trim().to_owned())
    };
    if directives.iter().any(|one| ["private", "no-store"].contains(&name_of(one))) {
        return keep_from_others(headers, Keeping::PrivateChecked);
    }
    // What the site does not say, a browser may guess (RFC 9111 4.2.2).
    let shared = age("s-maxage").or_else(|| age("max-age")).map(|seconds| format!("s-maxage={seconds}"));
    let rest = directives
        .iter()
        .map(String::as_str)
        .filter(|one| !is_one_of(one, &["immutable", "max-age", "must-revalidate", "s-maxage"]));
    write(headers, rest.chain(["max-age=0", "must-revalidate"]).chain(shared.as_deref()));
    headers.remove(EXPIRES);
    vary_by(headers, key);
}

/// Takes away what is said of keeping, so that a cache goes by what it was told before (RFC 9111 4.3.4).
pub(super) fn forget_keeping(headers: &mut HeaderMap) {
    for name in [CACHE_CONTROL, EXPIRES, PRAGMA] {
        headers.remove(name);
    }
    remove_targeted(headers);
}

fn remove_targeted(headers: &mut HeaderMap) {
    while let Some(name) = headers.keys().find(|name| is_targeted(name)).cloned() {
        headers.remove(name);
    }
}

/// Whether some caches are told other things than the rest. One walk: there are fewer fields in an answer than names to look for.
fn is_targeted_at_some(headers: &HeaderMap) -> bool {
    headers.keys().any(is_targeted)
}

fn is_targeted(name: &HeaderName) -> bool {
    TARGETED.contains(&name.as_str())
}

/// Adds a field to `Vary`.
pub(super) fn vary_by(headers: &mut HeaderMap, key: &HeaderName) {
    if !varies_by(headers, key) {
        headers.append(VARY, HeaderValue::from_name(key.clone()));
    }
}

/// Whether an answer says that it differs by a field.
pub(super) fn varies_by(headers: &HeaderMap, field: &HeaderName) -> bool {
    let listed = headers.get_all(VARY).into_iter().filter_map(|value| value.to_str().ok());
    let mut names = listed.flat_map(|line| line.split(',')).map(str::trim);
    names.any(|name| name == "*" || name.eq_ignore_ascii_case(field.as_str()))
}

/// Whether no shared cache may keep an answer as it stands.
pub(super) fn is_kept_by_nobody_else(status: StatusCode, headers: &HeaderMap) -> bool {
    let directives = directives(headers);
    if directives.iter().any(|one| one == "private" || name_of(one) == "no-store") {
        return !is_targeted_at_some(headers);
    }
    // These are kept only where they say how long (RFC 9110 15.1).
    let plain_redirect =
        [StatusCode::FOUND, StatusCode::SEE_OTHER, StatusCode::TEMPORARY_REDIRECT].contains(&status);
    plain_redirect
        && !headers.contains_key(EXPIRES)
        && !directives.iter().any(|one| is_one_of(one, &["public", "s-maxage", "max-age"]))
        && !is_targeted_at_some(headers)
}

/// Keeps a page from shared caches where the site says nothing of caches; whether none may keep it then.
pub(crate) fn is_private(status: StatusCode, headers: &mut HeaderMap) -> bool {
    let says_nothing = !headers.contains_key(CACHE_CONTROL) && !is_targeted_at_some(headers);
    if says_nothing {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
    }
    says_nothing || is_kept_by_nobody_else(status, headers)
}

/// Whether nobody on the way may change the answer (RFC 9111 5.2.2.6).
pub(super) fn forbids_change(headers: &HeaderMap) -> bool {
    directives(headers).iter().any(|one| one == "no-transform")
}

fn directives(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(CACHE_CONTROL).into_iter().filter_map(|value| value.to_str().ok());
    let all = lines.flat_map(split).map(|one| one.trim().to_owned());
    all.filter(|one| !one.is_empty())
        .map(|one| match one.split_once('=') {
            Some((name, value)) => format!("{}={value}", name.trim().to_ascii_lowercase()),
            None => one.to_ascii_lowercase(),
        })
        .collect()
}

/// At commas that are not in quotation marks.
fn split(line: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    line.split(move |letter| {
        quoted ^= letter == '"';
        letter == ',' && !quoted
    })
}

fn name_of(directive: &str) -> &str {
    directive.split('=').next().unwrap_or_default()
}

fn is_one_of(directive: &str, names: &[&str]) -> bool {
    names.contains(&name_of(directive))
}

fn write<'a>(headers: &mut HeaderMap, directives: impl Iterator<Item = &'a str>) {
    let text = directives.collect::<Vec<_>>().join(", ");
    let value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("private, no-store"));
    headers.insert(CACHE_CONTROL, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        fields.iter().for_each(|(name, value)| {
            headers.append(*name, value.parse().unwrap());
        });
        headers
    }

    #[test]
    fn page_01_pages_belong_to_one_visitor() {
        for (said, keeping, expected) in [
            (None, Keeping::Private, "private"),
            (None, Keeping::Nobody, "private, no-store"),
            (None, Keeping::PrivateChecked, "private, no-cache"),
            (Some("public, max-age=600"), Keeping::Private, "private, max-age=600"),
            (Some("Public, S-MaxAge=600, max-age=60"), Keeping::Private, "private, max-age=60"),
            (Some("public, max-age=600, immutable"), Keeping::PrivateChecked, "private, no-cache"),
            (Some("public, max-age=600"), Keeping::Nobody, "private, no-store"),
            (Some("no-store"), Keeping::Private, "private, no-store"),
            (Some("private=\"set-cookie, x\", max-age=5"), Keeping::Private, "private, max-age=5"),
            (
                Some("no-cache=\"set-cookie\", max-age=5"),
                Keeping::Private,
                "private, no-cache=\"set-cookie\", max-age=5",
            ),
            (Some("no-transform, public"), Keeping::Private, "private, no-transform"),
        ] {
            let mut headers = said.map_or_else(HeaderMap::new, |said| headers(&[("cache-control", said)]));
            keep_from_others(&mut headers, keeping);
            assert_eq!(headers[CACHE_CONTROL], expected, "{said:?} {keeping:?}");
        }
    }

    #[test]
    fn page_01_no_cache_is_told_otherwise_by_another_field() {
        let mut headers = headers(&[
            ("cache-control", "public"),
            ("cache-control", "max-age=60"),
            ("cdn-cache-control", "max-age=600"),
            ("surrogate-control", "max-age=600"),
            ("x-accel-expires", "600"),
            ("expires", "Wed, 21 Oct 2026 07:28:00 GMT"),
        ]);
        keep_from_others(&mut headers, Keeping::Nobody);
        assert_eq!(headers.len(), 1);
        assert_eq!(headers[CACHE_CONTROL], "private, no-store");
    }

    #[test]
    fn page_01_a_shared_cache_with_a_key_keeps_what_browsers_ask_for_each_time() {
        let key = HeaderName::from_static("x-cookie-choice");
        for (said, expected) in [
            ("public, max-age=600", "public, max-age=0, must-revalidate, s-maxage=600"),
            ("max-age=60, s-maxage=600", "max-age=0, must-revalidate, s-maxage=600"),
            ("no-cache", "no-cache, max-age=0, must-revalidate"),
            ("", "max-age=0, must-revalidate"),
        ] {
            let mut headers = headers(&[("cache-control", said), ("vary", "Accept-Encoding")]);
            keep_by_key(&mut headers, &key);
            assert_eq!(headers[CACHE_CONTROL], expected, "{said}");
            let vary: Vec<_> = headers.get_all(VARY).into_iter().collect();
            assert_eq!(vary, ["Accept-Encoding", "x-cookie-choice"]);
            vary_by(&mut headers, &key);
            assert_eq!(headers.get_all(VARY).into_iter().count(), 2);
        }
        for (said, expected) in
            [("no-store", "private, no-store"), ("private, max-age=60", "private, no-cache")]
        {
            let mut headers = headers(&[("cache-control", said)]);
            keep_by_key(&mut headers, &key);
            assert_eq!(headers[CACHE_CONTROL], expected, "{said}");
        }
    }

    #[test]
    fn cookie_13_what_a_shared_cache_may_keep() {
        for (status, fields, kept_by_nobody_else) in [
            (200, &[("cache-control", "private")][..], true),
            (200, &[("cache-control", "no-store")], true),
            (200, &[("cache-control", "private, max-age=60")], true),
            (200, &[], false),
            (200, &[("cache-control", "no-cache")], false),
            (200, &[("cache-control", "private=\"set-cookie\"")], false),
            (200, &[("cache-control", "private"), ("cdn-cache-control", "max-age=60")], false),
            (303, &[], true),
            (302, &[("cache-control", "max-age=60")], false),
            (301, &[], false),
            (404, &[], false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                is_kept_by_nobody_else(status, &headers(fields)),
                kept_by_nobody_else,
                "{status} {fields:?}"
            );
        }
    }
}
