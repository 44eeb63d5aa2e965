//! Imports run one way, as `docs/design.md` draws them: Rust itself would allow circles.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// Each module of the library and the modules that it may use.
const MAY_USE: [(&str, &[&str]); 8] = [
    ("time", &["error"]),
    ("client_ip", &["error"]),
    ("pseudonym", &["client_ip", "time"]),
    ("html", &["lately"]),
    ("consent", &["error", "html", "lately", "time"]),
    ("audit", &["client_ip", "consent", "error", "lately", "pseudonym", "time"]),
    ("error", &[]),
    ("lately", &[]),
];

#[test]
fn imports_run_one_way() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (module, allowed) in MAY_USE {
        for file in files(&source, module) {
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                for (_, rest) in
                    line.match_indices("crate::").map(|(at, found)| line.split_at(at + found.len()))
                {
                    let used: String =
                        rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    let root_type = used.starts_with("Config");
                    assert!(
                        root_type || used == module || allowed.contains(&used.as_str()),
                        "{} uses {used}: {line}",
                        file.display()
                    );
                }
            }
        }
    }
}

#[test]
fn consent_knows_neither_audit_nor_addresses() {
    let allowed = MAY_USE.iter().find(|(module, _)| *module == "consent").unwrap().1;
    assert!(
        !allowed.contains(&"audit") && !allowed.contains(&"client_ip") && !allowed.contains(&"pseudonym")
    );
}

#[test]
fn a_module_file_defines_nothing() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (module, _) in MAY_USE {
        for file in files(&source, module).into_iter().filter(|file| file.ends_with("mod.rs")) {
            let text = fs::read_to_string(&file).unwrap();
            let defines = ["struct ", "enum ", "fn ", "trait ", "impl "];
            let line = text.lines().find(|line| {
                let line = line.trim_start();
                !line.starts_with("//") && defines.iter().any(|word| line.contains(word))
            });
            assert_eq!(line, None, "{}", file.display());
        }
    }
}

fn files(source: &Path, module: &str) -> Vec<PathBuf> {
    let single = source.join(format!("{module}.rs"));
    if single.exists() {
        return vec![single];
    }
    let mut found = Vec::new();
    let mut folders = vec![source.join(module)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}
