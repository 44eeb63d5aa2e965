//! What is counted, when it may leave memory, and what never does.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Full0, MORNING, Notebook, Reluctant, Stuck, Town, from, policy};
use http::{Request, Response};
use http_body_util::Full;
use pinfold::audit::{AuditSettings, Ledger, MethodClass, Rows};
use pinfold::client_ip::{AddressSource, ClientIpResolver, HeaderFamily};
use pinfold::time::CivilDate;
use tokio::sync::oneshot;
use tower::{Service, ServiceExt};

fn page(_: Request<Full<bytes::Bytes>>) -> Response<Full<bytes::Bytes>> {
    Response::builder().header("content-type", "text/html").body(Full::from("page")).unwrap()
}

fn navigation(path: &str) -> http::request::Builder {
    Request::get(path).header("sec-fetch-dest", "document").header("sec-fetch-site", "none")
}

/// Lets the background of a town work through `seconds` of its clock, then stops it cleanly.
async fn live(town: &mut Town, seconds: u64) {
    let (stop, stopped) = oneshot::channel::<()>();
    let background = tokio::spawn(town.background.take().unwrap().run(async {
        let _ = stopped.await;
    }));
    for _ in 0..seconds {
        town.clock.advance(1);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let _ = stop.send(());
    background.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn traffic_is_exact_and_details_leave_only_as_a_crowd_or_at_a_stop() {
    let notebook = Notebook::default();
    let mut town = Town::new(policy(), notebook.clone(), AuditSettings::default());
    let mut service = town.around(page);
    for n in 0..9 {
        service.ready().await.unwrap().call(from(n, navigation("/bins"))).await.unwrap();
    }
    service.ready().await.unwrap().call(from(0, navigation("/rare/42"))).await.unwrap();
    live(&mut town, 3 * 3_600).await;

    let rows = notebook.rows();
    let traffic: u64 = rows
        .iter()
        .flat_map(|rows| match rows {
            Rows::Traffic(rows) => rows.clone(),
            _ => Vec::new(),
        })
        .map(|row| {
            assert_eq!(
                (row.day, row.method, row.status.digit()),
                (CivilDate::from_days(20_779), MethodClass::Get, 2)
            );
            row.requests
        })
        .sum();
    assert_eq!(traffic, 10);
    assert!(!rows.iter().any(|rows| rows.ledger() == Ledger::Address), "nine networks are no crowd");
    assert_eq!(town.layer.handle().stats().below_crowd, 10);
    let usage: Vec<_> = rows.iter().enumerate().filter(|(_, rows)| rows.ledger() == Ledger::Usage).collect();
    assert_eq!(usage.len(), 1, "nothing detailed before the clean stop");
    let Rows::Usage(usage) = usage[0].1 else { unreachable!() };
    assert_eq!(usage.len(), 1);
    assert_eq!(
        (usage[0].route.as_str(), usage[0].requests, usage[0].page_views, usage[0].entries),
        ("(rare)", 10, 10, 10)
    );
}

#[tokio::test(start_paused = true)]
async fn a_crowd_is_written_sorted_with_buckets_and_routes_apart() {
    let notebook = Notebook::default();
    let mut town = Town::new(policy(), notebook.clone(), AuditSettings::default());
    let mut service = town.around(page);
    for n in 0..30 {
        for _ in 0..=n {
            service.ready().await.unwrap().call(from(n, navigation("/bins"))).await.unwrap();
        }
    }
    live(&mut town, 2 * 3_600).await;
    let rows = notebook.rows();
    let address: Vec<_> = rows
        .iter()
        .filter_map(|rows| match rows {
            Rows::Address(rows) => Some(rows.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(address.len(), 1);
    assert_eq!(address[0].len(), 30);
    assert!(address[0].is_sorted());
    assert!(address[0].iter().all(|row| row.bucket == MORNING));
    assert_eq!(address[0].iter().map(|row| row.requests).sum::<u64>(), 465);
    let usage: Vec<_> = rows
        .iter()
        .filter_map(|rows| match rows {
            Rows::Usage(rows) => Some(rows.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(usage.len(), 1);
    assert_eq!((usage[0][0].route.as_str(), usage[0][0].requests), ("/bins", 465));
    let distinct = rows.iter().rev().find_map(|rows| match rows {
        Rows::Distinct(row) => Some(row.estimate),
        _ => None,
    });
    assert_eq!(distinct, Some(30));
}

#[tokio::test(start_paused = true)]
async fn midnight_ends_the_bucket_and_gives_everybody_a_new_name() {
    let notebook = Notebook::default();
    let mut town = Town::new(policy(), notebook.clone(), AuditSettings::default());
    let mut service = town.around(page);
    let visit = |service: &mut pinfold::Pinfold<common::Site<_>>| {
        let calls: Vec<_> = (0..12).map(|n| service.call(from(n, navigation("/bins")))).collect();
        calls
    };
    for call in visit(&mut service) {
        call.await.unwrap();
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let background = tokio::spawn(town.background.take().unwrap().run(async {
        let _ = stopped.await;
    }));
    // 14 hours are left of the day.
    for _ in 0..14 * 60 + 5 {
        town.clock.advance(60);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for call in visit(&mut service) {
        call.await.unwrap();
    }
    let _ = stop.send(());
    background.await.unwrap();
    let rows = notebook.rows();
    let mut hosts: Vec<_> = rows
        .iter()
        .flat_map(|rows| match rows {
            Rows::Address(rows) => rows.iter().map(|row| row.host).collect(),
            _ => Vec::new(),
        })
        .collect();
    assert_eq!(hosts.len(), 24);
    hosts.sort();
    hosts.dedup();
    assert_eq!(hosts.len(), 24, "no name of one day is met on the next");
    let made = rows.iter().flat_map(|rows| match rows {
        Rows::Key(events) => events.clone(),
        _ => Vec::new(),
    });
    assert_eq!(made.count(), 4, "two keys made, two destroyed");
}

#[tokio::test(start_paused = true)]
async fn refused_usage_rows_go_again_so_that_what_moves_out_of_rare_was_there() {
    let notebook = Notebook::default();
    let sink = Reluctant { refuses: Arc::new(Mutex::new(1)), notebook: notebook.clone() };
    let mut town = Town::new(policy(), sink, AuditSettings::default());
    let mut service = town.around(page);
    let (stop, stopped) = oneshot::channel::<()>();
    let background = tokio::spawn(town.background.take().unwrap().run(async {
        let _ = stopped.await;
    }));
    for _ in 0..3 {
        // Ten networks open the gate; the route is asked for six times a round, so it crosses in the second.
        for n in 0..10 {
            let path = if n < 6 { "/rising" } else { "/home" };
            service.ready().await.unwrap().call(from(n, navigation(path))).await.unwrap();
        }
        for _ in 0..80 {
            town.clock.advance(60);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    let _ = stop.send(());
    background.await.unwrap();
    let mut sums = std::collections::BTreeMap::<String, i64>::new();
    for rows in notebook.rows() {
        if let Rows::Usage(rows) = rows {
            rows.into_iter().for_each(|row| *sums.entry(row.route).or_default() += row.requests);
        }
    }
    assert_eq!(sums.values().sum::<i64>(), 30);
    assert_eq!((sums["/rising"], sums["/home"], sums["(rare)"]), (18, 12, 0));
    let lost =
        town.layer.handle().stats().lost.iter().find(|(ledger, _)| *ledger == Ledger::Usage).unwrap().1;
    assert_eq!(lost, 0);
}

#[tokio::test(start_paused = true)]
async fn one_visitor_with_a_new_name_every_day_is_never_a_crowd() {
    let notebook = Notebook::default();
    let mut town = Town::new(policy(), notebook.clone(), AuditSettings::default());
    let mut service = town.around(page);
    let (stop, stopped) = oneshot::channel::<()>();
    let background = tokio::spawn(town.background.take().unwrap().run(async {
        let _ = stopped.await;
    }));
    for _ in 0..15 {
        service.ready().await.unwrap().call(from(1, navigation("/bins"))).await.unwrap();
        for _ in 0..24 {
            town.clock.advance(3_600);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    let details = |rows: &[Rows]| rows.iter().filter(|rows| rows.ledger() == Ledger::Usage).count();
    assert_eq!(details(&notebook.rows()), 0, "fifteen names of one visitor open no gate");
    let _ = stop.send(());
    background.await.unwrap();
    assert_eq!(details(&notebook.rows()), 1, "a clean stop writes them");

    // With the background the keys are gone: nobody can be named any more.
    service.ready().await.unwrap().call(from(1, navigation("/bins"))).await.unwrap();
    assert_eq!(town.layer.handle().stats().distinct_today, 0);
}

#[tokio::test(start_paused = true)]
async fn a_choice_waits_for_its_count_a_tenth_of_a_second_and_no_longer() {
    for (town, waits, lost) in [
        (Town::new(policy(), Notebook::default(), AuditSettings::default()), 0, 0),
        (Town::new(policy(), Full0, AuditSettings::default()), 0, 2),
        (Town::new(policy(), Stuck, AuditSettings::default()), 100, 0),
    ] {
        let request = Request::post("/cookies")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded");
        let mut request = from(1, request);
        *request.body_mut() = Full::from("cookies[all]=no");
        let started = tokio::time::Instant::now();
        let response = town.around(page).oneshot(request).await.unwrap();
        assert_eq!(started.elapsed().as_millis() / 10 * 10, waits);
        assert_eq!(response.status(), 303);
        assert!(response.headers().contains_key("set-cookie"), "the choice is honoured either way");
        let stats = town.layer.handle().stats();
        let counted = stats.lost.iter().find(|(ledger, _)| *ledger == Ledger::Consent).unwrap().1;
        assert_eq!(counted, lost);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_nothing_costs_rows_and_no_page() {
    let mut town = Town::new(policy(), Full0, AuditSettings::default());
    let mut service = town.around(page);
    let started = tokio::time::Instant::now();
    for n in 0..100 {
        let response = service.ready().await.unwrap().call(from(n, navigation("/"))).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
    live(&mut town, 5).await;
    let stats = town.layer.handle().stats();
    for ledger in [Ledger::Traffic, Ledger::Usage, Ledger::Address, Ledger::Key] {
        let lost = stats.lost.iter().find(|(one, _)| *one == ledger).unwrap().1;
        assert!(lost > 0, "{ledger:?}");
    }
}

#[tokio::test]
async fn who_01_a_forged_field_changes_nothing_and_no_address_reaches_the_site() {
    let trusted = "10.0.0.0/8".parse().unwrap();
    let settings = AuditSettings::default()
        .with_client_ip(ClientIpResolver::behind(trusted, HeaderFamily::XForwardedFor));
    let town = Town::new(policy(), Notebook::default(), settings);
    let service = town.around(|request| {
        let text =
            format!("{:?} {:?}", request.headers(), request.extensions().get::<pinfold::client_ip::Peer>());
        assert!(!text.contains("203.0.113") && !text.contains("198.51.100"), "{text}");
        assert!(text.ends_with("None"));
        page(request)
    });
    for number in 0..20 {
        let forged = navigation("/")
            .header("x-forwarded-for", format!("198.51.100.{number}"))
            .header("forwarded", format!("for=198.51.100.{number}"))
            .header("x-real-ip", format!("198.51.100.{number}"))
            .header("cf-connecting-ip", format!("198.51.100.{number}"));
        service.clone().oneshot(from(7, forged)).await.unwrap();
    }
    let stats = town.layer.handle().stats();
    assert_eq!(stats.distinct_today, 1);
    let by_peer = stats.address_sources.iter().find(|(source, _)| *source == AddressSource::Peer).unwrap().1;
    assert_eq!(by_peer, 20);
}
