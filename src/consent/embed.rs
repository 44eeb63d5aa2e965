//! Hosts from which pages load what is not the council's own, by purpose.

use std::collections::HashMap;

use http::HeaderValue;

use super::facts::NECESSARY;
use super::purpose::PurposeSet;
use crate::error::{ConfigError, Subject};

/// Content of others in pages: held until its purpose is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embed {
    purpose: Option<String>,
    hosts: Vec<String>,
}

impl Embed {
    /// Content from these hosts is there for a purpose. A host is a name, or `*.` and a name for all below it, and may
    /// have a port.
    pub fn new<S: Into<String>>(purpose: impl Into<String>, hosts: impl IntoIterator<Item = S>) -> Self {
        Self { purpose: Some(purpose.into()), ..Self::strictly_necessary(hosts) }
    }

    /// Content without which a page does not work.
    pub fn strictly_necessary<S: Into<String>>(hosts: impl IntoIterator<Item = S>) -> Self {
        Self {
            purpose: None,
            hosts: hosts.into_iter().map(|host| host.into().to_ascii_lowercase()).collect(),
        }
    }
}

/// Every declared host, and a way from a host to the purposes that it needs.
#[derive(Debug, Clone, Default)]
pub(super) struct Embeds {
    declared: Vec<Declared>,
    /// The place of each host among the declared.
    by_host: HashMap<String, usize>,
}

/// A host as it is declared.
#[derive(Debug, Clone)]
struct Declared {
    host: String,
    purpose: Option<String>,
    /// Its purpose alone, or none where it is strictly necessary.
    need: PurposeSet,
    /// The purposes of everything declared that a browser would let in by it.
    lets_in: PurposeSet,
}

impl Embeds {
    /// `bit_of` gives the set that holds a purpose alone, or `None` where it is not declared.
    pub(super) fn new(
        embeds: Vec<Embed>,
        bit_of: impl Fn(&str) -> Option<PurposeSet>,
        faults: &mut Vec<ConfigError>,
    ) -> Self {
        let mut found = Self::default();
        for Embed { purpose, hosts } in embeds {
            for host in hosts {
                let fault = |problem: String, remedy: &str| {
                    ConfigError::new(Subject::Host(host.clone()), problem, remedy)
                };
                let need = match &purpose {
                    None => Some(PurposeSet::NONE),
                    Some(purpose) => bit_of(purpose),
                };
                let before = faults.len();
                if need.is_none() {
                    let purpose = purpose.as_deref().unwrap_or_default();
                    faults.push(fault(
                        format!("the host `{host}` has the purpose `{purpose}`, which is not declared"),
                        "declare the purpose, or write `strictly-necessary`",
                    ));
                }
                if !is_pattern(&host) {
                    faults.push(fault(
                        format!("`{host}` is not a host"),
                        "write a name such as www.example.com, or *.example.com for all below it",
                    ));
                }
                if found.by_host.insert(host.clone(), found.declared.len()).is_some() {
                    faults.push(fault(format!("the host `{host}` is declared twice"), "keep one of the two"));
                }
                let Some(need) = need.filter(|_| faults.len() == before) else { continue };
                found.declared.push(Declared { host, purpose: purpose.clone(), need, lets_in: need });
            }
        }
        for at in 0..found.declared.len() {
            found.declared[at].lets_in = found.let_in_by(&found.declared[at].host);
        }
        found
    }

    pub(super) fn is_empty(&self) -> bool {
        self.declared.is_empty()
    }

    /// The hosts in the order of declaration, each with the id of its purpose.
    pub(super) fn hosts(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.declared.iter().map(|one| (one.host.as_str(), one.purpose.as_deref()))
    }

    /// The purpose of a host, or that it has none because it is strictly necessary; nothing where it is not declared. The most
    /// particular declaration counts.
    pub(super) fn purpose_of(&self, host: &str, port: Option<u16>) -> Option<Option<&str>> {
        let find = |pattern: &str| {
            let with_port = port.and_then(|port| self.by_host.get(&format!("{pattern}:{port}")));
            with_port.or_else(|| self.by_host.get(pattern)).copied()
        };
        let mut found = find(host);
        let mut rest = host;
        while let (None, Some((_, parent))) = (found, rest.split_once('.')) {
            found = find(&format!("*.{parent}"));
            rest = parent;
        }
        self.declared.get(found?).map(|one| one.purpose.as_deref())
    }

