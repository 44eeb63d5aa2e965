//! What is different between two configurations, and what of it can come into force while the server runs. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::effective::Entry;

/// Something that is written differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    /// `[consent] banner`, `[[cookie]] _ga*`.
    pub(crate) name: String,
    /// Why it waits for a restart; nothing where it does not.
    pub(crate) waits: Option<String>,
}

/// What is decided once, at the start: a table, a key, and why. Everything else is live.
const FIXED: [(&str, &str, &str); 20] = [
    ("[admin]", "listen", "it is opened at the start"),
    ("[admin]", "password_file", "it is read at the start"),
    ("[admin]", "socket", "it is opened at the start"),
    ("[audit]", "node", "the store has it from the start"),
    ("[audit]", "password_file", "the store reads it at each connection"),
    ("[audit]", "retention", "the store has it from the start"),
    ("[audit]", "spool", "it is opened at the start"),
    ("[audit]", "store", "the ledgers are open"),
    ("[audit]", "store_limit", "the store has it from the start"),
    ("[keys]", "hold", "the keys are where they are"),
    ("[keys.valkey]", "ca", "the keys are where they are"),
    ("[keys.valkey]", "password_file", "it is read at the start"),
    ("[keys.valkey]", "secret_file", "the keys are made of it"),
    ("[keys.valkey]", "url", "the keys are where they are"),
    ("[listen]", "http", "it is opened at the start"),
    ("[listen.https]", "address", "it is opened at the start"),
    ("[listen.https]", "certificate", "the file of the start is watched: put the new one there"),
    ("[listen.https]", "key", "the file of the start is watched: put the new one there"),
    ("[site]", "time_zone", "keys turn at its midnight"),
    SITE,
];

/// Keys are made for a site, and every cookie and host is checked against it: nothing can change beside it.
const SITE: (&str, &str, &str) =
    ("[site]", "url", "keys are made for it, and the rest of the file is meant for it");

/// What has changed, in the order of the new configuration; what is gone comes last.
pub(crate) fn changes(before: &[Entry], after: &[Entry]) -> Vec<Change> {
    let (old, new) = (tables(before), tables(after));
    let mut changes: Vec<Change> = Vec::new();
    let mut add = |name: String, waits: Option<&str>| {
        if !changes.iter().any(|change| change.name == name) {
            changes.push(Change { name, waits: waits.map(str::to_owned) });
        }
    };
    for Entry { heading, key, .. } in after.iter().chain(before) {
        let (there, here) = (old.get(heading.as_str()), new.get(heading.as_str()));
        match (there, here) {
            (Some(there), Some(here)) if there.get(key.as_str()) != here.get(key.as_str()) => {
                add(format!("{heading} {key}"), why_fixed(heading, key));
            }
            // A table that is new or gone is one thing, unless it is known by its place alone.
            (Some(_), None) | (None, Some(_)) if heading.starts_with("[[") => {
                let heading = heading.split_once(", ").map_or(heading.as_str(), |(outer, _)| outer);
                add(heading.to_owned(), None);
            }
            (Some(_), None) | (None, Some(_)) => add(format!("{heading} {key}"), why_fixed(heading, key)),
            _ => {}
        }
    }
    let (old, new) = (order(before, &new), order(after, &old));
    for (list, names) in &new {
        if old.get(list).is_some_and(|before| before != names) {
            add(format!("{list} order"), None);
        }
    }
    if are_of_another_site(&changes) {
        for change in changes.iter_mut().filter(|change| change.waits.is_none()) {
            change.waits = Some(format!("nothing changes beside {} {}", SITE.0, SITE.1));
        }
    }
    changes
}

/// Whether nothing can change now, because the site itself has.
pub(crate) fn are_of_another_site(changes: &[Change]) -> bool {
    changes.iter().any(|change| change.name == format!("{} {}", SITE.0, SITE.1))
}

