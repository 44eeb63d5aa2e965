//! Origins that are reached by https: who is believed, and what is said of whoever is not.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::tls::{Authority, Issued};
use common::{Pinfold, configuration, pinfold};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::{DEFAULT_VERSIONS, ServerConfig, ServerConnection, StreamOwned};

/// A site by https. It answers so many requests over each connection, and then ends it without a word.
struct SecureOrigin {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl SecureOrigin {
    fn start(issued: &Issued, requests: usize) -> Self {
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(DEFAULT_VERSIONS)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![issued.der.clone()],
                PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let config = Arc::new(config);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (address, connections) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
        let opened = connections.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                opened.fetch_add(1, Ordering::SeqCst);
                let config = config.clone();
                thread::spawn(move || serve(stream, config, requests));
            }
        });
        Self { address, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, requests: usize) {
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    for _ in 0..requests {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ => return,
            }
        }
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello");
    }
}

/// In front of `https://{host}:{port}`, of which `authority` alone is believed.
fn in_front_of(host: &str, port: u16, authority: &Authority) -> Pinfold {
    let text =
        configuration(([127, 0, 0, 1], port).into(), &format!("ca = {:?}\n", authority.path("ca.pem")));
    Pinfold::configured(&text.replace("http://127.0.0.1:", &format!("https://{host}:")))
}

#[test]
fn an_origin_whose_certificate_is_good_is_reached_and_its_connection_kept() {
    let authority = Authority::new();
    for name in ["localhost", "127.0.0.1"] {
        let origin = SecureOrigin::start(&authority.issue(name), 1000);
        let pinfold = in_front_of(name, origin.address.port(), &authority);
        for _ in 0..20 {
            let answer = pinfold.get("/", &[]);
            assert_eq!((answer.status, &answer.body[..]), (200, "hello"), "{}", pinfold.log());
        }
        // One for each worker thread at most, and one that asks whether the origin can be reached.
        assert!(origin.connections() <= 1 + thread::available_parallelism().unwrap().get());
    }
}

#[test]
fn origin_03_over_tls_a_connection_that_was_ended_without_a_word_is_tried_once_more() {
    let authority = Authority::new();
    let origin = SecureOrigin::start(&authority.issue("localhost"), 1);
    let pinfold = in_front_of("localhost", origin.address.port(), &authority);
    for _ in 0..20 {
        assert_eq!(pinfold.get("/", &[]).status, 200, "{}", pinfold.log());
    }
}

#[test]
fn an_origin_that_cannot_be_believed_is_not_asked_and_one_line_says_why() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (issued, expected) in [
        (authority.issue("other.example"), "is for another name than that in `[origin] url`"),
        (authority.issue_until("localhost", 2020), "its certificate has expired"),
        (other.issue("localhost"), "an authority that is not trusted (name the authority with `ca`)"),
    ] {
        let origin = SecureOrigin::start(&issued, 1000);
        let pinfold = in_front_of("localhost", origin.address.port(), &authority);
        for _ in 0..5 {
            let answer = pinfold.get("/", &[]);
            assert_eq!(
                (answer.status, &answer.body[..]),
                (502, "The site cannot be reached at the moment.\n")
            );
        }
        pinfold
            .wait_until("it is said", |pinfold| pinfold.log().contains("no safe connection to the origin"));
        let log = pinfold.log();
        let said: Vec<_> =
            log.lines().filter(|line| line.contains("no safe connection to the origin")).collect();
        assert!(said.len() == 1 && said[0].contains(expected), "{log}");
        assert!(!said[0].contains("127.0.0.1"), "{log}");
    }
}

