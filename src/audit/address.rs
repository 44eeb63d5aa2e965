//! Requests by address pseudonym, in memory until a crowd stands beside them.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use datasketches::hll::{HllSketch, HllType, HllUnion};

use super::ledger::AddressRow;
use crate::client_ip::AddressSource;
use crate::pseudonym::Pseudonym;
use crate::time::UnixTime;

/// The width of a bucket, in seconds.
pub(super) const BUCKET: i64 = 600;

/// How many hosts one shard tells apart within a bucket. Those beyond share one row.
const ROOM: usize = 16_384;

/// The same, for all shards together.
const ROOM_IN_ALL: usize = 131_072;

/// 2^14 registers: a standard error of 0.8 %.
const SKETCH_SIZE: u8 = 14;

/// Requests of one host.
#[derive(Debug, Clone, Copy)]
pub(super) struct HostCount {
    network: Pseudonym,
    requests: u64,
    refused: u64,
}

/// By host; pseudonyms are keyed hashes already, so they are not hashed again.
type Hosts = HashMap<Pseudonym, HostCount, BuildHasherDefault<AsItIs>>;

/// What one thread has seen under the key of one turn of the ring.
#[derive(Debug)]
pub(super) struct AddressShard {
    turn: u32,
    hosts: Hosts,
    sketch: Option<HllSketch>,
    /// What was seen under the key before and not yet collected.
    closed: Vec<Collected>,
    /// Requests that came too late for the key under which they were named.
    late: u64,
    /// Requests by how their address was found.
    sources: [u64; AddressSource::ALL.len()],
}

/// What a shard gives up.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) turn: u32,
    pub(super) hosts: Hosts,
}

/// What there is to do for a host, besides counting it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// Nothing: it was met before in this bucket.
    Again,
    /// Its network must be named and the sketch fed.
    First,
}

impl AddressShard {
    pub(super) fn new() -> Self {
        Self {
            turn: 0,
            hosts: Hosts::default(),
            sketch: new_sketch(),
            closed: Vec::new(),
            late: 0,
            sources: Default::default(),
        }
    }

    /// Counts how the address of a request was found.
    pub(super) fn count_source(&mut self, source: AddressSource) {
        self.sources[place_of(source)] += 1;
    }

    /// How many requests had an address that was found so.
    pub(super) fn requests_by(&self, source: AddressSource) -> u64 {
        self.sources[place_of(source)]
    }

    /// Counts a request of a host that was met before in this bucket.
    pub(super) fn count_again(&mut self, turn: u32, host: Pseudonym) -> Met {
        if turn == self.turn
            && let Some(count) = self.hosts.get_mut(&host)
        {
            count.requests += 1;
            return Met::Again;
        }
        Met::First
    }

    /// Counts the first request of a host in this bucket. `sketched` is its pseudonym under the sketch key.
    pub(super) fn count_first(
        &mut self,
        turn: u32,
        host: Pseudonym,
        network: Pseudonym,
        sketched: Pseudonym,
    ) {
        if turn < self.turn {
            self.late += 1;
            return;
        }
        if turn > self.turn {
            self.roll(turn);
        }
        if let Some(sketch) = &mut self.sketch {
            sketch.update(sketched.number());
        }
        let (host, network) = if self.hosts.len() < ROOM {
            (host, network)
        } else {
            (Pseudonym::OVERFLOW, Pseudonym::OVERFLOW)
        };
        self.hosts.entry(host).or_insert(HostCount { network, requests: 0, refused: 0 }).requests += 1;
    }

    /// Ends what belongs to the key before.
    fn roll(&mut self, turn: u32) {
        let hosts = std::mem::take(&mut self.hosts);
        self.closed.push(Collected { turn: self.turn, hosts });
        self.sketch = new_sketch();
        self.turn = turn;
    }

    /// Gives up everything counted so far. With a newer turn, the sketch goes as well.
    pub(super) fn collect(&mut self, turn: u32) -> Vec<Collected> {
        if turn > self.turn {
            self.roll(turn);
        } else {
            let hosts = std::mem::take(&mut self.hosts);
            self.closed.push(Collected { turn: self.turn, hosts });
        }
        std::mem::take(&mut self.closed)
    }

    /// Adds its sketch to the union, where it belongs to this turn.
    pub(super) fn sketch_into(&self, turn: u32, union: &mut HllUnion) {
        if let Some(sketch) = self.sketch.as_ref().filter(|_| self.turn == turn) {
            union.update(sketch);
        }
    }

    /// Takes the number of requests that came too late.
    pub(super) fn take_late(&mut self) -> u64 {
        std::mem::take(&mut self.late)
    }
}

fn place_of(source: AddressSource) -> usize {
    AddressSource::ALL.iter().position(|one| *one == source).unwrap_or_default()
}

// The size is a constant within the bounds of the algorithm; a count without a sketch is still a count.
fn new_sketch() -> Option<HllSketch> {
    HllSketch::new(SKETCH_SIZE, HllType::Hll8).ok()
}

pub(super) fn new_union() -> Option<HllUnion> {
    HllUnion::new(SKETCH_SIZE).ok()
}

