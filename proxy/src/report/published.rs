use std::collections::BTreeMap;

use pinfold::audit::FacetKind;
use pinfold::time::{CivilDate, UnixTime};
use pinfold_store::{Ledgers, Period, StoreError, VisitCount};

use super::audit::{Audit, Day, Facet, FacetValue, Route, Usage};
use super::small::{is_tight, listed, rounded};
use super::visits::{Visits, rounded_apart};

/// What has no crowd: it is what is left of the whole, and no number of its own.
const RARE: &str = "(rare)";

/// What may be published of an audit. Each count of each day is rounded by itself, and all that is shown is added up of these: so no
/// two periods, tables or formats have a difference that says more than the days do.
#[derive(Debug)]
pub(crate) struct Published(Audit);

impl Published {
    /// Reads the ledgers.
    pub(crate) fn read(
        ledgers: &Ledgers,
        site: &str,
        period: Period,
        now: UnixTime,
    ) -> Result<Self, StoreError> {
        let exact = Audit::read(ledgers, site, period, now)?;
        let visits = ledgers.visits(site, period)?;
        let days = exact.traffic.by_day.keys().filter_map(|day| CivilDate::parse(day));
        let days = days.map(|day| Lists::read(ledgers, site, Period { from: day, to: day }));
        let days = days.collect::<Result<Vec<_>, _>>()?;
        Ok(Self(publish(exact, &visits, days)))
    }

    /// The audit, of which every count is rounded. Methods and statuses are left out.
    pub(crate) fn audit(&self) -> &Audit {
        &self.0
    }
}

/// What the lists of one day hold.
#[derive(Debug, Default)]
struct Lists {
    routes: Vec<Route>,
    referrers: Vec<FacetValue>,
    browsers: Vec<FacetValue>,
    devices: Vec<FacetValue>,
    robots: Vec<FacetValue>,
    /// By policy, purpose and event.
    consent: Vec<((String, String, String), i64)>,
}

impl Lists {
    fn read(ledgers: &Ledgers, site: &str, day: Period) -> Result<Self, StoreError> {
        let facet = |kind| ledgers.facets(site, kind, day).map(|counts| Facet::of(counts).values);
        let consent = ledgers.consent(site, day)?.into_iter();
        Ok(Self {
            routes: ledgers.usage(site, day)?.into_iter().map(Route::of).collect(),
            referrers: facet(FacetKind::Referrer)?,
            browsers: facet(FacetKind::Browser)?,
            devices: facet(FacetKind::Device)?,
            robots: facet(FacetKind::Robot)?,
            consent: consent.map(|row| ((row.policy, row.purpose, row.event), row.events)).collect(),
        })
    }
}

fn publish(mut audit: Audit, visits: &[VisitCount], days: Vec<Lists>) -> Audit {
    let traffic = &mut audit.traffic;
    traffic.by_method.clear();
    traffic.by_status.clear();
    let page_views = |day: CivilDate, by_day: &BTreeMap<String, Day>| {
        by_day.get(&day.to_string()).map_or(0, |counts| counts.page_views)
    };
    let apart = rounded_apart(visits, |day, parts| is_tight(page_views(day, &traffic.by_day), parts));
    for day in traffic.by_day.values_mut() {
        *day = Day { requests: rounded(day.requests), page_views: rounded(day.page_views) };
    }
    traffic.requests = traffic.by_day.values().map(|day| day.requests).sum();
    traffic.page_views = traffic.by_day.values().map(|day| day.page_views).sum();
    audit.visits = Visits::of(&apart);
    for day in &mut audit.distinct_addresses {
        (day.at_least, day.at_most) = (rounded(day.at_least), rounded(day.at_most));
    }
    let (mut routes, mut consent) = (BTreeMap::<String, [i64; 3]>::new(), BTreeMap::new());
    let mut facets = [const { BTreeMap::<String, i64>::new() }; 4];
    for day in days {
        let mut by_route = BTreeMap::<String, [i64; 3]>::new();
        for row in day.routes.into_iter().filter(|row| row.route != RARE) {
            let counts = [row.page_views, row.entries, row.not_found];
            add(by_route.entry(row.route).or_default(), counts);
        }
        for (route, counts) in by_route {
            add(routes.entry(route).or_default(), counts.map(listed));
        }
        for (sums, rows) in facets.iter_mut().zip([day.referrers, day.browsers, day.devices, day.robots]) {
            for row in rows.into_iter().filter(|row| row.value != RARE) {
                *sums.entry(row.value).or_default() += listed(row.page_views);
            }
        }
        for (row, events) in day.consent {
            *consent.entry(row).or_default() += rounded(events);
        }
    }
    let routes = routes.into_iter().map(|(route, [page_views, entries, not_found])| Route {
        route,
        page_views,
        entries,
        not_found,
        ..Route::default()
    });
    audit.routes = routes.collect();
    audit.usage = Usage::default();
    let total = audit.traffic.page_views;
    let [referrers, browsers, devices, robots] = facets.map(|sums| {
        let values = sums.into_iter().map(|(value, page_views)| FacetValue { value, page_views });
        Facet { total, values: values.collect() }
    });
    // Robots see no page views: what is theirs adds up to nothing that is published.
    let robots = Facet { total: 0, ..robots };
    (audit.referrers, audit.browsers, audit.devices, audit.robots) = (referrers, browsers, devices, robots);
    for row in &mut audit.consent {
        let key = (row.policy.clone(), row.purpose.clone(), row.event.clone());
        row.events = consent.get(&key).copied().unwrap_or_default();
    }
    for row in &mut audit.cookies {
        row.seen = rounded(row.seen);
    }
    audit
}

fn add(sums: &mut [i64; 3], counts: [i64; 3]) {
    sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
}
