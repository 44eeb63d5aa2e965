//! Several nodes of one site, and a Redis for what they have in common.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use common::chaos::note;
use common::node::{SECRET, ask, data, epoch, is_common, joined, names, place, start};
use common::redis::Redis;
use common::tls::Authority;
use common::{CANARY, Origin, Pinfold, clock, files, node, pinfold};

fn said(directory: &std::path::Path, arguments: &[&str]) -> (i32, String) {
    let output = pinfold(arguments, directory);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[test]
#[ignore = "needs redis-server: scripts/check installs it and runs this"]
fn nodes_have_one_key_and_know_each_others_blocks() {
    let (origin, redis) = (Origin::hello(), Redis::start());
    let (one, other) = (joined(&origin, &redis.url()), joined(&origin, &redis.url()));
    assert_eq!(epoch(&one), epoch(&other));
    assert_eq!((ask(&one, CANARY), ask(&other, CANARY)), (200, 200));
    let name = names(&one, "1").remove(0);
    assert_eq!(names(&other, "1"), std::slice::from_ref(&name));
    let counted = || {
        let name = redis.names().into_iter().find(|name| name.contains(":count:"))?;
        redis.ask(&["PFCOUNT", &name])
    };
    other.wait_until("both have met one address", |_| counted().as_deref() == Some(b"1"));
    let (_, words) = said(one.path(), &["keys"]);
    assert!(
        words.contains("made of halves in Valkey and on each node") && !words.contains("alone:"),
        "{words}"
    );

    let (code, words) = said(one.path(), &["block", &name, "--for", "2h", "--reason", "scans"]);
    assert!(code == 0 && words.contains("on every node"), "{words}");
    let began = Instant::now();
    other.wait_until("the other node has not heard of the block", |node| ask(node, CANARY) == 429);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!((ask(&one, CANARY), ask(&other, "2001:db8:77::1")), (429, 200));
    assert_eq!(data(other.path(), &["blocks"])["blocks"][0]["reason"], "scans");

    // A start finds both; a stop ends neither.
    let (directory, log) = other.stop();
    let again = start(directory);
    again.wait_until("blocks are there again", |node| ask(node, CANARY) == 429);
    assert_eq!((epoch(&again), names(&again, "1")), (epoch(&one), vec![name.clone()]));
    assert_eq!(said(again.path(), &["unblock", &name]).0, 0);
    one.wait_until("the first node has not heard that it is lifted", |node| ask(node, CANARY) == 200);
    assert_eq!(
        (one.metric("pinfold_key_splits_total"), again.metric("pinfold_key_splits_total")),
        (0.0, 0.0)
    );

    let log = log + &again.log();
    let (directory, _) = again.stop();
    let keys = pinfold_store::Ledgers::open(directory.path().join("pinfold.db")).unwrap();
    let keys = keys.keys("www.town.example").unwrap();
    assert!(keys.len() == 1 && keys[0].destroyed.is_none(), "one key, and it lives: {keys:?}");
    let share = redis.names().into_iter().find(|name| name.contains(":share:")).unwrap();
    let half = redis.ask(&["GET", &share]).unwrap()[17..].to_vec();
    for file in files(directory.path()).into_iter().filter(|file| !file.ends_with("cluster.secret")) {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(32).any(|window| window == half), "{} has the share", file.display());
        assert!(
            !bytes.windows(64).any(|window| window == SECRET.as_bytes()),
            "{} has the secret",
            file.display()
        );
    }
    assert!(!log.contains(CANARY) && !log.contains(SECRET));
}

