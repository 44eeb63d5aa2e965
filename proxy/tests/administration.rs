//! An administrator at work: who asks most, refusing them, and nothing told of anybody.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic, and say that it cannot run")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::{BINARY, CANARY, Origin, Pinfold, configuration, page};
use http::Response;
use pinfold_store::Ledgers;
use serde_json::Value;

/// A user of this machine who is not root.
const NOBODY: u32 = 65_534;

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
fn figures_are_for_whoever_knows_the_password_and_health_is_for_everybody() {
    let origin = Origin::hello();
    let directory = tempfile::tempdir().unwrap();
    let text = configuration(origin.address, "")
        .replace("listen = \"127.0.0.1:0\"\n[[", "listen = \"0.0.0.0:0\"\n[[");
    let file = directory.path().join("pinfold.toml");
    std::fs::write(&file, &text).unwrap();
    let checked = pinfold(directory.path(), &["check"]);
    let fault = String::from_utf8(checked.stderr).unwrap();
    assert!(checked.status.code() == Some(2) && fault.contains("or write password_file = "), "{fault}");
    let with_password =
        text.replace("0.0.0.0:0\"\n[[", "0.0.0.0:0\"\npassword_file = \"admin.password\"\n[[");
    std::fs::write(&file, with_password).unwrap();
    let (place, password) = (directory.path().join("admin.password"), "correct horse battery");
    for (content, expected) in [(None, "cannot be read"), (Some("short\n"), "has 5 bytes")] {
        if let Some(content) = content {
            std::fs::write(&place, content).unwrap();
        }
        let checked = pinfold(directory.path(), &["check"]);
        let fault = String::from_utf8(checked.stderr).unwrap();
        assert!(checked.status.code() == Some(2) && fault.contains(expected), "{fault}");
    }
    std::fs::write(&place, format!("{password}\n")).unwrap();

    let mut command = Command::new(env!("CARGO_BIN_EXE_pinfold"));
    command.args(["run", "--config", "pinfold.toml"]).current_dir(directory.path());
    let server = Pinfold::spawn(command, directory);
    let ask = |path: &str, credentials: &str| {
        let field = if credentials.is_empty() {
            String::new()
        } else {
            format!("authorization: Basic {credentials}\r\n")
        };
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: figures.example\r\n{field}connection: close\r\n\r\n");
        let answer = common::raw(([127, 0, 0, 1], server.admin.port()).into(), request.as_bytes());
        String::from_utf8(answer).unwrap()
    };
    // "admin:correct horse battery", "admin:wrong"
    let (right, wrong) = ("YWRtaW46Y29ycmVjdCBob3JzZSBiYXR0ZXJ5", "YWRtaW46d3Jvbmc=");
    for path in ["/", "/metrics", "/style.css", "/nowhere"] {
        let refused = ask(path, "");
        assert!(
            refused.starts_with("HTTP/1.1 401 ") && refused.contains("www-authenticate: Basic realm"),
            "{refused}"
        );
        assert!(!refused.contains("pinfold_") && !refused.contains("Town"), "{refused}");
    }
    assert!(ask("/metrics", wrong).starts_with("HTTP/1.1 401 "));
    assert!(ask("/metrics", right).contains("pinfold_requests_total"));
    assert!(ask("/", right).contains("Town"));
    for path in ["/healthz", "/readyz"] {
        assert!(ask(path, "").starts_with("HTTP/1.1 200 "), "{path}");
    }
    let (_, log) = server.stop();
    assert!(log.contains("a wrong password") && !log.contains(password) && !log.contains(right), "{log}");
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

const CASE: [&str; 6] =
    ["--basis", "DPA 2018 Sch 2 para 2", "--requested-by", "PC 4711", "--approved-by", "Head of IT"];

fn lookup(address: &str) -> Vec<&str> {
    [&["lookup", "--ip", address][..], &CASE].concat()
}

#[test]
fn a_look_up_is_written_down_before_it_is_answered() {
    let origin = Origin::hello();
    let server = Pinfold::configured(&configuration(origin.address, BEHIND));
    server.get("/", &[("x-forwarded-for", CANARY)]);
    let name = data(server.path(), &["top"])["hosts"][0]["pseudonym"].as_str().unwrap().to_owned();
    let number = u64::from_str_radix(&name, 16).unwrap().cast_signed();

    let unknown = data(server.path(), &lookup(CANARY));
    assert_eq!(unknown["known"]["is"], "not-recorded", "the bucket is open: {unknown}");
    let store = rusqlite::Connection::open(server.path().join("pinfold.db")).unwrap();
    let add = "INSERT INTO address VALUES ('www.town.example', 1795341600, ?1, 7, 3, 1, '')";
    store.execute(add, [number]).unwrap();
    let found = data(server.path(), &lookup(CANARY));
    assert_eq!(found["known"]["is"], "buckets", "{found}");
    let bucket = &found["known"]["buckets"][0];
    assert_eq!((&bucket["requests"], &bucket["begins"]), (&3.into(), &"2026-11-22T10:00:00Z".into()));
    assert_eq!(data(server.path(), &lookup("203.0.113.78"))["known"]["is"], "not-recorded");

    let key = "INSERT INTO key VALUES ('www.town.example', '2026-11-01-0badcafe', 1793491200, 1793664000, 'rotated', '')";
    store.execute(key, []).unwrap();
    let gone = [&lookup(CANARY)[..], &["--at", "2026-11-01T12:00:00Z"]].concat();
    let words = said(server.path(), &gone);
    assert!(words.contains("key destroyed") && words.contains("2026-11-03T00:00:00Z"), "{words}");

    // Whoever asks cannot approve, and that is written down as well.
    let basis = format!("x {CANARY}");
    let alone =
        ["lookup", "--ip", CANARY, "--basis", &basis, "--requested-by", "Jo Do", "--approved-by", " jo  do "];
    let refused = pinfold(server.path(), &alone);
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cannot approve"));
    let refused = pinfold(server.path(), &["lookup", "--ip", CANARY, "--basis", "x", "--requested-by", "Jo"]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("two names"));
    for _ in 0..6 {
        said(server.path(), &lookup(CANARY));
    }
    let eleventh = pinfold(server.path(), &lookup(CANARY));
    assert!(String::from_utf8_lossy(&eleventh.stderr).contains("within an hour"));

    let head = found["head"].as_str().unwrap();
    let whole = said(server.path(), &["ledger", "verify", "--head", head]);
    assert!(whole.starts_with("whole: 13 entries, head "), "{whole}");
    let rows: Vec<(String, u32, String)> = store
        .prepare("SELECT act, uid, result FROM action ORDER BY sequence")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(rows[1], ("look-up".to_owned(), rows[0].1, "1 buckets".to_owned()));
    assert!(rows[4].2.starts_with("refused: whoever asks"), "{rows:?}");
    assert!(rows[5].2.starts_with("refused: a look-up needs a basis and two names"), "{rows:?}");
    assert!(rows[12].2.starts_with("refused: 10 look-ups"), "{rows:?}");

    let (directory, log) = server.stop();
    assert!(log.contains("new head"), "{log}");
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(memchr_find(&bytes, CANARY.as_bytes()).is_none());
    }
    assert!(!log.contains(CANARY));

    store.execute("UPDATE action SET approved_by = 'somebody else' WHERE sequence = 2", []).unwrap();
    let broken = pinfold(directory.path(), &["ledger", "verify"]);
    assert_eq!(broken.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&broken.stderr).contains("broken at entry 2"));
}

