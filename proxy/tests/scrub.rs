//! Existing logs with their addresses replaced, by the command that operators run.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

const BINARY: &str = env!("CARGO_BIN_EXE_pinfold");

fn scrub(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(BINARY).arg("scrub").args(arguments).current_dir(directory).output().unwrap()
}

/// What is written to standard output, and what is said.
fn piped(log: &[u8], arguments: &[&str]) -> (String, String) {
    let mut child = Command::new(BINARY)
        .arg("scrub")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(log).unwrap());
        child.wait_with_output().unwrap()
    });
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    (String::from_utf8(output.stdout).unwrap(), said)
}

/// Lines of 40 hosts, each of which asks ten times; every fourth in IPv6.
fn log() -> String {
    (0..400)
        .map(|number| {
            let host = number % 40;
            let address =
                if host % 4 == 0 { format!("2001:db8:{host:x}::1") } else { format!("203.0.113.{host}") };
            format!(
                "{address} - jo{host} [22/Nov/2026:10:00:00 +0000] \"GET /bins/{number}?who=jo{host} HTTP/1.1\" 200 512 \
                 \"-\" \"Mozilla/5.0\"\n"
            )
        })
        .collect()
}

fn packed(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

#[test]
fn no_address_user_or_query_is_left_and_everything_can_still_be_counted() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("access.log"), log() + "nobody knows what this is\n").unwrap();
    fs::write(at("access.log.1.gz"), packed(&log())).unwrap();
    let done = scrub(directory.path(), &["access.log", "access.log.1.gz", "--output", "new.log.gz"]);
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{said}");
    assert!(said.contains("801 lines read, 800 written, 1 left out"), "{said}");
    let replaced =
        "replaced: addresses 800, users 800, cookies and sign-ins 0, queries 800, e-mail addresses 0;";
    assert!(said.contains(replaced), "{said}");

    let mut text = String::new();
    GzDecoder::new(fs::File::open(at("new.log.gz")).unwrap()).read_to_string(&mut text).unwrap();
    assert_eq!(text.lines().count(), 800);
    for gone in ["203.0.113.", "2001:db8", "jo", "?", "who"] {
        assert!(!text.contains(gone), "{gone}");
    }
    let mut hosts = std::collections::BTreeMap::<IpAddr, usize>::new();
    for line in text.lines() {
        let name: IpAddr = line.split(' ').next().unwrap().parse().unwrap();
        let within = match name {
            IpAddr::V4(v4) => v4.octets()[0] >= 240,
            IpAddr::V6(v6) => v6.octets()[0] == 0xfd,
        };
        assert!(within, "{line}");
        *hosts.entry(name).or_default() += 1;
    }
    assert_eq!(hosts.len(), 40);
    assert!(hosts.values().all(|requests| *requests == 20), "one name in both files");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3, "nothing else is left behind");

    // Another run has another key.
    scrub(directory.path(), &["access.log", "-o", "again.log"]);
    let again = fs::read_to_string(at("again.log")).unwrap();
    assert_ne!(again.split(' ').next(), text.split(' ').next());
}

#[test]
fn standard_input_and_output_and_other_formats() {
    let lines = [
        ("json", "{\"remote_addr\":\"203.0.113.7\",\"uri\":\"/a?b\"}", "\"uri\":\"/a\""),
        (
            "vhost-combined",
            "town.example 203.0.113.7 - - [x] \"GET /a?b HTTP/1.1\" 200 1 \"-\" \"-\"",
            "\"GET /a HTTP",
        ),
        ("common", "203.0.113.7 - - [x] \"GET /a?b HTTP/1.1\" 200 1", "\"GET /a HTTP"),
    ];
    for (format, line, expected) in lines {
        for arguments in [&["-", "-o", "-"][..], &["-", "-o", "-", "--format", format]] {
            let (text, _) = piped(line.as_bytes(), arguments);
            assert!(text.contains(expected) && !text.contains("203.0.113.7"), "{format}: {text}");
        }
    }
}

#[test]
fn nothing_is_overwritten_and_nothing_half_done_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("access.log"), log()).unwrap();
    let onto_itself = scrub(directory.path(), &["access.log", "-o", "access.log"]);
    assert_eq!(onto_itself.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&onto_itself.stderr).contains("access.log exists"));
    assert_eq!(fs::read_to_string(at("access.log")).unwrap(), log());

    let missing = scrub(directory.path(), &["access.log", "nowhere.log", "-o", "new.log"]);
    assert_eq!(missing.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&missing.stderr).starts_with("pinfold: nowhere.log cannot be read"));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);

    let mut cut = packed(&log());
    cut.truncate(cut.len() - 20);
    fs::write(at("cut.gz"), cut).unwrap();
    let broken = scrub(directory.path(), &["cut.gz", "-o", "new.log"]);
    assert_eq!(broken.status.code(), Some(3));
    assert!(!at("new.log").exists());
}

