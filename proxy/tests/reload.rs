//! The configuration is read again while requests are under way.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use common::{Answer, Origin, Pinfold, configuration, pinfold, signal};
use http::Response;

const SOUND: &str = "pinfold_config_reload_success";

fn write(server: &Pinfold, text: &str) {
    fs::write(server.path().join("pinfold.toml"), text).unwrap();
}

/// What `pinfold reload` prints, and its exit code.
fn reload(server: &Pinfold) -> (Option<i32>, String) {
    let output = pinfold(&["reload"], server.path());
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// A site that names itself and sets two cookies.
fn site(name: &'static str) -> Origin {
    Origin::start(move |_| {
        Response::builder()
            .header("set-cookie", "session=1")
            .header("set-cookie", "_ga=2")
            .body(Bytes::from(name))
            .unwrap()
    })
}

/// Open connections to an address, by the kernel's table.
fn connections_to(address: SocketAddr) -> usize {
    let port = format!(":{:04X}", address.port());
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let established = |line: &&str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        fields[2].ends_with(&port) && fields[3] == "01"
    };
    table.lines().skip(1).filter(established).count()
}

/// A client that keeps its connection.
struct Client(TcpStream);

impl Client {
    fn of(server: &Pinfold) -> Self {
        let stream = TcpStream::connect(server.site).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        Self(stream)
    }

    fn get(&mut self) -> Answer {
        self.0.write_all(b"GET /bins HTTP/1.1\r\nhost: www.town.example\r\n\r\n").unwrap();
        let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
        loop {
            let read = self.0.read(&mut part).unwrap();
            assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&part[..read]);
            let answer = Answer::read(&bytes);
            let length = answer.values("content-length").first().and_then(|length| length.parse().ok());
            if length == Some(answer.body.len()) {
                return answer;
            }
        }
    }
}

#[test]
fn what_changed_is_said_and_in_force_and_what_waits_is_not() {
    let (one, other) = (site("one"), site("other"));
    let server = Pinfold::configured(&configuration(one.address, ""));
    assert_eq!(reload(&server), (Some(0), "nothing has changed\n".to_owned()));
    let mut client = Client::of(&server);
    assert_eq!(client.get().body, "one");
    assert_eq!(connections_to(one.address), 1);

    let text = configuration(
        other.address,
        "[consent]\npage = \"/biscuits\"\n[audit]\ncrowd = 12\nstore = \"sqlite:x.db\"\n",
    )
    .replace("127.0.0.1:0\"\n[admin]", "127.0.0.1:1\"\n[admin]")
    .replace(
        "url = \"https://www.town.example\"",
        "url = \"https://www.town.example\"\nhosts = [\"www.town.example\", \"b.example\"]",
    )
    .replace("Marketing\"", "Campaigns\"");
    write(&server, &text);
    let (code, said) = reload(&server);
    let (head, lines) =
        said.lines().collect::<Vec<_>>().split_last().map(|(last, all)| (*last, all.to_vec())).unwrap();
    assert_eq!(code, Some(0), "{said}");
    for line in [
        "changed: [site] hosts",
        "changed: [origin] url",
        "changed: [consent] page",
        "changed: [audit] crowd",
        "changed: [[purpose]] marketing title",
        "needs a restart: [listen] http (it is opened at the start)",
        "needs a restart: [audit] store (the ledgers are open)",
    ] {
        assert!(lines.contains(&line), "{line}: {said}");
    }
    assert_eq!(lines.len(), 7, "{said}");
    assert!(head.starts_with("Head of the action ledger: "), "{said}");

    // The same connection: each request goes by what is in force when it comes.
    assert_eq!(client.get().body, "other");
    assert_eq!(connections_to(one.address), 0, "connections to the origin of before end");
    assert!(server.get("/biscuits", &[]).body.contains("Campaigns"));
    assert_eq!(server.get("/cookies", &[]).body, "other");
    let foreign = Answer::read(&common::raw(
        server.site,
        b"GET / HTTP/1.1\r\nhost: b.example\r\nconnection: close\r\n\r\n",
    ));
    assert_eq!(foreign.status, 200);
    assert!(!server.path().join("x.db").exists());
    // What waits is said again, and nothing else.
    let (code, said) = reload(&server);
    assert_eq!((code, said.lines().count()), (Some(0), 2), "{said}");
    assert!(said.lines().all(|line| line.starts_with("needs a restart: ")), "{said}");

    let (directory, log) = server.stop();
    let verified = pinfold(&["ledger", "verify"], directory.path());
    // By its file the configuration names a store that is not there: the one in force is asked for.
    assert_eq!(verified.status.code(), Some(3));
    let ledgers = pinfold_store::Ledgers::open(directory.path().join("pinfold.db")).unwrap();
    let actions = ledgers.actions("www.town.example").unwrap();
    assert_eq!(actions.len(), 1, "{actions:?}");
    assert_eq!(
        (actions[0].row.act.as_str(), actions[0].row.uid),
        ("config change", rustix::process::getuid().as_raw())
    );
    assert!(actions[0].row.result.contains("[consent] page"), "{actions:?}");
    let policies = ledgers.policies("www.town.example").unwrap();
    assert_eq!(policies.len(), 2, "words are of a new version of the statement");
    assert!(log.contains("the configuration was read again"));
}

