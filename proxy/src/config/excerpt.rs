//! The line that a fault is about, with a mark below what is wrong in it.

use std::fmt;
use std::ops::Range;

/// How much of a long line is shown, and how much of it before what is wrong.
const WIDEST: usize = 100;
const BEFORE: usize = 60;

/// A line of a file, and a part of it. Lines and columns are counted from 1, in letters.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub(crate) struct Excerpt {
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// How many letters are wrong, at least one.
    width: usize,
    /// The line, without what could be a secret in it.
    text: String,
}

impl Excerpt {
    /// Of what is wrong the part on its first line.
    pub(super) fn of(file: &str, wrong: Range<usize>) -> Self {
        let before = file.get(..wrong.start).unwrap_or(file);
        let begins = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = file.get(begins..).unwrap_or_default().split('\n').next().unwrap_or_default();
        let inside = file.get(wrong).unwrap_or_default().split('\n').next().unwrap_or_default();
        Self {
            line: before.matches('\n').count() + 1,
            column: before.get(begins..).unwrap_or_default().chars().count() + 1,
            width: inside.trim_end().chars().count().max(1),
            text: without_secrets(line.trim_end()),
        }
    }
}

/// ```text
///    |
/// 28 | timout = "30 s"
///    | ^^^^^^
/// ```
impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skipped = (self.column - 1).saturating_sub(BEFORE);
        let (cut, column) = if skipped > 0 { ("...", self.column - skipped + 3) } else { ("", self.column) };
        let shown = self.text.chars().skip(skipped).take(WIDEST).map(plain);
        let shown: String = cut.chars().chain(shown).collect();
        let marks = "^".repeat(self.width.min((shown.chars().count() + 1).saturating_sub(column)).max(1));
        let (line, gutter) = (self.line, self.line.to_string().len());
        writeln!(f, "{:gutter$} |", "")?;
        writeln!(f, "{}", format!("{line} | {shown}").trim_end())?;
        write!(f, "{:gutter$} | {:>width$}{marks}", "", "", width = column - 1)
    }
}

/// A letter as a terminal may be given it.
fn plain(letter: char) -> char {
    match letter {
        '\t' => ' ',
        _ if letter.is_control() => '\u{fffd}',
        _ => letter,
    }
}

/// A line with asterisks, as many, for the password in an address, and for whatever a key has whose name tells that it is secret.
fn without_secrets(line: &str) -> String {
    let hidden = |text: &str| "*".repeat(text.chars().count());
    if let Some((key, value)) = line.split_once('=')
        && tells_of_a_secret(key.trim())
    {
        return format!("{key}={}", hidden(value));
    }
    let line = without_assigned(line, hidden);
    let mut text = String::with_capacity(line.len());
    let mut rest = &line[..];
    while let Some((before, after)) = rest.split_once("://") {
        let ends = after.find(['"', '\'', ' ', ',']).unwrap_or(after.len());
        let (address, behind) = after.split_at(ends);
        let (user, host) = address.rsplit_once('@').map_or(("", address), |(user, host)| (user, host));
        let at = if host.len() < address.len() { "@" } else { "" };
        text.push_str(&format!("{before}://{}{at}{host}", hidden(user)));
        rest = behind;
    }
    text + rest
}

/// A text in which what stands behind a name that tells of a secret (`password=x`, `token = "y"`) is `hidden`.
pub(super) fn without_assigned(text: &str, hidden: impl Fn(&str) -> String) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('=') {
        shown.push_str(before);
        shown.push('=');
        rest = after;
        let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
        if before.trim_end().rsplit(|letter| !is_name(letter)).next().is_some_and(tells_of_a_secret) {
            let (blanks, value) = after.split_at(after.len() - after.trim_start().len());
            let (value, behind) = value.split_at(length_of_value(value));
            shown.push_str(blanks);
            shown.push_str(&hidden(value));
            rest = behind;
        }
    }
    shown + rest
}

fn tells_of_a_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "secret", "token"].iter().any(|word| name.contains(word)) && !name.ends_with("_file")
}

/// How long a value is, whether of TOML or of an address.
fn length_of_value(text: &str) -> usize {
    let (mut letters, mut escaped) = (text.char_indices(), false);
    let Some((_, quote @ ('"' | '\''))) = letters.next() else {
        return text.find([' ', ',', '&', '"', '\'', '}']).unwrap_or(text.len());
    };
    let ends = letters.find(|(_, letter)| {
        let ends = *letter == quote && !escaped;
        escaped = *letter == '\\' && !escaped;
        ends
    });
    // Two in a row may begin a text of several lines.
    ends.filter(|(place, _)| *place > 1).map_or(text.len(), |(place, _)| place + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_marked() {
        let file = "version = 1\n\n[origin]\ntimout = \"30 s\"  # long\n";
        for (wrong, expected) in [
            ("timout", "  |\n4 | timout = \"30 s\"  # long\n  | ^^^^^^"),
            ("\"30 s\"", "  |\n4 | timout = \"30 s\"  # long\n  |          ^^^^^^"),
            ("[origin]\ntimout", "  |\n3 | [origin]\n  | ^^^^^^^^"),
            ("", "  |\n1 | version = 1\n  | ^"),
        ] {
            let start = file.find(wrong).unwrap();
            assert_eq!(Excerpt::of(file, start..start + wrong.len()).to_string(), expected, "{wrong}");
        }
        assert_eq!(Excerpt::of(file, file.len()..file.len()).to_string(), "  |\n5 |\n  | ^");
        assert_eq!(Excerpt::of("é = \"ŵ\"", 5..9).to_string(), "  |\n1 | é = \"ŵ\"\n  |     ^^^");
        let long = format!("{} x", "a, ".repeat(100));
        let drawn = Excerpt::of(&long, 301..302).to_string();
        assert_eq!(drawn.lines().nth(1).unwrap().find('x'), drawn.lines().nth(2).unwrap().find('^'));
    }

    #[test]
    fn secrets_are_not_shown() {
        for (line, expected) in [
            ("store = \"postgres://a:b@c@db/x\", 1", "store = \"postgres://*****@db/x\", 1"),
            ("url = [\"http://a\", \"http://u:p@b\"]", "url = [\"http://a\", \"http://***@b\"]"),
            ("admin_password = \"x\"", "admin_password =****"),
            ("password_file = \"x\"", "password_file = \"x\""),
            ("cookie = \"a@b\"", "cookie = \"a@b\""),
            (
                "valkey = { url = \"redis://h\", Password = \"a\\\"b\", secret_file = \"s\" }",
                "valkey = { url = \"redis://h\", Password = ******, secret_file = \"s\" }",
            ),
            ("valkey = { password = 7, url = \"x\" }", "valkey = { password = *, url = \"x\" }"),
            (
                "store = \"postgres:///db?user=u&password=p2&x=y\"",
                "store = \"postgres:///db?user=u&password=**&x=y\"",
            ),
            ("store = \"host=x password=hunter2 dbname=d\"", "store = \"host=x password=******* dbname=d\""),
            ("x = { secret = \"\"\"abc", "x = { secret = ******"),
        ] {
            assert_eq!(without_secrets(line), expected);
        }
    }
}
