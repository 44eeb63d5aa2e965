//! Several sites in one process and one store: each has its own rules, keys, choices and counts, and none is in the way of another.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;
#[path = "../../store/tests/common/postgres.rs"]
mod postgres;

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{Answer, BINARY, CANARY, Origin, Pinfold, raw, signal};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use pinfold::time::CivilDate;
use pinfold_store::{Ledgers, Period};
use postgres::Database;
use serde_json::Value;
use tempfile::TempDir;

const SHARED: &str = "version = 1\n[listen]\nhttp = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n";

const BEHIND: &str = "[client_address]\nsource = \"x-forwarded-for\"\ntrusted_proxies = [\"127.0.0.1\"]\n";

/// The file of a site `www.NAME.example`, which has a cookie `NAME-only` of its own that is strictly necessary.
fn site(name: &str, origin: &Origin, more: &str) -> String {
    format!(
        "version = 1\n[site]\nname = \"Town of {name}\"\nurl = \"https://www.{name}.example\"\n\
         [origin]\nurl = \"http://{}\"\n{BEHIND}\
         [[purpose]]\nid = \"marketing\"\nbasis = \"consent\"\ntitle = \"Marketing\"\ndescription = \"They measure.\"\n\
         [[cookie]]\nname = \"{name}-only\"\npurpose = \"strictly-necessary\"\n\
         [[cookie]]\nname = \"_ga*\"\npurpose = \"marketing\"\n{more}",
        origin.address
    )
}

/// A site that says its name.
fn named(name: &'static str) -> Origin {
    Origin::start(move |_| {
        let page = Response::builder().header("content-type", "text/html");
        page.header("set-cookie", "a-only=1")
            .header("set-cookie", "b-only=2")
            .body(Bytes::from(name))
            .unwrap()
    })
}

fn directory(sites: &[(&str, String)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("sites")).unwrap();
    fs::write(directory.path().join("pinfold.toml"), SHARED).unwrap();
    sites.iter().for_each(|(name, text)| write(directory.path(), name, text));
    directory
}

fn write(directory: &Path, name: &str, text: &str) {
    fs::write(directory.join("sites").join(format!("{name}.toml")), text).unwrap();
}

fn start(directory: TempDir) -> Pinfold {
    let mut command = Command::new(BINARY);
    command.args(["run", "--config", "."]).current_dir(directory.path());
    Pinfold::spawn(command, directory)
}

fn ask(server: &Pinfold, host: &str, path: &str, fields: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{fields}\r\n");
    Answer::read(&raw(server.site, request.as_bytes()))
}

fn accept_all(server: &Pinfold, host: &str) -> Answer {
    let request = format!(
        "POST /cookies HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nsec-fetch-site: same-origin\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: 16\r\n\r\ncookies[all]=yes"
    );
    Answer::read(&raw(server.site, request.as_bytes()))
}

/// Runs a command by the directory.
fn run(place: &Path, arguments: &[&str]) -> Output {
    common::pinfold(&[arguments, &["--config", "."]].concat(), place)
}

