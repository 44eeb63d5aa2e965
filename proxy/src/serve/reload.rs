//! Reading the configuration again while requests are under way.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use pinfold::audit::Sink;

use super::control::known;
use super::doorway::{Doorway, Plan};
use super::origins::Origins;
use super::prepared::{Prepared, PreparedSite};
use super::sites::{Backgrounds, Ground, InForce, Running, Standing};
use crate::config::{self, Change, Configuration, Entry, Fault};
use crate::exit::Failure;
use crate::tls::Certificate;

/// Reads the configuration again, and puts what is in it in the place of what was.
pub(crate) struct Reloader {
    path: PathBuf,
    running: Mutex<All>,
    in_force: Standing,
    doorways: Vec<Doorway>,
    certificate: Option<Arc<Certificate>>,
    ground: Ground,
    backgrounds: Arc<Backgrounds>,
    sink: Arc<dyn Sink>,
}

impl std::fmt::Debug for Reloader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloader").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What the server runs by.
#[derive(Debug)]
pub(super) struct All {
    /// In the order of their names.
    pub(super) sites: Vec<Running>,
    /// What they share, where each has a file of its own.
    pub(super) shared: Vec<Entry>,
    pub(super) is_directory: bool,
}

/// How a server is built, for what is built into it later.
pub(super) struct Parts {
    pub(super) in_force: Standing,
    pub(super) doorways: Vec<Doorway>,
    pub(super) certificate: Option<Arc<Certificate>>,
    pub(super) ground: Ground,
    pub(super) backgrounds: Arc<Backgrounds>,
    pub(super) sink: Arc<dyn Sink>,
}

impl Reloader {
    /// Of a server that runs by what is at `path`, with everything that was made of it.
    pub(super) fn new(path: PathBuf, running: All, parts: Parts) -> Self {
        let Parts { in_force, doorways, certificate, ground, backgrounds, sink } = parts;
        let running = Mutex::new(running);
        Self { path, running, in_force, doorways, certificate, ground, backgrounds, sink }
    }

    /// Reads the configuration and the files that it names, and checks all of it. Nothing changes but whether it is said to be sound.
    pub(crate) fn prepare(&self) -> Result<Prepared, Vec<Fault>> {
        let prepared = self.read();
        self.note(prepared.is_ok());
        prepared
    }

    /// Whether the last reload went well.
    pub(crate) fn note(&self, sound: bool) {
        let now = self.in_force.load();
        if now.sound != sound {
            self.in_force.store(Arc::new(InForce { sound, ..InForce::clone(&now) }));
        }
    }

    /// Has the certificate read again, ahead of whoever watches it. True where there is another one.
    pub(crate) fn renew_certificate(&self) -> bool {
        let renewed = self.certificate.as_ref().map(|certificate| certificate.renew());
        renewed.transpose().unwrap_or_else(|fault| {
            // It was sound a moment ago, or the file names others for the next start.
            tracing::warn!("the old certificate stays in use: {fault}");
            None
        }) == Some(true)
    }

