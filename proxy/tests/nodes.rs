//! Eight servers of one site, with one database and one Valkey, which fail in turn while requests come in.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;
#[path = "../../store/tests/common/postgres.rs"]
mod postgres;

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use common::chaos::{note, times};
use common::node::{ask, is_common, names, place_with, start};
use common::redis::Redis;
use common::{Origin, Pinfold};
use postgres::Database;
use tempfile::TempDir;

const NODES: usize = 8;

/// How many addresses come, each in a network of its own. Every node meets each of them.
const ADDRESSES: usize = 20;

/// What a page may take longer at most because an engine is away, but for one in a hundred. A page that waited for one would take seconds.
const ADDED: Duration = Duration::from_millis(50);

fn place(origin: &Origin, redis: &Redis, database: &Database, number: usize) -> TempDir {
    let audit = format!(
        "[audit]\nstore = \"{}\"\npassword_file = {:?}\nnode = \"node-{number}\"\nspool = \"spool\"\n",
        database.url(),
        database.password_file()
    );
    place_with(origin, &redis.url(), &audit)
}

/// Has every node serve every address so often, all at once; the time that all but one page in a hundred took at most.
fn serve(nodes: &[Pinfold], rounds: usize) -> Duration {
    let serve_one = |node: &Pinfold| {
        let visits = (0..rounds).flat_map(|_| 0..ADDRESSES);
        let timed = visits.map(|number| {
            let began = Instant::now();
            assert_eq!(ask(node, &format!("203.{number}.113.77")), 200);
            began.elapsed()
        });
        timed.collect::<Vec<_>>()
    };
    let mut times: Vec<_> = thread::scope(|scope| {
        let serving: Vec<_> = nodes.iter().map(|node| scope.spawn(|| serve_one(node))).collect();
        serving.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

#[test]
#[ignore = "needs PostgreSQL and redis-server"]
fn fault_09_10_eight_servers_count_each_request_once_whatever_fails() {
    let (origin, redis, database) = (Origin::hello(), Redis::start(), Database::new());
    let port = redis.port;
    let nodes: Vec<_> = thread::scope(|scope| {
        let begin = |number| start(place(&origin, &redis, &database, number));
        let starting: Vec<_> = (0..NODES).map(|number| scope.spawn(move || begin(number))).collect();
        starting.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let all =
        |what: &str, holds: fn(&Pinfold) -> bool| nodes.iter().for_each(|node| node.wait_until(what, holds));
    all("it has not joined", is_common);
    let rounds = times(2, 50);
    let well = serve(&nodes, rounds);

    redis.kill();
    all("Valkey is not missed", |node| node.metric("pinfold_valkey_healthy") == 0.0);
    let mut away = vec![("Valkey killed", serve(&nodes, rounds))];
    let redis = Redis::at(port, &[]);
    all("Valkey is not found again", is_common);

    database.server.signal("-STOP");
    away.push(("PostgreSQL frozen", serve(&nodes, rounds)));
    database.server.signal("-CONT");
    all("PostgreSQL is not found again", |node| node.metric("pinfold_store_healthy") == 1.0);
    database.server.stop_at_once();
    away.push(("PostgreSQL stopped", serve(&nodes, rounds)));
    database.server.resume();
    all("PostgreSQL is not found again", |node| node.metric("pinfold_store_healthy") == 1.0);

    let met: BTreeSet<_> =
        nodes.iter().map(|node| names(node, "100").into_iter().collect::<BTreeSet<_>>()).collect();
    assert_eq!(met.len(), 1, "each address has one name on all nodes");
    assert_eq!(met.first().unwrap().len(), ADDRESSES);
    for node in &nodes {
        assert_eq!(node.metric("pinfold_key_splits_total"), 0.0);
    }
    let ended: Vec<_> = nodes.into_iter().map(|node| node.stop().0).collect();
    let report = Pinfold::report(ended[NODES - 1].path());
    let served = 4 * rounds * NODES * ADDRESSES;
    assert_eq!(report["traffic"]["requests"], served, "each request once");
    let addresses = |what: &str| database.sql(&format!("SELECT {what} FROM pinfold.address"));
    assert_eq!(addresses("sum(requests)"), served.to_string());
    assert_eq!(addresses("count(DISTINCT host)"), ADDRESSES.to_string());
    drop(redis);
    for (what, p99) in &away {
        assert!(*p99 < well + ADDED, "{what}: {p99:?}, and {well:?} before");
    }
    let figures: Vec<_> = away.iter().map(|(what, p99)| format!("{what} {p99:?}")).collect();
    let figure = format!("p99 {well:?}; {}", figures.join(", "));
    note("FAULT9", &format!("{NODES} servers, {served} requests"), 3, "each counted once", &figure);
}
