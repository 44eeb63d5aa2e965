//! The catalogue as a configuration that could be run, with a word on everything in it.

use crate::config::catalogue::{FILE, Key, Kind};

/// How wide remarks are, at most.
const WIDEST: usize = 110;

/// The example: each key with its default, or with a value that shows what it is for.
pub(crate) fn example() -> String {
    let mut page = Page { text: "#:schema ./pinfold.schema.json\n".to_owned(), ..Page::default() };
    page.remark(
        "A complete configuration. Only [site] and [origin] are needed; everything else has a default, which is shown or named. \
         Written by `pinfold config --example`; every key is in configuration.md.",
        "",
    );
    page.table("", FILE);
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
    /// What is explained already.
    explained: Vec<&'static str>,
}

impl Page {
    /// The values of a table, then the tables within it.
    fn table(&mut self, path: &str, keys: &'static [Key]) {
        let (values, tables): (Vec<_>, Vec<_>) = keys.iter().partition(|key| !key.written().is_empty());
        for key in values {
            self.value(key);
        }
        for key in tables {
            let inner = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
            let is_within_list = matches!(key.kind, Kind::Table(_)) && !path.is_empty();
            if !is_within_list {
                self.text.push('\n');
            }
            self.explain(key);
            match key.kind {
                Kind::Table(keys) => {
                    self.text.push_str(&format!("[{inner}]\n"));
                    self.table(&inner, keys);
                }
                Kind::Tables(keys, more) => {
                    self.text.push_str(&format!("[[{inner}]]\n"));
                    self.table(&inner, keys);
                    if !more.is_empty() {
                        self.text.push_str(&format!("\n{more}"));
                    }
                }
                _ => {}
            }
        }
    }

    fn value(&mut self, key: &Key) {
        let is_new = self.explain(key);
        match key.is_aside {
            true if is_new => self.text.push_str(&format!("# {} = {}\n", key.name, key.written())),
            true => {}
            false => self.text.push_str(&format!("{} = {}\n", key.name, key.written())),
        }
    }

    /// Whether it had not been explained before.
    fn explain(&mut self, key: &Key) -> bool {
        let is_new = !self.explained.contains(&key.about);
        if is_new {
            self.explained.push(key.about);
            self.remark(key.about, &key.facts());
        }
        is_new
    }

    fn remark(&mut self, about: &str, facts: &str) {
        let mut line = "#".to_owned();
        for word in about.split(' ').chain(facts.split(' ')).filter(|word| !word.is_empty()) {
            if line.chars().count() + 1 + word.chars().count() > WIDEST {
                self.text.push_str(&format!("{line}\n"));
                line = "#".to_owned();
            }
            line.push(' ');
            line.push_str(word);
        }
        self.text.push_str(&format!("{line}\n"));
    }
}

fn sentence(words: String) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(". ".chars()).collect()
}

