//! TLS: the certificate that visitors are shown, and whom we believe to be the origin.
//!
//! ```text
//! PairFiles -> Pair -> Certificate (replaced while the server runs) -> acceptor -> listener
//! authorities -> OriginTls -> origin
//!             -> connector -> Valkey
//! ```
//!
//! rustls with aws-lc-rs: versions 1.2 and 1.3, suites that encrypt and authenticate at once under a key of the connection, and
//! X25519MLKEM768 first, so that what is recorded today is not read by whoever has a quantum computer one day.

mod acceptor;
mod certificate;
mod doubts;
mod origin;
mod pair;
mod roots;

pub(crate) use acceptor::acceptor;
pub(crate) use certificate::Certificate;
pub(crate) use doubts::doubts;
pub(crate) use origin::{OriginTls, connector};
pub(crate) use pair::{Half, PairFiles};
pub(crate) use roots::{Untrusting, authorities};
