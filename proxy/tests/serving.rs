//! A request's way through the running proxy, seen from both ends.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{Answer, BINARY, CANARY, Origin, Pinfold, configuration, page, raw, signal};
use http::Response;
use http_body_util::{BodyExt, Empty};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[test]
fn cookies_are_held_in_both_directions_until_a_visitor_agrees() {
    let origin = Origin::start(|_| {
        Response::builder()
            .header("set-cookie", "session=1; Path=/")
            .header("set-cookie", "_ga=GA1; Path=/")
            .header("set-cookie", "undeclared=1")
            .body(Bytes::from("page"))
            .unwrap()
    });
    let pinfold = Pinfold::in_front_of(&origin);
    let undecided = pinfold.get("/bins?a=1", &[("cookie", "session=1; _ga=2; other=3")]);
    assert_eq!(undecided.values("set-cookie"), ["session=1; Path=/"]);
    assert_eq!(undecided.body, "page");

    let chosen =
        pinfold.send("POST", "/cookies", &[FORM, ("origin", "https://www.town.example")], "cookies[all]=yes");
    assert_eq!(chosen.status, 303);
    let decision = chosen.values("set-cookie")[0].split(';').next().unwrap().to_owned();
    assert!(decision.starts_with("__Host-pinfold-consent=1."), "{decision}");

    let cookies = format!("session=1; {decision}; _ga=2; other=3");
    let decided = pinfold.get("/bins?pinfold-choice=accepted&a=1", &[("cookie", &cookies)]);
    assert_eq!(decided.values("set-cookie"), ["session=1; Path=/", "_ga=GA1; Path=/"]);

    let seen = origin.requests();
    let site_saw =
        |index: usize, name: &str| seen[index].headers().get(name).map(|value| value.to_str().unwrap());
    assert_eq!(site_saw(0, "cookie"), Some("session=1"));
    assert_eq!(site_saw(0, "pinfold-consent"), Some("statistics"));
    assert_eq!(site_saw(1, "cookie"), Some("session=1; _ga=2"));
    assert_eq!(site_saw(1, "pinfold-consent"), Some("statistics, marketing"));
    assert_eq!(seen[1].uri(), "/bins?a=1");
    assert_eq!(seen.len(), 2, "the site never sees the cookies page");
}

#[test]
fn who_01_the_site_is_told_no_address_and_forgery_changes_nothing() {
    let origin = Origin::hello();
    let pinfold = Pinfold::in_front_of(&origin);
    for number in 0..20 {
        let forged = format!("203.0.113.{number}");
        let fields = [
            ("x-forwarded-for", forged.as_str()),
            ("forwarded", "for=203.0.113.9"),
            ("x-real-ip", &forged),
            ("cf-connecting-ip", &forged),
            ("true-client-ip", &forged),
            ("x-forwarded-proto", "gopher"),
            ("x-forwarded-host", "evil.example"),
            ("connection", "keep-alive, cookie, host"),
        ];
        assert_eq!(pinfold.get("/", &fields).body, "hello");
    }
    for request in origin.requests() {
        let shown = format!("{:?}", request.headers());
        assert!(!shown.contains("203.0.113") && !shown.contains("127.0.0.1"), "{shown}");
        assert_eq!(request.headers()["x-forwarded-proto"], "https");
        assert_eq!(request.headers()["x-forwarded-host"], "www.town.example");
        assert_eq!(request.headers()["host"], "www.town.example");
    }
    assert_eq!(pinfold.metric("pinfold_client_address_total{source=\"peer\"}"), 20.0);
    let (directory, _) = pinfold.stop();
    assert_eq!(Pinfold::report(directory.path())["distinct_addresses"][0]["at_most"], 1);
}

#[test]
fn behind_a_trusted_proxy_the_client_is_told_apart_and_on_wish_told_to_the_site() {
    let origin = Origin::hello();
    let more = "[client_address]\nsource = \"x-forwarded-for\"\ntrusted_proxies = [\"127.0.0.0/8\"]\nto_origin = \"address\"";
    let pinfold = Pinfold::configured(&configuration(origin.address, more));
    for number in 1..=40 {
        pinfold.get("/", &[("x-forwarded-for", &format!("198.51.100.1, 203.0.113.{number}, 127.0.0.9"))]);
    }
    assert_eq!(origin.requests()[0].headers()["x-forwarded-for"], "203.0.113.1");
    assert_eq!(origin.requests()[0].headers()["x-real-ip"], "203.0.113.1");
    let (directory, _) = pinfold.stop();
    assert_eq!(Pinfold::report(directory.path())["distinct_addresses"][0]["at_least"], 40);
}

