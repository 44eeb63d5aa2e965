//! Requests by address pseudonym, in memory until a crowd stands beside them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use datasketches::hll::{HllSketch, HllType, HllUnion};

use super::block::Blocks;
use super::heavy::Tally;
use super::recent::{Recent, Recognised};
use super::senders::{SPILL, Senders};
use super::untold::Untold;
use crate::client_ip::{AddressSource, ClientIp, ClientIpResolver, Evidence};
use crate::pseudonym::{Epoch, EpochKey, KeyRing, Pseudonym, Unit};

/// How many hosts one shard tells apart within a bucket. Those beyond share one row.
const ROOM: usize = 16_384;

/// 2^14 registers: a standard error of 0.8 %.
const SKETCH_SIZE: u8 = 14;

/// Requests of one host.
#[derive(Debug, Clone, Copy)]
pub(super) struct HostCount {
    pub(super) network: Pseudonym,
    pub(super) requests: u64,
    pub(super) refused: u64,
    /// In memory alone: no ledger has statuses beside pseudonyms.
    errors: u64,
    blocked: bool,
    /// For which generation of the blocks that was found.
    checked: u32,
}

impl HostCount {
    pub(super) fn of(network: Pseudonym) -> Self {
        Self { network, requests: 0, refused: 0, errors: 0, blocked: false, checked: 0 }
    }

    fn tally(&self) -> Tally {
        Tally { requests: self.requests, errors: self.errors, refused: self.refused }
    }
}

/// By host; pseudonyms are keyed hashes already, so they are not hashed again.
pub(super) type Hosts = HashMap<Pseudonym, HostCount, BuildHasherDefault<AsItIs>>;

/// What one thread has seen under the key of one turn of the ring.
#[derive(Debug)]
pub(super) struct AddressShard {
    turn: u32,
    /// None once the background has stopped.
    key: Option<EpochKey>,
    /// The key of the day before, while it lives: for blocks that are to be carried over.
    previous: Option<EpochKey>,
    recent: Recent,
    hosts: Hosts,
    /// The heaviest of those for whom there is no room among the hosts.
    spill: Senders,
    sketch: Option<HllSketch>,
    /// Where other nodes count with this one: under the sketch key, whoever is new to a bucket.
    untold: Option<Vec<Untold>>,
    /// What was seen under the key before and not yet collected.
    closed: Vec<Collected>,
    /// Requests by how their address was found.
    sources: [u64; AddressSource::ALL.len()],
    /// Requests that were refused.
    refused: u64,
}

/// What a shard gives up.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) turn: u32,
    pub(super) hosts: Hosts,
    spill: Senders,
}

impl Collected {
    pub(super) fn senders_into(&self, senders: &mut Senders) {
        add_senders(&self.hosts, &self.spill, senders);
    }
}

fn add_senders(hosts: &Hosts, spill: &Senders, senders: &mut Senders) {
    hosts.iter().for_each(|(host, count)| senders.add(*host, count.network, count.tally()));
    senders.add_all(spill);
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// It came from nobody known.
    Nobody,
    /// It is counted; its host was met before in this bucket.
    Again(Pseudonym),
    /// It is counted, and its host is new to this bucket.
    First { host: Pseudonym, network: Pseudonym },
    /// There is no key to count it under.
    Keyless,
    /// It is counted, and blocked.
    Refused,
}

impl AddressShard {
    /// One that keeps the names that other nodes are to be told.
    pub(super) fn telling() -> Self {
        Self { untold: Some(Vec::new()), ..Self::new() }
    }

    pub(super) fn new() -> Self {
        Self {
            turn: 0,
            key: None,
            previous: None,
            recent: Recent::default(),
            hosts: Hosts::default(),
            spill: Senders::with_room(SPILL),
            sketch: new_sketch(),
            untold: None,
            closed: Vec::new(),
            sources: Default::default(),
            refused: 0,
        }
    }

    /// Counts from now on under the key in force, and forgets what was known under the one before.
    pub(super) fn turn_to(&mut self, ring: &KeyRing) {
        if self.turn < ring.turns() {
            self.roll(ring.turns());
        }
        self.key = Some(ring.current().shared_key());
        self.previous = ring.previous().map(Epoch::shared_key);
        self.recent = Recent::default();
    }