/// The open bucket: everything collected since the last one that was a crowd.
#[derive(Debug)]
pub(super) struct OpenBucket {
    starts: UnixTime,
    hosts: Hosts,
}

impl OpenBucket {
    pub(super) fn new(now: UnixTime) -> Self {
        Self { starts: now.floor_to(BUCKET), hosts: Hosts::default() }
    }

    /// Adds what a shard has collected.
    pub(super) fn add(&mut self, hosts: Hosts) {
        for (host, more) in hosts {
            let fits = self.hosts.len() < ROOM_IN_ALL || self.hosts.contains_key(&host);
            let (host, network) =
                if fits { (host, more.network) } else { (Pseudonym::OVERFLOW, Pseudonym::OVERFLOW) };
            let count = self.hosts.entry(host).or_insert(HostCount { network, requests: 0, refused: 0 });
            count.requests += more.requests;
            count.refused += more.refused;
        }
    }

    /// The rows, if they are a crowd; the next bucket then begins at `now`. Else everything stays and rolls on.
    pub(super) fn close(&mut self, now: UnixTime, crowd: usize) -> Option<Vec<AddressRow>> {
        let networks: HashSet<_> = self.hosts.values().map(|count| count.network).collect();
        if networks.len() < crowd {
            if self.hosts.is_empty() {
                self.starts = now.floor_to(BUCKET);
            }
            return None;
        }
        let closed = std::mem::replace(self, Self::new(now));
        let mut rows: Vec<_> = closed
            .hosts
            .into_iter()
            .map(|(host, count)| AddressRow {
                bucket: closed.starts,
                host,
                network: count.network,
                requests: count.requests,
                refused: count.refused,
            })
            .collect();
        rows.sort_unstable();
        Some(rows)
    }

    /// Destroys what never became a crowd; how many requests that were.
    pub(super) fn destroy(&mut self, now: UnixTime) -> u64 {
        let destroyed = std::mem::replace(self, Self::new(now));
        destroyed.hosts.values().map(|count| count.requests).sum()
    }
}

/// Takes the 64 bits of a pseudonym for their own hash.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudonym(number: u64) -> Pseudonym {
        Pseudonym::from_number(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn meet(shard: &mut AddressShard, turn: u32, host: u64, network: u64) {
        if shard.count_again(turn, pseudonym(host)) == Met::First {
            shard.count_first(turn, pseudonym(host), pseudonym(network), pseudonym(host + 1_000_000));
        }
    }

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    #[test]
    fn a_bucket_closes_only_as_a_crowd_and_else_rolls_on() {
        let (mut shard, mut bucket) = (AddressShard::new(), OpenBucket::new(at(1_200)));
        for host in 0..9 {
            meet(&mut shard, 0, host, host);
            meet(&mut shard, 0, host + 100, host);
        }
        shard.collect(0).into_iter().for_each(|collected| bucket.add(collected.hosts));
        assert_eq!(bucket.close(at(1_800), 10), None);
        meet(&mut shard, 0, 9, 9);
        meet(&mut shard, 0, 0, 0);
        shard.collect(0).into_iter().for_each(|collected| bucket.add(collected.hosts));
        let rows = bucket.close(at(2_400), 10).unwrap();
        assert_eq!(rows.len(), 19);
        assert!(rows.iter().all(|row| row.bucket == at(1_200)));
        assert!(rows.is_sorted());
        assert_eq!(rows.iter().map(|row| row.requests).sum::<u64>(), 20);
        assert_eq!(bucket.close(at(3_000), 1), None);
    }

    #[test]
    fn keys_are_never_mixed_in_one_bucket() {
        let mut shard = AddressShard::new();
        meet(&mut shard, 0, 1, 1);
        meet(&mut shard, 1, 1, 1);
        meet(&mut shard, 0, 2, 2);
        assert_eq!(shard.take_late(), 1);
        let collected = shard.collect(1);
        assert_eq!(
            collected.iter().map(|one| (one.turn, one.hosts.len())).collect::<Vec<_>>(),
            [(0, 1), (1, 1)]
        );
    }

    #[test]
    fn memory_is_bounded_and_no_request_is_lost() {
        let mut shard = AddressShard::new();
        for host in 0..100_000 {
            meet(&mut shard, 0, host, host);
        }
        assert!(shard.hosts.len() <= ROOM + 1);
        assert_eq!(shard.hosts.values().map(|count| count.requests).sum::<u64>(), 100_000);
        assert_eq!(shard.hosts[&Pseudonym::OVERFLOW].requests, 100_000 - ROOM as u64);
    }

    #[test]
    fn distinct_hosts_are_estimated_across_shards() {
        let mut shards = [AddressShard::new(), AddressShard::new()];
        for host in 0..1_753 {
            meet(&mut shards[0], 0, host, host);
            meet(&mut shards[usize::try_from(host % 2).unwrap()], 0, host, host);
        }
        let mut union = new_union().unwrap();
        shards.iter().for_each(|shard| shard.sketch_into(0, &mut union));
        let estimate = union.estimate();
        assert!((estimate - 1_753.0).abs() < 1_753.0 * 0.03, "{estimate}");
    }
}
