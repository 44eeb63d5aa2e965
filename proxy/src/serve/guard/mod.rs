//! What stands between a client and hyper: no byte of a message that is not sound, or not in time, gets past it.
//!
//! ```text
//! client -> Guarded (patience) -> Messages: Head -> framing -> that many bytes, or Chunks -> Head ... -> hyper
//! ```
//!
//! hyper reads messages that other servers read differently (its issues 3860 and 4123), and a request that two servers read
//! differently is two requests. So the guard reads HTTP/1 first, strictly: a head is held back until it is whole and sound, and then
//! just the bytes that it announces are let through. On a fault hyper sees the end of the connection. The refusal is written by the
//! guard, once, after the answers that were under way.
//!
//! What follows a request for another protocol may be of that protocol. Nobody can tell before the answer is there, so until then it is
//! held, or left unread.
//!
//! HTTP/2 is h2's to judge: the guard minds the time alone.
//!
//! The judges are pure. They take whatever has come so far, go on where they stopped, and allocate nothing.

mod bytes;
mod chunks;
mod conversation;
mod farewell;
#[cfg(feature = "_fuzz")]
pub(crate) mod fuzzing;
mod head;
mod messages;
mod request_line;
mod stalls;
mod stream;
mod streams;

pub(super) use conversation::{Conversation, Open, WhileOpen};
pub(super) use head::judge_whole;
pub(super) use stream::{Guarded, Speaks};
