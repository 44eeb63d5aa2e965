//! Administration by pseudonym: who asks most, and refusing them, with no address kept.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Notebook, Town, body, from, policy};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use pinfold::audit::{AuditSettings, Rank, Rows};
use pinfold::pseudonym::Unit;
use tower::ServiceExt;

/// Asks as the client of a number; the site answers 404 to everything, and counts what it is asked.
async fn ask(town: &Town, client: u8, asked: &Arc<AtomicUsize>) -> Response<String> {
    let seen = asked.clone();
    let site = town.around(move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
        Response::builder().status(404).body(Full::from("No such page")).unwrap()
    });
    let answer = site.oneshot(from(client, Request::get("/wp-login.php"))).await.unwrap();
    let (parts, page) = answer.into_parts();
    let page = body(Response::new(page)).await;
    Response::from_parts(parts, page)
}

#[tokio::test(start_paused = true)]
async fn whoever_is_blocked_is_refused_today_and_tomorrow_and_nobody_else() {
    let notebook = Notebook::default();
    let mut town = Town::new(policy(), notebook.clone(), AuditSettings::default());
    let (handle, asked) = (town.layer.handle(), Arc::<AtomicUsize>::default());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let background = tokio::spawn(town.background.take().unwrap().run(async {
        let _ = stopped.await;
    }));
    for _ in 0..5 {
        assert_eq!(ask(&town, 1, &asked).await.status(), StatusCode::NOT_FOUND);
    }
    assert_eq!(ask(&town, 2, &asked).await.status(), StatusCode::NOT_FOUND);

    let top = handle.top(Unit::Host, Rank::Errors, 1)[0];
    assert_eq!((top.requests, top.errors, top.refused), (5, 5, 0));
    let block = handle.block(top.pseudonym, Duration::from_secs(40 * 3_600), "scans").unwrap();
    assert_eq!(handle.blocks(), [block]);
    let refused = ask(&town, 1, &asked).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["cache-control"], "no-store");
    assert!(refused.body().contains("refused") && refused.body().contains("gwrthod"));
    assert_eq!(ask(&town, 2, &asked).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(asked.load(Ordering::Relaxed), 7, "the site is not asked");
    assert_eq!(handle.top(Unit::Host, Rank::Requests, 1)[0].refused, 1);

    // The next day: another key, other pseudonyms.
    town.clock.advance(24 * 3_600);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(handle.keys().len(), 2);
    assert!(handle.top(Unit::Host, Rank::Requests, 9).is_empty(), "what was known went with the key");
    assert_eq!(ask(&town, 2, &asked).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ask(&town, 1, &asked).await.status(), StatusCode::TOO_MANY_REQUESTS);
    let carried = handle.blocks();
    assert_eq!(carried.len(), 1);
    assert_ne!(carried[0].pseudonym, top.pseudonym);

    // It ends by itself.
    town.clock.advance(16 * 3_600);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(handle.blocks(), []);
    assert_eq!(ask(&town, 1, &asked).await.status(), StatusCode::NOT_FOUND);

    stop.send(()).unwrap();
    background.await.unwrap();
    let refusals = notebook.rows().into_iter().flat_map(|rows| match rows {
        Rows::Traffic(rows) => rows,
        _ => Vec::new(),
    });
    let of_clients = refusals.filter(|row| row.status.digit() == 4).map(|row| row.requests).sum::<u64>();
    assert_eq!(of_clients, 11, "refused requests are counted as any other");
}

#[tokio::test]
async fn the_status_of_a_refusal_can_be_chosen_and_a_block_lifted() {
    let settings = AuditSettings::default().with_blocked_status(StatusCode::FORBIDDEN);
    let town = Town::new(policy(), Notebook::default(), settings);
    let (handle, asked) = (town.layer.handle(), Arc::<AtomicUsize>::default());
    ask(&town, 1, &asked).await;
    let network = handle.top(Unit::Network, Rank::Requests, 1)[0].pseudonym;
    handle.block(network, Duration::from_secs(60), "scans").unwrap();
    assert_eq!(ask(&town, 1, &asked).await.status(), StatusCode::FORBIDDEN);
    assert!(handle.unblock(network) && !handle.unblock(network));
    assert_eq!(ask(&town, 1, &asked).await.status(), StatusCode::NOT_FOUND);
}
