//! The removals that undo a refused cookie (RFC 6265bis 5.7). Pure.
//!
//! A browser tells cookies apart by name, domain, host-only flag and path, but sends names alone. So a removal is tried for
//! every place where the cookie can be, and again on later pages until the browser sends it no more.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::policy::Policy;
use super::purpose::PurposeSet;
use super::register::{CookieRule, is_cookie_path};
use super::request::pairs;

/// The most bytes of removals in one response, field names included: front proxies have 4 to 8 KiB for a whole head.
const BUDGET: usize = 3 * 1024;

/// How many cookies are removed at once. A browser keeps 180 for a domain.
const MOST: usize = 64;

/// A cookie that a browser holds, and the number of its rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    name: Box<str>,
    rule: u16,
}

impl Held {
    pub(super) fn rule(&self) -> u16 {
        self.rule
    }
}

/// The cookies of a request that are there for one of these purposes, each once.
pub(super) fn held(policy: &Policy, headers: &HeaderMap, purposes: PurposeSet) -> Vec<Held> {
    let mut held: Vec<Held> = Vec::new();
    for line in headers.get_all(COOKIE) {
        for name in pairs(line.as_bytes()).filter_map(|(name, _)| name) {
            let Some((rule, needed)) = policy.register().find(name) else { continue };
            let Ok(name) = std::str::from_utf8(name) else { continue };
            if needed.meets(purposes) && held.len() < MOST && !held.iter().any(|one| *one.name == *name) {
                held.push(Held { name: name.into(), rule });
            }
        }
    }
    held
}

/// Cookies on declared paths that this request cannot show, because its own path is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unseen {
    /// Are left alone.
    Left,
    /// Are removed after the others, as far as there is room.
    Removed,
    /// Are removed too, the last declared first: on the page after the choice, to go on where that had no more room.
    RemovedFromTheLast,
}

/// Where a removal is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The host of the request, without port.
    pub(super) host: &'a str,
    /// Its path.
    pub(super) path: &'a str,
}

/// The `Set-Cookie` fields that remove what a browser holds for purposes that its visitor refuses.
///
/// `turn` says with which cookie to begin: where one cannot be removed, it must not stand before the others for ever.
pub(super) fn removals(
    policy: &Policy,
    place: Place<'_>,
    held: &[Held],
    (refused, unseen): (PurposeSet, Unseen),
    turn: usize,
) -> Vec<HeaderValue> {
    let rules = policy.register().rules();
    let refused_now = |rule: u16| policy.register().needed(rule).meets(refused);
    let mut seen: Vec<(&str, &CookieRule)> = held
        .iter()
        .filter(|held| refused_now(held.rule))
        .filter_map(|held| Some((&*held.name, rules.get(usize::from(held.rule))?)))
        .collect();
    if !seen.is_empty() {
        let turn = turn % seen.len();
        seen.rotate_left(turn);
    }
    let mut hidden: Vec<(&str, &CookieRule)> = (0..)
        .zip(rules)
        .filter(|(number, _)| refused_now(*number))
        .map(|(_, rule)| rule)
        .filter_map(|rule| Some((rule.name()?, rule)))
        .collect();
    match unseen {
        Unseen::Left => hidden.clear(),
        Unseen::Removed => {}
        Unseen::RemovedFromTheLast => hidden.reverse(),
    }
    let likely = seen.iter().flat_map(|(name, rule)| {
        let declared = rule.reach().paths.iter().filter(|path| matches_path(place.path, path));
        std::iter::once("/").chain(declared.map(String::as_str)).map(move |path| (*name, *rule, path))
    });
    // A cookie with no Path has that of the page which set it, or of one above.
    let possible = seen.iter().flat_map(|(name, rule)| {
        let declared = &rule.reach().paths;
        beginnings(place.path)
            .filter(|path| is_cookie_path(path) && !declared.iter().any(|one| one == path))
            .map(move |path| (*name, *rule, path))
    });
    let elsewhere = hidden.iter().flat_map(|(name, rule)| {
        let declared = rule.reach().paths.iter().filter(|path| !matches_path(place.path, path));
        declared.map(move |path| (*name, *rule, path.as_str()))
    });
    let mut room = BUDGET;
    let mut fields = Vec::new();
    for (name, rule, path) in likely.chain(elsewhere).chain(possible) {
        for field in of_one(policy, place.host, name, rule, path) {
            let Some(rest) = room.checked_sub("set-cookie: \r\n".len() + field.len()) else { return fields };
            room = rest;
            fields.extend(HeaderValue::from_str(&field));
        }
    }
    fields
}

