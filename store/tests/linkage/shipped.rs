//! The day of a town behind the layer as it ships, into the store as it ships.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use pinfold::audit::AuditSettings;
use pinfold::client_ip::Peer;
use pinfold::consent::{ConsentManagerLayer, CookieRule, LegalBasis, Policy, Purpose};
use pinfold::time::{Calendar, ManualClock};
use pinfold::{Pinfold, PinfoldLayer};
use pinfold_store::{Retention, Store};
use tower::{Layer, Service};

use super::stolen::{Copy, MIDNIGHT, Stolen, file_in, log_of, place};
use super::town::{Asked, OPENS, Town, What};

/// The background looks at the clock once for so many seconds of the day. It does so every second when it serves, which
/// would only make the day longer: all that goes out at its own second are bare totals.
const STEP: i64 = 10;

/// A thief who comes again and again takes a copy so often, in seconds.
const COPIES_EVERY: i64 = 600;

/// Lives through the day of a town. With `copies`, a thief copies the database all day long.
pub(crate) fn day_of(town: &Town, copies: bool) -> Stolen {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(live(town, copies))
}

// The stop that would write what is left never comes: a thief who steals a running server's file has what lies there.
async fn live(town: &Town, copies: bool) -> Stolen {
    let dir = place();
    let file = file_in(&dir);
    let store = Store::open(&file, Retention::default()).unwrap();
    let clock = Arc::new(ManualClock::at(MIDNIGHT.plus(OPENS)));
    let calendar = Calendar::named("Europe/London").unwrap();
    let consent = ConsentManagerLayer::new(policy(), calendar).with_clock(clock.clone());
    let (layer, background) = PinfoldLayer::of(
        consent,
        Arc::new(store.sink()),
        Arc::new(tokio::time::sleep),
        AuditSettings::default(),
    )
    .unwrap();
    let mut service = layer.layer(Site);
    let working = tokio::spawn(background.run(std::future::pending()));
    let mut taken = Vec::new();
    let mut to_come = town.asked.iter().peekable();
    let mut now = OPENS;
    while now < town.until {
        for one in std::iter::from_fn(|| to_come.next_if(|one| one.at < now + STEP)) {
            ask(&mut service, one).await;
        }
        clock.advance(STEP as u64);
        now += STEP;
        tokio::time::sleep(Duration::from_secs(1)).await;
        tokio::task::yield_now().await;
        if (now - OPENS) % COPIES_EVERY == 0 {
            settle(&store);
            assert_eq!(std::fs::metadata(log_of(&file)).unwrap().len(), 0, "the log tells nothing");
            if copies {
                taken.push(Copy::of(&file, now));
            }
        }
    }
    let handle = layer.handle();
    let lost: u64 = handle.stats().lost.iter().map(|(_, lost)| lost).sum();
    assert_eq!(lost, 0, "every count is in the file");
    let name = |address: Ipv4Addr| handle.pseudonyms_of(IpAddr::V4(address))[0].1.number();
    let names = town.asked.iter().map(|one| (one.from, name(one.from))).collect();
    working.abort();
    settle(&store);
    store.close();
    Stolen::new(dir, taken, names)
}

/// Waits until nothing waits to be written.
fn settle(store: &Store) {
    while store.pending().iter().any(|(_, rows)| *rows > 0) {
        std::thread::sleep(Duration::from_micros(200));
    }
}

async fn ask(service: &mut Pinfold<Site>, asked: &Asked) {
    let request = match &asked.what {
        What::Page(path, _) => {
            let came_from =
                if asked.visit.is_some_and(|visit| visit % 2 == 0) { "none" } else { "same-origin" };
            Request::get(&**path).header("sec-fetch-dest", "document").header("sec-fetch-site", came_from)
        }
        What::Picture => Request::get("/crest.svg").header("sec-fetch-dest", "image"),
        What::Choice(_) => Request::post("/cookies")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded"),
    };
    let body = match asked.what {
        What::Choice(true) => "cookies[all]=yes",
        What::Choice(false) => "cookies[all]=no",
        _ => "",
    };
    let peer = Peer(SocketAddr::from((asked.from, 4_000)));
    let request = request.header("cookie", "session=s; _ga=g").extension(peer);
    let status = match asked.what {
        What::Page(_, status) => status,
        What::Picture => 200,
        What::Choice(_) => 303,
    };
    let status = StatusCode::from_u16(status).unwrap();
    let request = request.extension(status).body(Full::from(body)).unwrap();
    assert_eq!(service.call(request).await.unwrap().status(), status);
}

fn policy() -> Policy {
    Policy::builder("Town", "https://www.town.example")
        .purpose(Purpose::new("statistics", LegalBasis::Statistics, "Statistics", "They count."))
        .purpose(Purpose::new("marketing", LegalBasis::Consent, "Marketing", "They measure campaigns."))
        .cookie(CookieRule::strictly_necessary("session"))
        .cookie(CookieRule::new("_ga*", "marketing").with_provider("Google"))
        .build()
        .unwrap()
}

/// Answers as the town has it.
#[derive(Clone)]
struct Site;

impl Service<Request<Full<Bytes>>> for Site {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let status = request.extensions().get::<StatusCode>().unwrap();
        let kind = if request.uri().path().ends_with(".svg") { "image/svg+xml" } else { "text/html" };
        ready(Ok(Response::builder()
            .status(status)
            .header("content-type", kind)
            .body(Full::default())
            .unwrap()))
    }
}