    /// Lets go of the key. Nothing is counted from now on.
    pub(super) fn forget_key(&mut self) {
        self.key = None;
        self.previous = None;
        self.recent = Recent::default();
    }

    /// Counts a request under the pseudonym of its client.
    pub(super) fn count(
        &mut self,
        evidence: Option<&Evidence<'_>>,
        resolver: &ClientIpResolver,
        blocks: &Blocks,
    ) -> Met {
        let Some(evidence) = evidence else {
            self.sources[place_of(AddressSource::Unknown)] += 1;
            return Met::Nobody;
        };
        let Some(key) = &self.key else { return Met::Keyless };
        let Recognised { host, source } = self.recent.recognise(key.token().token(evidence), || {
            let client = resolver.client(evidence);
            Recognised { host: key.operations().pseudonym(Unit::Host, &client), source: client.source() }
        });
        self.sources[place_of(source)] += 1;
        let generation = blocks.generation();
        let previous = self.previous.as_ref();
        let yesterday = || {
            let (key, client) = (previous?.operations(), resolver.client(evidence));
            Some([Unit::Host, Unit::Network].map(|unit| key.pseudonym(unit, &client)))
        };
        if let Some(count) = self.hosts.get_mut(&host) {
            count.requests += 1;
            if count.checked != generation {
                count.blocked = blocks.refuses([host, count.network], yesterday);
                count.checked = generation;
            }
            if count.blocked {
                count.refused += 1;
                self.refused += 1;
                return Met::Refused;
            }
            return Met::Again(host);
        }
        let client = resolver.client(evidence);
        let network = key.operations().pseudonym(Unit::Network, &client);
        let sketched = key.sketch().pseudonym(Unit::Host, &client);
        let blocked = blocks.refuses([host, network], yesterday);
        let count = HostCount {
            requests: 1,
            refused: u64::from(blocked),
            blocked,
            checked: generation,
            ..HostCount::of(network)
        };
        self.count_first(host, count, sketched);
        self.refused += u64::from(blocked);
        if blocked { Met::Refused } else { Met::First { host, network } }
    }

    /// The name of a client that the site is told, under a key that no ledger knows.
    pub(super) fn name_for_origin(&self, client: &ClientIp) -> Option<Pseudonym> {
        self.key.as_ref().map(|key| key.origin().pseudonym(Unit::Host, client))
    }

    /// Counts a request of a host as answered with an error.
    pub(super) fn note_error(&mut self, host: Pseudonym) {
        if let Some(count) = self.hosts.get_mut(&host) {
            count.errors += 1;
        }
    }

    /// Adds everybody seen under the key of this turn and not yet collected.
    pub(super) fn senders_into(&self, turn: u32, senders: &mut Senders) {
        if self.turn == turn {
            add_senders(&self.hosts, &self.spill, senders);
        }
    }

    /// How many requests had an address that was found so.
    pub(super) fn requests_by(&self, source: AddressSource) -> u64 {
        self.sources[place_of(source)]
    }

    /// How many requests were refused since the start.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// Counts the first request of a host in this bucket. `sketched` is its pseudonym under the sketch key.
    fn count_first(&mut self, host: Pseudonym, count: HostCount, sketched: Pseudonym) {
        if let Some(sketch) = &mut self.sketch {
            sketch.update(sketched.number());
        }
        if let Some(untold) = &mut self.untold {
            if untold.last().is_none_or(|last| last.turn != self.turn) {
                untold.push(Untold::of(self.turn));
            }
            untold.iter_mut().last().into_iter().for_each(|last| last.add(sketched));
        }
        if self.hosts.len() < ROOM {
            self.hosts.insert(host, count);
            return;
        }
        self.spill.add(host, count.network, count.tally());
        let rest = self.hosts.entry(Pseudonym::OVERFLOW).or_insert(HostCount::of(Pseudonym::OVERFLOW));
        rest.requests += count.requests;
        rest.refused += count.refused;
    }

