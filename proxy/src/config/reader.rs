//! Takes values out of the tree by name and kind, and finds the names that nobody takes.

use std::cell::RefCell;

use super::effective::{Number, Record, masked};
use super::fault::{Faults, Place};
use super::source::{Node, Table, Value};

/// One table of the configuration. Keys that nobody asks for are faults when it is dropped from view by [`Section::end`].
pub(super) struct Section<'a> {
    name: String,
    /// As a person would point to it: `[consent]`, `[[cookie]] _ga*`.
    heading: String,
    /// Its number in the record.
    number: Number,
    place: Place,
    table: Option<&'a Table>,
    known: RefCell<Vec<&'static str>>,
    /// Keys that hold values, each with what it stands for where it is not written.
    values: RefCell<Vec<(&'static str, Option<Value>)>>,
    faults: &'a Faults,
    record: &'a Record,
}

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(super) fn whole(table: &'a Table, faults: &'a Faults, record: &'a Record) -> Self {
        Self {
            name: String::new(),
            heading: String::new(),
            number: (0, 0),
            place: Place::Whole,
            table: Some(table),
            known: RefCell::default(),
            values: RefCell::default(),
            faults,
            record,
        }
    }

    fn inner(&self, key: &'static str, heading: String, place: Place, table: Option<&'a Table>) -> Self {
        Self {
            name: self.name_of(key),
            heading,
            number: self.record.open(self.number),
            place,
            table,
            known: RefCell::default(),
            values: RefCell::default(),
            faults: self.faults,
            record: self.record,
        }
    }

    fn name_of(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// How a table within this one is called.
    fn heading_of(&self, key: &str) -> String {
        match self.heading.strip_suffix(']') {
            Some(outer) if !outer.starts_with("[[") => format!("{outer}.{key}]"),
            _ if self.heading.is_empty() => format!("[{key}]"),
            _ => format!("{}, {key}", self.heading),
        }
    }

    /// Where the section begins.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// A table within this one; an empty one where it is not written.
    pub(super) fn section(&self, key: &'static str) -> Self {
        match self.find(key) {
            None => self.inner(key, self.heading_of(key), Place::Whole, None),
            Some((place, node)) => match &node.value {
                Value::Table(table) => self.inner(key, self.heading_of(key), place.clone(), Some(table)),
                _ => {
                    self.wrong_kind(key, node, "a table");
                    self.inner(key, self.heading_of(key), place.clone(), None)
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
            Value::Table(table) => {
                let heading = format!("[[{}]] {}", self.name_of(key), label(table));
                Some(self.inner(key, heading, item.place.clone(), Some(table)))
            }
            _ => self.refuse(key, item, "a table"),
        };
        items.iter().filter_map(table).collect()
    }

    /// A text.
    pub(super) fn text(&self, key: &'static str) -> Option<Located<String>> {
        let (_, node) = self.value(key)?;
        match &node.value {
            Value::String(text) => Some(Located { value: text.clone(), place: node.place.clone() }),
            _ => self.refuse(key, node, "a text in quotation marks"),
        }
    }

    /// A text that must be there.
    pub(super) fn required(&self, key: &'static str, example: &str) -> Option<Located<String>> {
        let found = self.text(key);
        if self.find(key).is_none() {
            self.miss(&format!("`{key}` is missing from [{}]", self.name), key, example);
        }
        found
    }

    /// One text, or a list of some, that must be there.
    pub(super) fn required_texts(&self, key: &'static str, example: &str) -> Option<Vec<Located<String>>> {
        let found = match self.value(key) {
            Some((_, Node { value: Value::Array(_), .. })) => self.texts(key),
            Some(_) => self.text(key).map(|text| vec![text]),
            None => None,
        };
        if self.find(key).is_none() {
            self.miss(&format!("`{key}` is missing from [{}]", self.name), key, example);
        } else if found.as_ref().is_some_and(Vec::is_empty) {
            self.miss(&format!("`{key}` of [{}] names nothing", self.name), key, example);
        }
        found
    }

    fn miss(&self, problem: &str, key: &str, example: &str) {
        let head =
            if matches!(self.place, Place::Whole) { format!("[{}] ", self.name) } else { String::new() };
        self.faults.add(&self.place, problem, format!("write {head}{key} = {example:?}"));
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
                format!("`{key}` cannot be {:?}", masked(&text.value)),
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
        let (_, node) = self.value(key)?;
        match &node.value {
            Value::Boolean(flag) => Some(Located { value: *flag, place: node.place.clone() }),
            _ => self.refuse(key, node, "true or false, without quotation marks"),
        }
    }

    /// A whole number.
    pub(super) fn number(&self, key: &'static str) -> Option<Located<i64>> {
        let (_, node) = self.value(key)?;
        match &node.value {
            Value::Integer(number) => Some(Located { value: *number, place: node.place.clone() }),
            _ => self.refuse(key, node, "a whole number, without quotation marks"),
        }
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<Located<String>>> {
        let (_, node) = self.value(key)?;
        let Value::Array(items) = &node.value else {
            return self.refuse(key, node, "a list in square brackets");
        };
        let text = |item: &Node| match &item.value {
            Value::String(text) => Some(Located { value: text.clone(), place: item.place.clone() }),
            _ => self.refuse(key, item, "a text in quotation marks"),
        };
        Some(items.iter().filter_map(text).collect())
    }

    /// A text, or what it is where it is not written.
    pub(super) fn text_or(&self, key: &'static str, default: &str) -> Located<String> {
        let text = self.text(key);
        self.assume(key, Value::String(default.to_owned()));
        text.unwrap_or_else(|| Located { value: default.to_owned(), place: Place::Whole })
    }

    /// A text that something can be made of, and so can the one that stands for none.
    pub(super) fn parsed_or<T>(
        &self,
        key: &'static str,
        expected: &str,
        default: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Located<T>> {
        let parsed = self.parsed(key, expected, &parse);
        self.assume(key, Value::String(default.to_owned()));
        parsed.or_else(|| Some(Located { value: parse(default)?, place: Place::Whole }))
    }

    /// One of a few words, the first where none is written.
    pub(super) fn choice_or_first<T: Clone, const N: usize>(
        &self,
        key: &'static str,
        words: [(&str, T); N],
    ) -> Located<T> {
        const { assert!(N > 0) };
        let chosen = self.choice(key, &words);
        let (word, first) = &words[0];
        self.assume(key, Value::String((*word).to_owned()));
        chosen.unwrap_or_else(|| Located { value: first.clone(), place: Place::Whole })
    }

    /// True or false, or what it is where it is not written.
    pub(super) fn flag_or(&self, key: &'static str, default: bool) -> bool {
        let flag = self.flag(key);
        self.assume(key, Value::Boolean(default));
        flag.map_or(default, |flag| flag.value)
    }

    /// A whole number, or what it is where it is not written.
    pub(super) fn number_or(&self, key: &'static str, default: i64) -> Located<i64> {
        let number = self.number(key);
        self.assume(key, Value::Integer(default));
        number.unwrap_or(Located { value: default, place: Place::Whole })
    }

    /// Notes what a key stands for where it is not written.
    pub(super) fn assume(&self, key: &'static str, default: Value) {
        let mut values = self.values.borrow_mut();
        if let Some((_, assumed)) = values.iter_mut().find(|(known, _)| *known == key) {
            *assumed = Some(default);
        }
    }

    /// Notes that a key is known though this version does nothing with it; warns where it is written.
    pub(super) fn not_yet(&self, key: &'static str, what: &str) {
        if let Some((place, _)) = self.value(key) {
            self.faults.warn(
                place,
                format!("`{key}` is not acted on by this version: {what}"),
                "leave it for a later one",
            );
        }
    }

    /// Refuses every key that nobody asked for.
    pub(super) fn end(self) {
        for (key, default) in self.values.into_inner() {
            let written =
                self.table.and_then(|table| table.get(key)).map(|(_, node)| (&node.value, &node.place));
            if let Some((value, place)) = written.or(default.as_ref().map(|default| (default, &Place::Whole)))
            {
                self.record.note((self.number, &self.heading), key, value, self.faults.origin(place));
            }
        }
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

    fn value(&self, key: &'static str) -> Option<&'a (Place, Node)> {
        let mut values = self.values.borrow_mut();
        if !values.iter().any(|(known, _)| *known == key) {
            values.push((key, None));
        }
        self.find(key)
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

/// What tells one table of a list from the others: a name, or the first of its hosts and a path.
fn label(table: &Table) -> String {
    let first = |key| match &table.get(key)?.1 {
        Node { value: Value::Array(items), .. } => words(items.first()?),
        node => words(node),
    };
    if let Some(name) = ["id", "name"].into_iter().find_map(first) {
        return name.to_owned();
    }
    let place = ["hosts", "path"].into_iter().filter_map(first).collect::<String>();
    if place.is_empty() { "?".to_owned() } else { place }
}

fn words(node: &Node) -> Option<&str> {
    match &node.value {
        Value::String(text) => Some(text),
        _ => None,
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
pub(super) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
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