#[test]
fn who_04_a_trusted_proxy_announces_whom_a_connection_is_from() {
    let origin = Origin::hello();
    let behind = |trusted: &str| {
        let more = format!(
            "[client_address]\nsource = \"proxy-protocol\"\ntrusted_proxies = [\"{trusted}\"]\nto_origin = \"address\""
        );
        Pinfold::configured(&configuration(origin.address, &more))
    };
    let request =
        "GET / HTTP/1.1\r\nhost: www.town.example\r\nx-forwarded-for: 192.0.2.9\r\nconnection: close\r\n\r\n";
    let pinfold = behind("127.0.0.1");
    let announced = format!("PROXY TCP4 {CANARY} 192.0.2.1 4711 443\r\n{request}");
    assert_eq!(Answer::read(&raw(pinfold.site, announced.as_bytes())).status, 200);
    assert_eq!(origin.requests()[0].headers()["x-forwarded-for"], CANARY);
    let health = format!("PROXY UNKNOWN\r\n{request}");
    assert_eq!(Answer::read(&raw(pinfold.site, health.as_bytes())).status, 200);
    assert_eq!(origin.requests()[1].headers()["x-forwarded-for"], "127.0.0.1");
    let second = [
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xc0\0\x02\x01\x12\x67\x01\xbb",
        request.as_bytes(),
    ]
    .concat();
    assert_eq!(Answer::read(&raw(pinfold.site, &second)).status, 200);
    assert_eq!(origin.requests()[2].headers()["x-forwarded-for"], "203.0.113.9");
    for nothing in [request.to_owned(), announced.replace("TCP4", "UDP4"), announced.replace("4711", "99999")]
    {
        assert_eq!(raw(pinfold.site, nothing.as_bytes()), b"", "{nothing}");
    }
    let sources = pinfold.admin("/metrics").body;
    assert!(sources.contains("pinfold_client_address_total{source=\"proxy-protocol\"} 3"), "{sources}");
    let elsewhere = behind("10.0.0.0/8");
    assert_eq!(raw(elsewhere.site, announced.as_bytes()), b"", "from somebody who is not trusted");
    assert_eq!(origin.requests().len(), 3);
}

#[test]
fn a_site_that_must_tell_clients_apart_can_be_told_a_name_that_is_in_no_ledger() {
    let origin = Origin::hello();
    let more = "[client_address]\nsource = \"x-forwarded-for\"\ntrusted_proxies = [\"127.0.0.0/8\"]\nto_origin = \"obfuscated\"";
    let pinfold = Pinfold::configured(&configuration(origin.address, more));
    for client in ["203.0.113.1", "203.0.113.1", "203.0.113.2"] {
        pinfold
            .get("/", &[("x-forwarded-for", client), ("x-real-ip", client), ("forwarded", "for=192.0.2.9")]);
    }
    let requests = origin.requests();
    let names: Vec<_> =
        requests.iter().map(|request| request.headers()["forwarded"].to_str().unwrap()).collect();
    assert!(names[0].starts_with("for=_") && names[0].len() == 21, "{names:?}");
    assert!(names[0] == names[1] && names[0] != names[2], "{names:?}");
    assert!(requests.iter().all(|request| !request.headers().contains_key("x-real-ip")));
    let top = Command::new(BINARY).arg("top").current_dir(pinfold.path()).output().unwrap();
    let top = String::from_utf8(top.stdout).unwrap();
    assert!(top.contains("Hosts") && !top.contains(&names[0]["for=_".len()..]), "{top}");
}