/// The removals of one cookie at one path: host-only, and for every domain that reaches the host.
fn of_one<'a>(
    policy: &'a Policy,
    host: &'a str,
    name: &'a str,
    rule: &'a CookieRule,
    path: &'a str,
) -> impl Iterator<Item = String> + 'a {
    let lower = name.get(..9).unwrap_or(name).to_ascii_lowercase();
    let host_prefix = lower.starts_with("__host-");
    // Over https any other cookie can be removed without it, and there is room for more.
    let secure = host_prefix || lower.starts_with("__secure-") || lower.starts_with("__http-");
    let domains = if host_prefix { Vec::new() } else { domains(policy, host, rule) };
    let kinds: &[bool] = if rule.reach().partitioned { &[false, true] } else { &[false] };
    let wanted = !host_prefix || path == "/";
    let places = std::iter::once(None).chain(domains.into_iter().map(Some)).filter(move |_| wanted);
    places.flat_map(move |domain| {
        kinds.iter().map(move |partitioned| {
            let domain = domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default();
            let secure = if secure || *partitioned { "; Secure" } else { "" };
            let partitioned = if *partitioned { "; Partitioned" } else { "" };
            format!("{name}=; Max-Age=0; Path={path}{domain}{secure}{partitioned}")
        })
    })
}

/// The host and its parents up to the widest that removals may reach, and what the rule declares besides.
fn domains<'a>(policy: &'a Policy, host: &'a str, rule: &'a CookieRule) -> Vec<&'a str> {
    let is_name =
        host.contains('.') && !host.ends_with(|last: char| last.is_ascii_digit()) && !host.starts_with('[');
    if !is_name {
        return Vec::new();
    }
    let widest = policy.removal_domain().filter(|widest| is_within(host, widest)).unwrap_or(host);
    let mut domains = vec![host];
    while let Some(last) = domains.last().copied().filter(|last| *last != widest) {
        let Some((_, parent)) = last.split_once('.') else { break };
        domains.push(parent);
    }
    for declared in &rule.reach().domains {
        let declared = declared.trim_start_matches('.');
        if is_within(host, declared) && !domains.contains(&declared) {
            domains.push(declared);
        }
    }
    domains
}

/// Whether a host is the domain or below it (RFC 6265bis 5.1.3).
fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether a cookie of this path is sent with a request for `request` (RFC 6265bis 5.1.4).
fn matches_path(request: &str, path: &str) -> bool {
    request
        .strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || path.ends_with('/') || rest.starts_with('/'))
}

