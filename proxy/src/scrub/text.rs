use std::borrow::Cow;
use std::collections::HashMap;

use pinfold::pseudonym::EpochKey;

use super::addresses::Numbers;
use super::fields::{Field, field};
use super::names::Names;
use super::tally::Tally;
use super::{addresses, mails, queries};

/// How many names of fields are remembered.
const ROOM: usize = 4_096;

/// What stays in a log besides.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Keep {
    /// The names of users who have signed in.
    pub(crate) users: bool,
    /// What stands after `?` in addresses of pages.
    pub(crate) queries: bool,
    /// Addresses of e-mail.
    pub(crate) mails: bool,
}

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// A request, or the address of a page.
    Target,
    /// The name of a browser.
    Agent,
    /// Anything.
    Any,
}

/// Cleans the texts of a log, and counts what it replaces.
pub(super) struct Scrubber {
    pub(super) keep: Keep,
    pub(super) names: Names,
    pub(super) tally: Tally,
    fields: HashMap<Vec<u8>, Option<Field>>,
}

impl Scrubber {
    pub(super) fn new(key: EpochKey, keep: Keep) -> Self {
        Self { keep, names: Names::new(key), tally: Tally::default(), fields: HashMap::new() }
    }

    /// The text, as it is written between quotation marks, with what tells of a person replaced.
    pub(super) fn text<'a>(&mut self, text: &'a [u8], kind: Text) -> Cow<'a, [u8]> {
        let numbers = if kind == Text::Agent { Numbers::Versions } else { Numbers::Addresses };
        let mut text = Cow::Borrowed(text);
        if !self.keep.queries {
            text = then(text, &mut self.tally.queries, |text| queries::without(text, kind == Text::Target));
        }
        text = then(text, &mut self.tally.users, mails::without_users);
        if !self.keep.mails {
            text = then(text, &mut self.tally.mails, mails::replaced);
        }
        closed(then(text, &mut self.tally.addresses, |text| {
            addresses::replaced(text, numbers, &mut self.names)
        }))
    }

    /// What is in a field of this name.
    pub(super) fn field(&mut self, name: &[u8]) -> Option<Field> {
        if let Some(known) = self.fields.get(name) {
            return *known;
        }
        let field = field(name);
        if self.fields.len() < ROOM {
            self.fields.insert(name.to_vec(), field);
        }
        field
    }
}

/// A cut may leave a backslash at the end, which would make the quotation mark after it a part of the text.
fn closed(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match text {
        Cow::Owned(mut text) if text.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1 => {
            text.pop();
            Cow::Owned(text)
        }
        text => text,
    }
}

fn then<'a>(
    text: Cow<'a, [u8]>,
    tally: &mut u64,
    step: impl for<'b> FnOnce(&'b [u8]) -> (Cow<'b, [u8]>, u64),
) -> Cow<'a, [u8]> {
    match text {
        Cow::Borrowed(text) => {
            let (text, count) = step(text);
            *tally += count;
            text
        }
        Cow::Owned(text) => {
            let (cleaned, count) = step(&text);
            *tally += count;
            if count == 0 { Cow::Owned(text) } else { Cow::Owned(cleaned.into_owned()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_after_the_other_and_each_is_counted() {
        let mut scrubber = Scrubber::new(EpochKey::from_root([7; 32], "scrub"), Keep::default());
        let name = scrubber.names.of("203.0.113.77".parse().unwrap()).to_owned();
        let text = b"http://jo:pw@203.0.113.77/r/jo@a.example/x;s=1?203.0.113.78";
        let expected = format!("http://{name}/r/e-mail/x");
        assert_eq!(String::from_utf8_lossy(&scrubber.text(text, Text::Any)), expected);
        assert_eq!(scrubber.tally, Tally { addresses: 1, users: 1, cookies: 0, queries: 1, mails: 1 });
        // What the quotation mark after it would become.
        assert_eq!(*scrubber.text(br"GET /a\?b=1", Text::Target), *b"GET /a");
        assert_eq!(*scrubber.text(br"GET /a\\?b=1", Text::Target), *br"GET /a\\");
        scrubber.keep = Keep { users: true, queries: true, mails: true };
        let kept = String::from_utf8_lossy(&scrubber.text(text, Text::Target)).into_owned();
        assert!(
            kept.contains("/r/jo@a.example/x;s=1?") && !kept.contains("203.0") && !kept.contains("pw"),
            "{kept}"
        );
        assert!(matches!(scrubber.text(b"Firefox/140.0.0.1", Text::Agent), Cow::Borrowed(_)));
        assert!(matches!(scrubber.text(b"Firefox/140.0.0.1", Text::Any), Cow::Owned(_)));
    }
}
