//! Where the requests of one worker come in: the door that stands there, and the one that a reload puts in its place.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::uri::{Authority, Scheme};
use http::{HeaderName, Uri};
use pinfold::PinfoldLayer;
use pinfold::client_ip::TrustedProxies;
use tower::Layer;

use super::door::Door;
use super::forward::Forward;
use super::latency::Latency;
use super::origin::Origin;
use super::to_https::ToHttps;
use crate::config::{Hosts, Settings};
use crate::tls::{OriginTls, Untrusting};

/// How often unused connections to the origin are looked at.
const TIDY: Duration = Duration::from_secs(1);

/// Each request takes the door that stands when it comes, and goes by it from first to last.
#[derive(Debug, Clone)]
pub(super) struct Doorway {
    lane: Arc<ArcSwap<Lane>>,
    /// Whoever comes in here has come by https.
    is_secured: bool,
}

/// A door, and what belongs to connections and not to requests.
#[derive(Debug)]
struct Lane {
    door: Door,
    announcers: Option<Arc<TrustedProxies>>,
    origin: Arc<Origin>,
}

impl Doorway {
    pub(super) fn new(plan: &Plan, latency: Arc<Latency>) -> Self {
        let lane = plan.lane(plan.origin(), latency);
        Self { lane: Arc::new(ArcSwap::from_pointee(lane)), is_secured: false }
    }

    /// The same for those who come by https, and need not be sent there.
    pub(super) fn secured(self) -> Self {
        Self { is_secured: true, ..self }
    }

    /// Puts another door here. Connections to the origin are kept, where it is the same; else they end with the last request on its way.
    pub(super) fn rebuild(&self, plan: &Plan) {
        let before = self.lane.load();
        let is_same = before.origin.is_at(&plan.host, plan.tls.as_ref());
        let origin = if is_same { before.origin.clone() } else { plan.origin() };
        self.lane.store(Arc::new(plan.lane(origin, before.door.latency.clone())));
    }

    /// The door for one request.
    pub(super) fn door(&self) -> Door {
        let lane = self.lane.load();
        let door = lane.door.clone();
        if self.is_secured { Door { to_https: None, ..door } } else { door }
    }

    /// Who must announce at the start of a connection whom it is from; nothing where nobody does.
    pub(super) fn announcers(&self) -> Option<Arc<TrustedProxies>> {
        self.lane.load().announcers.clone()
    }

    /// Closes unused connections to the origin in time, for as long as it is run.
    pub(super) async fn tidy(&self) {
        loop {
            tokio::time::sleep(TIDY).await;
            self.lane.load().origin.tidy();
        }
    }
}

/// What every worker builds its door of.
#[derive(Debug)]
pub(super) struct Plan {
    layer: PinfoldLayer,
    /// The origin.
    host: Authority,
    /// Where it is reached by https.
    tls: Option<Arc<OriginTls>>,
    timeout: Duration,
    /// By which visitors reach the site.
    scheme: Scheme,
    underscored: Arc<[HeaderName]>,
    hosts: Arc<Hosts>,
    announcers: Option<Arc<TrustedProxies>>,
    to_https: Option<Arc<ToHttps>>,
}

/// How the origin of a configuration is spoken to; nothing where that is by http.
///
/// # Errors
///
/// Nobody could be believed to be it.
pub(super) fn origin_tls(settings: &Settings) -> Result<Option<Arc<OriginTls>>, Untrusting> {
    let Some(host) = settings.origin.host().filter(|_| settings.origin.scheme() == Some(&Scheme::HTTPS))
    else {
        return Ok(None);
    };
    let ca = settings.origin_ca.as_ref().map(|ca| ca.path.as_path());
    OriginTls::new(host, ca).map(|tls| Some(Arc::new(tls)))
}

impl Plan {
    /// For a site that visitors reach by `url`. Nothing, where the origin has no host.
    pub(super) fn new(
        layer: PinfoldLayer,
        settings: &Settings,
        url: &Uri,
        tls: Option<Arc<OriginTls>>,
    ) -> Option<Self> {
        let to_https = settings.listen.https.as_ref();
        let to_https = to_https.and_then(|_| ToHttps::new(url, settings.fronts.clone()));
        Some(Self {
            layer,
            host: settings.origin.authority()?.clone(),
            tls,
            timeout: settings.origin_timeout,
            scheme: url.scheme().cloned().unwrap_or(Scheme::HTTP),
            underscored: settings.underscore_fields.clone().into(),
            hosts: Arc::new(settings.hosts.clone()),
            announcers: settings.announcers.clone().map(Arc::new),
            to_https: to_https.map(Arc::new),
        })
    }

    fn origin(&self) -> Arc<Origin> {
        Arc::new(Origin::new(&self.host, self.tls.clone()))
    }

    fn lane(&self, origin: Arc<Origin>, latency: Arc<Latency>) -> Lane {
        let (host, scheme, underscored) = (self.host.clone(), self.scheme.clone(), self.underscored.clone());
        let forward = Forward::new(origin.clone(), host, scheme, underscored, self.timeout);
        let (hosts, to_https) = (self.hosts.clone(), self.to_https.clone());
        let door = Door { stack: self.layer.layer(forward), hosts, latency, to_https };
        Lane { door, announcers: self.announcers.clone(), origin }
    }
}
