//! Every table and key of the configuration, once: what it holds, what stands for it where it is not written, and what it means.
//! The file is read by it, and the JSON Schema, the page of reference and the annotated example are written from it.

mod file;
mod keeping;
mod key;
mod visitors;

pub(super) use file::{FILE, OF_A_SITE, SHARED};
pub(super) use key::{Key, Kind, Unwritten, alternatives};
