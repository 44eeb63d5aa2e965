//! The sites that are served, as others read them, and what it takes to begin or to end one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::Uri;
use pinfold::PinfoldLayer;
use pinfold::audit::{AuditHandle, Background, Sink};
use pinfold::consent::{ConsentManagerLayer, Policy};
use pinfold::time::{Calendar, Clock};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::door::Inside;
use super::doorway::SitePlan;
use super::latency::{Latency, LatencySum};
use super::limits::DRAIN;
use super::origins::Origins;
use super::prepared::Known;
use crate::config::{self, Entry, Hold, Settings, chosen};
use crate::exit::Failure;
use crate::hold::{Taken, discard_others, let_go, take_over};

/// How often it is looked whether the last request of a site that is gone has been answered.
const LOOK: Duration = Duration::from_millis(50);

/// Everything that is served.
#[derive(Debug, Clone)]
pub(crate) struct InForce {
    /// At least one, in the order of their names.
    pub(crate) sites: Vec<Arc<Served>>,
    /// Whether there are several, or may come to be.
    pub(crate) is_of_several: bool,
    /// Whether the configuration was without a fault when it was last read.
    pub(crate) sound: bool,
}

/// The same, as a reload replaces it under whoever reads it.
pub(crate) type Standing = Arc<ArcSwap<InForce>>;

/// A site that is served.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) name: String,
    pub(crate) audit: AuditHandle,
    pub(crate) calendar: Calendar,
    pub(crate) policy: Policy,
    pub(crate) origins: Arc<Origins>,
    latencies: Arc<[Arc<Latency>]>,
}

impl InForce {
    /// The site of a name, or the only one where none is named.
    ///
    /// # Errors
    ///
    /// What is wrong with the name, and which there are.
    pub(crate) fn site(&self, name: Option<&str>) -> Result<&Arc<Served>, String> {
        let names: Vec<_> = self.sites.iter().map(|site| site.name.as_str()).collect();
        chosen(&names, name).map(|place| &self.sites[place])
    }
}

impl Served {
    /// Of a site that nobody asks for yet.
    #[cfg(test)]
    pub(crate) fn idle(settings: &Settings, audit: AuditHandle, policy: Policy) -> Self {
        let origins = Arc::new(Origins::of(settings, None).unwrap_or_else(|fault| panic!("{fault:?}")));
        let (name, calendar) = (settings.site.clone(), settings.calendar.clone());
        Self { name, audit, calendar, policy, origins, latencies: Arc::default() }
    }

    /// How long answers took, over all workers.
    pub(crate) fn latency(&self) -> LatencySum {
        let mut sum = LatencySum::default();
        self.latencies.iter().for_each(|one| one.add_to(&mut sum));
        sum
    }
}

/// What all sites are begun with.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) hold: Hold,
    pub(super) workers: usize,
}

/// A site whose keys have been looked for, and which can be begun.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) settings: Settings,
    pub(super) entries: Vec<Entry>,
    pub(super) known: Known,
    pub(super) policy: Policy,
    keys: Taken,
}

/// What the server runs a site by.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) layer: PinfoldLayer,
    pub(super) settings: Settings,
    pub(super) entries: Vec<Entry>,
    pub(super) known: Known,
    pub(super) policy: Policy,
    pub(super) origins: Arc<Origins>,
    /// By which visitors reach it.
    url: Uri,
    latencies: Arc<[Arc<Latency>]>,
}

impl Ground {
    /// Looks for the keys that a site has already.
    pub(super) fn prepare(&self, site: config::Site, known: Known, policy: Policy) -> Result<Ready, Failure> {
        let config::Site { settings, entries } = site;
        let keys = take_over(&settings, policy.origin(), &*self.clock)?;
        Ok(Ready { settings, entries, known, policy, keys })
    }

    /// Leaves nothing that the process before held for other sites.
    pub(super) fn discard_others(&self, ready: &[Ready]) {
        discard_others(self.hold, ready.iter().map(|site| &site.settings));
    }

