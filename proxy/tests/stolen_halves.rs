//! Thieves of one half of a key: of the memory of the Redis, or of the secret of a node.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::IpAddr;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

use common::Origin;
use common::node::{SECRET, ask, epoch, joined, names};
use common::redis::Redis;
use http::HeaderMap;
use pinfold::client_ip::ClientIpResolver;
use pinfold::pseudonym::{ClusterSecret, EpochKey, EpochShare, FreshKey, KeyRing, Unit};
use pinfold::time::{Calendar, CivilDate, UnixTime};

const SITE: &str = "https://www.town.example";

/// Where the half begins in a share, after its form, number, birth and returns.
const HALF: usize = 1 + 4 + 8 + 4;

/// All that a process has in memory.
fn memory_of(pid: u32) -> Vec<u8> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut image = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (begins, rest) = line.split_once('-').unwrap();
        let ends = rest.split(' ').next().unwrap();
        let [begins, ends] = [begins, ends].map(|at| u64::from_str_radix(at, 16).unwrap());
        let mut part = vec![0; usize::try_from(ends - begins).unwrap()];
        // Some of what is mapped has nothing in it.
        if memory.read_exact_at(&mut part, begins).is_ok() {
            image.extend(part);
        }
    }
    image
}

/// Every place at which something stands.
fn places(image: &[u8], needle: &[u8]) -> Vec<usize> {
    memchr::memmem::find_iter(image, needle).collect()
}

/// The names under a key of all addresses that a thief tries.
fn named(key: &EpochKey, addresses: &[IpAddr]) -> BTreeSet<String> {
    let client =
        |address: &IpAddr| ClientIpResolver::peer().resolve(Some(*address), &HeaderMap::new()).unwrap();
    let name = |address| key.operations().pseudonym(Unit::Host, &client(address)).to_string();
    addresses.iter().map(name).collect()
}

/// The key that a share and a secret make.
fn key_of(share: EpochShare, secret: [u8; 32]) -> EpochKey {
    let (now, calendar) = (UnixTime::from_seconds(0), Calendar::utc());
    let key = FreshKey::of_share(Arc::new(share), &ClusterSecret::from_bytes(secret), SITE, now);
    KeyRing::new(now, Duration::ZERO, &calendar, key).0.current().key().clone()
}

/// Bytes that look as if somebody had drawn them: keys, or shares of them.
fn looks_drawn(window: &[u8]) -> bool {
    let mut seen = [false; 256];
    window.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    seen.iter().filter(|seen| **seen).count() >= 24
}

#[test]
#[ignore = "needs redis-server: scripts/check installs it and runs this"]
fn either_half_of_a_key_alone_opens_nothing_and_both_open_everything() {
    let (origin, redis) = (Origin::hello(), Redis::start());
    let node = joined(&origin, &redis.url());
    let addresses: Vec<IpAddr> = (0..120).map(|n| format!("203.0.113.{n}").parse().unwrap()).collect();
    for address in &addresses {
        assert_eq!(ask(&node, &address.to_string()), 200);
    }
    let found: BTreeSet<_> = names(&node, "200").into_iter().collect();
    assert_eq!(found.len(), addresses.len());
    std::thread::sleep(Duration::from_secs(2));
    let epoch = epoch(&node);
    let (day, number) = (&epoch[..10], u32::from_str_radix(&epoch[11..], 16).unwrap());
    let day = CivilDate::parse(day).unwrap();
    let secret: Vec<_> =
        (0..32).map(|at| u8::from_str_radix(&SECRET[2 * at..2 * at + 2], 16).unwrap()).collect();
    let secret: [u8; 32] = secret.try_into().unwrap();

    // One thief has the memory of the Redis, and knows what a share looks like.
    let image = memory_of(redis.pid());
    assert!(places(&image, &secret).is_empty() && places(&image, SECRET.as_bytes()).is_empty());
    for name in &found {
        let bytes = u64::from_str_radix(name, 16).unwrap().to_be_bytes();
        assert!(
            places(&image, &bytes).is_empty() && places(&image, name.as_bytes()).is_empty(),
            "{name} is in it"
        );
    }
    let starts = places(&image, &[&[1][..], &number.to_be_bytes()].concat());
    let shares: Vec<_> = starts
        .iter()
        .filter_map(|at| EpochShare::from_bytes(day, image.get(*at..at + EpochShare::LENGTH)?))
        .collect();
    assert!(!shares.is_empty(), "the thief finds the share");
    let opens = |key: &EpochKey| named(key, &addresses).intersection(&found).count();
    for (share, at) in shares.iter().zip(&starts) {
        let half: [u8; 32] = image[at + HALF..at + HALF + 32].try_into().unwrap();
        for guess in [[0; 32], [0xff; 32], half] {
            assert_eq!(opens(&key_of(share.clone(), guess)), 0);
        }
        assert_eq!(opens(&EpochKey::from_root(half, SITE)), 0);
    }
    // Nor is there a key in it that the thief would not know by its looks.
    let mut tried = 0;
    for window in image.windows(32).step_by(4).filter(|window| looks_drawn(window)).take(10_000) {
        let key = EpochKey::from_root(window.try_into().unwrap(), SITE);
        assert!(named(&key, &addresses[..1]).is_disjoint(&found));
        tried += 1;
    }
    assert!(tried > 0);

    // Another has the secret of the node, and knows what is in the ledgers.
    assert_eq!(opens(&EpochKey::from_root(secret, SITE)), 0);
    for guess in [[0; 32], [0xff; 32], secret] {
        let mut bytes = [1; EpochShare::LENGTH];
        bytes[1..5].copy_from_slice(&number.to_be_bytes());
        bytes[HALF..].copy_from_slice(&guess);
        assert_eq!(opens(&key_of(EpochShare::from_bytes(day, &bytes).unwrap(), secret)), 0);
    }

    // Together they have everything: hence 48 hours, and two places.
    let both = key_of(shares[0].clone(), secret);
    assert_eq!(named(&both, &addresses), found);
}
