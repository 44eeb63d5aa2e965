use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use crate::tls::OriginTls;

/// How long a connection may take to open, TLS included.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the origin is. Nothing that a client says has a part in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    host: String,
    port: u16,
    tls: Option<Arc<OriginTls>>,
}

/// An open connection, as bytes.
pub(super) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

impl Address {
    /// Reached by https where there is `tls`.
    pub(super) fn new(origin: &Authority, tls: Option<Arc<OriginTls>>) -> Self {
        let (host, port) = reached_at(origin, tls.is_some());
        Self { host: host.to_owned(), port, tls }
    }

    /// Whether it is reached by https.
    pub(super) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Opens a connection to the first address of the name that takes one.
    pub(super) async fn connect(&self) -> io::Result<Stream> {
        let connected = async {
            let stream = self.first_that_answers().await?;
            Ok(match &self.tls {
                None => Either::Left(stream),
                Some(tls) => Either::Right(Box::new(tls.secure(stream).await?)),
            })
        };
        tokio::time::timeout(PATIENCE, connected)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn first_that_answers(&self) -> io::Result<TcpStream> {
        if let Ok(literal) = self.host.parse::<IpAddr>() {
            return open((literal, self.port).into()).await;
        }
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name of the origin has no address");
        for address in tokio::net::lookup_host((self.host.as_str(), self.port)).await? {
            if !may_be_meant(address.ip()) {
                failed = io::Error::other("the name of the origin leads to a link-local address");
                continue;
            }
            match open(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

/// The host without brackets, and the port: the usual one of its scheme where it names none.
fn reached_at(authority: &Authority, by_https: bool) -> (&str, u16) {
    let usual = if by_https { 443 } else { 80 };
    (authority.host().trim_matches(['[', ']']), authority.port_u16().unwrap_or(usual))
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // A connection without it is slower, not wrong.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Whether a name may lead there. Clouds keep the secrets of a machine at link-local addresses: whoever means one as an origin writes
/// the address itself.
fn may_be_meant(address: IpAddr) -> bool {
    /// Where Amazon's machines find their secrets over IPv6.
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    /// Where Alibaba's machines find theirs.
    const SHARED_METADATA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
    match address.to_canonical() {
        IpAddr::V4(v4) => !(v4.is_link_local() || v4.is_unspecified() || v4 == SHARED_METADATA),
        IpAddr::V6(v6) => !(v6.is_unicast_link_local() || v6.is_unspecified() || v6 == METADATA),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_authorities_lead() {
        for (authority, by_https, expected) in [
            ("site.example", false, ("site.example", 80)),
            ("site.example", true, ("site.example", 443)),
            ("site.example:8443", true, ("site.example", 8443)),
            ("[2001:db8::1]:8080", false, ("2001:db8::1", 8080)),
        ] {
            assert_eq!(reached_at(&authority.parse().unwrap(), by_https), expected, "{authority}");
        }
    }

    #[test]
    fn origin_02_no_name_leads_to_link_local_or_metadata() {
        for (address, expected) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("10.0.0.7", true),
            ("fd00::7", true),
            ("203.0.113.7", true),
            ("169.254.169.254", false),
            ("::ffff:169.254.169.254", false),
            ("100.100.100.200", false),
            ("fe80::1", false),
            ("fd00:ec2::254", false),
            ("0.0.0.0", false),
            ("::", false),
        ] {
            assert_eq!(may_be_meant(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[tokio::test]
    async fn names_and_literals_are_reached() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
            let origin: Authority = format!("{host}:{port}").parse().unwrap();
            Address::new(&origin, None).connect().await.unwrap();
        }
    }
}
