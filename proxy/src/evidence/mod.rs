//! `pinfold evidence`: what a data-protection officer can show, and what answers a request under the Freedom of Information Act, in one
//! file.

mod pack;
mod papers;

pub(crate) use pack::pack;
pub(crate) use papers::papers;