#[test]
fn unknown_hosts_are_answered_421_and_health_is_for_any() {
    let origin = Origin::hello();
    let pinfold = Pinfold::in_front_of(&origin);
    let ask = |host: &str, path: &str| {
        let text = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        Answer::read(&raw(pinfold.site, text.as_bytes())).status
    };
    assert_eq!(ask("www.town.example", "/"), 200);
    assert_eq!(ask("WWW.town.example:80", "/"), 200);
    assert_eq!(ask("town.example", "/"), 421);
    assert_eq!(ask("10.0.0.1:8080", "/.pinfold/health"), 200);
    let trace = raw(pinfold.site, b"TRACE /.pinfold/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!(Answer::read(&trace).status, 405);
    assert_eq!(pinfold.metric("pinfold_refused_total"), 2.0);
    assert_eq!(origin.requests().len(), 2);
}

/// Never a 5xx for what a client does wrong but the two that say so, never a crash.
#[test]
fn bad_requests_are_answered_4xx() {
    let origin = Origin::hello();
    let pinfold = Pinfold::in_front_of(&origin);
    const HOST: &str = "connection: close\r\nhost: www.town.example\r\n";
    let long = "x".repeat(70_000);
    for (request, least) in [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\n{HOST}{HOST}\r\n"), 400),
        ("GET / HTTP/1.1\r\nhost: a b\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nhost: www.town.example:99999\r\n\r\n".to_owned(), 400),
        (format!("GET  / HTTP/1.1\r\n{HOST}\r\n"), 400),
        (format!("GET / HTTP/3.1\r\n{HOST}\r\n"), 400),
        (format!("G\0T / HTTP/1.1\r\n{HOST}\r\n"), 400),
        (format!("GET nonsense HTTP/1.1\r\n{HOST}\r\n"), 400),
        (format!("GET /{long} HTTP/1.1\r\n{HOST}\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{HOST}x: {long}\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{HOST}bad name: 1\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{HOST}x: a\0b\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{HOST}{}\r\n", "a: 1\r\n".repeat(200)), 400),
        (format!("CONNECT www.town.example:80 HTTP/1.1\r\n{HOST}\r\n"), 405),
        (format!("TRACE / HTTP/1.1\r\n{HOST}\r\n"), 405),
        (format!("POST / HTTP/1.1\r\n{HOST}expect: tea\r\ncontent-length: 1\r\n\r\nx"), 417),
        (format!("POST / HTTP/1.1\r\n{HOST}content-length: -1\r\n\r\n"), 400),
        (format!("POST / HTTP/1.1\r\n{HOST}content-length: 1\r\ncontent-length: 2\r\n\r\nxx"), 400),
        (format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n"), 400),
        (
            format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\n\r\n5\r\nabcdefgh\r\n0\r\n\r\n"),
            400,
        ),
        (format!("POST /cookies HTTP/1.1\r\n{HOST}content-length: 3\r\n\r\na=1"), 403),
        (format!("PUT /cookies HTTP/1.1\r\n{HOST}\r\n"), 405),
        (
            format!(
                "POST /cookies HTTP/1.1\r\n{HOST}sec-fetch-site: same-origin\r\ncontent-type: application/x-www-form-urlencoded\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"
            ),
            400,
        ),
    ] {
        let answer = Answer::read(&raw(pinfold.site, request.as_bytes()));
        let shown: String = request.chars().take(80).collect();
        let says_so = [501, 505].contains(&answer.status);
        assert!(says_so || (least..500).contains(&answer.status), "{shown:?}: {answer:?}");
        assert!(!answer.head.to_ascii_lowercase().contains("pinfold/"), "no version is named");
    }
    assert_eq!(pinfold.get("/", &[]).status, 200);
    assert!(!pinfold.log().contains("panicked"), "{}", pinfold.log());
}

#[test]
fn hostile_cookies_and_fields_do_no_harm() {
    let origin = Origin::hello();
    let pinfold = Pinfold::in_front_of(&origin);
    for cookie in [
        "__Host-pinfold-consent=1.ffffffff.202611.ffffffff.ffffffff",
        "__Host-pinfold-consent=; __Host-pinfold-consent=1.0.0.0.0",
        "__Host-pinfold-consent=9223372036854775807.99999999999999999999",
        "=====;;;;===;",
        "$Version=1; $Path=/; _ga=1",
        &"a=1; ".repeat(2_000),
        &format!("session={}", "x".repeat(16_000)),
    ] {
        let answer =
            pinfold.get("/", &[("cookie", cookie), ("sec-gpc", "1"), ("x-forwarded-for", "::::,,,")]);
        assert_eq!(answer.status, 200, "{}", &cookie[..40.min(cookie.len())]);
    }
    for request in origin.requests() {
        let cookie = request.headers().get("cookie").map_or("", |value| value.to_str().unwrap());
        assert!(cookie.is_empty() || cookie.starts_with("session="), "{cookie}");
    }
}

#[test]
fn fault_11_an_origin_that_fails_is_502_and_one_that_is_slow_504() {
    let dead = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = dead.local_addr().unwrap();
    let pinfold = Pinfold::configured(&configuration(address, "timeout = \"300 ms\""));
    let started = Instant::now();
    // It accepts, by its backlog, and never answers.
    assert_eq!(pinfold.get("/", &[]).status, 504);
    assert!(started.elapsed() < Duration::from_secs(3));
    drop(dead);
    let refused = pinfold.get("/", &[]);
    assert_eq!((refused.status, refused.body.as_str()), (502, "The site cannot be reached at the moment.\n"));
    assert_eq!(pinfold.get("/cookies", &[]).status, 200, "the cookies page is there all the same");
    let ready = pinfold.admin("/readyz");
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("\"origin_reachable\":false"), "{}", ready.body);
    assert_eq!(pinfold.admin("/healthz").status, 200);
}

#[test]
fn bodies_stream_both_ways() {
    // An origin that sends its head and first part, then waits for the end of the request body.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let pinfold = Pinfold::configured(&configuration(listener.local_addr().unwrap(), ""));
    let origin = thread::spawn(move || {
        // Readiness of the proxy may have been asked for: a connection that says nothing.
        loop {
            let (mut stream, _) = listener.accept().unwrap();
            let mut seen = Vec::new();
            let mut byte = [0];
            while !seen.ends_with(b"first") && stream.read(&mut byte).unwrap_or_default() == 1 {
                seen.push(byte[0]);
            }
            if seen.is_empty() {
                continue;
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nearly\r\n").unwrap();
            while !seen.ends_with(b"0\r\n\r\n") && stream.read(&mut byte).unwrap_or_default() == 1 {
                seen.push(byte[0]);
            }
            stream.write_all(b"4\r\nlate\r\n0\r\n\r\n").unwrap();
            return String::from_utf8(seen).unwrap();
        }
    });
    let mut client = TcpStream::connect(pinfold.site).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client
        .write_all(b"POST /upload HTTP/1.1\r\nhost: www.town.example\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        .unwrap();
    let mut early = Vec::new();
    let mut buffer = [0; 1024];
    while !early.windows(5).any(|window| window == b"early") {
        let read = client.read(&mut buffer).unwrap();
        assert!(read > 0, "the first part came before the upload ended");
        early.extend_from_slice(&buffer[..read]);
    }
    client.write_all(b"6\r\nsecond\r\n0\r\n\r\n").unwrap();
    while !early.windows(4).any(|window| window == b"late") {
        let read = client.read(&mut buffer).unwrap();
        assert!(read > 0);
        early.extend_from_slice(&buffer[..read]);
    }
    assert!(origin.join().unwrap().contains("second"));
}

/// A slow upload is not the origin's fault, nor is one that never ends.
#[test]
fn an_upload_may_take_longer_than_the_origin_may() {
    let origin = Origin::hello();
    let pinfold = Pinfold::configured(&configuration(origin.address, "timeout = \"300 ms\""));
    let mut client = TcpStream::connect(pinfold.site).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client
        .write_all(b"POST /upload HTTP/1.1\r\nhost: www.town.example\r\nconnection: close\r\ncontent-length: 10\r\n\r\n")
        .unwrap();
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(120));
        client.write_all(b"x").unwrap();
    }
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert_eq!(Answer::read(&answer).body, "hello");
    assert_eq!(origin.requests()[0].body(), "xxxxxxxxxx");
}

/// FRAME6, CLAIM5: what comes after the body reaches nobody.
#[test]
fn frame_06_trailers_of_a_request_are_dropped() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let pinfold = Pinfold::configured(&configuration(listener.local_addr().unwrap(), ""));
    let origin = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut seen, mut buffer) = (Vec::new(), [0; 1024]);
        while !seen.windows(5).any(|window| window == b"0\r\n\r\n") {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&buffer[..read]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        String::from_utf8(seen).unwrap().to_ascii_lowercase()
    });
    let request = "POST / HTTP/1.1\r\nhost: www.town.example\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\
        trailer: Cookie, X-Forwarded-For\r\n\r\n1\r\nx\r\n0\r\ncookie: _ga=1\r\nx-forwarded-for: 203.0.113.5\r\n\r\n";
    assert_eq!(Answer::read(&raw(pinfold.site, request.as_bytes())).status, 200);
    let seen = origin.join().unwrap();
    assert!(!seen.contains("_ga") && !seen.contains("203.0.113") && !seen.contains("trailer:"), "{seen}");
}

