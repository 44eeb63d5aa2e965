use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::ServerSessionMemoryCache;
use rustls::version::{TLS12, TLS13};
use rustls::{Error, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::certificate::Certificate;

/// How many sessions may be resumed, of all clients together. They are in memory alone: a ticket that holds its session would be under a key
/// that opens them all. A visitor who comes back later just shakes hands once more.
const SESSIONS: usize = 4096;

/// What shakes hands with clients: `h2` or `http/1.1` by ALPN, no client certificates, nothing before the handshake is over (0-RTT
/// can be replayed, and a choice with it).
///
/// # Errors
///
/// The provider of cryptography lacks something, which it does not.
pub(crate) fn acceptor(certificate: Arc<Certificate>) -> Result<TlsAcceptor, Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    config.max_early_data_size = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
