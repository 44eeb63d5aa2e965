//! What each section of the file says, checked against what it may say.

use std::net::SocketAddr;
use std::path::PathBuf;

use http::uri::Authority;
use http::{HeaderName, StatusCode, Uri};
use pinfold::audit::{AuditSettings, Routes};
use pinfold::client_ip::{AddressFields, ClientIpResolver, HeaderFamily, TrustedProxies};
use pinfold::consent::Policy;
use pinfold::consent::page::Language;
use pinfold::time::Calendar;
use pinfold::{ConfigError, Subject};
use pinfold_store::Retention;

use super::credential::NamedFiles;
use super::fault::{Faults, Place};
use super::origins::read_origins;
use super::places::Places;
use super::policy::{read_consent, read_cookie, read_embed, read_preference, read_purpose};
use super::reader::{Located, Section};
use super::settings::{
    Approval, File, Hold, Hosts, Https, LISTEN, Listen, Settings, StoreSettings, without_port,
};
use super::source::{Node, Value};
use super::store::read_location;
use super::underscore::read_underscore_fields;

/// The settings, unless something that cannot be left out is missing or wrong; every fault goes to `faults`.
pub(super) fn read_settings(root: Section<'_>, files: NamedFiles<'_>, faults: &Faults) -> Option<Settings> {
    let directory = files.directory;
    root.number("version");
    let mut places = Places::default();
    let site = read_site(root.section("site"), &mut places, faults);
    let (listen, underscore_fields) = read_listen(root.section("listen"), files, faults);
    let origins = read_origins(root.section("origin"), &site.hosts, files, faults);
    let consent = read_consent(root.section("consent"), &mut places);
    let audit_section = root.section("audit");
    let footprint = audit_section.flag("footprint").value;
    let audit = AuditSettings::default();
    let both_listen = listen.http.is_some() && listen.https.is_some();
    let ClientAddress { resolver, fields, announcers, fronts } =
        read_client_address(root.section("client_address"), both_listen, faults);
    let (audit, store) =
        read_audit(audit_section, audit.with_client_ip(resolver).with_address_fields(fields), files, faults);
    let hold = read_keys(root.section("keys"));
    let admin = read_admin(root.section("admin"), files, faults);
    let audit = audit.map(|audit| audit.with_blocked_status(admin.blocked_status));

    let mut policy = consent.apply(Policy::builder(
        site.name.as_deref().unwrap_or("this site"),
        site.url.as_ref().map_or("https://missing.invalid", |url| url.value.as_str()),
    ));
    policy = policy.languages(site.languages).footprint(footprint);
    if let Some(domain) = site.shared_domain {
        policy = policy.shared_under(domain);
    }
    if let Some(domain) = site.removal_domain {
        policy = policy.removals_under(domain);
    }
    policy = policy.own_hosts(site.hosts.iter().cloned());
    for purpose in root.sections("purpose") {
        if let Some(purpose) = read_purpose(purpose, &mut places) {
            policy = policy.purpose(purpose);
        }
    }
    for cookie in root.sections("cookie") {
        if let Some(rule) = read_cookie(cookie, &mut places) {
            policy = policy.cookie(rule);
        }
    }
    for embed in root.sections("embed") {
        if let Some(embed) = read_embed(embed, &mut places) {
            policy = policy.embed(embed);
        }
    }
    for preference in root.sections("preference") {
        if let Some(preference) = read_preference(preference, &mut places) {
            policy = policy.preference(preference);
        }
    }
    root.end();
    if let (Some(https), Some(url)) = (&listen.https, &site.url)
        && !url.value.starts_with("https:")
    {
        faults.warn(
            &https.certificate.place,
            format!("`https` is listened to, but visitors type {}", url.value),
            "write [site] url = \"https://...\": its scheme decides on cookies",
        );
    }
    if let Err(errors) = policy.clone().build() {
        errors.iter().for_each(|fault| places.report(fault, faults));
    }

    Some(Settings {
        policy,
        site: site.url.as_ref().and_then(|url| authority_of(&url.value)).unwrap_or_default(),
        hosts: Hosts::Only(site.hosts),
        calendar: site.calendar,
        listen,
        underscore_fields,
        announcers,
        fronts,
        admin: admin.listen?,
        admin_password: admin.password,
        socket: directory.join(admin.socket?),
        origins,
        audit: audit?,
        store: store?,
        hold,
        approval: admin.approval,
    })
}

struct Site {
    name: Option<String>,
    url: Option<Located<String>>,
    hosts: Vec<String>,
    shared_domain: Option<String>,
    removal_domain: Option<String>,
    languages: Vec<Language>,
    calendar: Calendar,
}

