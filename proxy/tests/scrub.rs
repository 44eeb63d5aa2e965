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
    let directory = tempfile::tempdir().unwrap();
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
            let mut child = Command::new(BINARY)
                .arg("scrub")
                .args(arguments)
                .current_dir(directory.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
            let output = child.wait_with_output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
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
