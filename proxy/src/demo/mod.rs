//! A small sample council site, and Pinfold in front of it, in one process.

mod pages;
mod site;

use std::net::SocketAddr;
use std::path::Path;

use crate::config::{self, Configuration};
use crate::exit::Failure;
use crate::serve::{self, Addresses};

/// The configuration of the demo, but for its addresses.
const CONFIGURATION: &str = include_str!("demo.toml");

/// The name under which it is written beside the store, for `pinfold report --config`.
const FILE: &str = "pinfold-demo.toml";

fn configuration(listen: SocketAddr, admin: SocketAddr, origin: SocketAddr) -> String {
    [("@LISTEN@", listen), ("@ADMIN@", admin), ("@ORIGIN@", origin)]
        .iter()
        .fold(CONFIGURATION.to_owned(), |text, (place, address)| text.replace(place, &address.to_string()))
}

/// Runs both until told to stop.
pub(crate) fn run(
    listen: SocketAddr,
    admin: SocketAddr,
    directory: &Path,
    ready: impl FnOnce(Addresses) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if !listen.ip().is_loopback() || !admin.ip().is_loopback() {
        return Err(Failure::misuse("the demo is for this machine alone (name loopback addresses)"));
    }
    std::fs::create_dir_all(directory).map_err(|error| cannot_write(directory, &error))?;
    let origin =
        site::start().map_err(|error| Failure::of(format!("the sample site cannot start: {error}")))?;
    let configuration = configuration(listen, admin, origin);
    let file = directory.join(FILE);
    std::fs::write(&file, &configuration).map_err(|error| cannot_write(&file, &error))?;
    let settings = config::parse(&file, &configuration, &[]).settings.map_err(|faults| {
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        Failure::of(format!("the demo is at fault: {}", faults.join("; ")))
    })?;
    serve::run(Configuration::of_one(settings), None, |addresses| {
        ready(addresses)?;
        tracing::info!(configuration = %file.display(), "Ctrl-C stops the demo");
        Ok(())
    })
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::of(format!("{} cannot be written: {error} (name another place with --dir)", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_nothing_to_warn_of_in_the_demo() {
        let [listen, admin, origin] = [1, 2, 3].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let checked = config::parse(Path::new(FILE), &configuration(listen, admin, origin), &[]);
        assert!(checked.settings.is_ok(), "{:#?}", checked.settings);
        assert_eq!(checked.warnings, []);
    }
}
