//! What is kept of what fuzzing found, once more, without libFuzzer.

use std::collections::BTreeSet;
use std::path::Path;

use pinfold_fuzz::{TARGETS, corpus};

#[test]
fn whatever_was_found_is_as_it_should_be() {
    for (target, run) in TARGETS {
        let inputs = corpus::read(target).unwrap_or_else(|error| panic!("corpora/{target}.txt: {error}"));
        assert!(!inputs.is_empty(), "corpora/{target}.txt is empty");
        for input in inputs {
            println!("{target} {}", input.escape_ascii());
            run(&input);
        }
    }
}

#[test]
fn every_target_has_its_files() {
    let names: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for (directory, extension) in [("fuzz_targets", "rs"), ("corpora", "txt")] {
        let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)).unwrap();
        let found: BTreeSet<_> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .map(|file| file.strip_suffix(&format!(".{extension}")).unwrap().to_owned())
            .collect();
        assert_eq!(found, names, "{directory}");
    }
}
