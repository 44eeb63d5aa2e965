//! What a configuration means.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use http::HeaderName;
use http::uri::Authority;
use pinfold::audit::AuditSettings;
use pinfold::client_ip::TrustedProxies;
use pinfold::consent::page::{AddressUse, Lookup};
use pinfold::consent::{Policy, PolicyBuilder};
use pinfold::time::Calendar;
use pinfold_store::{Location, Retention, ValkeyAddress};

use super::addresses::leads_to;
use super::fault::Place;
use super::origins::{Origins, origin_uri};

/// A configuration that can be run.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) policy: PolicyBuilder,
    /// The host under which the store keeps this site.
    pub(crate) site: String,
    /// Whether it is one of several that are served, or may come to be.
    pub(crate) is_among_others: bool,
    pub(crate) hosts: Hosts,
    pub(crate) calendar: Calendar,
    pub(crate) listen: Listen,
    /// Fields of requests that reach the origin though there is a `_` in their names.
    pub(crate) underscore_fields: Vec<HeaderName>,
    /// Who announces at the start of each connection whom it is from; nothing where nobody does.
    pub(crate) announcers: Option<TrustedProxies>,
    /// Proxies that may have ended TLS before they speak to us.
    pub(crate) fronts: TrustedProxies,
    pub(crate) admin: SocketAddr,
    /// What those must know who read the figures there.
    pub(crate) admin_password: Option<File>,
    /// On which commands reach the running server.
    pub(crate) socket: PathBuf,
    pub(crate) origins: Origins,
    pub(crate) audit: AuditSettings,
    pub(crate) store: StoreSettings,
    pub(crate) hold: Hold,
    /// Where keys are had from that are held in Valkey.
    pub(crate) valkey: Option<ValkeySettings>,
    pub(crate) approval: Approval,
}

/// Where visitors are listened to: at one of these at least.
#[derive(Debug, Clone)]
pub(crate) struct Listen {
    pub(crate) http: Option<SocketAddr>,
    pub(crate) https: Option<Https>,
}

/// A listener that speaks TLS.
#[derive(Debug, Clone)]
pub(crate) struct Https {
    pub(crate) address: SocketAddr,
    pub(crate) certificate: File,
    pub(crate) key: File,
}

/// A file that the configuration names, and where it does.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(super) place: Place,
}

/// Where keys live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Hold {
    /// In a file that is in memory alone, of which systemd has a descriptor: they outlive a restart.
    DescriptorStore,
    /// In the process alone.
    #[default]
    Memory,
    /// In every process of a cluster, made of a half that Valkey has and a half that each node has.
    Valkey,
}

/// Where the nodes of a cluster keep what they have in common.
#[derive(Debug, Clone)]
pub(crate) struct ValkeySettings {
    pub(crate) address: ValkeyAddress,
    /// The half of keys that each node holds.
    pub(crate) secret: File,
    pub(crate) password: Option<File>,
    pub(crate) ca: Option<File>,
}

/// Who lets a look-up through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Approval {
    /// Whoever is named: a record, not a control.
    #[default]
    Named,
    /// Another user of the machine, by `pinfold approve`.
    SecondUser,
}

/// Where the ledgers are kept, for how long, and how large they may become.
#[derive(Debug, Clone)]
pub(crate) struct StoreSettings {
    pub(crate) location: Location,
    /// The password for a database.
    pub(super) password: Option<File>,
    pub(crate) retention: Retention,
    pub(crate) most_bytes: u64,
}

impl StoreSettings {
    pub(super) fn at(file: PathBuf) -> Self {
        let location = Location::File(file);
        Self { location, password: None, retention: Retention::default(), most_bytes: 4 << 30 }
    }
}

/// Which `Host` values are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// Any: there is no configuration file.
    Any,
    /// These, in lower case, without port.
    Only(Vec<String>),
}

impl Hosts {
    /// Those that are named.
    pub(crate) fn named(&self) -> &[String] {
        match self {
            Self::Any => &[],
            Self::Only(hosts) => hosts,
        }
    }
}

pub(super) const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
pub(crate) const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);
/// The control socket, beside the configuration.
pub(crate) const SOCKET: &str = "pinfold.sock";

