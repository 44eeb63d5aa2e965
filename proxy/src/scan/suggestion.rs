//! What to write in a configuration about what was seen. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use pinfold::consent::well_known::{Kind, KnownCookie, Service, services};
use pinfold::consent::{LegalBasis, Policy};
use serde::Serialize;

use super::visit::{Visit, host_of};

/// Everything about a visit that an operator should know.
#[derive(Debug, Serialize)]
pub(super) struct Suggestion {
    pages: Vec<String>,
    /// Pages that could not be looked at, and why.
    failed: Vec<(String, String)>,
    /// Whether Pinfold holds most of what there would be to see.
    is_behind_pinfold: bool,
    /// Cookies that the configuration, or what is built in, has a rule for.
    declared: Vec<Declared>,
    /// Services whose cookies are known, and which no purpose has.
    services: Vec<Known>,
    /// Cookies that somebody must decide on.
    undeclared: Vec<Undeclared>,
    /// Cookies of other sites: those are set within what they embed, and cannot be held or taken back but by holding that.
    of_others: Vec<(String, String)>,
    /// Hosts of others that no `[[embed]]` names, each with a page that asks it.
    hosts: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct Declared {
    name: String,
    rule: String,
    purpose: String,
}

#[derive(Debug, Serialize)]
struct Known {
    id: &'static str,
    basis: &'static str,
    /// The purpose of the configuration that is of this basis, if there is one alone.
    purpose: Option<String>,
    cookies: BTreeSet<String>,
    source: &'static str,
}

#[derive(Debug, Serialize)]
struct Undeclared {
    name: String,
    /// The names that it stands for, where it is the beginning of several.
    seen: BTreeSet<String>,
    lifetime: String,
    partitioned: bool,
    by_script: bool,
    page: String,
}

impl Suggestion {
    /// About a visit of the site at these hosts, to go with a policy.
    pub(super) fn of(visit: Visit, own: &BTreeSet<String>, policy: &Policy) -> Self {
        let mut suggestion = Self {
            pages: visit.pages,
            failed: visit.failed,
            is_behind_pinfold: visit.is_behind_pinfold,
            declared: Vec::new(),
            services: Vec::new(),
            undeclared: Vec::new(),
            of_others: Vec::new(),
            hosts: visit.hosts,
        };
        suggestion.hosts.retain(|host, _| !own.contains(host) && !policy.declares_host(host));
        for ((name, domain, _), cookie) in visit.cookies {
            let domain = domain.trim_start_matches('.');
            let is_own = own.iter().any(|host| {
                host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
            });
            if !is_own {
                suggestion.of_others.push((name, domain.to_owned()));
            } else if let Some(rule) = policy.register().rule_of(name.as_bytes()) {
                let purpose = rule.purpose().unwrap_or("strictly-necessary").to_owned();
                suggestion.declared.push(Declared { name, rule: rule.pattern().to_owned(), purpose });
            } else if let Some((service, _)) = known(&name) {
                suggestion.add_service(service, name, policy);
            } else {
                let by_script = !visit.in_fields.contains(&name);
                suggestion.add_undeclared(name, &cookie, by_script);
            }
        }
        suggestion
    }

    fn add_service(&mut self, service: &'static Service, name: String, policy: &Policy) {
        if let Some(known) = self.services.iter_mut().find(|known| known.id == service.id) {
            known.cookies.insert(name);
            return;
        }
        let basis = basis_of(service.kind);
        let mut purposes = policy.purposes().filter(|purpose| purpose.basis() == basis);
        let purpose =
            purposes.next().filter(|_| purposes.next().is_none()).map(|purpose| purpose.id().to_owned());
        let cookies = BTreeSet::from([name]);
        self.services.push(Known {
            id: service.id,
            basis: basis.name(),
            purpose,
            cookies,
            source: service.source,
        });
    }

    fn add_undeclared(&mut self, name: String, cookie: &super::visit::Cookie, by_script: bool) {
        let pattern = pattern_of(&name);
        if let Some(known) = self.undeclared.iter_mut().find(|known| known.name == pattern) {
            known.seen.insert(name);
            return;
        }
        self.undeclared.push(Undeclared {
            name: pattern,
            seen: BTreeSet::from([name]),
            lifetime: in_words(cookie.lifetime),
            partitioned: cookie.partitioned,
            by_script,
            page: cookie.page.clone(),
        });
    }

