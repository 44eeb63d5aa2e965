//! Visits from the cells of the visit ledger. Pure.

use std::collections::BTreeMap;

use pinfold::audit::{VisitCell, pages_of};
use pinfold::time::CivilDate;
use pinfold_store::VisitCount;
use serde::Serialize;

use super::small::{listed, rounded};

/// Visits, as footprints tell them: a visit is what one browser looks at on one day.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Visits {
    #[serde(flatten)]
    pub(crate) all: Sum,
    /// Pages for each visit, of those who allow statistics.
    pub(crate) pages_per_visit: f64,
    /// Pages seen by browsers that keep no footprint: they belong to no visit.
    pub(crate) uncounted_pages: i64,
    /// Pages that shared caches may keep, with which no footprint can be given.
    pub(crate) shared_pages: i64,
    pub(crate) by_day: BTreeMap<String, Sum>,
    /// Browsers that came at least once in a week, by its Monday.
    pub(crate) by_week: BTreeMap<String, i64>,
    /// Browsers that came at least once in a month.
    pub(crate) by_month: BTreeMap<String, i64>,
}

/// Visits of a day, or of all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Sum {
    pub(crate) visits: i64,
    /// Of browsers that were not here for thirty days.
    pub(crate) new: i64,
    pub(crate) returning: i64,
    /// Of one page alone, at most: too few may have seen a second page for that to be told.
    pub(crate) one_page_at_most: i64,
    /// Estimated: exact for visits of up to four pages.
    pub(crate) pages: i64,
}

impl Visits {
    pub(super) fn of(rows: &[VisitCount]) -> Self {
        let mut visits = Self::default();
        let mut days: BTreeMap<CivilDate, Vec<&VisitCount>> = BTreeMap::new();
        for row in rows {
            days.entry(row.day).or_default().push(row);
            match row.cell {
                VisitCell::Uncounted => visits.uncounted_pages += row.count,
                VisitCell::Shared => visits.shared_pages += row.count,
                _ => {}
            }
        }
        for (day, rows) in days {
            let sum = Sum::of(&rows);
            if sum.visits > 0 {
                visits.all.add(sum);
                visits.by_day.insert(day.to_string(), sum);
            }
            let (week, month) = (Week::of(day), Month::of(day));
            for row in rows {
                if began_after(row.cell, week.days_before) {
                    *visits.by_week.entry(week.monday.to_string()).or_default() += row.count;
                }
                if began_after(row.cell, month.days_before) {
                    *visits.by_month.entry(month.name.clone()).or_default() += row.count;
                }
            }
        }
        if visits.all.visits > 0 {
            let exact = visits.all.pages as f64 / visits.all.visits as f64;
            visits.pages_per_visit = (exact * 100.0).round() / 100.0;
        }
        visits
    }
}

impl Sum {
    fn of(rows: &[&VisitCount]) -> Self {
        let count = |wanted: &dyn Fn(VisitCell) -> bool| -> i64 {
            rows.iter().filter(|row| wanted(row.cell)).map(|row| row.count).sum()
        };
        let new = count(&|cell| cell == VisitCell::New);
        let returning = count(&|cell| matches!(cell, VisitCell::Returning(_)));
        let reached = |step| count(&|cell| cell == VisitCell::Reached(step));
        let further = count(&|cell| cell == VisitCell::Further);
        let visits = new + returning;
        let pages =
            pages_of(visits.cast_unsigned(), |step| reached(step).cast_unsigned(), further.cast_unsigned());
        let one_page_at_most = (visits - reached(2)).max(0);
        Self { visits, new, returning, one_page_at_most, pages: pages.cast_signed() }
    }

    fn add(&mut self, other: Self) {
        self.visits += other.visits;
        self.new += other.new;
        self.returning += other.returning;
        self.one_page_at_most += other.one_page_at_most;
        self.pages += other.pages;
    }
}