/// The path itself and what it begins with, at each `/`: the longest first, and not the root.
fn beginnings(path: &str) -> impl Iterator<Item = &str> {
    const DEEPEST: usize = 4;
    let cuts: Vec<usize> =
        path.match_indices('/').map(|(place, _)| place).filter(|place| *place > 0).take(DEEPEST).collect();
    let ends = cuts.into_iter().rev();
    std::iter::once(path).chain(ends.map(|end| &path[..end])).filter(|path| path.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{LegalBasis, Purpose};

    fn policy(rules: impl IntoIterator<Item = CookieRule>) -> Policy {
        let start = Policy::builder("Council", "https://forms.my.council.gov.uk")
            .purpose(Purpose::new("marketing", LegalBasis::Consent, "Marketing", "Words"))
            .removals_under("council.gov.uk");
        rules.into_iter().fold(start, crate::consent::PolicyBuilder::cookie).build().unwrap()
    }

    const HERE: Place<'_> = Place { host: "forms.my.council.gov.uk", path: "/" };

    fn sent(policy: &Policy, place: Place<'_>, cookies: &str, unseen: Unseen) -> Vec<String> {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, cookies.parse().unwrap());
        let held = held(policy, &headers, policy.declared());
        let fields = removals(policy, place, &held, (policy.declared(), unseen), 0);
        fields.into_iter().map(|field| field.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn cookie_10_host_only_and_every_parent_domain() {
        let policy = policy([CookieRule::new("_ga*", "marketing")]);
        assert_eq!(
            sent(&policy, HERE, "session=1; _ga_X1=GS1.1; other=2", Unseen::Left),
            [
                "_ga_X1=; Max-Age=0; Path=/",
                "_ga_X1=; Max-Age=0; Path=/; Domain=forms.my.council.gov.uk",
                "_ga_X1=; Max-Age=0; Path=/; Domain=my.council.gov.uk",
                "_ga_X1=; Max-Age=0; Path=/; Domain=council.gov.uk",
            ]
        );
    }

    #[test]
    fn cookie_10_declared_paths_and_those_of_the_page() {
        let policy = policy([CookieRule::new("promo", "marketing").with_paths(["/offers", "/news"])]);
        let paths = |place, cookies, unseen| -> Vec<String> {
            let mut paths: Vec<_> = sent(&policy, place, cookies, unseen)
                .iter()
                .filter(|field| !field.contains("Domain"))
                .map(|field| field.split("Path=").nth(1).unwrap().split(';').next().unwrap().to_owned())
                .collect();
            paths.dedup();
            paths
        };
        let deep = Place { path: "/offers/summer/page", ..HERE };
        assert_eq!(
            paths(deep, "promo=1", Unseen::Left),
            ["/", "/offers", "/offers/summer/page", "/offers/summer"]
        );
        assert_eq!(paths(HERE, "promo=1", Unseen::Left), ["/"]);
        assert_eq!(paths(HERE, "a=1", Unseen::Left), Vec::<String>::new());
        assert_eq!(paths(HERE, "a=1", Unseen::Removed), ["/offers", "/news"]);
        let neighbour = Place { path: "/offersx", ..HERE };
        assert_eq!(paths(neighbour, "promo=1", Unseen::Left), ["/", "/offersx"]);
    }

    #[test]
    fn cookie_11_prefixes_and_partitions() {
        let policy = policy([
            CookieRule::new("__Host-ad", "marketing"),
            CookieRule::new("__Secure-ad", "marketing"),
            CookieRule::new("chips", "marketing").partitioned(true),
        ]);
        let host = sent(&policy, Place { path: "/a/b", ..HERE }, "__Host-ad=1", Unseen::Left);
        assert_eq!(host, ["__Host-ad=; Max-Age=0; Path=/; Secure"]);
        let secure = sent(&policy, HERE, "__Secure-ad=1", Unseen::Left);
        assert_eq!(secure.len(), 4);
        assert!(secure.iter().all(|field| field.contains("; Secure")));
        let chips = sent(&policy, HERE, "chips=1", Unseen::Left);
        assert_eq!(chips.len(), 8);
        assert!(chips.iter().filter(|field| field.ends_with("; Secure; Partitioned")).count() == 4);
    }

    #[test]
    fn cookie_10_at_most_three_kibibytes_and_every_cookie_gets_its_turn() {
        let names: Vec<_> = (0..40).map(|n| format!("marketing_cookie_number_{n}")).collect();
        let policy = policy(names.iter().map(|name| CookieRule::new(name.clone(), "marketing")));
        let cookies: Vec<_> = names.iter().map(|name| format!("{name}=1")).collect();
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, cookies.join("; ").parse().unwrap());
        let held = held(&policy, &headers, policy.declared());
        let mut removed = std::collections::BTreeSet::new();
        for turn in 0..40 {
            let fields = removals(&policy, HERE, &held, (policy.declared(), Unseen::Left), turn);
            assert!(fields.iter().map(|field| field.len() + 14).sum::<usize>() <= BUDGET);
            removed.extend(
                fields.iter().map(|field| field.to_str().unwrap().split('=').next().unwrap().to_owned()),
            );
        }
        assert_eq!(removed.len(), 40);
    }

    #[test]
    fn cookie_10_twelve_cookies_on_a_path_that_is_not_seen_go_in_two_answers() {
        let names: Vec<_> = (0..12).map(|n| format!("offer_{n}")).collect();
        let policy = policy(
            names.iter().map(|name| CookieRule::new(name.clone(), "marketing").with_paths(["/offers"])),
        );
        let at_once = sent(&policy, HERE, "a=1", Unseen::Removed);
        let next = sent(&policy, HERE, "a=1", Unseen::RemovedFromTheLast);
        let all: std::collections::BTreeSet<_> = at_once.into_iter().chain(next).collect();
        assert_eq!(all.len(), 12 * 4);
    }

    #[test]
    fn a_host_that_is_no_name_has_no_parents() {
        let policy = policy([CookieRule::new("ad", "marketing")]);
        for host in ["127.0.0.1", "[::1]", "localhost", "elsewhere.example"] {
            let fields = sent(&policy, Place { host, path: "/" }, "ad=1", Unseen::Left);
            assert!(!fields.iter().any(|field| field.contains("council")), "{fields:?}");
        }
        assert_eq!(sent(&policy, Place { host: "127.0.0.1", path: "/" }, "ad=1", Unseen::Left).len(), 1);
    }

    #[test]
    fn what_is_not_refused_stays() {
        let policy = policy([CookieRule::new("ad", "marketing"), CookieRule::strictly_necessary("session")]);
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, "ad=1; session=2; unknown=3".parse().unwrap());
        let held = held(&policy, &headers, policy.declared());
        assert_eq!(held.len(), 1);
        assert!(removals(&policy, HERE, &held, (PurposeSet::NONE, Unseen::Removed), 0).is_empty());
    }
}
