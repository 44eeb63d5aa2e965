//! `pinfold init`: a first configuration, with a word on everything in it.

mod answers;
mod file;

pub(crate) use answers::{Answers, Asked};
pub(crate) use file::{taken, write_new};
