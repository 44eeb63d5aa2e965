//! Many nodes of one site, with one database and one Valkey, which fail in turn while requests come in and a day ends.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;
mod layered;
#[path = "../../../store/tests/common/postgres.rs"]
mod postgres;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::chaos::{Chance, is_full, note};
use common::clock::Steps;
use common::node::{SECRET, data, is_common, place_with, start_by};
use common::redis::Redis;
use common::{Origin, Pinfold, latency, node, page};
use http::Response;
use layered::{Layered, Moved};
use pinfold::time::{Calendar, CivilDate, Clock, SystemClock, UnixTime};
use pinfold_store::{Ledgers, Period, Store};
use postgres::Database;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const ORIGIN: &str = "https://www.town.example";
const SITE: &str = "www.town.example";

/// How many of the nodes are processes, which are asked by sockets.
const SERVERS: usize = 8;

/// How many addresses each of the two days has.
const ADDRESSES: usize = 5_000;

/// What a page may take longer at most because an engine is away, but for one in a hundred.
const ADDED: Duration = Duration::from_millis(1);

/// A town, its nodes and what they share.
struct Town {
    layered: Vec<Layered>,
    runtime: Runtime,
    servers: Vec<Pinfold>,
    database: Database,
    clock: Arc<Moved>,
    steps: Steps,
    /// When the day in which it opens ends.
    ends: UnixTime,
    truth: Truth,
    _origin: Origin,
}

/// What was served.
#[derive(Default)]
struct Truth {
    requests: usize,
    /// Addresses by the day.
    met: BTreeMap<CivilDate, BTreeSet<usize>>,
}