    /// Puts it in force: each request that comes from now on goes by it. Whatever can fail comes before anything is done.
    pub(crate) fn put(&self, prepared: Prepared) -> Result<(), String> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let acts = prepared.acts();
        let is_touched = |name: &str| acts.iter().any(|act| act.site == name);
        let mut begun = Vec::new();
        let (new, old): (Vec<_>, Vec<_>) = prepared.sites.into_iter().partition(|site| site.is_new);
        for PreparedSite { site, known, policy, origins, .. } in new {
            let of = |failure: Failure| failure.lines().join("; ");
            let ready = self.ground.prepare(site, known, policy).map_err(of)?;
            begun.push(self.ground.begin(ready, origins, self.sink.clone()).map_err(of)?);
        }
        for site in old.into_iter().filter(|site| is_touched(site.site.name())) {
            if let Some(there) = running.sites.iter_mut().find(|there| there.name() == site.site.name()) {
                there.renew(site)?;
            }
        }
        for (site, background) in begun {
            self.backgrounds.run(site.name(), background);
            running.sites.push(site);
        }
        let (gone, mut stay): (Vec<_>, Vec<_>) = std::mem::take(&mut running.sites)
            .into_iter()
            .partition(|site| prepared.removed.iter().any(|name| name == site.name()));
        stay.sort_by(|one, other| one.name().cmp(other.name()));
        running.sites = stay;
        let inside =
            |site: &Running| self.doorways.iter().filter_map(|way| way.inside(site.name())).collect();
        let gone: Vec<(Running, Vec<_>)> = gone
            .into_iter()
            .map(|site| {
                let inside = inside(&site);
                (site, inside)
            })
            .collect();
        let plan = Plan::new(running.sites.iter().map(Running::plan).collect());
        self.doorways.iter().for_each(|doorway| doorway.rebuild(&plan));
        drop(plan);
        running.shared = config::in_force(&running.shared, prepared.shared);
        let sites = running.sites.iter().map(Running::served).collect();
        self.in_force.store(Arc::new(InForce { sites, is_of_several: running.is_directory, sound: true }));
        for (site, inside) in gone {
            site.let_go_of_keys();
            self.backgrounds.end(site.name(), inside);
        }
        Ok(())
    }

    fn read(&self) -> Result<Prepared, Vec<Fault>> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Configuration { sites, shared, is_directory } =
            config::read_with_files(&self.path).configuration?;
        if is_directory != running.is_directory {
            let (is, was) = if is_directory { ("a directory", "a file") } else { ("a file", "a directory") };
            let problem = format!("it has become {is}, and was {was} at the start");
            return Err(vec![self.fault(&problem, "restart the server")]);
        }
        let names: Vec<_> = sites.iter().map(|site| site.name().to_owned()).collect();
        let is_gone = |site: &&Running| is_directory && !names.iter().any(|name| name == site.name());
        let removed = running.sites.iter().filter(is_gone).map(|site| site.name().to_owned()).collect();
        let changes = config::changes(&running.shared, &shared);
        let sites = sites.into_iter().map(|site| self.read_site(&running, site));
        Ok(Prepared { sites: sites.collect::<Result<_, _>>()?, shared, removed, changes })
    }

    fn read_site(&self, running: &All, site: config::Site) -> Result<PreparedSite, Vec<Fault>> {
        let is_it = |there: &&Running| !running.is_directory || there.name() == site.name();
        let untrusting = |(problem, remedy): (String, &str)| vec![self.fault(&problem, remedy)];
        let Some(there) = running.sites.iter().find(is_it) else {
            let config::Site { settings, entries } = site;
            let settings = match running.sites.first() {
                Some(other) => settings.among(&other.settings),
                None => settings,
            };
            let known = known(&settings).map_err(|failure| self.unread(&failure))?;
            let policy = known.policy(&settings).map_err(|faults| self.faults(&faults))?;
            let origins = Arc::new(Origins::of(&settings, None).map_err(untrusting)?);
            let site = config::Site { settings, entries };
            return Ok(PreparedSite { site, known, policy, origins, changes: Vec::new(), is_new: true });
        };
        let config::Site { settings, entries } = site;
        let settings = settings.beside(&there.settings);
        // Another node may have given bits since.
        let known = there.known.clone().with(known(&settings).map_err(|failure| self.unread(&failure))?);
        let policy = known.policy(&settings).map_err(|faults| self.faults(&faults))?;
        let origins = Origins::of(&settings, Some(&there.origins)).map_err(untrusting)?;
        let mut changes = config::changes(&there.entries, &entries);
        // Where the file says what it said, the authorities that it names, or those of the machine, may be others.
        if !config::are_of_another_site(&changes) {
            for name in origins.other_authorities(&there.origins) {
                if !changes.iter().any(|change| change.name == name) {
                    changes.push(Change { name, waits: None });
                }
            }
        }
        let origins = Arc::new(origins);
        let site = config::Site { settings, entries };
        Ok(PreparedSite { site, known, policy, origins, changes, is_new: false })
    }

    /// Without what the store knows, a purpose could be given the bit of another.
    fn unread(&self, failure: &Failure) -> Vec<Fault> {
        vec![self.fault(&failure.lines().join("; "), "see `pinfold db status`")]
    }

    /// Faults that are none of the file alone, but of what was asked before it.
    fn faults(&self, faults: &pinfold::ConfigErrors) -> Vec<Fault> {
        faults.iter().map(|fault| self.fault(fault.problem(), fault.remedy())).collect()
    }

    fn fault(&self, problem: &str, remedy: &str) -> Fault {
        let place = self.path.display().to_string();
        Fault { place, problem: problem.to_owned(), remedy: remedy.to_owned(), excerpt: None }
    }
}

impl Running {
    /// Goes by another configuration from now on.
    fn renew(&mut self, prepared: PreparedSite) -> Result<(), String> {
        let PreparedSite { site: config::Site { settings, entries }, known, policy, origins, .. } = prepared;
        let layer =
            self.layer.renewed(policy.clone(), settings.audit.clone()).map_err(|fault| fault.to_string())?;
        self.known = known;
        self.known.learn(&policy);
        self.entries = config::in_force(&self.entries, entries);
        (self.layer, self.settings, self.policy, self.origins) = (layer, settings, policy, origins);
        Ok(())
    }
}
