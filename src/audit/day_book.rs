//! The details of the days that are not yet closed, and which of them may be written.

use std::collections::BTreeMap;

use super::cookies::{self, CookieFacts, CookieTotals, Estimates};
use super::crowd::Crowds;
use super::details::{Counts, DayDetails};
use super::ledger::{ConsentRow, CookieRow, FacetKind, FacetRow, StatusClass, UsageRow, VisitCell, VisitRow};
use crate::consent::ConsentEvent;
use crate::time::CivilDate;

/// How many routes of a day are told apart, all threads together.
const ROOM: usize = 16_384;

/// How many values of facets.
const ROOM_FOR_FACETS: usize = 8_192;

/// Details by day. A route or value of a facet stands under its own name only on a day on which a crowd asked for it.
#[derive(Debug, Default)]
pub(super) struct DayBook {
    days: BTreeMap<CivilDate, Day>,
    additions: u64,
}

#[derive(Debug, Default)]
struct Day {
    routes: Crowds<StatusClass, Counts>,
    facets: Crowds<FacetKind, i64>,
    cookies: CookieTotals,
    /// Who was asked, and whose browser had refused, by the fingerprint of the policy.
    asked: BTreeMap<String, [u64; 2]>,
    /// The largest of those that were in force: it was promised to somebody.
    crowd: usize,
    /// By cell, each in its place.
    visits: Vec<u64>,
    /// Which addition was the last.
    touched: u64,
}

impl Day {
    fn names(&self) -> usize {
        self.routes.len() + self.facets.len()
    }
}

/// Rows that may be written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct DetailRows {
    pub(super) usage: Vec<UsageRow>,
    pub(super) facets: Vec<FacetRow>,
    pub(super) cookies: Vec<CookieRow>,
    pub(super) consent: Vec<ConsentRow>,
    pub(super) visits: Vec<VisitRow>,
}

impl DayBook {
    /// Adds what a thread has counted under a policy, where so many are a crowd.
    pub(super) fn add(&mut self, details: DayDetails, facts: &CookieFacts<'_>, crowd: usize) {
        self.additions += 1;
        let day = self.days.entry(details.day).or_default();
        day.touched = self.additions;
        day.crowd = day.crowd.max(crowd);
        let [asked, signalled] = day.asked.entry(facts.policy().fingerprint()).or_default();
        *asked += details.asked;
        *signalled += details.signalled;
        facts.add_named(&mut day.cookies, &details.cookies);
        day.visits.resize(VisitCell::COUNT, 0);
        day.visits.iter_mut().zip(details.visits).for_each(|(sum, more)| *sum += more);
        for (route, by_status) in details.routes.into_counts() {
            for (index, counts) in by_status.into_iter().enumerate().filter(|(_, counts)| counts.requests > 0)
            {
                day.routes.add(route.clone(), StatusClass::from_index(index), counts, ROOM);
            }
        }
        for (kind, value, views) in details.facets.into_values() {
            day.facets.add(value, kind, views, ROOM_FOR_FACETS);
        }
    }

    /// What is new since the last rows, sorted by value.
    pub(super) fn rows(&mut self, estimates: &Estimates) -> DetailRows {
        let mut rows = DetailRows::default();
        for (date, day) in &mut self.days {
            let routes = day.routes.changes(day.crowd).into_iter();
            rows.usage.extend(routes.map(|(route, status, change)| usage_row(*date, route, status, change)));
            let facets = day.facets.changes(day.crowd).into_iter();
            rows.facets.extend(facets.map(|(value, kind, page_views)| FacetRow {
                day: *date,
                kind,
                value: value.to_owned(),
                page_views,
            }));
            for (name, counts) in std::mem::take(&mut day.cookies) {
                rows.cookies.extend(cookies::rows(*date, &name, &counts, estimates));
            }
            for (cell, count) in VisitCell::all().zip(std::mem::take(&mut day.visits)) {
                if count > 0 {
                    rows.visits.push(VisitRow { day: *date, cell, count });
                }
            }
            for (policy, events) in std::mem::take(&mut day.asked) {
                let events = [ConsentEvent::Asked, ConsentEvent::Signalled].into_iter().zip(events);
                rows.consent.extend(events.filter(|(_, events)| *events > 0).map(|(event, events)| {
                    ConsentRow { day: *date, policy: policy.clone(), event, purpose: String::new(), events }
                }));
            }
        }
        rows.visits.sort_unstable();
        rows.usage.sort_unstable();
        rows.facets.sort_unstable();
        rows.cookies.sort_unstable();
        rows.consent.sort_unstable();
        rows
    }

    /// Forgets days that are over, once their rows are taken.
    pub(super) fn forget_before(&mut self, today: CivilDate) {
        self.days.retain(|date, _| *date >= today);
    }

