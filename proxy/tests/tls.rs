//! TLS to visitors: what is spoken, what is refused, and who is waited for how long.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::http2::PREFACE;
use common::recorder::{Recorder, converse as converse_in_clear};
use common::tls::{Authority, NAME, connect, converse};
use common::{BINARY, CANARY, Pinfold, configuration, fronted, pinfold, raw};
use http::{Request, Version};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, DEFAULT_VERSIONS, HandshakeKind, ProtocolVersion};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: www.town.example\r\n\r\n";

/// A proxy that speaks TLS, in front of a site that says hello.
struct Rig {
    authority: Authority,
    origin: Recorder,
    pinfold: Pinfold,
    https: SocketAddr,
}

impl Rig {
    fn start() -> Self {
        Self::configured("")
    }

    fn configured(more: &str) -> Self {
        let (authority, origin) = (Authority::for_the_town(), Recorder::start());
        let pinfold = Pinfold::configured(&authority.listening(&configuration(origin.address, more)));
        let https = pinfold.https.unwrap();
        Self { authority, origin, pinfold, https }
    }

    /// What a healthy client is answered.
    fn status(&self) -> Vec<u16> {
        self.authority.converse(self.https, GET).statuses()
    }
}

/// What a client says first.
fn client_hello(rig: &Rig) -> Vec<u8> {
    let config = Arc::new(rig.authority.client(DEFAULT_VERSIONS, &[]));
    let mut client = ClientConnection::new(config, ServerName::try_from(NAME).unwrap()).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    hello
}

#[test]
fn tls_1_versions_1_2_and_1_3_and_what_is_agreed() {
    let rig = Rig::start();
    for (version, expected) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        for (alpn, agreed) in
            [(&["http/1.1"][..], Some(&b"http/1.1"[..])), (&["h2", "http/1.1"], Some(b"h2")), (&[], None)]
        {
            let config = Arc::new(rig.authority.client(&[version], alpn));
            let mut stream = connect(rig.https, config);
            while stream.conn.is_handshaking() {
                stream.conn.complete_io(&mut stream.sock).unwrap();
            }
            assert_eq!(stream.conn.protocol_version(), Some(expected));
            assert_eq!(stream.conn.alpn_protocol(), agreed);
            let served = if agreed == Some(b"h2") { vec![] } else { vec![200] };
            let reply = converse(stream, GET);
            assert_eq!((reply.statuses(), reply.closed), (served.clone(), served.is_empty()), "{alpn:?}");
        }
        let unknown = connect(rig.https, Arc::new(rig.authority.client(&[version], &["spdy/3"])));
        assert_eq!(converse(unknown, GET).statuses(), [0; 0], "nothing was agreed");
    }
    let told = rig.origin.take().whole;
    assert_eq!(told.len(), 4);
    assert!(told.iter().all(|request| request.value("x-forwarded-proto") == Some("https")));
}

