//! What each section of the file says, checked against what it may say.

use std::net::SocketAddr;
use std::path::PathBuf;

use http::{HeaderName, StatusCode};
use pinfold::ConfigError;
use pinfold::audit::{AuditSettings, Routes};
use pinfold::client_ip::{AddressFields, ClientIpResolver, HeaderFamily, TrustedProxies};
use pinfold::consent::Policy;
use pinfold::consent::page::Language;
use pinfold_store::Retention;

use super::addresses::{self, Listener};
use super::breadth::{Breadth, breadth};
use super::credential::NamedFiles;
use super::fault::{Faults, Place};
use super::origins::{Whereabouts, read_origins};
use super::places::Places;
use super::policy::{Visitors, read_consent, read_declared};
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
    listeners: Vec<Listener>,
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
    let (listen, underscore_fields, mut listeners) = read_listen(listen, files, faults);
    let footprint = audit.flag("footprint").value;
    let (audit, store) = read_audit(audit, AuditSettings::default(), files, faults);
    let (hold, valkey) = read_keys(keys, files, faults);
    let admin = read_admin(admin, files, faults);
    listeners.extend(admin.listen.clone().map(|address| Listener { name: "[admin]", address }));
    addresses::find_conflicts(&listeners, faults);
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
        listeners,
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
    let listeners: Vec<_> = shared.listeners.iter().map(|one| (one.name, one.address.value)).collect();
    let url = site.url.as_ref().map(|url| url.value.as_str());
    let origins =
        read_origins(origin, Whereabouts { listeners: &listeners, url, hosts: &hosts }, files, faults);
    let consent = read_consent(consent, &mut places);
    let both_listen = shared.listen.http.is_some() && shared.listen.https.is_some();
    let ClientAddress { resolver, fields, announcers, fronts, source, is_peer } =
        read_client_address(client_address, both_listen, faults);
    if let Some(url) = site.url.as_ref().filter(|url| url.value.starts_with("https:"))
        && is_peer
        && shared.listen.https.is_none()
    {
        faults.warn(
            if source == Place::Whole { &url.place } else { &source },
            "whatever ends TLS before Pinfold is taken for every visitor",
            "write source = \"x-forwarded-for\" and its address in `trusted_proxies`, or [listen] https = { ... }",
        );
    }

    let mut policy = consent.apply(Policy::builder(
        site.name.as_deref().unwrap_or("this site"),
        site.url.as_ref().map_or("https://missing.invalid", |url| url.value.as_str()),
    ));
    policy = policy.languages(site.languages.iter().copied()).footprint(shared.footprint);
    if let Some(domain) = &site.shared_domain {
        policy = policy.shared_under(domain.value.clone());
    }
    if let Some(domain) = site.removal_domain {
        policy = policy.removals_under(domain);
    }
    policy = policy.own_hosts(hosts.iter().cloned());
    policy = read_declared(
        root,
        Visitors {
            hosts: &hosts,
            speaks_welsh: site.languages.contains(&Language::Welsh),
            counts_visits: shared.footprint,
        },
        policy,
        &mut places,
        faults,
    );
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
            admin: admin.listen.as_ref()?.value,
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

fn read_listen(
    section: Section<'_>,
    files: NamedFiles<'_>,
    faults: &Faults,
) -> (Listen, Vec<HeaderName>, Vec<Listener>) {
    let https = section.section("https");
    let (https, https_address) =
        if https.is_written() { read_https(https, files, faults) } else { (None, None) };
    let mut http = section.parsed("http", an_address);
    // Whoever speaks TLS here and names no other listener wants none.
    if https.is_none() && http.is_none() {
        section.assume("http", Value::String(LISTEN.to_string()));
        http = Some(Located { value: LISTEN, place: Place::Whole });
    }
    let underscore_fields = read_underscore_fields(&section, faults);
    section.end();
    let listeners = [("[listen] http", http.clone()), ("[listen] https", https_address)];
    let listener = |(name, address): (_, Option<_>)| Some(Listener { name, address: address? });
    let listeners = listeners.into_iter().filter_map(listener).collect();
    (Listen { http: http.map(|http| http.value), https }, underscore_fields, listeners)
}

