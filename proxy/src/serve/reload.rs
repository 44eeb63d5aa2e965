//! Reading the configuration again while requests are under way.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use http::Uri;
use http::uri::Scheme;
use pinfold::PinfoldLayer;
use pinfold::consent::Policy;

use super::doorway::{Doorway, Plan};
use crate::config::{self, Change, Checked, Entry, Fault, Settings};

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
    pub(crate) origin: Uri,
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
    scheme: Scheme,
}

#[derive(Debug)]
struct Running {
    layer: PinfoldLayer,
    settings: Settings,
    entries: Vec<Entry>,
    known: Known,
}

/// A configuration that was read and is sound.
#[derive(Debug)]
pub(crate) struct Prepared {
    settings: Settings,
    policy: Policy,
    entries: Vec<Entry>,
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
    /// Of a server that runs by `written`, with everything that was made of it.
    pub(super) fn new(
        written: Written,
        settings: Settings,
        layer: PinfoldLayer,
        mut known: Known,
        in_force: Arc<ArcSwap<InForce>>,
        (doorways, scheme): (Vec<Doorway>, Scheme),
    ) -> Self {
        let Written { file, entries } = written;
        known.learn(&in_force.load().policy);
        let running = Mutex::new(Running { layer, settings, entries, known });
        Self { file, running, in_force, doorways, scheme }
    }

    /// Reads the file and checks all of it. Nothing changes but whether it is said to be sound.
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

    /// Puts it in force: each request that comes from now on goes by it.
    pub(crate) fn put(&self, prepared: Prepared) -> Result<(), String> {
        let Prepared { settings, policy, entries, .. } = prepared;
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let layer = running
            .layer
            .renewed(policy.clone(), settings.audit.clone())
            .map_err(|fault| fault.to_string())?;
        let plan =
            Plan::new(layer.clone(), &settings, self.scheme.clone()).ok_or("the origin has no host")?;
        self.doorways.iter().for_each(|doorway| doorway.rebuild(&plan));
        running.known.learn(&policy);
        self.in_force.store(Arc::new(InForce { policy, origin: settings.origin.clone(), sound: true }));
        running.entries = config::in_force(&running.entries, entries);
        (running.layer, running.settings) = (layer, settings);
        Ok(())
    }

    fn read(&self) -> Result<Prepared, Vec<Fault>> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Checked { settings, entries, .. } = config::read(&self.file);
        let settings = settings?.beside(&running.settings);
        let policy = running.known.policy(&settings).map_err(|faults| self.faults(&faults))?;
        let changes = config::changes(&running.entries, &entries);
        Ok(Prepared { settings, policy, entries, changes })
    }

    /// Faults that are none of the file alone, but of what was asked before it.
    fn faults(&self, faults: &pinfold::ConfigErrors) -> Vec<Fault> {
        let fault = |fault: &pinfold::ConfigError| Fault {
            place: self.file.display().to_string(),
            problem: fault.problem().to_owned(),
            remedy: fault.remedy().to_owned(),
        };
        faults.iter().map(fault).collect()
    }
}