impl Settings {
    /// The same as [`for_origin`](Self::for_origin), for a server: its origin is not itself.
    pub(crate) fn to_run(origin: &str, listen: Option<SocketAddr>) -> Result<Self, String> {
        let settings = Self::for_origin(origin, listen)?;
        let leads_to =
            |listener| settings.origins.default.urls.iter().any(|origin| leads_to(origin, listener));
        if let Some(listener) = settings.listen.http.filter(|listener| leads_to(*listener)) {
            return Err(format!(
                "`{origin}` is {listener}, where Pinfold itself listens (name the web server, or another --listen)"
            ));
        }
        if leads_to(ADMIN) {
            return Err(format!(
                "`{origin}` is {ADMIN}, where Pinfold itself listens for its operators (name the web server, or let `pinfold init` write a \
                 configuration and name another place in it: [admin] listen)"
            ));
        }
        Ok(settings)
    }

    /// What `pinfold run --origin URL` means: loopback, any host, nothing declared.
    pub(crate) fn for_origin(origin: &str, listen: Option<SocketAddr>) -> Result<Self, String> {
        let listen = listen.unwrap_or(LISTEN);
        if !listen.ip().is_loopback() {
            return Err(format!(
                "{listen} is not a loopback address (write a configuration file to serve others: see README)"
            ));
        }
        let origin = origin_uri(origin).ok_or_else(|| {
            format!("`{origin}` is not an origin (write scheme, host and port: http://127.0.0.1:8000)")
        })?;
        let calendar = Calendar::named("Europe/London").map_err(|fault| fault.to_string())?;
        Ok(Self {
            policy: Policy::builder("this site", "http://localhost").banner(true).gate(true).footprint(true),
            site: "localhost".to_owned(),
            is_among_others: false,
            hosts: Hosts::Any,
            calendar,
            listen: Listen { http: Some(listen), https: None },
            underscore_fields: Vec::new(),
            announcers: None,
            fronts: TrustedProxies::none(),
            admin: ADMIN,
            admin_password: None,
            socket: PathBuf::from(SOCKET),
            origins: Origins::one(origin),
            audit: AuditSettings::default(),
            store: StoreSettings::at(PathBuf::from("pinfold.db")),
            hold: Hold::default(),
            valkey: None,
            approval: Approval::default(),
        })
    }

    /// What `pinfold import --host HOST` means: the store of this directory, nothing declared.
    pub(crate) fn for_host(host: Option<&str>) -> Result<Self, String> {
        let settings = Self::for_origin("http://127.0.0.1:8000", None)?;
        let Some(host) = host else { return Ok(settings) };
        let host = host.to_ascii_lowercase();
        let name = host.parse::<Authority>().ok().filter(|name| name.as_str() == name.host());
        if name.is_none() {
            return Err(format!("`{host}` is not a host (write a name such as www.example.gov.uk)"));
        }
        Ok(Self {
            policy: Policy::builder("this site", format!("https://{host}")),
            site: host.clone(),
            hosts: Hosts::Only(vec![host]),
            ..settings
        })
    }

    /// The policy, with what is known of the policies before it: the bits of purposes, and fingerprints with statements.
    pub(crate) fn policy(
        &self,
        known_bits: BTreeMap<String, u8>,
        known_policies: Vec<(String, String)>,
    ) -> Result<Policy, pinfold::ConfigErrors> {
        let policy = self.policy.clone().known_bits(known_bits).known_policies(known_policies);
        policy.address_use(self.address_use()).build()
    }

    /// These, but for what is decided once, at the start, which stays as it is in `running`.
    pub(crate) fn beside(self, running: &Self) -> Self {
        let Self { site, calendar, .. } = running.clone();
        Self { site, calendar, ..self.among(running) }
    }

    /// Those of another site, but for what all sites have from the start, which is as in `running`.
    pub(crate) fn among(self, running: &Self) -> Self {
        let Self { listen, admin, admin_password, socket, store, hold, valkey, .. } = running.clone();
        Self { listen, admin, admin_password, socket, store, hold, valkey, ..self }
    }

    /// What visitors are told of their addresses.
    fn address_use(&self) -> AddressUse {
        let mut facts = self.audit.address_use();
        facts.months_kept = Some(self.store.retention.in_months());
        facts.lookup = match self.approval {
            Approval::Named => Lookup::Named,
            Approval::SecondUser => Lookup::SecondUser,
        };
        facts
    }
}

/// The host of an authority, in lower case.
pub(super) fn without_port(authority: &str) -> String {
    let host = authority.parse::<Authority>().map(|authority| authority.host().to_owned());
    host.unwrap_or_else(|_| authority.to_owned()).to_ascii_lowercase()
}
