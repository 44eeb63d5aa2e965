//! How much of a request is taken in, and how long it may take.

use std::time::Duration;

/// The longest head, in bytes. Browsers send one or two KiB; the rest is room for cookies of others under the same domain.
pub(super) const LONGEST_HEAD: usize = 64 * 1024;

/// The most fields of one head, each crumb of a cookie in HTTP/2 aside. Browsers send about twenty. hyper's own limit is the same.
pub(super) const MOST_FIELDS: usize = 100;

/// The longest path and query, in bytes: what common servers behind the proxy take.
pub(super) const LONGEST_TARGET: usize = 8 * 1024;

/// The longest method, in bytes. The longest that is registered has 17 (RFC 9110 section 16.1.1).
pub(super) const LONGEST_METHOD: usize = 32;

/// The longest `Cookie` field, in bytes. A browser may hold 50 cookies of 4 KiB for a domain, but no common server takes that.
pub(super) const LONGEST_COOKIE: usize = 16 * 1024;

/// The most bytes of chunk extensions, and of trailers, of one body. Nothing reads either (CVE-2023-39326).
pub(super) const LONGEST_AROUND_CHUNKS: usize = 16 * 1024;

/// The most bytes over HTTP/2 that ask for nothing, while nothing is being answered: pings, settings, heads that h2 refuses. The window of
/// the connection, and room for heads: what may be on its way before a request is known to have begun.
pub(super) const MOST_UNASKED: usize = CONNECTION_WINDOW + 256 * 1024;

/// How much of bodies may be on its way to the proxy over one connection of HTTP/2, in bytes.
pub(super) const CONNECTION_WINDOW: usize = 1024 * 1024;

/// How long a stop waits for requests under way, and whoever takes a site away for those of the site.
pub(super) const DRAIN: Duration = Duration::from_secs(30);

/// How long TLS may take to begin: the handshake, whoever is slow with it.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a client may take to begin, and for the whole of a head.
pub(super) const HEAD: Duration = Duration::from_secs(10);

/// How long a connection may be unused once something was asked for. Proxies in front keep theirs about as long, and one that is closed just as
/// they begin to use it costs a visitor an error; over HTTP/2 what is left of an answer may be on its way, of which a reset would rob a slow client.
pub(super) const UNUSED: Duration = Duration::from_secs(60);

/// How often answers over HTTP/2 are looked at, whether they are taken.
pub(super) const LOOK: Duration = Duration::from_secs(10);

/// How many requests one connection of HTTP/2 may have answered at a time: what RFC 9113 section 6.5.2 asks for at least.
pub(super) const MOST_STREAMS: u32 = 100;

/// How long a client may keep the proxy waiting for each [`BODY_STEP`] of a body.
pub(super) const BODY: Duration = Duration::from_secs(10);

/// A modem of 1990 sends this in less than a second.
pub(super) const BODY_STEP: u64 = 1024;

/// How long a client may take nothing of an answer. Longer than the rest, because phones lose their network for a while, and players pause.
pub(super) const TAKING: Duration = Duration::from_secs(60);

/// The same of one answer over HTTP/2, while others are taken: over a slow line many share it, and clients take what they need first.
pub(super) const TAKING_ONE: Duration = Duration::from_secs(5 * 60);

/// How much of an answer may wait, encrypted, for the client to take it, in bytes: one record (RFC 8446 section 5.1). All of it must be taken
/// within [`TAKING`], because from outside it cannot be seen to go.
pub(super) const MOST_UNTAKEN: usize = 16 * 1024;

/// How long what a client still sends is thrown away after the last answer, lest a reset destroys the answer on its way (RFC 9112
/// section 9.6), and how many bytes of it.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);
pub(super) const FAREWELL_BYTES: usize = 64 * 1024;

/// How long nothing may move over a connection on which another protocol is spoken. Those that are kept open for long send pings.
pub(super) const TUNNEL: Duration = Duration::from_secs(60 * 60);

/// How much such a connection carries at once in each direction, in bytes: an idle one holds as much.
pub(super) const TUNNEL_STEP: usize = 4 * 1024;