    /// As part of a configuration, with what else there is to know in its remarks.
    pub(super) fn to_toml(&self, looked_with: &str) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = writeln!(text, "# {} pages were looked at with {looked_with}.", self.pages.len());
        if self.is_behind_pinfold {
            text.push_str(
                "# Pinfold stands before this site and holds cookies: look at the web server behind it.\n",
            );
        }
        for (page, why) in &self.failed {
            let _ = writeln!(text, "# Not looked at: {} ({})", plain(page), plain(why));
        }
        for one in &self.declared {
            let _ =
                writeln!(text, "# Declared already: {} (`{}`, {})", plain(&one.name), one.rule, one.purpose);
        }
        for (name, domain) in &self.of_others {
            let _ = writeln!(
                text,
                "# Of another site, held with what it embeds: {} of {}",
                plain(name),
                plain(domain)
            );
        }
        for known in &self.services {
            self.write_service(known, &mut text);
        }
        for cookie in &self.undeclared {
            let by = if cookie.by_script { "a script" } else { "the server" };
            let others =
                if cookie.seen.len() > 1 { format!(", {} names", cookie.seen.len()) } else { String::new() };
            let _ = writeln!(text, "\n# Set by {by}, first seen on {}{others}", plain(&cookie.page));
            let _ = writeln!(text, "[[cookie]]\nname = {}", quoted(&cookie.name));
            let _ =
                writeln!(text, "purpose = \"\"  # decide: \"strictly-necessary\", or the id of a purpose");
            let _ = writeln!(text, "description = \"\"  # what it does, in one plain sentence");
            let _ = writeln!(text, "lifetime = {}", quoted(&cookie.lifetime));
            if cookie.partitioned {
                text.push_str("partitioned = true\n");
            }
        }
        if !self.hosts.is_empty() {
            text.push_str(
                "\n# Pages have browsers ask these hosts of others before any choice:\n[[embed]]\n",
            );
            text.push_str("purpose = \"\"  # decide: the id of a purpose, or \"strictly-necessary\" where a page cannot do without\nhosts = [\n");
            for (host, page) in &self.hosts {
                let _ = writeln!(text, "    {},  # {}", quoted(host), plain(page));
            }
            text.push_str("]\n");
        }
        text
    }

    fn write_service(&self, known: &Known, text: &mut String) {
        let names = known.cookies.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "\n# {names}: known as {} ({})", known.id, known.source);
        match (&known.purpose, known.basis) {
            (Some(purpose), _) => {
                let _ = writeln!(text, "# In [[purpose]] `{purpose}` write: services = [\"{}\"]", known.id);
            }
            (None, basis) => {
                let _ = writeln!(
                    text,
                    "# In a [[purpose]] with basis = \"{basis}\" write: services = [\"{}\"]",
                    known.id
                );
            }
        }
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// The well-known cookie that has this name: of an exact name, else of the longest beginning.
fn known(name: &str) -> Option<(&'static Service, &'static KnownCookie)> {
    let all = services().flat_map(|service| service.cookies.iter().map(move |cookie| (service, cookie)));
    let fits = all.filter(|(_, cookie)| match cookie.pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == cookie.pattern,
    });
    fits.max_by_key(|(_, cookie)| (!cookie.pattern.ends_with('*'), cookie.pattern.len()))
}

fn basis_of(kind: Kind) -> LegalBasis {
    match kind {
        Kind::Appearance => LegalBasis::Appearance,
        Kind::Statistics => LegalBasis::Statistics,
        _ => LegalBasis::Consent,
    }
}

/// A name, or its beginning where it ends in what looks like a number of a visitor, an account or a form.
fn pattern_of(name: &str) -> String {
    let Some(mark) = name.rfind(['_', '-', '.']) else { return name.to_owned() };
    let end = &name[mark + 1..];
    let is_number = end.len() >= 6
        && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && end.bytes().any(|byte| byte.is_ascii_digit());
    // What is left must say something.
    if is_number && mark >= 2 { format!("{}*", &name[..=mark]) } else { name.to_owned() }
}

