//! One civil day, one key; one key and one address, one pseudonym.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use common::{Notebook, Town, from, policy};
use http::{Request, Response};
use http_body_util::Full;
use pinfold::audit::{AuditSettings, Batch, Delivery, Rank, Rows, Sink};
use pinfold::pseudonym::{KeyEvent, Unit};
use pinfold::time::{ManualClock, UnixTime};
use tower::{Service, ServiceExt};

/// A town in London, and its background, from a moment on.
struct Days {
    town: Town,
    notebook: Notebook,
}

impl Days {
    fn from(moment: &str) -> Self {
        let moment = UnixTime::from_seconds(moment.parse::<jiff::Timestamp>().unwrap().as_second());
        let notebook = Notebook::default();
        let clock = Arc::new(ManualClock::at(moment));
        let mut town = Town::under(clock, policy(), notebook.clone(), AuditSettings::default());
        tokio::spawn(town.background.take().unwrap().run(std::future::pending()));
        Self { town, notebook }
    }

    /// Lets the background look at the clock.
    async fn tick(&self) {
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }

    fn events(&self) -> Vec<KeyEvent> {
        let rows = self.notebook.rows().into_iter();
        rows.filter_map(|rows| if let Rows::Key(events) = rows { Some(events) } else { None })
            .flatten()
            .collect()
    }

    fn made(&self) -> Vec<String> {
        let made = |event| if let KeyEvent::Made { epoch, .. } = event { Some(epoch) } else { None };
        self.events().into_iter().filter_map(made).collect()
    }

    fn destroyed(&self) -> Vec<String> {
        let destroyed =
            |event| if let KeyEvent::Destroyed { epoch, .. } = event { Some(epoch) } else { None };
        self.events().into_iter().filter_map(destroyed).collect()
    }

    fn living(&self) -> Vec<String> {
        self.town.layer.handle().keys().into_iter().map(|key| key.epoch).collect()
    }
}

/// Each begins at noon before the day in question and ends at noon after it.
const DAYS: [(&str, &[&str]); 4] = [
    ("2026-03-28T12:00:00Z", &["2026-03-28", "2026-03-29", "2026-03-30"]),
    ("2026-10-24T11:00:00Z", &["2026-10-24", "2026-10-25", "2026-10-26"]),
    ("2028-02-28T12:00:00Z", &["2028-02-28", "2028-02-29", "2028-03-01"]),
    ("2026-12-31T12:00:00Z", &["2026-12-31", "2027-01-01", "2027-01-02"]),
];

#[tokio::test(start_paused = true)]
async fn fault_08_a_civil_day_has_one_key_however_long_it_is() {
    for (starts, days) in DAYS {
        let town = Days::from(starts);
        for _ in 0..48 * 6 {
            town.town.clock.advance(600);
            town.tick().await;
        }
        let made = town.made();
        let dates: Vec<_> = made.iter().map(|epoch| &epoch[..10]).collect();
        assert_eq!(dates, days, "{made:?}");
        assert_eq!(town.destroyed(), made[..1], "the first, at the second midnight or after 48 hours");
        let rotations = town.events().into_iter().filter_map(|event| match event {
            KeyEvent::Made { at, .. } => Some(at),
            _ => None,
        });
        // To the first look at the clock after midnight, of which there is one every ten minutes here.
        assert!(rotations.skip(1).all(|at| at.seconds() % 3_600 < 600), "{starts}");
    }
}

#[tokio::test(start_paused = true)]
async fn fault_07_a_clock_that_steps_back_and_forth_brings_no_key_back() {
    for (starts, days) in DAYS {
        let town = Days::from(starts);
        let (mut seen, mut gone) = (BTreeSet::new(), BTreeSet::new());
        for hour in 0..48_i64 {
            // A second, an hour and most of a day in both directions, within one tick and across several.
            for step in [1, -1, 3_600, -3_600, -1, 1, -20 * 3_600, 20 * 3_600] {
                town.town.clock.step(step);
                town.tick().await;
                let living: BTreeSet<_> = town.living().into_iter().collect();
                assert!(living.is_disjoint(&gone), "{starts}, hour {hour}: a key came back");
                gone.extend(seen.difference(&living).cloned());
                seen.extend(living);
            }
            town.town.clock.advance(3_600);
            town.tick().await;
        }
        let made = town.made();
        let dates: Vec<_> = made.iter().map(|epoch| &epoch[..10]).collect();
        assert_eq!(dates, days, "once a civil day, {made:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_address_has_one_pseudonym_on_every_thread_and_another_the_next_day() {
    let town = Days::from("2026-11-22T10:00:00Z");
    let visits = || {
        let threads: Vec<_> = (0..40)
            .map(|_| {
                let site = town.town.around(|_| Response::new(Full::from("hello")));
                std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    runtime.block_on(site.oneshot(from(7, Request::get("/")))).unwrap();
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let senders = town.town.layer.handle().top(Unit::Host, Rank::Requests, 99);
        assert_eq!((senders.len(), senders[0].requests), (1, 40));
        senders[0].pseudonym
    };
    let today = visits();
    town.town.clock.advance(86_400);
    town.tick().await;
    assert_ne!(visits(), today);
}

/// Fails once there is something to write.
#[derive(Clone, Copy)]
struct Broken;

impl Sink for Broken {
    fn deliver(&self, batch: Batch) -> Delivery {
        assert!(!matches!(batch.rows, Rows::Traffic(_)), "the sink fails");
        Box::pin(std::future::ready(Ok(())))
    }
}

#[tokio::test(start_paused = true)]
async fn fault_18_a_key_that_nobody_can_replace_any_more_is_destroyed() {
    let mut town = Town::new(policy(), Broken, AuditSettings::default());
    let mut service = town.around(|_| Response::new(Full::from("hello")));
    let handle = town.layer.handle();
    let background = tokio::spawn(town.background.take().unwrap().run(std::future::pending()));
    let ask = || from(1, Request::get("/"));
    assert_eq!(service.ready().await.unwrap().call(ask()).await.unwrap().status(), 200);
    assert_eq!(handle.keys().len(), 1);
    assert!(background.await.unwrap_err().is_panic());
    assert_eq!(handle.keys().len(), 0);
    assert!(handle.pseudonyms_of("203.1.113.77".parse().unwrap()).is_empty());
    assert_eq!(service.ready().await.unwrap().call(ask()).await.unwrap().status(), 200);
}