#[test]
fn http_2_is_spoken_to_clients_and_crumbs_become_one_cookie_field() {
    let origin = Origin::hello();
    let pinfold = Pinfold::in_front_of(&origin);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (version, body) = runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(pinfold.site).await.unwrap();
        let io = hyper_util::rt::TokioIo::new(stream);
        let executor = hyper_util::rt::TokioExecutor::new();
        let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::get("http://www.town.example/bins")
            .header("cookie", "session=1")
            .header("cookie", "_ga=2")
            .header("cookie", "session=3")
            .body(Empty::<Bytes>::new())
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        let version = response.version();
        (version, response.into_body().collect().await.unwrap().to_bytes())
    });
    assert_eq!((version, &body[..]), (http::Version::HTTP_2, &b"hello"[..]));
    let seen = origin.requests();
    assert_eq!(seen[0].headers().get_all("cookie").iter().collect::<Vec<_>>(), ["session=1; session=3"]);
    assert_eq!(seen[0].headers()["host"], "www.town.example");
}

#[test]
fn fault_16_a_stop_finishes_what_is_under_way_and_writes_what_is_counted() {
    let origin = Origin::start(|request| {
        if request.uri() == "/slow" {
            thread::sleep(Duration::from_millis(700));
        }
        page("done")
    });
    let pinfold = Pinfold::in_front_of(&origin);
    for _ in 0..5 {
        pinfold.get("/bins/42", &[("accept", "text/html"), ("user-agent", "Mozilla/5.0 Firefox/140.0")]);
    }
    let site = pinfold.site;
    let slow = thread::spawn(move || {
        Answer::read(&raw(site, b"GET /slow HTTP/1.1\r\nhost: www.town.example\r\nconnection: close\r\n\r\n"))
    });
    thread::sleep(Duration::from_millis(200));
    let (directory, log) = pinfold.stop();
    assert_eq!(slow.join().unwrap().body, "done");
    assert!(log.contains("finishing what is under way"), "{log}");
    let report = Pinfold::report(directory.path());
    assert_eq!(report["traffic"]["requests"], 6);
    assert_eq!(report["traffic"]["page_views"], 5);
    assert_eq!(report["traffic"]["by_status"]["2xx"], 6);
    assert_eq!(report["routes"][0]["route"], "(rare)", "six requests are no crowd");
    assert_eq!(report["routes"][0]["requests"], 6);
    assert_eq!(report["keys"][0]["how"], "stopped");
    let markdown =
        common::pinfold(&["report", "--config", "pinfold.toml", "--format", "md"], directory.path());
    let markdown = String::from_utf8(markdown.stdout).unwrap();
    assert!(markdown.contains("6 requests, 5 page views."), "{markdown}");
}

