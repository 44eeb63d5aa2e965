//! What the program writes of its configuration, as it is kept in `docs`, and what its schema takes and refuses.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::path::Path;

use common::pinfold;
use jsonschema::Validator;

#[test]
fn documents_are_as_the_program_writes_them() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for (flag, name) in [
        ("--schema", "pinfold.schema.json"),
        ("--reference", "configuration.md"),
        ("--example", "pinfold.example.toml"),
    ] {
        let written = config(flag);
        let file = docs.join(name);
        if std::env::var_os("PINFOLD_RENEW").is_some() {
            fs::write(&file, &written).unwrap();
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            kept == written,
            "docs/{name} is out of date: PINFOLD_RENEW=1 cargo test -p pinfold-proxy --test documents"
        );
    }
}

#[test]
fn the_example_and_a_first_configuration_are_sound_for_check_and_schema() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("example.toml"), config("--example")).unwrap();
    let first: [&[&str]; 2] = [&[], &["--host", "www.example.gov.uk"]];
    for (name, arguments) in ["here.toml", "public.toml"].into_iter().zip(first) {
        let init = [&["init", "--output", name], arguments].concat();
        assert!(pinfold(&init, directory.path()).status.success());
    }
    for name in ["example.toml", "here.toml", "public.toml"] {
        let check = pinfold(&["check", "--strict", "--config", name], directory.path());
        assert_eq!(check.status.code(), Some(0), "{name}: {check:?}");
        let text = fs::read_to_string(directory.path().join(name)).unwrap();
        let refused = refusals(&schema(), &text);
        assert!(refused.is_empty(), "{name}: {refused:?}");
    }
}

/// Each says itself whether the schema can see what is wrong with it.
#[test]
fn the_schema_refuses_what_it_can_see() {
    let schema = schema();
    let faults = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults");
    let mut seen = 0;
    for file in common::files(&faults).into_iter().filter(|file| file.extension() == Some("toml".as_ref())) {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        if toml::from_str::<toml::Table>(&text).is_err() {
            continue;
        }
        let refused = refusals(&schema, &text);
        let expected = text.lines().any(|line| line == "# The schema sees it.");
        seen += usize::from(expected);
        assert_eq!(!refused.is_empty(), expected, "{}: {refused:?}", file.display());
    }
    assert!(seen >= 10, "{seen}");
}

#[test]
fn exactly_one_thing_is_asked_of_config() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [&["config"][..], &["config", "--schema", "--reference"]] {
        assert_eq!(pinfold(arguments, directory.path()).status.code(), Some(2), "{arguments:?}");
    }
}

fn config(flag: &str) -> String {
    let output = pinfold(&["config", flag], Path::new("."));
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn schema() -> Validator {
    let schema = serde_json::from_str(&config("--schema")).unwrap();
    assert!(jsonschema::meta::is_valid(&schema), "it is no schema of draft 2020-12");
    jsonschema::draft202012::new(&schema).unwrap()
}

/// Why a configuration is refused.
fn refusals(schema: &Validator, text: &str) -> Vec<String> {
    let tree = serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap();
    schema.iter_errors(&tree).map(|error| format!("{}: {error}", error.instance_path())).collect()
}
