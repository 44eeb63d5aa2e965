//! The same day with three protections taken off: a crowd is one, a bucket is a minute, and rows lie in the order in which
//! they came.
//!
//! Nothing that ships can be set so: a crowd is at least two, a bucket is a constant, and a table in the order of its key cannot
//! hold another. So this writes the ledgers itself, from the same requests, into tables made by the statements of the store
//! less their `WITHOUT ROWID`.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use http::HeaderMap;
use pinfold::audit::Routes;
use pinfold::client_ip::ClientIpResolver;
use pinfold::pseudonym::{EpochKey, Unit};
use pinfold_store::{Retention, Store};
use rusqlite::{Connection, params};

use super::stolen::{MIDNIGHT, Stolen, file_in, place, read};
use super::town::{HOUR, Town, What};

const SITE: &str = "www.town.example";

const MINUTE: i64 = 60;

/// Details leave memory as often as in the build that ships.
const DETAILS_EVERY: i64 = HOUR;

pub(crate) fn day_of(town: &Town) -> Stolen {
    let dir = place();
    let mut connection = Connection::open(file_in(&dir)).unwrap();
    connection.pragma_update(None, "synchronous", "OFF").unwrap();
    connection.execute_batch(&statements()).unwrap();
    let key = EpochKey::from_root([7; 32], SITE);
    let pseudonyms = |address: Ipv4Addr| {
        let client = ClientIpResolver::peer().resolve(Some(address.into()), &HeaderMap::new()).unwrap();
        [Unit::Host, Unit::Network].map(|unit| key.operations().pseudonym(unit, &client).number())
    };
    let names: HashMap<_, _> = town.asked.iter().map(|one| (one.from, pseudonyms(one.from))).collect();
    let transaction = connection.transaction().unwrap();
    write(&transaction, town, &names);
    transaction.commit().unwrap();
    Stolen::new(dir, Vec::new(), names.into_iter().map(|(address, [host, _])| (address, host)).collect())
}

fn statements() -> String {
    let dir = place();
    Store::open(file_in(&dir), Retention::default()).unwrap().close();
    let connection = Connection::open(file_in(&dir)).unwrap();
    let tables: Vec<String> =
        read(&connection, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL", |row| row.get(0));
    tables.into_iter().map(|table| table.replace(", WITHOUT ROWID", "") + ";").collect()
}

fn write(connection: &Connection, town: &Town, names: &HashMap<Ipv4Addr, [u64; 2]>) {
    let routes = Routes::default();
    let mut minute = InOrder::default();
    let mut details = InOrder::default();
    let (mut minute_is, mut details_until) = (0, DETAILS_EVERY);
    for one in &town.asked {
        if one.at / MINUTE != minute_is {
            write_addresses(connection, minute_is * MINUTE, minute.take(), names);
            minute_is = one.at / MINUTE;
        }
        if one.at >= details_until {
            write_usage(connection, details.take());
            details_until = one.at - one.at % DETAILS_EVERY + DETAILS_EVERY;
        }
        minute.count(one.from);
        let (method, status) = match &one.what {
            What::Page(_, status) => ("GET", i64::from(status / 100)),
            What::Picture => ("GET", 2),
            What::Choice(_) => ("POST", 3),
        };
        let path = match &one.what {
            What::Page(path, _) => path,
            What::Picture => "/crest.svg",
            What::Choice(_) => "/cookies",
        };
        details.count((routes.route_of(path), status));
        if let What::Choice(agreed) = one.what {
            let event = if agreed { "accepted" } else { "rejected" };
            add(
                connection,
                "INSERT INTO consent VALUES (?1, ?2, 'policy', ?3, 'marketing', 1)
                 ON CONFLICT DO UPDATE SET events = events + 1",
                params![SITE, day(), event],
            );
        }
        add(
            connection,
            "INSERT INTO traffic VALUES (?1, ?2, ?3, ?4, 1, 0) ON CONFLICT DO UPDATE SET requests = requests + 1",
            params![SITE, day(), method, status],
        );
    }
    write_addresses(connection, minute_is * MINUTE, minute.take(), names);
    write_usage(connection, details.take());
}

fn write_addresses(
    connection: &Connection,
    starts: i64,
    rows: Vec<(Ipv4Addr, i64)>,
    names: &HashMap<Ipv4Addr, [u64; 2]>,
) {
    for (address, requests) in rows {
        let [host, network] = names[&address].map(u64::cast_signed);
        add(
            connection,
            "INSERT INTO address VALUES (?1, ?2, ?3, ?4, ?5, 0, '')",
            params![SITE, MIDNIGHT.plus(starts).seconds(), host, network, requests],
        );
    }
}

fn write_usage(connection: &Connection, rows: Vec<((String, i64), i64)>) {
    for ((route, status), requests) in rows {
        add(
            connection,
            "INSERT INTO usage VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 0)
             ON CONFLICT DO UPDATE SET requests = requests + excluded.requests",
            params![SITE, day(), route, status, requests],
        );
    }
}

fn add(connection: &Connection, sql: &str, values: impl rusqlite::Params) {
    connection.prepare_cached(sql).unwrap().execute(values).unwrap();
}

fn day() -> i64 {
    MIDNIGHT.seconds() / 86_400
}

/// Counts, in the order in which each was first met.
struct InOrder<K> {
    places: HashMap<K, usize>,
    counts: Vec<(K, i64)>,
}

impl<K> Default for InOrder<K> {
    fn default() -> Self {
        Self { places: HashMap::new(), counts: Vec::new() }
    }
}

impl<K: Clone + Eq + std::hash::Hash> InOrder<K> {
    fn count(&mut self, key: K) {
        let place = *self.places.entry(key.clone()).or_insert_with(|| {
            self.counts.push((key, 0));
            self.counts.len() - 1
        });
        self.counts[place].1 += 1;
    }

    fn take(&mut self) -> Vec<(K, i64)> {
        std::mem::take(self).counts
    }
}
