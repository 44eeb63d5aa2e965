//! A node in the process of the test: the layer around a page, by a clock that can be moved on.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use pinfold::PinfoldLayer;
use pinfold::audit::{AuditHandle, AuditSettings, Cluster};
use pinfold::client_ip::Peer;
use pinfold::consent::{ConsentManagerLayer, Policy};
use pinfold::pseudonym::{ClusterSecret, EpochShare};
use pinfold::time::{Calendar, Clock, SystemClock, UnixTime};
use pinfold_store::{Location, Postgres, Retention, Store, Valkey, ValkeyCluster, ValkeyLogin};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};

use crate::common::chaos::Chance;
use crate::{ADDRESSES, ORIGIN, address};

type Body = Full<Bytes>;

/// How many requests a node serves before it lets others have the processor.
const AT_ONCE: usize = 64;

/// The true time, moved, and the time since the start with it: what is due two minutes after midnight is due when midnight is moved to.
#[derive(Debug)]
pub(crate) struct Moved {
    clock: SystemClock,
    began: i64,
    off: AtomicI64,
}

impl Moved {
    pub(crate) fn by(seconds: i64) -> Self {
        Self { clock: SystemClock::new(), began: seconds, off: AtomicI64::new(seconds) }
    }

    pub(crate) fn to(&self, seconds: i64) {
        self.off.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for Moved {
    fn now(&self) -> UnixTime {
        self.clock.now().plus(self.off.load(Ordering::Relaxed))
    }

    fn uptime(&self) -> Duration {
        let moved = self.off.load(Ordering::Relaxed) - self.began;
        self.clock.uptime() + Duration::from_secs(moved.unsigned_abs())
    }
}

pub(crate) struct Layered {
    site: BoxCloneSyncService<Request<Body>, StatusCode, Infallible>,
    pub(crate) handle: AuditHandle,
    pub(crate) store: Store,
    stop: oneshot::Sender<()>,
    background: JoinHandle<()>,
}

impl Layered {
    pub(crate) async fn start(redis: &str, database: Postgres, secret: [u8; 32], clock: Arc<Moved>) -> Self {
        let calendar = Calendar::named("Europe/London").unwrap();
        let valkey = Valkey::new(redis.parse().unwrap(), ValkeyLogin::default(), None);
        let cluster = Arc::new(ValkeyCluster::new(valkey, ORIGIN));
        let offer = EpochShare::generate(&calendar.day_of(clock.now()), clock.now()).unwrap();
        let mut found = Vec::new();
        while found.is_empty() {
            // A busy machine takes longer than a call may.
            found.extend(cluster.agree(offer.clone()).await.ok());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let location = Location::from(database);
        let opened = move || Store::open(location, Retention::default());
        let store = tokio::task::spawn_blocking(opened).await.unwrap().unwrap();
        let policy = Policy::builder("Town", ORIGIN).build().unwrap();
        let consent = ConsentManagerLayer::new(policy, calendar).with_clock(clock);
        let secret = ClusterSecret::from_bytes(secret);
        let settings = AuditSettings::default().with_cluster(cluster, secret, found);
        let (sink, timer) = (Arc::new(store.sink()), Arc::new(tokio::time::sleep));
        let (layer, background) = PinfoldLayer::of(consent, sink, timer, settings).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let background = tokio::spawn(background.run(async {
            let _ = stopped.await;
        }));
        let page = service_fn(|_: Request<Body>| async {
            Ok::<_, Infallible>(
                Response::builder().header("content-type", "text/html").body(Body::from("hello")).unwrap(),
            )
        });
        let site = layer.layer(page).map_response(|response| response.status());
        Self { site: BoxCloneSyncService::new(site), handle: layer.handle(), store, stop, background }
    }

    /// Serves pages to addresses by chance, and tells which, and how long each page took.
    pub(crate) fn serve(&self, requests: usize) -> JoinHandle<Vec<(usize, Duration)>> {
        let (site, mut chance) = (self.site.clone(), Chance::new());
        tokio::spawn(async move {
            let mut times = Vec::with_capacity(requests);
            for number in 0..requests {
                let visitor = chance.below(ADDRESSES);
                let peer = Peer(SocketAddr::new(address(visitor), 4_000));
                let request = Request::get("/bins").header("accept", "text/html").extension(peer);
                let began = Instant::now();
                let status = site.clone().oneshot(request.body(Body::default()).unwrap()).await.unwrap();
                times.push((visitor, began.elapsed()));
                assert_eq!(status, StatusCode::OK);
                if number % AT_ONCE == 0 {
                    tokio::task::yield_now().await;
                }
            }
            times
        })
    }

    /// Ends it, once it has handed over what it has; what is to be closed.
    pub(crate) async fn stop(self) -> Store {
        self.stop.send(()).unwrap();
        self.background.await.unwrap();
        self.store
    }
}
