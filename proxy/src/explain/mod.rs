//! `pinfold explain`: what becomes of a recorded request and answer, and why. Decided by the code of the door and the layer.

mod account;
mod door;
mod recorded;

pub(crate) use account::Account;
pub(crate) use door::Door;
pub(crate) use recorded::Recorded;