/// The rows of each day, rounded one by one: returning visits first put together as far as no week or month parts them. The visits of a
/// day are left out where its parts `are_tight`, that is where they are no longer hidden by being rounded.
pub(super) fn rounded_apart(
    rows: &[VisitCount],
    are_tight: impl Fn(CivilDate, Vec<i64>) -> bool,
) -> Vec<VisitCount> {
    let mut days: BTreeMap<CivilDate, BTreeMap<VisitCell, i64>> = BTreeMap::new();
    for row in rows {
        let bounds = [Week::of(row.day).days_before, Month::of(row.day).days_before];
        let cell = match row.cell {
            // The longest ago that is on the same side of both bounds.
            VisitCell::Returning(ago) => VisitCell::Returning(
                bounds.into_iter().filter(|bound| ago <= *bound).min().unwrap_or(u8::MAX),
            ),
            cell => cell,
        };
        *days.entry(row.day).or_default().entry(cell).or_default() += row.count;
    }
    days.retain(|day, cells| {
        // No page of these is counted twice.
        let single = cells.iter().filter(|(cell, _)| match cell {
            VisitCell::Reached(step) => *step <= 4,
            VisitCell::Further => false,
            _ => true,
        });
        !are_tight(*day, single.map(|(cell, count)| rounding(*cell)(*count)).collect())
    });
    let rows = days.into_iter().flat_map(|(day, cells)| {
        cells.into_iter().map(move |(cell, count)| VisitCount { day, cell, count: rounding(cell)(count) })
    });
    rows.collect()
}

fn rounding(cell: VisitCell) -> fn(i64) -> i64 {
    if matches!(cell, VisitCell::New | VisitCell::Returning(_)) { rounded } else { listed }
}

/// Whether a visit begins of a browser that was not here in so many days before.
fn began_after(cell: VisitCell, days: u8) -> bool {
    match cell {
        VisitCell::New => true,
        VisitCell::Returning(ago) => ago > days,
        _ => false,
    }
}

struct Week {
    monday: CivilDate,
    /// How many days of it came before.
    days_before: u8,
}

impl Week {
    fn of(day: CivilDate) -> Self {
        // The first of January 1970 was a Thursday.
        let days_before = (day.days() + 3).rem_euclid(7);
        let monday = CivilDate::from_days(day.days() - days_before);
        Self { monday, days_before: u8::try_from(days_before).unwrap_or_default() }
    }
}

struct Month {
    /// `2026-11`.
    name: String,
    /// How many days of it came before.
    days_before: u8,
}

impl Month {
    fn of(day: CivilDate) -> Self {
        let text = day.to_string();
        let (name, number) = text.rsplit_once('-').unwrap_or((&text, "1"));
        Self { name: name.to_owned(), days_before: number.parse::<u8>().unwrap_or(1).saturating_sub(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(day: &str, cell: VisitCell, count: i64) -> VisitCount {
        VisitCount { day: CivilDate::parse(day).unwrap(), cell, count }
    }

    #[test]
    fn weeks_and_months_count_each_browser_once() {
        // A Sunday and the Monday after it, in two months.
        let visits = Visits::of(&[
            row("2026-05-31", VisitCell::New, 10),
            row("2026-05-31", VisitCell::Returning(6), 4),
            row("2026-05-31", VisitCell::Returning(7), 2),
            row("2026-05-31", VisitCell::Returning(30), 1),
            row("2026-06-01", VisitCell::New, 3),
            row("2026-06-01", VisitCell::Returning(1), 5),
        ]);
        assert_eq!(visits.all.visits, 25);
        assert_eq!((visits.all.new, visits.all.returning), (13, 12));
        let weeks = [("2026-05-25".to_owned(), 13), ("2026-06-01".to_owned(), 8)];
        assert_eq!(visits.by_week, BTreeMap::from(weeks));
        // On the 31st, thirty days ago is the first of the month.
        let months = [("2026-05".to_owned(), 10), ("2026-06".to_owned(), 8)];
        assert_eq!(visits.by_month, BTreeMap::from(months));
    }

    #[test]
    fn pages_are_what_steps_stand_for() {
        let visits = Visits::of(&[
            row("2026-06-01", VisitCell::New, 100),
            row("2026-06-01", VisitCell::Reached(2), 60),
            row("2026-06-01", VisitCell::Reached(3), 20),
            row("2026-06-01", VisitCell::Reached(5), 5),
            row("2026-06-01", VisitCell::Further, 7),
            row("2026-06-01", VisitCell::Uncounted, 9),
            row("2026-06-01", VisitCell::Shared, 11),
        ]);
        assert_eq!((visits.all.pages, visits.all.one_page_at_most), (100 + 60 + 20 + 2 * 5 + 7, 40));
        assert_eq!((visits.uncounted_pages, visits.shared_pages), (9, 11));
        assert!((visits.pages_per_visit - 1.97).abs() < 1e-9);
        assert_eq!(Visits::of(&[]), Visits::default());
    }
}
