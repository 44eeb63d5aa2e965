//! Reading the configuration again while requests are under way.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use http::Uri;
use pinfold::PinfoldLayer;
use pinfold::consent::Policy;

use super::doorway::{Doorway, Plan};
use super::origins::Origins;
use crate::config::{self, Change, Checked, Entry, Fault, Settings};
use crate::tls::Certificate;

/// The file by which a server was started, and what it came to.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) file: PathBuf,
    pub(crate) entries: Vec<Entry>,
}

/// What a reload replaces, as others read it.
#[derive(Debug, Clone)]
pub(crate) struct InForce {
    pub(crate) policy: Policy,
    pub(crate) origins: Arc<Origins>,
    /// Whether the file was without a fault when it was last read.
    pub(crate) sound: bool,
}

/// What is known of the policies of a site: the bits of purposes, which they keep for ever, and what each version asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) bits: BTreeMap<String, u8>,
    pub(super) policies: Vec<(String, String)>,
}

impl Known {
    /// The policy that settings come to.
    pub(super) fn policy(&self, settings: &Settings) -> Result<Policy, pinfold::ConfigErrors> {
        settings.policy(self.bits.clone(), self.policies.clone())
    }

    fn learn(&mut self, policy: &Policy) {
        self.bits.extend(policy.bits());
        let version = (policy.fingerprint(), policy.statement());
        if !self.policies.contains(&version) {
            self.policies.push(version);
        }
    }
}

/// Reads the file again, and puts what is in it in the place of what was.
#[derive(Debug)]
pub(crate) struct Reloader {
    file: PathBuf,
    running: Mutex<Running>,
    in_force: Arc<ArcSwap<InForce>>,
    doorways: Vec<Doorway>,
    /// By which visitors reach the site.
    url: Uri,
    certificate: Option<Arc<Certificate>>,
}

/// What the server runs by.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) layer: PinfoldLayer,
    pub(super) settings: Settings,
    pub(super) entries: Vec<Entry>,
    pub(super) known: Known,
}

/// A configuration that was read and is sound.
#[derive(Debug)]
pub(crate) struct Prepared {
    settings: Settings,
    policy: Policy,
    entries: Vec<Entry>,
    origins: Arc<Origins>,
    pub(crate) changes: Vec<Change>,
}

impl Prepared {
    /// Whether anything of it can come into force now.
    pub(crate) fn is_live(&self) -> bool {
        self.changes.iter().any(|change| change.waits.is_none())
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl Reloader {
    /// Of a server that runs by `file`, with everything that was made of it.
    pub(super) fn new(
        file: PathBuf,
        mut running: Running,
        in_force: Arc<ArcSwap<InForce>>,
        doorways: Vec<Doorway>,
        url: Uri,
        certificate: Option<Arc<Certificate>>,
    ) -> Self {
        running.known.learn(&in_force.load().policy);
        Self { file, running: Mutex::new(running), in_force, doorways, url, certificate }
    }

    /// Reads the file and those that it names, and checks all of it. Nothing changes but whether it is said to be sound.
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

    /// Puts it in force: each request that comes from now on goes by it.
    pub(crate) fn put(&self, prepared: Prepared) -> Result<(), String> {
        let Prepared { settings, policy, entries, origins, .. } = prepared;
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let layer = running
            .layer
            .renewed(policy.clone(), settings.audit.clone())
            .map_err(|fault| fault.to_string())?;
        let plan = Plan::new(layer.clone(), &settings, &self.url, origins.clone());
        self.doorways.iter().for_each(|doorway| doorway.rebuild(&plan));
        running.known.learn(&policy);
        self.in_force.store(Arc::new(InForce { policy, origins, sound: true }));
        running.entries = config::in_force(&running.entries, entries);
        (running.layer, running.settings) = (layer, settings);
        Ok(())
    }

    fn read(&self) -> Result<Prepared, Vec<Fault>> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Checked { settings, entries, .. } = config::read_with_files(&self.file);
        let settings = settings?.beside(&running.settings);
        let policy = running.known.policy(&settings).map_err(|faults| self.faults(&faults))?;
        let now = self.in_force.load().origins.clone();
        let origins = Origins::of(&settings, Some(&now))
            .map_err(|(problem, remedy)| vec![self.fault(&problem, remedy)])?;
        let mut changes = config::changes(&running.entries, &entries);
        // Where the file says what it said, the authorities that it names, or those of the machine, may be others.
        if !config::are_of_another_site(&changes) {
            for name in origins.other_authorities(&now) {
                if !changes.iter().any(|change| change.name == name) {
                    changes.push(Change { name, waits: None });
                }
            }
        }
        Ok(Prepared { settings, policy, entries, origins: Arc::new(origins), changes })
    }

    /// Faults that are none of the file alone, but of what was asked before it.
    fn faults(&self, faults: &pinfold::ConfigErrors) -> Vec<Fault> {
        faults.iter().map(|fault| self.fault(fault.problem(), fault.remedy())).collect()
    }

    fn fault(&self, problem: &str, remedy: &str) -> Fault {
        let place = self.file.display().to_string();
        Fault { place, problem: problem.to_owned(), remedy: remedy.to_owned(), excerpt: None }
    }
}
