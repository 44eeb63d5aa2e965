//! The way to the server: who it is believed to be, and who it is told that we are.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::{Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::server::Postgres;
use crate::sql::SqlError;

/// Connects. What drives the connection is a task of this runtime.
pub(super) async fn connect(server: &Postgres) -> Result<Client, SqlError> {
    let mut config = server.config.clone();
    if let Some(file) = &server.password_file {
        config.password(password(file)?);
    }
    // Whoever drives it ends with it: what becomes of a connection is told by what is asked over it.
    if server.is_encrypted() {
        let (client, connection) = config.connect(encrypted(server)?).await.map_err(SqlError::from)?;
        tokio::spawn(connection);
        return Ok(client);
    }
    let (client, connection) = config.connect(NoTls).await.map_err(SqlError::from)?;
    tokio::spawn(connection);
    Ok(client)
}

/// The first line of a file.
fn password(file: &Path) -> Result<String, SqlError> {
    let unread = |error: io::Error| {
        SqlError::failed(format!("its password file {} cannot be read: {error}", file.display()))
    };
    let text = std::fs::read_to_string(file).map_err(unread)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn encrypted(server: &Postgres) -> Result<MakeRustlsConnect, SqlError> {
    let mut roots = RootCertStore::empty();
    match &server.authorities {
        Some(file) => {
            let unsound =
                || SqlError::failed(format!("{} holds no sound certificate of an authority", file.display()));
            for certificate in CertificateDer::pem_file_iter(file).map_err(|_| unsound())? {
                roots.add(certificate.map_err(|_| unsound())?).map_err(|_| unsound())?;
            }
        }
        // Some that machines trust cannot be read by anybody: the rest is enough.
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    if roots.is_empty() {
        return Err(SqlError::failed(
            "no authority for certificates is trusted (install ca-certificates, or name `sslrootcert`)",
        ));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let client = versions.map_err(SqlError::failed)?.with_root_certificates(roots).with_no_client_auth();
    Ok(MakeRustlsConnect::new(client))
}
