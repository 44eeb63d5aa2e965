//! A file that is not TOML everywhere: each fault of its syntax, and whatever else can be read.

use std::ops::Range;

use toml::de::{DeTable, Error};

/// How many faults of the syntax are told of one file.
const MOST: usize = 50;

/// How many lines before the one that cannot be read what is wrong may have begun.
const FARTHEST: usize = 60;

/// How many bytes are read again to find out what to take out: a thousand times a file as people write them.
const MOST_READ: usize = 16 << 20;

/// What is wrong with the syntax, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misspelt {
    pub(super) span: Range<usize>,
    pub(super) problem: String,
    pub(super) remedy: &'static str,
}

/// What is left of a file without whatever cannot be read.
#[derive(Debug)]
pub(super) struct Mended {
    /// As many bytes as the file, so that everything stays in its place: what cannot be read is blank, or an empty text.
    pub(super) text: String,
    pub(super) misspelt: Vec<Misspelt>,
    /// Where empty texts stand for values.
    pub(super) torn: Vec<Range<usize>>,
}

/// Takes out one thing after another that cannot be read: each time what lets most of the rest be read.
pub(super) fn mend(file: &str) -> Mended {
    let mut mended = Mended { text: file.to_owned(), misspelt: Vec::new(), torn: Vec::new() };
    let mut left = MOST_READ;
    while let Some(at) = first_error(&mended.text) {
        mended.misspelt.extend(told(&mended.text, at).map(|error| misspelt(file, &error)));
        let mut best = (at, None);
        for cut in cuts(&mended.text, at) {
            if left < file.len() || best.0 == usize::MAX {
                break;
            }
            left -= file.len();
            let reached = first_error(&cut.made(&mended.text)).unwrap_or(usize::MAX);
            if reached > best.0 {
                best = (reached, Some(cut));
            }
        }
        match best.1 {
            Some(cut) if mended.misspelt.len() < MOST => {
                mended.text = cut.made(&mended.text);
                mended.torn.extend(cut.value);
            }
            _ => mended.text = blank(&mended.text),
        }
    }
    mended
}

/// Where the first thing is that cannot be read.
fn first_error(text: &str) -> Option<usize> {
    let (_, errors) = DeTable::parse_recoverable(text);
    errors.iter().map(start).min()
}

/// What is said of its line first: that a table is not closed before that there are two of it.
fn told(text: &str, at: usize) -> Option<Error> {
    let (_, errors) = DeTable::parse_recoverable(text);
    let is_on_line = |error: &Error| {
        let start = start(error).min(text.len());
        start >= at && !text.get(at..start).unwrap_or_default().contains('\n')
    };
    errors.into_iter().find(is_on_line)
}

fn start(error: &Error) -> usize {
    error.span().map_or(0, |span| span.start)
}

fn misspelt(file: &str, error: &Error) -> Misspelt {
    const UNQUOTED: &str = "string values must be quoted";
    let span = error.span().unwrap_or(0..0);
    let message = error.message().trim().replace('\n', ", ");
    let written = file.get(span.clone()).unwrap_or_default();
    let is_word = written.starts_with(char::is_alphabetic);
    let (problem, remedy) = match is_word || message.starts_with(UNQUOTED) {
        true if is_word && (message.starts_with(UNQUOTED) || message.starts_with("invalid boolean")) => {
            ("this text has no quotation marks".to_owned(), "put it in quotation marks")
        }
        true if message.starts_with(UNQUOTED) => (
            "this is neither a number nor a text in quotation marks".to_owned(),
            "put a text in quotation marks",
        ),
        _ => (message, "see toml.io for how TOML is written"),
    };
    Misspelt { span, problem, remedy }
}

/// What could be taken out.
struct Cut {
    /// These bytes, which are whole lines.
    lines: Range<usize>,
    /// The value of a key on the first of them, which stays with an empty text.
    value: Option<Range<usize>>,
}

impl Cut {
    fn of(text: &str, lines: Range<usize>, keeps_key: bool) -> Self {
        let first = text[lines.clone()].split('\n').next().unwrap_or_default();
        let value = value_in(first).filter(|value| keeps_key && value.len() >= "''".len());
        let value = value.map(|value| lines.start + value.start..lines.start + value.end);
        Self { lines, value }
    }

    fn made(&self, text: &str) -> String {
        let Range { start, end } = self.lines.clone();
        let cut = match &self.value {
            None => blank(&text[start..end]),
            Some(value) => {
                let rest = blank(&text[value.start..end]).split_off("''".len());
                format!("{}''{rest}", &text[start..value.start])
            }
        };
        [&text[..start], &cut, &text[end..]].concat()
    }
}

/// The nearest first.
fn cuts(text: &str, at: usize) -> Vec<Cut> {
    let lines = lines(text);
    let here = lines.iter().rposition(|line| line.start <= at).unwrap_or(0);
    let Some(line) = lines.get(here).cloned() else { return Vec::new() };
    let mut cuts = match is_header(&text[line.clone()]) {
        // What stands below it is of no other table.
        true => {
            let next = lines[here + 1..].iter().find(|line| is_header(&text[(*line).clone()]));
            vec![Cut::of(text, line.start..next.map_or(text.len(), |next| next.start), false)]
        }
        false => vec![Cut::of(text, line.clone(), true), Cut::of(text, line.clone(), false)],
    };
    let before = lines[..here].iter().rev().take(FARTHEST);
    for begun in before.filter(|line| value_in(&text[(*line).clone()]).is_some()) {
        cuts.push(Cut::of(text, begun.clone(), true));
        cuts.push(Cut::of(text, begun.start..line.start, true));
        cuts.push(Cut::of(text, begun.start..line.end, true));
    }
    cuts
}

