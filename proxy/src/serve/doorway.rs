//! Where the requests of one worker come in: the door that stands there, and the one that a reload puts in its place.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderName;
use http::uri::{Authority, Scheme};
use pinfold::PinfoldLayer;
use pinfold::client_ip::TrustedProxies;
use tower::Layer;

use super::door::Door;
use super::forward::Forward;
use super::latency::Latency;
use super::origin::Origin;
use crate::config::{Hosts, Settings};

/// How often unused connections to the origin are looked at.
const TIDY: Duration = Duration::from_secs(1);

/// Each request takes the door that stands when it comes, and goes by it from first to last.
#[derive(Debug, Clone)]
pub(super) struct Doorway(Arc<ArcSwap<Lane>>);

/// A door, and what belongs to connections and not to requests.
#[derive(Debug)]
struct Lane {
    door: Door,
    announcers: Option<Arc<TrustedProxies>>,
    origin: Arc<Origin>,
}

impl Doorway {
    pub(super) fn new(plan: &Plan, latency: Arc<Latency>) -> Self {
        let lane = plan.lane(Arc::new(Origin::new(&plan.host)), latency);
        Self(Arc::new(ArcSwap::from_pointee(lane)))
    }

    /// Puts another door here. Connections to the origin are kept, where it is the same; else they end with the last request on its way.
    pub(super) fn rebuild(&self, plan: &Plan) {
        let before = self.0.load();
        let is_same = before.origin.is_at(&plan.host);
        let origin = if is_same { before.origin.clone() } else { Arc::new(Origin::new(&plan.host)) };
        self.0.store(Arc::new(plan.lane(origin, before.door.latency.clone())));
    }

    /// The door for one request.
    pub(super) fn door(&self) -> Door {
        self.0.load().door.clone()
    }

    /// Who must announce at the start of a connection whom it is from; nothing where nobody does.
    pub(super) fn announcers(&self) -> Option<Arc<TrustedProxies>> {
        self.0.load().announcers.clone()
    }

    /// Closes unused connections to the origin in time, for as long as it is run.
    pub(super) async fn tidy(&self) {
        loop {
            tokio::time::sleep(TIDY).await;
            self.0.load().origin.tidy();
        }
    }
}

/// What every worker builds its door of.
#[derive(Debug)]
pub(super) struct Plan {
    layer: PinfoldLayer,
    /// The origin.
    host: Authority,
    timeout: Duration,
    /// By which visitors reach the site.
    scheme: Scheme,
    underscored: Arc<[HeaderName]>,
    hosts: Arc<Hosts>,
    announcers: Option<Arc<TrustedProxies>>,
}

impl Plan {
    /// Nothing, where the origin has no host.
    pub(super) fn new(layer: PinfoldLayer, settings: &Settings, scheme: Scheme) -> Option<Self> {
        Some(Self {
            layer,
            host: settings.origin.authority()?.clone(),
            timeout: settings.origin_timeout,
            scheme,
            underscored: settings.underscore_fields.clone().into(),
            hosts: Arc::new(settings.hosts.clone()),
            announcers: settings.announcers.clone().map(Arc::new),
        })
    }

    fn lane(&self, origin: Arc<Origin>, latency: Arc<Latency>) -> Lane {
        let (host, scheme, underscored) = (self.host.clone(), self.scheme.clone(), self.underscored.clone());
        let forward = Forward::new(origin.clone(), host, scheme, underscored, self.timeout);
        let door = Door { stack: self.layer.layer(forward), hosts: self.hosts.clone(), latency };
        Lane { door, announcers: self.announcers.clone(), origin }
    }
}
