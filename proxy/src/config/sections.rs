//! What each section of the file says, checked against what it may say.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

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
use super::policy::{Places, read_consent, read_cookie, read_embed, read_preference, read_purpose};
use super::reader::{Located, Section};
use super::settings::{
    ADMIN, Approval, HTTPS, Hold, Hosts, Https, LISTEN, Listen, SOCKET, Settings, StoreSettings, without_port,
};
use super::source::{Node, Value};
use super::underscore::read_underscore_fields;
use super::units;

/// The settings, unless something that cannot be left out is missing or wrong; every fault goes to `faults`.
pub(super) fn read_settings(root: Section<'_>, files: NamedFiles<'_>, faults: &Faults) -> Option<Settings> {
    let directory = files.directory;
    let version = root.number_or("version", 1);
    if version.value != 1 {
        faults.add(&version.place, format!("version {} is not known", version.value), "write version = 1");
    }
    let mut places = Places::default();
    let site = read_site(root.section("site"), &mut places, faults);
    let (listen, underscore_fields) = read_listen(root.section("listen"), files, faults);
    let origins = read_origins(root.section("origin"), &site.hosts, files, faults);
    let consent = read_consent(root.section("consent"), &mut places);
    let audit_section = root.section("audit");
    let footprint = audit_section.flag_or("footprint", true);
    let audit = AuditSettings::default();
    let ClientAddress { resolver, fields, announcers, fronts } =
        read_client_address(root.section("client_address"), faults);
    let (audit, store) = read_audit(
        audit_section,
        audit.with_client_ip(resolver).with_address_fields(fields),
        directory,
        faults,
    );
    let hold = read_keys(root.section("keys"), faults);
    let admin = read_admin(root.section("admin"), faults);
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
        if let Some(purpose) = read_purpose(purpose, &mut places, faults) {
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
        calendar: site.calendar?,
        listen,
        underscore_fields,
        announcers,
        fronts,
        admin: admin.listen?,
        socket: directory.join(admin.socket),
        origins: origins?,
        audit: audit?,
        store: store?,
        hold,
        approval: admin.approval,
    })
}

/// Domains under which councils and their neighbours register theirs (from the Public Suffix List).
const PUBLIC_SUFFIXES: [&str; 9] =
    ["ac.uk", "co.uk", "gov.scot", "gov.uk", "nhs.uk", "org.uk", "police.uk", "sch.uk", "service.gov.uk"];

struct Site {
    name: Option<String>,
    url: Option<Located<String>>,
    hosts: Vec<String>,
    shared_domain: Option<String>,
    removal_domain: Option<String>,
    languages: Vec<Language>,
    calendar: Option<Calendar>,
}

fn read_site(section: Section<'_>, places: &mut Places, faults: &Faults) -> Site {
    let name = section.required("name", "Example Borough Council").map(|name| name.value);
    let url = section.required("url", "https://www.example.gov.uk");
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
    if let Some(domain) = domain.as_ref().filter(|domain| PUBLIC_SUFFIXES.contains(&domain.value.as_str())) {
        faults.add(
            &domain.place,
            format!("`{}` belongs to many organisations: browsers keep no cookie for it", domain.value),
            "write a domain of your own, such as example.gov.uk",
        );
    }
    let shared = section.flag("shared_choice").filter(|shared| shared.value);
    section.assume("shared_choice", Value::Boolean(false));
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
    let built_in = ["en", "cy"].map(|code| Node::unwritten(Value::String(code.to_owned())));
    section.assume("languages", Value::Array(built_in.into()));
    let Located { value: zone, place } = section.text_or("time_zone", "Europe/London");
    let calendar = match Calendar::named(&zone) {
        Ok(calendar) => Some(calendar),
        Err(fault) => {
            faults.add(&place, fault.problem(), fault.remedy());
            None
        }
    };
    section.end();
    Site { name, url, hosts, shared_domain, removal_domain, languages, calendar }
}

fn read_listen(section: Section<'_>, files: NamedFiles<'_>, faults: &Faults) -> (Listen, Vec<HeaderName>) {
    let https = section.section("https");
    let https = if https.place() == &Place::Whole { None } else { read_https(https, files, faults) };
    // Whoever speaks TLS here and names no other listener wants none.
    let http = match &https {
        Some(_) => address(&section, "http", LISTEN),
        None => address_or(&section, "http", LISTEN),
    };
    let underscore_fields = read_underscore_fields(&section, faults);
    section.end();
    (Listen { http: http.map(|http| http.value), https }, underscore_fields)
}

fn read_https(section: Section<'_>, files: NamedFiles<'_>, faults: &Faults) -> Option<Https> {
    let written = section.required("address", &HTTPS.to_string());
    let address = written.and_then(|_| address(&section, "address", HTTPS));
    let certificate = section.required("certificate", "cert.pem").and_then(|text| files.file(text, faults));
    let key = section.required("key", "key.pem").and_then(|text| files.file(text, faults));
    section.end();
    Some(Https { address: address?.value, certificate: certificate?, key: key? })
}

/// Where something listens, as far as it is written.
fn address(section: &Section<'_>, key: &'static str, example: SocketAddr) -> Option<Located<SocketAddr>> {
    section.parsed(key, &an_address_such_as(example), |text| text.parse().ok())
}

