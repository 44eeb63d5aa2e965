//! The way to an origin: its servers, and the connections of one worker thread to each.
//!
//! ```text
//! Forward -> Origin::send -> Queue -> Outlet of the first server that is well, else of the next
//! Outlet, HTTP/1: Pool::take, else Address::connect -> Link -> AnswerBody -> Pool::give
//!         HTTP/2: Streams::stream, else Address::connect -> AnswerBody
//! ```
//!
//! Over HTTP/1 a connection is driven by whoever uses it, in the task of the client's own connection: no message crosses tasks on the way.
//! While nobody uses it nobody drives it. Over HTTP/2 many use one, which has a task of its own.
//!
//! An address to connect to comes from the configuration alone: nothing that a client or an origin says has a part in it.

mod address;
mod answer;
mod exchange;
mod link;
mod outlet;
mod pool;
mod queue;
mod server;
mod standing;
mod streams;

pub(crate) use answer::AnswerBody;
pub(crate) use exchange::Failed;
pub(super) use exchange::Origin;
pub(super) use queue::Line;
pub(super) use server::Speaks;
pub(crate) use server::{Question, Server};
