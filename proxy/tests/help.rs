//! What `--help` says: it fits a screen, and its example runs as it stands there.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::{BINARY, Origin, Pinfold, configuration, pinfold, signal};
use tempfile::TempDir;

/// A line of an old log.
const LOG: &str =
    "198.51.100.7 - - [24/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"Mozilla/5.0\"\n";

/// What `curl -v` says of a request, so that no curl is needed.
const CURL: &str = "#!/bin/sh\nprintf '> GET / HTTP/1.1\\n> Host: www.town.example\\n> Cookie: _ga=x\\n>\\n< HTTP/1.1 200 OK\\n<\\n' >&2\n";

/// The smallest screen that is still about.
const LINES: usize = 24;
const COLUMNS: usize = 80;

#[test]
fn every_help_fits_a_screen_and_shows_an_example() {
    for command in commands() {
        let text = help(&command);
        assert!(text.lines().count() <= LINES, "{command:?}\n{text}");
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{command:?}\n{text}");
        assert!(example(&text).contains("pinfold"), "{command:?}\n{text}");
    }
}

#[test]
fn what_is_wrong_with_a_command_line_is_said_in_one_line() {
    for (line, said) in [
        (&["chek"][..], "there is no command `chek` (did you mean `check`?)"),
        (&["check", "--strikt"], "`--strikt` is not known here (did you mean `--strict`?)"),
        (
            &["explain", "-", "--peer", "nope"],
            "`nope` is no value of --peer <ADDRESS>: invalid IP address syntax (see `pinfold explain --help`)",
        ),
        (&["db", "export"], "--reason <TEXT> is missing (see `pinfold db export --help`)"),
        (&["man", "chek"], "there is no command `chek` (did you mean `check`?)"),
    ] {
        let output = pinfold(line, Path::new("."));
        assert_eq!(output.status.code(), Some(2), "{line:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("pinfold: {said}\n"));
        assert!(output.stdout.is_empty(), "{line:?}");
    }
}

#[test]
fn every_example_runs() {
    let origin = Origin::hello();
    let server = Pinfold::configured(&configuration(origin.address, ""));
    let places = [("127.0.0.1:8000", origin.address), ("127.0.0.1:8081", server.admin)];
    for command in commands() {
        let mut line = example(&help(&command));
        for (written, address) in places {
            line = line.replace(written, &address.to_string());
        }
        match command.first().map(String::as_str) {
            // Of all commands, two servers are shown.
            None => line.split('`').skip(1).step_by(2).for_each(serves),
            Some("demo" | "run") => serves(&line),
            Some("approve") => {
                let output = run(&line, server.path());
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(said.contains("no look-up waits under this number"), "{said}");
            }
            Some("block" | "blocks" | "healthcheck" | "keys" | "lookup" | "reload" | "top" | "unblock") => {
                succeeds(&line, server.path())
            }
            Some("init") => succeeds(&line, directory().path()),
            Some(_) => {
                let directory = directory();
                // The import that is shown is one without a configuration.
                if command[0] != "import" {
                    fs::write(directory.path().join("pinfold.toml"), configuration(origin.address, ""))
                        .unwrap();
                    succeeds("pinfold import access.log", directory.path());
                }
                succeeds(&line, directory.path());
            }
        }
    }
}

/// The words of every command, and of none.
fn commands() -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut at = 0;
    while let Some(command) = all.get(at).cloned() {
        let text = help(&command);
        let list = text.split_once("Commands:\n").map_or("", |(_, list)| list).split("\n\n").next().unwrap();
        for line in list.lines() {
            // Some share a line.
            let names = line.trim().split("  ").next().unwrap().split(", ");
            all.extend(names.map(|name| command.iter().cloned().chain([name.to_owned()]).collect()));
        }
        at += 1;
    }
    assert!(all.len() > 25, "{all:?}");
    all
}

fn help(command: &[String]) -> String {
    let arguments: Vec<_> = command.iter().map(String::as_str).chain(["--help"]).collect();
    let output = pinfold(&arguments, Path::new("."));
    assert_eq!(output.status.code(), Some(0), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// It ends the help, and may be wrapped.
fn example(help: &str) -> String {
    let (_, example) = help.split_once("\nExample: ").unwrap_or_else(|| panic!("{help}"));
    example.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Logs, and places that are elsewhere on a machine.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in ["access.log", "access.log.1.gz"] {
        fs::write(directory.path().join(name), LOG).unwrap();
    }
    directory
}

fn succeeds(line: &str, directory: &Path) {
    let output = run(line, directory);
    assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
}

fn run(line: &str, directory: &Path) -> Output {
    shell(line, directory).output().unwrap()
}

/// It says that it takes requests, and stops when it is told to.
fn serves(line: &str) {
    let directory = directory();
    let line = line.replace("127.0.0.1:9000", "127.0.0.1:0");
    let line = if line.contains("--listen") { line } else { format!("{line} --listen 127.0.0.1:0") };
    let admin = if line.starts_with("pinfold demo") { " --admin 127.0.0.1:0" } else { "" };
    let mut command = shell(&format!("exec {line}{admin}"), directory.path());
    if admin.is_empty() {
        Pinfold::spawn(command, directory).stop();
        return;
    }
    // A demo says on standard output where it is.
    let mut demo = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(demo.stdout.take().unwrap()).lines();
    assert!(said.next().unwrap().unwrap().starts_with("site http://127.0.0.1:"), "{line}");
    assert!(said.next().unwrap().unwrap().starts_with("admin http://127.0.0.1:"), "{line}");
    signal(demo.id(), "TERM");
    assert_eq!(demo.wait().unwrap().code(), Some(0), "{line}");
}

/// A line for a shell that finds `pinfold`, and writes to nothing but this directory.
fn shell(line: &str, directory: &Path) -> Command {
    let programs = directory.join("bin");
    if !programs.exists() {
        fs::create_dir(&programs).unwrap();
        symlink(BINARY, programs.join("pinfold")).unwrap();
        fs::write(programs.join("curl"), CURL).unwrap();
        fs::set_permissions(programs.join("curl"), Permissions::from_mode(0o755)).unwrap();
    }
    let mut line = line.to_owned();
    for place in ["/etc/bash_completion.d", "/usr/local/share/man/man1", "/etc/pinfold", "/var/backups"] {
        line = line.replace(place, directory.to_str().unwrap());
    }
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command.args(["-c", &line]).env("PATH", path).current_dir(directory);
    command
}