#[test]
fn a_faulty_file_changes_nothing_and_every_fault_is_said() {
    let origin = site("one");
    let sound = configuration(origin.address, "");
    let server = Pinfold::configured(&sound);
    assert_eq!(server.metric(SOUND), 1.0);
    write(&server, &sound.replace("[origin]", "[consent]\nbaner = true\npage = \"x\"\n[origin]"));
    let (code, said) = reload(&server);
    assert_eq!(code, Some(2), "{said}");
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(
        said.contains(
            "pinfold: pinfold.toml:27:1: unknown key `baner` in [consent] (did you mean `banner`?)"
        ),
        "{said}"
    );
    assert_eq!(server.metric(SOUND), 0.0);
    let faulty = |server: &Pinfold| server.log().matches("is at fault").count();
    server.wait_until("it is logged", |server| faulty(server) == 1);
    assert_eq!(server.get("/", &[]).body, "one");

    fs::remove_file(server.path().join("pinfold.toml")).unwrap();
    signal(server.pid(), "HUP");
    server.wait_until("the second is logged, once", |server| faulty(server) == 2);
    assert_eq!(server.get("/", &[]).body, "one");
    write(&server, &sound);
    assert_eq!(reload(&server), (Some(0), "nothing has changed\n".to_owned()));
    assert_eq!(server.metric(SOUND), 1.0);

    // Who cannot be asked, because the file does not say where, is not said to be gone without a word about the file.
    let elsewhere = server.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    for (text, told) in [
        (&b""[..], "elsewhere/pinfold.toml"),
        (b"\xff", "is not written in UTF-8"),
        (b"[site", "pinfold.toml:1:"),
    ] {
        fs::write(elsewhere.join("pinfold.toml"), text).unwrap();
        let output = pinfold(&["reload", "--config", "elsewhere/pinfold.toml"], server.path());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(told) && said.contains("no server answers at"), "{said}");
    }
    let (directory, _) = server.stop();
    let ledgers = pinfold_store::Ledgers::open(directory.path().join("pinfold.db")).unwrap();
    assert_eq!(ledgers.actions("www.town.example").unwrap().len(), 0, "nothing was changed");
}

#[test]
fn a_decision_stands_and_a_purpose_that_comes_back_has_its_bit() {
    let origin = site("one");
    let text = |purposes: &str| {
        configuration(origin.address, "").replace("[origin]", &format!("{purposes}[origin]"))
    };
    let purpose = |id: &str| {
        format!(
            "[[purpose]]\nid = \"{id}\"\nbasis = \"consent\"\ntitle = \"{id}\"\ndescription = \"{id}.\"\n"
        )
    };
    let server = Pinfold::configured(&text(""));
    let form = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let chosen = server.send("POST", "/cookies", &form, "cookies[marketing]=yes");
    let decision = chosen.values("set-cookie")[0].split(';').next().unwrap().to_owned();
    for purposes in [purpose("films"), purpose("maps"), purpose("maps") + &purpose("films")] {
        write(&server, &text(&purposes));
        assert_eq!(reload(&server).0, Some(0));
        let answer = server.get("/", &[("cookie", &decision)]);
        assert_eq!(answer.values("set-cookie").len(), 2, "what was granted is granted: {}", answer.head);
    }
    let (directory, _) = server.stop();
    let ledgers = pinfold_store::Ledgers::open(directory.path().join("pinfold.db")).unwrap();
    let bits = ledgers.purpose_bits("www.town.example").unwrap();
    assert_eq!((bits["films"], bits["maps"]), (2, 3), "{bits:?}");
}