/// HTTP/2 where HTTP/1.1 was agreed is refused, as the other way round is above; where nothing was, the first bytes tell.
#[test]
fn tls_1_what_is_spoken_is_what_was_agreed() {
    let rig = Rig::start();
    let begin = [PREFACE, &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    for (alpn, is_spoken) in [(&["http/1.1"][..], false), (&["h2"], true), (&[], true)] {
        let mut stream = connect(rig.https, Arc::new(rig.authority.client(DEFAULT_VERSIONS, alpn)));
        stream.write_all(&begin).unwrap();
        let mut answer = [0; 9];
        // A SETTINGS frame, or the end.
        assert_eq!(stream.read_exact(&mut answer).is_ok() && answer[3] == 4, is_spoken, "{alpn:?}");
    }
}

#[test]
fn tls_1_old_versions_are_refused() {
    let rig = Rig::start();
    for version in [0x00, 0x01, 0x02] {
        // SSL 3.0, TLS 1.0 and 1.1: random, no session, two suites of their time, no compression, no extensions.
        let mut body = vec![3, version];
        body.extend([7; 32]);
        body.extend([0, 0, 4, 0xc0, 0x13, 0, 0x2f, 1, 0]);
        let length = u8::try_from(body.len()).unwrap();
        let hello = [&[22, 3, version, 0, length + 4, 1, 0, 0, length][..], &body].concat();
        let answer = raw(rig.https, &hello);
        // One fatal alert: protocol_version or handshake_failure.
        assert!(matches!(answer[..], [21, 3, _, 0, 2, 2, 70 | 40]), "{version}: {answer:?}");
    }
    // What is no TLS at all gets no page.
    for nonsense in [GET, &b"\x16\x03\x01\xff\xff"[..], &[0x80, 0x2e, 1, 0, 2], &[0xff; 4096]] {
        let answer = raw(rig.https, nonsense);
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
    assert_eq!(rig.status(), [200]);
    assert!(!rig.pinfold.log().contains("panicked"));
}

#[test]
fn tls_1_a_client_hello_may_come_in_bytes_and_in_records_of_a_byte() {
    let rig = Rig::start();
    let mut stream = rig.authority.connect(rig.https);
    stream.sock.set_nodelay(true).unwrap();
    let mut hello = Vec::new();
    stream.conn.write_tls(&mut hello).unwrap();
    for byte in hello {
        stream.sock.write_all(&[byte]).unwrap();
    }
    assert_eq!(converse(stream, GET).statuses(), [200]);

    let mut stream = rig.authority.connect(rig.https);
    let mut hello = Vec::new();
    stream.conn.write_tls(&mut hello).unwrap();
    for byte in &hello[5..] {
        stream.sock.write_all(&[22, 3, 1, 0, 1, *byte]).unwrap();
    }
    assert_eq!(converse(stream, GET).statuses(), [200]);
}

#[test]
fn tls_1_a_session_is_resumed_without_early_data() {
    let rig = Rig::start();
    for version in [&TLS12, &TLS13] {
        let mut config = rig.authority.client(&[version], &[]);
        config.enable_early_data = true;
        config.resumption = Resumption::in_memory_sessions(8);
        let config = Arc::new(config);
        let kind = || {
            let mut stream = connect(rig.https, config.clone());
            assert!(stream.conn.early_data().is_none(), "nothing may be said before the handshake");
            stream.write_all(GET).unwrap();
            // Tickets come before the answer.
            let mut answer = [0; 1024];
            assert!(stream.read(&mut answer).unwrap() > 0);
            stream.conn.handshake_kind().unwrap()
        };
        assert!(kind() != HandshakeKind::Resumed);
        assert_eq!(kind(), HandshakeKind::Resumed);
    }
}

#[test]
fn tls_1_silent_and_half_handshakes_are_cut_off_while_others_are_served() {
    let rig = Rig::start();
    let hello = client_hello(&rig);
    let dripping = hello.clone();
    let beginnings = [vec![], hello[..1].to_vec(), hello[..100].to_vec(), hello];
    let began = Instant::now();
    let mut slow: Vec<_> = beginnings
        .into_iter()
        .map(|beginning| {
            let mut stream = TcpStream::connect(rig.https).unwrap();
            stream.write_all(&beginning).unwrap();
            thread::spawn(move || {
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                let _ = stream.read_to_end(&mut Vec::new());
                began.elapsed()
            })
        })
        .collect();
    let mut drip = TcpStream::connect(rig.https).unwrap();
    slow.push(thread::spawn(move || {
        let mut bytes = dripping.into_iter();
        while drip.write_all(&[bytes.next().unwrap()]).is_ok() {
            thread::sleep(Duration::from_millis(300));
        }
        began.elapsed()
    }));
    while !slow.iter().all(thread::JoinHandle::is_finished) {
        let started = Instant::now();
        assert_eq!(rig.status(), [200]);
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    }
    for lived in slow {
        let lived = lived.join().unwrap();
        assert!((9..=12).contains(&lived.as_secs()), "{lived:?}");
    }
}

/// RUSTSEC-2024-0336.
#[test]
fn tls_1_an_end_within_the_handshake_does_not_spin() {
    let rig = Rig::start();
    let hello = client_hello(&rig);
    let ends =
        [b"\x15\x03\x03\x00\x02\x01\x00".to_vec(), [&hello[..], b"\x15\x03\x03\x00\x02\x01\x00"].concat()];
    let _open: Vec<_> = ends
        .iter()
        .cycle()
        .take(20)
        .map(|bytes| {
            let mut stream = TcpStream::connect(rig.https).unwrap();
            stream.write_all(bytes).unwrap();
            stream
        })
        .collect();
    let spent = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", rig.pinfold.pid())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    thread::sleep(Duration::from_millis(500));
    let before = spent();
    thread::sleep(Duration::from_secs(2));
    // In hundredths of a second.
    assert!(spent() - before < 40, "{}", spent() - before);
    assert_eq!(rig.status(), [200]);
}

#[tokio::test]
async fn tls_1_http2_by_alpn_from_end_to_end() {
    let rig = Rig::start();
    let config = Arc::new(rig.authority.client(DEFAULT_VERSIONS, &["h2", "http/1.1"]));
    let stream = tokio::net::TcpStream::connect(rig.https).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(config);
    let stream = connector.connect(ServerName::try_from(NAME).unwrap(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for _ in 0..3 {
        let request = Request::get("https://www.town.example/").body(Empty::<Bytes>::new()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
    }
    assert_eq!(rig.origin.take().whole.len(), 3);
}

#[test]
fn plain_http_is_sent_to_https_unless_a_proxy_in_front_has_ended_tls() {
    let rig = Rig::start();
    for (request, expected) in [
        (
            "GET /a?b=%20c HTTP/1.1\r\nHost: www.town.example:80\r\n\r\n",
            Some("https://www.town.example/a?b=%20c"),
        ),
        ("HEAD / HTTP/1.1\r\nHost: www.town.example\r\n\r\n", Some("https://www.town.example/")),
        (
            "POST /form HTTP/1.1\r\nHost: www.town.example\r\nContent-Length: 1\r\n\r\nx",
            Some("https://www.town.example/form"),
        ),
        (
            "GET //evil.example HTTP/1.1\r\nHost: www.town.example\r\n\r\n",
            Some("https://www.town.example//evil.example"),
        ),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", None),
        ("GET /.pinfold/health HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n", None),
    ] {
        let answer = converse_in_clear(rig.pinfold.site, request.as_bytes()).answers.remove(0);
        assert_eq!(answer.values("location").first().copied(), expected, "{request}");
        assert_eq!(answer.status == 308, expected.is_some());
    }
    assert!(rig.origin.take().whole.is_empty());
    let trusting = "[client_address]\nsource = \"x-forwarded-for\"\ntrusted_proxies = [\"127.0.0.1\"]\n";
    let rig = Rig::configured(trusting);
    assert_eq!(converse_in_clear(rig.pinfold.site, GET).statuses(), [200]);
    assert_eq!(rig.status(), [200]);
}

#[test]
fn https_may_be_all_that_is_listened_to() {
    let (authority, origin) = (Authority::for_the_town(), Recorder::start());
    let text = configuration(origin.address, "").replace("http = \"127.0.0.1:0\"\n", "");
    let pinfold = Pinfold::configured(&authority.listening(&text));
    assert_eq!(pinfold.https, Some(pinfold.site));
    assert_eq!(authority.converse(pinfold.site, GET).statuses(), [200]);
}

/// Whom a connection is from is announced before TLS begins; and whoever fails to shake hands is in no log.
#[test]
fn tls_1_an_announced_client_is_let_in_and_never_logged() {
    let announced = "[client_address]\nsource = \"proxy-protocol\"\ntrusted_proxies = [\"127.0.0.1\"]\nto_origin = \"address\"\n";
    let rig = Rig::configured(announced);
    let line = format!("PROXY TCP4 {CANARY} 192.0.2.1 4711 443\r\n");
    let mut stream = rig.authority.connect(rig.https);
    stream.sock.write_all(line.as_bytes()).unwrap();
    assert_eq!(converse(stream, GET).statuses(), [200]);
    assert_eq!(rig.origin.take().whole[0].value("x-forwarded-for"), Some(CANARY));

    let hello = client_hello(&rig);
    let mut ports = Vec::new();
    for bytes in [&b"\x16\x03\x01\xff\xff"[..], GET, &hello[..50], &hello, &[22, 3, 1, 0, 1, 99]] {
        let mut stream = TcpStream::connect(rig.https).unwrap();
        ports.push(stream.local_addr().unwrap().port().to_string());
        stream.write_all(&[line.as_bytes(), bytes].concat()).unwrap();
        thread::sleep(Duration::from_millis(50));
    }
    // Somebody who does not trust the certificate says so.
    let stranger = Authority::new();
    let mut stream = stranger.connect(rig.https);
    stream.sock.write_all(line.as_bytes()).unwrap();
    converse(stream, GET);
    rig.pinfold.wait_until("failed handshakes are in the log", |pinfold| {
        pinfold.log().matches("a TLS handshake failed").count() >= 4
    });
    let log = rig.pinfold.log();
    assert!(!log.contains("203.0.113") && !log.contains(NAME), "{log}");
    assert!(!ports.iter().any(|port| log.contains(&format!(":{port}"))), "{log}");
    assert!(!log.contains("PRIVATE"), "{log}");
}

#[test]
fn a_certificate_and_its_key_may_be_credentials() {
    let (authority, origin) = (Authority::for_the_town(), Recorder::start());
    let text = fronted(origin.address, "").replace(
        "[listen]\n",
        "[listen]\nhttps = { address = \"127.0.0.1:0\", certificate = \"credential:cert.pem\", key = \"credential:key.pem\" }\n",
    );
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("pinfold.toml"), text).unwrap();
    // Beside the service they cannot be looked into, which is as it should be; without them nothing runs.
    let run = |arguments: &[&str]| {
        let output = pinfold(arguments, directory.path());
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let (code, said) = run(&["check", "--config", "pinfold.toml", "--strict"]);
    assert_eq!(code, Some(0), "{said}");
    let not_seen = "is not looked into from here: systemd gives it to the service alone";
    assert_eq!(said.matches(not_seen).count(), 2, "{said}");
    let (code, said) = run(&["check", "--config", "pinfold.toml", "--strict", "--format", "json"]);
    assert_eq!(code, Some(0), "{said}");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["withheld"], serde_json::json!(["credential:cert.pem", "credential:key.pem"]));
    let (code, said) = run(&["run", "--config", "pinfold.toml"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("credential:cert.pem does not exist (paths begin where the configuration is; cred"),
        "{said}"
    );
    let mut command = Command::new(BINARY);
    command.args(["run", "--config", "pinfold.toml"]).current_dir(directory.path());
    command.env("CREDENTIALS_DIRECTORY", authority.directory.path());
    let server = Pinfold::spawn(command, directory);
    assert_eq!(authority.converse(server.https.unwrap(), GET).statuses(), [200]);
    let reload = pinfold(&["reload", "--config", "pinfold.toml"], server.path());
    assert_eq!(String::from_utf8(reload.stdout).unwrap(), "nothing has changed\n");
}

#[test]
fn tls_1_check_and_run_say_what_is_wrong_with_the_files() {
    let (authority, other) = (Authority::for_the_town(), Authority::new());
    let text = authority.listening(&fronted("127.0.0.1:1".parse().unwrap(), ""));
    std::fs::write(authority.path("pinfold.toml"), &text).unwrap();
    let check = |arguments: &[&str]| {
        let output = pinfold(&[&["check", "--strict"], arguments].concat(), authority.directory.path());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(check(&[]), (Some(0), String::new()));

    authority.put(&authority.issue_until("town.example", 2020));
    std::fs::set_permissions(authority.path("key.pem"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, said) = check(&[]);
    // Below each stands the line that it is about.
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("pinfold: ")).collect();
    assert_eq!((code, lines.len()), (Some(1), 3), "{said}");
    for (line, expected) in
        lines.iter().zip(["has expired on 2020-01-01", "is not for www.town.example", "can read"])
    {
        assert!(line.starts_with("pinfold: warning: pinfold.toml:7:") && line.contains(expected), "{line}");
    }

    authority.replace("key.pem", &other.issue(NAME).key);
    let (code, said) = check(&[]);
    assert!(code == Some(2) && said.contains("key.pem is not the key of the first certificate in"), "{said}");
    let output = pinfold(&["run"], authority.directory.path());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
    // Whoever may not read the key may still ask for a report.
    let output = pinfold(&["keys", "--config", "pinfold.toml"], authority.directory.path());
    assert!(!String::from_utf8(output.stderr).unwrap().contains("key.pem"));
}

#[test]
#[ignore = "needs openssl: scripts/check installs it and runs this"]
fn tls_1_keys_in_every_form_that_openssl_writes() {
    let authority = Authority::new();
    let text = authority.listening(&fronted("127.0.0.1:1".parse().unwrap(), ""));
    std::fs::write(authority.path("pinfold.toml"), text).unwrap();
    for (make, begins) in [
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", "-----BEGIN PRIVATE KEY"),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384", "-----BEGIN PRIVATE KEY"),
        ("genpkey -algorithm ED25519", "-----BEGIN PRIVATE KEY"),
        ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-----BEGIN PRIVATE KEY"),
        ("ecparam -name prime256v1 -genkey -noout", "-----BEGIN EC PRIVATE KEY"),
        ("ecparam -name secp521r1 -genkey", "-----BEGIN EC PARAMETERS"),
        ("genrsa -traditional 3072", "-----BEGIN RSA PRIVATE KEY"),
    ] {
        let request = format!(
            "umask 077; openssl {make} > key.pem && openssl req -x509 -key key.pem -out cert.pem -days 9 -subj /CN=x -addext subjectAltName=DNS:{NAME}"
        );
        let made = Command::new("sh").args(["-c", &request]).current_dir(authority.directory.path()).output();
        assert!(made.as_ref().unwrap().status.success(), "{made:?}");
        assert!(std::fs::read_to_string(authority.path("key.pem")).unwrap().starts_with(begins));
        let output = pinfold(&["check", "--strict"], authority.directory.path());
        assert!(output.status.success(), "{make}: {output:?}");
    }
}
