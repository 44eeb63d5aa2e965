//! Distinctive addresses, cookie values and forms are sent through every path; none is found in anything left behind.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use common::{CANARY, Origin, Pinfold, configuration, files, page, raw};
use http::Response;

const SIXTH: &str = "2001:db8:cafe:f00d:5ca1:ab1e:c0de:77";
const SECRET: &str = "s3cr3t-c00kie-value";

/// A form in which an address could hide, and whether it is one whatever the case of its letters.
struct Form {
    bytes: Vec<u8>,
    any_case: bool,
}

/// Text, decimal, hexadecimal, base64 wherever it begins, and bytes in both orders.
fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    let mut add = |bytes: Vec<u8>, any_case: bool| forms.push(Form { bytes, any_case });
    for address in [CANARY, SIXTH].map(|text| text.parse::<IpAddr>().unwrap()) {
        let (bytes, decimal) = match address {
            IpAddr::V4(v4) => (v4.octets().to_vec(), v4.to_bits().to_string()),
            IpAddr::V6(v6) => (v6.octets().to_vec(), v6.to_bits().to_string()),
        };
        add(address.to_string().into(), true);
        add(decimal.into(), false);
        let reversed: Vec<_> = bytes.iter().rev().copied().collect();
        for bytes in [&bytes, &reversed] {
            add(bytes.clone(), false);
            for between in ["", ":", ".", " "] {
                let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                add(digits.join(between).into(), true);
            }
        }
        for plain in [bytes.clone(), reversed.clone(), address.to_string().into()] {
            for shift in 0..3 {
                let encoded = base64_at(&plain, shift);
                add(encoded.replace('+', "-").replace('/', "_").into(), false);
                add(encoded.into(), false);
            }
        }
    }
    let sixth: Ipv6Addr = SIXTH.parse().unwrap();
    for part in ["203.0.113.", "cafe:f00d", "5ca1:ab1e", SECRET] {
        add(part.into(), true);
    }
    let written_out = sixth.segments().map(|segment| format!("{segment:04x}")).join(":");
    add(written_out.into(), true);
    add(sixth.octets()[..8].to_vec(), false);
    forms
}

/// What base64 (RFC 4648) makes of bytes that begin so far within a group, less the letters that depend on their neighbours.
fn base64_at(bytes: &[u8], shift: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let skipped = (6 - shift * 8 % 6) % 6;
    let letter =
        |six: &[u8]| char::from(LETTERS[six.iter().fold(0, |number, bit| number << 1 | usize::from(*bit))]);
    bits[skipped..].chunks_exact(6).map(letter).collect()
}

fn assert_clean(place: &str, bytes: &[u8]) {
    let lower = bytes.to_ascii_lowercase();
    for Form { bytes: form, any_case } in forms() {
        let found = if any_case {
            memchr::memmem::find(&lower, &form.to_ascii_lowercase())
        } else {
            memchr::memmem::find(bytes, &form)
        };
        assert!(found.is_none(), "{} ({form:02x?}) stands in {place}", String::from_utf8_lossy(&form));
    }
}

#[test]
fn the_search_finds_each_form() {
    assert_eq!(base64_at(b"203.0.113.77", 0), "MjAzLjAuMTEzLjc3");
    assert_eq!(base64_at(b"203.0.113.77", 1), "IwMy4wLjExMy43N");
    assert_eq!(base64_at(b"203.0.113.77", 2), "yMDMuMC4xMTMuNz");
    for hidden in [
        "x203.0.113.77",
        "3405803853",
        "CB00714D",
        "cb:00:71:4d",
        "4d7100cb",
        "2001:DB8:CAFE:F00D:5CA1:AB1E:C0DE:77",
    ] {
        assert!(std::panic::catch_unwind(|| assert_clean("a test", hidden.as_bytes())).is_err(), "{hidden}");
    }
    assert!(std::panic::catch_unwind(|| assert_clean("a test", &[0, 203, 0, 113, 77])).is_err());
    assert!(std::panic::catch_unwind(|| assert_clean("a test", &[77, 113, 0, 203])).is_err());
    assert_clean("a test", b"nothing of anybody");
}