impl Town {
    /// Twenty minutes before midnight.
    fn open(layered: usize, redis: &Redis) -> Self {
        let database = Database::new();
        let now = SystemClock::new().now();
        let ends = calendar().day_of(now).ends;
        let off = ends.seconds() - now.seconds() - 1_200;
        let (clock, steps) = (Arc::new(Moved::by(off)), Steps::new());
        steps.step(&format!("{off:+}"));
        // Only `/` is as it was said, because no banner goes into what is no page.
        let origin = Origin::start(|request| match request.uri().path() {
            "/" => {
                Response::builder().header("content-type", "text/plain").body(Bytes::from("hello")).unwrap()
            }
            _ => page("hello"),
        });
        let servers = thread::scope(|scope| {
            let begin = |number| start_by(&steps, place(&origin, redis, &database, number));
            let starting: Vec<_> = (0..SERVERS).map(|number| scope.spawn(move || begin(number))).collect();
            starting.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let at = |number| database.as_node(&format!("layered-{number}"));
        let layered = runtime.block_on(async {
            let mut started = Vec::new();
            for number in 0..layered {
                started.push(Layered::start(&redis.url(), at(number), secret(), clock.clone()).await);
            }
            started
        });
        let town = Self {
            layered,
            runtime,
            servers,
            database,
            clock,
            steps,
            ends,
            truth: Truth::default(),
            _origin: origin,
        };
        town.valkey_is(true);
        town
    }

    /// Moves the clocks of all nodes to so many seconds after midnight, and lets them notice.
    fn move_to(&self, after: i64) {
        let off = self.ends.seconds() + after - SystemClock::new().now().seconds();
        self.clock.to(off);
        self.steps.step(&format!("{off:+}"));
        thread::sleep(Duration::from_secs(4));
    }

    /// Serves so many requests at all layered nodes, while others ask every server for so many pages. What a page took a layer, but for
    /// one in a hundred.
    fn serve(&mut self, layered: usize, server: usize) -> Duration {
        let each = layered / self.layered.len();
        let serve_all = async {
            let serving: Vec<_> = self.layered.iter().map(|node| node.serve(each)).collect();
            let mut served = Vec::new();
            for one in serving {
                served.extend(one.await.unwrap());
            }
            served
        };
        let (served, asked) = thread::scope(|scope| {
            let asking: Vec<_> = self.servers.iter().map(|one| scope.spawn(|| ask(one, server))).collect();
            let served = self.runtime.block_on(serve_all);
            (served, asking.into_iter().flat_map(|one| one.join().unwrap()).collect::<Vec<_>>())
        });
        self.truth.requests += served.len() + asked.len();
        let visitors = served.iter().map(|(visitor, _)| *visitor).chain(asked);
        let today = self.today();
        self.truth.met.entry(today).or_default().extend(visitors);
        let mut times: Vec<_> = served.into_iter().map(|(_, time)| time).collect();
        times.sort_unstable();
        times[times.len() * 99 / 100]
    }

    /// What the slowest server takes for all but one page in a hundred, at its quickest of several times: what else this machine does is in
    /// the others. Looks no longer than until it is quick `enough`.
    fn latency(&mut self, enough: Duration) -> Duration {
        let client = |number| match address(number as usize) {
            IpAddr::V4(client) => client,
            IpAddr::V6(_) => unreachable!("visitors come by IPv4"),
        };
        let mut slowest = Duration::ZERO;
        for server in &self.servers {
            let mut quickest = Duration::MAX;
            for _ in 0..40 {
                quickest = quickest.min(latency::p99(server, client));
                self.truth.requests += latency::PAGES as usize;
                if quickest <= enough {
                    break;
                }
            }
            slowest = slowest.max(quickest);
        }
        let today = self.today();
        self.truth.met.entry(today).or_default().extend(0..latency::PAGES as usize);
        slowest
    }

    fn today(&self) -> CivilDate {
        calendar().day_of(self.clock.now()).date
    }

    fn valkey_is(&self, there: bool) {
        let stands = |node: &Layered| node.handle.stats().cluster.unwrap().is_answered == there;
        self.wait_until("nodes do not notice what has become of Valkey", stands);
        for server in &self.servers {
            server.wait_until("it does not notice what has become of Valkey", |server| match there {
                true => is_common(server),
                false => server.metric("pinfold_valkey_healthy") == 0.0,
            });
        }
    }

    fn postgresql_is_there(&self) {
        self.wait_until("nodes do not find PostgreSQL again", |node| node.store.is_healthy());
        for server in &self.servers {
            let healthy = |server: &Pinfold| server.metric("pinfold_store_healthy") == 1.0;
            server.wait_until("it does not find PostgreSQL again", healthy);
        }
    }

    fn wait_until(&self, what: &str, holds: impl Fn(&Layered) -> bool) {
        let until = Instant::now() + Duration::from_secs(60);
        while !self.layered.iter().all(&holds) {
            assert!(Instant::now() < until, "{what}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The names that one address has, by all layered nodes and for both days.
    fn names(&self, number: usize) -> BTreeSet<String> {
        let of_node = |node: &Layered| node.handle.pseudonyms_of(address(number));
        self.layered.iter().flat_map(of_node).map(|(day, name)| format!("{day} {name}")).collect()
    }

    /// Whether servers name those they have met as the others do.
    fn servers_agree(&self) {
        let of_visitor = |visitor| self.layered[0].handle.pseudonyms_of(address(visitor));
        let names: BTreeSet<_> =
            (0..ADDRESSES).flat_map(of_visitor).map(|(_, name)| name.to_string()).collect();
        for server in &self.servers {
            let met = node::names(server, "1000");
            assert!(!met.is_empty() && met.iter().all(|name| names.contains(name)), "it has other names");
        }
    }

    /// Ends every node, which writes what it has.
    fn close(self) -> (Database, Truth) {
        let Self { runtime, database, layered, servers, truth, .. } = self;
        servers.into_iter().for_each(|server| drop(server.stop()));
        let mut stores = Vec::new();
        runtime.block_on(async {
            for node in layered {
                stores.push(node.stop().await);
            }
        });
        stores.into_iter().for_each(Store::close);
        (database, truth)
    }
}

/// Asks a server for so many pages as visitors by chance; which ones.
fn ask(server: &Pinfold, pages: usize) -> Vec<usize> {
    let mut chance = Chance::new();
    let visit = |_| {
        let visitor = chance.below(ADDRESSES);
        let client = address(visitor).to_string();
        assert_eq!(server.get("/bins", &[("x-forwarded-for", &client)]).status, 200);
        visitor
    };
    (0..pages).map(visit).collect()
}

/// The address of a visitor, in a network of its own.
fn address(number: usize) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0001 + (u32::try_from(number).unwrap() << 8)).into()
}

fn calendar() -> Calendar {
    Calendar::named("Europe/London").unwrap()
}

/// What the file of every server has.
fn secret() -> [u8; 32] {
    let byte = |at: usize| u8::from_str_radix(&SECRET[2 * at..2 * at + 2], 16).unwrap();
    std::array::from_fn(byte)
}

/// The files of a server.
fn place(origin: &Origin, redis: &Redis, database: &Database, number: usize) -> TempDir {
    let audit = format!(
        "[audit]\nstore = \"{}\"\npassword_file = {:?}\nnode = \"server-{number}\"\nspool = \"spool\"\n",
        database.url(),
        database.password_file()
    );
    place_with(origin, &redis.url(), &audit)
}

#[test]
#[ignore = "needs PostgreSQL, redis-server and faketime"]
fn fault_09_10_many_nodes_count_each_request_once_whatever_fails() {
    let (layered, by_layers, by_server) = if is_full() { (56, 9_900_000, 2_500) } else { (8, 40_000, 40) };
    let redis = Redis::start();
    let port = redis.port;
    let mut town = Town::open(layered, &redis);
    let serve = |town: &mut Town| town.serve(by_layers / 5, by_server);
    let well = (serve(&mut town), town.latency(Duration::ZERO));
    let enough = well.1 + ADDED;

    // Valkey is killed, and comes back with nothing: nodes put the share back.
    redis.kill();
    town.valkey_is(false);
    let mut away = vec![("Valkey killed", serve(&mut town), town.latency(enough))];
    let redis = Redis::at(port, &[]);
    town.valkey_is(true);

    // PostgreSQL is frozen, then stopped as a power cut would stop it.
    town.database.server.signal("-STOP");
    away.push(("PostgreSQL frozen", serve(&mut town), town.latency(enough)));
    town.database.server.signal("-CONT");
    town.postgresql_is_there();
    town.database.server.stop_at_once();
    away.push(("PostgreSQL stopped", serve(&mut town), town.latency(enough)));
    town.database.server.resume();
    town.postgresql_is_there();

    // The day ends.
    assert_eq!(town.names(7).len(), 1, "one address has one name");
    town.servers_agree();
    town.move_to(-180);
    town.move_to(60);
    town.wait_until("keys do not turn", |node| node.handle.keys().len() == 2);
    for server in &town.servers {
        let keys = |server: &Pinfold| data(server.path(), &["keys"])["keys"].as_array().unwrap().len();
        server.wait_until("keys do not turn", |server| keys(server) == 2);
    }
    serve(&mut town);
    for number in [0, 7, ADDRESSES - 1] {
        assert_eq!(town.names(number).len(), 2, "one address has one name each day");
    }
    let splits: u64 = town.layered.iter().map(|node| node.handle.stats().cluster.unwrap().splits).sum();
    assert_eq!(splits, 0, "what Valkey lost was put back, so nobody has another name");
    for server in &town.servers {
        assert_eq!(server.metric("pinfold_key_splits_total"), 0.0);
    }
    // The count of a day is closed two minutes after its end, once all have been told of.
    town.move_to(180);

    let (database, truth) = town.close();
    drop(redis);
    let ledgers = Ledgers::open(database.as_node("reader")).unwrap();
    let served = i64::try_from(truth.requests).unwrap();
    let days =
        Period { from: *truth.met.first_key_value().unwrap().0, to: *truth.met.last_key_value().unwrap().0 };
    let traffic: i64 = ledgers.traffic(SITE, days).unwrap().iter().map(|day| day.requests).sum();
    let usage: i64 = ledgers.usage(SITE, days).unwrap().iter().map(|route| route.requests).sum();
    assert_eq!((traffic, usage), (served, served), "each request once");
    let addresses = |what: &str| database.sql(&format!("SELECT {what} FROM pinfold.address"));
    assert_eq!(addresses("sum(requests)"), served.to_string());
    let met: usize = truth.met.values().map(BTreeSet::len).sum();
    assert_eq!(addresses("count(DISTINCT host)"), met.to_string(), "no address has two names on one day");
    let distinct = ledgers.distinct(SITE, days).unwrap();
    assert_eq!(distinct.len(), truth.met.len());
    for (day, met) in distinct.into_iter().zip(truth.met.values()) {
        let off = day.at_least.abs_diff(i64::try_from(met.len()).unwrap()) as usize;
        assert!(off * 100 <= met.len() * 4, "{day:?}, {} met", met.len());
    }

    let mut figure = format!("p99 in a layer and by a socket {well:?}");
    for (what, layered, server) in &away {
        assert!(
            *layered < well.0 + ADDED && *server <= enough,
            "{what}: {layered:?} {server:?}, {well:?} before"
        );
        figure.push_str(&format!("; {what} {:?}", (layered, server)));
    }
    let injected =
        format!("{layered} layers and {SERVERS} servers, {served} requests, midnight between them");
    note("FAULT9", &injected, 3, "each counted once", &figure);
    println!("{injected}: {figure}");
}