#[test]
#[ignore = "needs redis-server: scripts/check installs it and runs this"]
fn a_valkey_that_persists_is_refused_in_one_line_and_nothing_is_opened() {
    let (origin, redis) = (Origin::hello(), Redis::with(&["--save", "3600 1"]));
    let directory = place(&origin, &redis.url());
    for (arguments, code, begins) in [
        (["run", "--config", "pinfold.toml"].as_slice(), 3, "pinfold: the Valkey at redis://127.0.0.1:"),
        (&["check", "--connect", "--config", "pinfold.toml"], 2, "pinfold: the Valkey at redis://127.0.0.1:"),
    ] {
        let output = pinfold(arguments, directory.path());
        let text = String::from_utf8(output.stderr).unwrap();
        let line = text.lines().find(|line| line.contains("the Valkey at")).unwrap();
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(
            line.starts_with(begins) && line.contains("(save)") && line.contains("(set save \"\""),
            "{text}"
        );
    }
    assert!(!directory.path().join("pinfold.db").exists());
    assert_eq!(redis.names(), Vec::<String>::new());
}

#[test]
#[ignore = "needs redis-server: scripts/check installs it and runs this"]
fn a_node_begins_without_a_valkey_at_once_and_says_so() {
    let origin = Origin::hello();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let began = Instant::now();
    let node = start(place(&origin, &format!("redis://127.0.0.1:{free}")));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(ask(&node, CANARY), 200);
    assert_eq!((node.metric("pinfold_key_common"), node.metric("pinfold_key_splits_total")), (0.0, 1.0));
    assert!(node.log().contains("this node has a key of its own until midnight"));
    assert!(
        said(node.path(), &["check", "--connect", "--config", "pinfold.toml"])
            .1
            .contains("cannot be reached")
    );

    // Its share is offered as soon as there is somebody to offer it to; whoever comes later takes it.
    let redis = Redis::at(free, &[]);
    node.wait_until("it does not find it", is_common);
    let later = joined(&origin, &redis.url());
    assert_eq!(epoch(&later), epoch(&node));

    // A third one that could not know stays by itself, and says so.
    drop(redis);
    let alone = start(place(&origin, &format!("redis://127.0.0.1:{free}")));
    let _redis = Redis::at(free, &[]);
    let standing = || [&node, &later, &alone].map(|node| node.metric("pinfold_key_common"));
    // Whoever is first puts its share there: those that had one in common, or the one that has not.
    node.wait_until("nobody is alone", |_| [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]].contains(&standing()));
    let by_itself = if standing()[2] == 0.0 { &alone } else { &node };
    assert!(said(by_itself.path(), &["keys"]).1.contains("is a key of this node alone"));
    assert!(by_itself.log().contains("one address has another pseudonym here"));
    assert_eq!(alone.metric("pinfold_key_splits_total"), 1.0);
}

#[test]
#[ignore = "needs redis-server: scripts/check installs it and runs this"]
fn a_valkey_is_reached_by_tls_and_with_a_password_and_no_impostor_is() {
    let (origin, authority, others) = (Origin::hello(), Authority::new(), Authority::new());
    authority.put(&authority.issue("127.0.0.1"));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let [certificate, key, ca] =
        ["cert.pem", "key.pem", "ca.pem"].map(|name| authority.path(name).to_str().unwrap().to_owned());
    let files = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &ca];
    let rest = ["--tls-port", &port, "--tls-auth-clients", "no", "--requirepass", "correct horse battery"];
    let _redis = Redis::with(&[files, rest].concat());
    let node = |ca: &Authority, password: &str| {
        let directory = place(&origin, &format!("rediss://127.0.0.1:{port}"));
        let file = directory.path().join("pinfold.toml");
        let more = "\"cluster.secret\", ca = \"ca.pem\", password_file = \"valkey.password\"";
        let text = fs::read_to_string(&file).unwrap().replace("\"cluster.secret\"", more);
        fs::write(file, text).unwrap();
        fs::copy(ca.path("ca.pem"), directory.path().join("ca.pem")).unwrap();
        let file = directory.path().join("valkey.password");
        fs::write(&file, password).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
        directory
    };
    let sound = start(node(&authority, "correct horse battery\n"));
    sound.wait_until("it has not joined", is_common);
    assert!(!sound.log().contains("correct horse"));
    let look = |directory: &tempfile::TempDir| {
        said(directory.path(), &["check", "--connect", "--config", "pinfold.toml"]).1
    };
    let deceived = look(&node(&others, "correct horse battery\n"));
    assert!(deceived.contains("cannot be reached: invalid peer certificate"), "{deceived}");
    let unknown = look(&node(&authority, "default\nwrong\n"));
    assert!(unknown.contains("does not let Pinfold in") && !unknown.contains("wrong"), "{unknown}");
}

