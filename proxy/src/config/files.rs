use std::time::SystemTime;

use super::fault::Faults;
use super::settings::{Https, Settings};
use crate::tls::{self, Half, PairFiles};

impl Https {
    /// Where its certificate and key are.
    pub(crate) fn pair(&self) -> PairFiles {
        PairFiles { certificate: self.certificate.path.clone(), key: self.key.path.clone() }
    }
}

/// Looks into the files that a configuration names: certificates, and a key.
pub(super) fn look_into(settings: &Settings, faults: &Faults) {
    if let Some(https) = &settings.listen.https {
        let place = |half| match half {
            Half::Certificate => &https.certificate.place,
            Half::Key => &https.key.place,
        };
        let files = https.pair();
        match files.read() {
            Ok(pair) => {
                for doubt in tls::doubts(&files, &pair, settings.hosts.named(), SystemTime::now()) {
                    faults.warn(place(doubt.half), doubt.problem, doubt.remedy);
                }
            }
            Err(fault) => faults.add(place(fault.half), fault.problem, fault.remedy),
        }
    }
    for ca in settings.origins.all().filter_map(|origin| origin.ca.as_ref()) {
        if let Err((problem, remedy)) = tls::authorities(Some(&ca.path)) {
            faults.add(&ca.place, problem, remedy);
        }
    }
}
