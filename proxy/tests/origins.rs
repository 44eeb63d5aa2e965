//! Several origins: which requests each is for, who stands by for whom, and what one can do to the others.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::http2::{END_HEADERS, END_STREAM, HEADERS, Wire, fields, frame};
use common::raw_origin::RawOrigin;
use common::{Answer, Origin, Pinfold, configuration, pinfold, raw};
use http::{Request, Response};

/// A site that says its name.
fn named(name: &'static str) -> Origin {
    Origin::start(move |_| answer(200, name))
}

fn answer(status: u16, text: &'static str) -> Response<Bytes> {
    Response::builder().status(status).header("content-type", "text/plain").body(Bytes::from(text)).unwrap()
}

fn route(key: &str, to: SocketAddr) -> String {
    format!("[[origin.route]]\n{key}\nurl = \"http://{to}\"\n")
}

/// `configuration`, for a site with three hosts.
fn with_hosts(origin: SocketAddr, more: &str) -> String {
    let url = "url = \"https://www.town.example\"";
    let hosts = "hosts = [\"www.town.example\", \"my.town.example\", \"127.0.0.1\"]";
    configuration(origin, more).replace(url, &format!("{url}\n{hosts}"))
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn get(pinfold: &Pinfold, host: &str, path: &str) -> Answer {
    let text = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    Answer::read(&raw(pinfold.site, text.as_bytes()))
}

/// In front of `first`, for which `second` stands by.
fn with_standby(first: SocketAddr, second: SocketAddr, more: &str) -> Pinfold {
    let text = configuration(first, more);
    let one = format!("url = \"http://{first}\"");
    Pinfold::configured(&text.replace(&one, &format!("url = [\"http://{first}\", \"http://{second}\"]")))
}

fn healthy(pinfold: &Pinfold, name: &str, address: SocketAddr) -> f64 {
    pinfold.metric(&format!("pinfold_origin_healthy{{origin=\"{name} {address}\"}}"))
}

#[test]
fn requests_go_by_host_before_path_and_by_the_path_as_it_stands() {
    let (default, planning, my, appeals) =
        (named("default"), named("planning"), named("my"), named("appeals"));
    let routes = [
        route("path = \"/planning\"", planning.address),
        route("hosts = [\"my.town.example\"]", my.address),
        route("path = \"/planning/appeals\"", appeals.address),
    ];
    let pinfold = Pinfold::configured(&with_hosts(default.address, &routes.concat()));
    for (host, path, expected) in [
        ("www.town.example", "/", "default"),
        ("www.town.example", "/planning", "planning"),
        ("WWW.town.example:8080", "/planning/7?x=/planning/appeals", "planning"),
        ("www.town.example", "/planning/appeals/1", "appeals"),
        ("www.town.example", "/planningx", "default"),
        ("www.town.example", "/planning%2F..", "default"),
        ("www.town.example", "/%70lanning/7", "default"),
        ("www.town.example", "//planning/7", "default"),
        ("www.town.example", "/x/../planning", "default"),
        ("www.town.example", "/planning/../x", "planning"),
        ("my.town.example", "/", "my"),
        ("My.Town.example", "/planning", "my"),
        ("www.town.example", "http://my.town.example/", "my"),
    ] {
        assert_eq!(get(&pinfold, host, path).body, expected, "{host} {path}");
    }
    // The path reaches its origin byte for byte.
    let seen: Vec<_> = planning.requests().iter().map(|request| request.uri().to_string()).collect();
    assert_eq!(seen, ["/planning", "/planning/7?x=/planning/appeals", "/planning/../x"]);
    assert_eq!(my.requests()[1].headers()["host"], "my.town.example");
    assert_eq!(get(&pinfold, "other.example", "/planning").status, 421);
    let options =
        raw(pinfold.site, b"OPTIONS * HTTP/1.1\r\nhost: my.town.example\r\nconnection: close\r\n\r\n");
    assert_eq!(Answer::read(&options).body, "my");
}

#[test]
fn origin_01_nothing_that_is_said_chooses_an_address() {
    // Whatever leads here, comes to nobody.
    let trap = RawOrigin::start(|_, _| {});
    let port = trap.address.port();
    let redirect = Origin::start(move |_| {
        Response::builder()
            .status(302)
            .header("location", format!("http://127.0.0.1:{port}/"))
            .header("alt-svc", format!("http/1.1=\"127.0.0.1:{port}\""))
            .body(Bytes::new())
            .unwrap()
    });
    let pinfold = Pinfold::configured(&with_hosts(
        redirect.address,
        &route("hosts = [\"my.town.example\"]", redirect.address),
    ));
    let there = format!("127.0.0.1:{port}");
    for request in [
        format!("GET / HTTP/1.1\r\nhost: {there}\r\n"),
        format!("GET http://{there}/ HTTP/1.1\r\nhost: www.town.example\r\n"),
        format!("GET http://my.town.example:{port}/ HTTP/1.1\r\nhost: {there}\r\n"),
        format!("GET / HTTP/1.1\r\nhost: www.town.example\r\nx-forwarded-host: {there}\r\n"),
        format!(
            "GET / HTTP/1.1\r\nhost: www.town.example\r\nforwarded: host=\"{there}\"\r\nx-host: {there}\r\n"
        ),
        format!("GET / HTTP/1.1\r\nhost: www.town.example\r\nx-original-url: http://{there}/\r\n"),
    ] {
        let answered = raw(pinfold.site, format!("{request}connection: close\r\n\r\n").as_bytes());
        let answered = Answer::read(&answered);
        assert_eq!((answered.status, answered.values("location").len()), (302, 1), "{request}");
    }
    let mut wire = Wire::introduced(pinfold.site, &[]);
    let block = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", &there)];
    assert!(wire.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &fields(&block))));
    assert_eq!(wire.await_status(1, Duration::from_secs(5)), Some(302));
    assert_eq!(redirect.requests().len(), 7);
    assert_eq!(trap.connections(), 0);
}