/// A server, the origin's end of a request that is never answered, and the client that waits for it.
fn held_up() -> (Pinfold, TcpStream, thread::JoinHandle<Vec<u8>>) {
    let origin = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let pinfold = Pinfold::configured(&configuration(origin.local_addr().unwrap(), "timeout = \"5 min\""));
    let site = pinfold.site;
    let client = thread::spawn(move || {
        let (mut stream, mut answer) = (TcpStream::connect(site).unwrap(), Vec::new());
        stream.write_all(b"GET / HTTP/1.1\r\nhost: www.town.example\r\n\r\n").unwrap();
        // It may be reset.
        let _ = stream.read_to_end(&mut answer);
        answer
    });
    let (held, _) = origin.accept().unwrap();
    (pinfold, held, client)
}

#[test]
fn fault_16_a_stop_lets_nobody_in_and_a_second_signal_ends_it_at_once() {
    let (pinfold, held, client) = held_up();
    signal(pinfold.pid(), "TERM");
    pinfold.wait_until("it lets nobody in", |pinfold| TcpStream::connect(pinfold.site).is_err());
    pinfold.wait_until("it says so", |pinfold| pinfold.log().contains("finishing what is under way"));
    let second = Instant::now();
    let (directory, log) = pinfold.stop();
    assert!(second.elapsed() < Duration::from_secs(5), "{:?}", second.elapsed());
    assert!(log.contains("stopping at once"), "{log}");
    drop(held);
    assert_eq!(client.join().unwrap(), b"", "cut off");
    assert_eq!(Pinfold::report(directory.path())["keys"][0]["how"], "stopped");
}