fn address_or(section: &Section<'_>, key: &'static str, default: SocketAddr) -> Option<Located<SocketAddr>> {
    let expected = an_address_such_as(default);
    section.parsed_or(key, &expected, &default.to_string(), |text| text.parse().ok())
}

fn an_address_such_as(example: SocketAddr) -> String {
    format!("an address and port such as \"{example}\"")
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

fn read_client_address(section: Section<'_>, faults: &Faults) -> ClientAddress {
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
    directory: &Path,
    faults: &Faults,
) -> (Option<AuditSettings>, Option<StoreSettings>) {
    let expected = "\"sqlite:\" and a file, such as \"sqlite:pinfold.db\"; this version has no other store";
    let store = section.parsed_or("store", expected, "sqlite:pinfold.db", |text| {
        text.strip_prefix("sqlite:").filter(|file| !file.is_empty()).map(PathBuf::from)
    });
    let expected = "a size of at least 1 MiB, such as \"4 GiB\"";
    let most_bytes = section.parsed_or("store_limit", expected, "4 GiB", |text| {
        units::bytes(text).filter(|bytes| *bytes >= 1 << 20)
    });
    let expected = "\"1 month\" to \"10 years\"";
    let retention = section.parsed_or("retention", expected, "25 months", |text| {
        units::months(text).and_then(|months| u16::try_from(months).ok()).and_then(Retention::months)
    });
    let report = |place: &Place, fault: &ConfigError| faults.add(place, fault.problem(), fault.remedy());
    let crowd = section.number_or("crowd", 10);
    let threshold = usize::try_from(crowd.value).unwrap_or_default();
    let mut audit = audit.with_crowd(threshold).map_err(|fault| report(&crowd.place, &fault)).ok();
    let rows = section.number_or("choice_rows_per_minute", 20);
    match u32::try_from(rows.value) {
        Ok(rows) if rows > 0 => audit = audit.map(|audit| audit.with_choice_rows_per_minute(rows)),
        _ => faults.add(
            &rows.place,
            format!("{} rows a minute would count nobody", rows.value),
            "write at least 1; 20 is usual",
        ),
    }
    let patterns = section.texts("routes").unwrap_or_default();
    for pattern in &patterns {
        if let Err(errors) = Routes::new([pattern.value.as_str()]) {
            errors.iter().for_each(|fault| report(&pattern.place, fault));
        }
    }
    if let Ok(routes) = Routes::new(patterns.into_iter().map(|pattern| pattern.value)) {
        audit = audit.map(|audit| audit.with_routes(routes));
    }
    section.not_yet("spool", "it belongs to a store that this version has not");
    section.end();
    let store = || {
        let (file, retention) = (directory.join(store?.value), retention?.value);
        Some(StoreSettings { file, retention, most_bytes: most_bytes?.value })
    };
    (audit, store())
}

fn read_keys(section: Section<'_>, faults: &Faults) -> Hold {
    let words = [("memory", Hold::Memory), ("descriptor-store", Hold::DescriptorStore)];
    let hold = section.choice_or_first("hold", words).value;
    let valkey = section.section("valkey");
    if valkey.place() != &Place::Whole {
        faults.add(valkey.place(), "this version does not share keys through Valkey", "remove `valkey`");
    }
    section.end();
    hold
}

struct Admin {
    listen: Option<SocketAddr>,
    socket: PathBuf,
    blocked_status: StatusCode,
    approval: Approval,
}

fn read_admin(section: Section<'_>, faults: &Faults) -> Admin {
    let listen = address_or(&section, "listen", ADMIN);
    if let Some(listen) = listen.as_ref().filter(|listen| !listen.value.ip().is_loopback()) {
        faults.add(
            &listen.place,
            format!(
                "{} would show the figures to others: this version has no password for them",
                listen.value
            ),
            "listen on loopback",
        );
    }
    section.not_yet("password_file", "the admin listener is on loopback");
    let words = [("named", Approval::Named), ("second-user", Approval::SecondUser)];
    let approval = section.choice_or_first("lookup_approval", words).value;
    let socket = section.text_or("socket", SOCKET);
    if socket.value.is_empty() {
        faults.add(&socket.place, "`socket` is empty", "write a file name such as \"pinfold.sock\"");
    }
    let status = section.number_or("blocked_status", 429);
    if ![403, 429].contains(&status.value) {
        faults.add(
            &status.place,
            format!("{} cannot be the answer to whoever is blocked", status.value),
            "write 429 or 403",
        );
    }
    let forbidden = status.value == 403;
    section.end();
    Admin {
        listen: listen.map(|listen| listen.value),
        socket: PathBuf::from(socket.value),
        blocked_status: if forbidden { StatusCode::FORBIDDEN } else { StatusCode::TOO_MANY_REQUESTS },
        approval,
    }
}

/// A name or address, and perhaps a port.
fn is_host(text: &str) -> bool {
    text.parse::<Authority>().is_ok() && !text.contains(['@', '*'])
}

fn authority_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    uri.authority().map(|authority| authority.as_str().to_ascii_lowercase())
}
