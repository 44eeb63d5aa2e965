//! Visitors before a web server before Pinfold before a site, with what the manual says to write. `scripts/check` installs the
//! servers and runs this.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;
mod fronts;
mod manual;
mod site;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use common::tls::{Authority, NAME, Secured};
use common::{Answer, BINARY, Pinfold};
use fronts::Front;
use manual::{block, put};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, DEFAULT_VERSIONS, StreamOwned};
use site::{NECESSARY, OPTIONAL, Site};
use tokio::net::TcpSocket;

/// What a council adds to a configuration of the manual.
const COOKIES: &str = r#"
[[purpose]]
id = "marketing"
basis = "consent"
title = "Marketing"
description = "They measure campaigns."
[[cookie]]
name = "session"
purpose = "strictly-necessary"
[[cookie]]
name = "__Secure-sign"
purpose = "strictly-necessary"
[[cookie]]
name = "_ga*"
purpose = "marketing"
"#;

/// What visitors send, necessary or not, and what of it reaches the site.
const SENT: &str = "session=1; _ga=2; __Secure-sign=3";
const SENT_ON: &str = "session=1; __Secure-sign=3";

struct Chain {
    front: Front,
    pinfold: Pinfold,
    site: Site,
    authority: Authority,
}

impl Chain {
    /// `configuration` is from the manual; `front` is given where Pinfold is.
    fn start(
        configuration: impl FnOnce(&Authority) -> String,
        front: impl FnOnce(&Pinfold, &Authority) -> Front,
    ) -> Self {
        let (site, authority) = (Site::start(), Authority::for_the_town());
        let directory = tempfile::tempdir().unwrap();
        let text = format!("{}\n{COOKIES}", configuration(&authority));
        fs::write(directory.path().join("pinfold.toml"), text).unwrap();
        let mut command = Command::new(BINARY);
        command
            .args(["run", "--config", "pinfold.toml"])
            .current_dir(directory.path())
            .env("PINFOLD__LISTEN__HTTP", "127.0.0.1:0")
            .env("PINFOLD__ADMIN__LISTEN", "127.0.0.1:0")
            .env("PINFOLD__ORIGIN__URL", format!("http://{}", site.address));
        let pinfold = Pinfold::spawn(command, directory);
        let front = front(&pinfold, &authority);
        Self { front, pinfold, site, authority }
    }

    /// Asks from one of the addresses of this machine, and reads to the end.
    fn ask(&self, client: Ipv4Addr, method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> Answer {
        let line = format!("{method} {path} HTTP/1.1");
        ask(self.front.address, &self.authority, client, &line, fields, body)
    }

    fn page(&self, cookies: &str) -> Answer {
        self.ask(CLIENTS[0].0, "GET", "/", &[("Accept", "text/html"), ("Cookie", cookies)], "")
    }

    fn connect(&self, client: Ipv4Addr) -> Secured {
        connect(self.front.address, &self.authority, client)
    }
}

fn ask(
    front: SocketAddr,
    authority: &Authority,
    client: Ipv4Addr,
    line: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut text = format!("{line}\r\nHost: {NAME}\r\nConnection: close\r\n");
    for (name, value) in fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    let mut stream = connect(front, authority, client);
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // Not everybody takes leave of TLS.
    let _ = stream.read_to_end(&mut answer);
    Answer::read(&answer)
}

fn connect(front: SocketAddr, authority: &Authority, client: Ipv4Addr) -> Secured {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((client, 0))).unwrap();
        socket.connect(front).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let config = authority.client(DEFAULT_VERSIONS, &[]);
    let client = ClientConnection::new(config.into(), ServerName::try_from(NAME).unwrap()).unwrap();
    StreamOwned::new(client, stream)
}

/// Who asks, and how often.
const CLIENTS: [(Ipv4Addr, u64); 3] =
    [(Ipv4Addr::new(127, 0, 0, 2), 5), (Ipv4Addr::new(127, 0, 0, 3), 3), (Ipv4Addr::new(127, 0, 0, 4), 1)];

