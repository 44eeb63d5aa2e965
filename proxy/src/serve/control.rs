//! Starting, running and stopping everything, in order.

use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use arc_swap::ArcSwap;
use pinfold::audit::Sink;
use pinfold::consent::Policy;
use pinfold_store::{Ledgers, Location, Store, StoreError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::checks;
use super::doorway::{Doorway, Plan};
use super::latency::{Latency, LatencySum};
use super::origins::Origins;
use super::prepared::Known;
use super::reload::{All, Parts, Reloader};
use super::signals::Signals;
use super::sites::{Backgrounds, Ground, InForce, Ready, Running, Standing};
use super::sockets::{Addresses, Sockets};
use super::worker::{Entrance, WayIn};
use super::{memory, pressure, worker};
use crate::admin;
use crate::config::{Configuration, Settings, Site, StoreSettings};
use crate::control::{Office, Rules};
use crate::exit::Failure;
use crate::hold::{BootClock, notify};
use crate::password::Password;
use crate::tls::{self, Certificate};

/// Everything that the admin pages read.
#[derive(Debug, Clone)]
pub(crate) struct Readings {
    pub(crate) store: Arc<Store>,
    pub(crate) location: Location,
    workers: Arc<[Arc<Latency>]>,
    pub(crate) in_force: Standing,
}

impl Readings {
    /// What was counted before anybody knew for which site it is.
    pub(crate) fn outside(&self) -> LatencySum {
        let mut sum = LatencySum::default();
        self.workers.iter().for_each(|one| one.add_to(&mut sum));
        sum
    }
}

/// The policy of a site, with what its store knows of the policies before.
pub(crate) fn policy(settings: &Settings) -> Result<Policy, Failure> {
    known(settings)?.policy(settings).map_err(Failure::misuse)
}

pub(super) fn known(settings: &Settings) -> Result<Known, Failure> {
    let (bits, policies) = match Ledgers::open(settings.store.location.clone()) {
        Ok(ledgers) => (
            ledgers.purpose_bits(&settings.site).map_err(Failure::of)?,
            ledgers.policies(&settings.site).map_err(Failure::of)?,
        ),
        // Without them purposes would get other bits.
        Err(error @ StoreError::Unreachable { .. }) => return Err(Failure::of(error)),
        // There is no store yet, or none that can be read: opening it for writing will tell.
        Err(_) => Default::default(),
    };
    let policies = policies.into_iter().map(|policy| (policy.fingerprint, policy.statement)).collect();
    Ok(Known { bits, policies })
}

/// Runs the server until it is told to stop. `ready` is called once requests are taken. What is at `path` can be read again meanwhile.
pub(crate) fn run(
    configuration: Configuration,
    path: Option<PathBuf>,
    ready: impl FnOnce(Addresses) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // Before there is a key.
    memory::keep_private();
    let settings = configuration.shared_settings().clone();
    let hosts = configuration.hosts();
    let Configuration { sites, shared, is_directory } = configuration;
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let ground = Ground { clock: Arc::new(BootClock::default()), hold: settings.hold, workers };
    let prepare = |site: Site| {
        let known = known(&site.settings)?;
        let policy = known.policy(&site.settings).map_err(Failure::misuse)?;
        ground.prepare(site, known, policy)
    };
    let prepared: Vec<_> = sites.into_iter().map(prepare).collect::<Result<_, _>>()?;
    ground.discard_others(&prepared);
    let StoreSettings { location, retention, most_bytes, .. } = settings.store.clone();
    let living: Vec<_> = prepared.iter().flat_map(Ready::living).collect();
    let store = Store::open_within(location.clone(), retention, most_bytes, &living).map_err(Failure::of)?;
    let store = Arc::new(store);
    let sockets = Sockets::open(&settings, workers)?;
    let addresses = sockets.addresses()?;
    let certificate = settings
        .listen
        .https
        .as_ref()
        .map(|https| Certificate::open(https.pair(), &hosts).map(Arc::new).map_err(Failure::misuse));
    let certificate = certificate.transpose()?;
    let password = settings.admin_password.as_ref().map(|file| Password::read(&file.path)).transpose();
    let password = password.map_err(|(problem, remedy)| Failure::misuse(format!("{problem} ({remedy})")))?;

    let sink: Arc<dyn Sink> = Arc::new(store.sink());
    let (mut sites, mut begun) = (Vec::new(), Vec::new());
    for ready in prepared {
        let origins = Origins::of(&ready.settings, None)
            .map_err(|(problem, remedy)| Failure::misuse(format!("{problem} ({remedy})")))?;
        let (site, background) = ground.begin(ready, Arc::new(origins), sink.clone())?;
        begun.push((site.name().to_owned(), background));
        sites.push(site);
    }
    let plan = Plan::new(sites.iter().map(Running::plan).collect());
    let of_workers: Arc<[Arc<Latency>]> = (0..workers).map(|_| Arc::default()).collect();
    let numbered = of_workers.iter().cloned().enumerate();
    let doorways: Vec<_> = numbered.map(|(number, latency)| Doorway::new(&plan, number, latency)).collect();
    drop(plan);
    let (stop, stopped) = watch::channel(false);
    let acceptor = certificate.clone().map(tls::acceptor).transpose().map_err(Failure::of)?;
    let threads = start(&doorways, (sockets.http, sockets.https), acceptor.as_ref(), &stopped)?;

    let in_force = InForce {
        sites: sites.iter().map(Running::served).collect(),
        is_of_several: is_directory,
        sound: true,
    };
    let in_force: Standing = Arc::new(ArcSwap::from_pointee(in_force));
    let readings = Readings {
        store: store.clone(),
        location: location.clone(),
        workers: of_workers,
        in_force: in_force.clone(),
    };
    let rules = Rules { hold: settings.hold, approval: settings.approval };
    let (asked, backgrounds) = (in_force.clone(), Arc::new(Backgrounds::default()));
    let reloader = path.map(|path| {
        let (certificate, backgrounds) = (certificate.clone(), backgrounds.clone());
        let parts = Parts { in_force: in_force.clone(), doorways, certificate, ground, backgrounds, sink };
        Reloader::new(path, All { sites, shared, is_directory }, parts)
    });
    let reloads = reloader.is_some();
    let office = Arc::new(Office::new(in_force, location, rules, reloader));

    let control = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::of)?;
    let outcome = control.block_on(async move {
        let mut signals = Signals::new(reloads).map_err(Failure::of)?;
        begun.into_iter().for_each(|(site, background)| backgrounds.run(&site, background));
        let mut tasks = JoinSet::new();
        tasks.spawn(admin::serve(sockets.admin, readings, password, stopped));
        tasks.spawn(sockets.control.serve(office.clone()));
        tasks.spawn(checks::run(asked));
        tasks.spawn(pressure::watch());
        if let Some(certificate) = certificate {
            tasks.spawn(async move { certificate.watch().await });
        }
        ready(addresses)?;
        notify("READY=1");
        signals.until_told_to_stop(&office).await;
        signals.drain(stop, threads).await;
        // Only now is everything counted: it is written, and the keys are destroyed.
        tokio::select! {
            () = backgrounds.end_all() => {}
            () = signals.stop() => tracing::warn!("stopping at once: what waits to be written is lost"),
        }
        tasks.shutdown().await;
        Ok(())
    });
    // After a second signal a worker may still be at it: nobody waits for it.
    control.shutdown_background();
    if let Some(store) = Arc::into_inner(store) {
        store.close();
    }
    outcome
}

/// Starts a thread for each doorway, with its part of the sockets for http and https.
fn start(
    doorways: &[Doorway],
    (http, https): (Vec<TcpListener>, Vec<TcpListener>),
    acceptor: Option<&TlsAcceptor>,
    stopped: &watch::Receiver<bool>,
) -> Result<Vec<JoinHandle<io::Result<()>>>, Failure> {
    let (mut http, mut https) = (http.into_iter(), https.into_iter());
    let threads = doorways.iter().cloned().enumerate().map(|(index, doorway)| {
        let by_http = http.next().map(|listener| {
            let way_in = WayIn { acceptor: None, doorway: doorway.clone() };
            Entrance { listener, way_in }
        });
        let by_https = https.next().map(|listener| {
            let way_in = WayIn { acceptor: acceptor.cloned(), doorway: doorway.clone().secured() };
            Entrance { listener, way_in }
        });
        let entrances = by_http.into_iter().chain(by_https).collect();
        let stopped = stopped.clone();
        let worker = thread::Builder::new().name(format!("pinfold-{index}"));
        worker.spawn(move || worker::run(entrances, doorway, stopped)).map_err(Failure::of)
    });
    threads.collect()
}
