//! Keys and blocks that outlive a process, and no longer than they would have lived in it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Notebook, Town, from, policy};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use pinfold::audit::{AuditSettings, HeldKeys, KeyHold, Rank, Rows};
use pinfold::pseudonym::{KeyEnd, KeyEvent, Pseudonym, Unit};
use pinfold::time::{Calendar, ManualClock};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::ServiceExt;

const ORIGIN: &str = "https://www.town.example";

/// Memory that no process of the town takes with it.
#[derive(Debug, Default)]
struct Shelf {
    bytes: Mutex<Vec<u8>>,
    refuses: AtomicBool,
}

impl KeyHold for Shelf {
    fn hold(&self, bytes: &[u8]) -> io::Result<()> {
        if self.refuses.load(Ordering::Relaxed) {
            return Err(io::Error::other("full"));
        }
        *self.bytes.lock().unwrap() = bytes.to_vec();
        Ok(())
    }
}

/// One process of the town.
struct Process {
    town: Town,
    notebook: Notebook,
    background: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Process {
    /// Starts it with what the one before has left on the shelf.
    fn start(clock: &Arc<ManualClock>, shelf: &Arc<Shelf>) -> Self {
        let calendar = Calendar::named("Europe/London").unwrap();
        let held = HeldKeys::read(&shelf.bytes.lock().unwrap(), ORIGIN, &calendar, &**clock);
        let settings = AuditSettings::default().with_key_hold(shelf.clone(), held);
        let notebook = Notebook::default();
        let mut town = Town::under(clock.clone(), policy(), notebook.clone(), settings);
        let (stop, stopped) = oneshot::channel::<()>();
        let background = tokio::spawn(town.background.take().unwrap().run(async {
            let _ = stopped.await;
        }));
        Self { town, notebook, background, stop }
    }

    async fn ask(&self, client: u8) -> StatusCode {
        let site = self.town.around(|_| Response::new(Full::from("hello")));
        site.oneshot(from(client, Request::get("/"))).await.unwrap().status()
    }

    async fn name_of(&self, client: u8) -> Pseudonym {
        self.ask(client).await;
        let client = format!("203.{client}.113.77").parse().unwrap();
        let name = self.town.layer.handle().pseudonyms_of(client)[0].1;
        let top = self.town.layer.handle().top(Unit::Host, Rank::Requests, 99);
        assert!(top.iter().any(|sender| sender.pseudonym == name));
        name
    }

    fn epochs(&self) -> Vec<String> {
        self.town.layer.handle().keys().into_iter().map(|key| key.epoch).collect()
    }

    fn ends(&self) -> Vec<(String, KeyEnd)> {
        let rows = self.notebook.rows().into_iter().filter_map(|rows| match rows {
            Rows::Key(events) => Some(events),
            _ => None,
        });
        let ends = rows.flatten().filter_map(|event| match event {
            KeyEvent::Destroyed { epoch, how, .. } => Some((epoch, how)),
            _ => None,
        });
        ends.collect()
    }

    async fn stop(self) -> Notebook {
        self.stop.send(()).unwrap();
        self.background.await.unwrap();
        self.notebook
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_keeps_names_and_blocks() {
    let (clock, shelf) = (Arc::new(ManualClock::at(common::MORNING)), Arc::<Shelf>::default());
    let first = Process::start(&clock, &shelf);
    let (name, epochs) = (first.name_of(1).await, first.epochs());
    first.town.layer.handle().block(name, Duration::from_secs(30 * 3_600), "scans").unwrap();
    let stopped = first.stop().await;
    assert!(!stopped.rows().iter().any(|rows| matches!(rows, Rows::Key(events) if events.len() != 1)));

    clock.advance(600);
    let second = Process::start(&clock, &shelf);
    assert_eq!(second.epochs(), epochs);
    assert_eq!(second.name_of(1).await, name);
    assert_eq!(second.ask(1).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(second.ask(2).await, StatusCode::OK);
    assert_eq!(second.town.layer.handle().keys()[0].age, Duration::from_secs(600));
    // It crashes: nothing is written, no key is ended.
    second.background.abort();

    clock.advance(86_400);
    let third = Process::start(&clock, &shelf);
    let keys = third.epochs();
    assert_eq!((keys.len(), &keys[1]), (2, &epochs[0]), "the day was over when it started");
    assert_ne!(third.name_of(2).await, name);
    assert_eq!(third.ask(1).await, StatusCode::TOO_MANY_REQUESTS, "the block follows across start and day");
    assert_eq!(third.ask(2).await, StatusCode::OK);
    let carried = third.town.layer.handle().blocks();
    tokio::time::sleep(Duration::from_secs(2)).await;
    third.background.abort();
    let fourth = Process::start(&clock, &shelf);
    assert_eq!(
        fourth.town.layer.handle().blocks(),
        carried,
        "what was carried is held within a second or two"
    );
    assert!(fourth.town.layer.handle().unblock(carried[0].pseudonym));
    fourth.background.abort();
    assert_eq!(Process::start(&clock, &shelf).town.layer.handle().blocks(), []);
}

#[tokio::test(start_paused = true)]
async fn no_key_is_held_past_its_time() {
    let (clock, shelf) = (Arc::new(ManualClock::at(common::MORNING)), Arc::<Shelf>::default());
    let first = Process::start(&clock, &shelf);
    let epochs = first.epochs();
    let old = shelf.bytes.lock().unwrap()[80..200].to_vec();
    assert!(old.windows(32).all(|window| window.iter().any(|byte| *byte != 0)));
    let is_held =
        || shelf.bytes.lock().unwrap().windows(32).any(|window| old.windows(32).any(|one| one == window));
    assert!(is_held());
    clock.advance(24 * 3_600);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(first.epochs().len(), 2);
    assert!(is_held(), "for the blocks of yesterday");
    // The shelf is full when the key dies, and is given what is left as soon as it is not.
    shelf.refuses.store(true, Ordering::Relaxed);
    clock.advance(14 * 3_600);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(first.ends(), [(epochs[0].clone(), KeyEnd::Rotated)]);
    shelf.refuses.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!is_held());
    first.stop().await;

    // The machine ran on for three days, and no process of the town.
    clock.advance(3 * 86_400);
    let late = Process::start(&clock, &shelf);
    assert_eq!(late.epochs().len(), 1);
    assert_eq!(
        late.ends().iter().map(|(_, how)| *how).collect::<Vec<_>>(),
        [KeyEnd::Rotated, KeyEnd::Expired]
    );
}

#[tokio::test(start_paused = true)]
async fn a_site_that_goes_for_good_leaves_no_key_to_the_next_process() {
    let (clock, shelf) = (Arc::new(ManualClock::at(common::MORNING)), Arc::<Shelf>::default());
    let process = Process::start(&clock, &shelf);
    assert!(!shelf.bytes.lock().unwrap().is_empty());
    let handle = process.town.layer.handle();
    handle.forget_held();
    handle.block(Pseudonym::from_number(7), Duration::from_secs(60), "scans").unwrap();
    assert!(shelf.bytes.lock().unwrap().is_empty(), "nothing is given any more");
    let rows = process.stop().await.rows();
    let is_end = |rows: &Rows| matches!(rows, Rows::Key(events) if matches!(events[..], [KeyEvent::Destroyed { how: KeyEnd::Stopped, .. }]));
    assert!(rows.iter().any(is_end), "and the key is destroyed with its process");
    assert!(shelf.bytes.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_a_hold_a_stop_ends_the_key() {
    let notebook = Notebook::default();
    let mut town = Town::new(policy(), notebook.clone(), AuditSettings::default());
    town.background.take().unwrap().run(async {}).await;
    let ends = |rows: &Rows| matches!(rows, Rows::Key(events) if matches!(events[..], [KeyEvent::Destroyed { how: KeyEnd::Stopped, .. }]));
    assert!(notebook.rows().iter().any(ends));
    assert_eq!(town.layer.handle().keys(), []);
}
