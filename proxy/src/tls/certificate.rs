use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::doubts::doubts;
use super::pair::{PairFault, PairFiles};

/// How often files are looked at: whatever is renewed is in use a second later.
const LOOK: Duration = Duration::from_millis(500);

/// How many looks at unchanged files go by before they are called broken. Certificate and key are replaced one after the other, perhaps by hand.
const LOOKS: u32 = 1;
const LOOKS_THAT_MAY_PASS: u32 = 10;

/// The certificate that is shown to whoever connects. It is replaced as its files are; connections that are open go on.
pub(crate) struct Certificate {
    files: PairFiles,
    hosts: Vec<String>,
    current: ArcSwap<CertifiedKey>,
    seen: Mutex<Seen>,
}

/// What is known of the files.
struct Seen {
    marks: [Option<Mark>; 2],
    /// How many looks the files have been like this.
    looks: u32,
    /// They are in use, or have been called broken.
    settled: bool,
}

/// What changes when a file does: device, inode, size, and the times of its content and of its inode.
type Mark = (u64, u64, u64, (i64, i64), (i64, i64));

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Certificate {
    /// For a site of these hosts.
    ///
    /// # Errors
    ///
    /// The files cannot be used.
    pub(crate) fn open(files: PairFiles, hosts: &[String]) -> Result<Self, PairFault> {
        let marks = marks(&files);
        let pair = files.read()?;
        Ok(Self {
            files,
            hosts: hosts.to_vec(),
            current: ArcSwap::new(pair.certified),
            seen: Mutex::new(Seen { marks, looks: 0, settled: true }),
        })
    }

    /// Looks after the files for as long as it is run.
    pub(crate) async fn watch(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.look();
        }
    }

    /// Reads the files now. True where they hold another certificate than before; where they cannot be used the old one stays.
    ///
    /// # Errors
    ///
    /// The files cannot be used.
    pub(crate) fn renew(&self) -> Result<bool, PairFault> {
        let pair = self.files.read()?;
        let is_new = self.current.load().cert != pair.certified.cert;
        if is_new {
            for doubt in doubts(&self.files, &pair, &self.hosts, SystemTime::now()) {
                tracing::warn!("{} ({})", doubt.problem, doubt.remedy);
            }
        }
        self.current.store(pair.certified);
        Ok(is_new)
    }

    fn look(&self) {
        let marks = marks(&self.files);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.marks != marks {
            *seen = Seen { marks, looks: 0, settled: false };
        } else if seen.settled {
            return;
        } else {
            seen.looks += 1;
        }
        match self.renew() {
            Ok(is_new) => {
                seen.settled = true;
                if is_new {
                    tracing::info!(certificate = %self.files.certificate.display(), "a new certificate is in use");
                }
            }
            Err(fault) => {
                seen.settled = seen.looks >= if fault.may_pass { LOOKS_THAT_MAY_PASS } else { LOOKS };
                if seen.settled {
                    tracing::warn!("the old certificate stays in use: {fault}");
                }
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn marks(files: &PairFiles) -> [Option<Mark>; 2] {
    [mark(&files.certificate), mark(&files.key)]
}

fn mark(file: &Path) -> Option<Mark> {
    let found = std::fs::metadata(file).ok()?;
    let (content, inode) = ((found.mtime(), found.mtime_nsec()), (found.ctime(), found.ctime_nsec()));
    Some((found.dev(), found.ino(), found.size(), content, inode))
}

#[cfg(test)]
mod tests {
    use std::fs::{remove_file, rename, write};

    use rcgen::{CertifiedKey as Made, KeyPair, generate_simple_self_signed};

    use super::*;

    fn made() -> Made<KeyPair> {
        generate_simple_self_signed(["town.example".to_owned()]).unwrap()
    }

    #[test]
    fn tls_2_files_are_replaced_one_by_one_and_broken_ones_are_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let files = PairFiles { certificate: path("c.pem"), key: path("k.pem") };
        let (old, new) = (made(), made());
        write(&files.certificate, old.cert.pem()).unwrap();
        write(&files.key, old.signing_key.serialize_pem()).unwrap();
        let certificate = Certificate::open(files.clone(), &[]).unwrap();
        let shown = || certificate.current.load().cert[0].clone();
        let settled = || certificate.seen.lock().unwrap().settled;
        let look = |times: u32| (0..times).for_each(|_| certificate.look());

        look(3);
        assert!(settled() && shown() == *old.cert.der());

        write(path("new"), new.cert.pem()).unwrap();
        rename(path("new"), &files.certificate).unwrap();
        look(3);
        assert!(!settled() && shown() == *old.cert.der(), "the key is still to come");
        write(&files.key, new.signing_key.serialize_pem()).unwrap();
        look(1);
        assert!(settled() && shown() == *new.cert.der());

        write(&files.certificate, "nonsense").unwrap();
        look(1);
        assert!(!settled(), "it may be half written");
        look(1);
        assert!(settled() && shown() == *new.cert.der());
        assert!(certificate.renew().is_err(), "whoever asks is told");

        remove_file(&files.key).unwrap();
        write(&files.certificate, old.cert.pem()).unwrap();
        look(LOOKS_THAT_MAY_PASS);
        assert!(!settled());
        look(1);
        assert!(settled() && shown() == *new.cert.der());

        write(&files.key, old.signing_key.serialize_pem()).unwrap();
        assert!(certificate.renew().unwrap());
        assert!(shown() == *old.cert.der());
    }
}
