//! Values by their kinds, as the catalogue has them.

use std::time::Duration;

use super::catalogue::{Key, Kind, Unwritten};
use super::fault::Place;
use super::reader::{Located, Section};
use super::source::{Node, Value};
use super::units;

impl Section<'_> {
    /// A text, or what stands for it.
    pub(super) fn text(&self, name: &'static str) -> Option<Located<String>> {
        let key = self.key(name);
        let written = self.value(&key).and_then(|(_, node)| match &node.value {
            Value::String(text) => Some(Located { value: text.clone(), place: node.place.clone() }),
            _ => self.refuse(&key, node),
        });
        written.or_else(|| match key.unwritten {
            Unwritten::Text(text) => Some(Located { value: text.to_owned(), place: Place::Whole }),
            _ => None,
        })
    }

    /// One text, or a list of some.
    pub(super) fn text_or_texts(&self, name: &'static str) -> Option<Vec<Located<String>>> {
        match self.find(name) {
            Some((_, Node { value: Value::Array(_), .. })) => self.texts(name),
            _ => self.text(name).map(|text| vec![text]),
        }
    }

    /// A list of texts, or what stands for it.
    pub(super) fn texts(&self, name: &'static str) -> Option<Vec<Located<String>>> {
        let key = self.key(name);
        let written = self.value(&key).and_then(|(_, node)| match &node.value {
            Value::Array(items) if items.is_empty() && matches!(key.unwritten, Unwritten::Required) => {
                let problem = format!("`{name}` of [{}] is empty", self.name);
                self.faults.add(&node.place, problem, format!("write {}", key.expected()));
                None
            }
            Value::Array(items) => Some(items.iter().filter_map(|item| self.item(&key, item)).collect()),
            _ => self.refuse(&key, node),
        });
        written.or_else(|| match key.unwritten {
            Unwritten::Texts(texts) => {
                let text = |text: &&str| Located { value: (*text).to_owned(), place: Place::Whole };
                Some(texts.iter().map(text).collect())
            }
            _ => None,
        })
    }

    fn item(&self, key: &Key, item: &Node) -> Option<Located<String>> {
        match &item.value {
            Value::String(text) => Some(Located { value: text.clone(), place: item.place.clone() }),
            Value::Torn => None,
            _ => {
                let problem = format!("an item of `{}` is {}", key.name, item.value.kind());
                let remedy = format!("write {} in quotation marks", key.expected_item());
                self.faults.add(&item.place, problem, remedy);
                None
            }
        }
    }

    /// A text that something can be made of, or what is made of that which stands for it.
    pub(super) fn parsed<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Located<T>> {
        let key = self.key(name);
        let text = self.text(name)?;
        if let Some(value) = parse(&text.value) {
            return Some(Located { value, place: text.place });
        }
        self.cannot_be_text(&key, &text);
        match key.unwritten {
            Unwritten::Text(text) => Some(Located { value: parse(text)?, place: Place::Whole }),
            _ => None,
        }
    }

    /// A time that is not nothing.
    pub(super) fn duration(&self, name: &'static str) -> Option<Duration> {
        let time = self.parsed(name, |text| units::duration(text).filter(|time| !time.is_zero()));
        time.map(|time| time.value)
    }

    /// A number of months within its limits.
    pub(super) fn months(&self, name: &'static str) -> Option<u64> {
        let (least, most) =
            if let Kind::Months(least, most) = self.key(name).kind { (least, most) } else { (0, 0) };
        let is_within = |months: &u64| (least..=most).contains(months);
        self.parsed(name, |text| units::months(text).filter(is_within)).map(|months| months.value)
    }

    /// A number of bytes, as large as it has to be.
    pub(super) fn bytes(&self, name: &'static str) -> Option<u64> {
        let least = if let Kind::Size(least) = self.key(name).kind { least } else { 0 };
        let bytes = self.parsed(name, |text| units::bytes(text).filter(|bytes| *bytes >= least));
        bytes.map(|bytes| bytes.value)
    }

    /// One of a few words.
    pub(super) fn choice<T: Clone, const N: usize>(
        &self,
        name: &'static str,
        words: [(&str, T); N],
    ) -> Option<Located<T>> {
        debug_assert!(
            matches!(self.key(name).kind, Kind::Words(known) if words.iter().map(|(word, _)| word).eq(known)),
            "the catalogue has other words for `{name}`"
        );
        self.parsed(name, |text| words.iter().find(|(word, _)| *word == text).map(|(_, value)| value.clone()))
    }

    /// One of a few words, the first where none is written.
    pub(super) fn choice_or_first<T: Clone, const N: usize>(
        &self,
        name: &'static str,
        words: [(&str, T); N],
    ) -> Located<T> {
        const { assert!(N > 0) };
        debug_assert!(
            matches!(self.key(name).unwritten, Unwritten::Text(word) if words[0].0 == word),
            "the catalogue has another default for `{name}`"
        );
        let first = words[0].1.clone();
        self.choice(name, words).unwrap_or(Located { value: first, place: Place::Whole })
    }

    /// True or false, or what stands for it; false where nothing does.
    pub(super) fn flag(&self, name: &'static str) -> Located<bool> {
        let key = self.key(name);
        let default = matches!(key.unwritten, Unwritten::Flag(true));
        self.written_flag(&key).unwrap_or(Located { value: default, place: Place::Whole })
    }

    /// True or false, or what it is where it is not written.
    pub(super) fn flag_or(&self, name: &'static str, default: bool) -> bool {
        let flag = self.written_flag(&self.key(name));
        self.assume(name, Value::Boolean(default));
        flag.map_or(default, |flag| flag.value)
    }

    fn written_flag(&self, key: &Key) -> Option<Located<bool>> {
        let (_, node) = self.value(key)?;
        match &node.value {
            Value::Boolean(flag) => Some(Located { value: *flag, place: node.place.clone() }),
            _ => self.refuse(key, node),
        }
    }

    /// A whole number within its limits, or what stands for it; 0 where nothing does.
    pub(super) fn number(&self, name: &'static str) -> Located<i64> {
        let key = self.key(name);
        let is_within = |number: i64| match key.kind {
            Kind::Number(least, most) => (least..=most).contains(&number),
            Kind::Numbers(numbers) => numbers.contains(&number),
            _ => true,
        };
        let written = self.value(&key).and_then(|(_, node)| match &node.value {
            Value::Integer(number) if is_within(*number) => {
                Some(Located { value: *number, place: node.place.clone() })
            }
            Value::Integer(number) => {
                self.cannot_be(&key, &node.place, &number.to_string());
                None
            }
            _ => self.refuse(&key, node),
        });
        let default = if let Unwritten::Number(number) = key.unwritten { number } else { 0 };
        written.unwrap_or(Located { value: default, place: Place::Whole })
    }
}
