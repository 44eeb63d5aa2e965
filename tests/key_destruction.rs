//! Once a key is destroyed its bytes are nowhere in the memory of the process, nor is anything that would do in their place.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and tell another what it does"
)]

mod common;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Notebook, Town, from, policy};
use http::{Request, Response};
use http_body_util::Full;
use pinfold::audit::{AuditSettings, KeyHold};
use pinfold::pseudonym::EpochKey;
use pinfold::time::ManualClock;
use sha2::block_api::compress256;
use tower::ServiceExt;

/// Where the bytes of the key in force begin: after the form, two lengths, the site, and what is told of the epoch.
const MATERIAL: usize = 16 + 4 + 4 + ORIGIN.len() + 28;

const ORIGIN: &str = "https://www.town.example";

/// Says to the test that looks on that this process is the one to look at.
const LOOKED_AT: &str = "PINFOLD_TEST_LOOKED_AT";

#[test]
fn log_02_a_destroyed_key_is_nowhere_in_memory() {
    let mut process = LookedAt::start();
    for word in ["made", "dropped"] {
        process.hears(word);
        process.says("go on");
    }
    let key = bytes_of(&process.hears("key "));
    assert_eq!(key.len(), 128);
    let needles = needles(&key);
    let alive = process.hits(&needles);
    assert!(alive.iter().all(|(_, hits)| *hits > 0), "the search finds a key that lives: {alive:?}");
    process.says("go on");
    process.hears("turned");
    let kept = process.hits(&needles);
    assert!(kept.iter().all(|(_, hits)| *hits > 0), "it is the key of yesterday: {kept:?}");
    process.says("go on");
    process.hears("destroyed");
    let left = process.hits(&needles);
    assert!(left.iter().all(|(_, hits)| *hits == 0), "a destroyed key is left: {left:?}");
}

#[test]
fn log_02_a_root_is_nowhere_once_keys_are_made_of_it_and_they_go_with_their_owner() {
    let mut process = LookedAt::start();
    let root = bytes_of(&process.hears("root "));
    process.hears("made");
    let of_root = [
        ("first half", root[..16].to_vec()),
        ("inner state", state(&root, 0x36)),
        ("outer state", state(&root, 0x5c)),
    ];
    let of_root = of_root.map(|(part, bytes)| (part.to_owned(), bytes));
    let left = process.hits(&of_root);
    assert!(left.iter().all(|(_, hits)| *hits == 0), "a root is left: {left:?}");
    let operations = derived(&root, b"operations");
    let of_key = [("inner state", state(&operations, 0x36)), ("outer state", state(&operations, 0x5c))];
    let of_key = of_key.map(|(part, bytes)| (part.to_owned(), bytes));
    assert!(process.hits(&of_key).iter().all(|(_, hits)| *hits > 0), "the search finds a key that lives");
    process.says("go on");
    process.hears("dropped");
    let left = process.hits(&[&of_key[..], &[("bytes".to_owned(), operations[..16].to_vec())]].concat());
    assert!(left.iter().all(|(_, hits)| *hits == 0), "a dropped key is left: {left:?}");
}

/// HKDF-Expand (RFC 5869) with the labels of site and purpose.
fn derived(root: &[u8], purpose: &[u8]) -> Vec<u8> {
    let (mut key, length) = (vec![0; 32], u32::try_from(ORIGIN.len()).unwrap().to_be_bytes());
    let hkdf = hkdf::Hkdf::<sha2::Sha256>::from_prk(root).unwrap();
    hkdf.expand_multi_info(&[b"pinfold 1", &length, ORIGIN.as_bytes(), purpose], &mut key).unwrap();
    key
}

/// What gives the pseudonyms of a key: its bytes, and the states of HMAC-SHA-256 that its bytes are made into.
fn needles(material: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut needles = Vec::new();
    for (purpose, key) in ["operations", "sketch", "origin", "token"].iter().zip(material.chunks_exact(32)) {
        needles.push((format!("{purpose}: first half"), key[..16].to_vec()));
        if *purpose != "token" {
            needles.push((format!("{purpose}: second half"), key[16..].to_vec()));
            needles.push((format!("{purpose}: inner state"), state(key, 0x36)));
            needles.push((format!("{purpose}: outer state"), state(key, 0x5c)));
        }
    }
    needles
}

