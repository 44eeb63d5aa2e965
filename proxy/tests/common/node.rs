//! A node of a cluster: a server whose keys are made of halves in a Redis and in a file.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::clock::{self, Steps};
use super::{BINARY, Origin, Pinfold, configuration, pinfold};

/// What every node of the tests holds.
pub(crate) const SECRET: &str = "3f1c9a7e5b2d8064c1a3e5f70b9d2c4e6f8091a3b5c7d9e0f2143658a7b9cbde";

/// The files of a node before `origin`, with what it has in common at `url`.
pub(crate) fn place(origin: &Origin, url: &str) -> TempDir {
    place_with(origin, url, "")
}

/// The same with more in its configuration.
pub(crate) fn place_with(origin: &Origin, url: &str, more: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let settings = format!(
        "{more}[client_address]\nsource = \"x-forwarded-for\"\ntrusted_proxies = [\"127.0.0.1\"]\n\
         [keys]\nhold = \"valkey\"\nvalkey = {{ url = \"{url}\", secret_file = \"cluster.secret\" }}\n"
    );
    fs::write(directory.path().join("pinfold.toml"), configuration(origin.address, &settings)).unwrap();
    let secret = directory.path().join("cluster.secret");
    fs::write(&secret, SECRET).unwrap();
    fs::set_permissions(secret, Permissions::from_mode(0o600)).unwrap();
    directory
}

pub(crate) fn start(directory: TempDir) -> Pinfold {
    Pinfold::spawn(command(&directory), directory)
}

/// Starts one by a clock that is off by so much, and read once a second.
pub(crate) fn start_by(clock: &Steps, directory: TempDir) -> Pinfold {
    let mut command = command(&directory);
    clock::fake(&mut command);
    command.env("FAKETIME_TIMESTAMP_FILE", clock.file()).env("FAKETIME_CACHE_DURATION", "1");
    Pinfold::spawn(command, directory)
}

pub(crate) fn command(directory: &TempDir) -> Command {
    let mut command = Command::new(BINARY);
    command.args(["run", "--config", "pinfold.toml"]).current_dir(directory.path());
    command
}

/// A node, once it has heard from the others.
pub(crate) fn joined(origin: &Origin, url: &str) -> Pinfold {
    let node = start(place(origin, url));
    node.wait_until("it has not joined", is_common);
    node
}

pub(crate) fn is_common(node: &Pinfold) -> bool {
    node.metric("pinfold_key_common") == 1.0 && node.metric("pinfold_valkey_healthy") == 1.0
}

pub(crate) fn ask(node: &Pinfold, client: &str) -> u16 {
    node.get("/", &[("x-forwarded-for", client)]).status
}

/// What a command says as JSON.
pub(crate) fn data(directory: &Path, arguments: &[&str]) -> Value {
    let output = pinfold(&[arguments, &["--format", "json"]].concat(), directory);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The epoch in force.
pub(crate) fn epoch(node: &Pinfold) -> String {
    data(node.path(), &["keys"])["keys"][0]["epoch"].as_str().unwrap().to_owned()
}

/// The names of those who have come today, who came most first.
pub(crate) fn names(node: &Pinfold, most: &str) -> Vec<String> {
    let top = data(node.path(), &["top", "--most", most]);
    let hosts = top["hosts"].as_array().unwrap().iter();
    hosts.map(|host| host["pseudonym"].as_str().unwrap().to_owned()).collect()
}
