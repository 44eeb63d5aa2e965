//! Ten minutes of requests, or longer, until a crowd stands beside them.

use std::collections::HashSet;

use super::address::{HostCount, Hosts};
use super::ledger::AddressRow;
use crate::pseudonym::Pseudonym;
use crate::time::UnixTime;

/// The width of a bucket, in seconds.
pub(super) const BUCKET: i64 = 600;

/// How many hosts are told apart in a bucket. Those beyond share one row.
const ROOM: usize = 131_072;

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
            let fits = self.hosts.len() < ROOM || self.hosts.contains_key(&host);
            let (host, network) =
                if fits { (host, more.network) } else { (Pseudonym::OVERFLOW, Pseudonym::OVERFLOW) };
            let count = self.hosts.entry(host).or_insert(HostCount::of(network));
            count.requests += more.requests;
            count.refused += more.refused;
        }
    }

    /// The rows, if they are a crowd; the next bucket then begins at `now`. Else everything stays and rolls on.
    pub(super) fn close(&mut self, now: UnixTime, crowd: usize) -> Option<Vec<AddressRow>> {
        // Those without room may be of one network, and of one that is counted already.
        let networks = self.hosts.values().map(|count| count.network);
        let networks: HashSet<_> = networks.filter(|network| *network != Pseudonym::OVERFLOW).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    /// So many hosts, from a number on, with a request each: all of one network, or each of its own.
    fn hosts(from: u64, count: u64, network: Option<u64>) -> Hosts {
        let of = |host: u64| {
            let mut count = HostCount::of(Pseudonym::from_number(network.unwrap_or(host)));
            count.requests = 1;
            (Pseudonym::from_number(host), count)
        };
        (from..from + count).map(of).collect()
    }

    #[test]
    fn it_closes_only_as_a_crowd_and_else_rolls_on() {
        let mut bucket = OpenBucket::new(at(1_200));
        bucket.add(hosts(1, 9, None));
        bucket.add(hosts(1, 9, None));
        assert_eq!(bucket.close(at(1_800), 10), None);
        bucket.add(hosts(10, 1, None));
        bucket.add(hosts(100, 9, Some(1)));
        let rows = bucket.close(at(2_400), 10).unwrap();
        assert_eq!(rows.len(), 19);
        assert!(rows.iter().all(|row| row.bucket == at(1_200)));
        assert!(rows.is_sorted());
        assert_eq!(rows.iter().map(|row| row.requests).sum::<u64>(), 28);
        assert_eq!(bucket.close(at(3_000), 1), None);
    }

    #[test]
    fn those_without_room_are_no_network_of_a_crowd() {
        let mut bucket = OpenBucket::new(at(0));
        bucket.add(hosts(1, ROOM as u64 + 1, Some(1)));
        assert_eq!(bucket.hosts.len(), ROOM + 1, "one row is for those beyond");
        assert!(bucket.close(at(600), 2).is_none());
        assert!(bucket.close(at(600), 1).is_some());
    }

    #[test]
    fn what_never_was_a_crowd_is_destroyed_and_counted() {
        let mut bucket = OpenBucket::new(at(0));
        bucket.add(hosts(1, 5, Some(1)));
        assert_eq!(bucket.destroy(at(600)), 5);
        assert_eq!(bucket.destroy(at(600)), 0);
    }
}
