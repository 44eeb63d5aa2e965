//! What each section of the file says, checked against what it may say.

use std::net::SocketAddr;
use std::path::PathBuf;

use http::{HeaderName, StatusCode};
use pinfold::ConfigError;
use pinfold::audit::{AuditSettings, Routes};
use pinfold::client_ip::{AddressFields, ClientIpResolver, HeaderFamily, TrustedProxies};
use pinfold::consent::Policy;
use pinfold_store::Retention;

use super::credential::NamedFiles;
use super::fault::{Faults, Place};
use super::origins::read_origins;
use super::places::Places;
use super::policy::{read_consent, read_cookie, read_embed, read_preference, read_purpose};
use super::reader::{Located, Section};
use super::settings::{
    Approval, File, Hold, Hosts, Https, LISTEN, Listen, Settings, StoreSettings, ValkeySettings,
};
use super::site::{authority_of, read_site};
use super::source::Value;
use super::store::read_location;
use super::underscore::read_underscore_fields;

/// The settings of one file, unless something that cannot be left out is missing or wrong; every fault goes to `faults`.
pub(super) fn read_settings(root: Section<'_>, files: NamedFiles<'_>, faults: &Faults) -> Option<Settings> {
    root.number("version");
    // In the order in which they are shown.
    let [site, listen, origin, consent, audit, client_address, keys, admin] =
        ["site", "listen", "origin", "consent", "audit", "client_address", "keys", "admin"]
            .map(|name| root.section(name));
    let shared = read_shared([listen, audit, keys, admin], files, faults);
    let read = read_own(&root, [site, origin, consent, client_address], &shared, files, faults);
    root.end();
    if let (Some(https), Some(url)) = (&shared.listen.https, read.url_by_http()) {
        warn_of_http(&https.certificate.place, url, faults);
    }
    read.settings
}

/// What the file says that several sites share.
pub(super) fn read_shared_file(root: Section<'_>, files: NamedFiles<'_>, faults: &Faults) -> Shared {
    root.number("version");
    let sections = ["listen", "audit", "keys", "admin"].map(|name| root.section(name));
    let shared = read_shared(sections, files, faults);
    root.end();
    Shared { is_for_several: true, ..shared }
}

/// What the file of one site among several says.
pub(super) fn read_site_file(
    root: Section<'_>,
    shared: &Shared,
    files: NamedFiles<'_>,
    faults: &Faults,
) -> OfSite {
    root.number("version");
    let sections = ["site", "origin", "consent", "client_address"].map(|name| root.section(name));
    let read = read_own(&root, sections, shared, files, faults);
    root.end();
    if let (Some(_), Some(url)) = (&shared.listen.https, read.url_by_http()) {
        warn_of_http(&url.place, url, faults);
    }
    read
}

fn warn_of_http(place: &Place, url: &Located<String>, faults: &Faults) {
    faults.warn(
        place,
        format!("`https` is listened to, but visitors type {}", url.value),
        "write [site] url = \"https://...\": its scheme decides on cookies",
    );
}

/// What is not of one site.
pub(super) struct Shared {
    listen: Listen,
    underscore_fields: Vec<HeaderName>,
    footprint: bool,
    audit: Option<AuditSettings>,
    store: Option<StoreSettings>,
    hold: Hold,
    valkey: Option<ValkeySettings>,
    admin: Admin,
    directory: PathBuf,
    /// Whether it is for several sites.
    is_for_several: bool,
}

/// What is of one site, and what it claims for itself alone.
pub(super) struct OfSite {
    pub(super) settings: Option<Settings>,
    pub(super) url: Option<Located<String>>,
    /// The host of its address, by which it is known.
    pub(super) name: String,
    pub(super) hosts: Vec<Located<String>>,
    /// The domain under which its decision cookie is kept, where that is more than one host.
    pub(super) shared_domain: Option<Located<String>>,
    /// Where it is said how clients are known.
    pub(super) source: Place,
}

impl OfSite {
    fn url_by_http(&self) -> Option<&Located<String>> {
        self.url.as_ref().filter(|url| !url.value.starts_with("https:"))
    }
}