fn read_site(section: Section<'_>, places: &mut Places, faults: &Faults) -> Site {
    let name = section.text("name").map(|name| name.value);
    let url = section.text("url");
    if let Some(url) = &url {
        places.note(Subject::SiteUrl, &url.place);
    }
    let own_host =
        url.as_ref().and_then(|url| authority_of(&url.value)).map(|authority| without_port(&authority));
    let hosts = match section.texts("hosts") {
        None => {
            let own = own_host.iter().map(|host| Node::unwritten(Value::String(host.clone())));
            section.assume("hosts", Value::Array(own.collect()));
            own_host.clone().into_iter().collect()
        }
        Some(hosts) => {
            if hosts.is_empty() {
                faults.add(
                    section.place(),
                    "`hosts` is empty, so no request would be served",
                    "name a host, or leave it out",
                );
            }
            for host in hosts.iter().filter(|host| !is_host(&host.value)) {
                faults.add(
                    &host.place,
                    format!("`{}` is not a host", host.value),
                    "write a name such as www.example.gov.uk",
                );
            }
            hosts.iter().map(|host| without_port(&host.value)).collect()
        }
    };
    let domain = section.text("cookie_domain");
    if let (Some(domain), Some(host)) = (&domain, &own_host) {
        let wide = domain.value.to_ascii_lowercase();
        if *host != wide && !host.ends_with(&format!(".{wide}")) || !wide.contains('.') {
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
            faults.add(&shared.place, "`shared_choice` needs a `cookie_domain`", "write both, or neither");
            None
        }
        (Some(_), Some(domain)) => Some(domain.value.to_ascii_lowercase()),
        (None, _) => None,
    };
    let removal_domain = domain.map(|domain| domain.value.to_ascii_lowercase());
    let mut languages = Vec::new();
    for code in section.texts("languages").unwrap_or_default() {
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
        let report = |fault: ConfigError| faults.add(&zone.place, fault.problem(), fault.remedy());
        Calendar::named(&zone.value).map_err(report).ok()
    });
    let calendar = calendar.unwrap_or_else(Calendar::utc);
    section.end();
    Site { name, url, hosts, shared_domain, removal_domain, languages, calendar }
}

fn read_listen(section: Section<'_>, files: NamedFiles<'_>, faults: &Faults) -> (Listen, Vec<HeaderName>) {
    let https = section.section("https");
    let https = if https.is_written() { read_https(https, files, faults) } else { None };
    let mut http = section.parsed("http", an_address);
    // Whoever speaks TLS here and names no other listener wants none.
    if https.is_none() && http.is_none() {
        section.assume("http", Value::String(LISTEN.to_string()));
        http = Some(Located { value: LISTEN, place: Place::Whole });
    }
    let underscore_fields = read_underscore_fields(&section, faults);
    section.end();
    (Listen { http: http.map(|http| http.value), https }, underscore_fields)
}

fn read_https(section: Section<'_>, files: NamedFiles<'_>, faults: &Faults) -> Option<Https> {
    let address = section.parsed("address", an_address);
    let certificate = section.text("certificate").and_then(|text| files.file(text, faults));
    let key = section.text("key").and_then(|text| files.file(text, faults));
    section.end();
    Some(Https { address: address?.value, certificate: certificate?, key: key? })
}

fn an_address(text: &str) -> Option<SocketAddr> {
    text.parse().ok()
}

/// How the client behind a connection is found, and what the site is told of it.
struct ClientAddress {
    resolver: ClientIpResolver,
    fields: AddressFields,
    announcers: Option<TrustedProxies>,
    fronts: TrustedProxies,
}

/// Who says who the client is.
#[derive(Clone, Copy)]
enum Source {
    Peer,
    Fields(HeaderFamily),
    ProxyProtocol,
}

/// Where there are two listeners, whoever is trusted is not sent from http to https; else their word alone makes them of use.
fn read_client_address(section: Section<'_>, both_listen: bool, faults: &Faults) -> ClientAddress {
    let source = section.choice_or_first(
        "source",
        [
            ("peer", Source::Peer),
            ("x-forwarded-for", Source::Fields(HeaderFamily::XForwardedFor)),
            ("forwarded", Source::Fields(HeaderFamily::Forwarded)),
            ("proxy-protocol", Source::ProxyProtocol),
        ],
    );
    let networks = section.texts("trusted_proxies").unwrap_or_default();
    let mut trusted = Vec::new();
    for network in &networks {
        match TrustedProxies::new([&network.value]) {
            Ok(_) if network.value.ends_with("/0") => faults.add(
                &network.place,
                format!("`{}` trusts the whole internet, so anybody could name any address", network.value),
                "write the networks of your own proxies",
            ),
            Ok(_) => trusted.push(network.value.as_str()),
            Err(fault) => faults.add(&network.place, fault.problem(), fault.remedy()),
        }
    }
    let fields = section.choice_or_first(
        "to_origin",
        [
            ("none", AddressFields::None),
            ("obfuscated", AddressFields::Obfuscated),
            ("address", AddressFields::Address),
        ],
    );
    if !matches!(source.value, Source::Peer) && networks.is_empty() {
        faults.add(
            &source.place,
            "nobody is trusted to say who the client is",
            "list your proxies in `trusted_proxies`, or write source = \"peer\"",
        );
    }
    let asks_nobody = section.text("source").is_some_and(|source| source.value == "peer");
    if let Some(network) = networks.first().filter(|_| asks_nobody && !both_listen) {
        faults.warn(
            &network.place,
            "nobody asks these proxies who the client is, because `source` is \"peer\"",
            "write source = \"x-forwarded-for\" if that is where they name it, or leave `trusted_proxies` out",
        );
    }
    let trusted = TrustedProxies::new(trusted).unwrap_or_default();
    let fronts = trusted.clone();
    let (resolver, announcers) = match source.value {
        Source::Peer => (ClientIpResolver::peer(), None),
        Source::Fields(family) => (ClientIpResolver::behind(trusted, family), None),
        Source::ProxyProtocol => (ClientIpResolver::peer_named_by_proxy(), Some(trusted)),
    };
    section.end();
    // Whoever announces connections hands them on as they came.
    let fronts = if announcers.is_some() { TrustedProxies::none() } else { fronts };
    ClientAddress { resolver, fields: fields.value, announcers, fronts }
}

