use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{CertificateError, ClientConfig, Error, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::doubts::server_name;
use super::roots::{Untrusting, authorities};

/// How long the same words are not said again: every request may fail for one reason.
const SAID: Duration = Duration::from_secs(60);

/// How an origin is spoken to that is reached by https. There is no way not to verify it.
pub(crate) struct OriginTls {
    connector: TlsConnector,
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
        self.name == other.name && self.roots.roots == other.roots.roots
    }
}

impl Eq for OriginTls {}

impl OriginTls {
    /// For an origin whose certificate must be for `host`, and from an authority in `ca`, else from one that this machine trusts.
    ///
    /// # Errors
    ///
    /// No certificate can be for `host`, or there are no authorities.
    pub(crate) fn new(host: &str, ca: Option<&Path>) -> Result<Self, Untrusting> {
        let name = server_name(host).map_err(|_| {
            let problem = format!("no certificate can be for `{host}`");
            (problem, "name the origin by a host name or an address")
        })?;
        let roots = Arc::new(authorities(ca)?);
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| (error.to_string(), "report it: this is a fault of Pinfold"))?
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Self { connector, name, roots, said: Mutex::default() })
    }

    /// Shakes hands over an open connection. What goes wrong is logged.
    pub(crate) async fn secure(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let secured = self.connector.connect(self.name.clone(), stream).await;
        if let Err(error) = &secured {
            self.say(words(error));
        }
        secured
    }

    fn say(&self, words: String) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.as_ref().is_some_and(|(when, before)| when.elapsed() < SAID && *before == words) {
            return;
        }
        tracing::warn!("no safe connection to the origin: {words}");
        *said = Some((Instant::now(), words));
    }
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
            "its certificate is from an authority that is not trusted (name the authority with `[origin] ca`)"
        }
        Some(Error::InvalidCertificate(
            Because::NotValidForName | Because::NotValidForNameContext { .. },
        )) => "its certificate is for another name than that in `[origin] url` (correct either)",
        Some(Error::InvalidMessage(_)) => "what answers there does not speak TLS (is the port right?)",
        Some(other) => return other.to_string(),
        None => return format!("it broke the handshake off: {error}"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_an_origin_is_said_in_plain_words() {
        let of = |error: Error| words(&io::Error::new(io::ErrorKind::InvalidData, error));
        for (error, expected) in [
            (CertificateError::Expired, "has expired"),
            (CertificateError::NotValidYet, "is not valid yet"),
            (CertificateError::UnknownIssuer, "not trusted (name the authority with `[origin] ca`)"),
            (CertificateError::NotValidForName, "for another name"),
            (CertificateError::Revoked, "Revoked"),
        ] {
            assert!(of(Error::InvalidCertificate(error)).contains(expected), "{expected}");
        }
        let ended = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert!(words(&ended).starts_with("it broke the handshake off"));
    }
}
