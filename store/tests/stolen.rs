//! What somebody can tell who steals the database, and has a key as well.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Request, Response};
use http_body_util::Full;
use pinfold::PinfoldLayer;
use pinfold::audit::AuditSettings;
use pinfold::client_ip::Peer;
use pinfold::consent::{ConsentManagerLayer, Policy};
use pinfold::pseudonym::Pseudonym;
use pinfold::time::{Calendar, Clock, ManualClock, SystemClock};
use pinfold_store::{Retention, Store};
use tower::{Layer, ServiceExt, service_fn};

type Body = Full<bytes::Bytes>;

/// Addresses that the thief tries, those of all visitors among them.
const CANDIDATES: u32 = 100_000;

/// Visitors of one day; those of the other day are others.
const VISITORS: u32 = 40;

fn candidate(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + number).into()
}

fn visitors(day: u32) -> impl Iterator<Item = IpAddr> {
    (0..VISITORS).map(move |number| candidate(number * 2_400 + day))
}

#[tokio::test(start_paused = true)]
async fn with_the_key_of_today_today_is_told_and_yesterday_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pinfold.db");
    let store = Store::open(&file, Retention::default()).unwrap();
    let calendar = Calendar::named("Europe/London").unwrap();
    let morning = calendar.day_of(SystemClock::new().now()).starts.plus(10 * 3_600);
    let clock = Arc::new(ManualClock::at(morning));
    let policy = Policy::builder("Town", "https://www.town.example").build().unwrap();
    let consent = ConsentManagerLayer::new(policy, calendar).with_clock(clock.clone());
    let settings = AuditSettings::default().with_crowd(10).unwrap();
    let (layer, background) =
        PinfoldLayer::of(consent, Arc::new(store.sink()), Arc::new(tokio::time::sleep), settings).unwrap();
    tokio::spawn(background.run(std::future::pending()));
    let site = layer.layer(service_fn(|_: Request<Body>| async {
        Ok::<_, std::convert::Infallible>(Response::new(Body::from("hello")))
    }));

    for day in 0..2 {
        for visitor in visitors(day) {
            let peer = Peer(SocketAddr::new(visitor, 4_000));
            let request = Request::get("/").extension(peer).body(Body::default()).unwrap();
            site.clone().oneshot(request).await.unwrap();
        }
        // The bucket closes, and its rows are written at a moment of their own.
        for seconds in [700, 200] {
            clock.advance(seconds);
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        if day == 0 {
            clock.advance(86_400 - 900);
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    }
    let names = stolen(&file, 2 * VISITORS);

    let handle = layer.handle();
    let keys = handle.keys();
    let [today, yesterday] = [&keys[0], &keys[1]].map(|key| {
        let told = |address: &IpAddr| {
            handle.pseudonyms_of(*address).iter().any(|(day, name)| *day == key.day && names.contains(name))
        };
        (0..CANDIDATES).map(candidate).filter(told).collect::<BTreeSet<_>>()
    });
    assert_eq!(today, visitors(1).collect(), "today's key tells today's visitors, and none of yesterday's");
    assert_eq!(yesterday, visitors(0).collect(), "their rows are there, for yesterday's key alone");

    // When that is destroyed, so are they: whatever is stolen from now on tells nobody anything.
    clock.advance(86_400);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let left = stolen(&file, VISITORS);
    let told = |address: &IpAddr| handle.pseudonyms_of(*address).iter().any(|(_, name)| left.contains(name));
    assert_eq!((0..CANDIDATES).map(candidate).filter(told).collect::<BTreeSet<_>>(), visitors(1).collect());
}

/// The names of a copy of the database, once it has so many.
fn stolen(file: &Path, expected: u32) -> BTreeSet<Pseudonym> {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let copy = tempfile::tempdir().unwrap();
        for ending in ["", "-wal"] {
            let from = format!("{}{ending}", file.display());
            // There may be no log.
            let _ = std::fs::copy(from, copy.path().join(format!("copy{ending}")));
        }
        let read = || {
            let connection = rusqlite::Connection::open(copy.path().join("copy"))?;
            let mut hosts = connection.prepare("SELECT host FROM address")?;
            let hosts =
                hosts.query_map([], |row| row.get::<_, i64>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok::<_, rusqlite::Error>(hosts)
        };
        // A copy that was made while it was written may be of no use.
        let hosts = read().unwrap_or_default();
        if hosts.len() == usize::try_from(expected).unwrap() {
            return hosts.into_iter().map(|host| Pseudonym::from_number(host.cast_unsigned())).collect();
        }
        assert!(Instant::now() < until, "{} rows", hosts.len());
        std::thread::sleep(Duration::from_millis(50));
    }
}