fn read_https(
    section: Section<'_>,
    files: NamedFiles<'_>,
    faults: &Faults,
) -> (Option<Https>, Option<Located<SocketAddr>>) {
    let address = section.parsed("address", an_address);
    let certificate = section.text("certificate").and_then(|text| files.file(text, faults));
    let key = section.text("key").and_then(|text| files.file(text, faults));
    section.end();
    let https = || Some(Https { address: address.as_ref()?.value, certificate: certificate?, key: key? });
    (https(), address)
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
    /// Whether it is whoever connects, and nobody is trusted to say otherwise.
    is_peer: bool,
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
    let trusted = read_networks(&networks, faults);
    let fields = section.choice_or_first(
        "to_origin",
        [
            ("none", AddressFields::None),
            ("obfuscated", AddressFields::Obfuscated),
            ("address", AddressFields::Address),
        ],
    );
    if !matches!(source.value, Source::Peer) && networks.is_empty() {
        faults.miss(
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
    let fronts = trusted.clone();
    let (resolver, announcers) = match source.value {
        Source::Peer => (ClientIpResolver::peer(), None),
        Source::Fields(family) => (ClientIpResolver::behind(trusted, family), None),
        Source::ProxyProtocol => (ClientIpResolver::peer_named_by_proxy(), Some(trusted)),
    };
    let said = if let Place::Whole = source.place { section.place().clone() } else { source.place };
    let is_peer = matches!(source.value, Source::Peer) && networks.is_empty();
    section.end();
    // Whoever announces connections hands them on as they came.
    let fronts = if announcers.is_some() { TrustedProxies::none() } else { fronts };
    ClientAddress { resolver, fields: fields.value, announcers, fronts, source: said, is_peer }
}

/// The networks whose word is taken. That strangers are among them is a fault of each, or of all together.
fn read_networks(networks: &[Located<String>], faults: &Faults) -> TrustedProxies {
    const REMEDY: &str = "write the networks of your own proxies";
    let mut trusted = Vec::new();
    for Located { value, place } in networks {
        let network = match TrustedProxies::new([value]) {
            Ok(network) => breadth(&network),
            Err(fault) => {
                faults.add(place, fault.problem(), fault.remedy());
                continue;
            }
        };
        match network {
            Breadth::Whole => {
                let problem =
                    format!("`{value}` trusts the whole internet, so anybody could name any address");
                faults.add(place, problem, REMEDY);
            }
            Breadth::Most | Breadth::TooWide => {
                let problem = format!(
                    "`{value}` is more of the internet than anybody has, so strangers could name any address"
                );
                faults.add(place, problem, REMEDY);
            }
            Breadth::Wide => {
                let problem = format!(
                    "`{value}` is more of the internet than most have: whoever is in it could name any address"
                );
                faults.warn(place, problem, REMEDY);
                trusted.push(value);
            }
            Breadth::Usual => trusted.push(value),
        }
    }
    let trusted = TrustedProxies::new(trusted).unwrap_or_default();
    let problem = match breadth(&trusted) {
        Breadth::Whole => "these networks together are the whole internet, so anybody could name any address",
        Breadth::Most => {
            "these networks together are most of the internet, so strangers could name any address"
        }
        _ => return trusted,
    };
    faults.add(networks.first().map_or(&Place::Whole, |first| &first.place), problem, REMEDY);
    trusted
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
            faults.miss(
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

/// The longest path of a Unix socket, in bytes (unix(7)).
const LONGEST_SOCKET: usize = 107;

struct Admin {
    listen: Option<Located<SocketAddr>>,
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
        faults.miss(
            &listen.place,
            format!("{} would show the figures to others", listen.value),
            "listen on loopback, or write password_file = \"admin.password\"",
        );
    }
    let password = password.and_then(|password| files.file(password, faults));
    let words = [("named", Approval::Named), ("second-user", Approval::SecondUser)];
    let approval = section.choice_or_first("lookup_approval", words).value;
    let socket = section.parsed("socket", |text| (!text.is_empty()).then(|| PathBuf::from(text)));
    if let Some(socket) = &socket {
        let length = files.directory.join(&socket.value).as_os_str().len();
        if length > LONGEST_SOCKET {
            let problem = format!("the control socket would be at a path of {length} bytes");
            let remedy = format!("name one of at most {LONGEST_SOCKET} in [admin] socket");
            faults.add(&socket.place, problem, remedy);
        }
    }
    let forbidden = section.number("blocked_status").value == 403;
    section.end();
    Admin {
        listen,
        password,
        socket: socket.map(|socket| socket.value),
        blocked_status: if forbidden { StatusCode::FORBIDDEN } else { StatusCode::TOO_MANY_REQUESTS },
        approval,
    }
}