/// What this machine trusts does not hold an authority of a test; nor does naming one add it to those.
#[test]
fn an_authority_that_nobody_named_is_not_believed() {
    let authority = Authority::new();
    let origin = SecureOrigin::start(&authority.issue("localhost"), 1000);
    let text = configuration(origin.address, "").replace("http://127.0.0.1:", "https://localhost:");
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("pinfold.toml"), text).unwrap();
    // The machine trusts the other one, whatever else it does.
    let other = Authority::new();
    let mut command = std::process::Command::new(common::BINARY);
    command.arg("run").current_dir(directory.path()).env("SSL_CERT_FILE", other.path("ca.pem"));
    let untrusting = Pinfold::spawn(command, directory);
    assert_eq!(untrusting.get("/", &[]).status, 502);
    untrusting.wait_until("it is said", |pinfold| pinfold.log().contains("an authority that is not trusted"));
}

#[test]
fn fault_11_an_origin_that_speaks_no_tls_or_nothing_is_502_in_time() {
    let authority = Authority::new();
    let nonsense = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = nonsense.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in nonsense.incoming().map_while(Result::ok) {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let pinfold = in_front_of("localhost", port, &authority);
    assert_eq!(pinfold.get("/", &[]).status, 502);
    pinfold
        .wait_until("it is said", |pinfold| pinfold.log().contains("what answers there does not speak TLS"));

    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let pinfold = in_front_of("localhost", silent.local_addr().unwrap().port(), &authority);
    let began = Instant::now();
    assert_eq!(pinfold.get("/", &[]).status, 502);
    assert!(
        began.elapsed().abs_diff(Duration::from_secs(5)) < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn check_looks_into_the_file_of_authorities() {
    let directory = tempfile::tempdir().unwrap();
    let text = configuration(([127, 0, 0, 1], 443).into(), "ca = \"ca.pem\"\n");
    std::fs::write(directory.path().join("pinfold.toml"), text.replace("http://127", "https://127")).unwrap();
    let check = || {
        let output = pinfold(&["check"], directory.path());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = check();
    assert!(code == Some(2) && said.contains("ca.pem cannot be read"), "{said}");
    std::fs::write(directory.path().join("ca.pem"), "nothing").unwrap();
    let (code, said) = check();
    assert!(code == Some(2) && said.contains("ca.pem holds no sound certificate (write those of"), "{said}");
    std::fs::copy(Authority::new().path("ca.pem"), directory.path().join("ca.pem")).unwrap();
    assert_eq!(check().0, Some(0));
}

#[test]
fn a_reload_puts_other_authorities_and_another_origin_in_force() {
    let (authority, other) = (Authority::new(), Authority::new());
    let origin = SecureOrigin::start(&other.issue("localhost"), 1000);
    let server = in_front_of("localhost", origin.address.port(), &authority);
    let reload = || {
        let output = pinfold(&["reload"], server.path());
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    assert_eq!(server.get("/", &[]).status, 502);
    std::fs::write(authority.path("ca.pem"), "nothing").unwrap();
    let (code, said) = reload();
    assert!(code == Some(2) && said.contains("ca.pem holds no sound certificate"), "{said}");

    // What the file says is what it said.
    std::fs::copy(other.path("ca.pem"), authority.path("ca.pem")).unwrap();
    let (code, said) = reload();
    assert!(code == Some(0) && said.starts_with("changed: [origin] ca\nHead of"), "{said}");
    assert_eq!(server.get("/", &[]).status, 200, "{}", server.log());
    assert_eq!(reload(), (Some(0), "nothing has changed\n".to_owned()));

    // Connections are kept where nothing about the origin is new, and not where it is.
    let file = server.path().join("pinfold.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let write = |text: String| std::fs::write(&file, text).unwrap();
    let plain = common::Origin::hello();
    write(text.replace(
        &format!("https://localhost:{}", origin.address.port()),
        &format!("http://{}", plain.address),
    ));
    let (code, said) = reload();
    assert!(code == Some(0) && said.contains("changed: [origin] url\n"), "{said}");
    assert_eq!(server.get("/", &[]).status, 200);
    assert_eq!(plain.requests().len(), 1);
    write(text.replace("localhost:", "127.0.0.1:"));
    assert_eq!(reload().0, Some(0));
    assert_eq!(server.get("/", &[]).status, 502, "its certificate is for another name");
}
