//! Where the requests of one worker come in: the door that stands there, and the one that a reload puts in its place.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::uri::Scheme;
use http::{HeaderName, Request, Uri};
use hyper::body::Incoming;
use pinfold::PinfoldLayer;
use pinfold::client_ip::TrustedProxies;
use tower::Layer;

use super::by_host::ByHost;
use super::door::{Answer, Door, Inside};
use super::forward::{Forward, Way};
use super::latency::Latency;
use super::origin::{Line, Origin};
use super::origins::Origins;
use super::to_https::ToHttps;
use crate::config::{Hosts, Settings};

/// How often unused connections to origins are looked at.
const TIDY: Duration = Duration::from_secs(1);

/// Each request takes the door that stands when it comes, and goes by it from first to last.
#[derive(Debug, Clone)]
pub(super) struct Doorway {
    lane: Arc<ArcSwap<Lane>>,
    worker: Arc<Worker>,
    /// Whoever comes in here has come by https.
    is_secured: bool,
}

/// What stays as it is whatever door stands there.
#[derive(Debug)]
struct Worker {
    number: usize,
    latency: Arc<Latency>,
    /// In which its origins are.
    line: Arc<Line>,
}

/// A door, and what belongs to connections and not to requests.
#[derive(Debug)]
struct Lane {
    door: Door,
    /// What is behind it, by the names of sites.
    sites: Vec<(Arc<str>, Arc<Inside>)>,
    announcers: Option<Arc<TrustedProxies>>,
    origins: Vec<Arc<Origin>>,
}

impl Doorway {
    /// For the worker of a number.
    pub(super) fn new(plan: &Plan, number: usize, latency: Arc<Latency>) -> Self {
        let worker = Worker { number, latency, line: Arc::default() };
        let lane = plan.lane(&[], &worker);
        Self { lane: Arc::new(ArcSwap::from_pointee(lane)), worker: Arc::new(worker), is_secured: false }
    }

    /// The same for those who come by https, and need not be sent there.
    pub(super) fn secured(self) -> Self {
        Self { is_secured: true, ..self }
    }

    /// Puts another door here. Connections to origins that are the same are kept; others end with the last request on their way.
    pub(super) fn rebuild(&self, plan: &Plan) {
        let before = self.lane.load();
        let lane = plan.lane(&before.origins, &self.worker);
        let is_kept = |origin: &Arc<Origin>| lane.origins.iter().any(|kept| Arc::ptr_eq(kept, origin));
        before.origins.iter().filter(|origin| !is_kept(origin)).for_each(|origin| origin.leave());
        self.lane.store(Arc::new(lane));
    }

    /// Answers a request by the door that stands now.
    pub(super) fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answer {
        self.lane.load().door.answer(request, peer, self.is_secured)
    }

    /// What requests to a site pass here; it is gone once the last that has begun is answered, and another door stands here.
    pub(super) fn inside(&self, site: &str) -> Option<Weak<Inside>> {
        let lane = self.lane.load();
        lane.sites.iter().find(|(name, _)| **name == *site).map(|(_, inside)| Arc::downgrade(inside))
    }

    /// Where it is counted who does not come in.
    pub(super) fn latency(&self) -> &Arc<Latency> {
        &self.worker.latency
    }

    /// Who must announce at the start of a connection whom it is from; nothing where nobody does.
    pub(super) fn announcers(&self) -> Option<Arc<TrustedProxies>> {
        self.lane.load().announcers.clone()
    }

    /// Has more requests wait for origins at a time; to be called whenever this worker has run everything that is ready.
    pub(super) fn widen(&self) {
        if self.worker.line.is_wanted() {
            self.lane.load().origins.iter().for_each(|origin| origin.widen());
        }
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
    sites: Vec<SitePlan>,
    announcers: Option<Arc<TrustedProxies>>,
}

/// The part of one site in it.
#[derive(Debug)]
pub(super) struct SitePlan {
    name: Arc<str>,
    layer: PinfoldLayer,
    origins: Arc<Origins>,
    /// By which visitors reach the site.
    scheme: Scheme,
    underscored: Arc<[HeaderName]>,
    hosts: Hosts,
    announcers: Option<TrustedProxies>,
    to_https: Option<Arc<ToHttps>>,
    /// One for each worker.
    latencies: Arc<[Arc<Latency>]>,
    is_among_others: bool,
}

impl SitePlan {
    /// For a site that visitors reach by `url`.
    pub(super) fn new(
        layer: PinfoldLayer,
        settings: &Settings,
        url: &Uri,
        origins: Arc<Origins>,
        latencies: Arc<[Arc<Latency>]>,
    ) -> Self {
        Self {
            name: settings.site.as_str().into(),
            layer,
            origins,
            scheme: url.scheme().cloned().unwrap_or(Scheme::HTTP),
            underscored: settings.underscore_fields.clone().into(),
            hosts: settings.hosts.clone(),
            announcers: settings.announcers.clone(),
            to_https: ToHttps::of(settings, url).map(Arc::new),
            latencies,
            is_among_others: settings.is_among_others,
        }
    }

    /// What requests pass on one worker. The origins that they go to are added to `origins`.
    fn inside(&self, worker: &Worker, before: &[Arc<Origin>], origins: &mut Vec<Arc<Origin>>) -> Inside {
        let ways = self.origins.routes(|destination| {
            let origin = Origin::of(&destination.servers, before, &worker.line, self.is_among_others);
            origins.push(origin.clone());
            let (scheme, underscored) = (self.scheme.clone(), self.underscored.clone());
            let (host, timeout) = (destination.authority.clone(), destination.timeout);
            Arc::new(Way::new(origin, host, scheme, underscored, timeout))
        });
        let latency = self.latencies.get(worker.number).unwrap_or(&worker.latency).clone();
        Inside { stack: self.layer.layer(Forward::by(ways)), latency, to_https: self.to_https.clone() }
    }
}

impl Plan {
    /// Of the parts of all sites. Who announces connections is the same for all: it is known before a host is.
    pub(super) fn new(sites: Vec<SitePlan>) -> Self {
        let announcers = sites.first().and_then(|site| site.announcers.clone()).map(Arc::new);
        Self { sites, announcers }
    }

    /// Over connections of `before`, as far as they lead to the same servers.
    fn lane(&self, before: &[Arc<Origin>], worker: &Worker) -> Lane {
        let mut origins = Vec::new();
        let inside = |site: &SitePlan| Arc::new(site.inside(worker, before, &mut origins));
        let all: Vec<_> = self.sites.iter().map(inside).collect();
        let hosts = self.sites.iter().map(|site| &site.hosts);
        let door =
            Door { sites: ByHost::new(hosts.zip(all.iter().cloned())), latency: worker.latency.clone() };
        let sites = self.sites.iter().map(|site| site.name.clone()).zip(all).collect();
        Lane { door, sites, announcers: self.announcers.clone(), origins }
    }
}