/// A site that answers with every kind of status, cookie and body.
fn site() -> Origin {
    Origin::start(|request| match request.uri().path() {
        "/missing" => Response::builder().status(404).body("no".into()).unwrap(),
        "/broken" => Response::builder().status(500).body("no".into()).unwrap(),
        "/away" => Response::builder().status(302).header("location", "/").body("".into()).unwrap(),
        "/cookies-set" => {
            let page =
                Response::builder().header("set-cookie", "_ga=1; Path=/").header("set-cookie", "session=2");
            page.header("content-type", "text/html").body("<html><body>hello</body></html>".into()).unwrap()
        }
        _ => page("hello"),
    })
}

#[test]
fn canaries_are_nowhere() {
    let origin = site();
    let more = "[client_address]\nsource = \"x-forwarded-for\"\ntrusted_proxies = [\"127.0.0.1\"]\n[audit]\ncrowd = 2";
    let pinfold = Pinfold::configured(&configuration(origin.address, more));
    let secret = format!("session={SECRET}; _ga={SECRET}; other={SECRET}");
    for number in 0..30 {
        for client in
            [CANARY.to_owned(), SIXTH.to_owned(), format!("198.51.{number}.1"), format!("[{SIXTH}]:4711")]
        {
            let fields = [("x-forwarded-for", client.as_str()), ("cookie", &secret), ("accept", "text/html")];
            assert_eq!(pinfold.get("/bins", &fields).status, 200);
        }
    }
    for canary in [("x-forwarded-for", CANARY), ("x-forwarded-for", SIXTH)] {
        let typed = |kind| vec![canary, ("sec-fetch-site", "same-origin"), ("content-type", kind)];
        let form = "application/x-www-form-urlencoded";
        for (method, path, fields, body) in [
            ("POST", "/cookies", vec![canary, ("sec-fetch-site", "cross-site")], "x=1"),
            ("POST", "/cookies", typed("text/plain"), "x=1"),
            ("POST", "/cookies", typed(form), "cookies[all]=yes"),
            ("POST", "/cookies", typed(form), &"x=1&".repeat(3_000)),
            ("TRACE", "/", vec![canary], ""),
            ("GET", "/cookies", vec![canary, ("cookie", &secret)], ""),
            ("GET", "/missing", vec![canary], ""),
            ("GET", "/broken", vec![canary], ""),
            ("GET", "/away", vec![canary], ""),
            ("GET", "/cookies-set", vec![canary, ("cookie", &secret)], ""),
            ("HEAD", "/", vec![canary], ""),
            ("GET", "/", vec![canary, ("host", "second.example")], ""),
            ("GET", "/", vec![canary, ("expect", "nonsense")], ""),
            ("GET", "/", vec![canary, ("sec-gpc", "1")], ""),
            ("GET", "/", vec![canary, canary, ("x-forwarded-for", "nonsense, , unknown, \u{1}")], ""),
            ("GET", "/", vec![("x-forwarded-for", "203.0.113.77, nonsense"), ("cookie", &secret)], ""),
            ("GET", "/", vec![("x-forwarded-for", "\"203.0.113.77:80\""), ("x_forwarded_for", CANARY)], ""),
            ("GET", "/", vec![("forwarded", "for=203.0.113.77"), ("x-real-ip", CANARY)], ""),
            ("GET", "/", vec![("true-client-ip", SIXTH), ("cf-connecting-ip", CANARY), ("via", CANARY)], ""),
            ("BREW", "//x", vec![canary], ""),
        ] {
            let answer = pinfold.send(method, path, &fields, body);
            assert_clean("an answer", format!("{}{}", answer.head, answer.body).as_bytes());
        }
    }
    for path in ["/", "/metrics", "/readyz", "/healthz", "/unknown"] {
        let answer = pinfold.admin(path);
        assert_clean(path, format!("{}{}", answer.head, answer.body).as_bytes());
    }
    for request in origin.requests() {
        // A field that names no client is passed on as it is.
        let fields: Vec<_> = request
            .headers()
            .iter()
            .filter(|(name, _)| !["cookie", "via"].contains(&name.as_str()))
            .collect();
        assert_clean("a field for the site", format!("{fields:?}").as_bytes());
    }
    commands_are_clean(pinfold.path());
    let (directory, log) = pinfold.stop();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log is at its most talkative");
    nothing_is_left(directory.path(), &log);
    assert_clean("the report", Pinfold::report(directory.path()).to_string().as_bytes());
}

