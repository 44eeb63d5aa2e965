//! Doors for the fuzz targets of this repository, which judge what comes out. No part of the API.

use std::net::IpAddr;
use std::path::Path;

use pinfold::client_ip::TrustedProxies;

use crate::access_log::Format;
use crate::config::{self, Fault};
use crate::control::Ask;
use crate::explain::Recorded;
use crate::serve::recorded_announcement;

pub use crate::import::fuzzing::{Request, imported};
pub use crate::scrub::fuzzing::scrubbed;
pub use crate::serve::fuzzing::{Guarded, guarded};

/// How a log may be written, by number.
pub(crate) const FORMATS: [Format; 4] =
    [Format::Combined, Format::Common, Format::Json, Format::VhostCombined];

/// What is wrong with a configuration, each with its place, its problem and its remedy; nothing where it can be run.
pub fn configuration_faults(text: &str) -> Vec<[String; 3]> {
    let faults = config::parse(Path::new("pinfold.toml"), text, &[]).settings.err().unwrap_or_default();
    faults.into_iter().map(|Fault { place, problem, remedy, .. }| [place, problem, remedy]).collect()
}

/// A question on the control socket, written again as it was understood.
pub fn asked(line: &str) -> Option<String> {
    let ask = serde_json::from_str::<Ask>(line).ok()?;
    serde_json::to_string(&ask).ok()
}

/// Whom a connection is from, by its first bytes, and after how many its first request begins.
pub fn announced(first: &[u8], peer: IpAddr) -> Option<(IpAddr, usize)> {
    let trusted = TrustedProxies::new([peer.to_string()]).ok()?;
    recorded_announcement(first, peer, &trusted).ok()
}

/// Whether a recorded request can be read, and its answer, if there is one.
pub fn recorded(text: &str) -> Result<bool, String> {
    Recorded::read(text).map(|recorded| recorded.response.is_some())
}
