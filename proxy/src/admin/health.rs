use std::time::Duration;

use serde::Serialize;
use tokio::net::TcpStream;

use crate::serve::{Readings, host_and_port};

/// How long the origin may take to accept a connection.
const REACH: Duration = Duration::from_secs(1);

/// No key is ever this old: if one is, the background has stopped.
const OLDEST_KEY: Duration = Duration::from_secs(27 * 3600);

/// Whether requests can be served as promised.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Readiness {
    origin_reachable: bool,
    store_writable: bool,
    key_fresh: bool,
    stopping: bool,
}

impl Readiness {
    pub(super) fn is_ready(self) -> bool {
        self.origin_reachable && self.store_writable && self.key_fresh && !self.stopping
    }

    pub(super) fn to_json(self) -> String {
        serde_json::to_string(&self).unwrap_or_default() + "\n"
    }
}

pub(super) async fn readiness(readings: &Readings, stopping: bool) -> Readiness {
    Readiness {
        origin_reachable: can_reach(readings).await,
        store_writable: readings.store.is_healthy(),
        key_fresh: readings.audit.stats().key_age < OLDEST_KEY,
        stopping,
    }
}

async fn can_reach(readings: &Readings) -> bool {
    let in_force = readings.in_force.load();
    let Some(place) = host_and_port(&in_force.origin) else { return false };
    matches!(tokio::time::timeout(REACH, TcpStream::connect(place)).await, Ok(Ok(_)))
}