    /// Forgets days, those first that were touched least lately, until all together have no more than so many names.
    pub(super) fn forget_beyond(&mut self, room: usize) {
        let mut names = self.names();
        while names > room {
            let Some(date) = self.days.iter().min_by_key(|(_, day)| day.touched).map(|(date, _)| *date)
            else {
                return;
            };
            names -= self.days.remove(&date).map_or(0, |day| day.names());
        }
    }

    /// How many names all days have together.
    pub(super) fn names(&self) -> usize {
        self.days.values().map(Day::names).sum()
    }
}

fn usage_row(day: CivilDate, route: &str, status: StatusClass, change: Counts) -> UsageRow {
    let Counts { requests, page_views, entries, not_found } = change;
    UsageRow { day, route: route.to_owned(), status, requests, page_views, entries, not_found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::facet::FacetCounts;
    use crate::audit::named::Named;
    use crate::consent::{Policy, UndeclaredNames};

    struct Town {
        book: DayBook,
        crowd: usize,
        written: BTreeMap<(CivilDate, String, StatusClass), i64>,
    }

    impl Town {
        fn new() -> Self {
            Self { book: DayBook::default(), crowd: 10, written: BTreeMap::new() }
        }

        fn visit(&mut self, day: i32, route: &str, times: i64) {
            let policy = Policy::builder("Town", "https://town.example").build().unwrap();
            let facts = CookieFacts::new(&policy, &UndeclaredNames::default(), None);
            let mut details = DayDetails {
                day: CivilDate::from_days(day),
                routes: Named::default(),
                facets: FacetCounts::default(),
                cookies: Vec::new(),
                asked: 0,
                signalled: 0,
                visits: [0; VisitCell::COUNT],
            };
            details.routes.count_of(route.as_bytes(), || route)[1] =
                Counts { requests: times, page_views: times, ..Counts::default() };
            self.book.add(details, &facts, self.crowd);
        }

        fn write(&mut self, today: i32) -> usize {
            let rows = self.book.rows(&Estimates::default());
            self.book.forget_before(CivilDate::from_days(today));
            assert!(rows.usage.is_sorted());
            let count = rows.usage.len();
            for row in rows.usage {
                *self.written.entry((row.day, row.route, row.status)).or_default() += row.requests;
            }
            count
        }

        fn shows(&self, day: i32, route: &str) -> i64 {
            let key = (CivilDate::from_days(day), route.to_owned(), StatusClass::from_digit(2).unwrap());
            self.written.get(&key).copied().unwrap_or_default()
        }
    }

    #[test]
    fn a_route_is_named_once_a_crowd_asked_for_it() {
        let mut town = Town::new();
        town.visit(0, "/home", 30);
        town.visit(0, "/odd", 4);
        town.visit(0, "/rising", 6);
        town.write(0);
        assert_eq!((town.shows(0, "/home"), town.shows(0, "/odd"), town.shows(0, "/rising")), (30, 0, 0));
        assert_eq!(town.shows(0, "(rare)"), 10);

        town.visit(0, "/rising", 4);
        town.visit(0, "/odd", 1);
        town.write(0);
        assert_eq!((town.shows(0, "/rising"), town.shows(0, "(rare)")), (10, 5));

        town.visit(0, "/rising", 1);
        assert_eq!(town.write(0), 1);
        assert_eq!((town.shows(0, "/rising"), town.shows(0, "(rare)")), (11, 5));
        assert_eq!(town.write(0), 0);
    }

    #[test]
    fn each_day_is_its_own_crowd_and_totals_are_exact() {
        let mut town = Town::new();
        town.visit(0, "/odd", 9);
        town.visit(1, "/odd", 9);
        town.write(1);
        assert_eq!((town.shows(0, "/odd"), town.shows(1, "/odd")), (0, 0));
        assert_eq!((town.shows(0, "(rare)"), town.shows(1, "(rare)")), (9, 9));
        assert_eq!(town.book.days.len(), 1);
        assert_eq!(town.written.values().sum::<i64>(), 18);
    }

    #[test]
    fn a_crowd_that_was_promised_holds_for_the_day() {
        let mut town = Town::new();
        town.visit(0, "/odd", 9);
        town.crowd = 5;
        town.visit(0, "/odd", 1);
        town.visit(1, "/odd", 5);
        town.write(1);
        assert_eq!((town.shows(0, "/odd"), town.shows(1, "/odd")), (10, 5));
        let mut town = Town::new();
        town.visit(0, "/odd", 8);
        town.crowd = 5;
        town.visit(0, "/odd", 1);
        town.write(0);
        assert_eq!(town.shows(0, "/odd"), 0);
    }
}
