use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::doubts::server_name;
use super::roots::{Untrusting, authorities};

/// How long the same words are not said again: every request may fail for one reason.
const SAID: Duration = Duration::from_secs(60);

/// HTTP/2 in the list of what can be spoken (RFC 9113 section 3.2).
const HTTP2: &[u8] = b"h2";

/// How an origin is spoken to that is reached by https. There is no way not to verify it.
pub(crate) struct OriginTls {
    connector: TlsConnector,
    /// What must be agreed on, where it is not HTTP/1.1.
    http2: bool,
    name: ServerName<'static>,
    roots: Arc<RootCertStore>,
    said: Mutex<Option<(Instant, String)>>,
}

impl fmt::Debug for OriginTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginTls").field("name", &self.name).finish_non_exhaustive()
    }
}

/// They are alike where they believe the same.
impl PartialEq for OriginTls {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.http2) == (&other.name, other.http2) && self.roots.roots == other.roots.roots
    }
}

impl Eq for OriginTls {}

impl OriginTls {
    /// For an origin whose certificate must be for `host`, and from an authority in `ca`, else from one that this machine trusts. Where it is
    /// to speak `http2`, it must agree to that.
    ///
    /// # Errors
    ///
    /// No certificate can be for `host`, or there are no authorities.
    pub(crate) fn new(host: &str, ca: Option<&Path>, http2: bool) -> Result<Self, Untrusting> {
        let name = name_in_certificate(host)?;
        let roots = Arc::new(authorities(ca)?);
        let mut config = believing(roots.clone())?;
        config.alpn_protocols = vec![if http2 { HTTP2.to_vec() } else { b"http/1.1".to_vec() }];
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Self { connector, http2, name, roots, said: Mutex::default() })
    }

    /// Shakes hands over an open connection. What goes wrong is logged, and the error says it in the same words.
    pub(crate) async fn secure(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let secured = self.connector.connect(self.name.clone(), stream).await;
        let amiss = match &secured {
            Err(error) => words(error),
            Ok(stream) if self.http2 && stream.get_ref().1.alpn_protocol() != Some(HTTP2) => {
                "it does not agree to speak HTTP/2 (leave out `http2`)".to_owned()
            }
            Ok(_) => return secured,
        };
        self.say(&amiss);
        Err(io::Error::other(amiss))
    }

    fn say(&self, words: &str) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.as_ref().is_some_and(|(when, before)| when.elapsed() < SAID && before == words) {
            return;
        }
        let name = self.name.to_str();
        tracing::warn!("no safe connection to the origin {name}: {words}");
        *said = Some((Instant::now(), words.to_owned()));
    }
}

/// How a server that is no origin is spoken to: its certificate must be for `host`, and from an authority in `ca`, else from one that this
/// machine trusts.
///
/// # Errors
///
/// No certificate can be for `host`, or there are no authorities.
pub(crate) fn connector(
    host: &str,
    ca: Option<&Path>,
) -> Result<(TlsConnector, ServerName<'static>), Untrusting> {
    let config = believing(Arc::new(authorities(ca)?))?;
    Ok((TlsConnector::from(Arc::new(config)), name_in_certificate(host)?))
}

fn name_in_certificate(host: &str) -> Result<ServerName<'static>, Untrusting> {
    server_name(host).map_err(|_| {
        (format!("no certificate can be for `{host}`"), "name the server by a host name or an address")
    })
}

fn believing(roots: Arc<RootCertStore>) -> Result<ClientConfig, Untrusting> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| (error.to_string(), "report it: this is a fault of Pinfold"))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// What is wrong, and what to do about it.
fn words(error: &io::Error) -> String {
    use CertificateError as Because;
    let known = match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(Because::Expired | Because::ExpiredContext { .. })) => {
            "its certificate has expired (renew it)"
        }
        Some(Error::InvalidCertificate(Because::NotValidYet | Because::NotValidYetContext { .. })) => {
            "its certificate is not valid yet (set the clock of this machine or of the origin)"
        }
        Some(Error::InvalidCertificate(Because::UnknownIssuer | Because::BadSignature)) => {
            "its certificate is from an authority that is not trusted (name the authority with `ca`)"
        }
        Some(Error::InvalidCertificate(
            Because::NotValidForName | Because::NotValidForNameContext { .. },
        )) => "its certificate is for another name than that in `[origin] url` (correct either)",
        Some(Error::InvalidCertificate(Because::InvalidPurpose | Because::InvalidPurposeContext { .. })) => {
            "its certificate is not for a server (issue one for server authentication)"
        }
        Some(Error::InvalidCertificate(Because::Other(why))) => {
            return format!(
                "its certificate is none that a server can show: {why} (issue one for it, not an authority's own)"
            );
        }
        Some(Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
            "it does not agree to speak this version of HTTP (see `http2`)"
        }
        Some(Error::InvalidMessage(_)) => "what answers there does not speak TLS (is the port right?)",
        Some(other) => return other.to_string(),
        None => return format!("it broke the handshake off: {error}"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use rustls::OtherError;

    use super::*;

    #[test]
    fn what_is_wrong_with_an_origin_is_said_in_plain_words() {
        let of = |error: Error| words(&io::Error::new(io::ErrorKind::InvalidData, error));
        for (error, expected) in [
            (CertificateError::Expired, "has expired"),
            (CertificateError::NotValidYet, "is not valid yet"),
            (CertificateError::UnknownIssuer, "not trusted (name the authority with `ca`)"),
            (CertificateError::NotValidForName, "for another name"),
            (CertificateError::Revoked, "Revoked"),
            (CertificateError::InvalidPurpose, "is not for a server"),
            (
                CertificateError::Other(OtherError(Arc::new(io::Error::other("CaUsedAsEndEntity")))),
                "none that a server can show: CaUsedAsEndEntity (issue",
            ),
        ] {
            assert!(of(Error::InvalidCertificate(error)).contains(expected), "{expected}");
        }
        let ended = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert!(words(&ended).starts_with("it broke the handshake off"));
    }
}