#[test]
fn whoever_stands_by_takes_over_at_once_where_nobody_listens() {
    let (gone, second) = (nobody(), named("second"));
    let pinfold = with_standby(gone, second.address, "");
    assert_eq!(pinfold.get("/", &[]).body, "second");
    // Nothing of it was sent, so it may be sent.
    assert_eq!(pinfold.send("POST", "/form", &[], "a=1").body, "second");
    let seen = second.requests();
    assert_eq!((seen[1].method().as_str(), &seen[1].body()[..]), ("POST", &b"a=1"[..]));
    // Nobody knows yet more than that.
    assert_eq!(healthy(&pinfold, "default", gone), 1.0);
    let ready = pinfold.admin("/readyz");
    assert_eq!(ready.status, 200);
    let reached = format!("\"origin_reachable\":true,\"unreachable\":[\"default {gone}\"]");
    assert!(ready.body.contains(&reached), "{}", ready.body);

    pinfold.wait_until("it is noticed", |pinfold| healthy(pinfold, "default", gone) == 0.0);
    assert_eq!(healthy(&pinfold, "default", second.address), 1.0);
    let said = format!("an origin is not well origin=\"default {gone}\"");
    assert_eq!(pinfold.log().matches(&said).count(), 1, "{}", pinfold.log());
    // It comes back, and is first again.
    let first = RawOrigin::on(TcpListener::bind(gone).unwrap(), |_, connection| {
        while connection.read_head() {
            connection.write("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nfirst");
        }
    });
    pinfold.wait_until("it is noticed", |pinfold| healthy(pinfold, "default", first.address) == 1.0);
    assert_eq!(pinfold.get("/", &[]).body, "first");
    assert!(pinfold.log().contains(&format!("an origin is well again origin=\"default {gone}\"")));
}

#[test]
fn a_request_moves_on_once_and_not_when_it_may_have_been_done() {
    // It reads requests and hangs up: whether it did what was asked, nobody knows.
    let first = RawOrigin::start(|_, connection| {
        connection.read_head();
    });
    let second = named("second");
    let pinfold = with_standby(first.address, second.address, "");
    assert_eq!(pinfold.get("/", &[]).status, 502);
    assert_eq!(pinfold.send("POST", "/", &[], "a=1").status, 502);
    assert_eq!(second.requests().len(), 0);

    let (one, two, third) = (nobody(), nobody(), named("third"));
    let text = configuration(one, "").replace(
        &format!("url = \"http://{one}\""),
        &format!("url = [\"http://{one}\", \"http://{two}\", \"http://{}\"]", third.address),
    );
    let pinfold = Pinfold::configured(&text);
    assert_eq!(pinfold.get("/", &[]).status, 502);
    pinfold.wait_until("both are noticed", |pinfold| pinfold.get("/", &[]).body == "third");
}

