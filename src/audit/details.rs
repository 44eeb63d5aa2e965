//! What one thread counts of requests, by the day. No address comes near.

use http::StatusCode;

use super::agent::Agent;
use super::crowd::Count;
use super::facet::FacetCounts;
use super::ledger::{MethodClass, StatusClass, TrafficRow, VisitCell};
use super::named::Named;
use super::route::Routes;
use crate::consent::{Action, ChoiceState, ConsentOutcome, CookieSubject, Direction, Policy};
use crate::time::CivilDate;

/// How many routes one shard tells apart on one day.
const ROOM: usize = 2_048;

/// What is known of a request when its response is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered<'a> {
    pub(super) day: CivilDate,
    pub(super) method: MethodClass,
    pub(super) status: StatusCode,
    pub(super) path: &'a str,
    /// Whether a page was asked for and given.
    pub(super) page: bool,
    pub(super) entry: bool,
    pub(super) visit: Option<VisitCell>,
    pub(super) agent: Agent,
    /// `Referer`, empty where there is none; nothing where it is not known whether there was one.
    pub(super) referrer: Option<&'a [u8]>,
    pub(super) outcome: &'a ConsentOutcome,
}

/// How often a route was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) requests: i64,
    pub(super) page_views: i64,
    pub(super) entries: i64,
    pub(super) not_found: i64,
}

impl Count for Counts {
    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.page_views += other.page_views;
        self.entries += other.entries;
        self.not_found += other.not_found;
    }

    fn less(self, other: Self) -> Self {
        Self {
            requests: self.requests - other.requests,
            page_views: self.page_views - other.page_views,
            entries: self.entries - other.entries,
            not_found: self.not_found - other.not_found,
        }
    }

    fn size(self) -> i64 {
        self.requests
    }
}

/// What was done with a cookie, by direction and action.
pub(super) type CookieCounts = [[u64; Action::ALL.len()]; 2];

/// Adds counts of cookies, place by place.
fn add_cookies(sum: &mut Vec<CookieCounts>, more: &[CookieCounts]) {
    sum.resize(sum.len().max(more.len()), CookieCounts::default());
    sum.iter_mut().zip(more).for_each(|(sum, more)| add_counts(sum, more));
}

/// Adds counts of one cookie.
pub(super) fn add_counts(sum: &mut CookieCounts, more: &CookieCounts) {
    let pairs = sum.iter_mut().flatten().zip(more.iter().flatten());
    pairs.for_each(|(sum, more)| *sum += more);
}

/// What was done with a cookie at all, and how often.
pub(super) fn done(counts: &CookieCounts) -> impl Iterator<Item = (Direction, Action, u64)> {
    [Direction::Request, Direction::Response].into_iter().zip(counts).flat_map(|(direction, by_action)| {
        let seen = Action::ALL.into_iter().zip(by_action).filter(|(_, seen)| **seen > 0);
        seen.map(move |(action, seen)| (direction, action, *seen))
    })
}

/// One thread's counts.
#[derive(Debug)]
pub(super) struct DetailShard {
    traffic: Vec<TrafficDay>,
    days: Vec<DayDetails>,
    /// What was given up already.
    before: Totals,
    /// Where a route or host is written that stands nowhere yet.
    space: String,
}

/// One thread's counts of one day.
#[derive(Debug)]
pub(super) struct DayDetails {
    pub(super) day: CivilDate,
    pub(super) routes: Named<[Counts; StatusClass::COUNT], ROOM>,
    pub(super) facets: FacetCounts,
    pub(super) cookies: Vec<CookieCounts>,
    pub(super) asked: u64,
    pub(super) signalled: u64,
    pub(super) visits: [u64; VisitCell::COUNT],
}

/// Everything since the start, for metrics.
#[derive(Debug, Default, Clone)]
pub(super) struct Totals {
    pub(super) requests: [[u64; StatusClass::COUNT]; MethodClass::ALL.len()],
    pub(super) page_views: u64,
    pub(super) asked: u64,
    pub(super) signalled: u64,
    pub(super) cookies: Vec<CookieCounts>,
}

#[derive(Debug)]
struct TrafficDay {
    day: CivilDate,
    cells: [[(u64, u64); StatusClass::COUNT]; MethodClass::ALL.len()],
}

impl DetailShard {
    /// With places for this many cookie rules.
    pub(super) fn new(rules: usize) -> Self {
        let cookies = vec![CookieCounts::default(); CookieSubject::places(rules)];
        let before = Totals { cookies, ..Totals::default() };
        Self { traffic: Vec::new(), days: Vec::new(), before, space: String::new() }
    }

