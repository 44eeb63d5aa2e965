//! Where the requests of one worker come in: the door that stands there, and the one that a reload puts in its place.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::uri::Scheme;
use http::{HeaderName, Uri};
use pinfold::PinfoldLayer;
use pinfold::client_ip::TrustedProxies;
use tower::Layer;

use super::door::Door;
use super::forward::{Forward, Way};
use super::latency::Latency;
use super::origin::Origin;
use super::origins::Origins;
use super::to_https::ToHttps;
use crate::config::{Hosts, Settings};

/// How often unused connections to origins are looked at.
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
    origins: Vec<Arc<Origin>>,
}

impl Doorway {
    pub(super) fn new(plan: &Plan, latency: Arc<Latency>) -> Self {
        let lane = plan.lane(&[], latency);
        Self { lane: Arc::new(ArcSwap::from_pointee(lane)), is_secured: false }
    }

    /// The same for those who come by https, and need not be sent there.
    pub(super) fn secured(self) -> Self {
        Self { is_secured: true, ..self }
    }

    /// Puts another door here. Connections to origins that are the same are kept; others end with the last request on their way.
    pub(super) fn rebuild(&self, plan: &Plan) {
        let before = self.lane.load();
        self.lane.store(Arc::new(plan.lane(&before.origins, before.door.latency.clone())));
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

    /// Closes unused connections to origins in time, for as long as it is run.
    pub(super) async fn tidy(&self) {
        loop {
            tokio::time::sleep(TIDY).await;
            self.lane.load().origins.iter().for_each(|origin| origin.tidy());
        }
    }
}

/// What every worker builds its door of.
#[derive(Debug)]
pub(super) struct Plan {
    layer: PinfoldLayer,
    origins: Arc<Origins>,
    /// By which visitors reach the site.
    scheme: Scheme,
    underscored: Arc<[HeaderName]>,
    hosts: Arc<Hosts>,
    announcers: Option<Arc<TrustedProxies>>,
    to_https: Option<Arc<ToHttps>>,
}

impl Plan {
    /// For a site that visitors reach by `url`.
    pub(super) fn new(layer: PinfoldLayer, settings: &Settings, url: &Uri, origins: Arc<Origins>) -> Self {
        let to_https = settings.listen.https.as_ref();
        let to_https = to_https.and_then(|_| ToHttps::new(url, settings.fronts.clone()));
        Self {
            layer,
            origins,
            scheme: url.scheme().cloned().unwrap_or(Scheme::HTTP),
            underscored: settings.underscore_fields.clone().into(),
            hosts: Arc::new(settings.hosts.clone()),
            announcers: settings.announcers.clone().map(Arc::new),
            to_https: to_https.map(Arc::new),
        }
    }

    /// Over connections of `before`, as far as they lead to the same servers.
    fn lane(&self, before: &[Arc<Origin>], latency: Arc<Latency>) -> Lane {
        let mut origins = Vec::new();
        let ways = self.origins.routes(|destination| {
            let origin = Origin::of(&destination.servers, before);
            origins.push(origin.clone());
            let (scheme, underscored) = (self.scheme.clone(), self.underscored.clone());
            let (host, timeout) = (destination.authority.clone(), destination.timeout);
            Arc::new(Way::new(origin, host, scheme, underscored, timeout))
        });
        let (hosts, to_https) = (self.hosts.clone(), self.to_https.clone());
        let door = Door { stack: self.layer.layer(Forward::by(ways)), hosts, latency, to_https };
        Lane { door, announcers: self.announcers.clone(), origins }
    }
}