#[test]
fn nothing_that_tells_of_a_person_is_left_in_json() {
    let lines = [
        r#"{"http_cookie":"sid=s3cr3t","sent_http_set_cookie":"sid=s3cr3t","session_id":"s3cr3t"}"#,
        r#"{"http_referer":"http://203.0.113.77/x","x_real_ip":"203.0.113.77, 203.0.113.78","client":"203.0.113.77 "}"#,
        r#"{"message":"client 203.0.113.77 asked /a?postcode=SW1A1AA twice","203.0.113.77":{"[2001:db8::dead:beef]:443":1}}"#,
        r#"{"user":{"name":"josmith"},"user_id":4711,"query":{"postcode":"SW1A1AA"}}"#,
        r#"{"a":"\u0032\u00303.0.113.77","us\u0065r":"josmith","b":"jo.smith@example.org"}"#,
    ];
    let log = lines.join("\r\n") + "\r\n{\"broken\":\"203.0.113.77\r\n";
    let (text, said) = piped(&packed(&log), &["-", "-o", "-"]);
    for gone in ["203.0.113", "dead", "s3cr3t", "smith", "4711", "SW1A", r"\u00303"] {
        assert!(!text.contains(gone), "{gone} is in {text}");
    }
    assert_eq!((text.matches("\r\n").count(), text.lines().count()), (5, 5), "lines end as they did");
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{text}");
    assert!(said.contains("6 lines read, 5 written, 1 left out"), "{said}");
    let replaced = "addresses 8, users 3, cookies and sign-ins 3, queries 2, e-mail addresses 1;";
    assert!(said.contains(replaced), "{said}");
    let (kept, _) =
        piped(log.as_bytes(), &["-", "-o", "-", "--keep-users", "--keep-queries", "--keep-emails"]);
    for stays in ["josmith", "4711", "SW1A1AA", "jo.smith@example.org"] {
        assert!(kept.contains(stays), "{stays}");
    }
    assert!(!kept.contains("203.0.113") && !kept.contains("s3cr3t"));
}

#[test]
fn nothing_that_tells_of_a_person_is_left_in_other_logs() {
    let log = [
        r#"GET / HTTP/1.1" 200 1 "http://[2001:db8::dead:beef]/x" "-""#,
        r#"GET / HTTP/1.1" 200 1 "http://jo:pw@203.0.113.77/x" "-""#,
        r#"GET / HTTP/1.1" 200 1 "203.0.113.98" "Mozilla/5.0 from 203.0.113.77 Chrome/141.0.0.0 Firefox/140.0.0.1""#,
        r#"GET /lookup/203.0.113.77/x;jsessionid=ABC HTTP/1.1" 200 1 "-" "-""#,
        r#"GET http://203.0.113.77/p HTTP/1.1" 200 1 "-" "-""#,
        r#"CONNECT 203.0.113.77:443 HTTP/1.1" 405 1 "-" "-""#,
        r#"GET /r/jo.smith@example.org HTTP/1.1" 200 1 "-" "-""#,
    ]
    .map(|rest| format!("2001:db8::dead:beef - - [22/Nov/2026:10:00:00 +0000] \"{rest}\r\n"))
    .concat();
    let too_long = format!("203.0.113.77 - - [x] \"GET /{} HTTP/1.1\" 200 1\n", "a".repeat(2 << 20));
    let long = format!("203.0.113.77 - - [x] \"GET /{} HTTP/1.1\" 200 1", "203.0.113.77/".repeat(60_000));
    let (text, said) = piped((log + &too_long + &long).as_bytes(), &["-", "-o", "-"]);
    for gone in ["203.0.113", "dead", "jo", "pw", "ABC"] {
        assert!(!text.contains(gone), "{gone}");
    }
    for stays in [
        "Chrome/141.0.0.0 Firefox/140.0.0.1",
        "/x HTTP/1.1",
        ":443 HTTP",
        "/r/e-mail HTTP",
        "]/x\" \"-\"\r\n",
    ] {
        assert!(text.contains(stays), "{stays}");
    }
    assert!(said.contains("9 lines read, 8 written, 1 left out"), "{said}");
    assert!(
        said.contains("addresses 60015, users 1, cookies and sign-ins 0, queries 1, e-mail addresses 1;"),
        "{said}"
    );
}
