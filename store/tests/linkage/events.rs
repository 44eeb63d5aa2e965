//! What the thief would like to know of whom.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::stolen::{Copy, Stolen};
use super::town::{LONGEST, Town, What};

/// Visits of so many pages are one step of the visit ledger of the design.
const STEPS: [RangeInclusive<usize>; 8] = [1..=1, 2..=2, 3..=3, 4..=5, 6..=10, 11..=20, 21..=50, 51..=1_000];

/// Where fewer visits of a day share a step, it is left out of that ledger.
const SHARED_BY: usize = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Somebody asked for a page.
    Usage,
    /// Somebody asked for a page that many read within an hour.
    News,
    /// Somebody asked for a page that nobody else asked for.
    Rare,
    /// Somebody asked for a page that is not there.
    Missing,
    /// Somebody asked for a page when the site failed.
    Failed,
    /// Somebody came for so many pages, and these are they.
    Visit,
    /// The same, of whoever asked for a page that nobody else asked for.
    Followed,
    /// Somebody agreed to, or refused, everything.
    Choice,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::Usage,
        Self::News,
        Self::Rare,
        Self::Missing,
        Self::Failed,
        Self::Visit,
        Self::Followed,
        Self::Choice,
    ];

    fn of(path: &str, status: u8) -> Self {
        match status {
            5 => Self::Failed,
            4 => Self::Missing,
            _ if is_rare(path) => Self::Rare,
            _ if path.starts_with("/news/") => Self::News,
            _ => Self::Usage,
        }
    }
}

fn is_rare(path: &str) -> bool {
    path.starts_with("/planning/")
}

/// Something that happened on this day, with all that is known of it.
#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) kind: Kind,
    /// The rows of the usage ledger that it counts in.
    pub(crate) rows: Vec<(Arc<str>, u8)>,
    /// How many pages the visit had, if that is told.
    pub(crate) pages: Option<RangeInclusive<usize>>,
    /// When it was written, as somebody sees who copies the database again and again.
    pub(crate) written: Option<(i64, i64)>,
    pub(crate) visit: usize,
    /// Who it was.
    pub(crate) truth: u64,
}

/// Everything that happened. `depth_is_exact` tells the thief how many pages each visit had, where the design tells a step.
pub(crate) fn events_of(town: &Town, stolen: &Stolen, depth_is_exact: bool) -> Vec<Event> {
    let mut seen = Seen::of(&stolen.copies);
    let mut events = Vec::new();
    let mut visits: BTreeMap<usize, Event> = BTreeMap::new();
    for one in &town.asked {
        let Some(visit) = one.visit else { continue };
        let event = |kind| {
            let (rows, truth) = (Vec::new(), stolen.names[&one.from]);
            Event { kind, rows, pages: None, written: None, visit, truth }
        };
        match &one.what {
            What::Page(path, status) => {
                let row = (path.clone(), u8::try_from(status / 100).unwrap());
                let written = seen.page(&row, one.at);
                let rows = vec![row.clone()];
                let page = event(Kind::of(path, row.1));
                events.push(Event { rows, written, ..page });
                visits.entry(visit).or_insert_with(|| event(Kind::Visit)).rows.push(row);
            }
            What::Choice(agreed) => {
                let written = seen.choice(if *agreed { "accepted" } else { "rejected" }, one.at);
                events.push(Event { written, ..event(Kind::Choice) });
            }
            What::Picture => {}
        }
    }
    // Whoever asked for one page of a planning application asked for the others: their names say so.
    for rare in events.iter_mut().filter(|event| event.kind == Kind::Rare) {
        let others = visits[&rare.visit].rows.iter().filter(|row| is_rare(&row.0) && **row != rare.rows[0]);
        let others: Vec<_> = others.cloned().collect();
        rare.rows.extend(others);
        rare.pages = Some(rare.rows.len()..=LONGEST);
    }
    let step_of = |visit: &Event| STEPS.iter().find(|step| step.contains(&visit.rows.len()));
    let mut by_step: HashMap<_, usize> = HashMap::new();
    visits.values().for_each(|visit| *by_step.entry(step_of(visit)).or_default() += 1);
    for (_, mut visit) in visits {
        let pages = visit.rows.len();
        visit.pages = match depth_is_exact {
            true => Some(pages..=pages),
            false => step_of(&visit).filter(|step| by_step[&Some(*step)] >= SHARED_BY).cloned(),
        };
        if visit.rows.iter().any(|(path, _)| is_rare(path)) {
            events.push(Event { kind: Kind::Followed, ..visit.clone() });
        }
        events.push(visit);
    }
    events
}

/// What copies tell of the moment of writing.
struct Seen<'a> {
    copies: &'a [Copy],
    /// In which copies there was a new batch of details.
    batches: Vec<usize>,
    /// In which copies a row had grown.
    grown: HashMap<(Arc<str>, u8), Vec<usize>>,
}

impl<'a> Seen<'a> {
    fn of(copies: &'a [Copy]) -> Self {
        let differ = |place: &usize| copies[*place].usage != copies[place - 1].usage;
        let batches = (1..copies.len()).filter(differ).collect();
        Self { copies, batches, grown: HashMap::new() }
    }

    /// Details are written in batches: between the batch before and the one in which the row grew. When a row is named, views
    /// that were long before come with it: then nothing is told.
    fn page(&mut self, row: &(Arc<str>, u8), at: i64) -> Option<(i64, i64)> {
        let grown = self.grown.entry(row.clone()).or_insert_with(|| {
            let key = (row.0.to_string(), row.1);
            let of = |place: usize| self.copies[place].usage.get(&key);
            self.batches.iter().copied().filter(|place| of(place - 1) < of(*place)).collect()
        });
        let (first, later) = grown.split_first()?;
        let grew = later.iter().find(|place| self.copies[**place].at > at)?;
        if self.copies[*first].at > at {
            return None;
        }
        let before = self.batches.partition_point(|batch| batch < grew).checked_sub(1)?;
        Some((self.copies[self.batches[before] - 1].at, self.copies[*grew].at))
    }

    /// A choice is written at once.
    fn choice(&self, event: &str, at: i64) -> Option<(i64, i64)> {
        let of = |place: usize| self.copies[place].consent.get(event);
        let grew =
            (1..self.copies.len()).find(|place| self.copies[*place].at > at && of(place - 1) < of(*place))?;
        Some((self.copies[grew - 1].at, self.copies[grew].at))
    }
}
