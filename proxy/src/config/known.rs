//! Cookies and hosts of products that are known to need more than what they are declared for asks.

use pinfold::consent::LegalBasis;
use pinfold::consent::well_known::{Kind, Service, service, services};

use super::site::is_within;

/// Domains of which it is known whose they are, and whose cookies need consent. Those that also serve what a page may need,
/// such as fonts, maps and tests of humanity, are left out.
const HOSTS: [(&str, &str); 26] = [
    ("addthis.com", "addthis"),
    ("ads-twitter.com", "x"),
    ("ads.linkedin.com", "linkedin"),
    ("adservice.google.com", "google-ads"),
    ("analytics.google.com", "google-analytics"),
    ("analytics.tiktok.com", "tiktok"),
    ("analytics.twitter.com", "x"),
    ("bat.bing.com", "microsoft-advertising"),
    ("clarity.ms", "microsoft-clarity"),
    ("connect.facebook.net", "meta-pixel"),
    ("demdex.net", "adobe-analytics"),
    ("doubleclick.net", "google-ads"),
    ("google-analytics.com", "google-analytics"),
    ("googleadservices.com", "google-ads"),
    ("googlesyndication.com", "google-ads"),
    ("googletagmanager.com", "google-analytics"),
    ("hotjar.com", "hotjar"),
    ("hotjar.io", "hotjar"),
    ("omtrdc.net", "adobe-analytics"),
    ("player.vimeo.com", "vimeo"),
    ("sc-static.net", "snapchat"),
    ("siteimproveanalytics.com", "siteimprove"),
    ("siteimproveanalytics.io", "siteimprove"),
    ("snap.licdn.com", "linkedin"),
    ("tr.snapchat.com", "snapchat"),
    ("www.youtube.com", "youtube"),
];

/// Names of cookies of theirs that anybody may give to one of their own.
const OF_ANYBODY: [&str; 3] = ["CONSENT", "player", "test_cookie"];

/// A cookie that is declared: its name or the beginning of it, and what allows it, or that it is strictly necessary.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared<'a> {
    pub(super) pattern: &'a str,
    pub(super) basis: Option<LegalBasis>,
}

/// Something that is known to need more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Doubt {
    pub(super) service: &'static Service,
    /// The name by which it is known, or the beginning of names.
    pub(super) known: &'static str,
    /// What it is: a cookie or a host.
    what: &'static str,
    /// Whether it is known by all of what is declared.
    is_within: bool,
}

/// What is known of a cookie among all that are declared: the most particular rule has it.
pub(super) fn doubt_of_cookie(one: Declared<'_>, all: &[Declared<'_>]) -> Option<Doubt> {
    let known =
        services().flat_map(|service| service.cookies.iter().map(move |cookie| (service, cookie.pattern)));
    let known = known.filter(|(_, pattern)| !OF_ANYBODY.contains(pattern));
    let (in_doubt, fitting): (Vec<_>, Vec<_>) =
        known.partition(|(service, _)| needs_more(service.kind, one.basis));
    // `_pk_*` is meant for what Matomo sets by itself, not for its recordings; so short a beginning as `_*` is meant for anything.
    let is_fitting =
        one.pattern.len() > "_pk_".len() && fitting.iter().any(|(_, pattern)| covers(one.pattern, pattern));
    let is_of_another = |pattern: &str| {
        let others = all.iter().filter(|other| other.pattern != one.pattern);
        others.into_iter().any(|other| covers(other.pattern, pattern) && covers(one.pattern, other.pattern))
    };
    let is_meant = |pattern: &str| {
        covers(pattern, one.pattern) || covers(one.pattern, pattern) && !is_fitting && !is_of_another(pattern)
    };
    let mut found = in_doubt.into_iter().filter(|(_, pattern)| is_meant(pattern));
    found.next().map(|(service, known)| Doubt {
        service,
        known,
        what: "cookie",
        is_within: covers(known, one.pattern),
    })
}

/// What is known of a host, or of a pattern of hosts.
pub(super) fn doubt_of_host(host: &str, basis: Option<LegalBasis>) -> Option<Doubt> {
    let host = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    let is_meant = |domain: &str| match host.strip_prefix("*.") {
        Some(name) => is_within(name, domain) || is_within(domain, name),
        None => is_within(&host, domain),
    };
    let (known, id) = HOSTS.iter().find(|(domain, _)| is_meant(domain))?;
    let service = service(id).filter(|service| needs_more(service.kind, basis))?;
    Some(Doubt { service, known, what: "host", is_within: is_within(host.trim_start_matches("*."), known) })
}

