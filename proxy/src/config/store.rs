//! Where counts are kept: a file, or a database and who this node is in it.

use std::fs;

use pinfold_store::{Location, Postgres};

use super::credential::NamedFiles;
use super::fault::Faults;
use super::reader::{Located, Section};
use super::settings::File;

/// Keys that say something about a database alone.
const OF_A_DATABASE: [&str; 3] = ["node", "password_file", "spool"];

/// The longest name of a node, in bytes.
const LONGEST_NAME: usize = 64;

/// Reads `store` of `[audit]`, and what belongs to it.
pub(super) fn read_location(
    section: &Section<'_>,
    files: NamedFiles<'_>,
    faults: &Faults,
) -> Option<(Location, Option<File>)> {
    let [node, password, spool] = OF_A_DATABASE.map(|name| section.text(name));
    let is_database =
        |text: &str| ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
    let Some(address) = section.text("store").filter(|store| is_database(&store.value)) else {
        let file = section.parsed("store", |text| {
            text.strip_prefix("sqlite:").filter(|file| !file.is_empty()).map(str::to_owned)
        })?;
        for (name, written) in OF_A_DATABASE.iter().zip([&node, &password, &spool]) {
            if let Some(written) = written {
                faults.warn(
                    &written.place,
                    format!("`{name}` is not used: counts go to a file"),
                    "leave it out, or write an address of PostgreSQL as `store`",
                );
            }
        }
        return Some((Location::File(files.directory.join(file.value)), None));
    };
    let password = password.map(|file| files.file(file, faults));
    let report =
        |fault: pinfold_store::AddressFault| faults.add(&address.place, fault.problem(), fault.remedy());
    let mut database = Postgres::at(&address.value).map_err(report).ok()?.with_node(node_of(node, faults)?);
    let password = password.map(|file| file.ok_or(())).transpose().ok()?;
    if let Some(file) = &password {
        database = database.with_password_file(&file.path);
    }
    if let Some(spool) = spool {
        database = database.with_spool(files.directory.join(spool.value));
    }
    Some((database.into(), password))
}

/// The name that is written, or that of this machine.
fn node_of(written: Option<Located<String>>, faults: &Faults) -> Option<String> {
    let is_name = |name: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_letter)
    };
    let Some(written) = written else {
        let machine = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let machine = Some(machine.trim().to_owned()).filter(|name| is_name(name));
        return Some(machine.unwrap_or_else(|| "node".to_owned()));
    };
    if !is_name(&written.value) {
        faults.add(
            &written.place,
            format!("`{}` is not a name of a node", written.value),
            "write up to 64 letters, digits, dots and hyphens, such as web-1",
        );
        return None;
    }
    Some(written.value)
}
