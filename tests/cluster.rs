//! Several nodes of one site under one key, and what it costs them to lose what they have in common.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Notebook, Town, from, policy};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use pinfold::audit::{
    Answer, AuditSettings, Away, Block, BlockChange, Cluster, ClusterStat, CommonBlocks, DistinctRow, Rows,
};
use pinfold::pseudonym::{ClusterSecret, EpochShare, KeyEvent, Pseudonym};
use pinfold::time::{CivilDate, ManualClock, UnixTime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::ServiceExt;

/// 22 November 2026, ten minutes to midnight in London.
const LATE: UnixTime = UnixTime::from_seconds(1_795_391_400);

/// What nodes have in common, in the memory of the test.
#[derive(Debug, Default)]
struct Shelf {
    away: AtomicBool,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    shares: BTreeMap<CivilDate, EpochShare>,
    names: BTreeMap<u32, BTreeSet<Pseudonym>>,
    closed: BTreeSet<u32>,
    blocks: BTreeMap<u32, (u64, BTreeMap<Pseudonym, Block>)>,
}

impl Shelf {
    fn answer<T: Send + 'static>(&self, answer: impl FnOnce(&mut Kept) -> T) -> Answer<T> {
        let away = self.away.load(Ordering::Relaxed);
        let answer = if away { Err(Away) } else { Ok(answer(&mut self.kept.lock().unwrap())) };
        Box::pin(ready(answer))
    }

    fn lose_everything(&self) {
        *self.kept.lock().unwrap() = Kept::default();
    }

    fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }
}

impl Cluster for Shelf {
    fn find(&self, day: CivilDate) -> Answer<Option<EpochShare>> {
        self.answer(|kept| kept.shares.get(&day).cloned())
    }

    fn agree(&self, offer: EpochShare) -> Answer<EpochShare> {
        self.answer(|kept| kept.shares.entry(offer.day()).or_insert(offer).clone())
    }

    fn count(&self, share: &EpochShare, names: Vec<Pseudonym>) -> Answer<u64> {
        self.answer(|kept| {
            let all = kept.names.entry(share.number()).or_default();
            all.extend(names);
            all.len() as u64
        })
    }

    fn close(&self, share: &EpochShare) -> Answer<Option<u64>> {
        self.answer(|kept| {
            let count = kept.names.get(&share.number()).map_or(0, BTreeSet::len) as u64;
            kept.closed.insert(share.number()).then_some(count)
        })
    }

    fn blocks(
        &self,
        share: &EpochShare,
        changes: Vec<BlockChange>,
        seen: Option<u64>,
    ) -> Answer<Option<CommonBlocks>> {
        self.answer(|kept| {
            let (version, blocks) = kept.blocks.entry(share.number()).or_default();
            *version += changes.len() as u64;
            for change in changes {
                match change {
                    BlockChange::Block(block) => drop(blocks.insert(block.pseudonym, block)),
                    BlockChange::Lift(name) => drop(blocks.remove(&name)),
                }
            }
            (seen != Some(*version))
                .then(|| CommonBlocks { version: *version, blocks: blocks.values().cloned().collect() })
        })
    }
}