/// `cargo test -p pinfold-proxy --test serving -- --ignored fault_16`.
#[test]
#[ignore = "half a minute"]
fn fault_16_a_stop_waits_thirty_seconds_and_no_longer() {
    let (pinfold, _held, client) = held_up();
    let first = Instant::now();
    pinfold.stop();
    assert!((29..35).contains(&first.elapsed().as_secs()), "{:?}", first.elapsed());
    client.join().unwrap();
}

#[test]
fn a_killed_server_starts_again_by_itself_with_every_answered_choice() {
    let origin = Origin::hello();
    let pinfold = Pinfold::in_front_of(&origin);
    for _ in 0..10 {
        let fields = [FORM, ("sec-fetch-site", "same-origin")];
        assert_eq!(pinfold.send("POST", "/cookies", &fields, "cookies[all]=no").status, 303);
    }
    signal(pinfold.pid(), "KILL");
    let report = Pinfold::report(pinfold.path());
    let rejected =
        report["consent"].as_array().unwrap().iter().find(|row| row["purpose"] == "marketing").unwrap();
    assert_eq!((rejected["event"].as_str(), rejected["events"].as_i64()), (Some("rejected"), Some(10)));
    assert_eq!(report["keys"][0]["destroyed"], serde_json::Value::Null);

    // Started again on the same files, it enters that the key is gone.
    let directory = tempfile::tempdir().unwrap();
    for name in ["pinfold.toml", "pinfold.db"] {
        std::fs::copy(pinfold.path().join(name), directory.path().join(name)).unwrap();
    }
    let mut command = Command::new(BINARY);
    command.args(["run", "--config", "pinfold.toml"]).current_dir(directory.path());
    let (directory, _) = Pinfold::spawn(command, directory).stop();
    let report = Pinfold::report(directory.path());
    let ends: Vec<_> =
        report["keys"].as_array().unwrap().iter().map(|key| key["how"].as_str().unwrap()).collect();
    assert_eq!(ends.len(), 2);
    assert!(ends.contains(&"lost with the process") && ends.contains(&"stopped"), "{ends:?}");
}

#[test]
fn run_with_an_origin_and_no_file() {
    let origin = Origin::hello();
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(BINARY);
    let url = format!("http://{}", origin.address);
    command.args(["run", "--origin", &url, "--listen", "127.0.0.1:0"]).current_dir(directory.path());
    let pinfold = Pinfold::spawn(command, directory);
    let answer = Answer::read(&raw(
        pinfold.site,
        b"GET / HTTP/1.1\r\nhost: whatever.example\r\nconnection: close\r\n\r\n",
    ));
    assert_eq!(answer.body, "hello");
    assert!(pinfold.path().join("pinfold.db").exists());
}

#[test]
fn the_admin_listener_is_for_loopback_names_and_reading() {
    let pinfold = Pinfold::in_front_of(&Origin::hello());
    let ask = |text: &str| Answer::read(&raw(pinfold.admin, text.as_bytes())).status;
    assert_eq!(ask("GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"), 200);
    assert_eq!(ask("GET /metrics HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n"), 421);
    assert_eq!(ask("POST /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"), 405);
    assert_eq!(ask("GET /nothing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"), 404);
    assert_eq!(pinfold.admin("/readyz").status, 200);
    assert!(pinfold.admin("/").body.contains("<h1>How the website of Town was used</h1>"));
    let metrics = pinfold.admin("/metrics").body;
    assert!(metrics.contains("le=\"+Inf\""), "{metrics}");
    assert!(metrics.ends_with("# EOF\n"));
}

