use std::sync::Arc;

use pinfold::audit::{AuditSettings, HeldKeys};
use pinfold::pseudonym::EpochShare;
use pinfold::time::{Calendar, Clock};

use super::common::{Joined, join};
use super::descriptor::{DescriptorStore, NAME, discard, remove};
use super::systemd::passed_on;
use crate::config::{Hold, Settings};
use crate::exit::Failure;

/// Where keys are held, and those that are there already.
#[derive(Debug)]
pub(crate) enum Taken {
    /// Nowhere but in this process.
    Nothing,
    /// For the next start, with what the process before has left.
    Held(DescriptorStore, Option<Box<HeldKeys>>),
    /// With other nodes.
    Common(Joined),
}

impl Taken {
    /// The epochs whose keys go on: a store must not take them for lost.
    pub(crate) fn epochs(&self) -> Vec<String> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Held(_, held) => held.as_ref().map(|held| held.epochs()).unwrap_or_default(),
            Self::Common(joined) => joined.found.iter().map(EpochShare::epoch).collect(),
        }
    }

    /// Lets an audit begin with them.
    pub(crate) fn given_to(self, audit: AuditSettings) -> AuditSettings {
        match self {
            Self::Nothing => audit,
            Self::Held(place, held) => audit.with_key_hold(Arc::new(place), held.map(|held| *held)),
            Self::Common(Joined { cluster, secret, found }) => audit.with_cluster(cluster, secret, found),
        }
    }
}

/// Where keys of a site are held for the next start or for other nodes, and those that are there.
pub(crate) fn take_over(settings: &Settings, origin: &str, clock: &dyn Clock) -> Result<Taken, Failure> {
    match (settings.hold, &settings.valkey) {
        (Hold::DescriptorStore, _) => {
            let store = DescriptorStore::open(&name_for(settings))?;
            let held = left_in(&store, origin, &settings.calendar, clock);
            Ok(Taken::Held(store, held.map(Box::new)))
        }
        (Hold::Valkey, Some(valkey)) => join(valkey, origin, &settings.calendar, clock).map(Taken::Common),
        // A configuration that names no Valkey to hold keys in is faulty, and not run.
        (Hold::Memory | Hold::Valkey, _) => Ok(Taken::Nothing),
    }
}

/// What the process before has left, if it is of use.
fn left_in(
    store: &DescriptorStore,
    origin: &str,
    calendar: &Calendar,
    clock: &dyn Clock,
) -> Option<HeldKeys> {
    match store.held() {
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
    }
}

/// Overwrites what the process before has left of sites that are none of these.
pub(crate) fn discard_others<'s>(hold: Hold, sites: impl Iterator<Item = &'s Settings>) {
    if hold != Hold::DescriptorStore {
        return;
    }
    let ours: Vec<_> = sites.map(name_for).collect();
    let is_of_another = |name: &&String| name.starts_with(NAME) && !ours.contains(name);
    passed_on().iter().filter(is_of_another).for_each(|name| discard(name));
}

/// Lets systemd forget where the keys of a site were held.
pub(crate) fn let_go(settings: &Settings) {
    if settings.hold == Hold::DescriptorStore {
        remove(&name_for(settings));
    }
}

/// What the descriptor of a site is called. A colon would end its name.
fn name_for(settings: &Settings) -> String {
    match settings.is_among_others {
        true => format!("{NAME}-{}", settings.site.replace(':', "_")),
        false => NAME.to_owned(),
    }
}
