//! Starting, running and stopping everything, in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use http::Uri;
use http::uri::Scheme;
use pinfold::PinfoldLayer;
use pinfold::audit::{AuditHandle, HeldKeys};
use pinfold::consent::{ConsentManagerLayer, Policy};
use pinfold::time::{Calendar, Clock};
use pinfold_store::{Ledgers, SqliteStore};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tower::Layer;

use super::door::Door;
use super::forward::Forward;
use super::latency::Latency;
use super::origin::Origin;
use super::to_https::ToHttps;
use super::worker::{Entrance, WayIn};
use super::{listener, memory, worker};
use crate::admin;
use crate::config::{Hold, Settings, StoreSettings};
use crate::control::{ControlSocket, Office, Rules};
use crate::exit::Failure;
use crate::hold::{BootClock, DescriptorStore, notify};
use crate::tls::{self, Certificate, OriginTls};

/// Where the server can be found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    /// By http, unless https alone is listened to.
    pub(crate) site: SocketAddr,
    pub(crate) https: Option<SocketAddr>,
    pub(crate) admin: SocketAddr,
}

/// Everything that the admin pages read.
#[derive(Debug, Clone)]
pub(crate) struct Readings {
    pub(crate) audit: AuditHandle,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) store_path: std::path::PathBuf,
    pub(crate) site: String,
    pub(crate) latencies: Arc<[Arc<Latency>]>,
    pub(crate) origin: Uri,
    pub(crate) calendar: Calendar,
    pub(crate) policy: Policy,
}

/// Sends log lines to standard error: `info` and above, unless `PINFOLD_LOG` says otherwise.
pub(crate) fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("PINFOLD_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // Set already where a test has started a server before.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

/// The policy of a site, with what its store knows of the policies before.
pub(crate) fn policy(settings: &Settings) -> Result<Policy, Failure> {
    let (bits, policies) = match Ledgers::open(&settings.store.file) {
        Ok(ledgers) => (
            ledgers.purpose_bits(&settings.site).map_err(Failure::of)?,
            ledgers.policies(&settings.site).map_err(Failure::of)?,
        ),
        // There is no store yet, or none that can be read: opening it for writing will tell.
        Err(_) => Default::default(),
    };
    let policies = policies.into_iter().map(|policy| (policy.fingerprint, policy.statement)).collect();
    settings.policy(bits, policies).map_err(Failure::misuse)
}

/// Runs the server until it is told to stop. `ready` is called once requests are taken.
pub(crate) fn run(
    settings: Settings,
    ready: impl FnOnce(Addresses) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // Before there is a key.
    memory::keep_private();
    let policy = policy(&settings)?;
    let StoreSettings { file, retention, most_bytes } = settings.store;
    let clock: Arc<dyn Clock> = Arc::new(BootClock::default());
    let (store_of_keys, held) = keys(settings.hold, policy.origin(), &settings.calendar, &*clock)?;
    let living = held.as_ref().map(HeldKeys::epochs).unwrap_or_default();
    let store = SqliteStore::open_within(&file, retention, most_bytes, &living).map_err(Failure::of)?;
    let store = Arc::new(store);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let bind = |address, other| {
        let listeners = listener::bind(address, workers);
        listeners.map_err(|error| no_listener(address, &error, other))
    };
    let http = settings.listen.http.map(|address| bind(address, " with `[listen] http` or --listen"));
    let https = settings.listen.https.as_ref().map(|https| bind(https.address, " with `[listen] https`"));
    let (http, https) = (http.transpose()?.unwrap_or_default(), https.transpose()?.unwrap_or_default());
    let certificate = settings.listen.https.as_ref().map(|https| {
        Certificate::open(https.pair(), settings.hosts.named()).map(Arc::new).map_err(Failure::misuse)
    });
    let certificate = certificate.transpose()?;
    let acceptor = certificate.clone().map(tls::acceptor).transpose().map_err(Failure::of)?;
    let admin_listener = listener::bind(settings.admin, 1).map_err(|error| {
        no_listener(settings.admin, &error, " with `[admin] listen`, or --admin for the demo")
    })?;
    let socket = ControlSocket::bind(&settings.socket).map_err(|error| {
        let shown = settings.socket.display();
        Failure::of(format!(
            "cannot listen for commands at {shown}: {error} (name another place with `[admin] socket`)"
        ))
    })?;
    let address_of = |listeners: &[_]| worker::address_of(listeners).map_err(Failure::of);
    let addresses = Addresses {
        site: address_of(if http.is_empty() { &https } else { &http })?,
        https: (!https.is_empty()).then(|| address_of(&https)).transpose()?,
        admin: address_of(&admin_listener)?,
    };

    let origin =
        settings.origin.authority().cloned().ok_or_else(|| Failure::misuse("the origin has no host"))?;
    let origin_tls = match settings.origin.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => {
            let ca = settings.origin_ca.as_ref().map(|ca| ca.path.as_path());
            Some(Arc::new(OriginTls::new(origin.host(), ca).map_err(Failure::misuse)?))
        }
        _ => None,
    };
    let url: Uri = policy.origin().parse().map_err(Failure::of)?;
    let scheme = url.scheme().cloned().unwrap_or(Scheme::HTTP);
    let consent = ConsentManagerLayer::new(policy.clone(), settings.calendar.clone())
        .with_clock(clock)
        .with_consent_for_handlers(false);
    let audit = match store_of_keys {
        Some(store) => settings.audit.with_key_hold(Arc::new(store), held),
        None => settings.audit,
    };
    let (layer, background) =
        PinfoldLayer::of(consent, Arc::new(store.sink()), Arc::new(tokio::time::sleep), audit)
            .map_err(Failure::of)?;

    let rules = Rules { hold: settings.hold, approval: settings.approval };
    let office =
        Office::new(layer.handle(), file.clone(), settings.site.clone(), settings.calendar.clone(), rules);
    let latencies: Arc<[Arc<Latency>]> = (0..workers).map(|_| Arc::default()).collect();
    let readings = Readings {
        audit: layer.handle(),
        store: store.clone(),
        store_path: file,
        site: settings.site,
        latencies: latencies.clone(),
        origin: settings.origin,
        calendar: settings.calendar,
        policy,
    };
    let (stop, stopped) = watch::channel(false);
    let hosts = Arc::new(settings.hosts);
    let announcers = settings.announcers.map(Arc::new);
    let to_https = acceptor.as_ref().and_then(|_| ToHttps::new(&url, settings.fronts)).map(Arc::new);
    let underscored: Arc<[_]> = settings.underscore_fields.into();
    let (mut http, mut https) = (http.into_iter(), https.into_iter());
    let mut threads = Vec::new();
    for (index, latency) in latencies.iter().cloned().enumerate() {
        let connections = Arc::new(Origin::new(&origin, origin_tls.clone()));
        let forward = Forward::new(
            connections.clone(),
            origin.clone(),
            scheme.clone(),
            underscored.clone(),
            settings.origin_timeout,
        );
        let door = Door { stack: layer.layer(forward), hosts: hosts.clone(), latency, to_https: None };
        let way_in = WayIn { announcers: announcers.clone(), acceptor: None, door };
        let mut entrances = Vec::new();
        if let Some(listener) = http.next() {
            let door = Door { to_https: to_https.clone(), ..way_in.door.clone() };
            entrances.push(Entrance { listener, way_in: WayIn { door, ..way_in.clone() } });
        }
        if let Some(listener) = https.next() {
            entrances.push(Entrance { listener, way_in: WayIn { acceptor: acceptor.clone(), ..way_in } });
        }
        let stopped = stopped.clone();
        let worker = thread::Builder::new()
            .name(format!("pinfold-{index}"))
            .spawn(move || worker::run(entrances, connections, stopped));
        threads.push(worker.map_err(Failure::of)?);
    }

    let control = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::of)?;
    let outcome = control.block_on(async move {
        let mut signals = Signals::new().map_err(Failure::of)?;
        let (written, write_out) = tokio::sync::oneshot::channel::<()>();
        let background = tokio::spawn(background.run(async {
            // An error means that the sender is gone: that is a stop as well.
            let _ = write_out.await;
        }));
        let admin = tokio::spawn(admin::serve(admin_listener, readings, stopped));
        let commands = tokio::spawn(socket.serve(office));
        let renewals = tokio::spawn(async move {
            if let Some(certificate) = certificate {
                certificate.watch().await;
            }
        });
        ready(addresses)?;
        notify("READY=1");
        signals.wait(stop, threads).await;
        // Only now is everything counted: it is written, and the keys are destroyed.
        let _ = written.send(());
        tokio::select! {
            _ = background => {}
            () = signals.any() => tracing::warn!("stopping at once: what waits to be written is lost"),
        }
        for task in [admin, commands, renewals] {
            task.abort();
            let _ = task.await;
        }
        Ok(())
    });
    // After a second signal a worker may still be at it: nobody waits for it.
    control.shutdown_background();
    if let Some(store) = Arc::into_inner(store) {
        store.close();
    }
    outcome
}

