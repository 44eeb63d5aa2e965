//! Where keys and blocks are held while the server is not running: a file in memory alone, in the descriptor store of systemd.
//!
//! ```text
//! start    LISTEN_FDS -> DescriptorStore -> HeldKeys -> the ring goes on
//! running  Background -> KeyHold::hold -> overwritten in place at every change
//! stop     the process ends; systemd has the descriptor, and gives it to the next start
//! ```

mod clock;
mod descriptor;
mod swap;
mod systemd;
mod taken;

pub(crate) use clock::BootClock;
pub(crate) use descriptor::{DescriptorStore, NAME as KEYS};
pub(crate) use systemd::{Reloading, notify, passed_on};
pub(crate) use taken::{discard_others, let_go, take_over};
