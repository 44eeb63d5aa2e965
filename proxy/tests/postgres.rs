//! Many nodes in front of one site, with one store in PostgreSQL; and what they do while it is away.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;
#[path = "../../store/tests/common/postgres.rs"]
mod postgres;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::chaos::{note, times};
use common::choices::{MANY_ADDRESSES, Visitors, counted};
use common::tls::Authority;
use common::{BINARY, Origin, Pinfold, configuration, pinfold};
use pinfold_store::{Location, Postgres, Retention, Store};
use postgres::{Database, Server};
use tempfile::TempDir;

const CASE: [&str; 6] =
    ["--basis", "DPA 2018 Sch 2 para 2", "--requested-by", "PC 4711", "--approved-by", "Head of IT"];

/// Ends whoever has a connection and sleeps.
const WAKE: &str =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'";

/// A configuration whose store is a database, as a node sees it that reaches it by `url`.
fn files_of_node(origin: &Origin, database: &Database, node: &str, url: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let audit = format!(
        "[audit]\nstore = \"{url}\"\npassword_file = {:?}\nnode = \"{node}\"\nspool = \"spool\"\n{MANY_ADDRESSES}",
        database.password_file()
    );
    fs::write(directory.path().join("pinfold.toml"), configuration(origin.address, &audit)).unwrap();
    directory
}

fn start(directory: TempDir) -> Pinfold {
    let mut command = Command::new(BINARY);
    command
        .args(["run", "--config", "pinfold.toml"])
        .current_dir(directory.path())
        .env("PINFOLD_LOG", "info");
    Pinfold::spawn(command, directory)
}

