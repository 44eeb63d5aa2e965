//! A listening socket that outlives the process: the test plays systemd, which binds it and passes it on.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use common::tls::Authority;
use common::{Answer, BINARY, Origin, Pinfold, configuration, raw};
use tempfile::TempDir;

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: www.town.example\r\nconnection: close\r\n\r\n";

/// The command that starts a server with a socket as descriptor 3, under a name.
fn command(directory: &TempDir, socket: &TcpListener, name: &str) -> Command {
    let script =
        format!("exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES={name}; exec \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh", BINARY, "run", "--config", "pinfold.toml"]);
    command.current_dir(directory.path()).stdin(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())));
    command
}

fn place(origin: &Origin, site: SocketAddr) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let text =
        configuration(origin.address, "").replace("http = \"127.0.0.1:0\"", &format!("http = \"{site}\""));
    fs::write(directory.path().join("pinfold.toml"), text).unwrap();
    directory
}

#[test]
fn fault_17_twenty_upgrades_refuse_no_connection() {
    let (origin, socket) = (Origin::hello(), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = socket.local_addr().unwrap();
    let (answered, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let start = |directory| Pinfold::spawn(command(&directory, &socket, "pinfold.socket"), directory);
    let last = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    // It panics where the connection is refused.
                    let answer = Answer::read(&raw(address, GET));
                    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"), "{answer:?}");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut server = start(place(&origin, address));
        for _ in 0..20 {
            let before = answered.load(Ordering::Relaxed);
            server.wait_until("it answers", |_| answered.load(Ordering::Relaxed) > before + 20);
            // It ends with code 0, and the socket stays.
            server = start(server.stop().0);
            assert_eq!(server.site, address);
        }
        done.store(true, Ordering::Relaxed);
        server
    });
    let directory = last.stop().0;
    let report = Pinfold::report(directory.path());
    assert_eq!(report["traffic"]["requests"].as_u64(), Some(answered.into_inner()), "each is counted once");
}

#[test]
fn a_socket_is_told_by_its_name() {
    let (origin, socket) = (Origin::hello(), TcpListener::bind("127.0.0.1:0").unwrap());
    let directory = place(&origin, "127.0.0.1:0".parse().unwrap());
    let server = Pinfold::spawn(command(&directory, &socket, "admin"), directory);
    assert_eq!(server.admin, socket.local_addr().unwrap());
    assert_eq!(server.admin("/healthz").status, 200);
}

#[test]
fn tls_is_spoken_on_a_socket_that_is_for_it() {
    let (authority, origin) = (Authority::for_the_town(), Origin::hello());
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let text = authority.listening(&configuration(origin.address, ""));
    fs::write(directory.path().join("pinfold.toml"), text).unwrap();
    let server = Pinfold::spawn(command(&directory, &socket, "https"), directory);
    assert_eq!(server.https, Some(socket.local_addr().unwrap()));
    assert_ne!(server.https, Some(server.site));
    let (mut stream, mut bytes) = (authority.connect(server.https.unwrap()), Vec::new());
    stream.write_all(GET).unwrap();
    stream.read_to_end(&mut bytes).unwrap();
    let answer = Answer::read(&bytes);
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
}

#[test]
fn a_socket_that_is_for_nothing_is_named() {
    let (origin, socket) = (Origin::hello(), TcpListener::bind("127.0.0.1:0").unwrap());
    let directory = place(&origin, "127.0.0.1:0".parse().unwrap());
    let output = command(&directory, &socket, "pinfold.socket").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(
        text.contains("is neither of `[listen]` nor `[admin] listen` (write FileDescriptorName=site"),
        "{text}"
    );
    let said = text.lines().filter(|line| line.starts_with("pinfold: ") && !line.contains("warning: "));
    assert_eq!(said.count(), 1, "{text}");
}
