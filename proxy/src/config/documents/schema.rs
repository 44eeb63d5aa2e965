//! The catalogue as a JSON Schema, for editors and for whoever writes the file by a program.

use pinfold::consent::well_known::services;
use serde_json::{Map, Value as Json, json};

use crate::config::catalogue::{FILE, Key, Kind, Unwritten};
use crate::config::units::{DURATIONS, MONTHS, SIZES};

/// By draft 2020-12. What it refuses `check` refuses, but `check` sees more: it knows what is written elsewhere in the file.
pub(crate) fn schema() -> String {
    let mut all = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pinfold",
        "description": "The configuration of Pinfold, pinfold.toml.",
    });
    if let (Json::Object(all), Json::Object(table)) = (&mut all, table(FILE)) {
        all.extend(table);
    }
    format!("{all:#}\n")
}

fn table(keys: &[Key]) -> Json {
    let properties: Map<_, _> = keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<_> =
        keys.iter().filter(|key| matches!(key.unwritten, Unwritten::Required)).map(|key| key.name).collect();
    let mut object = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        object["required"] = required.into();
    }
    object
}

fn property(key: &Key) -> Json {
    let mut property = Map::from_iter([("description".to_owned(), Json::from(description(key)))]);
    if let Json::Object(kind) = kind(key.kind) {
        property.extend(kind);
    }
    // Nothing at all is no choice where something has to be named.
    if let (Kind::List(_), Unwritten::Required) = (key.kind, key.unwritten) {
        property.insert("minItems".to_owned(), 1.into());
    }
    if let Some(default) = default(key.unwritten) {
        property.insert("default".to_owned(), default);
    }
    property.into()
}

fn description(key: &Key) -> String {
    let mut text = key.about.to_owned();
    if let Some(unwritten) = key.in_words() {
        text.push_str(&format!(" Default: {unwritten}."));
    }
    if let Some(source) = key.source {
        text.push_str(&format!(" See {source}."));
    }
    text
}

fn default(unwritten: Unwritten) -> Option<Json> {
    match unwritten {
        Unwritten::Flag(flag) => Some(flag.into()),
        Unwritten::Number(number) => Some(number.into()),
        Unwritten::Text(text) => Some(text.into()),
        Unwritten::Texts(texts) => Some(texts.into()),
        Unwritten::Required | Unwritten::Words(_) => None,
    }
}

fn kind(kind: Kind) -> Json {
    let pattern = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    match kind {
        Kind::Address => pattern(r"^([0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:.]+(%[0-9]+)?\]):[0-9]{1,5}$"),
        Kind::Domain | Kind::File | Kind::Network | Kind::Zone => json!({ "type": "string", "minLength": 1 }),
        Kind::Duration => pattern(&number_and_unit(&DURATIONS)),
        Kind::Field => pattern(r"^[0-9A-Za-z!#$%&'*+.^_`|~-]*$"),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Host => pattern(r"^[^/@\s]+$"),
        Kind::List(item) => json!({ "type": "array", "items": self::kind(*item) }),
        Kind::Months(..) => pattern(&number_and_unit(&MONTHS)),
        Kind::Number(least, i64::MAX) => json!({ "type": "integer", "minimum": least }),
        Kind::Number(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Numbers(numbers) => json!({ "enum": numbers }),
        Kind::OneOrMore(one) => {
            let one = self::kind(*one);
            json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
        }
        Kind::Path => pattern("^/"),
        Kind::Service => json!({ "enum": services().map(|service| service.id).collect::<Vec<_>>() }),
        Kind::Size(_) => pattern(&number_and_unit(&SIZES)),
        Kind::Store => pattern("^(sqlite:.|postgres(ql)?://([^:@/]*@)?[^@]*/.)"),
        Kind::Table(keys) => table(keys),
        Kind::Tables(keys, _) => json!({ "type": "array", "items": table(keys) }),
        Kind::Text => json!({ "type": "string" }),
        Kind::Url => pattern(r"^https?://[^/?#@\s]+/?$"),
        Kind::Valkey => pattern(r"^(rediss?|valkeys?)://[^/?#@\s]+(/[0-9]*)?$"),
        Kind::Words(words) => json!({ "enum": words }),
    }
}

/// Such as `30 s`, but not `0 s`.
fn number_and_unit(units: &[(&str, u64)]) -> String {
    let units: Vec<_> = units.iter().map(|(unit, _)| *unit).collect();
    format!(r"^0*[1-9][0-9]*\s*({})\s*$", units.join("|"))
}
