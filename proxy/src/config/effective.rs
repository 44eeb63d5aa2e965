//! What a configuration comes to: each value and where it came from. It is written down by what reads it, so that it is what is meant.

use std::cell::RefCell;

use serde_json::Value as Json;

use super::source::{Node, Value};

/// One value that is in force.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Entry {
    /// `[consent]`, or `[[cookie]] _ga*`; empty for what stands before any table.
    pub(crate) heading: String,
    pub(crate) key: String,
    pub(crate) value: Json,
    /// A file with the line, a variable of the environment, or `default`.
    pub(crate) from: String,
}

/// Gathers values on one pass through a configuration.
#[derive(Debug, Default)]
pub(super) struct Record(RefCell<Vec<Entry>>);

impl Record {
    pub(super) fn note(&self, heading: &str, key: &str, value: &Value, from: String) {
        let (heading, key) = (heading.to_owned(), key.to_owned());
        self.0.borrow_mut().push(Entry { heading, key, value: json(value), from });
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        let mut entries = self.0.into_inner();
        // The root is read to its end last, and stands first.
        entries.sort_by_key(|entry| !entry.heading.is_empty());
        entries
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Array(items) => items.iter().map(|Node { value, .. }| json(value)).collect(),
        Value::Boolean(flag) => Json::Bool(*flag),
        Value::Integer(number) => Json::from(*number),
        Value::String(text) => Json::String(masked(text)),
        // Nothing asks for either; then it is a fault, and nothing is shown.
        Value::Table(_) | Value::Other(_) => Json::Null,
    }
}

/// A text without the password that an address may have in it (`scheme://user:password@host`).
fn masked(text: &str) -> String {
    let parts = text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?)));
    match parts {
        Some((scheme, (_, host))) => format!("{scheme}://***@{host}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked() {
        for (text, expected) in [
            ("postgres://pinfold:s3cret@db/pinfold", "postgres://***@db/pinfold"),
            ("redis://:a@b@127.0.0.1", "redis://***@127.0.0.1"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("sqlite:a@b.db", "sqlite:a@b.db"),
        ] {
            assert_eq!(masked(text), expected);
        }
    }
}
