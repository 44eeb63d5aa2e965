//! Takes values out of the tree by name and kind, and finds the names that nobody takes.

use std::cell::RefCell;

use super::catalogue::{FILE, Key, Kind, SHARED, Unwritten, alternatives};
use super::effective::{Number, Record, masked};
use super::fault::{Faults, Place};
use super::nearest::nearest;
use super::source::{Node, Table, Value};

/// One table of the configuration, read by what the catalogue says of its keys. Keys that it has not are faults: [`Section::end`].
pub(super) struct Section<'a> {
    pub(super) name: String,
    /// As a person would point to it: `[consent]`, `[[cookie]] _ga*`.
    heading: String,
    /// Its number in the record.
    number: Number,
    place: Place,
    table: Option<&'a Table>,
    keys: &'static [Key],
    /// Keys that hold values, each with what it stands for where it is not written.
    values: RefCell<Vec<(&'static str, Option<Value>)>>,
    pub(super) faults: &'a Faults,
    record: &'a Record,
}

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

impl<'a> Section<'a> {
    /// The whole of a file that may hold these keys.
    pub(super) fn whole(
        keys: &'static [Key],
        table: &'a Table,
        faults: &'a Faults,
        record: &'a Record,
    ) -> Self {
        Self {
            name: String::new(),
            heading: String::new(),
            number: (0, 0),
            place: Place::Whole,
            table: Some(table),
            keys,
            values: RefCell::default(),
            faults,
            record,
        }
    }

    fn inner(
        &self,
        key: &Key,
        keys: &'static [Key],
        heading: String,
        place: Place,
        table: Option<&'a Table>,
    ) -> Self {
        Self {
            name: self.name_of(key.name),
            heading,
            number: self.record.open(self.number),
            place,
            table,
            keys,
            values: RefCell::default(),
            faults: self.faults,
            record: self.record,
        }
    }

    /// What the catalogue says of a key. It has every key that is asked for: tests would stop here.
    pub(super) fn key(&self, name: &'static str) -> Key {
        let key = self.keys.iter().find(|key| key.name == name);
        debug_assert!(key.is_some(), "the catalogue has no `{name}` in [{}]", self.name);
        key.copied().unwrap_or(Key::new(name, Kind::Text))
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

    /// Whether it is there at all.
    pub(super) fn is_written(&self) -> bool {
        self.place != Place::Whole
    }

    /// A table within this one; an empty one where it is not written.
    pub(super) fn section(&self, name: &'static str) -> Self {
        let key = self.key(name);
        let keys = if let Kind::Table(keys) = key.kind { keys } else { &[] };
        let inner = |place, table| self.inner(&key, keys, self.heading_of(name), place, table);
        match self.find(name) {
            None => inner(Place::Whole, None),
            Some((place, node)) => match &node.value {
                Value::Table(table) => inner(place.clone(), Some(table)),
                _ => {
                    self.refuse::<()>(&key, node);
                    inner(place.clone(), None)
                }
            },
        }
    }

    /// A list of tables, written `[[key]]`.
    pub(super) fn sections(&self, name: &'static str) -> Vec<Self> {
        let key = self.key(name);
        let keys = if let Kind::Tables(keys, _) = key.kind { keys } else { &[] };
        let Some((_, node)) = self.find(name) else { return Vec::new() };
        let Value::Array(items) = &node.value else {
            self.refuse::<()>(&key, node);
            return Vec::new();
        };
        let table = |item: &'a Node| match &item.value {
            Value::Table(table) => {
                let heading = format!("[[{}]] {}", self.name_of(name), label(table));
                Some(self.inner(&key, keys, heading, item.place.clone(), Some(table)))
            }
            _ => self.wrong_kind(&key, item, "a table"),
        };
        items.iter().filter_map(table).collect()
    }

    /// Notes what a key stands for where it is not written, and that is not the same always.
    pub(super) fn assume(&self, name: &'static str, default: Value) {
        let mut values = self.values.borrow_mut();
        if let Some((_, assumed)) = values.iter_mut().find(|(known, _)| *known == name) {
            *assumed = Some(default);
        }
    }

    /// Refuses every key that the catalogue has not, and enters the others in the record.
    pub(super) fn end(self) {
        for (key, default) in self.values.into_inner() {
            let written =
                self.table.and_then(|table| table.get(key)).map(|(_, node)| (&node.value, &node.place));
            if let Some((value, place)) = written.or(default.as_ref().map(|default| (default, &Place::Whole)))
            {
                self.record.note((self.number, &self.heading), key, value, self.faults.origin(place));
            }
        }
        let known: Vec<_> = self.keys.iter().map(|key| key.name).collect();
        for (key, (place, _)) in
            self.table.into_iter().flatten().filter(|(key, _)| !known.contains(&key.as_str()))
        {
            let whole = if self.name.is_empty() { String::new() } else { format!(" in [{}]", self.name) };
            let (problem, remedy) = match known.iter().find(|one| one.strip_suffix("_file") == Some(key)) {
                Some(file) => (
                    format!("`{key}`{whole} would be a secret in a file that many may read"),
                    format!("put it into a file of its own, and write {file} = \"the name of that file\""),
                ),
                None if self.name.is_empty() && FILE.iter().any(|one| one.name == key) => {
                    belongs_elsewhere(key)
                }
                None => (
                    format!("unknown key `{key}`{whole}"),
                    match nearest(key, known.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("known here: {}", known.join(", ")),
                    },
                ),
            };
            self.faults.add(place, problem, remedy);
        }
    }

