use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::guard::Speaks;
use super::limits::{HANDSHAKE, MOST_UNTAKEN};

/// Shakes hands with a client: the secured connection, and what was agreed to be spoken over it (RFC 7301), if anything. Nothing where the
/// client falls silent, or there is no version, suite or protocol that both know: rustls has told it then, as far as TLS can.
pub(super) async fn secured(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
) -> Option<(TlsStream<TcpStream>, Option<Speaks>)> {
    let mut stream = match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            return None;
        }
        Err(_) => {
            tracing::debug!("a TLS handshake took too long");
            return None;
        }
    };
    stream.get_mut().1.set_buffer_limit(Some(MOST_UNTAKEN));
    let agreed = stream.get_ref().1.alpn_protocol().map(|name| match name {
        b"h2" => Speaks::Http2,
        _ => Speaks::Http1,
    });
    Some((stream, agreed))
}
