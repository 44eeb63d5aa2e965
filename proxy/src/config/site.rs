//! What is said of the site itself: its names, hosts and languages.

use http::Uri;
use http::uri::Authority;
use pinfold::consent::page::Language;
use pinfold::time::Calendar;
use pinfold::{ConfigError, Subject};

use super::fault::Faults;
use super::nearest::very_near;
use super::places::Places;
use super::reader::{Located, Section};
use super::settings::without_port;
use super::source::{Node, Value};

pub(super) struct Site {
    pub(super) name: Option<String>,
    pub(super) url: Option<Located<String>>,
    /// In lower case, without port.
    pub(super) hosts: Vec<Located<String>>,
    pub(super) shared_domain: Option<Located<String>>,
    pub(super) removal_domain: Option<String>,
    pub(super) languages: Vec<Language>,
    pub(super) calendar: Calendar,
}

pub(super) fn read_site(section: Section<'_>, places: &mut Places, faults: &Faults) -> Site {
    let name = section.text("name");
    if let Some(name) = name.as_ref().filter(|name| !is_name(&name.value)) {
        faults.add(
            &name.place,
            format!("the site cannot be called {:?}", name.value),
            "write what visitors call it, on one line",
        );
    }
    let name = name.map(|name| name.value);
    let url = section.text("url");
    if let Some(url) = &url {
        places.note(Subject::SiteUrl, &url.place);
    }
    let own_host = url.as_ref().and_then(|url| {
        let authority = authority_of(&url.value)?;
        Some(Located { value: without_port(&authority), place: url.place.clone() })
    });
    let hosts: Vec<Located<String>> = match section.texts("hosts") {
        None => {
            let own = own_host.iter().map(|host| Node::unwritten(Value::String(host.value.clone())));
            section.assume("hosts", Value::Array(own.collect()));
            own_host.clone().into_iter().collect()
        }
        Some(hosts) => {
            if hosts.is_empty() {
                faults.add(
                    section.place_of("hosts"),
                    "`hosts` is empty, so no request would be served",
                    "name a host, or leave it out",
                );
            }
            for host in hosts.iter().filter(|host| !is_host(&host.value)) {
                faults.add(
                    &host.place,
                    format!("`{}` is not a host", host.value),
                    match host.value.is_ascii() {
                        true => "write a name such as www.example.gov.uk",
                        false => {
                            "write it as browsers send it, in letters without accents that begin with xn--"
                        }
                    },
                );
            }
            let without_port = |host: Located<String>| Located { value: without_port(&host.value), ..host };
            hosts.into_iter().map(without_port).collect()
        }
    };
    if let Some(own) = own_host.as_ref().filter(|own| !hosts.is_empty() && !knows(&hosts, own)) {
        // What stands in front may write another `Host` into every request.
        faults.warn(
            &hosts[0].place,
            format!("{} is not among `hosts`: requests that come for it are answered 421", own.value),
            "add the host of `url`, unless what stands in front writes another `Host`",
        );
    }
    let domain = section.text("cookie_domain");
    if let (Some(domain), Some(Located { value: host, .. })) = (&domain, &own_host) {
        let wide = domain.value.to_ascii_lowercase();
        if !is_within(host, &wide) || !wide.contains('.') {
            faults.add(
                &domain.place,
                format!("`{}` is not a domain of {host}", domain.value),
                "write the end of the site's host name, such as example.gov.uk",
            );
        }
    }
    if let Some(domain) = domain.as_ref().filter(|domain| is_public_suffix(&domain.value)) {
        faults.add(
            &domain.place,
            format!("`{}` belongs to many organisations: browsers keep no cookie for it", domain.value),
            "write a domain of your own, such as example.gov.uk",
        );
    }
    let shared = Some(section.flag("shared_choice")).filter(|shared| shared.value);
    let shared_domain = match (&shared, &domain) {
        (Some(shared), None) => {
            faults.miss(&shared.place, "`shared_choice` needs a `cookie_domain`", "write both, or neither");
            None
        }
        (Some(_), Some(domain)) => {
            let wide = domain.value.to_ascii_lowercase();
            for host in hosts.iter().filter(|host| !is_within(&host.value, &wide)) {
                faults.add(
                    &host.place,
                    format!("no choice can be kept for {}, which is not within `cookie_domain`", host.value),
                    "give it a site of its own, or take `shared_choice` away",
                );
            }
            Some(Located { value: wide, place: domain.place.clone() })
        }
        (None, _) => None,
    };
    let removal_domain = domain.map(|domain| domain.value.to_ascii_lowercase());
    let mut languages = Vec::new();
    let codes = section.texts("languages");
    if codes.as_ref().is_some_and(Vec::is_empty) {
        faults.add(
            section.place_of("languages"),
            "`languages` is empty, so visitors could not be asked in any",
            "name one, such as \"en\", or leave it out",
        );
    }
    for code in codes.unwrap_or_default() {
        match Language::from_code(&code.value).filter(|language| language.code() == code.value) {
            Some(language) => languages.push(language),
            None => faults.add(
                &code.place,
                format!("the language `{}` is not built in", code.value),
                "write en or cy",
            ),
        }
    }
    let calendar = section.text("time_zone").and_then(|zone| {
        let report = |fault: ConfigError| {
            let zones: Vec<_> = jiff::tz::db().available().map(|name| name.to_string()).collect();
            let near = very_near(&zone.value, zones.iter().map(String::as_str));
            let remedy = near.map(|near| format!("did you mean {near:?}?"));
            faults.add(&zone.place, fault.problem(), remedy.unwrap_or_else(|| fault.remedy().to_owned()));
        };
        Calendar::named(&zone.value).map_err(report).ok()
    });
    let calendar = calendar.unwrap_or_else(Calendar::utc);
    section.end();
    Site { name, url, hosts, shared_domain, removal_domain, languages, calendar }
}

/// Whether it can be read out, on one line.
fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(char::is_control)
}

fn knows(hosts: &[Located<String>], host: &Located<String>) -> bool {
    hosts.iter().any(|one| one.value == host.value)
}

/// Whether a host is a domain or below it, so that a browser takes a cookie of the domain from it (RFC 6265 section 5.1.3).
pub(crate) fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Whether organisations register theirs under it, by the Public Suffix List as it was when Pinfold was built.
pub(crate) fn is_public_suffix(domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    psl::suffix_str(&domain) == Some(&domain)
}

/// A name or address, and perhaps a port.
fn is_host(text: &str) -> bool {
    text.parse::<Authority>().is_ok() && !text.contains(['@', '*'])
}

/// The authority of a URL, in lower case.
pub(super) fn authority_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    uri.authority().map(|authority| authority.as_str().to_ascii_lowercase())
}
