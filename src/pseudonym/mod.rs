//! Addresses as keyed hashes, under a key that lives for a civil day and is then destroyed.
//!
//! A [`Pseudonym`] is HMAC-SHA-256 (RFC 2104, FIPS 180-4) of an address, cut to 64 bits, under a key that exists in
//! memory alone. While the key lives this is pseudonymisation in the sense of UK GDPR Article 4(5), not anonymity: whoever holds the key can
//! test an address against a pseudonym. Once the key is destroyed nobody can, the operator included.
//!
//! ```
//! use pinfold::client_ip::ClientIpResolver;
//! use pinfold::pseudonym::{EpochKey, Unit};
//!
//! let key = EpochKey::from_root([7; 32], "www.example.gov.uk");
//! let client = |ip: &str| ClientIpResolver::peer().resolve(ip.parse().ok(), &Default::default()).unwrap();
//!
//! let host = key.operations().pseudonym(Unit::Host, &client("203.0.113.7"));
//! assert_eq!(host, key.operations().pseudonym(Unit::Host, &client("::ffff:203.0.113.7")));
//! assert_ne!(host, key.operations().pseudonym(Unit::Network, &client("203.0.113.7")));
//! ```

mod epoch;
mod key;
mod keyed_hash;
mod shape;
mod share;
mod snapshot;
mod token;
mod unit;

pub use epoch::{Epoch, FreshKey, KeyEnd, KeyEvent, KeyRing};
pub use key::EpochKey;
pub use keyed_hash::{KeyedHash, NoPseudonym, Pseudonym};
pub use share::{ClusterSecret, EpochShare};
pub(crate) use snapshot::{Reader, Writer};
pub(crate) use token::Token;
pub use unit::Unit;
