//! Several sites: a file of what they share, and one file for each, all checked in one pass.

use std::io;
use std::path::{Path, PathBuf};

use super::catalogue::{OF_A_SITE, SHARED};
use super::check::{credentials, unread};
use super::configuration::{Configuration, Read, Site};
use super::credential::NamedFiles;
use super::effective::Record;
use super::fault::{Fault, Faults, Place};
use super::files::{look_into_own, look_into_shared};
use super::reader::{Located, Section};
use super::sections::{OfSite, Shared, read_shared_file, read_site_file};
use super::site::is_within;
use super::source;
use super::text::read_text;

/// What all sites share, in the directory of a configuration.
pub(super) const SHARED_FILE: &str = "pinfold.toml";

/// Where the files of sites are, below it.
pub(super) const SITES: &str = "sites";

/// The file of a site, and what was found in it.
struct OfFile {
    faults: Faults,
    record: Record,
    read: OfSite,
}

/// Reads a directory. Every fault of every file is found in one pass.
pub(super) fn read_directory(directory: &Path, environment: &[(String, String)], looks: bool) -> Read {
    let files = NamedFiles { directory, credentials: credentials(environment) };
    let mut unreadable = Vec::new();
    let file = directory.join(SHARED_FILE);
    let remedy = "write there what all sites share, if only version = 1";
    let text = read_text(&file, remedy).unwrap_or_else(|fault| {
        unreadable.push(fault);
        String::new()
    });
    let (shared_faults, shared_record) = (Faults::new(&file, &text), Record::default());
    let tree = source::read(&text, environment, &shared_faults);
    let root = Section::whole(SHARED, &tree, &shared_faults, &shared_record);
    let shared = read_shared_file(root, files, &shared_faults);

    let place = directory.join(SITES);
    let named = site_files(&place).unwrap_or_else(|error| {
        unreadable.push(unread(&place, &error, "write the file of each site there"));
        Vec::new()
    });
    let mut sites = Vec::new();
    for file in &named {
        match read_text(file, "let this user read it, or move it away") {
            Ok(text) => sites.push(read_one(file, &text, &shared, &shared_record, files)),
            Err(fault) => unreadable.push(fault),
        }
    }
    if named.is_empty() && place.is_dir() {
        let (place, problem) = (place.display().to_string(), "there is no site".to_owned());
        let remedy = "write one, such as sites/www.toml".to_owned();
        unreadable.push(Fault { place, problem, remedy, excerpt: None });
    }
    find_conflicts(&sites);
    if looks {
        look(&sites, &shared_faults);
    }

    let (mut faults, mut warnings) = shared_faults.into_found();
    faults.extend(unreadable);
    let (mut sound, mut is_whole) = (Vec::new(), true);
    for OfFile { faults: of_file, record, read } in sites {
        let (found, warned) = of_file.into_found();
        faults.extend(found);
        warnings.extend(warned);
        match read.settings {
            Some(settings) => sound.push(Site { settings, entries: record.into_entries() }),
            None => is_whole = false,
        }
    }
    let is_sound = faults.is_empty() && is_whole && !sound.is_empty();
    let configuration = match is_sound {
        true => Ok(Configuration::of(sound, Some(shared_record.into_entries()))),
        false => Err(faults),
    };
    Read { configuration, warnings }
}

/// Files in the order of their names, which say nothing else. Hidden ones are somebody's drafts.
fn site_files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.extension().is_some_and(|extension| extension == "toml") && !is_hidden {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read_one(file: &Path, text: &str, shared: &Shared, before: &Record, files: NamedFiles<'_>) -> OfFile {
    let (faults, record) = (Faults::new(file, text), Record::behind(before));
    // A variable could not say which site it means.
    let tree = source::read(text, &[], &faults);
    let root = Section::whole(OF_A_SITE, &tree, &faults, &record);
    let read = read_site_file(root, shared, files, &faults);
    OfFile { faults, record, read }
}

/// What two sites cannot both have. The fault is in the later file, and says where the other is.
fn find_conflicts(sites: &[OfFile]) {
    for (place, site) in sites.iter().enumerate() {
        for before in &sites[..place] {
            find_conflict(before, site);
        }
    }
}

fn find_conflict(before: &OfFile, site: &OfFile) {
    let (theirs, ours) = (&before.read, &site.read);
    let at = |located: &Located<String>| before.faults.shown(&located.place);
    let mut is_said_of_url = false;
    if let (Some(their), Some(our)) = (&theirs.url, &ours.url)
        && theirs.name == ours.name
    {
        is_said_of_url = true;
        let problem = format!("another site has the address of `{}`, at {}", ours.name, at(their));
        site.faults.add(&our.place, problem, "write one file for each site");
    }
    for host in &ours.hosts {
        let is_url = ours.url.as_ref().is_some_and(|url| url.place == host.place);
        if let Some(their) = theirs.hosts.iter().find(|their| their.value == host.value)
            && !(is_url && is_said_of_url)
        {
            let problem = format!("the host `{}` is that of another site, at {}", host.value, at(their));
            site.faults.add(&host.place, problem, "let one of them have it");
        }
    }
    if let (Some(their), Some(our)) = (&theirs.shared_domain, &ours.shared_domain)
        && (is_within(&their.value, &our.value) || is_within(&our.value, &their.value))
    {
        let problem = format!("choices would be shared with another site, at {}", at(their));
        site.faults.add(&our.place, problem, "make one site of the hosts that share them");
    }
    if let (Some(one), Some(other)) = (&theirs.settings, &ours.settings)
        && one.announcers != other.announcers
    {
        let [there, here] = [theirs, ours].map(place_of_source);
        let (there, problem) = (before.faults.shown(there), "connections are announced otherwise");
        let remedy = "write \"proxy-protocol\" with the same `trusted_proxies` for every site, or for none: \
                      it comes before a host is named";
        site.faults.add(here, format!("{problem} than for another site, at {there}"), remedy);
    }
}

/// Where it is said how clients are known, or could be.
fn place_of_source(site: &OfSite) -> &Place {
    let elsewhere = site.url.as_ref().filter(|_| site.source == Place::Whole);
    elsewhere.map_or(&site.source, |url| &url.place)
}

fn look(sites: &[OfFile], shared_faults: &Faults) {
    let sound = || sites.iter().filter_map(|site| Some((site.read.settings.as_ref()?, &site.faults)));
    let hosts: Vec<_> = sound().flat_map(|(settings, _)| settings.hosts.named().to_vec()).collect();
    if let Some((settings, _)) = sound().next() {
        look_into_shared(settings, &hosts, shared_faults);
    }
    sound().for_each(|(settings, faults)| look_into_own(settings, faults));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_within_each_other() {
        for (domain, other, expected) in [
            ("example.gov.uk", "example.gov.uk", true),
            ("www.example.gov.uk", "example.gov.uk", true),
            ("example.gov.uk", "www.example.gov.uk", false),
            ("anexample.gov.uk", "example.gov.uk", false),
        ] {
            assert_eq!(is_within(domain, other), expected, "{domain} {other}");
        }
    }
}
