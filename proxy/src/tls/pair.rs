use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::Error;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use x509_cert::der::{Decode as _, SliceReader};
use zeroize::Zeroizing;

/// The largest file of certificates, and of a key, in bytes. Chains have a few KiB.
const LARGEST_CHAIN: u64 = 1024 * 1024;
const LARGEST_KEY: u64 = 64 * 1024;

const ABSENT: &str = "paths begin where the configuration is; credential: needs LoadCredential= in a unit";

/// Where a certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PairFiles {
    /// The server's own certificate, and those between it and an authority (PEM).
    pub(crate) certificate: PathBuf,
    /// PKCS#8, PKCS#1 or SEC1 (PEM), not encrypted.
    pub(crate) key: PathBuf,
}

/// One of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    Certificate,
    Key,
}

/// Why a pair cannot be used. It names the file, and nothing that is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PairFault {
    pub(crate) half: Half,
    pub(crate) problem: String,
    pub(crate) remedy: &'static str,
    /// It may be over in a moment, because files are replaced one after the other.
    pub(super) may_pass: bool,
}

impl fmt::Display for PairFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.problem, self.remedy)
    }
}

/// A certificate and the key that is its own.
pub(crate) struct Pair {
    pub(super) certified: Arc<CertifiedKey>,
    /// From when until when; nothing where that cannot be read.
    pub(super) valid: Option<(SystemTime, SystemTime)>,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("valid", &self.valid).finish_non_exhaustive()
    }
}

impl PairFiles {
    /// Reads both.
    ///
    /// # Errors
    ///
    /// A file is missing, cannot be read, or holds something else; or the key is another certificate's.
    pub(crate) fn read(&self) -> Result<Pair, PairFault> {
        let chain = read_chain(&self.certificate)?;
        let leaf = chain.first().ok_or_else(|| no_certificate(&self.certificate))?;
        if ParsedCertificate::try_from(leaf).is_err() {
            return Err(no_certificate(&self.certificate));
        }
        let valid = validity(leaf);
        let key = read_key(&self.key)?;
        let certified = any_supported_type(&key).map(|key| CertifiedKey::new(chain, key));
        match certified.and_then(|certified| certified.keys_match().map(|()| certified)) {
            Ok(certified) => Ok(Pair { certified: Arc::new(certified), valid }),
            Err(Error::InconsistentKeys(_)) => Err(PairFault {
                half: Half::Key,
                problem: format!(
                    "{} is not the key of the first certificate in {}",
                    self.key.display(),
                    self.certificate.display()
                ),
                remedy: "name the two that belong together; the server's own certificate stands first",
                may_pass: true,
            }),
            Err(_) => Err(PairFault {
                half: Half::Key,
                problem: format!("{} holds a key that cannot be used", self.key.display()),
                remedy: "use ECDSA (P-256, P-384 or P-521), Ed25519, or RSA of 2048 to 8192 bits",
                may_pass: false,
            }),
        }
    }
}

fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, PairFault> {
    let text = read(file, LARGEST_CHAIN, Half::Certificate)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    chain.map_err(|_| no_certificate(file))
}

fn no_certificate(file: &Path) -> PairFault {
    PairFault {
        half: Half::Certificate,
        problem: format!("{} holds no sound certificate", file.display()),
        remedy: "write it as PEM, the server's own first, then those between it and an authority",
        may_pass: false,
    }
}

fn read_key(file: &Path) -> Result<Zeroizing<PrivateKeyDer<'static>>, PairFault> {
    let text = read(file, LARGEST_KEY, Half::Key)?;
    let fault = |problem: &str, remedy| PairFault {
        half: Half::Key,
        problem: format!("{} holds {problem}", file.display()),
        remedy,
        may_pass: false,
    };
    if memchr::memmem::find(&text, b"ENCRYPTED").is_some() {
        return Err(fault(
            "a key that is encrypted",
            "decrypt it with `openssl pkey -in OLD -out NEW`, for Pinfold alone to read",
        ));
    }
    PrivateKeyDer::from_pem_slice(&text)
        .map(Zeroizing::new)
        .map_err(|_| fault("no private key", "write it as PEM: PKCS#8, PKCS#1 or SEC1"))
}

/// The whole of a file, in memory that is overwritten when it is done with.
fn read(file: &Path, largest: u64, half: Half) -> Result<Zeroizing<Vec<u8>>, PairFault> {
    let shown = file.display();
    let fault = |problem, remedy, may_pass| PairFault { half, problem, remedy, may_pass };
    // Of its whole size from the beginning: what grows leaves copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(largest).unwrap_or_default() + 1));
    let opened = File::open(file).and_then(|file| file.take(largest + 1).read_to_end(&mut text));
    match opened {
        Ok(length) if length as u64 > largest => {
            Err(fault(format!("{shown} is too large"), "name a file that holds this alone", false))
        }
        Ok(_) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(fault(format!("{shown} does not exist"), ABSENT, true))
        }
        Err(error) => {
            Err(fault(format!("{shown} cannot be read: {error}"), "let Pinfold's user read it", false))
        }
    }
}

fn validity(leaf: &CertificateDer<'_>) -> Option<(SystemTime, SystemTime)> {
    let mut reader = SliceReader::new(leaf).ok()?;
    let certificate = x509_cert::Certificate::decode(&mut reader).ok()?;
    let validity = certificate.tbs_certificate().validity();
    let time = |time: x509_cert::time::Time| SystemTime::UNIX_EPOCH.checked_add(time.to_unix_duration());
    Some((time(validity.not_before)?, time(validity.not_after)?))
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, generate_simple_self_signed};

    use super::*;

    fn fault(certificate: Option<&str>, key: Option<&str>) -> String {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: Option<&str>| {
            let path = directory.path().join(name);
            text.into_iter().for_each(|text| std::fs::write(&path, text).unwrap());
            path
        };
        let files = PairFiles { certificate: file("c.pem", certificate), key: file("k.pem", key) };
        let fault = files.read().unwrap_err().to_string();
        fault.replace(&format!("{}/", directory.path().display()), "")
    }

    #[test]
    fn tls_1_what_cannot_be_used_is_named_with_its_remedy() {
        let made = generate_simple_self_signed(["town.example".to_owned()]).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let another = KeyPair::generate().unwrap().serialize_pem();
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        let old = format!("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{}", &key[28..]);
        for (c, k, expected) in [
            (None, Some(&key), "c.pem does not exist (paths begin where the configuration is;"),
            (Some(&certificate), None, "k.pem does not exist"),
            (Some(&key), Some(&key), "c.pem holds no sound certificate (write it as PEM"),
            (Some(&String::new()), Some(&key), "c.pem holds no sound certificate"),
            (Some(&certificate[..300].to_owned()), Some(&key), "c.pem holds no sound certificate"),
            (Some(&certificate), Some(&certificate), "k.pem holds no private key (write it as PEM: PKCS#8"),
            (Some(&certificate), Some(&key[..80].to_owned()), "k.pem holds no private key"),
            (Some(&certificate), Some(&encrypted), "k.pem holds a key that is encrypted (decrypt it with"),
            (Some(&certificate), Some(&old), "k.pem holds a key that is encrypted"),
            (Some(&certificate), Some(&another), "k.pem is not the key of the first certificate in c.pem"),
            (Some(&certificate), Some(&"x".repeat(70_000)), "k.pem is too large"),
        ] {
            let found = fault(c.map(String::as_str), k.map(String::as_str));
            assert!(found.starts_with(expected), "{expected}: {found}");
            assert!(!found.contains(&key[40..60]), "{found}");
        }
    }
}
