use std::io;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// What is wrong, and the remedy.
pub(crate) type Untrusting = (String, &'static str);

/// Whom an origin's certificate may be from: those in `ca` alone where it is named, else those that this machine trusts.
///
/// # Errors
///
/// There are none.
pub(crate) fn authorities(ca: Option<&Path>) -> Result<RootCertStore, Untrusting> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(file) => {
            let unread = |error: io::Error| {
                (format!("{} cannot be read: {error}", file.display()), "name a PEM file of certificates")
            };
            let text = std::fs::read(file).map_err(unread)?;
            let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
            let sound = found.is_ok_and(|found| found.into_iter().all(|one| roots.add(one).is_ok()));
            if !sound || roots.is_empty() {
                let problem = format!("{} holds no sound certificate", file.display());
                return Err((problem, "write those of the authorities as PEM"));
            }
        }
        None => {
            // Some that machines trust cannot be read by anybody: the rest is enough.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                let problem = "this machine trusts no authority for certificates".to_owned();
                return Err((problem, "install ca-certificates, or name `[origin] ca`"));
            }
        }
    }
    Ok(roots)
}