/// Where keys are held for the next start, and those that the process before has left there.
fn keys(
    hold: Hold,
    origin: &str,
    calendar: &Calendar,
    clock: &dyn Clock,
) -> Result<(Option<DescriptorStore>, Option<HeldKeys>), Failure> {
    if hold == Hold::Memory {
        return Ok((None, None));
    }
    let store = DescriptorStore::open()?;
    let held = match store.held() {
        Ok(None) => None,
        Ok(Some(bytes)) => {
            let held = HeldKeys::read(&bytes, origin, calendar, clock);
            match &held {
                None => tracing::warn!(
                    "what was held is of no use (damaged, or of another site, version or boot): there is a fresh key, and                      the key ledger has the old one as lost"
                ),
                Some(held) if !held.has_blocks() => {
                    tracing::warn!("keys go on from the process before, but its blocks are damaged and lost");
                }
                Some(_) => tracing::info!("keys and blocks go on from the process before"),
            }
            held
        }
        Err(error) => {
            tracing::warn!(%error, "what was held cannot be read: there is a fresh key");
            None
        }
    };
    Ok((Some(store), held))
}

fn no_listener(address: SocketAddr, error: &std::io::Error, other: &str) -> Failure {
    Failure::of(format!("cannot listen on {address}: {error} (free it, or name another{other})"))
}

/// SIGTERM, SIGINT.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for a signal, then for the workers to finish what is under way; a second signal cuts that short.
    async fn wait(
        &mut self,
        stop: watch::Sender<bool>,
        threads: Vec<thread::JoinHandle<std::io::Result<()>>>,
    ) {
        self.any().await;
        tracing::info!("stopping: finishing what is under way");
        notify("STOPPING=1");
        // No receiver left means that every worker has stopped.
        let _ = stop.send(true);
        let drained = tokio::task::spawn_blocking(move || {
            for thread in threads {
                match thread.join() {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::error!(%error, "a worker had stopped before"),
                    Err(_) => tracing::error!("a worker had panicked before"),
                }
            }
        });
        tokio::select! {
            _ = drained => {}
            () = self.any() => tracing::warn!("stopping at once: requests under way are cut off"),
        }
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
