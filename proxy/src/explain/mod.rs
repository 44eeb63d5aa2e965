//! `pinfold explain`: what becomes of a recorded request and answer, and why.

mod account;
mod recorded;

pub(crate) use account::Account;
pub(crate) use recorded::Recorded;