#[test]
fn old_clients_are_told_where_a_body_of_unknown_length_ends() {
    let origin = Origin::start(|_| {
        let page = "<!doctype html><html><body><p>Bins</p></body></html>";
        http::Response::builder().header("content-type", "text/html").body(page.into()).unwrap()
    });
    let pinfold = Pinfold::in_front_of(&origin);
    let request = b"GET / HTTP/1.0\r\nhost: www.town.example\r\nconnection: keep-alive\r\n\r\n";
    let answer = Answer::read(&raw(pinfold.site, request));
    assert_eq!(answer.values("connection"), ["close"]);
    assert!(answer.values("content-length").is_empty());
}

#[test]
fn visits_are_counted_by_one_byte_and_reported() {
    let pinfold = Pinfold::in_front_of(&Origin::hello());
    let page = [("sec-fetch-dest", "document"), ("sec-fetch-site", "none")];
    let mut held = Vec::new();
    for _ in 0..3 {
        let answer = pinfold.get("/", &page);
        let ours =
            answer.values("set-cookie").into_iter().find(|field| field.starts_with("__Host-pinfold-visit="));
        held.push(ours.unwrap().split(';').next().unwrap().to_owned());
    }
    held.dedup();
    assert_eq!(held.len(), 1, "three visitors hold the same: {held:?}");
    for _ in 0..4 {
        let within = [page[0], ("sec-fetch-site", "same-origin"), ("cookie", &held[0])];
        assert!(pinfold.get("/", &within).values("set-cookie").is_empty());
    }
    let (directory, _) = pinfold.stop();
    let visits = &Pinfold::report(directory.path())["visits"];
    assert_eq!((&visits["visits"], &visits["new"], &visits["pages"]), (&3.into(), &3.into(), &7.into()));
    assert_eq!(visits["by_month"].as_object().unwrap().values().next(), Some(&3.into()));
    let output = common::pinfold(&["report", "--config", "pinfold.toml", "--format", "md"], directory.path());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("## Visits") && text.contains("| All | 3 | 3 | 0 | 7 | 3 |"), "{text}");
}

#[test]
fn pages_are_told_by_browser_device_and_referrer_and_robots_apart() {
    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    const PREVIEW: &str = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)";
    let pinfold = Pinfold::in_front_of(&Origin::hello());
    let html = ("accept", "text/html");
    for number in 0..12 {
        let referrer =
            if number < 11 { "https://news.example/story?reader=7" } else { "https://odd.example/" };
        let browser = [html, ("user-agent", FIREFOX), ("referer", referrer), ("sec-fetch-dest", "document")];
        pinfold.get("/bins", &browser);
        pinfold.get("/", &[("accept", "*/*"), ("user-agent", PREVIEW)]);
    }
    pinfold.get("/bins", &[html, ("user-agent", FIREFOX), ("referer", "https://www.town.example/")]);
    let (directory, _) = pinfold.stop();
    let report = Pinfold::report(directory.path());
    assert_eq!((&report["usage"]["requests"], &report["usage"]["page_views"]), (&25.into(), &13.into()));
    assert_eq!(report["traffic"]["page_views"], 13);
    for (kind, values) in [
        ("browsers", &[("Firefox", 13)][..]),
        ("devices", &[("desktop", 13)]),
        ("referrers", &[("news.example", 11), ("(rare)", 2)]),
        ("robots", &[("Facebook preview", 12)]),
    ] {
        let found = report[kind]["values"].as_array().unwrap().iter();
        let found: Vec<_> =
            found.map(|row| (row["value"].as_str().unwrap(), row["page_views"].as_i64().unwrap())).collect();
        assert_eq!(found, values, "{kind}");
    }
    let kept = std::fs::read(directory.path().join("pinfold.db")).unwrap();
    for gone in ["Mozilla", "externalhit", "odd.example", "reader=7"] {
        assert!(!kept.windows(gone.len()).any(|window| window == gone.as_bytes()), "{gone}");
    }
}
