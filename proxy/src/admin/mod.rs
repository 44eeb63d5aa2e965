//! For operators alone: health, readiness, metrics, and a page of figures. On loopback.

mod health;
mod metrics;
mod page;
mod server;

pub(crate) use server::serve;