/// A lifetime as visitors are told it, rounded up.
fn in_words(seconds: Option<u64>) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let Some(seconds) = seconds else { return "until the browser is closed".to_owned() };
    let (number, unit) = match seconds {
        0..=3_599 => (seconds.div_ceil(MINUTE).max(1), "minute"),
        3_600..=172_799 => (seconds.div_ceil(HOUR), "hour"),
        172_800..=5_183_999 => (seconds.div_ceil(DAY), "day"),
        _ => (seconds.div_ceil(DAY) * 12 / 365, "month"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// A text that a site has chosen, within a remark.
fn plain(text: &str) -> String {
    text.chars().take(200).map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    // Without control characters, a text of JSON is one of TOML.
    serde_json::Value::from(plain(text)).to_string()
}

/// The hosts of the pages of a visit.
pub(super) fn hosts_of<'a>(pages: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    pages.filter_map(|page| host_of(page)).collect()
}

#[cfg(test)]
mod tests {
    use pinfold::consent::Embed;

    use super::super::visit::Cookie;
    use super::*;

    #[test]
    fn names_that_end_in_a_number_are_beginnings() {
        for (name, pattern) in [
            ("session", "session"),
            ("_hjSession_123456", "_hjSession_*"),
            ("form-seen-4a7b9c1d", "form-seen-*"),
            ("survey_closed", "survey_closed"),
            ("v1.2", "v1.2"),
            ("_123456", "_123456"),
            ("a_123456", "a_123456"),
        ] {
            assert_eq!(pattern_of(name), pattern);
        }
    }

    #[test]
    fn lifetimes_in_words() {
        for (seconds, words) in [
            (None, "until the browser is closed"),
            (Some(0), "1 minute"),
            (Some(1_800), "30 minutes"),
            (Some(86_400), "24 hours"),
            (Some(86_399 * 7), "7 days"),
            (Some(365 * 86_400), "12 months"),
            (Some(400 * 86_400), "13 months"),
        ] {
            assert_eq!(in_words(seconds), words, "{seconds:?}");
        }
    }

    #[test]
    fn what_is_suggested_can_be_pasted_and_says_what_is_left_to_decide() {
        let mut visit = Visit::default();
        visit.pages.push("https://www.example.gov.uk/".to_owned());
        let cookie = |lifetime| Cookie {
            lifetime,
            partitioned: false,
            page: "https://www.example.gov.uk/".to_owned(),
        };
        for (name, domain, lifetime) in [
            ("PHPSESSID", "www.example.gov.uk", None),
            ("_ga", ".example.gov.uk", Some(34_560_000)),
            ("_ga_ABC123", ".example.gov.uk", Some(34_560_000)),
            ("survey_123456", "www.example.gov.uk", Some(86_400 * 30)),
            ("survey_654321", "www.example.gov.uk", Some(86_400 * 30)),
            ("od\"d\u{1b}", "www.example.gov.uk", None),
            ("IDE", ".doubleclick.net", Some(1)),
        ] {
            visit.note((name, domain, "/"), cookie(lifetime));
        }
        visit.in_fields.insert("survey_123456".to_owned());
        for host in ["www.example.gov.uk", "www.googletagmanager.com", "maps.example"] {
            visit.hosts.insert(host.to_owned(), "https://www.example.gov.uk/".to_owned());
        }
        let embed = Embed::strictly_necessary(["maps.example"]);
        let policy = Policy::builder("Town", "https://www.example.gov.uk").embed(embed).build().unwrap();
        let own = hosts_of(visit.pages.iter());
        let suggestion = Suggestion::of(visit, &own, &policy);
        let text = suggestion.to_toml("a test");
        for words in [
            "# Declared already: PHPSESSID (`PHPSESSID`, strictly-necessary)\n",
            "# _ga, _ga_ABC123: known as google-analytics (https://",
            "# In a [[purpose]] with basis = \"consent\" write: services = [\"google-analytics\"]\n",
            "# Of another site, held with what it embeds: IDE of doubleclick.net\n",
            "[[cookie]]\nname = \"survey_*\"\npurpose = \"\"",
            "lifetime = \"30 days\"\n",
            "    \"www.googletagmanager.com\",  # https://www.example.gov.uk/\n",
        ] {
            assert!(text.contains(words), "{words}\n{text}");
        }
        assert!(!text.contains('\u{1b}') && !text.contains("maps.example"));
        let parsed = toml::de::DeTable::parse(&text).unwrap().into_inner();
        let tables = |key: &str| parsed[key].as_ref().as_array().unwrap().len();
        assert_eq!((tables("cookie"), tables("embed")), (2, 1));
        assert!(suggestion.to_json().contains("\"by_script\": false"));
    }
}
