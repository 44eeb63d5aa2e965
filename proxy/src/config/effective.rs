//! What a configuration comes to: each value and where it came from. It is written down by what reads it, so that it is what is meant.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;

use pinfold::consent::Policy;
use serde_json::Value as Json;

use super::excerpt::without_assigned;
use super::source::{Node, Value};

/// What is in force though no file and no variable says so.
const BUILT_IN: &str = "built in";

/// One value that is in force.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Entry {
    /// `[consent]`, or `[[cookie]] _ga*`; empty for what stands before any table.
    pub(crate) heading: String,
    pub(crate) key: String,
    pub(crate) value: Json,
    /// A file with the line, a variable of the environment, `default`, or `built in`.
    pub(crate) from: String,
    /// In which table it stands: two may be called alike.
    #[serde(skip)]
    table: Number,
}

/// The number of a table, and the number of one within it: in the order in which they are written out.
pub(super) type Number = (usize, usize);

/// Gathers values on one pass through a configuration.
#[derive(Debug, Default)]
pub(super) struct Record {
    tables: Cell<usize>,
    entries: RefCell<Vec<Entry>>,
}

impl Record {
    /// One that is written out behind another.
    pub(super) fn behind(other: &Self) -> Self {
        Self { tables: other.tables.clone(), entries: RefCell::default() }
    }

    /// A number for a table that is read from now on, within another, or within the whole file, which is 0.
    pub(super) fn open(&self, within: Number) -> Number {
        let next = self.tables.get() + 1;
        self.tables.set(next);
        match within {
            (0, _) => (next, 0),
            (outer, _) => (outer, next),
        }
    }

    pub(super) fn note(&self, (table, heading): (Number, &str), key: &str, value: &Value, from: String) {
        let (heading, key) = (heading.to_owned(), key.to_owned());
        self.entries.borrow_mut().push(Entry { heading, key, value: json(value), from, table });
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        let mut entries = self.entries.into_inner();
        entries.sort_by_key(|entry| entry.table);
        entries
    }
}

/// What a policy has of itself: the cookies of well-known products, and the purposes that nobody had to declare.
pub(crate) fn built_in(policy: &Policy, written: &[Entry]) -> Vec<Entry> {
    let entry = |heading: String, key: &str, value: &str| {
        let (key, value, from) = (key.to_owned(), Json::from(value), BUILT_IN.to_owned());
        Entry { heading, key, value, from, table: (usize::MAX, 0) }
    };
    let purposes = policy.purposes().map(|one| (format!("[[purpose]] {}", one.id()), one.basis().name()));
    let purposes = purposes.filter(|(heading, _)| !written.iter().any(|entry| entry.heading == *heading));
    let cookies = policy.register().rules().iter().filter(|rule| rule.is_well_known()).map(|rule| {
        (format!("[[cookie]] {}", rule.pattern()), rule.purpose().unwrap_or("strictly-necessary"))
    });
    let purposes = purposes.map(|(heading, basis)| entry(heading, "basis", basis));
    purposes.chain(cookies.map(|(heading, purpose)| entry(heading, "purpose", purpose))).collect()
}

/// As a file that could be run, with a word on where each value came from. What is built in is no part of it, and stands in remarks.
pub(crate) fn to_toml(entries: &[Entry]) -> String {
    let mut text = String::new();
    let mut open = (0, 0);
    // Writing into a string does not fail.
    for Entry { heading, key, value, from, table } in entries {
        if from == BUILT_IN {
            let _ = writeln!(text, "# {heading}: {key} = {value}  # {from}");
            continue;
        }
        if *table != open {
            open = *table;
            let _ = writeln!(text, "\n{}", toml_heading(heading));
        }
        let _ = writeln!(text, "{:<40}  # {from}", format!("{key} = {value}"));
    }
    text
}

