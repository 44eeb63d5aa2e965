//! Certificates that are renewed while the server runs.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::recorder::Recorder;
use common::tls::{Authority, NAME, Secured};
use common::{Pinfold, configuration, pinfold};
use rustls::pki_types::CertificateDer;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: www.town.example\r\n\r\n";

fn start(authority: &Authority, origin: &Recorder) -> (Pinfold, SocketAddr) {
    let pinfold = Pinfold::configured(&authority.listening(&configuration(origin.address, "")));
    let https = pinfold.https.unwrap();
    (pinfold, https)
}

/// Asks once, and reads the answer to its end.
fn ask(stream: &mut Secured) -> bool {
    let mut answer = Vec::new();
    let mut part = [0; 1024];
    if stream.write_all(GET).is_err() {
        return false;
    }
    while !answer.ends_with(b"hello") {
        match stream.read(&mut part) {
            Ok(length) if length > 0 => answer.extend_from_slice(&part[..length]),
            _ => return false,
        }
    }
    answer.starts_with(b"HTTP/1.1 200 ")
}

fn shown(authority: &Authority, https: SocketAddr) -> CertificateDer<'static> {
    let mut stream = authority.connect(https);
    assert!(ask(&mut stream));
    stream.conn.peer_certificates().unwrap()[0].clone()
}

#[test]
fn tls_2_a_new_certificate_is_shown_within_a_second_and_no_request_fails() {
    let (authority, origin) = (Arc::new(Authority::for_the_town()), Recorder::start());
    let (pinfold, https) = start(&authority, &origin);
    let mut open = authority.connect(https);
    assert!(ask(&mut open));

    let (stop, asked, failed) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let mut stream = authority.connect(https);
                    for _ in 0..5 {
                        let counter = if ask(&mut stream) { &asked } else { &failed };
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for _ in 0..5 {
            let issued = authority.issue(NAME);
            authority.put(&issued);
            let began = Instant::now();
            while shown(&authority, https) != issued.der {
                assert!(began.elapsed() < Duration::from_secs(1), "{}", pinfold.log());
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(failed.into_inner(), 0);
    assert!(asked.into_inner() > 100);
    assert!(ask(&mut open), "a connection goes on that was open all the while");
    pinfold.wait_until("it is said", |pinfold| {
        pinfold.log().matches("a new certificate is in use").count() == 5
    });
    let log = pinfold.log();
    assert!(!log.contains("stays in use") && !log.contains("PRIVATE"), "{log}");
}

#[test]
fn tls_2_a_broken_certificate_is_refused_once_and_the_old_one_stays() {
    let (authority, origin) = (Authority::for_the_town(), Recorder::start());
    let (pinfold, https) = start(&authority, &origin);
    let old = shown(&authority, https);
    authority.replace("cert.pem", "-----BEGIN CERTIFICATE-----\nbroken\n");
    pinfold.wait_until("it is said", |pinfold| pinfold.log().contains("stays in use"));
    thread::sleep(Duration::from_secs(2));
    assert_eq!(pinfold.log().matches("stays in use").count(), 1, "{}", pinfold.log());
    assert!(pinfold.log().contains("cert.pem holds no sound certificate"));
    assert_eq!(shown(&authority, https), old);
    // The certificate has come, and its key follows: nothing is said of the moment in between.
    let new = authority.issue(NAME);
    authority.replace("cert.pem", &new.certificate);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(shown(&authority, https), old);
    authority.replace("key.pem", &new.key);
    pinfold.wait_until("it is mended", |_| shown(&authority, https) == new.der);
    assert_eq!(pinfold.log().matches("stays in use").count(), 1, "{}", pinfold.log());
}

#[test]
fn a_reload_uses_what_is_in_the_files_at_once_and_refuses_a_broken_pair() {
    let (authority, origin) = (Authority::for_the_town(), Recorder::start());
    let (server, https) = start(&authority, &origin);
    let reload = || {
        let output = pinfold(&["reload"], server.path());
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let new = authority.issue(NAME);
    authority.put(&new);
    // Whoever watches the files may have come first, and then nothing has changed.
    assert_eq!(reload().0, Some(0));
    assert_eq!(shown(&authority, https), new.der);

    authority.replace("key.pem", &authority.issue(NAME).key);
    let (code, said) = reload();
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.starts_with("pinfold: pinfold.toml:6:") && said.contains("is not the key of"), "{said}");
    assert_eq!(shown(&authority, https), new.der);
    authority.put(&new);

    // Another configuration: who comes by http is still sent to https, and who comes by https is not.
    let file = server.path().join("pinfold.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("cert.pem", "other.pem") + "timeout = \"5 s\"\n").unwrap();
    std::fs::copy(authority.path("cert.pem"), authority.path("other.pem")).unwrap();
    let (code, said) = reload();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("changed: [origin] timeout\nneeds a restart: [listen.https] certificate ("),
        "{said}"
    );
    assert_eq!(server.get("/", &[]).status, 308);
    assert_eq!(shown(&authority, https), new.der);

    let trusting = text.replace("[admin]", "[client_address]\ntrusted_proxies = [\"127.0.0.1\"]\n[admin]");
    std::fs::write(&file, trusting).unwrap();
    assert_eq!(reload().0, Some(0));
    assert_eq!(server.get("/", &[]).status, 200, "it may have ended TLS itself");
}
