//! Where the top of a page is, remembered of pages that were parsed.

use std::cell::RefCell;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::LazyLock;

use crate::lately::Lately;

/// Where in a page something goes in. It follows from the bytes of the page up to the end of the tag that tells, so the next page that begins with
/// the same need not be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Top {
    /// The start of the head, where it is written out.
    pub(super) head: Option<usize>,
    /// The start of the body: after its tag, or before one that can only be in it.
    pub(super) body: usize,
    /// The end of that tag.
    told_by: usize,
    /// The `lang` of the root.
    pub(super) language: Option<Box<str>>,
}

/// By how much of a page it is looked up: nearly always the title is within it.
const BEGINNING: usize = 512;

/// The longest top that is remembered: a longer one takes long to be known again.
const LONGEST: usize = 64 * 1024;

/// The longest name of a language (RFC 5646, section 4.4.1): what is longer is none, and is not remembered.
const LONGEST_LANGUAGE: usize = 35;

thread_local! {
    /// Those that a thread found lately. Of a page hashes alone are kept, and its language.
    static KNOWN: RefCell<Lately<Known, 512>> = const { RefCell::new(Lately::new()) };
}

/// Found by a hash of how the page begins.
struct Known {
    /// Of everything up to where it is told.
    told: u64,
    top: Top,
}

/// A hash of how a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beginning(u64);

impl Top {
    /// That of a page of which this is the first part, if it is known; else by what it is to be remembered. `whole` is the one thing besides
    /// the bytes on which it hangs.
    pub(super) fn of(first: &[u8], whole: bool) -> Result<Self, Beginning> {
        let beginning = Beginning(hash(&first[..first.len().min(BEGINNING)], whole));
        let found = KNOWN.with_borrow(|all| {
            let known = all.get(beginning.0)?;
            let told = first.get(..known.top.told_by)?;
            (hash(told, whole) == known.told).then(|| known.top.clone())
        });
        found.ok_or(beginning)
    }
}

/// A place in a page as it came, and how much was put in there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub(super) at: usize,
    pub(super) length: usize,
}

/// What was found by parsing.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) head: Option<Spot>,
    pub(super) body: Spot,
    pub(super) told_by: usize,
    pub(super) language: Option<String>,
}

impl Found {
    /// Remembers it, where `done` shows that the parser has put in what it said, at the places that it said, and left all else as it was in
    /// `first`: it begins anew within a page that it has no room for.
    pub(super) fn remember(self, first: &[u8], done: &[u8], beginning: Beginning, whole: bool) {
        let Self { head, body, told_by, language } = self;
        // What a name in other letters is depends on the encoding.
        let is_named = |name: &String| name.is_ascii() && name.len() <= LONGEST_LANGUAGE;
        let Some(told) = first.get(..told_by.min(LONGEST)).filter(|told| told.len() == told_by) else {
            return;
        };
        if !language.as_ref().is_none_or(is_named)
            || !is_left_alone(first, done, head.into_iter().chain([body]))
        {
            return;
        }
        let language = language.map(String::into_boxed_str);
        let top = Top { head: head.map(|head| head.at), body: body.at, told_by, language };
        KNOWN.with_borrow_mut(|all| all.put(beginning.0, Known { told: hash(told, whole), top }));
    }
}

/// Whether a text is the same as another but for what was put in at some spots, which are in order.
fn is_left_alone(text: &[u8], with: &[u8], spots: impl Iterator<Item = Spot>) -> bool {
    let (mut text_from, mut with_from) = (0, 0);
    for Spot { at, length } in spots {
        let Some(between) = text.get(text_from..at) else { return false };
        if with.get(with_from..with_from + between.len()) != Some(between) {
            return false;
        }
        (text_from, with_from) = (at, with_from + between.len() + length);
    }
    with.get(with_from..) == text.get(text_from..)
}

/// SipHash-1-3 under a key of the process: what stands in a page may be up to a visitor, and must not pass for another.
fn hash(text: &[u8], whole: bool) -> u64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let mut hasher = KEY.build_hasher();
    hasher.write(text);
    hasher.write_u8(whole.into());
    hasher.finish()
}
