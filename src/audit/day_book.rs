//! The details of the days that are not yet closed, and which of them may be written.

use std::collections::{BTreeMap, HashMap};

use super::details::{CookieCounts, Counts, DayDetails, OTHER, add_cookies, done, subject_at};
use super::ledger::{ConsentRow, CookieRow, StatusClass, UsageRow, VisitCell, VisitRow};
use crate::consent::{ConsentEvent, CookieSubject, Policy, UndeclaredNames};
use crate::time::CivilDate;

/// The route under which everything stands that fewer than a crowd asked for.
const RARE: &str = "(rare)";

/// How many routes of a day are told apart, all threads together.
const ROOM: usize = 16_384;

/// Details by day. A route stands under its own name only on a day on which it was asked for by a crowd; until then it
/// is part of `(rare)`. When it crosses, the next rows move it.
#[derive(Debug, Default)]
pub(super) struct DayBook {
    days: BTreeMap<CivilDate, Day>,
}

#[derive(Debug, Default)]
struct Day {
    routes: HashMap<(Box<str>, StatusClass), Route>,
    cookies: Vec<CookieCounts>,
    asked: u64,
    signalled: u64,
    /// By cell, each in its place.
    visits: Vec<u64>,
}

#[derive(Debug, Default)]
struct Route {
    counted: Counts,
    written: Counts,
    /// Whether what is written stands under its own name.
    named: bool,
}

/// Rows that may be written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct DetailRows {
    pub(super) usage: Vec<UsageRow>,
    pub(super) cookies: Vec<CookieRow>,
    pub(super) consent: Vec<ConsentRow>,
    pub(super) visits: Vec<VisitRow>,
}

impl DayBook {
    /// Adds what a thread has counted.
    pub(super) fn add(&mut self, details: DayDetails) {
        let day = self.days.entry(details.day).or_default();
        day.asked += details.asked;
        day.signalled += details.signalled;
        add_cookies(&mut day.cookies, &details.cookies);
        day.visits.resize(VisitCell::COUNT, 0);
        day.visits.iter_mut().zip(details.visits).for_each(|(sum, more)| *sum += more);
        for (route, by_status) in details.routes {
            for (index, counts) in by_status.into_iter().enumerate().filter(|(_, counts)| counts.requests > 0)
            {
                let key = (route.clone(), StatusClass::from_index(index));
                let fits = day.routes.len() < ROOM || day.routes.contains_key(&key);
                let key = if fits { key } else { (OTHER.into(), key.1) };
                day.routes.entry(key).or_default().counted.add(counts);
            }
        }
    }

    /// What is new since the last rows, sorted by value. Days before `today` are then forgotten.
    pub(super) fn rows(
        &mut self,
        today: CivilDate,
        crowd: usize,
        policy: &Policy,
        undeclared: &UndeclaredNames,
    ) -> DetailRows {
        let mut rows = DetailRows::default();
        let names: HashMap<u16, String> = undeclared.all().into_iter().collect();
        for (date, day) in &mut self.days {
            rows.usage.extend(usage_rows(*date, day, crowd));
            for (place, counts) in day.cookies.iter_mut().enumerate() {
                let counts = std::mem::take(counts);
                rows.cookies.extend(cookie_rows(*date, subject_at(place), &counts, policy, &names));
            }
            for (cell, count) in VisitCell::all().zip(std::mem::take(&mut day.visits)) {
                if count > 0 {
                    rows.visits.push(VisitRow { day: *date, cell, count });
                }
            }
            let events = [
                (ConsentEvent::Asked, std::mem::take(&mut day.asked)),
                (ConsentEvent::Signalled, std::mem::take(&mut day.signalled)),
            ];
            rows.consent.extend(events.into_iter().filter(|(_, events)| *events > 0).map(
                |(event, events)| ConsentRow {
                    day: *date,
                    policy: policy.fingerprint(),
                    event,
                    purpose: String::new(),
                    events,
                },
            ));
        }
        self.days.retain(|date, _| *date >= today);
        rows.visits.sort_unstable();
        rows.usage.sort_unstable();
        rows.cookies.sort_unstable();
        rows.consent.sort_unstable();
        rows
    }
}

