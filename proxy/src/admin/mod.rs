//! For operators alone: health, readiness, metrics, and a page of figures. On loopback, or behind a password.

mod health;
mod list;
mod metrics;
mod page;
mod server;
mod words;

pub(crate) use server::serve;