impl Doubt {
    /// What is odd about what was declared.
    pub(super) fn problem(&self, declared: &str, basis: Option<LegalBasis>) -> String {
        let Service { id, provider, kind, .. } = self.service;
        let (known, what) = (self.known, self.what);
        let whose = if provider.is_empty() { format!("`{id}`") } else { format!("{provider} (`{id}`)") };
        let which = match self.is_within {
            true => format!("`{declared}` is known as a {what} of {whose}"),
            false => format!("`{declared}` takes in `{known}`, known as a {what} of {whose}"),
        };
        let needs = if *kind == Kind::Statistics { "is there for statistics" } else { "needs consent" };
        match basis {
            None => format!("{which}, which {needs}: it is not strictly necessary"),
            Some(basis) => format!("{which}, which {needs}: `{}` does not cover it", basis.name()),
        }
    }

    /// What to do.
    pub(super) fn remedy(&self) -> &'static str {
        match self.service.kind {
            Kind::Statistics => "give it a purpose with the basis `statistics` or `consent`",
            _ => "give it a purpose with the basis `consent`",
        }
    }
}

/// Whether what is declared claims an exception that does not reach so far (PECR Schedule A1).
fn needs_more(kind: Kind, basis: Option<LegalBasis>) -> bool {
    match kind {
        Kind::Consent => basis != Some(LegalBasis::Consent),
        Kind::Statistics => basis.is_none_or(|basis| basis == LegalBasis::Appearance),
        _ => false,
    }
}

/// Whether all names of one pattern are of another.
fn covers(pattern: &str, other: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(literal) => other.strip_suffix('*').unwrap_or(other).starts_with(literal),
        None => pattern == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATISTICS: Option<LegalBasis> = Some(LegalBasis::Statistics);
    const CONSENT: Option<LegalBasis> = Some(LegalBasis::Consent);

    #[test]
    fn cookies_that_are_known_to_need_more() {
        for (pattern, basis, expected) in [
            ("_ga*", STATISTICS, Some("google-analytics")),
            ("_ga", STATISTICS, Some("google-analytics")),
            ("_ga_ABC123", STATISTICS, Some("google-analytics")),
            ("_ga*", None, Some("google-analytics")),
            ("_ga*", CONSENT, None),
            ("_fbp", STATISTICS, Some("meta-pixel")),
            ("_fbp", None, Some("meta-pixel")),
            ("_hjSession*", STATISTICS, Some("hotjar")),
            ("_hjFoo", Some(LegalBasis::Appearance), Some("hotjar")),
            ("_pk_id*", STATISTICS, None),
            ("_pk_id*", None, Some("matomo")),
            ("_pk_*", STATISTICS, None),
            ("_pk_hsr*", STATISTICS, Some("matomo-recordings")),
            ("_*", STATISTICS, Some("matomo-recordings")),
            ("GUEST_LANGUAGE_ID", None, None),
            ("SESS*", None, None),
            ("session", None, None),
            ("CONSENT", None, None),
            ("test_cookie", None, None),
            ("stats", STATISTICS, None),
            ("promo_*", None, None),
            ("_gallery", None, None),
        ] {
            let one = Declared { pattern, basis };
            let found = doubt_of_cookie(one, &[one]).map(|doubt| doubt.service.id);
            assert_eq!(found, expected, "{pattern} {basis:?}");
        }
    }

    #[test]
    fn the_most_particular_rule_has_a_cookie() {
        let all = ["_fb*", "_fbp", "_fbc"].map(|pattern| Declared { pattern, basis: CONSENT });
        let feedback = Declared { basis: STATISTICS, ..all[0] };
        for (others, expected) in [(&all[1..], None), (&all[1..2], Some("_fbc")), (&[], Some("_fbp"))] {
            assert_eq!(doubt_of_cookie(feedback, others).map(|doubt| doubt.known), expected);
        }
    }

    #[test]
    fn hosts_that_are_known_to_need_more() {
        for (host, basis, expected) in [
            ("www.google-analytics.com", STATISTICS, Some("google-analytics")),
            ("*.google-analytics.com", STATISTICS, Some("google-analytics")),
            ("region1.google-analytics.com:443", None, Some("google-analytics")),
            ("connect.facebook.net", STATISTICS, Some("meta-pixel")),
            ("*.facebook.net", None, Some("meta-pixel")),
            ("Static.Hotjar.com", STATISTICS, Some("hotjar")),
            ("www.googletagmanager.com", CONSENT, None),
            ("matomo.example.gov.uk", STATISTICS, None),
            ("fonts.googleapis.com", None, None),
            ("www.google.com", None, None),
            ("notgoogle-analytics.com", None, None),
        ] {
            let found = doubt_of_host(host, basis).map(|doubt| doubt.service.id);
            assert_eq!(found, expected, "{host} {basis:?}");
        }
    }

    #[test]
    fn every_host_is_that_of_a_service_that_needs_consent() {
        for (host, id) in HOSTS {
            assert_eq!(service(id).map(|service| service.kind), Some(Kind::Consent), "{host}");
        }
        assert!(HOSTS.is_sorted());
    }
}