    /// What is written under a key that holds a value. That it has to be there, and is not, is a fault.
    pub(super) fn value(&self, key: &Key) -> Option<&'a (Place, Node)> {
        let found = self.find(key.name);
        let mut values = self.values.borrow_mut();
        if values.iter().any(|(known, _)| *known == key.name) {
            return found;
        }
        values.push((key.name, stands_for(key.unwritten)));
        if found.is_none() && matches!(key.unwritten, Unwritten::Required) {
            self.miss(key);
        }
        found
    }

    pub(super) fn find(&self, name: &'static str) -> Option<&'a (Place, Node)> {
        self.table?.get(name)
    }

    fn miss(&self, key: &Key) {
        let is_misread = self.is_written() && self.table.is_none();
        if is_misread {
            return;
        }
        let name = key.name;
        let head = if self.is_written() { String::new() } else { format!("[{}] ", self.name) };
        let remedy = match key.kind {
            Kind::Words(words) => format!("write {head}{name} = {}", alternatives(words)),
            _ => format!("write {head}{name} = {}", key.written()),
        };
        let place = if self.is_written() { self.place.clone() } else { self.faults.end() };
        self.faults.miss(&place, format!("`{name}` is missing from [{}]", self.name), remedy);
    }

    /// Where its keys say what they say; `cy.title` is the title of the table `cy` within it.
    pub(super) fn parts(&self) -> Vec<(String, Place)> {
        let mut parts = Vec::new();
        for (name, (_, node)) in self.table.into_iter().flatten() {
            parts.push((name.clone(), node.place.clone()));
            if let Value::Table(inner) = &node.value {
                let inner =
                    inner.iter().map(|(key, (_, node))| (format!("{name}.{key}"), node.place.clone()));
                parts.extend(inner);
            }
        }
        parts
    }

    /// Where what a key says is, or where the section begins.
    pub(super) fn place_of(&self, name: &'static str) -> &Place {
        self.find(name).map_or(&self.place, |(_, node)| &node.place)
    }

    pub(super) fn cannot_be(&self, key: &Key, place: &Place, written: &str) {
        self.faults.add(
            place,
            format!("`{}` cannot be {written}", key.name),
            format!("write {}", key.expected()),
        );
    }

    /// The same of a text, which may be near to one that could be.
    pub(super) fn cannot_be_text(&self, key: &Key, text: &Located<String>) {
        let near = match key.kind {
            Kind::Words(words) => nearest(&text.value, words.iter().copied()),
            _ => None,
        };
        let written = format!("{:?}", masked(&text.value));
        match near {
            None => self.cannot_be(key, &text.place, &written),
            Some(near) => self.faults.add(
                &text.place,
                format!("`{}` cannot be {written}", key.name),
                format!("did you mean {near:?}?"),
            ),
        }
    }

    /// A value of the wrong kind is a fault, and then as good as none.
    pub(super) fn refuse<T>(&self, key: &Key, node: &Node) -> Option<T> {
        self.wrong_kind(key, node, &key.expected())
    }

    pub(super) fn wrong_kind<T>(&self, key: &Key, node: &Node, wanted: &str) -> Option<T> {
        if !matches!(node.value, Value::Torn) {
            let problem = format!("`{}` is {}", key.name, node.value.kind());
            self.faults.add(&node.place, problem, format!("write {wanted}"));
        }
        None
    }
}

/// What is wrong with a table that is known, but not in this file, and what to do.
fn belongs_elsewhere(key: &str) -> (String, String) {
    match SHARED.iter().any(|one| one.name == key) {
        true => (
            format!("`{key}` is for all sites together"),
            "move it to pinfold.toml, above this directory".to_owned(),
        ),
        false => {
            (format!("`{key}` is for one site"), "move it to the file of that site, in sites/".to_owned())
        }
    }
}

fn stands_for(unwritten: Unwritten) -> Option<Value> {
    let text = |text: &str| Value::String(text.to_owned());
    match unwritten {
        Unwritten::Flag(flag) => Some(Value::Boolean(flag)),
        Unwritten::Number(number) => Some(Value::Integer(number)),
        Unwritten::Text(one) => Some(text(one)),
        Unwritten::Texts(texts) => {
            Some(Value::Array(texts.iter().map(|one| Node::unwritten(text(one))).collect()))
        }
        Unwritten::Required | Unwritten::Words(_) => None,
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
