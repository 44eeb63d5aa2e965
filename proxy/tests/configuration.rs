//! Bad configurations and command lines: one clear line each, exit code 2, nothing opened.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use common::{BINARY, configuration, pinfold};

fn fronted(more: &str) -> String {
    common::fronted(([127, 0, 0, 1], 9).into(), more)
}

#[test]
fn a_faulty_file_opens_nothing_and_names_each_fault_on_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let faulty =
        fronted("timout = \"30 s\"\n[audit]\ncrowd = 0\n[[cookie]]\nname = \"x\"\npurpose = \"fun\"");
    fs::write(directory.path().join("pinfold.toml"), faulty).unwrap();
    let said = |command: &str| {
        let output = pinfold(&[command, "--config", "pinfold.toml"], directory.path());
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    let [timeout, crowd, cookie] = [
        "pinfold: pinfold.toml:29:1: unknown key `timout` in [origin] (did you mean `timeout`?)",
        "pinfold: pinfold.toml:31:9: `crowd` cannot be 0 (write a whole number of at least 2, such as 10)",
        "pinfold: pinfold.toml:34:11: the cookie `x` has the purpose `fun`, which is not declared (declare the purpose, or write \
         `strictly-necessary`)",
    ];
    assert_eq!(said("run"), format!("{timeout}\n{crowd}\n{cookie}\n"));
    // Whoever checks a file has it before them.
    let expected = format!(
        "{timeout}\n   |\n29 | timout = \"30 s\"\n   | ^^^^^^\n\
         {crowd}\n   |\n31 | crowd = 0\n   |         ^\n\
         {cookie}\n   |\n34 | purpose = \"fun\"\n   |           ^^^^^\n"
    );
    assert_eq!(said("check"), expected);
    let json = pinfold(&["check", "--format", "json"], directory.path()).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let excerpt = &json["faults"][0]["excerpt"];
    assert_eq!((&excerpt["line"], &excerpt["column"], &excerpt["width"]), (&29.into(), &1.into(), &6.into()));
    assert!(!directory.path().join("pinfold.db").exists(), "no store is opened");
}

/// What each cookie of ours can carry is told with it.
const SOUND: &[u8] = b"pinfold.toml is sound
__Host-pinfold-consent can have 108 values: at most 7 bits
__Host-pinfold-visit can have 256 values: at most 8 bits
all cookies of Pinfold together: at most 15 bits
";

#[test]
fn check_says_sound_or_json_or_warns() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pinfold.toml");
    fs::write(&file, fronted("")).unwrap();
    let output = pinfold(&["check"], directory.path());
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), SOUND));

    let preference = "[[preference]]\nname = \"text-size\"\nvalues = [\"normal\", \"large\", \"largest\"]";
    fs::write(&file, fronted(preference)).unwrap();
    let output = pinfold(&["check"], directory.path());
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("__Host-pinfold-preferences can have 3 values: at most 2 bits\n"), "{told}");
    assert!(told.ends_with("all cookies of Pinfold together: at most 17 bits\n"), "{told}");

    fs::write(&file, fronted("[audit]\nspool = \"x\"")).unwrap();
    assert_eq!(pinfold(&["check"], directory.path()).status.code(), Some(0));
    assert_eq!(pinfold(&["check", "--strict"], directory.path()).status.code(), Some(1));
    let output = pinfold(&["check", "--format", "json"], directory.path());
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["sound"], true);
    assert_eq!(found["warnings"][0]["place"], "pinfold.toml:30:9");
}

#[test]
fn misuse_is_one_line_and_code_2() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (&["run"][..], "pinfold: pinfold.toml: it cannot be read"),
        (&["run", "--config", "no.toml"], "pinfold: no.toml: it cannot be read"),
        (&["run", "--origin", "ftp://x"], "`ftp://x` is not an origin"),
        (
            &["run", "--origin", "http://127.0.0.1:8080"],
            "`http://127.0.0.1:8080` is 127.0.0.1:8080, where Pinfold itself listens",
        ),
        (
            &["run", "--origin", "http://localhost:9", "--listen", "127.0.0.1:9"],
            "where Pinfold itself listens",
        ),
        (
            &["run", "--origin", "http://127.0.0.1:8081"],
            "where Pinfold itself listens for its operators (name the web server, or let `pinfold init`",
        ),
        (&["run", "--origin", "http://127.0.0.1:9", "--listen", "0.0.0.0:80"], "not a loopback address"),
        (&["demo", "--listen", "0.0.0.0:80"], "for this machine alone"),
        (&["report", "--from", "2026-11-02", "--to", "2026-11-01"], "pinfold.db cannot be used"),
        (&["report", "--from", "yesterday"], "write a day such as 2026-11-01"),
        (&["frobnicate"], "there is no command `frobnicate`"),
    ] {
        let output = pinfold(arguments, directory.path());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(words), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("pinfold: ") && stderr.lines().count() == 1, "{arguments:?}: {stderr}");
        let code = if arguments[0] == "report" && words.contains("pinfold.db") { 3 } else { 2 };
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn an_address_in_use_is_named() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let output = pinfold(&["run", "--origin", "http://127.0.0.1:9", "--listen", &address], directory.path());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.contains(&format!("pinfold: cannot listen on {address}: Address already in use")),
        "{stderr}"
    );
}

