//! Distinctive addresses, cookie values and forms are sent through every path; none is found in anything left behind.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use common::{CANARY, Origin, Pinfold, configuration, files};

const SIXTH: &str = "2001:db8:cafe:f00d::77";
const SECRET: &str = "s3cr3t-c00kie-value";

/// The forms in which an address could hide.
fn forms() -> Vec<Vec<u8>> {
    let Ok(IpAddr::V4(v4)) = CANARY.parse() else { unreachable!() };
    let number = u32::from(v4);
    let sixth: std::net::Ipv6Addr = SIXTH.parse().unwrap();
    let network = Ipv4Addr::from(number & 0xffff_ff00).to_string();
    vec![
        CANARY.into(),
        network.trim_end_matches('0').into(),
        number.to_string().into(),
        format!("{number:x}").into(),
        v4.octets().to_vec(),
        SIXTH.into(),
        "cafe:f00d".into(),
        sixth.octets()[..8].to_vec(),
        SECRET.into(),
    ]
}

#[test]
fn canaries_are_nowhere() {
    let origin = Origin::hello();
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
    let canary = ("x-forwarded-for", CANARY);
    for (method, path, fields, body) in [
        ("POST", "/cookies", vec![canary, ("sec-fetch-site", "cross-site")], "x=1"),
        (
            "POST",
            "/cookies",
            vec![canary, ("sec-fetch-site", "same-origin"), ("content-type", "text/plain")],
            "x=1",
        ),
        ("TRACE", "/", vec![canary], ""),
        ("GET", "/cookies", vec![canary, ("cookie", &secret)], ""),
        ("GET", "/", vec![("x-forwarded-for", "203.0.113.77, nonsense"), ("cookie", &secret)], ""),
        ("GET", "/", vec![("forwarded", "for=203.0.113.77"), ("x-real-ip", CANARY)], ""),
        ("GET", "/", vec![canary, ("host", "second.example")], ""),
    ] {
        let answer = pinfold.send(method, path, &fields, body);
        assert_clean("an answer", format!("{}{}", answer.head, answer.body).as_bytes());
    }
    for path in ["/", "/metrics", "/readyz", "/healthz", "/unknown"] {
        let answer = pinfold.admin(path);
        assert_clean(path, format!("{}{}", answer.head, answer.body).as_bytes());
    }
    for request in origin.requests() {
        let fields: Vec<_> = request.headers().iter().filter(|(name, _)| *name != "cookie").collect();
        assert_clean("a field for the site", format!("{fields:?}").as_bytes());
    }
    let (directory, log) = pinfold.stop();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log is at its most talkative");
    assert_clean("the log", log.as_bytes());
    let left = files(directory.path());
    assert!(left.iter().any(|file| file.ends_with("pinfold.db")));
    for file in left {
        assert_clean(&file.display().to_string(), &fs::read(&file).unwrap());
    }
    assert_clean("the report", report(directory.path()).as_bytes());
}

fn report(directory: &Path) -> String {
    Pinfold::report(directory).to_string()
}

fn assert_clean(place: &str, bytes: &[u8]) {
    let lower = bytes.to_ascii_lowercase();
    for form in forms() {
        let found = lower.windows(form.len()).any(|window| window == form.to_ascii_lowercase());
        assert!(!found, "{} stands in {place}", String::from_utf8_lossy(&form));
    }
}