/// Everybody is counted by the address they have, whatever they say, and the site is told none.
fn client_addresses(chain: &Chain) {
    for (client, times) in CLIENTS {
        for time in 0..times {
            let made_up = format!("203.0.113.{}", 10 * client.octets()[3] as u64 + time);
            let fields = [
                ("X-Forwarded-For", &*made_up),
                ("X-Real-IP", &made_up),
                ("X-Forwarded-Proto", "http"),
                ("Cookie", SENT),
            ];
            let answer = chain.ask(client, "GET", "/", &fields, "");
            assert_eq!(answer.status, 200, "{}", answer.head);
        }
    }
    let top = common::pinfold(&["top", "--format", "json"], chain.pinfold.path());
    let top: serde_json::Value = serde_json::from_slice(&top.stdout).unwrap();
    let counted: Vec<u64> =
        top["hosts"].as_array().unwrap().iter().map(|host| host["requests"].as_u64().unwrap()).collect();
    assert_eq!(counted, CLIENTS.map(|(_, times)| times), "{top}");
    for head in pages(chain) {
        assert!(!head.head.contains("203.0.113.") && !head.head.contains("127.0.0."), "{}", head.head);
        assert_eq!(head.values("x-forwarded-proto"), ["https"]);
        assert_eq!(head.values("host"), [NAME]);
        assert_eq!(head.values("cookie"), [SENT_ON]);
    }
}

/// The pages that the site was asked for since the last time.
fn pages(chain: &Chain) -> Vec<Answer> {
    chain.site.take().into_iter().filter(|head| head.head.starts_with("GET / ")).collect()
}

/// What needs consent is held until it is there, and nobody is shown what another chose.
fn cookies(chain: &Chain) {
    let undecided = chain.page(SENT);
    assert_eq!(set(&undecided), NECESSARY, "byte for byte");
    assert!(undecided.body.contains("pinfold-banner"), "{}", undecided.body);

    let form =
        [("Origin", &*format!("https://{NAME}")), ("Content-Type", "application/x-www-form-urlencoded")];
    let chosen = chain.ask(CLIENTS[0].0, "POST", "/cookies", &form, "cookies[all]=yes&return=/");
    assert_eq!(chosen.status, 303, "{}", chosen.head);
    let decision =
        chosen.values("set-cookie").into_iter().find(|cookie| cookie.contains("-consent=")).unwrap();
    assert!(decision.starts_with("__Host-pinfold-consent=1.") && decision.contains("Secure"), "{decision}");

    let decided = chain.page(decision.split(';').next().unwrap());
    assert_eq!(set(&decided), [NECESSARY[0], NECESSARY[1], OPTIONAL]);
    let another = chain.page("");
    assert_eq!(set(&another), NECESSARY);
    assert!(another.body.contains("pinfold-banner"));
    assert_eq!(pages(chain).len(), 3, "each was asked of the site");
}

/// The cookies that an answer sets, but for Pinfold's own.
fn set(answer: &Answer) -> Vec<&str> {
    answer.values("set-cookie").into_iter().filter(|cookie| !cookie.starts_with("__Host-pinfold-")).collect()
}

/// A page with a question is kept by nobody; what is the same for everybody may be.
fn caches(chain: &Chain, keeps: bool) {
    let page = chain.page("");
    assert_eq!(page.values("cache-control"), ["private, no-store"]);
    let asset = page.body.split('"').find(|text| text.starts_with("/.pinfold/")).unwrap();
    for path in [asset, "/style.css"] {
        let answers = [(); 2].map(|()| chain.ask(CLIENTS[1].0, "GET", path, &[], ""));
        assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 200], "{path}");
        assert_eq!(answers[0].body, answers[1].body, "{path}");
        assert!(answers[0].values("cache-control")[0].starts_with("public"), "{path}: {}", answers[0].head);
        assert_eq!(kept(&answers[1]), keeps, "{path}: {}", answers[1].head);
    }
    for _ in 0..2 {
        assert!(!kept(&chain.page("")));
    }
    assert_eq!(pages(chain).len(), 3, "each was asked of the site");
}

/// Whether it comes out of a cache.
fn kept(answer: &Answer) -> bool {
    !answer.values("age").is_empty() || answer.values("x-cache").iter().any(|word| word.starts_with("HIT"))
}

fn websocket(chain: &Chain) {
    let mut stream = chain.connect(CLIENTS[0].0);
    let head = format!(
        "GET /chat HTTP/1.1\r\nHost: {NAME}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: {SENT}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    let answer = Answer::read(&answer);
    assert_eq!(answer.status, 101, "{}", answer.head);
    // A whole frame, masked with zeros: "hello".
    let frame = b"\x81\x85\0\0\0\0hello";
    stream.write_all(frame).unwrap();
    let mut heard = [0; 11];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, frame);
    let heads = chain.site.take();
    assert_eq!(heads.last().unwrap().values("cookie"), [SENT_ON]);
}