    /// Adds one to each count that an answered request touches.
    pub(super) fn count(&mut self, answered: &Answered<'_>, routes: &Routes, policy: &Policy) {
        let (method, status) = (answered.method as usize, StatusClass::of(answered.status));
        // Pages that robots look at are no page views: nobody sees them.
        let page_view = answered.page && !answered.agent.is_robot();
        let cell = &mut self.traffic_of(answered.day).cells[method][status.index()];
        cell.0 += 1;
        cell.1 += u64::from(page_view);

        let signalled = page_view && answered.outcome.state() == Some(ChoiceState::Signal);
        let place = self.day(answered.day);
        let day = &mut self.days[place];
        day.asked += u64::from(answered.outcome.asked());
        day.signalled += u64::from(signalled);
        if let Some(cell) = answered.visit {
            day.visits[cell.place()] += 1;
        }
        for (place, direction, action) in answered.outcome.counted() {
            if let Some(counts) = day.cookies.get_mut(place) {
                counts[direction as usize][action as usize] += 1;
            }
        }
        let counts = Counts {
            requests: 1,
            page_views: i64::from(page_view),
            entries: i64::from(page_view && answered.entry),
            not_found: i64::from(answered.status == StatusCode::NOT_FOUND),
        };
        let (path, space) = (answered.path, &mut self.space);
        day.routes.count_of(path.as_bytes(), || routes.find(path, space))[status.index()].add(counts);
        if answered.page {
            day.facets.count(answered.agent, answered.referrer, policy, space);
        }
    }

    /// Gives up the totals.
    pub(super) fn take_traffic(&mut self, rows: &mut Vec<TrafficRow>) {
        for day in self.traffic.drain(..) {
            self.before.add_traffic(&day);
            for (method, cells) in MethodClass::ALL.iter().zip(day.cells) {
                let used = cells.iter().enumerate().filter(|(_, (requests, _))| *requests > 0);
                rows.extend(used.map(|(status, (requests, page_views))| TrafficRow {
                    day: day.day,
                    method: *method,
                    status: StatusClass::from_index(status),
                    requests: *requests,
                    page_views: *page_views,
                }));
            }
        }
    }

    /// Gives up the details.
    pub(super) fn take_days(&mut self) -> Vec<DayDetails> {
        self.days.iter().for_each(|day| self.before.add_day(day));
        std::mem::take(&mut self.days)
    }

    /// Everything since the start.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = self.before.clone();
        self.traffic.iter().for_each(|day| totals.add_traffic(day));
        self.days.iter().for_each(|day| totals.add_day(day));
        totals
    }

    fn traffic_of(&mut self, day: CivilDate) -> &mut TrafficDay {
        let place = self.traffic.iter().position(|open| open.day == day).unwrap_or_else(|| {
            self.traffic.push(TrafficDay { day, cells: Default::default() });
            self.traffic.len() - 1
        });
        &mut self.traffic[place]
    }

    fn day(&mut self, day: CivilDate) -> usize {
        self.days.iter().position(|open| open.day == day).unwrap_or_else(|| {
            let cookies = vec![CookieCounts::default(); self.before.cookies.len()];
            let (routes, facets) = (Named::default(), FacetCounts::default());
            let visits = [0; VisitCell::COUNT];
            self.days.push(DayDetails { day, routes, facets, cookies, asked: 0, signalled: 0, visits });
            self.days.len() - 1
        })
    }
}

impl Totals {
    pub(super) fn add(&mut self, other: &Self) {
        let pairs = self.requests.iter_mut().flatten().zip(other.requests.iter().flatten());
        pairs.for_each(|(sum, more)| *sum += more);
        self.page_views += other.page_views;
        self.asked += other.asked;
        self.signalled += other.signalled;
        add_cookies(&mut self.cookies, &other.cookies);
    }

    fn add_traffic(&mut self, day: &TrafficDay) {
        let pairs = self.requests.iter_mut().flatten().zip(day.cells.iter().flatten());
        pairs.for_each(|(sum, (requests, page_views))| {
            *sum += requests;
            self.page_views += page_views;
        });
    }

    fn add_day(&mut self, day: &DayDetails) {
        self.asked += day.asked;
        self.signalled += day.signalled;
        add_cookies(&mut self.cookies, &day.cookies);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_bounded_and_totals_exact() {
        let (mut shard, outcome) = (DetailShard::new(0), ConsentOutcome::default());
        let policy = Policy::builder("Town", "https://www.town.example").build().unwrap();
        for number in 0..10_000_u32 {
            let letters: String =
                (0..4).map(|place| char::from(b'a' + (number / 26_u32.pow(place) % 26) as u8)).collect();
            let answered = Answered {
                day: CivilDate::from_days(0),
                method: MethodClass::Get,
                status: StatusCode::NOT_FOUND,
                path: &format!("/{letters}"),
                page: number % 2 == 0,
                entry: true,
                visit: None,
                agent: Agent::of(if number % 4 == 0 { b"curl/8" } else { b"Firefox" }),
                referrer: None,
                outcome: &outcome,
            };
            shard.count(&answered, &Routes::default(), &policy);
        }
        let days = shard.take_days();
        assert_eq!(days.len(), 1);
        let routes: Vec<_> = days.into_iter().flat_map(|day| day.routes.into_counts()).collect();
        assert_eq!(routes.len(), ROOM + 1);
        assert_eq!(routes.iter().map(|(_, by_status)| by_status[3].requests).sum::<i64>(), 10_000);
        assert_eq!(routes.iter().map(|(_, by_status)| by_status[3].not_found).sum::<i64>(), 10_000);
        let mut rows = Vec::new();
        shard.take_traffic(&mut rows);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows.iter().map(|row| row.requests).sum::<u64>(), 10_000);
        assert_eq!(rows.iter().map(|row| row.page_views).sum::<u64>(), 2_500, "of people");
    }
}