/// Two users of this machine, which takes root: without it the tests of the office carry this.
#[test]
fn a_look_up_that_could_not_be_answered_is_written_down() {
    let origin = Origin::hello();
    let server = Pinfold::in_front_of(&origin);
    let (store, elsewhere) = (server.path().join("pinfold.db"), server.path().join("elsewhere.db"));
    // Whoever has it open goes on with it.
    fs::rename(&store, &elsewhere).unwrap();
    let failed = pinfold(server.path(), &lookup(CANARY));
    assert_eq!(failed.status.code(), Some(3), "{failed:?}");
    fs::rename(&elsewhere, &store).unwrap();
    let (directory, _) = server.stop();
    let acts =
        Ledgers::open(directory.path().join("pinfold.db")).unwrap().actions("www.town.example").unwrap();
    let acts: Vec<_> = acts.into_iter().map(|entry| (entry.row.act, entry.row.result)).collect();
    assert_eq!(acts, [("look-up".to_owned(), "failed: the store could not be read".to_owned())]);
}

#[test]
fn a_look_up_waits_for_a_second_user() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        eprintln!("NOT RUN: a_look_up_waits_for_a_second_user needs root, to be two users");
        return;
    }
    let origin = Origin::hello();
    let text = configuration(origin.address, "")
        .replace("[admin]\n", "[admin]\nlookup_approval = \"second-user\"\n");
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("pinfold.toml"), text + BEHIND).unwrap();
    chown(directory.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = Command::new(BINARY);
    command.args(["run", "--config", "pinfold.toml"]).current_dir(directory.path()).uid(NOBODY).gid(NOBODY);
    let server = Pinfold::spawn(command, directory);
    server.get("/", &[("x-forwarded-for", CANARY)]);

    let asks = || {
        let mut command = Command::new(BINARY);
        command.args(lookup(CANARY)).current_dir(server.path()).uid(NOBODY).gid(NOBODY);
        let mut asker = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(asker.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let number = line.split_once("`pinfold approve ").unwrap().1.split_once('`').unwrap().0.to_owned();
        (asker, number)
    };
    let (mut asker, number) = asks();
    let waiting = said(server.path(), &["approve"]);
    assert!(
        waiting.contains(&number) && waiting.contains("PC 4711") && !waiting.contains(CANARY),
        "{waiting}"
    );
    let own = Command::new(BINARY)
        .args(["approve", &number])
        .current_dir(server.path())
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let text = String::from_utf8(own.stderr).unwrap();
    assert!(own.status.code() == Some(3) && text.contains("cannot approve it"), "{text}");
    assert!(asker.try_wait().unwrap().is_none(), "it waits still");
    let approved = said(server.path(), &["approve", &number]);
    assert!(approved.contains("is approved"), "{approved}");
    let answer = asker.wait_with_output().unwrap();
    assert!(answer.status.success());
    assert!(String::from_utf8_lossy(&answer.stdout).starts_with("not recorded on"), "{answer:?}");
    assert_eq!(pinfold(server.path(), &["approve", &number]).status.code(), Some(3), "once");

    // Whoever does not wait is not answered.
    let (mut asker, number) = asks();
    asker.kill().unwrap();
    asker.wait().unwrap();
    server.wait_until("it is withdrawn", |server| said(server.path(), &["approve"]) == "no look-up waits\n");
    assert_eq!(pinfold(server.path(), &["approve", &number]).status.code(), Some(3));

    let whole = said(server.path(), &["ledger", "verify"]);
    assert!(whole.starts_with("whole: 7 entries"), "{whole}");
    let store = rusqlite::Connection::open(server.path().join("pinfold.db")).unwrap();
    let rows: Vec<(String, u32, String)> = store
        .prepare("SELECT act, uid, result FROM action ORDER BY sequence")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for ((act, uid, result), (expected_act, expected_uid, part)) in rows.iter().zip([
        ("look-up", NOBODY, "waits as"),
        ("approve", NOBODY, "cannot approve it"),
        ("approve", 0, "not recorded"),
        ("approve", 0, "no look-up waits"),
        ("look-up", NOBODY, "waits as"),
        ("look-up", NOBODY, "did not wait"),
        ("approve", 0, "no look-up waits"),
    ]) {
        assert!(act == expected_act && *uid == expected_uid && result.contains(part), "{rows:#?}");
    }
    assert!(!server.log().contains(CANARY));
}

fn memchr_find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

#[test]
fn log_02_no_core_is_dumped() {
    let origin = Origin::hello();
    let server = Pinfold::in_front_of(&origin);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
}
