//! What is handed over is added up.

use pinfold::audit::{
    ConsentRow, CookieRow, DistinctRow, FacetKind, FacetRow, Lost, Rows, StatusClass, UsageRow,
};
use pinfold::consent::{Action, ConsentEvent, Direction};
use pinfold::time::CivilDate;
use std::time::{Duration, Instant};

use crate::place::Place;
use crate::rows::{SITE, always, choice, deliver, hosts, put, settled, today, traffic};

pub(crate) fn counts_add_up_and_outlive_the_process(place: &Place) {
    let store = place.open();
    for _ in 0..3 {
        put(&store, choice(2)).unwrap();
        put(&store, traffic(today(), 5)).unwrap();
    }
    let usage = |route: &str, requests| {
        let (route, status) = (route.to_owned(), StatusClass::from_digit(2).unwrap());
        UsageRow { day: today(), route, status, requests, page_views: requests, entries: 0, not_found: 1 }
    };
    put(&store, Rows::Usage(vec![usage("(rare)", 9)])).unwrap();
    let mut back = usage("(rare)", -9);
    back.not_found = -1;
    put(&store, Rows::Usage(vec![back, usage("/bins", 10)])).unwrap();
    let facet = |value: &str, page_views| {
        let (kind, value) = (FacetKind::Referrer, value.to_owned());
        FacetRow { day: today(), kind, value, page_views }
    };
    put(&store, Rows::Facet(vec![facet("(rare)", 9), facet("news.example", 20)])).unwrap();
    put(&store, Rows::Facet(vec![facet("(rare)", -9), facet("a.example", 10)])).unwrap();
    let cookie = |day, action, values: Option<u16>| CookieRow {
        pattern: "_ga*".to_owned(),
        direction: Direction::Request,
        purpose: "marketing".to_owned(),
        action,
        seen: 4,
        values,
        identifies: values.is_some(),
        day,
    };
    let yesterday = CivilDate::from_days(today().days() - 1);
    for row in [
        cookie(today(), Action::Withheld, None),
        cookie(yesterday, Action::Withheld, None),
        cookie(today(), Action::Passed, Some(300)),
        cookie(today(), Action::Passed, None),
    ] {
        put(&store, Rows::Cookie(vec![row])).unwrap();
    }
    for (epoch, estimate) in [("a", 10), ("a", 12), ("b", 5)] {
        let row = DistinctRow { day: today(), epoch: epoch.to_owned(), estimate };
        put(&store, Rows::Distinct(row)).unwrap();
    }
    drop(store);

    let ledgers = place.read();
    assert_eq!(ledgers.consent(SITE, always()).unwrap()[0].events, 6);
    let traffic = &ledgers.traffic(SITE, always()).unwrap()[0];
    assert_eq!((traffic.requests, traffic.page_views, traffic.method.as_str()), (15, 3, "GET"));
    let routes = ledgers.usage(SITE, always()).unwrap();
    assert_eq!((routes.len(), routes[0].route.as_str(), routes[0].requests), (1, "/bins", 10));
    assert_eq!(routes[0].not_found, 1);
    let referrers = ledgers.facets(SITE, FacetKind::Referrer, always()).unwrap();
    let referrers: Vec<_> = referrers.iter().map(|one| (one.value.as_str(), one.page_views)).collect();
    assert_eq!(referrers, [("news.example", 20), ("a.example", 10)]);
    assert!(ledgers.facets(SITE, FacetKind::Robot, always()).unwrap().is_empty());
    let cookies = ledgers.cookies(SITE).unwrap();
    let known =
        |place: usize| (cookies[place].action.as_str(), cookies[place].values, cookies[place].identifies);
    assert_eq!([known(0), known(1)], [("passed", Some(300), true), ("withheld", Some(300), true)]);
    assert_eq!((cookies[1].seen, cookies[1].first_day, cookies[1].last_day), (8, yesterday, today()));
    let distinct = &ledgers.distinct(SITE, always()).unwrap()[0];
    assert_eq!((distinct.at_least, distinct.at_most, distinct.runs), (12, 17, 2));
}

/// STORE5. What is too long is lost, said to be, and holds nothing up.
pub(crate) fn store_05_a_value_over_64_kib_reaches_no_statement(place: &Place) {
    let store = place.open();
    let with = |length: usize| {
        let (policy, purpose) = ("00c0ffee".to_owned(), "x".repeat(length));
        Rows::Consent(vec![ConsentRow {
            day: today(),
            policy,
            event: ConsentEvent::Accepted,
            purpose,
            events: 1,
        }])
    };
    put(&store, with(64 * 1024)).unwrap();
    assert_eq!(put(&store, with(64 * 1024 + 1)), Err(Lost));
    put(&store, choice(1)).unwrap();
    assert_eq!(place.read().consent(SITE, always()).unwrap().len(), 2);
}

pub(crate) fn many_batches_share_a_commit(place: &Place) {
    let store = place.open();
    let started = Instant::now();
    let deliveries: Vec<_> = (0..20_000).map(|_| deliver(&store, choice(1))).collect();
    for delivery in deliveries {
        settled(delivery).unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(place.read().consent(SITE, always()).unwrap()[0].events, 20_000);
}

/// As many hosts as a bucket of addresses tells apart, the most rows that any batch has.
pub(crate) fn the_largest_batch_fits_beside_others(place: &Place) {
    let store = place.open();
    let first = deliver(&store, choice(1));
    put(&store, hosts(131_072)).unwrap();
    settled(first).unwrap();
}

pub(crate) fn a_batch_that_can_never_be_written_is_lost_alone(place: &Place) {
    let store = place.open();
    put(&store, traffic(today(), u64::from(u32::MAX) << 30)).unwrap();
    let overflows = deliver(&store, traffic(today(), i64::MAX.unsigned_abs()));
    let fits = deliver(&store, traffic(today(), 7));
    assert_eq!(settled(overflows), Err(Lost));
    settled(fits).unwrap();
    let requests = place.read().traffic(SITE, always()).unwrap()[0].requests;
    assert_eq!(requests, (i64::from(u32::MAX) << 30) + 7);
    put(&store, choice(1)).unwrap();
}
