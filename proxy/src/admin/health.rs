use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;

use crate::serve::{Readings, Served};

/// How long an origin may take to show that it is well.
const REACH: Duration = Duration::from_secs(1);

/// No key is ever this old: if one is, the background has stopped.
const OLDEST_KEY: Duration = Duration::from_secs(27 * 3600);

/// Whether requests can be served as promised.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Readiness {
    /// That of `[origin]`, or one that stands by for it; where there are several sites, that of any of them. One council whose server is away
    /// must not take the others from their visitors.
    origin_reachable: bool,
    /// Those of them that are not.
    unreachable: Vec<String>,
    /// Or there is room for what comes on a disk of this node.
    store_writable: bool,
    key_fresh: bool,
    stopping: bool,
    /// Whether the origin of each can be reached, where there are several.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    sites: BTreeMap<String, bool>,
}

impl Readiness {
    pub(super) fn is_ready(&self) -> bool {
        self.origin_reachable && self.store_writable && self.key_fresh && !self.stopping
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

/// Of one site, where it is named, else of the whole process. An error says which sites there are.
pub(super) async fn readiness(
    readings: &Readings,
    site: Option<&str>,
    stopping: bool,
) -> Result<Readiness, String> {
    let in_force = readings.in_force.load_full();
    let asked = match site {
        Some(_) => vec![in_force.site(site)?.clone()],
        None => in_force.sites.clone(),
    };
    let mut reached = JoinSet::new();
    for site in &asked {
        let site = site.clone();
        reached.spawn(async move { (site.name.clone(), reach(&site).await) });
    }
    let reached = reached.join_all().await;
    let mut unreachable: Vec<_> =
        reached.iter().flat_map(|(_, (_, unreachable))| unreachable.iter().cloned()).collect();
    unreachable.sort();
    let sites = reached.iter().map(|(name, (is_reached, _))| (name.clone(), *is_reached));
    Ok(Readiness {
        origin_reachable: reached.iter().any(|(_, (is_reached, _))| *is_reached),
        unreachable,
        store_writable: readings.store.keeps(),
        key_fresh: asked.iter().all(|site| has_fresh_key(site)),
        stopping,
        sites: if in_force.is_of_several { sites.collect() } else { BTreeMap::new() },
    })
}

/// Whether there is a key of today. There is none once the work that would replace it has failed.
fn has_fresh_key(site: &Served) -> bool {
    site.audit.keys().first().is_some_and(|key| key.age < OLDEST_KEY)
}

/// Whether any server of the default origin can be reached, and which cannot.
async fn reach(site: &Served) -> (bool, Vec<String>) {
    let mut asked = JoinSet::new();
    for server in &site.origins.default().servers {
        let server = server.clone();
        asked.spawn(async move { (!server.answers_within(REACH).await).then(|| server.to_string()) });
    }
    let answers = asked.join_all().await;
    let unreachable: Vec<_> = answers.iter().flatten().cloned().collect();
    (unreachable.len() < answers.len(), unreachable)
}
