//! Bad configurations in `tests/faults`: one of each kind of fault, and some with many. What `check` says of each, to people and to
//! programs, is kept beside it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use common::BINARY;
use common::tls::Authority;

#[test]
fn what_check_says_of_each_is_kept() {
    let faults = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults");
    let authority = Authority::for_the_town();
    fs::set_permissions(authority.path("key.pem"), Permissions::from_mode(0o644)).unwrap();
    let files = common::files(&faults);
    let mut checked = 0;
    for file in files.iter().filter(|file| file.extension() == Some("toml".as_ref())) {
        fs::copy(file, authority.path("pinfold.toml")).unwrap();
        let text = String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned();
        let (human, code) = check(authority.directory.path(), "pinfold.toml", &text, "human");
        let (json, same_code) = check(authority.directory.path(), "pinfold.toml", &text, "json");
        assert_eq!(code, same_code, "{}", file.display());
        let found: serde_json::Value = serde_json::from_str(&json).unwrap();
        let is_faulty = !found["faults"].as_array().unwrap().is_empty();
        assert_eq!(code, if is_faulty { 2 } else { 1 }, "{}: {human}", file.display());
        keep(&file.with_extension("txt"), &human);
        keep(&file.with_extension("json"), &json);
        checked += 1;
    }
    assert!(checked >= 95, "{checked}");
}

/// A directory of several sites: all faults of all files, each in its own.
#[test]
fn what_check_says_of_several_sites_is_kept() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults_of_several");
    let mut checked = 0;
    for case in fs::read_dir(&cases).unwrap().map(|entry| entry.unwrap().path()) {
        if !case.is_dir() {
            continue;
        }
        let name = case.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(case.join("pinfold.toml")).unwrap_or_default();
        let (human, code) = check(&cases, name, &text, "human");
        let (json, same_code) = check(&cases, name, &text, "json");
        assert_eq!((code, same_code), (2, 2), "{name}: {human}");
        keep(&case.with_extension("txt"), &human);
        keep(&case.with_extension("json"), &json);
        let found: serde_json::Value = serde_json::from_str(&json).unwrap();
        for fault in found["faults"].as_array().unwrap() {
            let place = fault["place"].as_str().unwrap();
            assert!(place.starts_with(name) || place.starts_with("PINFOLD__"), "{name}: {fault}");
            assert!(!fault["remedy"].as_str().unwrap().is_empty(), "{name}: {fault}");
        }
        checked += 1;
    }
    assert!(checked >= 10, "{checked}");
}

/// Every fault has its line, its column and a mark; but a variable of the environment has its name.
#[test]
fn every_fault_is_shown_where_it_is() {
    let faults = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults");
    for file in common::files(&faults).into_iter().filter(|file| file.extension() == Some("json".as_ref())) {
        let found: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let found =
            [&found["faults"], &found["warnings"]].map(|list| list.as_array().unwrap().clone()).concat();
        assert!(!found.is_empty(), "{}", file.display());
        for fault in found {
            let (place, excerpt) = (fault["place"].as_str().unwrap(), &fault["excerpt"]);
            let expected = match place.starts_with("PINFOLD__") {
                true => place.to_owned(),
                false => format!("pinfold.toml:{}:{}", excerpt["line"], excerpt["column"]),
            };
            assert_eq!(place, expected, "{}", file.display());
            assert!(!fault["remedy"].as_str().unwrap().is_empty(), "{}", file.display());
        }
    }
}

/// What is printed, and the exit code. A variable of the environment stands in a remark of the file.
fn check(directory: &Path, config: &str, text: &str, format: &str) -> (String, i32) {
    let mut command = Command::new(BINARY);
    command.args(["check", "--strict", "--format", format, "--config", config]).current_dir(directory);
    for line in text.lines() {
        if let Some((name, value)) = line.strip_prefix("# ").and_then(|line| line.split_once('='))
            && name.starts_with("PINFOLD__")
        {
            command.env(name, value);
        }
    }
    let output = command.output().unwrap();
    let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (printed, output.status.code().unwrap())
}

fn keep(file: &Path, said: &str) {
    if std::env::var_os("PINFOLD_RENEW").is_some() {
        fs::write(file, said).unwrap();
    }
    let kept = fs::read_to_string(file).unwrap_or_default();
    assert_eq!(
        kept,
        said,
        "{} says something else (look, then PINFOLD_RENEW=1 cargo test -p pinfold-proxy --test faults)",
        file.display()
    );
}
