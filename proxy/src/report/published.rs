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
        let visits = ledgers.visits(site, period)?;
        let exact = Audit::of(ledgers, site, period, now, &visits)?;
        Ok(Self(publish(exact, &visits, Lists::read(ledgers, site, period)?)))
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
    /// Of every day of which any list holds something: some ledgers are kept for longer than others.
    fn read(
        ledgers: &Ledgers,
        site: &str,
        period: Period,
    ) -> Result<impl Iterator<Item = Self> + use<>, StoreError> {
        let mut days: BTreeMap<CivilDate, Self> = BTreeMap::new();
        for (day, row) in ledgers.usage_by_day(site, period)? {
            days.entry(day).or_default().routes.push(Route::of(row));
        }
        type List = fn(&mut Lists) -> &mut Vec<FacetValue>;
        let facets: [(FacetKind, List); 4] = [
            (FacetKind::Referrer, |lists| &mut lists.referrers),
            (FacetKind::Browser, |lists| &mut lists.browsers),
            (FacetKind::Device, |lists| &mut lists.devices),
            (FacetKind::Robot, |lists| &mut lists.robots),
        ];
        for (kind, list) in facets {
            for (day, row) in ledgers.facets_by_day(site, kind, period)? {
                list(days.entry(day).or_default()).push(FacetValue::of(row));
            }
        }
        for (day, row) in ledgers.consent_by_day(site, period)? {
            let choice = ((row.policy, row.purpose, row.event), row.events);
            days.entry(day).or_default().consent.push(choice);
        }
        Ok(days.into_values())
    }
}