#[test]
fn systemd_is_told_that_it_reloads_and_that_it_is_ready_again() {
    let origin = site("one");
    let (directory, notices) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let text = configuration(origin.address, "");
    fs::write(directory.path().join("pinfold.toml"), &text).unwrap();
    let socket = UnixDatagram::bind(notices.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let hears = || {
        let mut said = [0; 512];
        let length = socket.recv(&mut said).unwrap();
        String::from_utf8(said[..length].to_vec()).unwrap()
    };
    let mut command = Command::new(common::BINARY);
    command.args(["run", "--config", "pinfold.toml"]).current_dir(directory.path());
    command.env("NOTIFY_SOCKET", notices.path().join("notify"));
    let server = Pinfold::spawn(command, directory);
    assert_eq!(hears(), "READY=1");
    for text in [text.as_str(), "[site"] {
        write(&server, text);
        signal(server.pid(), "HUP");
        let said = hears();
        let since = said.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap_or_else(|| panic!("{said}"));
        assert!(since.parse::<u64>().unwrap() > 0);
        assert_eq!(hears(), "READY=1");
    }
}

/// Reloads twenty times, by signal and by command in turn, while four clients ask until so many answers are there.
fn reload_under_load(least: u64) {
    let (one, other) = (site("one"), site("other"));
    let before = configuration(one.address, "");
    // There the second cookie passes as well.
    let after =
        configuration(other.address, "").replace("purpose = \"marketing\"", "purpose = \"statistics\"");
    let server = Pinfold::configured(&before);
    let (answered, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let by_name: Vec<_> = thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let (mut client, mut by_name) = (Client::of(&server), [0_u64; 2]);
                    while !done.load(Ordering::Relaxed) || answered.load(Ordering::Relaxed) < least {
                        let answer = client.get();
                        let cookies = answer.values("set-cookie");
                        match (answer.status, answer.body.as_str(), cookies.len()) {
                            (200, "one", 1) => by_name[0] += 1,
                            (200, "other", 2) => by_name[1] += 1,
                            _ => panic!("neither the old nor the new: {answer:?}"),
                        }
                        // A connection is kept for a while, and then there is another.
                        if answered.fetch_add(1, Ordering::Relaxed) % 50 == 49 {
                            client = Client::of(&server);
                        }
                    }
                    by_name
                })
            })
            .collect();
        for turn in 0..20_usize {
            write(&server, if turn % 2 == 0 { &after } else { &before });
            if turn % 4 < 2 {
                assert_eq!(reload(&server).0, Some(0));
            } else {
                signal(server.pid(), "HUP");
            }
            let read = || server.log().matches("the configuration was read again").count();
            while read() <= turn {
                thread::sleep(Duration::from_millis(10));
            }
            if turn == 9 {
                write(&server, "[site\n");
                assert_eq!(reload(&server).0, Some(2));
            }
            let due = least * (turn as u64 + 1) / 20;
            while answered.load(Ordering::Relaxed) < due {
                thread::sleep(Duration::from_millis(5));
            }
        }
        done.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let sum = |place: usize| by_name.iter().map(|one| one[place]).sum::<u64>();
    assert!(sum(0) > 0 && sum(1) > 0 && sum(0) + sum(1) >= least);
    let (directory, _) = server.stop();
    let report = Pinfold::report(directory.path());
    assert_eq!(report["traffic"]["requests"].as_u64(), Some(sum(0) + sum(1)), "each is counted once");
    let ledgers = pinfold_store::Ledgers::open(directory.path().join("pinfold.db")).unwrap();
    let actions = ledgers.actions("www.town.example").unwrap();
    assert_eq!(actions.len(), 20);
    assert!(actions.iter().any(|entry| entry.row.basis.starts_with("SIGHUP")));
}

#[test]
fn fault_15_twenty_reloads_under_load_lose_nothing() {
    reload_under_load(2_000);
}

/// The figure of the requirement: `cargo test -p pinfold-proxy --test reload -- --ignored`.
#[test]
#[ignore = "forty thousand requests"]
fn fault_15_twenty_reloads_while_forty_thousand_requests_lose_nothing() {
    reload_under_load(40_000);
}

#[test]
fn without_a_file_of_the_operators_there_is_nothing_to_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut demo = Command::new(common::BINARY)
        .args(["demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--dir", "."])
        .current_dir(directory.path())
        .env("PINFOLD_LOG", "off")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(demo.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().starts_with("admin ")));
    let output = pinfold(&["reload", "--config", "pinfold-demo.toml"], directory.path());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), text.lines().count()), (Some(3), 1), "{text}");
    assert!(text.contains("without a configuration file"), "{text}");
    // A terminal that is closed ends it.
    signal(demo.id(), "HUP");
    assert_eq!(demo.wait().unwrap().code(), Some(0));
}
