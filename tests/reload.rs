//! Another policy comes into force while requests are under way: nothing is lost, and nothing is counted as what it was not.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use common::{Notebook, Town, from, policy};
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::Full;
use pinfold::PinfoldLayer;
use pinfold::audit::{AuditSettings, Rows};
use pinfold::consent::{Action, CookieRule, Direction, LegalBasis, Policy, PolicyBuilder, Purpose};
use tokio::sync::oneshot;
use tower::{Layer, Service};

type Seen = BTreeMap<(String, String, &'static str), u64>;

fn page(_: Request<Full<Bytes>>) -> Response<Full<Bytes>> {
    Response::builder().header("content-type", "text/html").body(Full::from("page")).unwrap()
}

/// The town with another register: rules have other numbers, one is gone, one is new, and `_ga` is for something else.
fn another() -> PolicyBuilder {
    Policy::builder("Town", "https://www.town.example")
        .purpose(Purpose::new("statistics", LegalBasis::Statistics, "Statistics", "They count."))
        .purpose(Purpose::new("films", LegalBasis::Consent, "Films", "They show films."))
        .cookie(CookieRule::new("film", "films"))
        .cookie(CookieRule::new("_ga*", "statistics").with_provider("Google"))
        .cookie(CookieRule::strictly_necessary("session"))
}

fn asks(n: u8, page: &str) -> Request<Full<Bytes>> {
    let request = Request::get(page).header("sec-fetch-dest", "document").header("sec-fetch-site", "none");
    from(n, request.header("cookie", "session=1; _ga=2; stats=3; film=4"))
}

/// What becomes of the cookies of one request under each.
fn becomes(changed: bool) -> [(&'static str, &'static str, Action); 4] {
    if changed {
        [
            ("session", "strictly-necessary", Action::Passed),
            ("_ga*", "statistics", Action::Passed),
            ("(undeclared)", "undeclared", Action::Withheld),
            ("film", "films", Action::Withheld),
        ]
    } else {
        [
            ("session", "strictly-necessary", Action::Passed),
            ("_ga*", "marketing", Action::Withheld),
            ("stats*", "statistics", Action::Passed),
            ("(undeclared)", "undeclared", Action::Withheld),
        ]
    }
}

fn add(seen: &mut Seen, changed: bool, times: u64) {
    for (pattern, purpose, action) in becomes(changed) {
        *seen.entry((pattern.to_owned(), purpose.to_owned(), action.name())).or_default() += times;
    }
}

/// Stops the background of a town cleanly.
async fn close(town: &mut Town) {
    let (stop, stopped) = oneshot::channel::<()>();
    let background = tokio::spawn(town.background.take().unwrap().run(async {
        let _ = stopped.await;
    }));
    for _ in 0..3 {
        town.clock.advance(1);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let _ = stop.send(());
    background.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn fault_15_counts_under_twenty_policies_in_turn_are_exact() {
    const EACH: u64 = 2_000;
    let notebook = Notebook::default();
    let mut town = Town::new(policy(), notebook.clone(), AuditSettings::default());
    let in_force = Mutex::new((town.layer.clone(), false));
    let done = AtomicBool::new(false);
    // The counts of each of four threads, and what was asked under the policy that it was.
    let mut seen = Seen::new();
    let (mut asked, mut turns) = ([0; 2], 0);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..4_u8)
            .map(|n| {
                let in_force = &in_force;
                scope.spawn(move || {
                    let mut asked = [0_u64; 2];
                    for _ in 0..EACH {
                        let (layer, changed) = in_force.lock().unwrap().clone();
                        let answer = layer.layer(common::Site(page)).call(asks(n, "/bins"));
                        drop(layer);
                        // Another policy may come into force here.
                        thread::yield_now();
                        answer.now_or_never().unwrap().unwrap();
                        asked[usize::from(changed)] += 1;
                    }
                    asked
                })
            })
            .collect();
        let reloads = scope.spawn(|| {
            let mut turns = 0;
            while turns < 20 || !done.load(Ordering::Relaxed) {
                turns += 1;
                let next = if turns % 2 == 1 { another() } else { policy() };
                let mut in_force = in_force.lock().unwrap();
                let layer = in_force.0.renewed(next.build().unwrap(), AuditSettings::default()).unwrap();
                *in_force = (layer, turns % 2 == 1);
                drop(in_force);
                thread::sleep(Duration::from_millis(1));
            }
            turns
        });
        for client in clients {
            let [before, after] = client.join().unwrap();
            asked[0] += before;
            asked[1] += after;
        }
        done.store(true, Ordering::Relaxed);
        turns = reloads.join().unwrap();
    });
    assert!(turns >= 20 && asked[0] > 0 && asked[1] > 0, "{turns} {asked:?}");
    assert_eq!(asked.iter().sum::<u64>(), 4 * EACH);
    add(&mut seen, false, asked[0]);
    add(&mut seen, true, asked[1]);

    let handle = town.layer.handle();
    let told = || {
        let stats = handle.stats();
        let cookies = stats.cookies.iter().map(|one| {
            assert_eq!(one.direction, Direction::Request);
            ((one.pattern.clone(), one.purpose.clone(), one.action.name()), one.seen)
        });
        (cookies.collect::<Seen>(), stats.page_views)
    };
    assert_eq!(told(), (seen.clone(), 4 * EACH), "while all policies are remembered");
    drop(in_force);
    close(&mut town).await;
    assert_eq!(told(), (seen.clone(), 4 * EACH), "once they are not");

    let (mut traffic, mut usage, mut written, mut policies) = (0, 0, Seen::new(), 0);
    for rows in notebook.rows() {
        match rows {
            Rows::Traffic(rows) => traffic += rows.iter().map(|row| row.requests).sum::<u64>(),
            Rows::Usage(rows) => usage += rows.iter().map(|row| row.requests).sum::<i64>(),
            Rows::Cookie(rows) => {
                for row in rows {
                    *written.entry((row.pattern, row.purpose, row.action.name())).or_default() += row.seen;
                }
            }
            Rows::Policy(_) => policies += 1,
            _ => {}
        }
    }
    assert_eq!((traffic, usage), (4 * EACH, i64::try_from(4 * EACH).unwrap()));
    assert_eq!(written, seen);
    assert_eq!(policies, 1 + turns, "each is in the policy ledger");
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_ends_as_it_began_and_names_go_on() {
    let notebook = Notebook::default();
    let mut town = Town::new(policy(), notebook.clone(), AuditSettings::default());
    let mut before = town.around(page);
    let under_way = before.call(asks(1, "/bins"));
    let name = |layer: &PinfoldLayer| {
        layer.handle().top(pinfold::pseudonym::Unit::Host, pinfold::audit::Rank::Requests, 1)
    };
    let (called, epoch) = (name(&town.layer)[0].pseudonym, town.layer.handle().keys()[0].epoch.clone());
    town.layer.handle().block(called, Duration::from_secs(60), "tries passwords").unwrap();

    let layer = town.layer.renewed(another().build().unwrap(), AuditSettings::default()).unwrap();
    under_way.await.unwrap();
    let refused = layer.layer(common::Site(page)).call(asks(1, "/bins")).await.unwrap();
    assert_eq!(refused.status(), 429, "the block holds");
    assert_eq!((name(&layer)[0].pseudonym, name(&layer)[0].requests), (called, 2));
    assert_eq!(layer.handle().keys()[0].epoch, epoch);
    let marketing =
        layer.handle().stats().cookies.into_iter().find(|one| one.purpose == "marketing").unwrap();
    assert_eq!((marketing.pattern.as_str(), marketing.seen), ("_ga*", 1), "counted as it was asked");
    drop((before, layer));
    close(&mut town).await;
    assert_eq!(
        notebook.rows().iter().filter(|rows| matches!(rows, Rows::Key(_))).count(),
        2,
        "made, destroyed"
    );
}

#[tokio::test(start_paused = true)]
async fn decisions_of_before_stand_and_a_new_purpose_has_a_bit_of_its_own() {
    let town = Town::new(policy(), Notebook::default(), AuditSettings::default());
    let form = Request::post("/cookies")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .extension(pinfold::client_ip::Peer("203.0.113.77:4000".parse().unwrap()))
        .body(Full::from("cookies[all]=yes"))
        .unwrap();
    let answer = town.around(page).call(form).await.unwrap();
    let decision = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();

    let told = Arc::new(Mutex::new(Vec::new()));
    let site = |request: Request<Full<Bytes>>| {
        let cookies = request.headers().get("cookie").map(|cookies| cookies.to_str().unwrap().to_owned());
        told.lock()
            .unwrap()
            .push((cookies, request.headers()["pinfold-consent"].to_str().unwrap().to_owned()));
        page(request)
    };
    let before = policy().build().unwrap();
    let films = Purpose::new("films", LegalBasis::Consent, "Films", "They show films.");
    let next = policy()
        .known_bits(before.bits())
        .known_policies([(before.fingerprint(), before.statement())])
        .purpose(films)
        .cookie(CookieRule::new("film", "films"))
        .build()
        .unwrap();
    let bits = next.bits();
    assert!(before.bits().iter().all(|(purpose, bit)| bits[purpose] == *bit && bits["films"] != *bit));
    let mut service = town.layer.renewed(next, AuditSettings::default()).unwrap().layer(common::Site(site));
    let request = from(2, Request::get("/").header("cookie", format!("{decision}; _ga=2; film=4")));
    service.call(request).await.unwrap();
    assert_eq!(
        *told.lock().unwrap(),
        [(Some("_ga=2".to_owned()), "statistics, marketing".to_owned())],
        "what was granted is, what is new is asked for"
    );
}

#[tokio::test(start_paused = true)]
async fn a_crowd_that_was_promised_holds_for_whoever_came_under_it() {
    for (before, written) in [(20, false), (10, true)] {
        let notebook = Notebook::default();
        let settings = || AuditSettings::default().with_crowd(before).unwrap();
        let mut town = Town::new(policy(), notebook.clone(), settings());
        let mut service = town.around(page);
        for n in 0..8 {
            service.call(asks(n, "/bins")).await.unwrap();
        }
        let layer = town.layer.renewed(another().build().unwrap(), AuditSettings::default()).unwrap();
        let mut service = layer.layer(common::Site(page));
        for n in 8..14 {
            service.call(asks(n, "/bins")).await.unwrap();
        }
        town.layer = layer;
        close(&mut town).await;
        let rows = notebook.rows();
        assert_eq!(rows.iter().any(|rows| matches!(rows, Rows::Address(_))), written, "a crowd of {before}");
    }
}

#[test]
fn keys_are_for_one_site() {
    let town = Town::new(policy(), Notebook::default(), AuditSettings::default());
    let other = Policy::builder("Town", "https://www.other.example").build().unwrap();
    let fault = town.layer.renewed(other, AuditSettings::default()).unwrap_err();
    assert!(fault.to_string().contains("https://www.other.example"), "{fault}");
}
