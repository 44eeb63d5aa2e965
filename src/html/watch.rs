//! Leaves a page alone until something in it has to do with consent.

use super::stage::Stage;

/// The attribute by which a page says what its content is for.
const ATTRIBUTE: &[u8] = b"data-consent";

/// How much of a page is watched. A longer one is parsed from there on, because what is watched must be remembered.
const MOST: usize = 256 * 1024;

/// How much is held back for a tag that has begun and not ended.
const LONGEST_TAG: usize = 8 * 1024;

/// Parses a page only if [`ATTRIBUTE`] occurs in it: most pages of most sites have none, and parsing costs more than
/// everything else together.
#[derive(Debug)]
pub(super) struct Watch {
    stage: Stage,
    /// Everything so far, until the parser is needed.
    seen: Option<Vec<u8>>,
    /// How much of it has gone on: as much of what the parser makes of it is dropped.
    gone: usize,
}

impl Watch {
    pub(super) fn new(stage: Stage) -> Self {
        Self { stage, seen: Some(Vec::new()), gone: 0 }
    }

    pub(super) fn write(&mut self, part: &[u8], done: &mut Vec<u8>) {
        let Some(seen) = &mut self.seen else { return self.stage.write(part, done) };
        // The word may have begun in the part before.
        let new = seen.len().saturating_sub(ATTRIBUTE.len() - 1);
        seen.extend_from_slice(part);
        if occurs(&seen[new..]) || seen.len() > MOST {
            return self.parse(done);
        }
        let safe = before_open_tag(seen).max(self.gone);
        done.extend_from_slice(&seen[self.gone..safe]);
        self.gone = safe;
    }

    pub(super) fn end(&mut self, done: &mut Vec<u8>) {
        if let Some(seen) = self.seen.take() {
            done.extend_from_slice(&seen[self.gone..]);
            return;
        }
        self.stage.end(done);
    }

    /// From here on the parser has its way. What has gone on already it would have left as it was.
    fn parse(&mut self, done: &mut Vec<u8>) {
        let Some(seen) = self.seen.take() else { return };
        let mut parsed = Vec::with_capacity(seen.len());
        self.stage.write(&seen, &mut parsed);
        if parsed.get(..self.gone) == seen.get(..self.gone) {
            done.extend_from_slice(&parsed[self.gone..]);
        } else {
            // It did not, so nobody can tell where to go on: the page passes as the site made it.
            self.stage.give_up();
            done.extend_from_slice(&seen[self.gone..]);
        }
    }
}

/// Whether the word occurs, in letters of any case.
fn occurs(text: &[u8]) -> bool {
    let hyphen = ATTRIBUTE.iter().position(|&byte| byte == b'-').unwrap_or_default();
    memchr::memchr_iter(b'-', text).any(|at| {
        let start = at.checked_sub(hyphen);
        start
            .and_then(|start| text.get(start..start + ATTRIBUTE.len()))
            .is_some_and(|word| word.eq_ignore_ascii_case(ATTRIBUTE))
    })
}

/// The length of a text without the tag at its end that has not ended yet.
fn before_open_tag(text: &[u8]) -> usize {
    let near = text.len().saturating_sub(LONGEST_TAG);
    let Some(begins) = memchr::memrchr(b'<', &text[near..]).map(|at| near + at) else { return text.len() };
    let mut quote = None;
    for &byte in &text[begins..] {
        match (quote, byte) {
            (None, b'>') => return text.len(),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    begins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_found_in_any_case() {
        for (text, expected) in [
            ("<p data-consent=x>", true),
            ("<p DATA-Consent=x>", true),
            ("<p data-consen", false),
            ("-consent data-x", false),
            ("a-b-data-consent", true),
            ("", false),
        ] {
            assert_eq!(occurs(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn a_tag_that_has_not_ended_waits() {
        for (text, expected) in [
            ("<p>text", 7),
            ("<p>text<ifr", 7),
            ("<p>text<img alt=\"a > b", 7),
            ("<p>text<img alt='a > b' src=x", 7),
            ("<p>text<img alt='a > b'>", 24),
            ("no tag", 6),
            ("", 0),
        ] {
            assert_eq!(before_open_tag(text.as_bytes()), expected, "{text}");
        }
    }
}
