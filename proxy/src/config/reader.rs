//! Takes values out of the tree by name and kind, and finds the names that nobody takes.

use std::cell::RefCell;

use super::fault::{Faults, Place};
use super::source::{Node, Table, Value};

/// One table of the configuration. Keys that nobody asks for are faults when it is dropped from view by [`Section::end`].
pub(super) struct Section<'a> {
    name: String,
    place: Place,
    table: Option<&'a Table>,
    known: RefCell<Vec<&'static str>>,
    faults: &'a Faults,
}

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(super) fn whole(table: &'a Table, faults: &'a Faults) -> Self {
        Self {
            name: String::new(),
            place: Place::Whole,
            table: Some(table),
            known: RefCell::default(),
            faults,
        }
    }

    fn inner(&self, key: &'static str, place: Place, table: Option<&'a Table>) -> Self {
        let name = if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
        Self { name, place, table, known: RefCell::default(), faults: self.faults }
    }

    /// Where the section begins.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// A table within this one; an empty one where it is not written.
    pub(super) fn section(&self, key: &'static str) -> Self {
        match self.find(key) {
            None => self.inner(key, Place::Whole, None),
            Some((place, node)) => match &node.value {
                Value::Table(table) => self.inner(key, place.clone(), Some(table)),
                _ => {
                    self.wrong_kind(key, node, "a table");
                    self.inner(key, place.clone(), None)
                }
            },
        }
    }

    /// A list of tables, written `[[key]]`.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Self> {
        let Some((_, node)) = self.find(key) else { return Vec::new() };
        let Value::Array(items) = &node.value else {
            self.wrong_kind(key, node, "a list of tables, each headed with double brackets");
            return Vec::new();
        };
        let table = |item: &'a Node| match &item.value {
            Value::Table(table) => Some(self.inner(key, item.place.clone(), Some(table))),
            _ => self.refuse(key, item, "a table"),
        };
        items.iter().filter_map(table).collect()
    }

    /// A text.
    pub(super) fn text(&self, key: &'static str) -> Option<Located<String>> {
        let (_, node) = self.find(key)?;
        match &node.value {
            Value::String(text) => Some(Located { value: text.clone(), place: node.place.clone() }),
            _ => self.refuse(key, node, "a text in quotation marks"),
        }
    }

    /// A text that must be there.
    pub(super) fn required(&self, key: &'static str, example: &str) -> Option<Located<String>> {
        let found = self.text(key);
        if found.is_none() && self.find(key).is_none() {
            let name = &self.name;
            let head = if matches!(self.place, Place::Whole) { format!("[{name}] ") } else { String::new() };
            self.faults.add(
                &self.place,
                format!("`{key}` is missing from [{name}]"),
                format!("write {head}{key} = {example:?}"),
            );
        }
        found
    }

    /// A text that something can be made of.
    pub(super) fn parsed<T>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<Located<T>> {
        let text = self.text(key)?;
        let parsed = parse(&text.value);
        if parsed.is_none() {
            self.faults.add(
                &text.place,
                format!("`{key}` cannot be {:?}", text.value),
                format!("write {expected}"),
            );
        }
        parsed.map(|value| Located { value, place: text.place })
    }

    /// One of a few words.
    pub(super) fn choice<T: Clone>(&self, key: &'static str, words: &[(&str, T)]) -> Option<Located<T>> {
        let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.parsed(key, &alternatives(&names), |text| {
            words.iter().find(|(word, _)| *word == text).map(|(_, value)| value.clone())
        })
    }

    /// True or false.
    pub(super) fn flag(&self, key: &'static str) -> Option<Located<bool>> {
        let (_, node) = self.find(key)?;
        match &node.value {
            Value::Boolean(flag) => Some(Located { value: *flag, place: node.place.clone() }),
            _ => self.refuse(key, node, "true or false, without quotation marks"),
        }
    }

    /// A whole number.
    pub(super) fn number(&self, key: &'static str) -> Option<Located<i64>> {
        let (_, node) = self.find(key)?;
        match &node.value {
            Value::Integer(number) => Some(Located { value: *number, place: node.place.clone() }),
            _ => self.refuse(key, node, "a whole number, without quotation marks"),
        }
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<Located<String>>> {
        let (_, node) = self.find(key)?;
        let Value::Array(items) = &node.value else {
            return self.refuse(key, node, "a list in square brackets");
        };
        let text = |item: &Node| match &item.value {
            Value::String(text) => Some(Located { value: text.clone(), place: item.place.clone() }),
            _ => self.refuse(key, item, "a text in quotation marks"),
        };
        Some(items.iter().filter_map(text).collect())
    }

    /// Notes that a key is known though this version does nothing with it; warns where it is written.
    pub(super) fn not_yet(&self, key: &'static str, what: &str) {
        if let Some((place, _)) = self.find(key) {
            self.faults.warn(
                place,
                format!("`{key}` is not acted on by this version: {what}"),
                "leave it for a later one",
            );
        }
    }

    /// Refuses every key that nobody asked for.
    pub(super) fn end(self) {
        let known = self.known.into_inner();
        for (key, (place, _)) in
            self.table.into_iter().flatten().filter(|(key, _)| !known.contains(&key.as_str()))
        {
            let whole = if self.name.is_empty() { String::new() } else { format!(" in [{}]", self.name) };
            let remedy = match nearest(key, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", known.join(", ")),
            };
            self.faults.add(place, format!("unknown key `{key}`{whole}"), remedy);
        }
    }

    fn find(&self, key: &'static str) -> Option<&'a (Place, Node)> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.table?.get(key)
    }

    fn wrong_kind(&self, key: &str, node: &Node, wanted: &str) {
        self.faults.add(&node.place, format!("`{key}` is {}", node.value.kind()), format!("write {wanted}"));
    }

    /// A value of the wrong kind is a fault, and then as good as none.
    fn refuse<T>(&self, key: &str, node: &Node, wanted: &str) -> Option<T> {
        self.wrong_kind(key, node, wanted);
        None
    }
}

fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.join(""),
    }
}

/// The known name that is at most a third of its letters away.
fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let close = known.iter().map(|one| (distance(name, one), *one)).min();
    close.filter(|(distance, one)| *distance * 3 <= one.len().max(name.len())).map(|(_, one)| one)
}

/// Letters to put in, take out or change (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (place, theirs) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *theirs);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(row[place] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name() {
        let known = ["timeout", "url", "listen", "lifetime"];
        for (name, expected) in [
            ("timout", Some("timeout")),
            ("lifetme", Some("lifetime")),
            ("uri", Some("url")),
            ("colour", None),
        ] {
            assert_eq!(nearest(name, &known), expected, "{name}");
        }
    }
}