#[test]
fn a_secret_is_made_for_its_owner_and_never_over_another() {
    let directory = tempfile::tempdir().unwrap();
    let make = || said(directory.path(), &["keys", "secret", "-o", "cluster.secret"]);
    let (code, words) = make();
    assert!(code == 0 && words.contains("give every node the same"), "{words}");
    let file = directory.path().join("cluster.secret");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    let (code, words) = make();
    assert!(code == 2 && words.contains("is there already (name another file with -o)"), "{words}");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    assert!(!words.contains(text.trim()));
}

#[test]
fn a_secret_that_is_short_or_for_everybody_is_a_fault_with_a_remedy() {
    let directory = place(&Origin::hello(), "redis://127.0.0.1:1");
    let file = directory.path().join("cluster.secret");
    for (text, mode, words) in [
        (
            &SECRET[..62],
            0o600,
            "holds no secret of 64 hexadecimal digits (make one with `pinfold keys secret",
        ),
        (SECRET, 0o644, "every user of this machine can read or change"),
    ] {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        for command in ["check", "run"] {
            let (code, said) = said(directory.path(), &[command, "--config", "pinfold.toml"]);
            assert!(code == 2 && said.contains(words) && !said.contains(&SECRET[..32]), "{command}: {said}");
        }
    }
}

/// FAULT8. The clocks of two nodes are five seconds apart when a day ends.
#[test]
#[ignore = "needs redis-server and faketime: scripts/check installs them and runs this"]
fn fault_08_two_nodes_five_seconds_apart_give_one_address_one_name_in_each_epoch() {
    let (origin, redis) = (Origin::hello(), Redis::start());
    // Redis goes by the true clock: tonight is yet to come for it.
    let date = Command::new("date").args(["-u", "-d", "tomorrow 00:00", "+%s"]).output().unwrap();
    let midnight: u64 = String::from_utf8(date.stdout).unwrap().trim().parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let under = |ahead: u64| {
        let directory = place(&origin, &redis.url());
        let text = fs::read_to_string(directory.path().join("pinfold.toml")).unwrap();
        let text = text.replace("[listen]", "time_zone = \"UTC\"\n[listen]");
        fs::write(directory.path().join("pinfold.toml"), text).unwrap();
        let mut command = node::command(&directory);
        clock::fake(&mut command);
        command.env("FAKETIME", format!("+{}s", midnight - now - 15 + ahead));
        Pinfold::spawn(command, directory)
    };
    let nodes = [under(0), under(5)];
    let mut seen: [BTreeMap<String, String>; 2] = Default::default();
    let began = Instant::now();
    let mut answered = 0;
    while began.elapsed() < Duration::from_secs(25) {
        for (node, seen) in nodes.iter().zip(&mut seen) {
            let before = epoch(node);
            assert_eq!(ask(node, CANARY), 200);
            answered += 1;
            let names = names(node, "1");
            // A day may end between one question and the next.
            if before == epoch(node) && !names.is_empty() {
                let name = seen.entry(before).or_insert_with(|| names[0].clone());
                assert_eq!(*name, names[0]);
            }
        }
        thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].len(), 2, "a day before midnight and one after: {seen:?}");
    for node in &nodes {
        assert_eq!((node.metric("pinfold_key_common"), node.metric("pinfold_key_splits_total")), (1.0, 0.0));
    }
    note(
        "FAULT8",
        "midnight on two nodes, their clocks five seconds apart (faketime)",
        1,
        "one name for one address in each epoch",
        &format!("{answered} requests, no split"),
    );
}
