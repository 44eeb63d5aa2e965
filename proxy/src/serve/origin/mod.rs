//! Connections to the origin, of one worker thread.
//!
//! ```text
//! Forward -> Origin::send -> Queue -> Pool::take, else Address::connect -> Link -> AnswerBody -> Pool::give
//! ```
//!
//! A connection is driven by whoever uses it, in the task of the client's own connection: no message crosses tasks on the way. While
//! nobody uses it nobody drives it.

mod address;
mod answer;
mod exchange;
mod link;
mod pool;
mod queue;

pub(crate) use address::host_and_port;
pub(super) use answer::AnswerBody;
pub(super) use exchange::{Failed, Origin};
