use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;

use crate::serve::Readings;

/// How long an origin may take to show that it is well.
const REACH: Duration = Duration::from_secs(1);

/// No key is ever this old: if one is, the background has stopped.
const OLDEST_KEY: Duration = Duration::from_secs(27 * 3600);

/// Whether requests can be served as promised.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Readiness {
    /// That of `[origin]`, or one that stands by for it.
    origin_reachable: bool,
    /// Those of them that are not.
    unreachable: Vec<String>,
    /// Or there is room for what comes on a disk of this node.
    store_writable: bool,
    key_fresh: bool,
    stopping: bool,
}

impl Readiness {
    pub(super) fn is_ready(&self) -> bool {
        self.origin_reachable && self.store_writable && self.key_fresh && !self.stopping
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

pub(super) async fn readiness(readings: &Readings, stopping: bool) -> Readiness {
    let (origin_reachable, unreachable) = reach(readings).await;
    Readiness {
        origin_reachable,
        unreachable,
        store_writable: readings.store.keeps(),
        key_fresh: readings.audit.stats().key_age < OLDEST_KEY,
        stopping,
    }
}

/// Whether any server of the default origin can be reached, and which cannot.
async fn reach(readings: &Readings) -> (bool, Vec<String>) {
    let mut asked = JoinSet::new();
    for server in &readings.in_force.load().origins.default().servers {
        let server = server.clone();
        asked.spawn(async move { (!server.answers_within(REACH).await).then(|| server.to_string()) });
    }
    let answers = asked.join_all().await;
    let mut unreachable: Vec<_> = answers.iter().flatten().cloned().collect();
    unreachable.sort();
    (unreachable.len() < answers.len(), unreachable)
}