    /// The purposes of every declared host that a content security policy lets in by a host or pattern.
    pub(super) fn let_in_by(&self, pattern: &str) -> PurposeSet {
        let covered = self.declared.iter().filter(|one| covers(pattern, &one.host));
        covered.fold(PurposeSet::NONE, |all, one| all.or(one.need))
    }

    /// A `Content-Security-Policy` that lets a page load from the site itself, from `own`, and from hosts whose purposes are
    /// granted, and from nowhere else. Each of `own` has the purposes of what [is let in by it](Self::let_in_by).
    ///
    /// A policy can name what is allowed and make no exception of it (CSP3 section 2.3.1), so a pattern is left out while
    /// anything declared beneath it is refused. What is declared by itself stays.
    ///
    /// It stands beside the policy of the site, and a browser asks both (CSP3 section 2.5): it says nothing about inline
    /// scripts, forms or frames around the page, which are the site's own affair.
    pub(super) fn security_policy(&self, own: &[(String, PurposeSet)], granted: PurposeSet) -> HeaderValue {
        let mut text = String::from(
            "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob: filesystem: mediastream:",
        );
        let own = own.iter().map(|(host, lets_in)| (host, *lets_in));
        let declared = self.declared.iter().map(|one| (&one.host, one.lets_in));
        for (host, _) in own.chain(declared).filter(|(_, lets_in)| granted.holds(*lets_in)) {
            text.push(' ');
            text.push_str(host);
            if !host.contains(':') {
                text.push_str(":*");
            }
        }
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("default-src 'self'"))
    }
}

impl Embed {
    pub(super) fn purpose_name(purpose: Option<&str>) -> &str {
        purpose.unwrap_or(NECESSARY)
    }
}

