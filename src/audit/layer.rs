use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::Extensions;
use tower_layer::Layer;

use super::auditor::{Auditor, Parts};
use super::background::Background;
use super::choice_rate::ROWS_A_MINUTE;
use super::entrance::Entrance;
use super::route::Routes;
use super::service::Audit;
use super::sink::Sink;
use super::stats::AuditStats;
use crate::client_ip::{AddressFields, ClientIpResolver};
use crate::consent::ConsentManagerLayer;
use crate::error::{ConfigError, Subject};
use crate::pseudonym::{FreshKey, KeyRing};
use crate::time::Timer;

/// Puts an [`Audit`] around a service that is wrapped in a [`crate::consent::ConsentManager`].
#[derive(Debug, Clone)]
#[must_use]
pub struct AuditLayer(Entrance);

impl AuditLayer {
    /// A layer with the default [`AuditSettings`], and the work to spawn beside it. Batches go to `sink`.
    ///
    /// # Errors
    ///
    /// Where the operating system gives no randomness for a key.
    pub fn new(
        consent: &ConsentManagerLayer,
        sink: Arc<dyn Sink>,
        timer: Arc<dyn Timer>,
    ) -> Result<(Self, Background), NoRandomness> {
        Self::with_settings(consent, sink, timer, AuditSettings::default())
    }

    /// A layer, and the work to spawn beside it.
    ///
    /// # Errors
    ///
    /// Where the operating system gives no randomness for a key.
    pub fn with_settings(
        consent: &ConsentManagerLayer,
        sink: Arc<dyn Sink>,
        timer: Arc<dyn Timer>,
        settings: AuditSettings,
    ) -> Result<(Self, Background), NoRandomness> {
        let shared = consent.shared();
        let (calendar, clock) = (shared.calendar.clone(), shared.clock.clone());
        let fresh = FreshKey::generate(shared.policy.origin()).map_err(|_| NoRandomness)?;
        let (ring, made) = KeyRing::new(clock.now(), clock.uptime(), &calendar, fresh);
        let auditor = Arc::new(Auditor::new(Parts {
            policy: shared.policy.clone(),
            undeclared: shared.undeclared.clone(),
            routes: settings.routes,
            crowd: settings.crowd,
            choice_rows: settings.choice_rows,
            calendar,
            clock,
            timer,
            sink,
            ring,
        }));
        let background = Background::new(auditor.clone(), made);
        let AuditSettings { resolver, fields, peer, .. } = settings;
        Ok((Self(Entrance { auditor, resolver, fields, peer }), background))
    }

    /// A view of what is counted.
    pub fn handle(&self) -> AuditHandle {
        AuditHandle(self.0.auditor.clone())
    }
}

impl<S> Layer<S> for AuditLayer {
    type Service = Audit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        // A copy for each service: threads that each make their own share no reference count.
        Audit::new(inner, Arc::new(self.0.clone()))
    }
}

/// Shows what is counted.
#[derive(Debug, Clone)]
pub struct AuditHandle(Arc<Auditor>);

impl AuditHandle {
    /// Everything counted since the start.
    pub fn stats(&self) -> AuditStats {
        self.0.stats()
    }
}

/// Settings of an [`AuditLayer`].
#[derive(Debug, Clone)]
#[must_use]
pub struct AuditSettings {
    crowd: usize,
    choice_rows: u32,
    routes: Routes,
    resolver: ClientIpResolver,
    fields: AddressFields,
    peer: Option<fn(&Extensions) -> Option<IpAddr>>,
}

impl Default for AuditSettings {
    /// A crowd of ten, no declared routes, the peer as client, and no address for the site.
    fn default() -> Self {
        Self {
            crowd: 10,
            choice_rows: ROWS_A_MINUTE,
            routes: Routes::default(),
            resolver: ClientIpResolver::peer(),
            fields: AddressFields::None,
            peer: None,
        }
    }
}

impl AuditSettings {
    /// How many networks, or requests for a route, are a crowd; at least 2.
    ///
    /// # Errors
    ///
    /// For less than 2: a crowd of one is one visitor.
    pub fn with_crowd(mut self, crowd: usize) -> Result<Self, ConfigError> {
        if crowd < 2 {
            return Err(ConfigError::new(
                Subject::Crowd,
                format!("a crowd of {crowd} is no crowd"),
                "write at least 2; 10 is usual",
            ));
        }
        self.crowd = crowd;
        Ok(self)
    }

    /// How many rows of the consent ledger one address may add in a minute, one for each purpose answered; by default 20.
    /// Choices beyond it are honoured, but not counted, and reported as lost.
    pub fn with_choice_rows_per_minute(mut self, rows: u32) -> Self {
        self.choice_rows = rows;
        self
    }

    /// Patterns by which paths are counted.
    pub fn with_routes(mut self, routes: Routes) -> Self {
        self.routes = routes;
        self
    }

    /// How the client of a request is found.
    pub fn with_client_ip(mut self, resolver: ClientIpResolver) -> Self {
        self.resolver = resolver;
        self
    }

    /// How the client of a request is found.
    pub fn client_ip(&self) -> &ClientIpResolver {
        &self.resolver
    }

    /// What the site is told about the address of a client.
    pub fn with_address_fields(mut self, fields: AddressFields) -> Self {
        self.fields = fields;
        self
    }

    /// Where the peer of a connection is found among the extensions of a request; by default in
    /// [`crate::client_ip::Peer`].
    ///
    /// ```
    /// use std::net::SocketAddr;
    /// use axum::extract::ConnectInfo;
    ///
    /// let settings = pinfold::audit::AuditSettings::default()
    ///     .with_peer(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip()));
    /// ```
    pub fn with_peer(mut self, peer: fn(&Extensions) -> Option<IpAddr>) -> Self {
        self.peer = Some(peer);
        self
    }
}

/// The operating system gave no randomness, without which there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRandomness;

impl fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the operating system gave no randomness for a key")
    }
}

impl std::error::Error for NoRandomness {}
