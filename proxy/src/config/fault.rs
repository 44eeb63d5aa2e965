use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::excerpt::Excerpt;

/// Where in the configuration something was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In an environment variable.
    Environment(String),
    /// At these bytes of the file.
    File(Range<usize>),
    /// Nowhere: it is missing.
    Whole,
}

/// Something that is wrong, or might be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub(crate) struct Fault {
    /// `file:line:column`, the file alone, or the environment variable.
    pub(crate) place: String,
    pub(crate) problem: String,
    pub(crate) remedy: String,
    /// What is written there; nothing where that is no place in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) excerpt: Option<Excerpt>,
}

impl Fault {
    /// As [`Display`](fmt::Display) has it, and below it what is written there.
    pub(crate) fn with_excerpt(&self) -> String {
        match &self.excerpt {
            Some(excerpt) => format!("{self}\n{excerpt}"),
            None => self.to_string(),
        }
    }
}

/// On one line.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.place, self.problem, self.remedy)
    }
}

/// Gathers faults and warnings on one pass through a file.
#[derive(Debug)]
pub(crate) struct Faults {
    file: PathBuf,
    text: String,
    /// Whether the file is not TOML everywhere.
    torn: Cell<bool>,
    found: RefCell<Vec<(Place, Fault)>>,
    warnings: RefCell<Vec<(Place, Fault)>>,
}

impl Faults {
    pub(crate) fn new(file: &Path, text: &str) -> Self {
        Self {
            file: file.to_owned(),
            text: text.to_owned(),
            torn: Cell::default(),
            found: RefCell::default(),
            warnings: RefCell::default(),
        }
    }

    pub(crate) fn add(&self, place: &Place, problem: impl Into<String>, remedy: impl Into<String>) {
        self.found.borrow_mut().push((place.clone(), self.fault(place, problem.into(), remedy.into())));
    }

    /// Adds that something is not there, unless it may be where the file cannot be read.
    pub(super) fn miss(&self, place: &Place, problem: impl Into<String>, remedy: impl Into<String>) {
        if !self.torn.get() {
            self.add(place, problem, remedy);
        }
    }

    /// One fault by itself.
    pub(super) fn one(&self, place: &Place, problem: &str, remedy: &str) -> Fault {
        self.fault(place, problem.to_owned(), remedy.to_owned())
    }

    pub(crate) fn warn(&self, place: &Place, problem: impl Into<String>, remedy: impl Into<String>) {
        self.warnings.borrow_mut().push((place.clone(), self.fault(place, problem.into(), remedy.into())));
    }

    /// Everything found: faults, then warnings, each in the order of the file.
    pub(crate) fn into_found(self) -> (Vec<Fault>, Vec<Fault>) {
        let in_order = |list: RefCell<Vec<(Place, Fault)>>| {
            let mut list = list.into_inner();
            list.sort_by_key(|(place, _)| match place {
                Place::File(range) => (1, range.start),
                Place::Whole => (0, 0),
                Place::Environment(_) => (2, 0),
            });
            list.into_iter().map(|(_, fault)| fault).collect()
        };
        (in_order(self.found), in_order(self.warnings))
    }

    /// Where a value came from: what is written nowhere is a default.
    pub(super) fn origin(&self, place: &Place) -> String {
        match place {
            Place::Environment(name) => name.clone(),
            Place::Whole => "default".to_owned(),
            Place::File(range) => {
                format!("{}:{}", self.file.display(), Excerpt::of(&self.text, range.clone()).line)
            }
        }
    }

    /// Says that something of the file cannot be read.
    pub(super) fn tear(&self) {
        self.torn.set(true);
    }

    /// Where something could be written that is missing, and whose table is.
    pub(super) fn end(&self) -> Place {
        Place::File(self.text.len()..self.text.len())
    }

    /// A place as somebody would look it up.
    pub(super) fn shown(&self, place: &Place) -> String {
        self.fault(place, String::new(), String::new()).place
    }

    fn fault(&self, place: &Place, problem: String, remedy: String) -> Fault {
        let file = self.file.display();
        let (place, excerpt) = match place {
            Place::Environment(name) => (name.clone(), None),
            Place::Whole => (file.to_string(), None),
            Place::File(range) => {
                let excerpt = Excerpt::of(&self.text, range.clone());
                (format!("{file}:{}:{}", excerpt.line, excerpt.column), Some(excerpt))
            }
        };
        let [place, problem, remedy] = [place, problem, remedy].map(in_one_line);
        Fault { place, problem, remedy, excerpt }
    }
}

/// A key may have anything in it, ends of lines too.
fn in_one_line(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() { line.extend(letter.escape_default()) } else { line.push(letter) }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_01_a_fault_is_one_line_whatever_was_written() {
        let faults = Faults::new(Path::new("pinfold.toml"), "");
        faults.add(&Place::Whole, "unknown key `a\n\u{7f}\u{85}caf\u{e9}`", "known: `b`");
        let (found, _) = faults.into_found();
        assert_eq!(
            found[0].to_string(),
            "pinfold.toml: unknown key `a\\n\\u{7f}\\u{85}caf\u{e9}` (known: `b`)"
        );
    }
}
