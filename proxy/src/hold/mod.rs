//! Where keys and blocks are held beside the server: in a file in memory alone, in the descriptor store of systemd, or in memory that
//! several nodes reach.
//!
//! ```text
//! start    LISTEN_FDS -> DescriptorStore -> HeldKeys -> the ring goes on
//! running  Background -> KeyHold::hold -> overwritten in place at every change
//! stop     the process ends; systemd has the descriptor, and gives it to the next start
//! ```
//!
//! ```text
//! start    secret, Valkey -> Joined -> the ring of all nodes
//! running  Background -> ValkeyCluster -> the share of the next day, blocks, counts
//! ```

mod clock;
mod common;
mod descriptor;
mod secret;
mod swap;
mod systemd;
mod taken;

pub(crate) use clock::BootClock;
pub(crate) use common::valkey;
pub(crate) use descriptor::NAME as KEYS;
pub(crate) use secret::{make_secret, read_login, read_secret};
pub(crate) use systemd::{Reloading, notify, passed_on};
pub(crate) use taken::{Taken, discard_others, let_go, take_over};