/// `[[cookie]] _ga*` is `[[cookie]]`, and `[[cookie]] _ga*, cy` the table `[cookie.cy]` within it.
fn toml_heading(heading: &str) -> String {
    match heading.strip_prefix("[[").and_then(|rest| rest.split_once("]] ")) {
        None => heading.to_owned(),
        Some((list, label)) => match label.rsplit_once(", ") {
            None => format!("[[{list}]]"),
            Some((_, inner)) => format!("[{list}.{inner}]"),
        },
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Array(items) => items.iter().map(|Node { value, .. }| json(value)).collect(),
        Value::Boolean(flag) => Json::Bool(*flag),
        Value::Integer(number) => Json::from(*number),
        Value::String(text) => Json::String(masked(text)),
        // Nothing asks for these; then there is a fault, and nothing is shown.
        Value::Table(_) | Value::Other(_) | Value::Torn => Json::Null,
    }
}

/// A text without the password that an address may have in it (`scheme://user:password@host`, `password=`).
pub(super) fn masked(text: &str) -> String {
    let text = &without_assigned(text, |_| "***".to_owned());
    let parts = text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?)));
    match parts {
        Some((scheme, (_, host))) => format!("{scheme}://***@{host}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::config::{Checked, changes, parse};

    #[test]
    fn what_is_in_force_is_a_file_that_comes_to_the_same() {
        let text = include_str!("../../../docs/pinfold.example.toml");
        let environment = [("PINFOLD__CONSENT__BANNER".to_owned(), "false".to_owned())];
        let written = parse(Path::new("pinfold.toml"), text, &environment);
        assert!(written.settings.is_ok());
        let again = parse(Path::new("again.toml"), &to_toml(&written.entries), &[]);
        assert!(again.settings.is_ok(), "{:#?}", again.settings);
        assert_eq!(changes(&written.entries, &again.entries), []);
        let from = |key: &str| &written.entries.iter().find(|entry| entry.key == key).unwrap().from;
        assert_eq!(from("banner"), "PINFOLD__CONSENT__BANNER");
        assert!(from("url").starts_with("pinfold.toml:"));
    }

    #[test]
    fn tls_is_shown_as_it_is_written() {
        let text = "[site]\nname = \"Town\"\nurl = \"https://www.town.example\"\n\
                    [listen]\nhttps = { address = \"127.0.0.1:8443\", certificate = \"c.pem\", key = \"k.pem\" }\n\
                    [origin]\nurl = \"https://10.0.0.7\"\nca = \"ca.pem\"\n";
        let written = parse(Path::new("pinfold.toml"), text, &[]);
        let all = to_toml(&written.entries);
        for line in ["[listen.https]", "address = \"127.0.0.1:8443\"", "key = \"k.pem\"", "ca = \"ca.pem\""] {
            assert!(all.lines().any(|one| one.starts_with(line)), "{line}: {all}");
        }
        assert!(!all.contains("http = "), "there is no other listener: {all}");
        let again = parse(Path::new("again.toml"), &all, &[]);
        assert!(again.settings.is_ok(), "{:#?}", again.settings);
        assert_eq!(changes(&written.entries, &again.entries), []);
    }

    #[test]
    fn what_is_built_in_is_said_and_not_written() {
        let text = "[site]\nname = \"Town\"\nurl = \"https://www.town.example\"\n[origin]\nurl = \"http://127.0.0.1:8000\"\n";
        let Checked { settings, entries, .. } = parse(Path::new("pinfold.toml"), text, &[]);
        let policy = settings.unwrap().policy(BTreeMap::new(), Vec::new()).unwrap();
        let built_in = built_in(&policy, &entries);
        assert!(built_in.iter().any(|entry| entry.heading == "[[purpose]] statistics"), "of visits");
        assert!(built_in.iter().any(|entry| entry.heading == "[[cookie]] PHPSESSID"));
        let all = to_toml(&[entries.clone(), built_in].concat());
        assert_eq!(changes(&entries, &parse(Path::new("again.toml"), &all, &[]).entries), []);
    }

    #[test]
    fn passwords_are_masked() {
        for (text, expected) in [
            ("postgres://pinfold:s3cret@db/pinfold", "postgres://***@db/pinfold"),
            ("redis://:a@b@127.0.0.1", "redis://***@127.0.0.1"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("sqlite:a@b.db", "sqlite:a@b.db"),
            ("host=x user=u password=hunter2 dbname=d", "host=x user=u password=*** dbname=d"),
            ("postgres:///d?password=a&x=y", "postgres:///d?password=***&x=y"),
        ] {
            assert_eq!(masked(text), expected);
        }
    }
}