fn said(directory: &Path, arguments: &[&str]) -> String {
    let output = pinfold(arguments, directory);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn accept(server: &Pinfold, from: &str) {
    let fields = [
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-forwarded-for", from),
    ];
    assert_eq!(server.send("POST", "/cookies", &fields, "cookies[all]=yes").status, 303);
}

fn location(database: &Database) -> Location {
    Postgres::at(&database.url()).unwrap().with_password_file(database.password_file()).into()
}

#[test]
#[ignore = "needs PostgreSQL"]
fn nodes_of_one_store_add_up_and_each_says_the_same() {
    let (origin, database) = (Origin::hello(), Database::new());
    let [one, other] = ["one", "other"].map(|node| files_of_node(&origin, &database, node, &database.url()));
    // Both make the tables.
    let (one, other) = thread::scope(|scope| {
        let other = scope.spawn(|| start(other));
        (start(one), other.join().unwrap())
    });
    for number in 0..10 {
        let node = if number % 2 == 0 { &one } else { &other };
        accept(node, &format!("203.0.113.{number}"));
        node.get("/bins", &[("x-forwarded-for", &format!("203.0.113.{number}"))]);
    }
    assert_eq!(counted(location(&database)), 10);
    let looked = [&["lookup", "--ip", "203.0.113.1"][..], &CASE].concat();
    for node in [&one, &other] {
        assert!(said(node.path(), &looked).contains("not recorded"), "no bucket is a crowd");
        assert!(node.admin("/").body.contains("Town"));
        assert!(node.admin("/metrics").body.contains("pinfold_spool_rows 0"));
    }
    let verified = [&one, &other].map(|node| said(node.path(), &["ledger", "verify"]));
    assert!(verified[0].starts_with("whole: 2 entries") && verified[0] == verified[1], "{verified:?}");
    let status = said(one.path(), &["db", "status", "--format", "json"]);
    assert!(status.contains("\"in_use\": true") && !status.contains("battery"), "{status}");
    let exported = said(other.path(), &["db", "export", "--reason", "for the archive"]);
    assert!(
        exported.contains("\"ledger\":\"consent\"") && exported.contains("\"node\":\"one\""),
        "{exported}"
    );
    assert!(said(one.path(), &["ledger", "verify"]).starts_with("whole: 3 entries"));
    let copied = pinfold(&["db", "backup", "copy.db"], one.path());
    assert!(String::from_utf8_lossy(&copied.stderr).contains("pg_dump"), "{copied:?}");
    fs::write(
        one.path().join("access.log"),
        "198.51.100.7 - - [24/Nov/2026:10:00:00 +0000] \"GET /old HTTP/1.1\" 200 5 \"-\" \"Mozilla/5.0 Firefox/140.0\"\n",
    )
    .unwrap();
    for node in [&one, &other] {
        fs::copy(one.path().join("access.log"), node.path().join("copied.log")).unwrap();
        said(node.path(), &["import", "copied.log"]);
    }
    assert!(said(other.path(), &["check", "--connect"]).contains("can be read"));
    let (one, log) = one.stop();
    let (other, _) = other.stop();
    assert!(!log.contains("battery") && !log.contains("203.0.113."), "{log}");
    let [first, second] = [&one, &other].map(|directory| Pinfold::report(directory.path()));
    assert_eq!(first["traffic"], second["traffic"]);
    assert_eq!(first["traffic"]["requests"], 21, "ten choices, ten pages, and one of an old log, once");
    assert_eq!(first["distinct_addresses"].as_array().unwrap().len(), 1);
    assert_eq!(first["distinct_addresses"][0]["at_most"], 10);
    let keys = database.sql("SELECT string_agg(node || ' ' || how, ', ' ORDER BY node) FROM pinfold.key");
    assert_eq!(keys, "one stopped, other stopped");
    said(other.path(), &["evidence", "-o", "pack.tar"]);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_database_elsewhere_is_known_by_its_certificate() {
    const NAME: &str = "db.town.example";
    let server = Arc::new(Server::start(""));
    let database = Database::on(server.clone());
    let (authority, stranger) = (Authority::new(), Authority::new());
    let open = |name: &str, ca: &Authority| {
        let port = server.port;
        let url = format!(
            "postgres://{user}@{name}:{port}/{user}?hostaddr=127.0.0.1&sslrootcert={ca}",
            user = database.name,
            ca = ca.path("ca.pem").display()
        );
        let place = Postgres::at(&url).unwrap().with_password_file(database.password_file());
        Store::open(place, Retention::default()).map(Store::close).map_err(|error| error.to_string())
    };
    let refused = open(NAME, &authority).unwrap_err();
    assert!(refused.contains("does not support TLS"), "{refused}");
    let issued = authority.issue(NAME);
    server.show_certificate(&issued.certificate, &issued.key);
    open(NAME, &authority).unwrap();
    for (name, ca) in [(NAME, &stranger), ("other.town.example", &authority)] {
        let refused = open(name, ca).unwrap_err();
        assert!(refused.contains("certificate"), "{refused}");
    }
}

/// FAULT9. One node, choices all the while, and each way in which a database can be away.
#[test]
#[ignore = "needs PostgreSQL"]
fn fault_09_with_the_database_away_pages_are_served_and_every_choice_counts_once() {
    let origin = Origin::hello();
    let server = Arc::new(Server::start("max_connections = 6\nsuperuser_reserved_connections = 3"));
    let database = Database::on(server.clone());
    let hole = Hole::before(server.port);
    let url = database.url().replace(&server.port.to_string(), &hole.address.port().to_string());
    let node = start(files_of_node(&origin, &database, "one", &url));
    let visitors = Visitors::choose(node.site, 4, Duration::from_millis(10));
    let while_well = latencies(&node);
    let mut while_away = Vec::new();
    let rounds = times(1, 5);
    for _ in 0..rounds {
        for fault in ["stop", "freeze", "refuse", "hole"] {
            let mut sleepers = Vec::new();
            match fault {
                "stop" => server.stop_at_once(),
                "freeze" => server.signal("-STOP"),
                "hole" => hole.swallow(true),
                _ => {
                    sleepers.extend((0..3).map(|_| sleeper(&server, &database)));
                    thread::sleep(Duration::from_millis(500));
                    hole.cut();
                    sleepers.push(sleeper(&server, &database));
                }
            }
            node.wait_until(fault, |node| {
                node.metric("pinfold_store_healthy") == 0.0 && node.metric("pinfold_spool_rows") > 0.0
            });
            while_away.extend(latencies(&node));
            assert!(node.admin("/readyz").body.contains("\"store_writable\":true"), "{fault}");
            match fault {
                "stop" => server.resume(),
                "freeze" => server.signal("-CONT"),
                "hole" => hole.swallow(false),
                _ => drop(server.sql("postgres", WAKE)),
            }
            sleepers.iter_mut().for_each(|sleeper| drop(sleeper.wait()));
            node.wait_until("it is well again", |node| {
                node.metric("pinfold_store_healthy") == 1.0 && node.metric("pinfold_spool_rows") == 0.0
            });
        }
    }
    let told = visitors.leave();
    node.wait_until("everything is written", |node| {
        node.metric("pinfold_audit_pending{ledger=\"consent\"}") == 0.0
    });
    assert_eq!(node.metric("pinfold_spool_dropped"), 0.0);
    // A kill with the database away loses nothing that was on disk.
    server.stop_at_once();
    node.wait_until("it is away", |node| node.metric("pinfold_store_healthy") == 0.0);
    let more = Visitors::choose(node.site, 2, Duration::from_millis(10));
    thread::sleep(Duration::from_secs(2));
    let (directory, _) = node.kill("KILL");
    let more = more.leave();
    server.resume();
    let node = start(directory);
    node.wait_until("it is drained", |node| node.metric("pinfold_spool_rows") == 0.0);
    node.stop();

    let counted = counted(location(&database));
    let most = |told: &common::choices::Told| {
        told.answered() + told.late.load(Ordering::Relaxed) + told.cut.load(Ordering::Relaxed)
    };
    let least = told.answered() + more.answered();
    assert!(counted >= least && counted <= most(&told) + most(&more), "{counted} of {told:?} and {more:?}");
    let [well, away] = [while_well, while_away].map(p99);
    assert!(away < well * 2 + Duration::from_millis(20), "{away:?} while it was away, {well:?} else");
    note(
        "FAULT9",
        "PostgreSQL stopped at once, frozen, full of connections, behind a black hole; killed meanwhile",
        4 * rounds + 1,
        "every page served, every choice that was answered in time counted once",
        &format!(
            "{counted} choices counted of {least} to {}; p99 of a page {away:?}, and {well:?} while all is well",
            most(&told) + most(&more)
        ),
    );
}

/// How long each of many pages took.
fn latencies(node: &Pinfold) -> Vec<Duration> {
    let page = || {
        let began = Instant::now();
        assert_eq!(node.get("/", &[("x-forwarded-for", "192.0.2.1")]).status, 200);
        began.elapsed()
    };
    (0..200).map(|_| page()).collect()
}

fn p99(mut latencies: Vec<Duration>) -> Duration {
    latencies.sort_unstable();
    latencies[latencies.len() * 99 / 100]
}

/// Somebody who has a connection and does nothing with it.
fn sleeper(server: &Server, database: &Database) -> std::process::Child {
    let port = server.port.to_string();
    let socket = server.data();
    Command::new("psql")
        .args([
            "-X",
            "-q",
            "-U",
            &database.name,
            "-h",
            socket.parent().unwrap().to_str().unwrap(),
            "-p",
            &port,
            "-d",
            &database.name,
        ])
        .args(["-c", "SELECT pg_sleep(60)"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A way to a server that can be made to lead nowhere: what is sent is taken, and nothing comes back.
struct Hole {
    address: SocketAddr,
    swallows: Arc<AtomicBool>,
    cuts: Arc<AtomicBool>,
}

impl Hole {
    fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (swallows, cuts) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let flags = (swallows.clone(), cuts.clone());
        thread::spawn(move || {
            for near in listener.incoming() {
                let near = near.unwrap();
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)]
                {
                    let (swallows, cuts) = flags.clone();
                    from.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
                    thread::spawn(move || {
                        let mut bytes = [0; 16 * 1024];
                        loop {
                            let read = match from.read(&mut bytes) {
                                Ok(0) => break,
                                Ok(read) => read,
                                Err(error)
                                    if [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut]
                                        .contains(&error.kind()) =>
                                {
                                    0
                                }
                                Err(_) => break,
                            };
                            if cuts.load(Ordering::Relaxed) {
                                break;
                            }
                            if !swallows.load(Ordering::Relaxed) && to.write_all(&bytes[..read]).is_err() {
                                break;
                            }
                        }
                        let _ =
                            (from.shutdown(std::net::Shutdown::Both), to.shutdown(std::net::Shutdown::Both));
                    });
                }
            }
        });
        Self { address, swallows, cuts }
    }

    fn swallow(&self, swallows: bool) {
        self.swallows.store(swallows, Ordering::Relaxed);
    }

    /// Ends the connections that there are.
    fn cut(&self) {
        self.cuts.store(true, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(120));
        self.cuts.store(false, Ordering::Relaxed);
    }
}
