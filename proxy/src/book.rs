//! The book says what is so: its commands are commands, its configurations are sound, and its links lead somewhere.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::Cli;
use crate::config::parse;

/// How a block begins that is a whole configuration.
const WHOLE: &str = "# pinfold.toml\n";

/// What a part of a configuration is checked with, unless it has the like itself.
const REST: [(&str, &str); 4] = [
    (
        "[site]",
        "name = \"Town\"\nurl = \"https://www.example.gov.uk\"\nhosts = [\"www.example.gov.uk\", \"my.example.gov.uk\"]\nlanguages = [\"en\"]",
    ),
    ("[origin]", "url = \"http://127.0.0.1:8000\""),
    ("[client_address]", "source = \"x-forwarded-for\"\ntrusted_proxies = [\"127.0.0.1\"]"),
    (
        "[[purpose]]",
        "id = \"marketing\"\nbasis = \"consent\"\ntitle = \"Marketing\"\ndescription = \"It measures.\"\n\
         [purpose.cy]\ntitle = \"Marchnata\"\ndescription = \"Mae'n mesur.\"",
    ),
];

#[test]
fn every_command_is_one() {
    let mut count = 0;
    for (page, text) in pages() {
        for block in blocks(&text, &["sh", "console"]) {
            for line in block.replace("\\\n", " ").lines() {
                for words in commands(line) {
                    count += 1;
                    let read = Cli::read(words.iter().map(OsString::from));
                    assert!(read.is_ok(), "{}: {line}: {}", page.display(), read.unwrap_err());
                }
            }
        }
    }
    assert!(count > 40, "only {count} commands were found");
}

#[test]
fn every_configuration_is_sound() {
    let mut wholes = 0;
    for (page, text) in pages() {
        for block in blocks(&text, &["toml"]) {
            let whole = block.starts_with(WHOLE);
            wholes += usize::from(whole);
            let text = if whole { block } else { part(&block) };
            let checked = parse(Path::new("pinfold.toml"), &text, &[]);
            assert!(checked.settings.is_ok(), "{}: {:#?}\n{text}", page.display(), checked.settings);
            assert_eq!(checked.warnings, [], "{}", page.display());
        }
    }
    assert!(wholes >= 9, "only {wholes} whole configurations were found");
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let anchors: BTreeMap<_, Vec<_>> =
        pages.iter().map(|(page, text)| (page.clone(), headings(text).map(anchor).collect())).collect();
    for (page, text) in &pages {
        for link in links(text).filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let target = target.canonicalize().unwrap_or_else(|_| panic!("{}: no {link}", page.display()));
            let known = place.is_empty() || anchors[&target].iter().any(|anchor| anchor == place);
            assert!(known, "{}: no place {link}, of {:?}", page.display(), anchors[&target]);
        }
    }
}

/// README and every page below `docs`, by path.
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let mut found = vec![root.join("README.md")];
    let mut directories = vec![root.join("docs")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.extension() {
                _ if path.is_dir() => directories.push(path),
                Some(end) if end == "md" => found.push(path),
                _ => {}
            }
        }
    }
    found.into_iter().map(|page| (page.clone(), fs::read_to_string(page).unwrap())).collect()
}

/// The fenced blocks of these languages, without what they are indented by.
fn blocks(text: &str, languages: &[&str]) -> Vec<String> {
    let (mut found, mut within) = (Vec::new(), None::<(usize, bool)>);
    for line in text.lines() {
        let bare = line.trim_start();
        match (bare.strip_prefix("```"), within) {
            (Some(language), None) => {
                let wanted = languages.contains(&language);
                within = Some((line.len() - bare.len(), wanted));
                found.extend(wanted.then(String::new));
            }
            (Some(_), Some(_)) => within = None,
            (None, Some((indent, true))) => {
                let block = found.last_mut().unwrap();
                block.push_str(line.get(indent..).unwrap_or_default());
                block.push('\n');
            }
            (None, _) => {}
        }
    }
    found
}

/// A part of a configuration as a whole one.
fn part(block: &str) -> String {
    let missing = REST.iter().filter(|(table, _)| !block.lines().any(|line| line.starts_with(table)));
    missing.fold(block.to_owned(), |text, (table, keys)| format!("{text}{table}\n{keys}\n"))
}

/// What `pinfold` is called with in a line of a shell, its own name first.
fn commands(line: &str) -> Vec<Vec<String>> {
    let words = shlex::split(line.trim_start_matches("$ ")).unwrap_or_else(|| panic!("{line}"));
    let of_shell = |word: &String| ["|", "&&", ";"].contains(&word.as_str());
    let called = words.split(of_shell).filter_map(|words| {
        let words = match words {
            [sudo, u, _, rest @ ..] if sudo == "sudo" && u == "-u" => rest,
            [sudo, rest @ ..] if sudo == "sudo" => rest,
            words => words,
        };
        let name = words.first().filter(|name| *name == "pinfold" || name.ends_with("/pinfold"));
        name.map(|_| words.iter().take_while(|word| !word.contains('>')).cloned().collect::<Vec<_>>())
    });
    called.filter(|words| words.len() > 1).collect()
}

fn headings(text: &str) -> impl Iterator<Item = &str> {
    let mut within = false;
    text.lines().filter_map(move |line| {
        within ^= line.trim_start().starts_with("```");
        line.strip_prefix('#').filter(|_| !within).map(|rest| rest.trim_start_matches('#').trim())
    })
}

/// What GitHub and mkdocs make of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// Where `[text](link)` leads, outside blocks.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let mut within = false;
    let lines = text.lines().filter(move |line| {
        within ^= line.trim_start().starts_with("```");
        !within
    });
    lines.flat_map(|line| line.split("](").skip(1)).filter_map(|rest| rest.split(')').next())
}