#[test]
fn health_is_what_the_page_for_it_says() {
    let status = Arc::new(AtomicU16::new(200));
    let told = status.clone();
    let first = Origin::start(move |request: &Request<Bytes>| match request.uri().path() {
        "/up" => answer(told.load(Ordering::SeqCst), "up"),
        _ => answer(200, "first"),
    });
    let second = named("second");
    let pinfold = with_standby(first.address, second.address, "health = \"/up?full=1\"\n");
    assert_eq!(pinfold.get("/", &[]).body, "first");
    status.store(503, Ordering::SeqCst);
    pinfold.wait_until("it steps back", |pinfold| pinfold.get("/", &[]).body == "second");
    status.store(302, Ordering::SeqCst);
    pinfold.wait_until("it is first again", |pinfold| pinfold.get("/", &[]).body == "first");
    let asked = first.requests();
    let asked = asked.iter().find(|request| request.uri().path() == "/up").unwrap();
    assert_eq!(asked.uri().query(), Some("full=1"));
    assert_eq!(asked.headers()["host"], "www.town.example");
    let log = pinfold.log();
    assert_eq!((log.matches("not well").count(), log.matches("well again").count()), (1, 1), "{log}");
}

#[test]
fn an_origin_that_is_not_well_is_still_asked_where_there_is_no_other() {
    let origin = Origin::start(|request| match request.uri().path() {
        "/up" => answer(500, "down"),
        _ => answer(200, "served"),
    });
    let pinfold = Pinfold::configured(&configuration(origin.address, "health = \"/up\"\n"));
    pinfold.wait_until("it is noticed", |pinfold| healthy(pinfold, "default", origin.address) == 0.0);
    assert_eq!(pinfold.get("/", &[]).body, "served");
    assert_eq!(pinfold.admin("/readyz").status, 503);
    let page = pinfold.admin("/").body;
    assert!(page.contains(&format!("default {}", origin.address)), "{page}");
}

