//! Starting, running and stopping everything, in order.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use arc_swap::ArcSwap;
use http::Uri;
use pinfold::PinfoldLayer;
use pinfold::audit::{AuditHandle, HeldKeys};
use pinfold::consent::{ConsentManagerLayer, Policy};
use pinfold::time::{Calendar, Clock};
use pinfold_store::{Ledgers, SqliteStore};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::checks;
use super::doorway::{Doorway, Plan};
use super::inherited::{self, Inherited};
use super::latency::Latency;
use super::origins::Origins;
use super::reload::{InForce, Known, Reloader, Running, Written};
use super::worker::{Entrance, WayIn};
use super::{listener, memory, worker};
use crate::admin;
use crate::config::{Hold, Settings, StoreSettings};
use crate::control::{ControlSocket, Office, Rules};
use crate::exit::Failure;
use crate::hold::{BootClock, DescriptorStore, notify};
use crate::tls::{self, Certificate};

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
    pub(crate) calendar: Calendar,
    pub(crate) in_force: Arc<ArcSwap<InForce>>,
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
    known(settings)?.policy(settings).map_err(Failure::misuse)
}

fn known(settings: &Settings) -> Result<Known, Failure> {
    let (bits, policies) = match Ledgers::open(&settings.store.file) {
        Ok(ledgers) => (
            ledgers.purpose_bits(&settings.site).map_err(Failure::of)?,
            ledgers.policies(&settings.site).map_err(Failure::of)?,
        ),
        // There is no store yet, or none that can be read: opening it for writing will tell.
        Err(_) => Default::default(),
    };
    let policies = policies.into_iter().map(|policy| (policy.fingerprint, policy.statement)).collect();
    Ok(Known { bits, policies })
}

