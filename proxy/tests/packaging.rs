//! What is given out: the units of systemd, and the Debian package with the binary of this build.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Answer, BINARY, configuration, raw, signal};

/// What systemd may say of the service at most: 0 is nothing exposed, 10 everything.
const EXPOSURE: f64 = 1.6;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Runs a program to its end, which must be a good one; what it says.
fn say(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_container_copies_what_there_is_and_runs_what_is_a_command() {
    let text = fs::read_to_string(root().join("packaging/Containerfile")).unwrap();
    let of_source =
        |line: &str| line.strip_prefix("COPY ").filter(|rest| !rest.starts_with("--")).map(str::to_owned);
    let copied: Vec<_> = text.lines().filter_map(of_source).collect();
    assert!(copied.len() > 4, "{copied:?}");
    let context = tempfile::tempdir().unwrap();
    for line in copied {
        let (sources, _) = line.rsplit_once(' ').unwrap();
        for source in sources.split(' ') {
            symlink(root().join(source).canonicalize().unwrap(), context.path().join(source)).unwrap();
        }
    }
    // Cargo reads nothing of a workspace of which a member or a bench is not there.
    let mut read = Command::new(env!("CARGO"));
    say(read.args(["metadata", "--format-version=1", "--no-deps"]).current_dir(context.path()));
    for (name, after) in [("HEALTHCHECK", "CMD "), ("CMD", "CMD ")] {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        let (_, words) = line.split_once(after).unwrap();
        let words: Vec<String> = serde_json::from_str(words).unwrap();
        let words = words.iter().filter(|word| *word != "pinfold");
        // With --help nothing is done, but what stands before it must be known.
        say(Command::new(BINARY).args(words).arg("--help"));
    }
    for line in ["USER 65532:65532", "STOPSIGNAL SIGTERM", "ENTRYPOINT [\"pinfold\"]"] {
        assert!(text.lines().any(|one| one == line), "{line}");
    }
}

#[test]
#[ignore = "needs systemd-analyze"]
fn the_service_is_hardly_exposed() {
    let unit = root().join("packaging/systemd/pinfold.service");
    let table =
        say(Command::new("systemd-analyze").args(["security", "--offline=true", "--no-pager"]).arg(unit));
    let last = table.lines().last().unwrap();
    let (_, figure) = last.split_once("pinfold.service: ").unwrap_or_else(|| panic!("{last}"));
    let exposure: f64 = figure.split(' ').next().unwrap().parse().unwrap();
    assert!(exposure <= EXPOSURE, "{table}");
}

#[test]
#[ignore = "needs systemd-analyze, strace and setpriv"]
fn a_server_makes_no_system_call_that_its_unit_forbids() {
    let directory = tempfile::tempdir().unwrap();
    say(Command::new("chmod").arg("777").arg(directory.path()));
    let text = configuration("127.0.0.1:9".parse().unwrap(), "[keys]\nhold = \"memory\"");
    fs::write(directory.path().join("pinfold.toml"), text).unwrap();
    let program = directory.path().join("pinfold");
    fs::copy(BINARY, &program).unwrap();
    // As a user who may change nobody's files: as root, SQLite looks after owners.
    let mut server = Command::new("strace");
    server.args(["--follow-forks", "-qq", "--output", "calls", "setpriv", "--reuid=65534", "--clear-groups"]);
    server.arg(program).args(["run", "--config", "pinfold.toml"]).current_dir(directory.path());
    let server = common::Pinfold::spawn(server, directory);
    assert_eq!(
        Answer::read(&raw(
            server.site,
            b"GET / HTTP/1.1\r\nhost: www.town.example\r\nconnection: close\r\n\r\n"
        ))
        .status,
        502
    );
    let asked = common::pinfold(&["top", "--config", "pinfold.toml"], server.path());
    assert!(asked.status.success(), "{asked:?}");
    let process = format!("/proc/{0}/task/{0}/children", server.pid());
    signal(fs::read_to_string(process).unwrap().trim().parse().unwrap(), "TERM");
    // strace ends when the program does, and as it does.
    let (directory, _) = server.ended();
    let trace = fs::read_to_string(directory.path().join("calls")).unwrap();
    assert!(trace.contains("exit_group(0"), "{trace}");
    // What setpriv does comes before the program.
    let (_, trace) = trace.rsplit_once("execve(").unwrap();
    let made: BTreeSet<_> = trace.lines().skip(1).filter_map(call).collect();
    assert!(made.len() > 30, "{made:?}");
    let table = say(Command::new("systemd-analyze").arg("syscall-filter"));
    let sets = sets(&table);
    let within = |name: &str| members(&sets, name);
    let allowed: BTreeSet<_> = within("@system-service").into_iter().chain(within("@default")).collect();
    let forbidden: BTreeSet<_> = within("@privileged").into_iter().chain(within("@resources")).collect();
    let unit = fs::read_to_string(root().join("packaging/systemd/pinfold.service")).unwrap();
    assert!(unit.contains("SystemCallFilter=@system-service\nSystemCallFilter=~@privileged @resources\n"));
    let refused: Vec<_> =
        made.iter().filter(|call| !allowed.contains(*call) || forbidden.contains(*call)).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

/// The name of the call in a line of strace.
fn call(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(' ')?;
    let (name, _) = rest.trim_start().split_once('(')?;
    name.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        .then(|| name.to_owned())
}

/// The sets of `systemd-analyze syscall-filter`: each a line, with its members indented below.
fn sets(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut sets = BTreeMap::<_, Vec<_>>::new();
    let mut name = "";
    for line in text.lines() {
        match line.strip_prefix("    ") {
            Some(member) if !member.starts_with('#') => sets.entry(name).or_default().push(member),
            None if line.starts_with('@') => name = line,
            _ => {}
        }
    }
    sets
}

fn members(sets: &BTreeMap<&str, Vec<&str>>, name: &str) -> BTreeSet<String> {
    let of = |member: &&str| match member.starts_with('@') {
        true => members(sets, member),
        false => BTreeSet::from([(*member).to_owned()]),
    };
    sets.get(name).into_iter().flatten().flat_map(of).collect()
}

#[test]
#[ignore = "needs cargo-deb and dpkg"]
fn the_package_installs_what_it_says() {
    let made = tempfile::tempdir().unwrap();
    let mut build = Command::new(root().join("scripts/package"));
    say(build.args(["--binary", BINARY, "--output"]).arg(made.path()).stderr(Stdio::inherit()));
    say(Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(made.path()));
    let made_file = |end: &str| {
        let mut files = common::files(made.path()).into_iter();
        files.find(|file| file.to_string_lossy().ends_with(end)).unwrap_or_else(|| panic!("no {end}"))
    };
    let package = made_file(".deb");
    let installed = tempfile::tempdir().unwrap();
    let database = installed.path().join("var/lib/dpkg");
    fs::create_dir_all(database.join("updates")).unwrap();
    fs::create_dir_all(database.join("info")).unwrap();
    fs::write(database.join("status"), "").unwrap();
    // Unpacked as dpkg does it. Its scripts ask systemd, which a scratch root has not.
    let mut dpkg = Command::new("dpkg");
    dpkg.arg(format!("--root={}", installed.path().display())).args(["--force-not-root", "--unpack"]);
    say(dpkg.arg(&package).stderr(Stdio::null()));
    for (file, mode) in [
        ("usr/bin/pinfold", "755"),
        ("etc/pinfold/pinfold.toml.dpkg-new", "644"),
        ("usr/lib/systemd/system/pinfold.service", "644"),
        ("usr/lib/systemd/system/pinfold.socket", "644"),
        ("usr/lib/systemd/system/pinfold-https.socket", "644"),
        ("usr/lib/sysusers.d/pinfold.conf", "644"),
        ("usr/share/man/man1/pinfold.1.gz", "644"),
        ("usr/share/bash-completion/completions/pinfold", "644"),
        ("usr/share/zsh/vendor-completions/_pinfold", "644"),
        ("usr/share/fish/vendor_completions.d/pinfold.fish", "644"),
        ("usr/share/doc/pinfold/copyright", "644"),
        ("usr/share/doc/pinfold/book/pinfold.example.toml", "644"),
        ("usr/share/doc/pinfold/book/pinfold.schema.json", "644"),
        ("usr/share/doc/pinfold/book/places/nginx.md", "644"),
        ("usr/share/doc/pinfold/grafana/pinfold.json", "644"),
        ("usr/share/doc/pinfold/prometheus/alerts.yml", "644"),
    ] {
        let file = installed.path().join(file);
        assert_eq!(say(Command::new("stat").args(["-c", "%a"]).arg(&file)).trim(), mode, "{file:?}");
    }
    let shipped = installed.path().join("etc/pinfold/pinfold.toml.dpkg-new");
    let program = installed.path().join("usr/bin/pinfold");
    let said = say(Command::new(&program).args(["check", "--strict", "--config"]).arg(shipped));
    assert!(said.contains("is sound"), "{said}");
    assert_eq!(
        say(Command::new("dpkg-deb").arg("-I").arg(&package).arg("conffiles")).trim(),
        "/etc/pinfold/pinfold.toml"
    );
    let page = say(Command::new("zcat").arg(installed.path().join("usr/share/man/man1/pinfold.1.gz")));
    assert!(page.contains(".TH pinfold 1") && page.contains(".SS \"pinfold db backup\""), "{page}");
    for script in ["postinst", "prerm", "postrm"] {
        say(Command::new("sh").arg("-n").arg(root().join("packaging/debian").join(script)));
    }
    let inside = say(Command::new("tar").arg("--list").arg("--file").arg(made_file(".tar.gz")));
    for name in [
        "/pinfold\n",
        "/pinfold.1.gz\n",
        "/pinfold.toml\n",
        "/systemd/pinfold.service\n",
        "/grafana/pinfold.json\n",
        "/prometheus/alerts.yml\n",
        "/docs/pinfold.schema.json\n",
        "/completions/pinfold.bash\n",
    ] {
        assert!(inside.contains(name), "{name} is not in {inside}");
    }
}