fn usage_rows(date: CivilDate, day: &mut Day, crowd: usize) -> Vec<UsageRow> {
    let mut rows = Vec::new();
    let mut rare: BTreeMap<StatusClass, Counts> = BTreeMap::new();
    for ((name, status), route) in &mut day.routes {
        let is_crowd = usize::try_from(route.counted.requests).is_ok_and(|requests| requests >= crowd);
        let mut change = route.counted.less(route.written);
        if is_crowd && !route.named {
            // What stood under `(rare)` moves to the route's own name.
            let moved = Counts::default().less(route.written);
            rare.entry(*status).or_default().add(moved);
            route.named = true;
            change = route.counted;
        }
        route.written = route.counted;
        if !route.named {
            rare.entry(*status).or_default().add(change);
        } else if change != Counts::default() {
            rows.push(usage_row(date, name, *status, change));
        }
    }
    let changed = rare.into_iter().filter(|(_, change)| *change != Counts::default());
    rows.extend(changed.map(|(status, change)| usage_row(date, RARE, status, change)));
    rows
}

fn usage_row(day: CivilDate, route: &str, status: StatusClass, change: Counts) -> UsageRow {
    let Counts { requests, page_views, entries } = change;
    UsageRow { day, route: route.to_owned(), status, requests, page_views, entries }
}

fn cookie_rows(
    day: CivilDate,
    subject: CookieSubject,
    counts: &CookieCounts,
    policy: &Policy,
    names: &HashMap<u16, String>,
) -> Vec<CookieRow> {
    let row = |(direction, action, seen)| {
        let (pattern, purpose) = described(subject, policy, names);
        CookieRow { pattern, direction, purpose, action, seen, day }
    };
    done(counts).map(row).collect()
}

/// How a cookie is called in a ledger, and its purpose.
pub(super) fn described(
    subject: CookieSubject,
    policy: &Policy,
    names: &HashMap<u16, String>,
) -> (String, String) {
    let undeclared = "undeclared".to_owned();
    match subject {
        CookieSubject::Malformed => ("(malformed)".to_owned(), undeclared),
        CookieSubject::Own => ("(pinfold)".to_owned(), "strictly-necessary".to_owned()),
        CookieSubject::Undeclared(number) => {
            let name = number.and_then(|number| names.get(&number)).cloned();
            (name.unwrap_or_else(|| "(undeclared)".to_owned()), undeclared)
        }
        CookieSubject::Rule(number) => match policy.register().rules().get(usize::from(number)) {
            Some(rule) => {
                let purpose = rule.purpose().unwrap_or("strictly-necessary");
                (rule.pattern().to_owned(), purpose.to_owned())
            }
            None => ("(undeclared)".to_owned(), undeclared),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CROWD: usize = 10;

    struct Town {
        book: DayBook,
        written: BTreeMap<(CivilDate, String, StatusClass), i64>,
    }

    impl Town {
        fn new() -> Self {
            Self { book: DayBook::default(), written: BTreeMap::new() }
        }

        fn visit(&mut self, day: i32, route: &str, times: i64) {
            let counts = Counts { requests: times, page_views: times, entries: 0 };
            let mut by_status = [Counts::default(); StatusClass::COUNT];
            by_status[1] = counts;
            self.book.add(DayDetails {
                day: CivilDate::from_days(day),
                routes: [(route.into(), by_status)].into_iter().collect(),
                cookies: Vec::new(),
                asked: 0,
                signalled: 0,
                visits: [0; VisitCell::COUNT],
            });
        }

        fn write(&mut self, today: i32) -> usize {
            let policy = Policy::builder("Town", "https://town.example").build().unwrap();
            let names = UndeclaredNames::default();
            let rows = self.book.rows(CivilDate::from_days(today), CROWD, &policy, &names);
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
}
