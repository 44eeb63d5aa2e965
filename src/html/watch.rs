//! Leaves a page alone until something in it has to do with consent.

use std::fmt;
use std::sync::Arc;

use super::charset::Charset;
use super::cut::{Cut, LONGEST_TAG};
use super::gate::{Bottom, Doorman, Looks, gate};
use super::stage::{ROOM, Stage};
use super::words::{BEGUN, occur};

/// How much of a page is watched. A longer one is parsed from there on, because what is watched must be remembered.
const MOST: usize = 256 * 1024;

/// How much is remembered of a page that is parsed until the parser has handed out all that has gone on.
const MOST_UNCONFIRMED: usize = 2 * MOST;

/// Looks for elements that say what they are for only in a page in which `data-consent` occurs, which is hardly any: until then it is parsed for
/// hosts alone, or not at all where none is known.
pub(super) struct Watch {
    doorman: Arc<dyn Doorman>,
    bottom: Option<Bottom>,
    charset: Charset,
    /// The parser that looks at everything; nothing until it is needed.
    stage: Option<Stage>,
    /// Nothing once that parser has its way.
    watched: Option<Watched>,
}

/// A page of which that parser has not handed out all that has gone on.
struct Watched {
    seen: Vec<u8>,
    cut: Cut,
    /// How much of it has gone on, or been given to the parser for hosts.
    given: usize,
    /// Where hosts are known, or something is put in.
    by_host: Option<ByHost>,
    /// How much of what has gone on the parser has handed out again; nothing until it is given the page.
    confirmed: Option<usize>,
}

/// A page that is parsed for hosts.
#[derive(Default)]
struct ByHost {
    /// Nothing until there is something to parse.
    stage: Option<Stage>,
    /// What has gone on.
    gone: Vec<u8>,
}

impl Watch {
    pub(super) fn new(doorman: Arc<dyn Doorman>, bottom: Option<Bottom>, charset: Charset) -> Self {
        let by_host = (doorman.knows_hosts() || bottom.is_some()).then(ByHost::default);
        let watched = Watched { seen: Vec::new(), cut: Cut::default(), given: 0, by_host, confirmed: None };
        Self { doorman, bottom, charset, stage: None, watched: Some(watched) }
    }

    pub(super) fn write(&mut self, part: &[u8], done: &mut Vec<u8>) {
        let Some(mut watched) = self.watched.take() else { return self.stage().write(part, done) };
        let mut parsed = Vec::new();
        if watched.confirmed.is_some() {
            watched.seen.extend_from_slice(part);
            self.stage().write(part, &mut parsed);
        } else {
            let sees = watched.would_see(part);
            watched.seen.extend_from_slice(part);
            if !sees && watched.seen.len() <= MOST && self.pass_on(&mut watched, done) {
                self.watched = Some(watched);
                return;
            }
            watched.confirmed = Some(0);
            self.stage().write(&watched.seen, &mut parsed);
        }
        self.watched = Some(watched);
        self.confirm(&parsed, done);
    }

    /// Passes on what can be of a page in which nothing says what it is for; false where that takes the parser.
    fn pass_on(&self, watched: &mut Watched, done: &mut Vec<u8>) -> bool {
        let safe = watched.cut.before(&watched.seen);
        if watched.seen.len() - safe > LONGEST_TAG {
            return false;
        }
        let part = &watched.seen[watched.given..safe];
        match &mut watched.by_host {
            None => done.extend_from_slice(part),
            Some(ByHost { stage, gone }) => {
                let before = done.len();
                stage.get_or_insert_with(|| self.gate(Looks::AtHosts)).write(part, done);
                gone.extend_from_slice(&done[before..]);
            }
        }
        watched.given = safe;
        true
    }

    /// Takes the last part, and gives all that is left. Nothing comes after it for which a tag would have to wait.
    pub(super) fn last(mut self, part: Vec<u8>) -> Vec<u8> {
        let unparsed = |watched: &mut Watched| watched.confirmed.is_none() && !watched.would_see(&part);
        if let Some(mut watched) = self.watched.take_if(unparsed) {
            let mut rest = watched.seen.split_off(watched.given);
            let rest = if rest.is_empty() {
                part
            } else {
                rest.extend_from_slice(&part);
                rest
            };
            let Some(ByHost { stage, .. }) = watched.by_host else { return rest };
            let mut done = Vec::with_capacity(rest.len() + ROOM);
            let mut stage = stage.unwrap_or_else(|| self.gate(Looks::AtHosts));
            stage.write(&rest, &mut done);
            stage.end(&mut done);
            return done;
        }
        let mut done = Vec::with_capacity(part.len() + ROOM);
        self.write(&part, &mut done);
        let mut parsed = Vec::new();
        self.stage().end(&mut parsed);
        self.confirm(&parsed, &mut done);
        // Another one, if it has come to that.
        self.stage().end(&mut done);
        done
    }

    fn gate(&self, looks: Looks) -> Stage {
        gate(Some(self.doorman.clone()), self.bottom.clone(), self.charset, looks)
    }

    fn stage(&mut self) -> &mut Stage {
        let Self { doorman, bottom, charset, stage, .. } = self;
        let make = || gate(Some(doorman.clone()), bottom.clone(), *charset, Looks::AtEverything);
        stage.get_or_insert_with(make)
    }

    /// Passes on what the parser hands out, but for what has gone on already, which it must have left as it was.
    fn confirm(&mut self, parsed: &[u8], done: &mut Vec<u8>) {
        let Some(watched) = &mut self.watched else { return done.extend_from_slice(parsed) };
        let confirmed = watched.confirmed.unwrap_or_default();
        let expected = &watched.gone()[confirmed..];
        let again = expected.len().min(parsed.len());
        let is_done = again == expected.len();
        if parsed[..again] != expected[..again] || !is_done && watched.seen.len() > MOST_UNCONFIRMED {
            // Nobody can tell where to go on with it. Another one takes the rest for a page of its own.
            let rest = watched.rest(done);
            self.watched = None;
            self.stage = None;
            return self.stage().write(&rest, done);
        }
        watched.confirmed = Some(confirmed + again);
        done.extend_from_slice(&parsed[again..]);
        if is_done {
            self.watched = None;
        }
    }
}

impl Watched {
    /// Whether with a part there is something in the page for which everything has to be looked at: a word may have begun before.
    fn would_see(&self, part: &[u8]) -> bool {
        let before = &self.seen[self.seen.len().saturating_sub(BEGUN)..];
        let seam = [before, &part[..part.len().min(BEGUN)]].concat();
        occur(&seam, self.is_unparsed()) || occur(part, self.is_unparsed())
    }

    /// What is in `noscript` a parser changes, if only in how it is written: it must have had it from the start.
    fn is_unparsed(&self) -> bool {
        self.by_host.is_none()
    }

    fn gone(&self) -> &[u8] {
        match &self.by_host {
            None => &self.seen[..self.given],
            Some(by_host) => &by_host.gone,
        }
    }

    /// What has not gone on, but for what the parser for hosts still had.
    fn rest(&mut self, done: &mut Vec<u8>) -> Vec<u8> {
        if let Some(ByHost { stage: Some(stage), .. }) = &mut self.by_host {
            stage.end(done);
        }
        self.seen.split_off(self.given)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("watches", &self.watched.is_some()).finish_non_exhaustive()
    }
}