fn is_pattern(host: &str) -> bool {
    let (name, port) = name_and_port(host.strip_prefix("*.").unwrap_or(host));
    let sound = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    host.len() <= 255 && name.split('.').all(sound) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Whether a browser that is allowed a host or pattern may load from what is declared as `other`, or from some of it.
fn covers(pattern: &str, other: &str) -> bool {
    let ((name, port), (other, other_port)) = (name_and_port(pattern), name_and_port(other));
    let ports_meet = port.is_none() || other_port.is_none() || port == other_port;
    let is_beneath = |end| other.strip_prefix('*').unwrap_or(other).ends_with(end);
    ports_meet && (name == other || name.strip_prefix('*').is_some_and(is_beneath))
}

fn name_and_port(host: &str) -> (&str, Option<&str>) {
    host.rsplit_once(':').map_or((host, None), |(name, port)| (name, Some(port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embeds(embeds: Vec<Embed>) -> (Embeds, Vec<ConfigError>) {
        let mut faults = Vec::new();
        let bits = |id: &str| match id {
            "marketing" => Some(PurposeSet::of(0)),
            "video" => Some(PurposeSet::of(1)),
            _ => None,
        };
        (Embeds::new(embeds, bits, &mut faults), faults)
    }

    #[test]
    fn the_most_particular_host_counts() {
        let (embeds, faults) = embeds(vec![
            Embed::new("marketing", ["*.google.com", "www.googletagmanager.com", "localhost:9000"]),
            Embed::new("video", ["video.google.com"]),
            Embed::strictly_necessary(["*.cdn.google.com"]),
        ]);
        assert_eq!(faults, []);
        for (host, port, expected) in [
            ("www.googletagmanager.com", None, Some(Some("marketing"))),
            ("www.googletagmanager.com", Some(8443), Some(Some("marketing"))),
            ("googletagmanager.com", None, None),
            ("xwww.googletagmanager.com", None, None),
            ("maps.google.com", None, Some(Some("marketing"))),
            ("a.b.google.com", None, Some(Some("marketing"))),
            ("google.com", None, None),
            ("video.google.com", None, Some(Some("video"))),
            ("x.cdn.google.com", None, Some(None)),
            ("localhost", Some(9000), Some(Some("marketing"))),
            ("localhost", Some(9001), None),
            ("", None, None),
        ] {
            assert_eq!(embeds.purpose_of(host, port), expected, "{host} {port:?}");
        }
    }

    #[test]
    fn the_security_policy_names_what_is_granted() {
        let (embeds, _) = embeds(vec![
            Embed::new("marketing", ["*.google.com"]),
            Embed::new("video", ["video.example:8443"]),
            Embed::strictly_necessary(["cdn.example"]),
        ]);
        let text = |bits| {
            let policy = embeds.security_policy(
                &[("assets.town.example".to_owned(), PurposeSet::NONE)],
                PurposeSet::from_bits(bits),
            );
            policy.to_str().unwrap().split_once("mediastream: ").unwrap().1.to_owned()
        };
        assert_eq!(text(0b00), "assets.town.example:* cdn.example:*");
        assert_eq!(text(0b01), "assets.town.example:* *.google.com:* cdn.example:*");
        assert_eq!(text(0b10), "assets.town.example:* video.example:8443 cdn.example:*");
    }

    #[test]
    fn law_03_a_pattern_does_not_let_in_what_is_refused_beneath_it() {
        let (embeds, faults) = embeds(vec![
            Embed::new("video", ["*.google.com", "*.maps.google.com", "tiles.google.com"]),
            Embed::new("marketing", ["analytics.google.com", "*.ads.google.com", "m.maps.google.com:8443"]),
            Embed::new("marketing", ["stats.town.example", "notgoogle.com", "google.com"]),
            Embed::strictly_necessary(["*.cdn.example"]),
        ]);
        assert_eq!(faults, []);
        let own = ["www.town.example", "town.example", "*.town.example"];
        let own = own.map(|host| (host.to_owned(), embeds.let_in_by(host)));
        for (bits, expected) in [
            (0b00, "www.town.example:* town.example:* *.cdn.example:*"),
            (0b10, "www.town.example:* town.example:* tiles.google.com:* *.cdn.example:*"),
            (
                0b01,
                "www.town.example:* town.example:* *.town.example:* analytics.google.com:* *.ads.google.com:* m.maps.google.com:8443 \
                 stats.town.example:* notgoogle.com:* google.com:* *.cdn.example:*",
            ),
            (
                0b11,
                "www.town.example:* town.example:* *.town.example:* *.google.com:* *.maps.google.com:* \
                 tiles.google.com:* analytics.google.com:* *.ads.google.com:* m.maps.google.com:8443 \
                 stats.town.example:* notgoogle.com:* google.com:* *.cdn.example:*",
            ),
        ] {
            let policy = embeds.security_policy(&own, PurposeSet::from_bits(bits));
            assert_eq!(policy.to_str().unwrap().split_once("mediastream: ").unwrap().1, expected, "{bits:b}");
        }
    }

    #[test]
    fn what_a_pattern_lets_in() {
        for (pattern, other, expected) in [
            ("*.a.example", "b.a.example", true),
            ("*.a.example", "c.b.a.example", true),
            ("*.a.example", "*.a.example", true),
            ("*.a.example", "*.b.a.example", true),
            ("*.a.example", "a.example", false),
            ("*.a.example", "ba.example", false),
            ("*.b.a.example", "*.a.example", false),
            ("b.a.example", "b.a.example", true),
            ("b.a.example", "*.a.example", false),
            ("a.example", "b.a.example", false),
            ("*.a.example", "b.a.example:8443", true),
            ("*.a.example:8443", "b.a.example", true),
            ("*.a.example:8443", "b.a.example:8443", true),
            ("*.a.example:8443", "b.a.example:9443", false),
            ("a.example", "a.example:8443", true),
        ] {
            assert_eq!(covers(pattern, other), expected, "{pattern} {other}");
        }
    }

    #[test]
    fn bad_hosts_are_named() {
        for (embed, words) in [
            (Embed::new("fun", ["a.example"]), "`fun`, which is not declared"),
            (Embed::new("video", ["https://a.example"]), "not a host"),
            (Embed::new("video", ["*"]), "not a host"),
            (Embed::new("video", ["a b"]), "not a host"),
            (Embed::new("video", ["a.example;script-src"]), "not a host"),
            (Embed::new("video", ["a.example", "A.example"]), "declared twice"),
        ] {
            let (_, faults) = embeds(vec![embed]);
            assert_eq!(faults.len(), 1);
            assert!(faults[0].to_string().contains(words), "{faults:?}");
        }
    }
}
