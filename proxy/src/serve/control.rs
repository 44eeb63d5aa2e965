//! Starting, running and stopping everything, in order.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use arc_swap::ArcSwap;
use http::Uri;
use pinfold::PinfoldLayer;
use pinfold::audit::{AuditHandle, HeldKeys};
use pinfold::consent::{ConsentManagerLayer, Policy};
use pinfold::time::{Calendar, Clock};
use pinfold_store::{Ledgers, Location, Store, StoreError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::checks;
use super::doorway::{Doorway, Plan};
use super::latency::Latency;
use super::origins::Origins;
use super::reload::{InForce, Known, Reloader, Running, Written};
use super::signals::Signals;
use super::sockets::{Addresses, Sockets};
use super::worker::{Entrance, WayIn};
use super::{memory, pressure, worker};
use crate::admin;
use crate::config::{Settings, StoreSettings};
use crate::control::{Office, Rules};
use crate::exit::Failure;
use crate::hold::{BootClock, notify, take_over};
use crate::password::Password;
use crate::tls::{self, Certificate};

/// Everything that the admin pages read.
#[derive(Debug, Clone)]
pub(crate) struct Readings {
    pub(crate) audit: AuditHandle,
    pub(crate) store: Arc<Store>,
    pub(crate) location: Location,
    pub(crate) site: String,
    pub(crate) latencies: Arc<[Arc<Latency>]>,
    pub(crate) calendar: Calendar,
    pub(crate) in_force: Arc<ArcSwap<InForce>>,
}

/// The policy of a site, with what its store knows of the policies before.
pub(crate) fn policy(settings: &Settings) -> Result<Policy, Failure> {
    known(settings)?.policy(settings).map_err(Failure::misuse)
}

fn known(settings: &Settings) -> Result<Known, Failure> {
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
    let clock: Arc<dyn Clock> = Arc::new(BootClock::default());
    let (held_in, held) = take_over(settings.hold, policy.origin(), &settings.calendar, &*clock)?;
    let StoreSettings { location, retention, most_bytes, .. } = settings.store.clone();
    let living = held.as_ref().map(HeldKeys::epochs).unwrap_or_default();
    let store = Store::open_within(location.clone(), retention, most_bytes, &living).map_err(Failure::of)?;
    let store = Arc::new(store);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let sockets = Sockets::open(&settings, workers)?;
    let addresses = sockets.addresses()?;
    let certificate = settings.listen.https.as_ref().map(|https| {
        Certificate::open(https.pair(), settings.hosts.named()).map(Arc::new).map_err(Failure::misuse)
    });
    let certificate = certificate.transpose()?;
    let password = settings.admin_password.as_ref().map(|file| Password::read(&file.path)).transpose();
    let password = password.map_err(|(problem, remedy)| Failure::misuse(format!("{problem} ({remedy})")))?;

    let consent = ConsentManagerLayer::new(policy.clone(), settings.calendar.clone())
        .with_clock(clock)
        .with_consent_for_handlers(false);
    let audit = match held_in {
        Some(place) => settings.audit.clone().with_key_hold(Arc::new(place), held),
        None => settings.audit.clone(),
    };
    let (sink, timer) = (Arc::new(store.sink()), Arc::new(tokio::time::sleep));
    let (layer, background) = PinfoldLayer::of(consent, sink, timer, audit).map_err(Failure::of)?;

    let origins = Origins::of(&settings, None)
        .map_err(|(problem, remedy)| Failure::misuse(format!("{problem} ({remedy})")))?;
    let origins = Arc::new(origins);
    let url: Uri = policy.origin().parse().map_err(Failure::of)?;
    let latencies: Arc<[Arc<Latency>]> = (0..workers).map(|_| Arc::default()).collect();
    let plan = Plan::new(layer.clone(), &settings, &url, origins.clone());
    let doorways: Vec<_> = latencies.iter().map(|latency| Doorway::new(&plan, latency.clone())).collect();
    drop(plan);
    let (stop, stopped) = watch::channel(false);
    let acceptor = certificate.clone().map(tls::acceptor).transpose().map_err(Failure::of)?;
    let threads = start(&doorways, (sockets.http, sockets.https), acceptor.as_ref(), &stopped)?;

    let in_force = Arc::new(ArcSwap::from_pointee(InForce { policy, origins, sound: true }));
    let readings = Readings {
        audit: layer.handle(),
        store: store.clone(),
        location: location.clone(),
        site: settings.site.clone(),
        latencies,
        calendar: settings.calendar.clone(),
        in_force: in_force.clone(),
    };
    let (audit, site, calendar) = (layer.handle(), settings.site.clone(), settings.calendar.clone());
    let rules = Rules { hold: settings.hold, approval: settings.approval };
    let asked = in_force.clone();
    let reloader = written.map(|Written { file, entries }| {
        let running = Running { layer, settings, entries, known };
        Reloader::new(file, running, in_force, doorways, url, certificate.clone())
    });
    let reloads = reloader.is_some();
    let office = Arc::new(Office::new(audit, location, site, calendar, rules, reloader));

    let control = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::of)?;
    let outcome = control.block_on(async move {
        let mut signals = Signals::new(reloads).map_err(Failure::of)?;
        let (written, write_out) = tokio::sync::oneshot::channel::<()>();
        let background = tokio::spawn(background.run(async {
            // An error means that the sender is gone: that is a stop as well.
            let _ = write_out.await;
        }));
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
        let _ = written.send(());
        tokio::select! {
            _ = background => {}
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
