//! Changing a page while it streams by: a text put in at its top, a text at its end, and content of others held.
//!
//! Knows nothing of purposes or visitors: it is given texts and a [`Doorman`]. What it puts in is ASCII, so that it is the same
//! in every encoding in which HTML can be written but UTF-16, which is left alone.

mod charset;
mod cut;
mod fill;
mod gate;
mod insertion;
mod long_tag;
mod references;
mod rewriter;
mod stage;
mod top;
mod unpack;
mod url;
mod watch;
mod words;

pub(crate) use charset::Charset;
pub(crate) use fill::fill;
pub(crate) use gate::{Doorman, Held, Place, Verdict};
pub(crate) use insertion::Text;
pub(crate) use rewriter::{Edits, Rewriter};
pub(crate) use unpack::Coding;
pub(crate) use url::host_of;