/// What is in force once the live changes of `after` are.
pub(crate) fn in_force(before: &[Entry], after: Vec<Entry>) -> Vec<Entry> {
    let is_fixed = |entry: &&Entry| why_fixed(&entry.heading, &entry.key).is_some();
    let live = after.into_iter().filter(|entry| !is_fixed(&entry));
    before.iter().filter(is_fixed).cloned().chain(live).collect()
}

fn why_fixed(heading: &str, key: &str) -> Option<&'static str> {
    FIXED.iter().find(|(table, fixed, _)| (*table, *fixed) == (heading, key)).map(|(_, _, why)| *why)
}

type Tables<'a> = BTreeMap<&'a str, BTreeMap<&'a str, Vec<&'a serde_json::Value>>>;

/// Values by table and key. Tables of a list that are called alike are one, with all their values.
fn tables(entries: &[Entry]) -> Tables<'_> {
    let mut tables = Tables::new();
    for Entry { heading, key, value, .. } in entries {
        tables.entry(heading).or_default().entry(key).or_default().push(value);
    }
    tables
}

/// The order of the tables of each list, as far as they are in the other configuration too.
fn order<'a>(entries: &'a [Entry], other: &Tables<'_>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut lists: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for heading in entries.iter().map(|entry| entry.heading.as_str()).filter(|one| other.contains_key(one)) {
        let Some((list, name)) = heading.split_once("]] ") else { continue };
        let names = lists.entry(&heading[..list.len() + 2]).or_default();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    lists
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;

    const BEFORE: &str = "
