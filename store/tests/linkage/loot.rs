//! What a thief makes of a file: who was about when, and when each row was written.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::layout::rows_as_laid;
use super::stolen::{MIDNIGHT, read};
use super::town::{ENDS, HOUR, OPENS, PICTURES, hour_marker_of, marker_of};

/// From when until when, in seconds of the day.
pub(crate) type Window = (i64, i64);

/// Whoever asks for nothing for so long, in seconds, has gone.
const GONE: i64 = 150;

pub(crate) struct Loot {
    pub(crate) hosts: Vec<Host>,
    buckets: Vec<Bucket>,
    /// When the row of a route was laid down, by the thief's own rows about it.
    pub(crate) laid: HashMap<(Arc<str>, u8), Window>,
    /// When nothing is known of the moment.
    pub(crate) whole_day: Window,
}

/// A pseudonym of the address ledger.
pub(crate) struct Host {
    pub(crate) name: u64,
    pub(crate) network: u64,
    /// Each time that it came.
    pub(crate) stays: Vec<Stay>,
}

/// Buckets without a pause between them.
#[derive(Default)]
pub(crate) struct Stay {
    pub(crate) requests: f64,
    spells: Vec<Spell>,
}

/// Requests of one host in one bucket, and when they can have come.
#[derive(Clone, Copy)]
struct Spell {
    from: i64,
    to: i64,
    requests: f64,
}

struct Bucket {
    from: i64,
    to: i64,
    /// By place of the host.
    spells: Vec<(usize, Spell)>,
}

impl Loot {
    /// `own` is the pseudonym of the thief, who came at `until` and knows himself by what he asked for.
    pub(crate) fn of(file: &Path, until: i64, own: u64) -> Self {
        let connection = Connection::open(file).unwrap();
        let (hosts, buckets) = addresses(&connection, until, own);
        Self { hosts, buckets, laid: laid(file), whole_day: (OPENS, until) }
    }

    /// How many requests each host made in a window, as far as buckets tell, by its place.
    pub(crate) fn activity(&self, window: Window) -> Vec<(usize, f64)> {
        let mut sums = vec![0.0; self.hosts.len()];
        let mut met = Vec::new();
        let first = self.buckets.partition_point(|bucket| bucket.to <= window.0);
        for bucket in self.buckets[first..].iter().take_while(|bucket| bucket.from < window.1) {
            for (host, spell) in &bucket.spells {
                let requests = spell.within(window);
                if sums[*host] == 0.0 && requests > 0.0 {
                    met.push(*host);
                }
                sums[*host] += requests;
            }
        }
        met.sort_unstable();
        met.dedup();
        met.into_iter().map(|host| (host, sums[host])).collect()
    }
}

impl Stay {
    /// How many of its requests lie in a window, as far as buckets tell.
    pub(crate) fn within(&self, window: Window) -> f64 {
        let first = self.spells.partition_point(|spell| spell.to <= window.0);
        let spells = self.spells[first..].iter().take_while(|spell| spell.from < window.1);
        spells.map(|spell| spell.within(window)).sum()
    }
}

impl Spell {
    fn within(self, window: Window) -> f64 {
        let within = self.to.min(window.1) - self.from.max(window.0);
        self.requests * within.max(0) as f64 / (self.to - self.from) as f64
    }
}

