use std::os::unix::fs::PermissionsExt as _;
use std::time::SystemTime;

use jiff::Timestamp;
use rustls::client::verify_server_name;
use rustls::pki_types::ServerName;
use rustls::server::ParsedCertificate;

use super::pair::{Half, Pair, PairFiles};

/// Something about a pair that can be used which is probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doubt {
    pub(crate) half: Half,
    pub(crate) problem: String,
    pub(crate) remedy: &'static str,
}

/// What visitors' browsers, or a cautious operator, would say of a pair that serves `hosts`.
pub(crate) fn doubts(files: &PairFiles, pair: &Pair, hosts: &[String], now: SystemTime) -> Vec<Doubt> {
    let shown = files.certificate.display();
    let of_certificate = |problem, remedy| Doubt { half: Half::Certificate, problem, remedy };
    let mut doubts = Vec::new();
    match pair.valid {
        Some((_, ends)) if ends < now => {
            let problem = format!("the certificate in {shown} has expired on {}", day(ends));
            doubts.push(of_certificate(problem, "renew it: browsers refuse it"));
        }
        Some((begins, _)) if begins > now => {
            let problem = format!("the certificate in {shown} begins to be valid on {}", day(begins));
            doubts.push(of_certificate(problem, "wait, or set the clock: browsers refuse it until then"));
        }
        _ => {}
    }
    let unnamed: Vec<_> = hosts.iter().filter(|host| !names(pair, host)).map(String::as_str).collect();
    if !unnamed.is_empty() {
        let problem = format!("the certificate in {shown} is not for {}", unnamed.join(", "));
        doubts.push(of_certificate(problem, "get one for every host of the site"));
    }
    if is_open_to_all(files) {
        doubts.push(Doubt {
            half: Half::Key,
            problem: format!("everybody on this machine can read {}", files.key.display()),
            remedy: "take that away with `chmod o= FILE`",
        });
    }
    doubts
}

fn names(pair: &Pair, host: &str) -> bool {
    let Some(leaf) = pair.certified.cert.first() else { return false };
    let (Ok(leaf), Ok(name)) = (ParsedCertificate::try_from(leaf), server_name(host)) else { return false };
    verify_server_name(&leaf, &name).is_ok()
}

/// Of a name, or an address with or without brackets.
pub(super) fn server_name(host: &str) -> Result<ServerName<'static>, rustls::pki_types::InvalidDnsNameError> {
    ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
}

fn is_open_to_all(files: &PairFiles) -> bool {
    std::fs::metadata(&files.key).is_ok_and(|key| key.permissions().mode() & 0o004 != 0)
}

fn day(time: SystemTime) -> String {
    Timestamp::try_from(time)
        .map_or_else(|_| "a day out of range".to_owned(), |time| time.strftime("%F").to_string())
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions, write};
    use std::time::Duration;

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn tls_1_doubts_about_a_pair() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let files = PairFiles { certificate: path("c.pem"), key: path("k.pem") };
        let mut params =
            CertificateParams::new(["www.town.example".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2026, 3, 1);
        let key = KeyPair::generate().unwrap();
        write(&files.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
        write(&files.key, key.serialize_pem()).unwrap();
        let pair = files.read().unwrap();
        let february = SystemTime::UNIX_EPOCH + Duration::from_secs(1_770_000_000);
        let month = Duration::from_secs(31 * 86_400);
        for (hosts, now, mode, expected) in [
            (&["www.town.example", "[127.0.0.1]"][..], february, 0o600, &[][..]),
            (&["WWW.town.example"], february, 0o640, &[]),
            (&["www.town.example"], february + month, 0o600, &["has expired on 2026-03-01"]),
            (&["www.town.example"], february - 2 * month, 0o600, &["begins to be valid on 2026-01-01"]),
            (
                &["www.town.example", "town.example", "[::1]"],
                february,
                0o600,
                &["is not for town.example, [::1]"],
            ),
            (&["town.example"], february, 0o644, &["is not for town.example", "everybody on this machine"]),
        ] {
            set_permissions(&files.key, Permissions::from_mode(mode)).unwrap();
            let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
            let found = doubts(&files, &pair, &hosts, now);
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for (doubt, expected) in found.iter().zip(expected) {
                assert!(doubt.problem.contains(expected), "{found:?}");
            }
        }
    }
}