fn in_clear(page: &'static str) -> impl FnOnce(&Authority) -> String {
    move |_| block(page, "toml", 0)
}

#[test]
#[ignore = "needs nginx: scripts/check installs it and runs this"]
fn behind_nginx() {
    let chain = Chain::start(in_clear("nginx"), |pinfold, authority| fronts::nginx(pinfold.site, authority));
    client_addresses(&chain);
    cookies(&chain);
    caches(&chain, true);
    websocket(&chain);
}

#[test]
#[ignore = "needs apache2: scripts/check installs it and runs this"]
fn behind_apache() {
    let chain =
        Chain::start(in_clear("apache-drupal"), |pinfold, authority| fronts::apache(pinfold.site, authority));
    client_addresses(&chain);
    cookies(&chain);
    caches(&chain, true);
    websocket(&chain);
}

#[test]
#[ignore = "needs apache2: scripts/check installs it and runs this"]
fn between_two_halves_of_apache() {
    let authority = Authority::for_the_town();
    let (directory, site) = (tempfile::tempdir().unwrap(), fronts::free());
    fs::write(
        directory.path().join("pinfold.toml"),
        put(&block("apache-drupal", "toml", 0), &[("http://127.0.0.1:8000", &format!("http://{site}"))]),
    )
    .unwrap();
    let mut command = Command::new(BINARY);
    command
        .args(["run", "--config", "pinfold.toml"])
        .current_dir(directory.path())
        .env("PINFOLD__LISTEN__HTTP", "127.0.0.1:0")
        .env("PINFOLD__ADMIN__LISTEN", "127.0.0.1:0");
    let pinfold = Pinfold::spawn(command, directory);
    let front = fronts::apache_at_both_ends(site, pinfold.site, &authority);
    for (path, status, text) in [
        ("/", 200, "Drupal answers"),
        // There is no such file: `.htaccess` says who answers.
        ("/bins", 200, "Drupal answers"),
        ("/planning/2026/0123?page=2", 200, "Drupal answers"),
        ("/style.css", 200, "p{margin:0}"),
        ("/services.yml", 403, ""),
    ] {
        let answer = ask(front.address, &authority, CLIENTS[0].0, &format!("GET {path} HTTP/1.1"), &[], "");
        assert_eq!(answer.status, status, "{path}: {}", answer.head);
        assert!(answer.body.contains(text), "{path}: {}", answer.body);
    }
}

#[test]
#[ignore = "needs caddy: scripts/check installs it and runs this"]
fn behind_caddy() {
    let chain = Chain::start(in_clear("caddy"), |pinfold, authority| fronts::caddy(pinfold.site, authority));
    client_addresses(&chain);
    cookies(&chain);
    caches(&chain, false);
    websocket(&chain);
}

#[test]
#[ignore = "needs haproxy: scripts/check installs it and runs this"]
fn behind_haproxy() {
    let chain = Chain::start(
        |_| put(&block("haproxy", "toml", 0), &[("192.0.2.2", "127.0.0.1")]),
        |pinfold, authority| fronts::haproxy(pinfold.site, authority),
    );
    client_addresses(&chain);
    cookies(&chain);
    caches(&chain, true);
    websocket(&chain);
}

#[test]
#[ignore = "needs haproxy: scripts/check installs it and runs this"]
fn behind_haproxy_by_the_proxy_protocol() {
    let chain = Chain::start(
        |authority| {
            let [certificate, key] =
                ["cert.pem", "key.pem"].map(|name| authority.path(name).display().to_string());
            put(
                &block("haproxy", "toml", 1),
                &[
                    ("192.0.2.2", "127.0.0.1"),
                    ("192.0.2.10:443", "127.0.0.1:0"),
                    ("\"cert.pem\"", &format!("{certificate:?}")),
                    ("\"key.pem\"", &format!("{key:?}")),
                ],
            )
        },
        |pinfold, _| fronts::haproxy_unopened(pinfold.https.unwrap()),
    );
    client_addresses(&chain);
    cookies(&chain);
    caches(&chain, false);
    websocket(&chain);
}