fn publish(mut audit: Audit, visits: &[VisitCount], days: impl IntoIterator<Item = Lists>) -> Audit {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pinfold::audit::{Batch, ConsentRow, FacetRow, Rows, Sink as _, StatusClass, UsageRow, VisitCell};
    use pinfold::consent::ConsentEvent;
    use pinfold::consent::page::Language;
    use pinfold_store::{Retention, Store};
    use proptest::prelude::*;

    use super::super::audit::{Consent, Traffic};
    use super::super::html::Shelf;
    use super::super::small::{LEAST, least, most};
    use super::*;

    /// The counts of one day, in ledgers.
    #[derive(Debug, Clone, Copy)]
    struct Counts {
        /// Requests, page views, new and returning visits, choices.
        plain: [i64; 5],
        /// Second pages, further ones, uncounted and shared ones; page views, entries and what is not found of a route; views by facet.
        listed: [i64; 11],
    }

    impl Counts {
        fn any() -> impl Strategy<Value = Self> {
            let counts = (prop::array::uniform5(0_i64..40), prop::array::uniform11(0_i64..40));
            counts.prop_map(|(plain, listed)| Self { plain, listed })
        }

        /// Other counts that are rounded to the same.
        fn others(self, draw: &[i64; 16]) -> Self {
            let between = |least: i64, most: i64, draw: i64| least + draw % (most - least + 1);
            let mut other = self;
            for (count, draw) in other.plain.iter_mut().zip(&draw[..5]) {
                *count = between(least(*count), most(*count), *draw);
            }
            for (count, draw) in other.listed.iter_mut().zip(&draw[5..]) {
                let least = if *count < LEAST { 0 } else { least(*count) };
                *count = between(least, most((*count).max(1)), *draw);
            }
            other
        }
    }

    fn audit() -> Audit {
        let facet = || Facet { total: 0, values: Vec::new() };
        Audit {
            site: "www.town.example".to_owned(),
            from: "2026-11-20".to_owned(),
            to: "2026-11-23".to_owned(),
            written_at: String::new(),
            traffic: Traffic::default(),
            visits: Visits::default(),
            distinct_addresses: Vec::new(),
            routes: Vec::new(),
            usage: Usage::default(),
            browsers: facet(),
            devices: facet(),
            referrers: facet(),
            robots: facet(),
            cookies: Vec::new(),
            consent: Vec::new(),
            policies: Vec::new(),
            keys: Vec::new(),
        }
    }

    fn published(days: &[Counts]) -> Published {
        let (mut audit, mut visits, mut lists) = (audit(), Vec::new(), Vec::new());
        for (day, counts) in (20_777..).map(CivilDate::from_days).zip(days) {
            let [requests, page_views, new, returning, events] = counts.plain;
            audit.traffic.by_day.insert(day.to_string(), Day { requests, page_views });
            let [second, further, uncounted, shared, page_views, entries, not_found, facets @ ..] =
                counts.listed;
            let cells = [
                (VisitCell::New, new),
                (VisitCell::Returning(30), returning),
                (VisitCell::Reached(2), second),
                (VisitCell::Further, further),
                (VisitCell::Uncounted, uncounted),
                (VisitCell::Shared, shared),
            ];
            visits.extend(cells.map(|(cell, count)| VisitCount { day, cell, count }));
            let route =
                Route { route: "/bins".to_owned(), page_views, entries, not_found, ..Route::default() };
            let facets = facets.map(|page_views| vec![FacetValue { value: "a".to_owned(), page_views }]);
            let [referrers, browsers, devices, robots] = facets;
            let consent = vec![(("p".to_owned(), String::new(), "asked".to_owned()), events)];
            lists.push(Lists { routes: vec![route], referrers, browsers, devices, robots, consent });
        }
        let (policy, purpose, event) = ("p".to_owned(), String::new(), "asked".to_owned());
        audit.consent.push(Consent { policy, purpose, event, events: 0 });
        Published(publish(audit, &visits, lists))
    }

    proptest! {
        /// So `no_small_number_has_one_value_alone` looks at all that there is to see.
        #[test]
        fn what_is_published_tells_no_more_than_the_rounded_counts_of_each_day(
            days in prop::collection::vec((Counts::any(), prop::array::uniform16(0_i64..1_000)), 1..4),
        ) {
            let truth: Vec<Counts> = days.iter().map(|(counts, _)| *counts).collect();
            let others: Vec<Counts> = days.iter().map(|(counts, draw)| counts.others(draw)).collect();
            let [one, other] = [published(&truth), published(&others)];
            prop_assert_eq!(one.audit().to_json(), other.audit().to_json());
            prop_assert_eq!(one.to_csv(), other.to_csv());
            let html = |published: &Published| published.to_html(Language::Welsh, Shelf::File, None);
            prop_assert_eq!(html(&one), html(&other));
        }
    }

    /// Totals are kept for months and choices for years; and what is lost of one ledger is not lost of another.
    #[tokio::test]
    async fn a_day_without_totals_has_its_choices_and_lists() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pinfold.db");
        let store = Store::open(&file, Retention::default()).unwrap();
        let (day, site) = (CivilDate::parse("2026-11-22").unwrap(), "www.town.example");
        let (policy, event, purpose) =
            ("00c0ffee".to_owned(), ConsentEvent::Accepted, "marketing".to_owned());
        let (kind, value) = (FacetKind::Browser, "Firefox".to_owned());
        let (route, status) = ("/bins".to_owned(), StatusClass::from_digit(2).unwrap());
        let counts = UsageRow { day, route, status, requests: 12, page_views: 11, entries: 7, not_found: 0 };
        for rows in [
            Rows::Consent(vec![ConsentRow { day, policy, event, purpose, events: 11 }]),
            Rows::Facet(vec![FacetRow { day, kind, value, page_views: 11 }]),
            Rows::Usage(vec![counts]),
        ] {
            store.sink().deliver(Batch { site: Arc::from(site), rows }).await.unwrap();
        }
        let period = Period { from: day, to: day };
        let ledgers = Ledgers::open(&file).unwrap();
        let published = Published::read(&ledgers, site, period, UnixTime::from_seconds(0)).unwrap();
        let audit = published.audit();
        assert_eq!(audit.consent.iter().map(|row| row.events).collect::<Vec<_>>(), [10]);
        assert_eq!(audit.browsers.values[0].page_views, 10);
        assert_eq!((audit.routes[0].page_views, audit.routes[0].entries), (10, 5));
    }
}
