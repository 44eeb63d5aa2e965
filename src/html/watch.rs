//! Leaves a page alone until something in it has to do with consent.

use std::fmt;
use std::sync::Arc;

use super::charset::Charset;
use super::cut::{Cut, LONGEST_TAG};
use super::gate::{Doorman, gate};
use super::stage::Stage;
use super::words::{BEGUN, occur};

/// How much of a page is watched. A longer one is parsed from there on, because what is watched must be remembered.
const MOST: usize = 256 * 1024;

/// How much is remembered of a page that is parsed until the parser has handed out all that has gone on.
const MOST_UNCONFIRMED: usize = 2 * MOST;

/// Parses a page only if `data-consent` occurs in it, or an element in which a parser would not see it: most pages of most sites have neither, and
/// parsing costs more than everything else together.
pub(super) struct Watch {
    doorman: Arc<dyn Doorman>,
    charset: Charset,
    /// Nothing until it is needed: to set a parser up takes longer than to watch a short page.
    stage: Option<Stage>,
    /// Nothing once the parser has its way.
    watched: Option<Watched>,
}

/// A page of which the parser has not handed out all that has gone on.
#[derive(Default)]
struct Watched {
    seen: Vec<u8>,
    /// How much of it has gone on.
    gone: usize,
    cut: Cut,
    /// How much of what has gone on the parser has handed out again; nothing until it is given the page.
    confirmed: Option<usize>,
}

impl Watch {
    pub(super) fn new(doorman: Arc<dyn Doorman>, charset: Charset) -> Self {
        Self { doorman, charset, stage: None, watched: Some(Watched::default()) }
    }

    pub(super) fn write(&mut self, part: &[u8], done: &mut Vec<u8>) {
        let Some(watched) = &mut self.watched else { return self.stage().write(part, done) };
        let mut parsed = Vec::new();
        if watched.confirmed.is_some() {
            watched.seen.extend_from_slice(part);
            self.stage().write(part, &mut parsed);
        } else {
            let is_asked = watched.see(part);
            let safe = watched.cut.before(&watched.seen);
            let waits = watched.seen.len() - safe <= LONGEST_TAG && watched.seen.len() <= MOST;
            if waits && !is_asked {
                done.extend_from_slice(&watched.seen[watched.gone..safe]);
                watched.gone = safe;
                return;
            }
            watched.confirmed = Some(0);
            let stage = self.stage.insert(gate(Some(self.doorman.clone()), None, self.charset));
            stage.write(&watched.seen, &mut parsed);
        }
        self.confirm(&parsed, done);
    }

    /// Takes the last part, and gives all that is left. Nothing comes after it for which a tag would have to wait.
    pub(super) fn last(mut self, part: Vec<u8>) -> Vec<u8> {
        let unparsed = |watched: &mut Watched| watched.confirmed.is_none() && !watched.would_see(&part);
        if let Some(mut watched) = self.watched.take_if(unparsed) {
            let mut done = watched.seen.split_off(watched.gone);
            if done.is_empty() {
                return part;
            }
            done.extend_from_slice(&part);
            return done;
        }
        let mut done = Vec::with_capacity(part.len());
        self.write(&part, &mut done);
        if let Some(watched) = self.watched.take_if(|watched| watched.confirmed.is_none()) {
            done.extend_from_slice(&watched.seen[watched.gone..]);
            return done;
        }
        let mut parsed = Vec::new();
        self.stage().end(&mut parsed);
        self.confirm(&parsed, &mut done);
        // Another one, if it has come to that.
        self.stage().end(&mut done);
        done
    }

    fn stage(&mut self) -> &mut Stage {
        self.stage.get_or_insert_with(|| gate(Some(self.doorman.clone()), None, self.charset))
    }

    /// Passes on what the parser hands out, but for what has gone on already, which it must have left as it was.
    fn confirm(&mut self, parsed: &[u8], done: &mut Vec<u8>) {
        let Some(watched) = &mut self.watched else { return done.extend_from_slice(parsed) };
        let confirmed = watched.confirmed.unwrap_or_default();
        let expected = &watched.seen[confirmed..watched.gone];
        let again = expected.len().min(parsed.len());
        if parsed[..again] != expected[..again] || watched.seen.len() > MOST_UNCONFIRMED {
            // Nobody can tell where to go on with it. Another one takes the rest for a page of its own.
            let rest = watched.seen.split_off(watched.gone);
            self.watched = None;
            self.stage = None;
            return self.stage().write(&rest, done);
        }
        watched.confirmed = Some(confirmed + again);
        done.extend_from_slice(&parsed[again..]);
        if again == expected.len() {
            self.watched = None;
        }
    }
}

impl Watched {
    /// Adds a part; whether the page has to be parsed for it.
    fn see(&mut self, part: &[u8]) -> bool {
        let from = self.seen.len().saturating_sub(BEGUN);
        self.seen.extend_from_slice(part);
        occur(&self.seen[from..])
    }

    /// Whether the page would have to be parsed for a part: a word may have begun before.
    fn would_see(&self, part: &[u8]) -> bool {
        let before = &self.seen[self.seen.len().saturating_sub(BEGUN)..];
        occur(&[before, &part[..part.len().min(BEGUN)]].concat()) || occur(part)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("watches", &self.watched.is_some()).finish_non_exhaustive()
    }
}
