//! The running server: threads, listeners, and the stack that a request passes.
//!
//! ```text
//! worker thread (one per core):
//!   listener (-> TLS) -> Guarded -> connection (hyper) -> Doorway -> Door -> Inside -> Audit -> ConsentManager -> Forward -> origin
//!                       -> Tunnel, once the origin has agreed to another protocol ------------------------> origin
//! control thread:
//!   signals, admin listener, the Background of each site, checks of origins
//! store thread:
//!   SQLite
//! ```

mod admit;
mod announced;
mod body;
mod by_host;
mod checks;
mod control;
mod door;
mod doorway;
mod fields;
mod forward;
mod guard;
mod inherited;
mod latency;
mod limits;
mod listener;
mod log;
mod memory;
mod origin;
mod origins;
mod panics;
mod patience;
mod prepared;
mod pressure;
mod recorded;
mod refused;
mod reload;
mod routes;
mod secured;
mod signals;
mod sites;
mod sockets;
mod speak;
mod to_https;
mod tunnel;
mod upgrade;
mod worker;

pub(crate) use announced::recorded as recorded_announcement;
pub(crate) use body::text_response;
pub(crate) use control::{Readings, policy, run};
pub(crate) use door::{HEALTH, HEALTHY};
#[cfg(feature = "_fuzz")]
pub(crate) use guard::fuzzing;
pub(crate) use latency::{BOUNDS, LatencySum};
pub(crate) use log::{dropped_lines, log_to_stderr};
pub(crate) use origin::{AnswerBody, Failed, Question, Server};
pub(crate) use origins::{Destination, Origins};
pub(crate) use panics::failures;
pub(crate) use prepared::Act;
pub(crate) use pressure::shed;
pub(crate) use recorded::{AtTheDoor, at_the_door, https_location, judge_head};
pub(crate) use refused::Refused;
pub(crate) use reload::Reloader;
pub(crate) use sites::{InForce, Served, Standing};
pub(crate) use sockets::Addresses;