impl Key {
    /// What may be written instead, and what stands for it where nothing is.
    fn facts(&self) -> String {
        let mut facts = self.limits().map_or_else(String::new, sentence);
        match (self.unwritten.written(), self.in_words()) {
            (Some(default), _) if default != self.written() => {
                facts.push_str(&format!("Default: {default}."))
            }
            (None, Some(words)) => facts.push_str(&format!("Default: {words}.")),
            _ => {}
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::config::catalogue::Unwritten;
    use crate::config::{ADMIN, Checked, SOCKET, parse};

    /// Every key that holds a value, as a table and its name: `origin.route url`.
    fn values(path: &str, keys: &[Key], found: &mut BTreeSet<String>) {
        for key in keys {
            let inner = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
            match key.kind {
                Kind::Table(keys) | Kind::Tables(keys, _) => values(&inner, keys, found),
                _ => {
                    found.insert(format!("{path} {}", key.name));
                }
            }
        }
    }

    /// `[[cookie]] a, cy` is the table `cookie.cy`.
    fn table(heading: &str) -> String {
        match heading.strip_prefix("[[").and_then(|rest| rest.split_once("]] ")) {
            None => heading.trim_matches(['[', ']']).to_owned(),
            Some((list, label)) if label.ends_with(", cy") => format!("{list}.cy"),
            Some((list, _)) => list.to_owned(),
        }
    }

    /// A key that is asked for and is not in the catalogue stops a test where it is asked for.
    #[test]
    fn the_reader_asks_for_every_key_of_the_catalogue() {
        let asides = ["ca", "health", "https", "node", "password_file", "shell", "spool"];
        let mut whole = example();
        for name in asides {
            whole = whole.replace(&format!("# {name} = "), &format!("{name} = "));
        }
        let whole = whole.replace("url = [", "ca = \"ca.pem\"\nhealth = \"/up\"\nurl = [");
        let valkey =
            "url = \"redis://127.0.0.1:6379\"\nsecret_file = \"x\"\npassword_file = \"x\"\nca = \"x\"\n";
        let whole = format!("{whole}\n[keys.valkey]\n{valkey}");
        let Checked { settings, entries, .. } = parse(Path::new("pinfold.toml"), &whole, &[]);
        assert!(settings.is_ok(), "{settings:#?}");
        let asked = entries.iter().filter(|entry| entry.from.starts_with("pinfold.toml:"));
        let asked: BTreeSet<_> =
            asked.map(|entry| format!("{} {}", table(&entry.heading), entry.key)).collect();
        let mut known = BTreeSet::new();
        values("", FILE, &mut known);
        assert_eq!(asked, known);
    }

    #[test]
    fn whatever_is_out_of_bounds_is_a_fault_and_the_bounds_are_not() {
        let faults = |path: &str, line: String| {
            let text = format!(
                "site = {{ name = \"Town\", url = \"https://www.town.example\" }}\norigin.url = \"http://127.0.0.1:8000\"\n[{path}]\n{line}\n"
            );
            parse(Path::new("pinfold.toml"), &text, &[]).settings.err().unwrap_or_default()
        };
        let mut bounded = 0;
        for (path, keys) in FILE.iter().filter_map(|key| match key.kind {
            Kind::Table(keys) if !matches!(key.unwritten, Unwritten::Required) => Some((key.name, keys)),
            _ => None,
        }) {
            for key in keys {
                let (within, without): (Vec<_>, Vec<_>) = match key.kind {
                    Kind::Duration => (vec!["\"1 ms\"".to_owned()], vec!["\"0 s\"".to_owned()]),
                    Kind::Months(least, most) => (
                        [least, most].map(|months| format!("\"{months} months\"")).to_vec(),
                        [least - 1, most + 1].map(|months| format!("\"{months} months\"")).to_vec(),
                    ),
                    Kind::Number(least, most) => (
                        [least, most].map(|number| number.to_string()).to_vec(),
                        vec![(least - 1).to_string()],
                    ),
                    Kind::Numbers(numbers) => {
                        (numbers.iter().map(i64::to_string).collect(), vec!["404".to_owned()])
                    }
                    Kind::Size(least) => {
                        (vec![format!("\"{least} B\"")], vec![format!("\"{} B\"", least - 1)])
                    }
                    Kind::Flag => (vec!["true".to_owned(), "false".to_owned()], vec!["1".to_owned()]),
                    _ => continue,
                };
                bounded += 1;
                for value in within {
                    let faults = faults(path, format!("{} = {value}", key.name));
                    assert!(faults.is_empty(), "[{path}] {} = {value}: {faults:?}", key.name);
                }
                for value in without {
                    let faults = faults(path, format!("{} = {value}", key.name));
                    assert_eq!(faults.len(), 1, "[{path}] {} = {value}: {faults:?}", key.name);
                }
            }
        }
        assert!(bounded > 10, "{bounded}");
    }

    #[test]
    fn commands_without_a_configuration_go_by_the_same_defaults() {
        let default = |wanted: &str| {
            let Some(Kind::Table(keys)) = FILE.iter().find(|key| key.name == "admin").map(|key| key.kind)
            else {
                panic!("there is no [admin]");
            };
            keys.iter().find(|key| key.name == wanted).unwrap().unwritten.written().unwrap()
        };
        assert_eq!(default("listen"), format!("\"{ADMIN}\""));
        assert_eq!(default("socket"), format!("\"{SOCKET}\""));
    }

    #[test]
    fn everything_is_said_of_every_key() {
        fn look(keys: &[Key]) {
            for key in keys {
                assert!(key.about.len() > 10 || matches!(key.kind, Kind::Table(_)), "{}", key.name);
                assert!(key.about.matches(". ").count() < 2, "{}: {}", key.name, key.about);
                if let Kind::Table(keys) | Kind::Tables(keys, _) = key.kind {
                    look(keys);
                } else {
                    assert!(!key.written().is_empty(), "{} has neither default nor example", key.name);
                }
            }
        }
        look(FILE);
    }
}
