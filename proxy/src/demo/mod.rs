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
    let configuration = CONFIGURATION
        .replace("@LISTEN@", &listen.to_string())
        .replace("@ADMIN@", &admin.to_string())
        .replace("@ORIGIN@", &origin.to_string());
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
