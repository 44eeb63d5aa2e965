use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::SystemTime;

use super::credential::is_withheld;
use super::fault::Faults;
use super::settings::{File, Https, Settings};
use crate::hold::{read_login, read_secret};
use crate::password::Password;
use crate::tls::{self, Half, PairFiles};

impl Https {
    /// Where its certificate and key are.
    pub(crate) fn pair(&self) -> PairFiles {
        PairFiles { certificate: self.certificate.path.clone(), key: self.key.path.clone() }
    }
}

/// Looks into the files that a configuration names: certificates, a key, a password. Credentials are the service's alone.
pub(super) fn look_into(settings: &Settings, faults: &Faults) {
    look_into_shared(settings, settings.hosts.named(), faults);
    look_into_own(settings, faults);
}

/// Into those that all sites share, which serve these hosts together.
pub(super) fn look_into_shared(settings: &Settings, hosts: &[String], faults: &Faults) {
    if let Some(https) = &settings.listen.https
        && [&https.certificate, &https.key].map(is_here) == [true; 2]
    {
        let place = |half| match half {
            Half::Certificate => &https.certificate.place,
            Half::Key => &https.key.place,
        };
        let files = https.pair();
        match files.read() {
            Ok(pair) => {
                for doubt in tls::doubts(&files, &pair, hosts, SystemTime::now()) {
                    faults.warn(place(doubt.half), doubt.problem, doubt.remedy);
                }
            }
            Err(fault) => faults.add(place(fault.half), fault.problem, fault.remedy),
        }
    }
    if let Some(file) = settings.admin_password.as_ref().filter(|file| is_here(file)) {
        match Password::read(&file.path) {
            Ok(_) if is_open(&file.path) => {
                let problem = format!("every user of this machine may read {}", file.path.display());
                faults.warn(&file.place, problem, "chmod 600");
            }
            Ok(_) => {}
            Err((problem, remedy)) => faults.add(&file.place, problem, remedy),
        }
    }
    if let Some(file) = settings.store.password.as_ref().filter(|file| is_here(file)) {
        let shown = file.path.display();
        match std::fs::read_to_string(&file.path) {
            Ok(text) if text.lines().next().is_none_or(str::is_empty) => {
                faults.add(&file.place, format!("{shown} holds no password"), "write it into the first line");
            }
            Ok(_) if is_open(&file.path) => {
                faults.warn(&file.place, format!("every user of this machine may read {shown}"), "chmod 600");
            }
            Ok(_) => {}
            Err(error) => {
                let remedy = "name a file that the user of the server may read";
                faults.add(&file.place, format!("{shown} cannot be read: {error}"), remedy);
            }
        }
    }
    if let Some(valkey) = &settings.valkey {
        if is_here(&valkey.secret)
            && let Err((problem, remedy)) = read_secret(&valkey.secret.path)
        {
            faults.add(&valkey.secret.place, problem, remedy);
        }
        if let Some(file) = valkey.password.as_ref().filter(|file| is_here(file))
            && let Err((problem, remedy)) = read_login(&file.path)
        {
            faults.add(&file.place, problem, remedy);
        }
        look_into_authorities(valkey.ca.iter(), faults);
    }
}

/// Into those that one site has to itself.
pub(super) fn look_into_own(settings: &Settings, faults: &Faults) {
    look_into_authorities(settings.origins.all().filter_map(|origin| origin.ca.as_ref()), faults);
}

fn look_into_authorities<'s>(files: impl Iterator<Item = &'s File>, faults: &Faults) {
    for ca in files.filter(|ca| is_here(ca)) {
        if let Err((problem, remedy)) = tls::authorities(Some(&ca.path)) {
            faults.add(&ca.place, problem, remedy);
        }
    }
}

/// Whether everybody may read a file.
fn is_open(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}

/// Whether a file can be looked into from here.
fn is_here(file: &File) -> bool {
    !is_withheld(&file.path)
}

/// What is named and was not looked into, because systemd gives it to the service alone. That is how it should be, and no fault.
pub(crate) fn withheld(settings: &Settings) -> Vec<String> {
    let https = settings.listen.https.iter().flat_map(|https| [&https.certificate, &https.key]);
    let valkey = settings.valkey.iter();
    let valkey =
        valkey.flat_map(|valkey| [Some(&valkey.secret), valkey.password.as_ref(), valkey.ca.as_ref()]);
    let origins = settings.origins.all().filter_map(|origin| origin.ca.as_ref());
    let all = https.chain(&settings.admin_password).chain(&settings.store.password);
    let all = all.chain(valkey.flatten()).chain(origins).filter(|file| !is_here(file));
    let mut names: Vec<_> = all.map(|file| file.path.display().to_string()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