#[test]
fn canaries_that_a_proxy_announces_are_nowhere_even_after_a_crash() {
    let origin = site();
    let more = "[client_address]\nsource = \"proxy-protocol\"\ntrusted_proxies = [\"127.0.0.1\"]\n[audit]\ncrowd = 2";
    for crash in ["ABRT", "KILL", "TRAP"] {
        let pinfold = Pinfold::configured(&configuration(origin.address, more));
        let request = "GET / HTTP/1.1\r\nhost: www.town.example\r\nconnection: close\r\n\r\n";
        let heads = [
            format!("PROXY TCP4 {CANARY} 127.0.0.1 4711 80\r\n{request}").into_bytes(),
            format!("PROXY TCP6 {SIXTH} ::1 4711 80\r\n{request}").into_bytes(),
            [second_version(), request.as_bytes()].concat(),
        ];
        for head in heads {
            let answer = raw(pinfold.site, &head);
            assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
            assert_clean("an answer", &answer);
        }
        // None of these is served.
        for head in [
            format!("PROXY TCP4 {CANARY} 127.0.0.1 4711\r\n{request}"),
            format!("PROXY TCP4 {CANARY} 127.0.0.1 4711 80 {CANARY}\r\n{request}"),
            format!("PROXY TCP6 {CANARY} ::1 4711 80\r\n{request}"),
            format!("PROXY UNKNOWN {SIXTH}{}\r\n", "x".repeat(200)),
        ] {
            assert_clean("an answer", &raw(pinfold.site, head.as_bytes()));
        }
        commands_are_clean(pinfold.path());
        let (directory, log) = pinfold.kill(crash);
        nothing_is_left(directory.path(), &log);
    }
}

/// Version 2 of the PROXY protocol, for a connection over IPv4.
fn second_version() -> &'static [u8] {
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x4d\x7f\x00\x00\x01\x12\x67\x00\x50"
}

/// What administrators are told by commands, and when they go wrong.
fn commands_are_clean(directory: &Path) {
    let top = common::pinfold(&["top", "--format", "json"], directory);
    let top: serde_json::Value = serde_json::from_slice(&top.stdout).unwrap();
    let name = top["hosts"][0]["pseudonym"].as_str().unwrap();
    let case = ["--basis", "x", "--requested-by", "a"];
    let lookup =
        |address, approver| [&["lookup", "--ip", address][..], &case, &["--approved-by", approver]].concat();
    for arguments in [
        vec!["top"],
        vec!["top", "--by", "errors", "--format", "json"],
        vec!["block", name, "--for", "1h", "--reason", "x"],
        vec!["blocks"],
        vec!["unblock", name],
        vec!["unblock", name],
        vec!["keys"],
        lookup(CANARY, "b"),
        lookup(SIXTH, "b"),
        lookup(SIXTH, "a"),
        vec!["approve"],
        vec!["ledger", "verify"],
        vec!["report", "--config", "pinfold.toml"],
        vec!["check", "--config", "pinfold.toml"],
    ] {
        let output = common::pinfold(&arguments, directory);
        assert_clean(&arguments.join(" "), &output.stdout);
        assert_clean(&arguments.join(" "), &output.stderr);
    }
}

fn nothing_is_left(directory: &Path, log: &str) {
    assert_clean("the log", log.as_bytes());
    let left = files(directory);
    assert!(left.iter().any(|file| file.ends_with("pinfold.db")));
    for file in left {
        // A socket that a crash leaves behind holds nothing.
        if fs::metadata(&file).unwrap().is_file() {
            assert_clean(&file.display().to_string(), &fs::read(&file).unwrap());
        }
    }
}