fn said(place: &Path, arguments: &[&str]) -> String {
    let output = run(place, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn data(place: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&said(place, &[arguments, &["--format", "json"]].concat())).unwrap()
}

fn refused(place: &Path, arguments: &[&str]) -> String {
    let output = run(place, arguments);
    assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn always() -> Period {
    Period { from: CivilDate::from_days(0), to: CivilDate::from_days(100_000) }
}

#[test]
fn each_host_has_its_rules_and_no_other_is_served() {
    let (one, other) = (named("one"), named("other"));
    let server = start(directory(&[("x", site("a", &one, "")), ("y", site("b", &other, ""))]));
    let cookies = "cookie: a-only=1; b-only=2; _ga=3\r\n";
    for (host, page, kept) in [
        ("www.a.example", "one", "a-only=1"),
        ("WWW.B.example:8080", "other", "b-only=2"),
        ("www.b.example", "other", "b-only=2"),
    ] {
        let answer = ask(&server, host, "/", cookies);
        assert_eq!((answer.status, answer.values("set-cookie")), (200, vec![kept]), "{host}");
        assert!(answer.body.ends_with(page), "{host}: {}", answer.body);
        let asked = if page == "one" { one.requests() } else { other.requests() };
        assert_eq!(asked.last().unwrap().headers()["cookie"], kept, "{host}");
    }
    for host in ["www.c.example", "a.example", "www.a.example.", "127.0.0.1"] {
        assert_eq!(ask(&server, host, "/", "").status, 421, "{host}");
    }
    assert_eq!(ask(&server, "whatever.example", "/.pinfold/health", "").status, 200);
    assert_eq!((one.requests().len(), other.requests().len()), (1, 2));
    assert!(ask(&server, "www.a.example", "/cookies", "").body.contains("Town of a"));
    assert!(ask(&server, "www.b.example", "/cookies", "").body.contains("Town of b"));
}

#[test]
fn a_choice_counts_for_its_site_and_an_address_has_another_name_at_each() {
    let (one, other) = (named("one"), named("other"));
    let server = start(directory(&[("x", site("a", &one, "")), ("y", site("b", &other, ""))]));
    let place = server.path();
    assert_eq!(accept_all(&server, "www.a.example").status, 303);
    let from = format!("x-forwarded-for: {CANARY}\r\n");
    for _ in 0..3 {
        assert_eq!(ask(&server, "www.a.example", "/", &from).status, 200);
    }
    assert_eq!(ask(&server, "www.b.example", "/", &from).status, 200);

    let name = |site: &str| {
        let top = data(place, &["top", "--site", site]);
        let first = top["hosts"][0].clone();
        (first["pseudonym"].as_str().unwrap().to_owned(), first["requests"].as_u64().unwrap())
    };
    let ((at_a, asked_a), (at_b, asked_b)) = (name("www.a.example"), name("www.b.example"));
    assert_eq!((asked_a, asked_b), (3, 1));
    assert_ne!(at_a, at_b, "keys are of one site");
    let keys = |site| data(place, &["keys", "--site", site])["keys"][0]["epoch"].clone();
    assert_ne!(keys("www.a.example"), keys("www.b.example"));

    // Whoever is blocked at one is not at the other.
    let block = ["block", &at_a, "--for", "1h", "--reason", "tries passwords", "--site", "www.a.example"];
    assert!(said(place, &block).contains(&at_a));
    assert_eq!(ask(&server, "www.a.example", "/", &from).status, 429);
    assert_eq!(ask(&server, "www.b.example", "/", &from).status, 200);
    assert_eq!(said(place, &["blocks", "--site", "www.b.example"]), "nobody is blocked\n");

    let several = "there are several sites (name one with --site: www.a.example, www.b.example)";
    assert!(refused(place, &["top"]).contains(several));
    let near = refused(place, &["keys", "--site", "www.a.exmple"]);
    assert!(near.contains("there is no site `www.a.exmple` (did you mean `www.a.example`?)"), "{near}");

    let (directory, log) = server.stop();
    let place = directory.path();
    let store = Ledgers::open(place.join("pinfold.db")).unwrap();
    let accepted = |site: &str| {
        let choices = store.consent(site, always()).unwrap();
        choices
            .iter()
            .filter(|row| row.event == "accepted" && row.purpose == "marketing")
            .map(|row| row.events)
            .sum::<i64>()
    };
    assert_eq!((accepted("www.a.example"), accepted("www.b.example")), (1, 0));
    for arguments in [&["report"][..], &["ledger", "verify"], &["db", "export"], &["config", "--effective"]] {
        let arguments = match arguments[0] {
            "db" => [arguments, &["--reason", "a test"]].concat(),
            _ => arguments.to_vec(),
        };
        assert!(refused(place, &arguments).contains(several), "{arguments:?}");
        assert!(!said(place, &[&arguments[..], &["--site", "WWW.B.example"]].concat()).is_empty());
    }
    let ledgers = Ledgers::open(place.join("pinfold.db")).unwrap();
    let acts = |site: &str| -> Vec<_> {
        ledgers.actions(site).unwrap().into_iter().map(|entry| entry.row.act).collect()
    };
    assert_eq!(
        (acts("www.a.example"), acts("www.b.example")),
        (vec!["block".to_owned()], vec!["export".to_owned()])
    );
    assert!(!log.contains(CANARY) && !log.contains("cb007"), "no address in the log");
}

#[test]
fn commands_go_by_one_site_and_the_store_is_of_all() {
    let (one, other) = (named("one"), named("other"));
    let place = directory(&[
        ("x", site("a", &one, "[consent]\nregime = \"consent\"\n")),
        ("y", site("b", &other, "")),
    ]);
    let place = place.path();
    let checked = said(place, &["check"]);
    assert!(checked.starts_with(". is sound\nwww.a.example: __Host-pinfold-consent"), "{checked}");
    assert_eq!(data(place, &["check"])["sites"][1]["site"], "www.b.example");
    let connected = said(place, &["check", "--connect"]);
    for line in ["for www.a.example", "for www.b.example", "will be made"] {
        assert_eq!(connected.matches(line).count(), 1, "{connected}");
    }
    let of_file = common::pinfold(&["check", "--config", "pinfold.toml"], place);
    let words = String::from_utf8(of_file.stderr).unwrap();
    assert!(words.contains("`sites` beside it is not read (name the directory with --config"), "{words}");
    let effective = said(place, &["config", "--effective", "--site", "www.a.example"]);
    assert!(effective.contains("regime = \"consent\"") && effective.contains("sites/x.toml:"), "{effective}");
    // It is one file that comes to the same.
    fs::write(place.join("one.toml"), &effective).unwrap();
    assert!(common::pinfold(&["check", "--config", "one.toml"], place).status.success(), "{effective}");

    fs::write(place.join("recorded"), "GET / HTTP/1.1\r\nhost: www.b.example\r\ncookie: b-only=1\r\n\r\n")
        .unwrap();
    for (site, fate) in [("www.a.example", "held"), ("www.b.example", "passed")] {
        let explained = said(place, &["explain", "recorded", "--site", site]);
        let cookie = explained.lines().find(|line| line.contains("b-only")).unwrap();
        assert!(cookie.contains(fate), "{site}: {explained}");
    }
    let line = "198.51.100.7 - - [25/Nov/2026:10:00:00 +0000] \"GET /bins HTTP/1.1\" 200 5 \"-\" \"-\"\n";
    fs::write(place.join("access.log"), line).unwrap();
    assert!(refused(place, &["import", "access.log"]).contains("name one with --site"));
    said(place, &["import", "access.log", "--site", "www.b.example"]);
    let ledgers = Ledgers::open(place.join("pinfold.db")).unwrap();
    assert_eq!(ledgers.sites().unwrap(), ["www.b.example"]);

    let server = start(directory_of(place));
    let copied = said(server.path(), &["db", "backup", "copy.db", "--reason", "a test"]);
    assert_eq!(copied.matches("Head of the action ledger").count(), 2, "{copied}");
    let (directory, _) = server.stop();
    for site in ["www.a.example", "www.b.example"] {
        said(directory.path(), &["ledger", "verify", "--site", site]);
    }
    // With no configuration the store says which sites it has.
    fs::create_dir(directory.path().join("elsewhere")).unwrap();
    fs::rename(directory.path().join("pinfold.db"), directory.path().join("elsewhere/pinfold.db")).unwrap();
    let elsewhere = directory.path().join("elsewhere");
    let output = common::pinfold(&["ledger", "verify"], &elsewhere);
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("--site: www.a.example, www.b.example"),
        "{output:?}"
    );
    assert!(common::pinfold(&["ledger", "verify", "--site", "www.a.example"], &elsewhere).status.success());
}

/// A copy of a directory, to be started in.
fn directory_of(place: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in common::files(place) {
        let to = copy.path().join(file.strip_prefix(place).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(&file, to).unwrap();
    }
    copy
}

/// A database is waited for in a way in which the thread that reads a configuration must not wait.
#[test]
#[ignore = "needs PostgreSQL"]
fn a_site_is_added_where_the_store_is_a_database() {
    let (one, other, third) = (named("one"), named("other"), named("third"));
    let database = Database::new();
    let directory = directory(&[("x", site("a", &one, ""))]);
    let audit = format!(
        "[audit]\nstore = \"{}\"\npassword_file = {:?}\nnode = \"node\"\nspool = \"spool\"\n",
        database.url(),
        database.password_file()
    );
    fs::write(directory.path().join("pinfold.toml"), format!("{SHARED}{audit}")).unwrap();
    let server = start(directory);
    write(server.path(), "y", &site("b", &other, ""));
    assert!(said(server.path(), &["reload"]).starts_with("changed: www.b.example: added\n"));
    assert_eq!(accept_all(&server, "www.b.example").status, 303);
    write(server.path(), "z", &site("c", &third, ""));
    signal(server.pid(), "HUP");
    server.wait_until("it is not added", |server| ask(server, "www.c.example", "/", "").status == 200);
    assert_eq!(accept_all(&server, "www.c.example").status, 303);
    assert_eq!(server.metric("pinfold_panics_total"), 0.0);
    server.stop();
    let choices = "SELECT count(DISTINCT site) FROM pinfold.consent";
    assert_eq!(database.sql(choices), "2");
}

/// Two nodes, each of which has met another purpose before both meet both.
#[test]
#[ignore = "needs PostgreSQL"]
fn a_purpose_has_the_bit_that_the_first_node_has_given_it() {
    let (origin, database) = (named("one"), Database::new());
    let purpose = |id: &str| {
        format!(
            "[[purpose]]\nid = \"{id}\"\nbasis = \"consent\"\ntitle = \"{id}\"\ndescription = \"They help.\"\n"
        )
    };
    let start = |node: &str| {
        let audit = format!(
            "[audit]\nstore = \"{}\"\npassword_file = {:?}\nnode = \"{node}\"\n",
            database.url(),
            database.password_file()
        );
        let directory = directory(&[("x", site("a", &origin, ""))]);
        fs::write(directory.path().join("pinfold.toml"), format!("{SHARED}{audit}")).unwrap();
        start(directory)
    };
    let nodes = [start("one"), start("other")];
    let given =
        |id: &str| database.sql(&format!("SELECT bit FROM pinfold.purpose_bit WHERE purpose = '{id}'"));
    let reload = |node: &Pinfold, ids: &[&str]| {
        let more = ids.iter().map(|id| purpose(id)).collect::<String>();
        write(node.path(), "x", &site("a", &origin, &more));
        said(node.path(), &["reload"]);
    };
    let has = |id: &'static str| nodes[0].wait_until("it has no bit", |_| !given(id).is_empty());
    reload(&nodes[0], &["video"]);
    has("video");
    reload(&nodes[0], &[]);
    reload(&nodes[1], &["chat"]);
    has("chat");
    reload(&nodes[0], &["chat"]);
    assert_ne!(given("chat"), given("video"));

    // Given alike by two nodes that knew nothing of each other, before this was seen to.
    database.sql("UPDATE pinfold.purpose_bit SET bit = 9 WHERE purpose IN ('chat', 'video')");
    let both = ["chat", "video"].map(purpose).concat();
    write(nodes[1].path(), "x", &site("a", &origin, &both));
    let refused = refused(nodes[1].path(), &["reload"]);
    assert!(refused.contains("`chat` and `video` have had one bit"), "{refused}");
    nodes.into_iter().for_each(|node| drop(node.stop()));
}

/// Browsers send requests for several hosts over one connection where one certificate is for all (RFC 9113 section 9.1.1).
#[tokio::test]
async fn each_request_of_one_connection_goes_to_its_own_site() {
    let (one, other) = (named("one"), named("other"));
    let server = start(directory(&[("x", site("a", &one, "")), ("y", site("b", &other, ""))]));
    let stream = TokioIo::new(tokio::net::TcpStream::connect(server.site).await.unwrap());
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    for (host, expected) in [("a", "one"), ("b", "other"), ("c", ""), ("a", "one")] {
        let request = Request::get(format!("http://www.{host}.example/"));
        let request = request.header("cookie", "a-only=1; b-only=2").body(Empty::<Bytes>::new()).unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), if expected.is_empty() { 421 } else { 200 }, "{host}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.ends_with(expected.as_bytes()), "{host}: {body:?}");
    }
    let cookies = |origin: &Origin| -> Vec<_> {
        origin.requests().iter().map(|request| request.headers()["cookie"].clone()).collect()
    };
    assert_eq!(
        (cookies(&one), cookies(&other)),
        (vec!["a-only=1".parse().unwrap(); 2], vec!["b-only=2".parse().unwrap()])
    );
}

#[test]
fn a_site_whose_server_hangs_is_in_nobodys_way() {
    let (hangs, other) = (TcpListener::bind("127.0.0.1:0").unwrap(), named("other"));
    let hung =
        site("a", &other, "").replace(&other.address.to_string(), &hangs.local_addr().unwrap().to_string());
    let server = start(directory(&[("x", hung), ("y", site("b", &other, ""))]));
    // More than have a turn at once, on all threads.
    let waiting: Vec<_> = (0..600)
        .map(|_| {
            let mut stream = TcpStream::connect(server.site).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: www.a.example\r\n\r\n").unwrap();
            stream
        })
        .collect();
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(ask(&server, "www.b.example", "/", "").status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let state: Value = serde_json::from_str(&server.admin("/readyz").body).unwrap();
    assert_eq!(state["sites"]["www.b.example"], true);
    drop(waiting);
}

#[test]
fn twenty_sites_are_listed_labelled_and_known_apart() {
    let origins: Vec<_> = (0..20)
        .map(|_| {
            Origin::start(|request| {
                let host = request.headers()["host"].to_str().unwrap().to_owned();
                Response::new(Bytes::from(host))
            })
        })
        .collect();
    let names: Vec<_> = (0..20).map(|number| format!("t{number}")).collect();
    let sites: Vec<_> =
        names.iter().zip(&origins).map(|(name, origin)| (name.as_str(), site(name, origin, ""))).collect();
    let directory = directory(&sites);
    // The server of one is away.
    let away = site("t7", &origins[7], "").replace(&origins[7].address.to_string(), "127.0.0.1:1");
    write(directory.path(), "t7", &away);
    let server = start(directory);
    for (number, name) in names.iter().enumerate() {
        let host = format!("www.{name}.example");
        let answer = ask(&server, &host, "/", "");
        if number == 7 {
            assert_eq!(answer.status, 502);
        } else {
            assert_eq!((answer.status, answer.body), (200, host), "{name}");
        }
    }
    let metrics = server.admin("/metrics").body;
    for line in [
        "pinfold_requests_total{site=\"www.t0.example\",method=\"GET\",status=\"2xx\"} 1",
        "pinfold_requests_total{site=\"www.t7.example\",method=\"GET\",status=\"5xx\"} 1",
        "pinfold_request_seconds_count{site=\"www.t19.example\"} 1",
        "pinfold_store_healthy 1.0",
    ] {
        assert!(metrics.lines().any(|one| one == line), "{line}: {metrics}");
    }
    assert!(
        metrics.contains(&format!("{{site=\"www.t0.example\",origin=\"default {}\"}}", origins[0].address))
    );

    let ready = server.admin("/readyz");
    let state: Value = serde_json::from_str(&ready.body).unwrap();
    assert_eq!(ready.status, 200, "one server that is away takes no other site along: {state}");
    assert_eq!(
        (&state["sites"]["www.t7.example"], &state["sites"]["www.t8.example"]),
        (&false.into(), &true.into())
    );
    assert_eq!(state["unreachable"][0], "www.t7.example default 127.0.0.1:1");
    for (site, expected) in [("www.t7.example", 503), ("www.t8.example", 200), ("nobody", 404)] {
        assert_eq!(server.admin(&format!("/readyz?site={site}")).status, expected, "{site}");
    }

    let list = server.admin("/").body;
    for name in &names {
        assert!(
            list.contains(&format!("href=\"/sites/www.{name}.example?lang=en\">Town of {name}<")),
            "{list}"
        );
    }
    assert!(server.admin("/?lang=cy").body.contains("Pob gwefan"));
    let page = server.admin("/sites/www.t3.example?days=7");
    assert!(page.status == 200 && page.body.contains("Town of t3"), "{}", page.body);
    assert!(page.body.contains("href=\"/sites/www.t3.example?days=31&amp;lang=en\""), "{}", page.body);
    assert_eq!(server.admin("/sites/nobody").status, 404);
}

#[test]
fn a_site_is_added_under_load_changed_and_taken_away_and_nobody_else_notices() {
    let (one, other, third) = (named("one"), named("other"), named("third"));
    let server = start(directory(&[("x", site("a", &one, "")), ("y", site("b", &other, ""))]));
    let place = server.path();
    let reload = || {
        let output = run(place, &["reload"]);
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), text)
    };
    assert_eq!(reload(), (Some(0), "nothing has changed\n".to_owned()));
    let (stop, served) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for host in ["www.a.example", "www.b.example"] {
            let (server, stop, served) = (&server, &stop, &served);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(ask(server, host, "/", "").status, 200);
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let enough = || {
            let before = served.load(Ordering::Relaxed);
            while served.load(Ordering::Relaxed) < before + 50 {
                thread::sleep(Duration::from_millis(5));
            }
        };
        enough();
        // A faulty file changes nothing anywhere, whatever else has changed.
        write(place, "x", &site("a", &one, "[consent]\npage = \"/biscuits\"\n"));
        write(place, "z", &site("c", &third, "[consent]\nregim = \"uk\"\n"));
        let (code, text) = reload();
        assert!(
            code == Some(2) && text.contains("sites/z.toml:") && text.contains("did you mean `regime`?"),
            "{text}"
        );
        assert_eq!(server.metric("pinfold_config_reload_success"), 0.0);
        assert_eq!(ask(&server, "www.c.example", "/", "").status, 421);
        assert!(ask(&server, "www.a.example", "/biscuits", "").body.ends_with("one"));
        enough();
        write(place, "z", &site("c", &third, ""));
        let (code, text) = reload();
        assert_eq!(code, Some(0), "{text}");
        for line in ["changed: www.a.example: [consent] page", "changed: www.c.example: added"] {
            assert!(text.lines().any(|one| one == line), "{line}: {text}");
        }
        assert_eq!(text.matches("Head of the action ledger").count(), 2, "{text}");
        assert!(ask(&server, "www.a.example", "/biscuits", "").body.contains("Town of a"));
        assert!(ask(&server, "www.c.example", "/", "").body.ends_with("third"));
        assert_eq!(accept_all(&server, "www.c.example").status, 303);
        assert_eq!(data(place, &["keys", "--site", "www.c.example"])["keys"].as_array().unwrap().len(), 1);
        enough();
        // What it still has in memory is written, and its key is destroyed.
        fs::remove_file(place.join("sites/z.toml")).unwrap();
        let (code, text) = reload();
        assert!(code == Some(0) && text.starts_with("changed: www.c.example: removed\n"), "{text}");
        assert_eq!(ask(&server, "www.c.example", "/", "").status, 421);
        enough();
        stop.store(true, Ordering::Relaxed);
    });
    let ledgers = Ledgers::open(place.join("pinfold.db")).unwrap();
    let is_over = |_: &Pinfold| {
        let keys = ledgers.keys("www.c.example").unwrap();
        keys.len() == 1 && keys[0].destroyed.is_some()
    };
    server.wait_until("the key of the site that is gone is destroyed", is_over);
    let acts: Vec<_> =
        ledgers.actions("www.c.example").unwrap().into_iter().map(|entry| entry.row.result).collect();
    assert_eq!(acts, ["site added", "site removed"]);
    let report = data(place, &["config", "--effective", "--site", "www.a.example"]);
    assert!(!report["values"].as_array().unwrap().is_empty());

    // It may come back, with a key of its own.
    write(place, "z", &site("c", &third, ""));
    assert_eq!(reload().0, Some(0));
    assert!(ask(&server, "www.c.example", "/", "").body.ends_with("third"));
    let text = fs::read_to_string(place.join("pinfold.toml")).unwrap();
    fs::write(place.join("pinfold.toml"), format!("{text}[audit]\ncrowd = 12\nstore = \"sqlite:x.db\"\n"))
        .unwrap();
    let (_, text) = reload();
    assert!(text.starts_with("changed: [audit] crowd\nneeds a restart: [audit] store"), "{text}");
    assert_eq!(text.matches("Head of the action ledger").count(), 3, "{text}");

    let (directory, _) = server.stop();
    let ledgers = Ledgers::open(directory.path().join("pinfold.db")).unwrap();
    let requests =
        |site: &str| ledgers.traffic(site, always()).unwrap().iter().map(|day| day.requests).sum::<i64>();
    let choices = ledgers.consent("www.c.example", always()).unwrap();
    assert!(choices.iter().any(|row| row.event == "accepted"), "{choices:?}");
    assert_eq!(requests("www.c.example"), 3, "two before it went, and one after it came back");
    let both = requests("www.a.example") + requests("www.b.example");
    assert_eq!(both, served.load(Ordering::Relaxed).cast_signed() + 2, "and each request counts once");
    assert_eq!(ledgers.keys("www.c.example").unwrap().len(), 2);
}