    /// Begins a site: nobody is let in to it yet, and its work has to be run.
    pub(super) fn begin(
        &self,
        ready: Ready,
        origins: Arc<Origins>,
        sink: Arc<dyn Sink>,
    ) -> Result<(Running, Background), Failure> {
        let Ready { settings, entries, mut known, policy, keys } = ready;
        let consent = ConsentManagerLayer::new(policy.clone(), settings.calendar.clone())
            .with_clock(self.clock.clone())
            .with_consent_for_handlers(false);
        let audit = keys.given_to(settings.audit.clone());
        let (layer, background) =
            PinfoldLayer::of(consent, sink, Arc::new(tokio::time::sleep), audit).map_err(Failure::of)?;
        let url: Uri = policy.origin().parse().map_err(Failure::of)?;
        known.learn(&policy);
        let latencies = (0..self.workers).map(|_| Arc::default()).collect();
        Ok((Running { layer, settings, entries, known, policy, origins, url, latencies }, background))
    }
}

impl Ready {
    /// The epochs whose keys go on.
    pub(super) fn living(&self) -> Vec<String> {
        self.keys.epochs()
    }
}

impl Running {
    pub(super) fn name(&self) -> &str {
        &self.settings.site
    }

    /// The part of the site in what workers build their doors of.
    pub(super) fn plan(&self) -> SitePlan {
        let (layer, origins, latencies) = (self.layer.clone(), self.origins.clone(), self.latencies.clone());
        SitePlan::new(layer, &self.settings, &self.url, origins, latencies)
    }

    /// As others read it.
    pub(super) fn served(&self) -> Arc<Served> {
        Arc::new(Served {
            name: self.settings.site.clone(),
            audit: self.layer.handle(),
            calendar: self.settings.calendar.clone(),
            policy: self.policy.clone(),
            origins: self.origins.clone(),
            latencies: self.latencies.clone(),
        })
    }

    /// Lets nobody have its keys after this process.
    pub(super) fn let_go_of_keys(&self) {
        self.layer.handle().forget_held();
        let_go(&self.settings);
    }
}

/// The work beside requests, of each site.
#[derive(Debug, Default)]
pub(super) struct Backgrounds(Mutex<Works>);

#[derive(Debug, Default)]
struct Works {
    tasks: JoinSet<()>,
    /// A word to each that it is to write what it has and end.
    ends: Vec<(String, oneshot::Sender<()>)>,
}

impl Backgrounds {
    /// Runs the work of a site from now on.
    pub(super) fn run(&self, site: &str, background: Background) {
        let (end, ended) = oneshot::channel();
        let mut works = self.works();
        // Those of sites that are gone are done with.
        while works.tasks.try_join_next().is_some() {}
        works.ends.push((site.to_owned(), end));
        works.tasks.spawn(background.run(async {
            // An error means that the sender is gone: that is a stop as well.
            let _ = ended.await;
        }));
    }

    /// Ends the work of a site once nobody is inside any more, and only so many seconds later at most.
    pub(super) fn end(&self, site: &str, inside: Vec<Weak<Inside>>) {
        let mut works = self.works();
        let Some(place) = works.ends.iter().position(|(name, _)| name == site) else { return };
        let (site, end) = works.ends.swap_remove(place);
        works.tasks.spawn(async move {
            let all_out = async {
                while inside.iter().any(|one| one.strong_count() > 0) {
                    tokio::time::sleep(LOOK).await;
                }
            };
            if tokio::time::timeout(DRAIN, all_out).await.is_err() {
                tracing::warn!(site, "requests to a site that is gone are not counted any more");
            }
            let _ = end.send(());
        });
    }

    /// Ends all of it: ready once everything is written.
    pub(super) async fn end_all(&self) {
        let Works { mut tasks, ends } = std::mem::take(&mut *self.works());
        drop(ends);
        // One that has failed is no reason not to wait for the others.
        while tasks.join_next().await.is_some() {}
    }

    fn works(&self) -> MutexGuard<'_, Works> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
