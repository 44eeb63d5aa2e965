//! Keys and blocks in the descriptor store of systemd, which is played by the test.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs::{self, File};
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use common::{BINARY, CANARY, Origin, Pinfold, configuration, files};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde_json::Value;
use tempfile::TempDir;

const SETTINGS: &str = "[keys]\nhold = \"descriptor-store\"\n\
                        [client_address]\nsource = \"x-forwarded-for\"\ntrusted_proxies = [\"127.0.0.1\"]\n";

/// Takes what a service says and hands over, as systemd does.
struct Systemd {
    socket: UnixDatagram,
    directory: TempDir,
}

impl Systemd {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(directory.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { socket, directory }
    }

    /// Starts the service, with the descriptor that was stored, if there is one.
    fn service(&self, directory: TempDir, stored: Option<&File>) -> Pinfold {
        let mut command = Command::new("sh");
        let script = match stored {
            // The descriptor becomes number 3, and the number of the shell that of the service.
            Some(_) => {
                "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=pinfold-keys; exec \"$@\""
            }
            None => "exec \"$@\"",
        };
        command.args(["-c", script, "sh", BINARY, "run", "--config", "pinfold.toml"]);
        command.current_dir(directory.path()).env("NOTIFY_SOCKET", self.directory.path().join("notify"));
        if let Some(file) = stored {
            command.stdin(Stdio::from(file.try_clone().unwrap()));
        }
        Pinfold::spawn(command, directory)
    }

    /// The next thing that the service says, and what it hands over with it.
    fn hears(&self) -> (String, Option<File>) {
        let mut text = [0; 512];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let message =
            recvmsg(&self.socket, &mut [IoSliceMut::new(&mut text)], &mut control, RecvFlags::CMSG_CLOEXEC)
                .unwrap();
        let mut handed = control.drain().flat_map(|one| match one {
            RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect(),
            _ => Vec::new(),
        });
        (String::from_utf8(text[..message.bytes].to_vec()).unwrap(), handed.next().map(File::from))
    }
}

/// The places of two sites.
fn two_sites(origin: &Origin) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let shared = "[listen]\nhttp = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[keys]\nhold = \"descriptor-store\"\n";
    fs::write(directory.path().join("pinfold.toml"), shared).unwrap();
    fs::create_dir(directory.path().join("sites")).unwrap();
    for name in ["a", "b"] {
        let text = format!(
            "[site]\nname = \"{name}\"\nurl = \"https://www.{name}.example\"\n[origin]\nurl = \"http://{}\"\n",
            origin.address
        );
        fs::write(directory.path().join(format!("sites/{name}.toml")), text).unwrap();
    }
    directory
}

fn place(origin: &Origin) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("pinfold.toml"), configuration(origin.address, SETTINGS)).unwrap();
    directory
}

fn pinfold(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(arguments).current_dir(directory).env_remove("NOTIFY_SOCKET").env("PINFOLD_LOG", "warn");
    command.output().unwrap()
}