/// The state of SHA-256 after the block that HMAC begins with (RFC 2104), as it stands in memory.
fn state(key: &[u8], pad: u8) -> Vec<u8> {
    let mut block = [pad; 64];
    block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
    let mut state = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];
    compress256(&mut state, &[block]);
    // Half of it would do to find it, whatever order an implementation has the words in.
    state[..4].iter().flat_map(|word: &u32| word.to_ne_bytes()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks_exact(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

/// A process that lives through two days in a moment.
struct LookedAt {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl LookedAt {
    fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "what_is_looked_at", "--nocapture", "--test-threads=1"]).env(LOOKED_AT, "1");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, stdin, stdout: BufReader::new(stdout) }
    }

    /// Waits for a line with a word in it; what follows the word.
    fn hears(&mut self, word: &str) -> String {
        let lines = self.stdout.by_ref().lines();
        let mut rest =
            lines.map_while(Result::ok).filter_map(|line| Some(line.split_once(word)?.1.to_owned()));
        rest.next().expect("the process ended")
    }

    fn says(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    /// How often each needle occurs in all memory that the process can write to.
    fn hits(&self, needles: &[(String, Vec<u8>)]) -> Vec<(String, usize)> {
        let pid = self.child.id();
        let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
        let mut hits: Vec<_> = needles.iter().map(|(name, _)| (name.clone(), 0)).collect();
        for line in
            maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|may| may.starts_with("rw")))
        {
            let (starts, ends) = line.split(' ').next().unwrap().split_once('-').unwrap();
            let [starts, ends] = [starts, ends].map(|end| u64::from_str_radix(end, 16).unwrap());
            let mut region = vec![0; usize::try_from(ends - starts).unwrap()];
            // Some regions of the kernel cannot be read.
            if memory.read_exact_at(&mut region, starts).is_err() {
                continue;
            }
            for ((_, needle), (_, count)) in needles.iter().zip(&mut hits) {
                *count += memchr::memmem::find_iter(&region, needle).count();
            }
        }
        hits
    }
}

impl Drop for LookedAt {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test: the process that the test above looks at.
#[test]
fn what_is_looked_at() {
    if std::env::var_os(LOOKED_AT).is_none() {
        return;
    }
    one_key();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(two_days());
}

/// A key of a root that is known, for as long as it is needed.
fn one_key() {
    let mut root = [0; 32];
    getrandom::fill(&mut root).unwrap();
    println!("root {}", hex(&root));
    let key = made_of(&mut root);
    println!("made");
    wait();
    drop(key);
    println!("dropped");
    wait();
}

/// Whoever has a root overwrites their own copies: the library can reach the one that it is given.
#[inline(never)]
fn made_of(root: &mut [u8; 32]) -> EpochKey {
    let key = EpochKey::from_root(*root, ORIGIN);
    root.fill(0);
    std::hint::black_box(root);
    key
}

async fn two_days() {
    let (clock, shelf) = (Arc::new(ManualClock::at(common::MORNING)), Arc::<Shelf>::default());
    let settings = AuditSettings::default().with_key_hold(shelf.clone(), None);
    let mut town = Town::under(clock.clone(), policy(), Notebook::default(), settings);
    tokio::spawn(town.background.take().unwrap().run(std::future::pending()));
    visit(&town).await;
    println!("key {}", shelf.hex());
    wait();
    clock.advance(24 * 3_600);
    tokio::time::sleep(Duration::from_secs(2)).await;
    visit(&town).await;
    println!("turned");
    wait();
    clock.advance(24 * 3_600);
    tokio::time::sleep(Duration::from_secs(2)).await;
    println!("destroyed");
    wait();
}

/// Requests of clients new and known, on this thread and on one that ends.
async fn visit(town: &Town) {
    let site = town.around(|_| Response::new(Full::from("hello")));
    for client in [1, 2, 1, 3] {
        site.clone().oneshot(from(client, Request::get("/"))).await.unwrap();
    }
    let other = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(site.oneshot(from(4, Request::get("/")))).unwrap();
    });
    other.join().unwrap();
}

fn wait() {
    io::stdout().flush().unwrap();
    io::stdin().lines().next().unwrap().unwrap();
}

/// Holds what it is given in one place, which is overwritten.
#[derive(Debug)]
struct Shelf(Mutex<[u8; 4_096]>);

impl Default for Shelf {
    fn default() -> Self {
        Self(Mutex::new([0; 4_096]))
    }
}

impl Shelf {
    fn hex(&self) -> String {
        hex(&self.0.lock().unwrap()[MATERIAL..MATERIAL + 128])
    }
}

impl KeyHold for Shelf {
    fn hold(&self, bytes: &[u8]) -> io::Result<()> {
        let mut held = self.0.lock().unwrap();
        held[..bytes.len()].copy_from_slice(bytes);
        held[bytes.len()..].fill(0);
        Ok(())
    }
}
