//! An administrator at work: who asks most, refusing them, and nothing told of anybody.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output};

use common::{BINARY, CANARY, Origin, Pinfold, configuration, page};
use http::Response;
use serde_json::Value;

const BEHIND: &str = "[client_address]\nsource = \"x-forwarded-for\"\ntrusted_proxies = [\"127.0.0.1\"]\n";

fn pinfold(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).current_dir(directory).output().unwrap()
}

fn said(directory: &Path, arguments: &[&str]) -> String {
    let output = pinfold(directory, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn data(directory: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&said(directory, &[arguments, &["--format", "json"]].concat())).unwrap()
}

#[test]
fn whoever_asks_most_is_found_refused_and_let_in_again() {
    let origin = Origin::start(|request| match request.uri().path() {
        "/" => page("hello"),
        _ => Response::builder().status(404).body("no".into()).unwrap(),
    });
    let server = Pinfold::configured(&configuration(origin.address, BEHIND));
    let ask = |client: &str, path: &str| server.get(path, &[("x-forwarded-for", client)]).status;
    for _ in 0..6 {
        assert_eq!(ask(CANARY, "/wp-login.php"), 404);
    }
    for _ in 0..3 {
        assert_eq!(ask("2001:db8:77::1", "/"), 200);
    }

    let top = data(server.path(), &["top", "--by", "errors", "--most", "1"]);
    assert_eq!((&top["hosts"][0]["requests"], &top["hosts"][0]["errors"]), (&6.into(), &6.into()), "{top}");
    let name = top["hosts"][0]["pseudonym"].as_str().unwrap().to_owned();
    let words = said(server.path(), &["top"]);
    assert!(words.contains(&name) && words.contains("Networks"), "{words}");

    let blocked = said(server.path(), &["block", &name, "--for", "1h", "--reason", "tries passwords"]);
    assert!(blocked.contains(&name) && blocked.contains("tries passwords"), "{blocked}");
    let answer = server.get("/", &[("x-forwarded-for", CANARY)]);
    assert_eq!(answer.status, 429);
    assert!(answer.body.contains("refused"), "{}", answer.body);
    assert_eq!(ask("2001:db8:77::1", "/"), 200);
    assert_eq!(origin.requests().len(), 10, "the origin is not asked");
    assert_eq!(data(server.path(), &["blocks"])["blocks"][0]["pseudonym"], name.as_str());
    let metrics = server.admin("/metrics").body;
    assert!(metrics.contains("pinfold_blocked_requests_total 1\n"), "{metrics}");
    assert!(metrics.contains("pinfold_blocks 1.0\n"), "{metrics}");

    assert!(said(server.path(), &["unblock", &name]).contains("no longer blocked"));
    assert_eq!(ask(CANARY, "/"), 200);
    assert_eq!(said(server.path(), &["blocks"]), "nobody is blocked\n");
    assert_eq!(pinfold(server.path(), &["unblock", &name]).status.code(), Some(3));

    let keys = said(server.path(), &["keys"]);
    assert_eq!(keys.lines().count(), 3, "{keys}");

    let log = server.log();
    assert!(log.contains("asked on the control socket") && log.contains("uid="), "who asks is logged");
    for text in [words, blocked, keys, top.to_string(), metrics, log] {
        assert!(!text.contains(CANARY) && !text.contains("2001:db8:77") && !text.contains("cb007"), "{text}");
    }
    let (directory, _) = server.stop();
    assert!(!directory.path().join("pinfold.sock").exists(), "it goes with the server");
}

#[test]
fn the_socket_is_the_owners_alone_and_nonsense_is_answered() {
    let origin = Origin::hello();
    let server = Pinfold::in_front_of(&origin);
    let socket = server.path().join("pinfold.sock");
    assert_eq!(std::fs::metadata(&socket).unwrap().mode() & 0o777, 0o600);
    for question in ["\n".to_owned(), "{\"ask\":\"key-material\"}\n".to_owned(), "x".repeat(100_000) + "\n"] {
        use std::io::{Read, Write};
        let mut stream = UnixStream::connect(&socket).unwrap();
        // It does not read on for ever.
        let _ = stream.write_all(question.as_bytes());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.is_empty() || answer.contains("could not be read"), "{answer}");
    }
    assert_eq!(server.get("/", &[]).status, 200);
    assert!(said(server.path(), &["keys"]).contains("dies within"));
}

#[test]
fn what_cannot_be_done_is_said_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, code, expected) in [
        (&["top"][..], 3, "pinfold: no server answers at pinfold.sock"),
        (&["top", "--config", "nowhere.toml"], 2, "nowhere.toml"),
        (&["block", "203.0.113.77", "--for", "1h", "--reason", "x"], 2, "sixteen hexadecimal digits"),
        (&["block", "c0d076b0448e3785", "--for", "1", "--reason", "x"], 2, "a time with its unit"),
        (&["block", "c0d076b0448e3785", "--for", "1h"], 2, "--reason"),
    ] {
        let output = pinfold(directory.path(), arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
    let origin = Origin::hello();
    let server = Pinfold::in_front_of(&origin);
    for (length, reason, expected) in [("100 d", "x", "90 days at most"), ("1 h", " ", "needs a reason")] {
        let output =
            pinfold(server.path(), &["block", "c0d076b0448e3785", "--for", length, "--reason", reason]);
        assert_eq!(output.status.code(), Some(3));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            text.starts_with("pinfold: ") && text.lines().count() == 1 && text.contains(expected),
            "{text}"
        );
    }
}
