use pinfold::audit::HeldKeys;
use pinfold::time::{Calendar, Clock};

use super::descriptor::{DescriptorStore, NAME, discard, remove};
use super::systemd::passed_on;
use crate::config::Hold;
use crate::exit::Failure;

/// Where keys are held for the next start, and those that the process before has left there: of one site among several, where it is named.
pub(crate) fn take_over(
    hold: Hold,
    site: Option<&str>,
    origin: &str,
    calendar: &Calendar,
    clock: &dyn Clock,
) -> Result<(Option<DescriptorStore>, Option<HeldKeys>), Failure> {
    if hold == Hold::Memory {
        return Ok((None, None));
    }
    let store = DescriptorStore::open(&name_for(site))?;
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

/// Overwrites what the process before has left of sites that are none of these.
pub(crate) fn discard_others<'s>(hold: Hold, sites: impl Iterator<Item = Option<&'s str>>) {
    if hold == Hold::Memory {
        return;
    }
    let ours: Vec<_> = sites.map(name_for).collect();
    let is_of_another = |name: &&String| name.starts_with(NAME) && !ours.contains(name);
    passed_on().iter().filter(is_of_another).for_each(|name| discard(name));
}

/// Lets systemd forget where the keys of a site were held.
pub(crate) fn let_go(hold: Hold, site: Option<&str>) {
    if hold == Hold::DescriptorStore {
        remove(&name_for(site));
    }
}

/// What a descriptor is called. A colon would end its name.
fn name_for(site: Option<&str>) -> String {
    site.map_or_else(|| NAME.to_owned(), |site| format!("{NAME}-{}", site.replace(':', "_")))
}
