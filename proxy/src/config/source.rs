//! The file and the environment, as one tree in which each value knows where it was written.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Faults, Place};
use super::mended::mend;

/// Environment variables of this beginning override the file: `PINFOLD__SECTION__KEY`.
const PREFIX: &str = "PINFOLD__";

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Array(Vec<Node>),
    Boolean(bool),
    Integer(i64),
    String(String),
    Table(Table),
    /// A float or a date, which nothing here asks for.
    Other(&'static str),
    /// What cannot be read, which is a fault already.
    Torn,
}

impl Node {
    /// What stands for a value that is not written.
    pub(super) fn unwritten(value: Value) -> Self {
        Self { place: Place::Whole, value }
    }
}

/// Keys with their places, and what they hold.
pub(super) type Table = BTreeMap<String, (Place, Node)>;

impl Value {
    /// What a person would call it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Array(_) => "a list",
            Self::Boolean(_) => "true or false",
            Self::Integer(_) => "a number",
            Self::String(_) => "a text",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
            Self::Torn => "not to be read",
        }
    }
}

/// Reads a file, and the environment over it. What cannot be read is a fault.
pub(super) fn read(text: &str, environment: &[(String, String)], faults: &Faults) -> Table {
    let mended = mend(text);
    for misspelt in mended.misspelt {
        faults.tear();
        faults.add(&Place::File(misspelt.span), misspelt.problem, misspelt.remedy);
    }
    let (table, _) = DeTable::parse_recoverable(&mended.text);
    let mut tree = convert_table(table.get_ref(), &mended.torn);
    for (name, value) in environment {
        if let Some(path) = name.strip_prefix(PREFIX) {
            let path: Vec<_> = path.split("__").map(str::to_ascii_lowercase).collect();
            insert(&mut tree, &path, environment_node(name, value), faults);
        }
    }
    tree
}

fn convert_table(table: &DeTable<'_>, torn: &[Range<usize>]) -> Table {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let name: &std::borrow::Cow<'_, str> = key.get_ref();
        (name.to_string(), (Place::File(key.span()), convert(value, torn)))
    };
    table.iter().map(entry).collect()
}

fn convert(value: &Spanned<DeValue<'_>>, torn: &[Range<usize>]) -> Node {
    let converted = match value.get_ref() {
        _ if torn.iter().any(|torn| torn.contains(&value.span().start)) => Value::Torn,
        DeValue::Array(items) => Value::Array(items.iter().map(|item| convert(item, torn)).collect()),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Float(_) => Value::Other("a fraction"),
        DeValue::Integer(number) => i64::from_str_radix(&number.as_str().replace('_', ""), number.radix())
            .map_or(Value::Other("a number too large"), Value::Integer),
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Table(table) => Value::Table(convert_table(table, torn)),
    };
    Node { place: Place::File(value.span()), value: converted }
}

/// The value of a variable: TOML where it is TOML (`true`, `["a", "b"]`, `10`), else a text.
fn environment_node(name: &str, value: &str) -> Node {
    let place = Place::Environment(name.to_owned());
    let line = format!("v = {value}");
    let parsed = DeTable::parse(&line).ok().and_then(|table| {
        let node = convert(table.get_ref().get("v")?, &[]);
        (table.get_ref().len() == 1).then_some(node.value)
    });
    let value = parsed.unwrap_or_else(|| Value::String(value.to_owned()));
    let mut node = Node { place: place.clone(), value };
    relocate(&mut node, &place);
    node
}

fn relocate(node: &mut Node, place: &Place) {
    node.place = place.clone();
    match &mut node.value {
        Value::Array(items) => items.iter_mut().for_each(|item| relocate(item, place)),
        Value::Table(table) => table.values_mut().for_each(|(key, item)| {
            *key = place.clone();
            relocate(item, place);
        }),
        _ => {}
    }
}

fn insert(table: &mut Table, path: &[String], node: Node, faults: &Faults) {
    let [first, rest @ ..] = path else { return };
    let place = node.place.clone();
    if rest.is_empty() {
        table.insert(first.clone(), (place, node));
        return;
    }
    let empty = || (place.clone(), Node { place: place.clone(), value: Value::Table(Table::new()) });
    match &mut table.entry(first.clone()).or_insert_with(empty).1.value {
        Value::Table(inner) => insert(inner, rest, node, faults),
        other => faults.add(
            &place,
            format!("`{first}` is {}, so it has no key `{}`", other.kind(), rest.join(".")),
            "name a section and a key: PINFOLD__SECTION__KEY",
        ),
    }
}
