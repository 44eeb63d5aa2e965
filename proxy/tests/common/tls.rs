//! Certificates that are made for a test, and a client that shakes hands by hand.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use tempfile::TempDir;

use super::recorder::{Reply, SILENCE, read_reply};

pub(crate) const NAME: &str = "www.town.example";

/// A client's end of a connection.
pub(crate) type Secured = StreamOwned<ClientConnection, TcpStream>;

/// An authority that nobody knows, with a directory for what it issues.
pub(crate) struct Authority {
    pub(crate) directory: TempDir,
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

/// A certificate and its key as they are written to files.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) der: CertificateDer<'static>,
}

impl Authority {
    /// With `cert.pem` and `key.pem` for the town, and `ca.pem`.
    pub(crate) fn for_the_town() -> Self {
        let authority = Self::new();
        authority.put(&authority.issue(NAME));
        authority
    }

    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { directory, root: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn issue(&self, name: &str) -> Issued {
        self.issue_until(name, 2096)
    }

    /// Valid until a year begins.
    pub(crate) fn issue_until(&self, name: &str, year: i32) -> Issued {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 1, 1);
        let issued = params.signed_by(&key, &self.issuer).unwrap();
        Issued { certificate: issued.pem(), key: key.serialize_pem(), der: issued.der().clone() }
    }

    /// Replaces the files one by one, as certificate clients do.
    pub(crate) fn put(&self, issued: &Issued) {
        for (name, text) in [("key.pem", &issued.key), ("cert.pem", &issued.certificate)] {
            self.replace(name, text);
        }
    }

    pub(crate) fn replace(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let new = self.path("new.pem");
        std::fs::write(&new, text).unwrap();
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::rename(new, self.path(name)).unwrap();
    }

    /// `configuration` with a listener that has this certificate.
    pub(crate) fn listening(&self, configuration: &str) -> String {
        configuration.replace(
            "[listen]\n",
            &format!(
                "[listen]\nhttps = {{ address = \"127.0.0.1:0\", certificate = {:?}, key = {:?} }}\n",
                self.path("cert.pem"),
                self.path("key.pem")
            ),
        )
    }

    /// What a client goes by that knows this authority.
    pub(crate) fn client(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[&str],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }

    /// Connected, and ready to shake hands on the first write.
    pub(crate) fn connect(&self, address: SocketAddr) -> Secured {
        connect(address, self.client(rustls::DEFAULT_VERSIONS, &[]).into())
    }

    /// Sends bytes, and reads until the other side closes or says nothing more.
    pub(crate) fn converse(&self, address: SocketAddr, bytes: &[u8]) -> Reply {
        converse(self.connect(address), bytes)
    }
}

pub(crate) fn connect(address: SocketAddr, config: Arc<ClientConfig>) -> Secured {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let client = ClientConnection::new(config, ServerName::try_from(NAME).unwrap()).unwrap();
    StreamOwned::new(client, stream)
}

pub(crate) fn converse(mut stream: Secured, bytes: &[u8]) -> Reply {
    // The other side may refuse before everything is sent.
    let _ = stream.write_all(bytes);
    stream.sock.set_read_timeout(Some(SILENCE)).unwrap();
    read_reply(&mut stream)
}