/// One node of the town.
struct Node {
    town: Town,
    notebook: Notebook,
    background: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Node {
    /// Starts it as a server does, at a moment of its own clock.
    async fn start(shelf: &Arc<Shelf>, now: UnixTime) -> Self {
        let mut found = Vec::new();
        let calendar = pinfold::time::Calendar::named("Europe/London").unwrap();
        let (today, before) = (calendar.day_of(now), calendar.day_of(now.plus(-86_400)));
        if let Ok(share) = shelf.agree(EpochShare::generate(&today, now).unwrap()).await {
            found.push(share);
        }
        found.extend(shelf.find(before.date).await.ok().flatten());
        let secret = ClusterSecret::from_bytes([9; 32]);
        let settings = AuditSettings::default().with_cluster(shelf.clone(), secret, found);
        let notebook = Notebook::default();
        let mut town = Town::under(Arc::new(ManualClock::at(now)), policy(), notebook.clone(), settings);
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

    fn names_of(&self, client: u8) -> Vec<(CivilDate, Pseudonym)> {
        self.town.layer.handle().pseudonyms_of(format!("203.{client}.113.77").parse().unwrap())
    }

    fn stat(&self) -> ClusterStat {
        self.town.layer.handle().stats().cluster.unwrap()
    }

    fn distinct(&self) -> Vec<DistinctRow> {
        let rows = self.notebook.rows().into_iter().filter_map(|rows| match rows {
            Rows::Distinct(row) => Some(row),
            _ => None,
        });
        rows.collect()
    }

    fn ended(&self) -> usize {
        let ends = |rows: &Rows| match rows {
            Rows::Key(events) => {
                events.iter().filter(|event| matches!(event, KeyEvent::Destroyed { .. })).count()
            }
            _ => 0,
        };
        self.notebook.rows().iter().map(ends).sum()
    }

    async fn stop(self) -> Notebook {
        self.stop.send(()).unwrap();
        self.background.await.unwrap();
        self.notebook
    }
}

/// Lets time pass on the clocks of nodes, a second at a time.
async fn pass(nodes: &[&Node], seconds: u64) {
    for _ in 0..seconds {
        nodes.iter().for_each(|node| node.town.clock.advance(1));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn fault_08_nodes_five_seconds_apart_have_one_name_for_one_address_in_each_epoch() {
    let shelf = Arc::<Shelf>::default();
    let ahead = Node::start(&shelf, LATE.plus(5)).await;
    let behind = Node::start(&shelf, LATE).await;
    let mut names = BTreeMap::new();
    for _ in 0..700 {
        for node in [&ahead, &behind] {
            assert_eq!(node.ask(1).await, StatusCode::OK);
            for (day, name) in node.names_of(1) {
                assert_eq!(*names.entry(day).or_insert(name), name, "{day}");
            }
        }
        pass(&[&ahead, &behind], 1).await;
    }
    assert_eq!(names.len(), 2, "a day before midnight and one after");
    for node in [&ahead, &behind] {
        assert_eq!((node.stat().is_common, node.stat().splits), (true, 0));
        assert!(node.town.layer.handle().keys().iter().all(|key| key.is_common == Some(true)));
    }
    assert_eq!(ahead.stop().await.rows().iter().filter(|rows| matches!(rows, Rows::Key(_))).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn blocks_are_known_to_all_within_two_seconds_and_follow_into_the_next_day() {
    let shelf = Arc::<Shelf>::default();
    let (one, other) = (Node::start(&shelf, LATE).await, Node::start(&shelf, LATE).await);
    let name = one.names_of(1)[0].1;
    one.town.layer.handle().block(name, Duration::from_secs(30 * 3_600), "scans").unwrap();
    pass(&[&one, &other], 2).await;
    assert_eq!((other.ask(1).await, other.ask(2).await), (StatusCode::TOO_MANY_REQUESTS, StatusCode::OK));
    assert_eq!(other.town.layer.handle().blocks(), one.town.layer.handle().blocks());

    // It is met on one node after midnight, and so is blocked by its new name on both.
    pass(&[&one, &other], 700).await;
    assert_eq!(one.ask(1).await, StatusCode::TOO_MANY_REQUESTS);
    pass(&[&one, &other], 3).await;
    let today = other.names_of(1)[0].1;
    assert_eq!(
        other.town.layer.handle().blocks().iter().map(|block| block.pseudonym).collect::<Vec<_>>(),
        [today]
    );

    // While there is nothing in common, blocks are those of each node; afterwards those of all.
    shelf.set_away(true);
    one.town.layer.handle().block(one.names_of(3)[0].1, Duration::from_secs(3_600), "scans").unwrap();
    pass(&[&one, &other], 5).await;
    assert_eq!((one.ask(3).await, other.ask(3).await), (StatusCode::TOO_MANY_REQUESTS, StatusCode::OK));
    shelf.lose_everything();
    shelf.set_away(false);
    pass(&[&one, &other], 3).await;
    assert_eq!([other.ask(1).await, other.ask(3).await], [StatusCode::TOO_MANY_REQUESTS; 2]);
    assert!(other.town.layer.handle().unblock(today));
    pass(&[&one, &other], 3).await;
    assert_eq!((one.ask(1).await, one.ask(3).await), (StatusCode::OK, StatusCode::TOO_MANY_REQUESTS));
    assert_eq!((one.stat().splits, other.stat().splits), (0, 0), "both had the key, and put its share back");

    // A node that starts anew knows them, too.
    let third = Node::start(&shelf, LATE.plus(720)).await;
    pass(&[&third], 1).await;
    assert_eq!((third.ask(1).await, third.ask(3).await), (StatusCode::OK, StatusCode::TOO_MANY_REQUESTS));
    assert_eq!(third.names_of(1), one.names_of(1), "today's and yesterday's");
}

#[tokio::test(start_paused = true)]
async fn distinct_addresses_are_counted_once_by_all_and_written_by_one() {
    let shelf = Arc::<Shelf>::default();
    let (one, other) = (Node::start(&shelf, LATE).await, Node::start(&shelf, LATE).await);
    for client in 0..40 {
        one.ask(client).await;
        other.ask(client + 20).await;
    }
    pass(&[&one, &other], 2).await;
    assert_eq!(one.town.layer.handle().stats().distinct_today, 60);
    assert_eq!(other.town.layer.handle().stats().distinct_today, 60);
    pass(&[&one, &other], 800).await;
    let rows: Vec<_> = one.distinct().into_iter().chain(other.distinct()).collect();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((rows[0].day.to_string().as_str(), rows[0].estimate), ("2026-11-22", 60));

    // What was counted before a loss has a row of its own, so that the day has a range.
    one.ask(1).await;
    pass(&[&one, &other], 2).await;
    shelf.lose_everything();
    pass(&[&one, &other], 2).await;
    other.ask(2).await;
    pass(&[&one, &other], 2).await;
    let rows: Vec<_> = one.distinct().into_iter().chain(other.distinct()).collect();
    let before = rows.iter().find(|row| row.day.to_string() == "2026-11-23").unwrap();
    assert_eq!(before.estimate, 1);
    let after = one.stop().await.rows().into_iter().rev().find_map(|rows| match rows {
        Rows::Distinct(row) => Some(row),
        _ => None,
    });
    let after = after.unwrap();
    assert_eq!((after.epoch.as_str(), after.estimate), (format!("{}.1", before.epoch).as_str(), 1));
}

#[tokio::test(start_paused = true)]
async fn a_loss_costs_one_split_until_midnight_and_is_seen() {
    let shelf = Arc::<Shelf>::default();
    let one = Node::start(&shelf, LATE).await;
    // A node that starts while nobody answers has a key of its own, and keeps it for the day.
    shelf.set_away(true);
    let other = Node::start(&shelf, LATE).await;
    pass(&[&one, &other], 5).await;
    assert_eq!((one.stat().splits, other.stat().splits), (0, 1));
    assert!(one.stat().is_common && !one.stat().is_answered && !other.stat().is_common);
    shelf.set_away(false);
    pass(&[&one, &other], 5).await;
    assert!(one.stat().is_common && !other.stat().is_common && other.stat().is_answered);
    assert_ne!(one.names_of(1)[0], other.names_of(1)[0]);
    one.ask(2).await;
    other.ask(1).await;
    pass(&[&one, &other], 800).await;
    assert_eq!(one.names_of(1)[0], other.names_of(1)[0], "the next day is everybody's");
    assert_eq!((one.stat().splits, other.stat().splits), (0, 1));
    let rows: Vec<_> = one.distinct().into_iter().chain(other.distinct()).collect();
    assert_eq!(rows.len(), 2, "the day has a range: {rows:?}");

    // Nobody answers around midnight: each node has a key of its own for that day, and no other.
    pass(&[&one, &other], 3_600 - 800).await;
    let hours = |nodes: [&Node; 2]| nodes.iter().for_each(|node| node.town.clock.advance(22 * 3_600));
    hours([&one, &other]);
    shelf.set_away(true);
    pass(&[&one, &other], 2 * 3_600).await;
    assert_eq!((one.stat().splits, other.stat().splits), (1, 2));
    shelf.set_away(false);
    pass(&[&one, &other], 3).await;
    assert_eq!(
        [one.stat(), other.stat()].iter().filter(|stat| stat.is_common).count(),
        1,
        "whoever is first stands"
    );
    assert_eq!((one.stat().splits, other.stat().splits), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_only_keys_that_no_other_node_has() {
    let shelf = Arc::<Shelf>::default();
    let common = Node::start(&shelf, LATE).await;
    pass(&[&common], 2).await;
    shelf.set_away(true);
    let alone = Node::start(&shelf, LATE).await;
    pass(&[&common, &alone], 2).await;
    assert_eq!((common.ended(), alone.ended()), (0, 0));
    let ends = |notebook: Notebook| {
        let ends = |rows: &Rows| matches!(rows, Rows::Key(events) if events.iter().any(|event| matches!(event, KeyEvent::Destroyed { .. })));
        notebook.rows().iter().any(ends)
    };
    assert!(!ends(common.stop().await));
    assert!(ends(alone.stop().await));
}