#[test]
fn fault_11_a_frozen_origin_keeps_nobody_from_the_others() {
    let frozen = RawOrigin::start(|_, connection| {
        connection.read_head();
        thread::sleep(Duration::from_secs(60));
    });
    let default = named("default");
    let pinfold =
        Pinfold::configured(&configuration(default.address, &route("path = \"/slow\"", frozen.address)));
    // More than may wait for an origin at a time, on every worker.
    let cores = thread::available_parallelism().unwrap().get();
    let waiting: Vec<_> = (0..cores * 300)
        .map(|_| {
            let mut stream = TcpStream::connect(pinfold.site).unwrap();
            stream.write_all(b"GET /slow/page HTTP/1.1\r\nhost: www.town.example\r\n\r\n").unwrap();
            stream
        })
        .collect();
    pinfold.wait_until("its queue is full", |_| frozen.connections() >= cores * 128);
    for _ in 0..50 {
        let began = Instant::now();
        assert_eq!(pinfold.get("/", &[]).body, "default");
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
    assert!(frozen.connections() <= cores * 128 + 2, "{}", frozen.connections());
    drop(waiting);
}

#[test]
fn a_route_has_a_time_limit_of_its_own() {
    let frozen = RawOrigin::start(|_, connection| {
        connection.read_head();
        thread::sleep(Duration::from_secs(60));
    });
    let slow = route("path = \"/slow\"", frozen.address) + "timeout = \"1 s\"\n";
    let pinfold = Pinfold::configured(&configuration(named("default").address, &slow));
    let began = Instant::now();
    assert_eq!(pinfold.get("/slow", &[]).status, 504);
    assert!((900..2000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
}

#[test]
fn fault_15_a_reload_loses_no_request_and_keeps_connections_to_what_stays() {
    let raw_origin = |name: &'static str| {
        RawOrigin::start(move |_, connection| {
            while connection.read_head() {
                let length = name.len();
                connection.write(&format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n{name}"
                ));
            }
        })
    };
    let (default, planning, other) = (raw_origin("default"), raw_origin("planning"), raw_origin("other"));
    let text = |to: SocketAddr| {
        configuration(default.address, &(route("path = \"/planning\"", to) + "timeout = \"9 s\"\n"))
    };
    let pinfold = Pinfold::configured(&text(planning.address));
    let (site, stop, served) =
        (pinfold.site, Arc::new(AtomicBool::new(false)), Arc::<AtomicUsize>::default());
    let clients: Vec<_> = ["/", "/planning"]
        .map(|path| {
            let (stop, served) = (stop.clone(), served.clone());
            thread::spawn(move || {
                let mut client = Client::of(site);
                while !stop.load(Ordering::SeqCst) {
                    let expected = if path == "/" { &["default"][..] } else { &["planning", "other"] };
                    let body = client.get(path);
                    assert!(expected.contains(&body.as_str()), "{path}: {body}");
                    served.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .into();
    for round in 0..10 {
        let to = if round % 2 == 0 { other.address } else { planning.address };
        fs::write(pinfold.path().join("pinfold.toml"), text(to)).unwrap();
        let output = common::pinfold(&["reload"], pinfold.path());
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("changed: [[origin.route]] /planning url\n"), "{output:?}");
        assert_eq!(said.matches("changed: ").count(), 1, "{said}");
        thread::sleep(Duration::from_millis(50));
    }
    stop.store(true, Ordering::SeqCst);
    clients.into_iter().for_each(|client| client.join().unwrap());
    assert!(served.load(Ordering::SeqCst) > 100, "{served:?}");
    // One of the client that used it throughout, and those of checks, which come every five seconds.
    assert!(default.connections() <= 3, "{}", default.connections());
    assert_eq!(get(&pinfold, "www.town.example", "/planning").body, "planning");

    // A route that goes gives its requests back to the default.
    fs::write(pinfold.path().join("pinfold.toml"), configuration(default.address, "")).unwrap();
    let output = common::pinfold(&["reload"], pinfold.path());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("changed: [[origin.route]] /planning\n"), "{said}");
    assert_eq!(get(&pinfold, "www.town.example", "/planning").body, "default");
}

/// A client that keeps its connection.
struct Client(TcpStream);

impl Client {
    fn of(site: SocketAddr) -> Self {
        let stream = TcpStream::connect(site).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        Self(stream)
    }

    fn get(&mut self, path: &str) -> String {
        self.0
            .write_all(format!("GET {path} HTTP/1.1\r\nhost: www.town.example\r\n\r\n").as_bytes())
            .unwrap();
        let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
        loop {
            let read = self.0.read(&mut part).unwrap();
            assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&part[..read]);
            let answer = Answer::read(&bytes);
            let length = answer.values("content-length").first().and_then(|length| length.parse().ok());
            if length == Some(answer.body.len()) {
                return answer.body;
            }
        }
    }
}

#[test]
fn every_origin_is_looked_at_before_the_start() {
    let (default, second, gone) = (named("default"), named("second"), nobody());
    let clear = named("clear");
    let directory = tempfile::tempdir().unwrap();
    let routes = format!(
        "[[origin.route]]\npath = \"/planning\"\nurl = [\"http://{}\", \"http://{gone}\"]\n\
         [[origin.route]]\nhosts = [\"my.town.example\"]\nurl = \"https://{}\"\n",
        second.address, clear.address
    );
    fs::write(directory.path().join("pinfold.toml"), with_hosts(default.address, &routes)).unwrap();
    let check = pinfold(&["check", "--connect", "--format", "json"], directory.path());
    assert_eq!(check.status.code(), Some(2));
    let found: serde_json::Value = serde_json::from_slice(&check.stdout).unwrap();
    let said = found["connected"].to_string();
    for expected in [
        format!("the origin http://{}/ answers 200 for www.town.example", default.address),
        format!("the origin http://{}/ answers 200 for www.town.example", second.address),
        format!("the origin http://{gone}/ cannot be reached: Connection refused"),
        format!(
            "the origin https://{}/ cannot be reached: what answers there does not speak TLS",
            clear.address
        ),
    ] {
        assert!(said.contains(&expected), "{expected}: {said}");
    }
    assert_eq!(second.requests()[0].uri(), "/planning");
    let values = pinfold(&["config", "--effective"], directory.path());
    let values = String::from_utf8_lossy(&values.stdout);
    assert!(values.contains("[[origin.route]]\nhosts = [\"my.town.example\"]"), "{values}");
}