/// Runs the server until it is told to stop. `ready` is called once requests are taken. What is `written` can be read again meanwhile.
pub(crate) fn run(
    settings: Settings,
    written: Option<Written>,
    ready: impl FnOnce(Addresses) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // Before there is a key.
    memory::keep_private();
    let known = known(&settings)?;
    let policy = known.policy(&settings).map_err(Failure::misuse)?;
    let StoreSettings { file, retention, most_bytes } = settings.store.clone();
    let clock: Arc<dyn Clock> = Arc::new(BootClock::default());
    let (store_of_keys, held) = keys(settings.hold, policy.origin(), &settings.calendar, &*clock)?;
    let living = held.as_ref().map(HeldKeys::epochs).unwrap_or_default();
    let store = SqliteStore::open_within(&file, retention, most_bytes, &living).map_err(Failure::of)?;
    let store = Arc::new(store);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let inherited = Inherited::take(&settings)?;
    // What is passed on is for all workers, and closed when they stop.
    let open = |passed: Option<TcpListener>, address, other| {
        let listeners = match passed {
            Some(listener) => inherited::shared(&listener, workers),
            None => listener::bind(address, workers),
        };
        listeners.map_err(|error| no_listener(address, &error, other))
    };
    let http = settings
        .listen
        .http
        .map(|address| open(inherited.http, address, " with `[listen] http` or --listen"));
    let https = settings
        .listen
        .https
        .as_ref()
        .map(|https| open(inherited.https, https.address, " with `[listen] https`"));
    let (http, https) = (http.transpose()?.unwrap_or_default(), https.transpose()?.unwrap_or_default());
    let certificate = settings.listen.https.as_ref().map(|https| {
        Certificate::open(https.pair(), settings.hosts.named()).map(Arc::new).map_err(Failure::misuse)
    });
    let certificate = certificate.transpose()?;
    let acceptor = certificate.clone().map(tls::acceptor).transpose().map_err(Failure::of)?;
    let admin_listener = match inherited.admin {
        Some(listener) => Ok(vec![listener]),
        None => listener::bind(settings.admin, 1),
    };
    let admin_listener = admin_listener.map_err(|error| {
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

    let url: Uri = policy.origin().parse().map_err(Failure::of)?;
    let consent = ConsentManagerLayer::new(policy.clone(), settings.calendar.clone())
        .with_clock(clock)
        .with_consent_for_handlers(false);
    let audit = match store_of_keys {
        Some(store) => settings.audit.clone().with_key_hold(Arc::new(store), held),
        None => settings.audit.clone(),
    };
    let (layer, background) =
        PinfoldLayer::of(consent, Arc::new(store.sink()), Arc::new(tokio::time::sleep), audit)
            .map_err(Failure::of)?;

    let origins = Origins::of(&settings, None)
        .map_err(|(problem, remedy)| Failure::misuse(format!("{problem} ({remedy})")))?;
    let origins = Arc::new(origins);
    let plan = Plan::new(layer.clone(), &settings, &url, origins.clone());
    let latencies: Arc<[Arc<Latency>]> = (0..workers).map(|_| Arc::default()).collect();
    let doorways: Vec<_> = latencies.iter().map(|latency| Doorway::new(&plan, latency.clone())).collect();
    drop(plan);
    let (stop, stopped) = watch::channel(false);
    let (mut http, mut https) = (http.into_iter(), https.into_iter());
    let mut threads = Vec::new();
    for (index, doorway) in doorways.iter().cloned().enumerate() {
        let mut entrances = Vec::new();
        if let Some(listener) = http.next() {
            let way_in = WayIn { acceptor: None, doorway: doorway.clone() };
            entrances.push(Entrance { listener, way_in });
        }
        if let Some(listener) = https.next() {
            let way_in = WayIn { acceptor: acceptor.clone(), doorway: doorway.clone().secured() };
            entrances.push(Entrance { listener, way_in });
        }
        let stopped = stopped.clone();
        let worker = thread::Builder::new()
            .name(format!("pinfold-{index}"))
            .spawn(move || worker::run(entrances, doorway, stopped));
        threads.push(worker.map_err(Failure::of)?);
    }

    let in_force = InForce { policy, origins, sound: true };
    let in_force = Arc::new(ArcSwap::from_pointee(in_force));
    let readings = Readings {
        audit: layer.handle(),
        store: store.clone(),
        store_path: file.clone(),
        site: settings.site.clone(),
        latencies,
        calendar: settings.calendar.clone(),
        in_force: in_force.clone(),
    };
    let (site, calendar) = (settings.site.clone(), settings.calendar.clone());
    let rules = Rules { hold: settings.hold, approval: settings.approval };
    let audit = layer.handle();
    let asked = in_force.clone();
    let reloader = written.map(|Written { file, entries }| {
        let running = Running { layer, settings, entries, known };
        Reloader::new(file, running, in_force, doorways, url, certificate.clone())
    });
    let reloads = reloader.is_some();
    let office = Arc::new(Office::new(audit, file, site, calendar, rules, reloader));

    let control = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::of)?;
    let outcome = control.block_on(async move {
        let mut signals = Signals::new(reloads).map_err(Failure::of)?;
        let (written, write_out) = tokio::sync::oneshot::channel::<()>();
        let background = tokio::spawn(background.run(async {
            // An error means that the sender is gone: that is a stop as well.
            let _ = write_out.await;
        }));
        let admin = tokio::spawn(admin::serve(admin_listener, readings, stopped));
        let commands = tokio::spawn(socket.serve(office.clone()));
        let checks = tokio::spawn(checks::run(asked));
        let renewals = tokio::spawn(async move {
            if let Some(certificate) = certificate {
                certificate.watch().await;
            }
        });
        ready(addresses)?;
        notify("READY=1");
        signals.until_told_to_stop(&office).await;
        signals.drain(stop, threads).await;
        // Only now is everything counted: it is written, and the keys are destroyed.
        let _ = written.send(());
        tokio::select! {
            _ = background => {}
            () = signals.stop() => tracing::warn!("stopping at once: what waits to be written is lost"),
        }
        for task in [admin, checks, commands, renewals] {
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
                    "what was held is of no use (damaged, or of another site, version or boot): there is a fresh key, and the key ledger has the old one as lost"
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

/// SIGTERM and SIGINT, which stop the server, and SIGHUP, which lets it read its configuration again.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    /// Whether there is anything to be read again. Else a terminal that is closed ends the server, as it ends any other program.
    reloads: bool,
}

impl Signals {
    fn new(reloads: bool) -> std::io::Result<Self> {
        let [terminate, interrupt, hang_up] =
            [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
        Ok(Self { terminate: terminate?, interrupt: interrupt?, hang_up: hang_up?, reloads })
    }

    /// Has the configuration read again, as often as that is asked for, until the server is told to stop.
    async fn until_told_to_stop(&mut self, office: &Office) {
        while self.next().await == Told::Reload {
            office.reload_by_signal().await;
        }
    }

    /// Waits for the workers to finish what is under way; another signal cuts that short.
    async fn drain(
        &mut self,
        stop: watch::Sender<bool>,
        threads: Vec<thread::JoinHandle<std::io::Result<()>>>,
    ) {
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
            () = self.stop() => tracing::warn!("stopping at once: requests under way are cut off"),
        }
    }

    /// What stops has nothing to reload any more.
    async fn stop(&mut self) {
        while self.next().await == Told::Reload {}
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hang_up.recv() => if self.reloads { Told::Reload } else { Told::Stop },
        }
    }
}

/// What a signal tells a server to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Reload,
    Stop,
}