[site]
name = \"Town\"
url = \"https://www.town.example\"
[origin]
url = \"http://127.0.0.1:8000\"
[[purpose]]
id = \"marketing\"
basis = \"consent\"
title = \"Marketing\"
description = \"They measure.\"
[[cookie]]
name = \"a\"
purpose = \"marketing\"
[[cookie]]
name = \"b\"
purpose = \"marketing\"
";

    fn entries(text: &str) -> Vec<Entry> {
        let checked = parse(Path::new("pinfold.toml"), text, &[]);
        assert!(checked.settings.is_ok(), "{:#?}", checked.settings);
        checked.entries
    }

    #[test]
    fn changes_are_named_by_table_and_key() {
        for (what, with, expected) in [
            ("", "", &[][..]),
            ("[origin]", "[consent]\nbanner = true\n[origin]", &[]),
            ("[origin]", "# a word\n[origin]", &[]),
            ("[origin]", "[consent]\nbanner = false\n[origin]", &["[consent] banner", "[consent] gate"]),
            ("8000\"", "8001\"\ntimeout = \"5 s\"", &["[origin] url", "[origin] timeout"]),
            ("\"a\"\npurpose", "\"a\"\nprovider = \"A\"\npurpose", &["[[cookie]] a provider"]),
            ("name = \"a\"", "name = \"c\"", &["[[cookie]] c", "[[cookie]] a"]),
            (
                "[[purpose]]",
                "[[cookie]]\nname = \"c\"\npurpose = \"marketing\"\n[[purpose]]",
                &["[[cookie]] c"],
            ),
            ("[origin]", "[listen]\nhttp = \"127.0.0.1:9\"\n[origin]", &["[listen] http!"]),
            (
                "[origin]",
                "[listen]\nhttps = { address = \"127.0.0.1:9\", certificate = \"c.pem\", key = \"k.pem\" }\n[origin]",
                &[
                    "[listen.https] address!",
                    "[listen.https] certificate!",
                    "[listen.https] key!",
                    "[listen] http!",
                ],
            ),
            ("[origin]", "[admin]\nblocked_status = 403\n[origin]", &["[admin] blocked_status"]),
            (
                "name = \"Town\"",
                "name = \"City\"\ntime_zone = \"UTC\"",
                &["[site] name", "[site] time_zone!"],
            ),
            (
                "name = \"Town\"",
                "name = \"City\"\nhosts = [\"www.town.example\", \"x.example\"]",
                &["[site] name", "[site] hosts"],
            ),
        ] {
            let found = changes(&entries(BEFORE), &entries(&BEFORE.replacen(what, with, 1)));
            let found: Vec<_> = found
                .iter()
                .map(|one| one.name.clone() + if one.waits.is_some() { "!" } else { "" })
                .collect();
            assert_eq!(found, expected, "{with}");
        }
    }

    #[test]
    fn whatever_is_fixed_is_a_key_that_is_known() {
        for (table, key, _) in FIXED {
            let faults =
                parse(Path::new("pinfold.toml"), &format!("{table}\n{key} = 1\n"), &[]).settings.unwrap_err();
            assert!(!faults.iter().any(|fault| fault.problem.contains("unknown key")), "{table} {key}");
        }
    }

    #[test]
    fn whatever_is_fixed_stays_as_it_is_and_the_rest_does_not() {
        let settings = |text: &str| parse(Path::new("pinfold.toml"), text, &[]).settings.unwrap();
        let running = settings(BEFORE);
        let became = |written: &str| {
            let text = match written.split_once('\n') {
                Some(("[site]", key)) => {
                    BEFORE.replace("name = \"Town\"", &format!("name = \"Town\"\n{key}"))
                }
                _ => BEFORE.replace("[origin]", &format!("{written}\n[origin]")),
            };
            format!("{:?}", settings(&text).beside(&running))
        };
        let before = format!("{running:?}");
        for fixed in [
            "[admin]\nlisten = \"127.0.0.1:9\"",
            "[admin]\nsocket = \"x.sock\"",
            "[audit]\nretention = \"6 months\"",
            "[audit]\nstore = \"sqlite:x.db\"",
            "[audit]\nstore_limit = \"2 GiB\"",
            "[keys]\nhold = \"descriptor-store\"",
            "[listen]\nhttp = \"127.0.0.1:9\"",
            "[listen]\nhttps = { address = \"127.0.0.1:9\", certificate = \"c.pem\", key = \"k.pem\" }",
            "[site]\ntime_zone = \"UTC\"",
        ] {
            assert_eq!(became(fixed), before, "{fixed}");
        }
        for live in [
            "[admin]\nblocked_status = 403",
            "[admin]\nlookup_approval = \"second-user\"",
            "[audit]\ncrowd = 12",
            "[audit]\nfootprint = false",
            "[audit]\nroutes = [\"/planning/:application\"]",
            "[client_address]\nto_origin = \"address\"",
            "[consent]\nbanner = false",
            "[listen]\nunderscore_fields = [\"api_key\"]",
            "[[origin.route]]\npath = \"/planning\"\nurl = \"http://10.0.0.7\"",
            "[site]\nhosts = [\"www.town.example\", \"b.example\"]",
        ] {
            assert_ne!(became(live), before, "{live}");
        }
    }

    #[test]
    fn order_counts() {
        let turned = BEFORE.replace("\"a\"", "\"?\"").replace("\"b\"", "\"a\"").replace("\"?\"", "\"b\"");
        let found = changes(&entries(BEFORE), &entries(&turned));
        assert_eq!(found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["[[cookie]] order"]);
    }

    #[test]
    fn nothing_changes_beside_the_site() {
        let other = BEFORE.replace("www.town", "www.city").replace("Marketing", "Campaigns");
        let found = changes(&entries(BEFORE), &entries(&other));
        assert!(found.len() > 1 && found.iter().all(|one| one.waits.is_some()), "{found:?}");
    }

    #[test]
    fn what_waits_is_said_again_and_what_is_in_force_is_not() {
        let other = entries(
            &BEFORE.replace("[origin]", "[keys]\nhold = \"descriptor-store\"\n[origin]\ntimeout = \"5 s\""),
        );
        let now = in_force(&entries(BEFORE), other.clone());
        let found = changes(&now, &other);
        assert_eq!(found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["[keys] hold"]);
        assert!(changes(&now, &entries(BEFORE)).iter().all(|one| one.name == "[origin] timeout"));
    }
}
