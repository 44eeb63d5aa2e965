//! The control socket: how the commands of an operator reach a running server.
//!
//! A Unix socket of mode 0600. Each connection asks one thing, as a line of JSON, and is answered by another, or by two where the
//! answer has to wait. Only the user whose server it is, and root, are answered; the kernel says who asks.

mod client;
mod message;
mod office;
mod reload;
mod server;
mod waiting;

pub(crate) use client::ask;
pub(crate) use message::{Ask, BlockLine, Known, Rank, Reply, SenderLine, SiteHead, Taking, WaitingLine};
pub(crate) use office::{Office, Rules};
pub(crate) use server::ControlSocket;