fn addresses(connection: &Connection, until: i64, own: u64) -> (Vec<Host>, Vec<Bucket>) {
    let (mut hosts, mut buckets): (Vec<Host>, Vec<Bucket>) = Default::default();
    let mut places = HashMap::new();
    let sql = |order| format!("SELECT bucket, host, network, requests FROM address ORDER BY bucket, {order}");
    let tells_order = connection.prepare(&sql("rowid")).is_ok();
    let rows = read(connection, &sql(if tells_order { "rowid" } else { "host" }), |row| {
        let (host, network): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok((
            row.get::<_, i64>(0)? - MIDNIGHT.seconds(),
            host.cast_unsigned(),
            network.cast_unsigned(),
            row.get(3)?,
        ))
    });
    for (from, name, network, requests) in rows {
        if buckets.last().is_none_or(|last| last.from != from) {
            buckets.iter_mut().last().into_iter().for_each(|last| last.to = from);
            buckets.push(Bucket { from, to: until, spells: Vec::new() });
        }
        let Some(bucket) = buckets.last_mut().filter(|_| name != own) else { continue };
        let place = *places.entry(name).or_insert_with(|| {
            hosts.push(Host { name, network, stays: Vec::new() });
            hosts.len() - 1
        });
        bucket.spells.push((place, Spell { from, to: until, requests }));
    }
    for bucket in &mut buckets {
        let (from, to, count) = (bucket.from, bucket.to, bucket.spells.len());
        for (place, (host, spell)) in bucket.spells.iter_mut().enumerate() {
            spell.to = to;
            if tells_order {
                *spell = since_it_came(place, count, Spell { from, ..*spell });
            }
            let stays = &mut hosts[*host].stays;
            let until = stays.last().and_then(|stay: &Stay| stay.spells.last()).map(|last| last.to);
            if until.is_none_or(|until| from - until > GONE) {
                stays.push(Stay::default());
            }
            let stay = stays.last_mut().unwrap();
            stay.requests += spell.requests;
            stay.spells.push(*spell);
        }
    }
    (hosts, buckets)
}

/// The n-th of those who came in a bucket came when the n-th did, more or less: more of them early, for some were about already.
/// What one page brings with it comes at once.
fn since_it_came(place: usize, of: usize, spell: Spell) -> Spell {
    let length = (spell.to - spell.from) as f64;
    let way = (place as f64 + 0.5) / of as f64;
    let came = -length * (1.0 - way * (1.0 - (-1.0f64).exp())).ln();
    let doubt = 2.0 + 2.0 * length * (way * (1.0 - way) / (of as f64 + 1.0)).sqrt();
    let from = spell.from.max(spell.from + (came - doubt) as i64);
    let at_once = spell.requests <= 1.0 + PICTURES as f64;
    let to = if at_once { spell.to.min(spell.from + (came + doubt) as i64 + 2) } else { spell.to };
    Spell { from, to: to.max(from + 1), ..spell }
}

/// When each row of the usage ledger was laid down: between the rows of the thief that lie before and after it.
fn laid(file: &Path) -> HashMap<(Arc<str>, u8), Window> {
    let exact = (OPENS..ENDS).step_by(60).map(|at| (marker_of(at), (at, at)));
    // What many ask for is named by the hour.
    let hours = (OPENS..ENDS).step_by(HOUR as usize).map(|at| (hour_marker_of(at), (at, at + 2 * HOUR)));
    let markers: HashMap<String, Window> = hours.chain(exact).collect();
    let mut laid = HashMap::new();
    for page in rows_as_laid(file, "usage", [2, 3]) {
        let marker = |(place, [route, _]): (usize, &[String; 2])| Some((place, *markers.get(route)?));
        let marked: Vec<_> = page.iter().enumerate().filter_map(marker).collect();
        for (place, [route, status]) in page.iter().enumerate() {
            let next = marked.partition_point(|(marker, _)| *marker <= place);
            let before = next.checked_sub(1).map(|before| marked[before]);
            let window = between(before, place, marked.get(next).copied());
            if window.0 < window.1 {
                laid.insert((route.as_str().into(), status.parse().unwrap_or_default()), window);
            }
        }
    }
    laid
}

/// When something was laid down between two markers. Where both tell the second, rows are taken to have come evenly between them,
/// give or take two standard deviations.
fn between(before: Option<(usize, Window)>, place: usize, after: Option<(usize, Window)>) -> Window {
    match (before, after) {
        (Some((first, (from, until))), Some((last, (since, to)))) if from == until && since == to => {
            let rows = (last - first) as f64;
            let way = (place - first) as f64 / rows;
            let at = from + ((to - from) as f64 * way) as i64;
            let doubt = 2 + (2.0 * (to - from) as f64 * (way * (1.0 - way) / (rows + 1.0)).sqrt()) as i64;
            (from.max(at - doubt), to.min(at + doubt))
        }
        _ => (before.map_or(OPENS, |(_, (from, _))| from), after.map_or(ENDS, |(_, (_, to))| to)),
    }
}