#[test]
fn explain_reads_the_proxy_protocol_before_a_request() {
    let directory = tempfile::tempdir().unwrap();
    let more = "[client_address]\nsource = \"proxy-protocol\"\ntrusted_proxies = [\"127.0.0.1\"]";
    fs::write(directory.path().join("pinfold.toml"), configuration(([127, 0, 0, 1], 9).into(), more))
        .unwrap();
    let request = "GET / HTTP/1.1\nHost: www.town.example\nX-Forwarded-For: 198.51.100.1\n";
    let explain = |peer: &str, first: &str| {
        fs::write(directory.path().join("recorded"), format!("{first}{request}")).unwrap();
        let output = pinfold(&["explain", "--peer", peer, "recorded"], directory.path());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let announced = explain("127.0.0.1", "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\n");
    assert!(
        announced.starts_with("client    203.0.113.7: the peer, as a trusted proxy announced it"),
        "{announced}"
    );
    for (peer, first) in [("192.0.2.9", "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\n"), ("127.0.0.1", "")] {
        let refused = explain(peer, first);
        assert!(
            refused.starts_with("client    unknown: the connection is closed with nothing served"),
            "{refused}"
        );
    }
}

#[test]
fn explain_says_what_the_door_does() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("pinfold.toml"), configuration(([127, 0, 0, 1], 9).into(), "")).unwrap();
    let explain = |recorded: &str, more: &[&str]| {
        fs::write(directory.path().join("recorded"), recorded).unwrap();
        let output = pinfold(&[&["explain", "recorded"], more].concat(), directory.path());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let host = "Host: www.town.example";
    for (recorded, said, goes_on) in [
        (
            format!("GET / HTTP/1.1\n{host}\n"),
            "door      let in to www.town.example\nanswer    by the site\n",
            true,
        ),
        (
            "GET / HTTP/1.1\nHost: 127.0.0.1:8000\n".to_owned(),
            "door      refused with 421: No site of this name is served here. (what follows is as if it were for www.town.example)",
            true,
        ),
        (
            format!("POST / HTTP/1.1\n{host}\n{host}\nContent-Length: 1\nTransfer-Encoding: chunked\n"),
            "door      refused with 400: The request is malformed.\n",
            false,
        ),
        (format!("GET / HTTP/1.1\n{host}\n{host}\n"), "refused with 400", false),
        (format!("GET /cookies HTTP/1.1\n{host}\n"), "by Pinfold itself, the cookies page: nothing", false),
        (
            "GET /.pinfold/health HTTP/1.1\nHost: 10.0.0.1\n".to_owned(),
            "answered by Pinfold itself: `ok`",
            false,
        ),
    ] {
        let text = explain(&recorded, &[]);
        assert!(text.contains(said), "{recorded}: {text}");
        assert_eq!(text.contains("cookies that the browser sent"), goes_on, "{text}");
        let json: serde_json::Value =
            serde_json::from_str(&explain(&recorded, &["--format", "json"])).unwrap();
        assert!(json["door"]["why"].is_string(), "{json}");
    }
}

#[test]
fn shells_readers_and_supervisors_are_served() {
    let directory = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = pinfold(&["completions", shell], directory.path());
        assert!(
            script.status.success() && String::from_utf8_lossy(&script.stdout).contains("scrub"),
            "{shell}"
        );
    }
    let manual = String::from_utf8(pinfold(&["man"], directory.path()).stdout).unwrap();
    assert!(manual.contains(".TH pinfold 1") && manual.contains("evidence"), "{manual}");
    let nobody = pinfold(&["healthcheck", "--admin", "127.0.0.1:9"], directory.path());
    assert_eq!(nobody.status.code(), Some(3));
    assert!(
        String::from_utf8_lossy(&nobody.stderr).starts_with("pinfold: no server answers on 127.0.0.1:9"),
        "{nobody:?}"
    );

    let server = common::Pinfold::in_front_of(&common::Origin::hello());
    let alive = pinfold(&["healthcheck", "--admin", &server.admin.to_string()], directory.path());
    assert_eq!((alive.status.code(), &alive.stdout[..]), (Some(0), &b"alive\n"[..]));
    // It may be well though its file is at fault by now.
    let faulty = format!("[sight]\n[admin]\nlisten = \"{}\"\n", server.admin);
    std::fs::write(server.path().join("pinfold.toml"), faulty).unwrap();
    let alive = pinfold(&["healthcheck", "--config", "pinfold.toml"], server.path());
    assert_eq!(alive.status.code(), Some(0), "{alive:?}");
    // What answers there is no Pinfold's admin listener.
    let other = pinfold(&["healthcheck", "--admin", &server.site.to_string()], directory.path());
    assert_eq!(other.status.code(), Some(3));
}