/// Each with the end of its line.
fn lines(text: &str) -> Vec<Range<usize>> {
    let mut begins = 0;
    let line = |line: &str| {
        begins += line.len();
        begins - line.len()..begins
    };
    text.split_inclusive('\n').map(line).collect()
}

fn is_header(line: &str) -> bool {
    line.trim_start().starts_with('[')
}

/// Where a value is, and whatever follows it, on a line that begins with a key.
fn value_in(line: &str) -> Option<Range<usize>> {
    let line = line.trim_end_matches(['\r', '\n']);
    let equals = line.find('=')?;
    let is_of_key = |letter: char| letter.is_alphanumeric() || "_-.\"' \t".contains(letter);
    let key = &line[..equals];
    (!key.trim().is_empty() && key.chars().all(is_of_key)).then_some(equals + 1..line.len())
}

/// As many bytes, and as many lines.
fn blank(text: &str) -> String {
    text.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { char::from(byte) } else { ' ' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_stays_where_it_is() {
        for (file, expected, problems) in [
            ("a = 1\n", "a = 1\n", &[][..]),
            ("[audit]\ncrowd = 3 4\ncrwd = 1\n", "[audit]\ncrowd =''\ncrwd = 1\n", &["2: this is neither"]),
            ("crowd = = 3\nb = 1\n", "crowd =''\nb = 1\n", &["1: extra `=`"]),
            ("name = \"Town\nb = 1\n", "name =''\nb = 1\n", &["1: invalid basic string"]),
            ("name = Town\nb = 1\n", "name =''\nb = 1\n", &["1: this text has no quotation marks"]),
            ("name = true\nb = x\n", "name = true\nb =''\n", &["2: this text has no quotation marks"]),
            ("name =\nb = 1\n", "\nb = 1\n", &["1: this is neither"]),
            ("name\nb = 1\n", "\nb = 1\n", &["1: key with no value"]),
            ("name: \"x\"\nb = 1\n", "\nb = 1\n", &["1: key with no value"]),
            ("a = 1\n[site\nb = 1\n[c]\nd = 1\n", "a = 1\n\n\n[c]\nd = 1\n", &["2: unclosed table"]),
            ("[[cookie]\nb = 1\n", "\n\n", &["1: unclosed array table"]),
            (
                "a = [\"x\",\nb = 1\n[c]\nd = 1\n",
                "a =''\nb = 1\n[c]\nd = 1\n",
                &["2: unexpected `=` in array"],
            ),
            ("a = [\"x\",\n[c]\nd = 1\n", "a =''\n[c]\nd = 1\n", &["2: this text has no quotation marks"]),
            ("a = [\n  \"x\",\nb = 1\n[c]\n", "a =''\n\nb = 1\n[c]\n", &["3: unexpected `=` in array"]),
            ("a = [\n  \"x\"\n  \"y\"\n]\nb = 1\n", "a = [\n  \"x\"\n\n]\nb = 1\n", &["3: missing comma"]),
            ("a = \"\"\"x\nb = 1\n[c]\nd = 1\n", "a =''\nb = 1\n[c]\nd = 1\n", &["5: invalid multi-line"]),
            ("a = { x = 1\nb = 1\n[c]\n", "a =''\nb = 1\n[c]\n", &["2: missing comma"]),
            ("a = 1\na = 2\nb = 1\n", "a = 1\n\nb = 1\n", &["2: duplicate key"]),
            ("é = x y\nb = é z\nc = 1\n", "\nb =''\nc = 1\n", &["1: ", "2: "]),
        ] {
            let mended = mend(file);
            assert_eq!(mended.text.len(), file.len(), "{file}");
            let found: Vec<_> = mended
                .misspelt
                .iter()
                .map(|one| format!("{}: {}", file[..one.span.start].matches('\n').count() + 1, one.problem))
                .collect();
            assert_eq!(found.len(), problems.len(), "{file}: {found:?}");
            for (found, problem) in found.iter().zip(problems) {
                assert!(found.starts_with(problem), "{file}: {found}");
            }
            assert!(first_error(&mended.text).is_none(), "{file}: {}", mended.text);
            let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
            assert_eq!(lines(&mended.text), lines(expected), "{file}");
        }
    }

    #[test]
    fn whatever_is_written_comes_to_an_end() {
        let many = "= x\n".repeat(MOST + 10);
        assert_eq!(mend(&many).misspelt.len(), MOST);
        let long = "a = [\n".repeat(500);
        assert!(!mend(&long).misspelt.is_empty());
        for file in [
            "[",
            "]",
            "\"",
            "'''",
            "a = \"\"\"",
            "=",
            "a = {",
            "[[[[",
            "\u{0}",
            "a = \u{feff}1",
            "a.b.c",
            "[a]\n[a]",
        ] {
            let mended = mend(file);
            assert!(!mended.misspelt.is_empty() && first_error(&mended.text).is_none(), "{file:?}");
        }
    }
}