fn read_shared(
    [listen, audit, keys, admin]: [Section<'_>; 4],
    files: NamedFiles<'_>,
    faults: &Faults,
) -> Shared {
    let (listen, underscore_fields) = read_listen(listen, files, faults);
    let footprint = audit.flag("footprint").value;
    let (audit, store) = read_audit(audit, AuditSettings::default(), files, faults);
    let (hold, valkey) = read_keys(keys, files, faults);
    let admin = read_admin(admin, files, faults);
    let audit = audit.map(|audit| audit.with_blocked_status(admin.blocked_status));
    let directory = files.directory.to_owned();
    Shared {
        listen,
        underscore_fields,
        footprint,
        audit,
        store,
        hold,
        valkey,
        admin,
        directory,
        is_for_several: false,
    }
}

fn read_own(
    root: &Section<'_>,
    [site, origin, consent, client_address]: [Section<'_>; 4],
    shared: &Shared,
    files: NamedFiles<'_>,
    faults: &Faults,
) -> OfSite {
    let mut places = Places::default();
    let site = read_site(site, &mut places, faults);
    let hosts: Vec<_> = site.hosts.iter().map(|host| host.value.clone()).collect();
    let origins = read_origins(origin, &hosts, files, faults);
    let consent = read_consent(consent, &mut places);
    let both_listen = shared.listen.http.is_some() && shared.listen.https.is_some();
    let ClientAddress { resolver, fields, announcers, fronts, source } =
        read_client_address(client_address, both_listen, faults);

    let mut policy = consent.apply(Policy::builder(
        site.name.as_deref().unwrap_or("this site"),
        site.url.as_ref().map_or("https://missing.invalid", |url| url.value.as_str()),
    ));
    policy = policy.languages(site.languages).footprint(shared.footprint);
    if let Some(domain) = &site.shared_domain {
        policy = policy.shared_under(domain.value.clone());
    }
    if let Some(domain) = site.removal_domain {
        policy = policy.removals_under(domain);
    }
    policy = policy.own_hosts(hosts.iter().cloned());
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
    if let Err(errors) = policy.clone().build() {
        errors.iter().for_each(|fault| places.report(fault, faults));
    }
    let name = site.url.as_ref().and_then(|url| authority_of(&url.value)).unwrap_or_default();
    let settings = || {
        let Shared { listen, underscore_fields, audit, store, hold, valkey, admin, directory, .. } = shared;
        Some(Settings {
            policy,
            site: name.clone(),
            is_among_others: shared.is_for_several,
            hosts: Hosts::Only(hosts),
            calendar: site.calendar,
            listen: listen.clone(),
            underscore_fields: underscore_fields.clone(),
            announcers,
            fronts,
            admin: admin.listen?,
            admin_password: admin.password.clone(),
            socket: directory.join(admin.socket.as_ref()?),
            origins,
            audit: audit.clone()?.with_client_ip(resolver).with_address_fields(fields),
            store: store.clone()?,
            hold: *hold,
            valkey: valkey.clone(),
            approval: admin.approval,
        })
    };
    let settings = settings();
    OfSite { settings, url: site.url, name, hosts: site.hosts, shared_domain: site.shared_domain, source }
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
    /// Where that is said.
    source: Place,
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
    let said = if let Place::Whole = source.place { section.place().clone() } else { source.place };
    section.end();
    // Whoever announces connections hands them on as they came.
    let fronts = if announcers.is_some() { TrustedProxies::none() } else { fronts };
    ClientAddress { resolver, fields: fields.value, announcers, fronts, source: said }
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

fn read_keys(section: Section<'_>, files: NamedFiles<'_>, faults: &Faults) -> (Hold, Option<ValkeySettings>) {
    let words =
        [("memory", Hold::Memory), ("descriptor-store", Hold::DescriptorStore), ("valkey", Hold::Valkey)];
    let hold = section.choice_or_first("hold", words);
    let table = section.section("valkey");
    let valkey = match (hold.value, table.is_written()) {
        (Hold::Valkey, false) => {
            faults.add(
                &hold.place,
                "keys are to be had from a Valkey, and it is not said where it is",
                "write valkey = { url = \"redis://127.0.0.1:6379\", secret_file = \"cluster.secret\" }",
            );
            None
        }
        (Hold::Memory | Hold::DescriptorStore, true) => {
            faults.warn(
                table.place(),
                "nobody asks this Valkey, because `hold` is not \"valkey\"",
                "write hold = \"valkey\", or leave `valkey` out",
            );
            read_valkey(table, files, faults)
        }
        (Hold::Valkey, true) => read_valkey(table, files, faults),
        (_, false) => None,
    };
    section.end();
    (hold.value, valkey)
}

fn read_valkey(section: Section<'_>, files: NamedFiles<'_>, faults: &Faults) -> Option<ValkeySettings> {
    let address = section.parsed("url", |text| text.parse().ok());
    let file = |name| section.text(name).and_then(|text| files.file(text, faults));
    let (secret, password, ca) = (file("secret_file"), file("password_file"), file("ca"));
    section.end();
    Some(ValkeySettings { address: address?.value, secret: secret?, password, ca })
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