fn read_audit(
    section: Section<'_>,
    audit: AuditSettings,
    files: NamedFiles<'_>,
    faults: &Faults,
) -> (Option<AuditSettings>, Option<StoreSettings>) {
    let location = read_location(&section, files, faults);
    let most_bytes = section.bytes("store_limit");
    let months = section.months("retention").and_then(|months| u16::try_from(months).ok());
    let retention = months.and_then(Retention::months);
    let report = |place: &Place, fault: &ConfigError| faults.add(place, fault.problem(), fault.remedy());
    let crowd = section.number("crowd");
    let threshold = usize::try_from(crowd.value).unwrap_or_default();
    let mut audit = audit.with_crowd(threshold).map_err(|fault| report(&crowd.place, &fault)).ok();
    let rows = u32::try_from(section.number("choice_rows_per_minute").value).unwrap_or_default();
    audit = audit.map(|audit| audit.with_choice_rows_per_minute(rows));
    let patterns = section.texts("routes").unwrap_or_default();
    for pattern in &patterns {
        if let Err(errors) = Routes::new([pattern.value.as_str()]) {
            errors.iter().for_each(|fault| report(&pattern.place, fault));
        }
    }
    if let Ok(routes) = Routes::new(patterns.into_iter().map(|pattern| pattern.value)) {
        audit = audit.map(|audit| audit.with_routes(routes));
    }
    section.end();
    let store = || {
        let (location, password) = location?;
        Some(StoreSettings { location, password, retention: retention?, most_bytes: most_bytes? })
    };
    (audit, store())
}

fn read_keys(section: Section<'_>) -> Hold {
    let words = [("memory", Hold::Memory), ("descriptor-store", Hold::DescriptorStore)];
    let hold = section.choice_or_first("hold", words).value;
    section.refused("valkey");
    section.end();
    hold
}

struct Admin {
    listen: Option<SocketAddr>,
    password: Option<File>,
    socket: Option<PathBuf>,
    blocked_status: StatusCode,
    approval: Approval,
}

fn read_admin(section: Section<'_>, files: NamedFiles<'_>, faults: &Faults) -> Admin {
    let listen = section.parsed("listen", an_address);
    let password = section.text("password_file");
    if let Some(listen) = listen.as_ref().filter(|listen| !listen.value.ip().is_loopback())
        && password.is_none()
    {
        faults.add(
            &listen.place,
            format!("{} would show the figures to others", listen.value),
            "listen on loopback, or write password_file = \"admin.password\"",
        );
    }
    let password = password.and_then(|password| files.file(password, faults));
    let words = [("named", Approval::Named), ("second-user", Approval::SecondUser)];
    let approval = section.choice_or_first("lookup_approval", words).value;
    let socket = section.parsed("socket", |text| (!text.is_empty()).then(|| PathBuf::from(text)));
    let forbidden = section.number("blocked_status").value == 403;
    section.end();
    Admin {
        listen: listen.map(|listen| listen.value),
        password,
        socket: socket.map(|socket| socket.value),
        blocked_status: if forbidden { StatusCode::FORBIDDEN } else { StatusCode::TOO_MANY_REQUESTS },
        approval,
    }
}

/// Whether organisations register theirs under it, by the Public Suffix List as it was when Pinfold was built.
fn is_public_suffix(domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    psl::suffix_str(&domain) == Some(&domain)
}

/// A name or address, and perhaps a port.
fn is_host(text: &str) -> bool {
    text.parse::<Authority>().is_ok() && !text.contains(['@', '*'])
}

fn authority_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    uri.authority().map(|authority| authority.as_str().to_ascii_lowercase())
}