#[test]
fn init_writes_a_configuration_that_is_sound_and_runs() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pinfold.toml");
    let init = |more: &[&str]| {
        let arguments: Vec<_> = ["init"].iter().chain(more).copied().collect();
        pinfold(&arguments, directory.path())
    };
    assert!(init(&[]).status.success());
    let first = fs::read_to_string(&file).unwrap();
    assert_eq!(pinfold(&["check", "--strict"], directory.path()).status.code(), Some(0));
    let again = init(&["--host", "www.other.example"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&again.stderr).starts_with("pinfold: pinfold.toml is there already"),
        "{again:?}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), first, "nothing is lost");

    for wrong in [&["--origin", "ftp://x"][..], &["--host", "a b"], &["--host", "www.example.gov.uk/home"]] {
        fs::remove_file(&file).ok();
        let output = init(wrong);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(
            said.contains(wrong[1]) && !said.contains("pinfold.toml"),
            "no line of a file that is not there: {said}"
        );
        assert!(!file.exists(), "{wrong:?}");
    }
    let printed = init(&["--host", "https://www.example.gov.uk/", "--output", "-"]);
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(text.contains("\nurl = \"https://www.example.gov.uk\"\n"), "{text}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is written");
    let council = [
        "--site-name",
        "Example Borough Council",
        "--host",
        "www.example.gov.uk",
        "--origin",
        "http://127.0.0.1:9",
    ];
    assert!(init(&council).status.success());
    assert_eq!(pinfold(&["check", "--strict"], directory.path()).status.code(), Some(0));
    let text = fs::read_to_string(&file)
        .unwrap()
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("127.0.0.1:8081", "127.0.0.1:0");
    let server = common::Pinfold::configured(&text);
    assert_eq!(server.send("GET", "/.pinfold/health", &[], "").status, 200);
}

#[test]
fn every_value_in_force_is_shown_with_where_it_came_from() {
    let directory = tempfile::tempdir().unwrap();
    let text = fronted("");
    fs::write(directory.path().join("pinfold.toml"), &text).unwrap();
    let shown = |arguments: &[&str]| {
        let mut command = Command::new(BINARY);
        command.args(["config", "--effective"]).args(arguments).current_dir(directory.path());
        let output = command.env("PINFOLD__AUDIT__CROWD", "12").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let said = shown(&[]);
    for (value, from) in [
        ("name = \"Town\"", "pinfold.toml:3"),
        ("crowd = 12", "PINFOLD__AUDIT__CROWD"),
        ("retention = \"25 months\"", "default"),
        ("# [[cookie]] PHPSESSID: purpose = \"strictly-necessary\"", "built in"),
    ] {
        let line =
            said.lines().find(|line| line.starts_with(value)).unwrap_or_else(|| panic!("{value}: {said}"));
        assert!(line.ends_with(&format!("# {from}")), "{line}");
    }
    let data: serde_json::Value = serde_json::from_str(&shown(&["--format", "json"])).unwrap();
    let crowd = data["values"].as_array().unwrap().iter().find(|one| one["key"] == "crowd").unwrap();
    assert_eq!((crowd["heading"].as_str(), crowd["value"].as_i64()), (Some("[audit]"), Some(12)));
    fs::write(directory.path().join("again.toml"), &said).unwrap();
    assert_eq!(
        pinfold(&["check", "--config", "again.toml", "--strict"], directory.path()).status.code(),
        Some(0)
    );

    fs::write(directory.path().join("pinfold.toml"), text.replace("name = \"Town\"", "nam = 1")).unwrap();
    assert_eq!(pinfold(&["config", "--effective"], directory.path()).status.code(), Some(2));
    assert_eq!(pinfold(&["config"], directory.path()).status.code(), Some(2));
}

#[test]
fn what_is_not_there_is_found_before_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = common::configuration(taken, "[audit]\nstore = \"sqlite:nowhere/pinfold.db\"\n");
    std::fs::write(directory.path().join("pinfold.toml"), text).unwrap();
    let check = pinfold(&["check", "--connect"], directory.path());
    let said = String::from_utf8_lossy(&check.stderr);
    assert_eq!(check.status.code(), Some(2), "{said}");
    assert!(said.contains(&format!("the origin http://{taken}/ cannot be reached")), "{said}");
    assert!(said.contains("cannot be made") && said.contains("make its directory"), "{said}");
    assert_eq!(pinfold(&["check"], directory.path()).status.code(), Some(0));
}