fn data(directory: &Path, arguments: &[&str]) -> Value {
    let output = pinfold(directory, &[arguments, &["--format", "json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn epoch(server: &Pinfold) -> String {
    data(server.path(), &["keys"])["keys"][0]["epoch"].as_str().unwrap().to_owned()
}

/// What the server calls the one client that has come.
fn name(server: &Pinfold) -> String {
    data(server.path(), &["top"])["hosts"][0]["pseudonym"].as_str().unwrap().to_owned()
}

fn ask(server: &Pinfold, client: &str) -> u16 {
    server.get("/", &[("x-forwarded-for", client)]).status
}

fn content(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// Where the bytes of the key in force begin: after the form, two lengths, the site, and what is told of the epoch.
const MATERIAL: usize = 16 + 4 + 4 + "https://www.town.example".len() + 28;

#[test]
fn a_restart_keeps_names_blocks_and_keys_and_no_file_has_them() {
    let (origin, systemd) = (Origin::hello(), Systemd::start());
    let first = systemd.service(place(&origin), None);
    let (said, handed) = systemd.hears();
    assert_eq!(said, "FDSTORE=1\nFDNAME=pinfold-keys\nFDPOLL=0");
    let stored = handed.unwrap();
    assert_eq!(systemd.hears().0, "READY=1");

    assert_eq!(ask(&first, CANARY), 200);
    let (before, began) = (name(&first), epoch(&first));
    let blocked = pinfold(first.path(), &["block", &before, "--for", "2h", "--reason", "scans"]);
    let words = String::from_utf8(blocked.stdout).unwrap();
    assert!(words.contains("They outlive a restart"), "{words}");
    let key = content(&stored)[MATERIAL..MATERIAL + 128].to_vec();
    assert!(key.windows(16).all(|window| window.iter().any(|byte| *byte != 0)));

    // A clean stop, then one without warning: each time systemd starts it again with what it has stored.
    let (directory, log) = first.stop();
    assert_eq!(systemd.hears().0, "STOPPING=1");
    assert_eq!(content(&stored)[MATERIAL..MATERIAL + 128], key[..], "a stop does not destroy it");
    let second = systemd.service(directory, Some(&stored));
    let (said, handed) = systemd.hears();
    assert!(said == "READY=1" && handed.is_none(), "it is stored already: {said}");
    assert_eq!((ask(&second, CANARY), ask(&second, "2001:db8:77::1")), (429, 200));
    assert_eq!(epoch(&second), began);
    let (directory, _) = second.kill("KILL");

    let third = systemd.service(directory, Some(&stored));
    assert_eq!(ask(&third, CANARY), 429);
    assert_eq!((name(&third), epoch(&third)), (before.clone(), began.clone()));
    assert_eq!(data(third.path(), &["blocks"])["blocks"][0]["pseudonym"], before.as_str());
    let words = String::from_utf8(pinfold(third.path(), &["keys"]).stdout).unwrap();
    assert!(words.contains("held across a restart"), "{words}");
    assert!(third.log().contains("keys and blocks go on from the process before"));
    let log = log + &third.log();
    let (directory, _) = third.stop();

    let number = u64::from_str_radix(&before, 16).unwrap();
    for file in files(directory.path()) {
        let bytes = fs::read(&file).unwrap();
        let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!key.chunks_exact(16).any(has), "{} has the key", file.display());
        assert!(!has(&number.to_be_bytes()) && !has(before.as_bytes()), "{} has the block", file.display());
    }
    let keys = pinfold_store::Ledgers::open(directory.path().join("pinfold.db")).unwrap();
    let keys = keys.keys("www.town.example").unwrap();
    assert!(keys.len() == 1 && keys[0].destroyed.is_none(), "one key, and it lives: {keys:?}");
    assert!(!log.contains(CANARY));
}

#[test]
fn what_is_damaged_gives_a_fresh_key_and_a_note() {
    let (origin, systemd) = (Origin::hello(), Systemd::start());
    let first = systemd.service(place(&origin), None);
    let stored = systemd.hears().1.unwrap();
    let began = epoch(&first);
    let (directory, _) = first.kill("KILL");
    stored.write_all_at(&[0xff; 3], u64::try_from(MATERIAL).unwrap()).unwrap();
    let second = systemd.service(directory, Some(&stored));
    assert_ne!(epoch(&second), began);
    assert!(second.log().contains("there is a fresh key"), "{}", second.log());
    let ledgers = pinfold_store::Ledgers::open(second.path().join("pinfold.db")).unwrap();
    let keys = ledgers.keys("www.town.example").unwrap();
    let lost = keys.iter().find(|key| key.epoch == began).unwrap();
    assert_eq!(lost.how.as_deref(), Some("lost with the process"));
    let began = epoch(&second);
    let (directory, _) = second.stop();
    // The fresh one is held in its place.
    assert_eq!(epoch(&systemd.service(directory, Some(&stored))), began);
}

#[test]
fn a_descriptor_that_is_not_ours_is_not_used() {
    let (origin, systemd) = (Origin::hello(), Systemd::start());
    let directory = place(&origin);
    let path = directory.path().join("not-ours");
    fs::write(&path, "").unwrap();
    let file = File::options().read(true).write(true).open(&path).unwrap();
    let server = systemd.service(directory, Some(&file));
    assert!(systemd.hears().1.is_some(), "a new one is handed over");
    assert!(server.log().contains("is not used") || server.log().contains("cannot be used"));
    assert_eq!(fs::read(&path).unwrap(), b"");
}

#[test]
fn keys_and_a_listening_socket_are_passed_on_together() {
    let (origin, systemd) = (Origin::hello(), Systemd::start());
    let first = systemd.service(place(&origin), None);
    let stored = systemd.hears().1.unwrap();
    let began = epoch(&first);
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = Command::new("sh");
    // The socket becomes number 3, and the file of the keys, opened again, number 4.
    let script = format!(
        "exec 3<&0 4<>/proc/{}/fd/{} </dev/null; \
         export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=site:pinfold-keys; exec \"$@\"",
        std::process::id(),
        stored.as_raw_fd()
    );
    let (directory, _) = first.stop();
    command.args(["-c", &script, "sh", BINARY, "run", "--config", "pinfold.toml"]);
    command.current_dir(directory.path()).env("NOTIFY_SOCKET", systemd.directory.path().join("notify"));
    command.stdin(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())));
    let second = Pinfold::spawn(command, directory);
    assert_eq!((second.site, epoch(&second)), (socket.local_addr().unwrap(), began));
    assert_eq!(ask(&second, CANARY), 200);
}

#[test]
fn each_of_several_sites_has_a_place_for_its_keys_and_one_that_goes_leaves_nothing() {
    let (origin, systemd) = (Origin::hello(), Systemd::start());
    let start = |directory: TempDir, stored: &[(&str, &File)]| {
        let mut command = Command::new("sh");
        let opened = stored.iter().zip(3..).map(|((_, file), number)| {
            format!("exec {number}<>/proc/{}/fd/{}; ", std::process::id(), file.as_raw_fd())
        });
        let names =
            stored.iter().map(|(name, _)| format!("pinfold-keys-{name}")).collect::<Vec<_>>().join(":");
        let opened: String = opened.collect();
        let count = stored.len();
        let script =
            format!("{opened}export LISTEN_PID=$$ LISTEN_FDS={count} LISTEN_FDNAMES={names}; exec \"$@\"");
        command.args(["-c", &script, "sh", BINARY, "run", "--config", "."]).current_dir(directory.path());
        command.env("NOTIFY_SOCKET", systemd.directory.path().join("notify"));
        Pinfold::spawn(command, directory)
    };
    let epoch = |server: &Pinfold, site: &str| {
        let keys = data(server.path(), &["keys", "--config", ".", "--site", site]);
        keys["keys"][0]["epoch"].as_str().unwrap().to_owned()
    };
    let first = start(two_sites(&origin), &[]);
    let mut stored = Vec::new();
    for site in ["www.a.example", "www.b.example"] {
        let (said, handed) = systemd.hears();
        assert_eq!(said, format!("FDSTORE=1\nFDNAME=pinfold-keys-{site}\nFDPOLL=0"));
        stored.push(handed.unwrap());
    }
    let [a, b] = <[File; 2]>::try_from(stored).unwrap();
    let began = ["www.a.example", "www.b.example"].map(|site| epoch(&first, site));
    let (directory, _) = first.kill("KILL");

    let second = start(directory, &[("www.a.example", &a), ("www.b.example", &b)]);
    assert_eq!(["www.a.example", "www.b.example"].map(|site| epoch(&second, site)), began);
    let hears_until = |wanted: &str| while systemd.hears().0 != wanted {};
    // One goes by a reload: its key is destroyed, and said to be.
    fs::remove_file(second.path().join("sites/b.toml")).unwrap();
    assert!(pinfold(second.path(), &["reload", "--config", "."]).status.success());
    hears_until("FDSTOREREMOVE=1\nFDNAME=pinfold-keys-www.b.example");
    assert!(content(&b).iter().all(|byte| *byte == 0), "nothing of its key is left");
    assert!(content(&a).iter().any(|byte| *byte != 0));
    let ledgers = pinfold_store::Ledgers::open(second.path().join("pinfold.db")).unwrap();
    second
        .wait_until("its end is entered", |_| ledgers.keys("www.b.example").unwrap()[0].destroyed.is_some());
    assert_eq!(ledgers.keys("www.b.example").unwrap()[0].how.as_deref(), Some("stopped"));
    let (directory, _) = second.stop();

    // Another goes while nothing runs.
    fs::rename(directory.path().join("sites/a.toml"), directory.path().join("sites/a")).unwrap();
    let other = format!(
        "[site]\nname = \"c\"\nurl = \"https://www.c.example\"\n[origin]\nurl = \"http://{}\"\n",
        origin.address
    );
    fs::write(directory.path().join("sites/c.toml"), other).unwrap();
    let _third = start(directory, &[("www.a.example", &a)]);
    hears_until("FDSTOREREMOVE=1\nFDNAME=pinfold-keys-www.a.example");
    assert!(content(&a).iter().all(|byte| *byte == 0));
}

#[test]
fn without_systemd_one_line_says_what_to_do() {
    let directory = place(&Origin::hello());
    let output = pinfold(directory.path(), &["run", "--config", "pinfold.toml"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    let said: Vec<_> = text.lines().filter(|line| !line.starts_with("pinfold: warning: ")).collect();
    assert!(
        said[0].starts_with(
            "pinfold: keys cannot be held in the descriptor store: NOTIFY_SOCKET is not set (run it"
        ),
        "{text}"
    );
    assert_eq!(said.len(), 1, "{text}");
    assert!(!directory.path().join("pinfold.db").exists(), "nothing was opened");
}
