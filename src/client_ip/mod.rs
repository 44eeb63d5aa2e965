//! Who is asking: the address of the client, believed only as far as it can be.
//!
//! The rules, in order:
//!
//! 1. The peer of the connection is the client, whatever any field says, unless the peer is a trusted proxy.
//! 2. Then one family of fields is read, `X-Forwarded-For` or `Forwarded` (RFC 7239), never both. Several field
//!    lines are one list.
//! 3. The list is walked from the right, past trusted addresses. The first that is not trusted is the client.
//! 4. An entry that is no address stops the walk: the sound address to its right is used, marked unknown.
//!
//! ```
//! use pinfold::client_ip::{AddressSource, ClientIpResolver, HeaderFamily, TrustedProxies};
//!
//! let trusted: TrustedProxies = "10.0.0.0/8, ::1".parse()?;
//! let resolver = ClientIpResolver::behind(trusted, HeaderFamily::XForwardedFor);
//!
//! let mut headers = http::HeaderMap::new();
//! headers.insert("x-forwarded-for", "198.51.100.9, 203.0.113.7, 10.0.0.4".parse().unwrap());
//!
//! // From a proxy of ours: the right-most address that is not ours. What the client wrote itself is ignored.
//! let client = resolver.resolve(Some("10.0.0.5".parse().unwrap()), &headers).unwrap();
//! assert_eq!(client.source(), AddressSource::XForwardedFor);
//! assert!(client.is("203.0.113.7".parse().unwrap()));
//!
//! // From anybody else: the peer.
//! let forger = resolver.resolve(Some("192.0.2.66".parse().unwrap()), &headers).unwrap();
//! assert_eq!(forger.source(), AddressSource::Peer);
//! # Ok::<(), pinfold::ConfigError>(())
//! ```
//!
//! # Deployment caveat
//!
//! A proxy in front must append to the field, or replace it, and its own address must be listed as trusted. A proxy
//! that passes the field on untouched makes every client appear as that proxy.

mod evidence;
mod fields;
mod forwarded;
mod resolver;
mod trusted;

pub(crate) use evidence::Evidence;
pub(crate) use fields::Found;
pub use fields::{AddressFields, Peer};
pub use resolver::{AddressSource, ClientIp, ClientIpResolver, HeaderFamily};
pub use trusted::TrustedProxies;
