//! Pinfold
pub mod client_ip;
pub mod consent;
mod error;
pub mod pseudonym;
pub mod time;
pub use error::{ConfigError, ConfigErrors, Subject};