    /// Gives up the names that other nodes are to be told.
    pub(super) fn take_untold(&mut self) -> Vec<Untold> {
        self.untold.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Ends what belongs to the key before.
    fn roll(&mut self, turn: u32) {
        self.close();
        self.sketch = new_sketch();
        self.turn = turn;
    }

    /// Gives up everything counted so far.
    pub(super) fn collect(&mut self) -> Vec<Collected> {
        self.close();
        std::mem::take(&mut self.closed)
    }

    fn close(&mut self) {
        let hosts = std::mem::take(&mut self.hosts);
        let spill = std::mem::replace(&mut self.spill, Senders::with_room(SPILL));
        self.closed.push(Collected { turn: self.turn, hosts, spill });
    }

    /// Adds its sketch to the union, where it belongs to this turn.
    pub(super) fn sketch_into(&self, turn: u32, union: &mut HllUnion) {
        if let Some(sketch) = self.sketch.as_ref().filter(|_| self.turn == turn) {
            union.update(sketch);
        }
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
    use std::time::Duration;

    use super::*;
    use crate::audit::block::Block;
    use crate::audit::senders::Rank;
    use crate::pseudonym::FreshKey;
    use crate::time::{Calendar, UnixTime};

    fn pseudonym(number: u64) -> Pseudonym {
        Pseudonym::from_number(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn meet(shard: &mut AddressShard, host: u64, network: u64) {
        match shard.hosts.get_mut(&pseudonym(host)) {
            Some(count) => count.requests += 1,
            None => {
                let count = HostCount { requests: 1, ..HostCount::of(pseudonym(network)) };
                shard.count_first(pseudonym(host), count, pseudonym(host + 1_000_000));
            }
        }
    }

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    #[test]
    fn keys_are_never_mixed_in_one_bucket() {
        let calendar = Calendar::utc();
        let fresh = || FreshKey::generate("town").unwrap();
        let (ring, _) = KeyRing::new(at(0), Duration::ZERO, &calendar, fresh());
        let resolver = ClientIpResolver::peer();
        let evidence = resolver.evidence("192.0.2.1".parse().unwrap());
        let (mut shard, blocks) = (AddressShard::new(), Blocks::default());
        assert_eq!(shard.count(Some(&evidence), &resolver, &blocks), Met::Keyless);
        shard.turn_to(&ring);
        let Met::First { host, .. } = shard.count(Some(&evidence), &resolver, &blocks) else {
            panic!("met before")
        };
        assert_eq!(shard.count(Some(&evidence), &resolver, &blocks), Met::Again(host));
        let (ring, _) = ring.turn(at(86_400), Duration::from_secs(86_400), &calendar, Some(fresh()));
        shard.turn_to(&ring);
        assert!(matches!(shard.count(Some(&evidence), &resolver, &blocks), Met::First { .. }));
        assert_eq!(shard.count(None, &resolver, &blocks), Met::Nobody);
        shard.forget_key();
        assert_eq!(shard.count(Some(&evidence), &resolver, &blocks), Met::Keyless);
        let collected = shard.collect();
        assert_eq!(
            collected.iter().map(|one| (one.turn, one.hosts.len())).collect::<Vec<_>>(),
            [(0, 1), (1, 1)]
        );
        assert!(collected[0].hosts.keys().all(|host| !collected[1].hosts.contains_key(host)));
    }

    #[test]
    fn memory_is_bounded_and_no_request_is_lost() {
        let mut shard = AddressShard::new();
        for host in 0..100_000 {
            meet(&mut shard, host, host);
        }
        assert!(shard.hosts.len() <= ROOM + 1);
        assert_eq!(shard.hosts.values().map(|count| count.requests).sum::<u64>(), 100_000);
        assert_eq!(shard.hosts[&Pseudonym::OVERFLOW].requests, 100_000 - ROOM as u64);
    }

    #[test]
    fn distinct_hosts_are_estimated_across_shards() {
        let mut shards = [AddressShard::new(), AddressShard::new()];
        for host in 0..1_753 {
            meet(&mut shards[0], host, host);
            meet(&mut shards[usize::try_from(host % 2).unwrap()], host, host);
        }
        let mut union = new_union().unwrap();
        shards.iter().for_each(|shard| shard.sketch_into(0, &mut union));
        let estimate = union.estimate();
        assert!((estimate - 1_753.0).abs() < 1_753.0 * 0.03, "{estimate}");
    }

    #[test]
    fn a_blocked_host_is_refused_on_both_days_and_counted() {
        let calendar = Calendar::utc();
        let fresh = || FreshKey::generate("town").unwrap();
        let (ring, _) = KeyRing::new(at(0), Duration::ZERO, &calendar, fresh());
        let resolver = ClientIpResolver::peer();
        let [bad, neighbour, other] = ["192.0.2.1", "192.0.2.2", "198.51.100.1"]
            .map(|address| resolver.evidence(address.parse().unwrap()));
        let (mut shard, blocks) = (AddressShard::new(), Blocks::default());
        shard.turn_to(&ring);
        let Met::First { host, .. } = shard.count(Some(&bad), &resolver, &blocks) else {
            panic!("met before")
        };
        blocks.add(Block { pseudonym: host, reason: "scans".into(), until: at(200_000) }, false).unwrap();
        assert_eq!(shard.count(Some(&bad), &resolver, &blocks), Met::Refused);
        assert!(matches!(shard.count(Some(&neighbour), &resolver, &blocks), Met::First { .. }));
        assert!(blocks.lift(host));
        assert_eq!(shard.count(Some(&bad), &resolver, &blocks), Met::Again(host));
        blocks.add(Block { pseudonym: host, reason: "scans".into(), until: at(200_000) }, false).unwrap();

        let (ring, _) = ring.turn(at(86_400), Duration::from_secs(86_400), &calendar, Some(fresh()));
        blocks.turn();
        shard.turn_to(&ring);
        assert!(matches!(shard.count(Some(&other), &resolver, &blocks), Met::First { .. }));
        assert_eq!(shard.count(Some(&bad), &resolver, &blocks), Met::Refused);
        assert_eq!(shard.count(Some(&bad), &resolver, &blocks), Met::Refused);
        assert!(!blocks.all().iter().any(|block| block.pseudonym == host), "the old name is forgotten");
        let today = &shard.collect()[1];
        let refused: Vec<_> = today.hosts.values().filter(|count| count.refused > 0).collect();
        assert_eq!((refused.len(), refused[0].requests, refused[0].refused), (1, 2, 2));
    }

    #[test]
    fn a_network_can_be_blocked_and_errors_are_counted() {
        let (ring, _) =
            KeyRing::new(at(0), Duration::ZERO, &Calendar::utc(), FreshKey::generate("town").unwrap());
        let resolver = ClientIpResolver::peer();
        let [one, two] =
            ["2001:db8:1:1::1", "2001:db8:1:2::1"].map(|address| resolver.evidence(address.parse().unwrap()));
        let (mut shard, blocks) = (AddressShard::new(), Blocks::default());
        shard.turn_to(&ring);
        let Met::First { host, network } = shard.count(Some(&one), &resolver, &blocks) else { panic!() };
        shard.note_error(host);
        blocks.add(Block { pseudonym: network, reason: "scans".into(), until: at(9) }, false).unwrap();
        assert_eq!(shard.count(Some(&one), &resolver, &blocks), Met::Refused);
        assert_eq!(shard.count(Some(&two), &resolver, &blocks), Met::Refused);
        let mut senders = Senders::new();
        shard.senders_into(0, &mut senders);
        let top = senders.top(Unit::Network, Rank::Requests, 9);
        assert_eq!((top.len(), top[0].requests, top[0].errors, top[0].refused), (1, 3, 1, 2));
    }

    #[test]
    fn the_heaviest_are_found_though_there_is_no_room_for_them() {
        let mut shard = AddressShard::new();
        for host in 0..100_000 {
            meet(&mut shard, host, host % 1_000);
            if host % 10 == 0 {
                let count = HostCount { requests: 1, ..HostCount::of(pseudonym(5_000_000)) };
                shard.count_first(pseudonym(9_000_000 + host), count, pseudonym(1));
            }
        }
        let mut senders = Senders::new();
        shard.senders_into(0, &mut senders);
        assert_eq!(senders.top(Unit::Network, Rank::Requests, 1)[0].pseudonym, pseudonym(5_000_000));
    }
}
