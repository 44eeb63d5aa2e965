//! Naming the pseudonym behind an event.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use super::events::Event;
use super::loot::{Host, Loot, Stay, Window};
use super::town::{LONGEST, PICTURES, STAYS};

/// The ways to go about it. All take the name that is likeliest by what they look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Attack {
    /// Whoever asked most on this day. This is chance.
    Busiest,
    /// Whoever came most often for so many pages, by how much each asked at a time.
    Volume,
    /// Whoever asked most when the row was laid down, by where it lies among those of the thief.
    Order,
    /// Whoever was about when each row of the visit was laid down, and asked for as much.
    OrderAndVolume,
    /// The busiest host of the network that was the busiest then.
    Network,
    /// Whoever asked most when the count grew, as copies tell.
    Copies,
    /// Whoever was about then, and asked for as much.
    CopiesAndVolume,
}

impl Attack {
    pub(crate) const ALL: [Self; 7] = [
        Self::Busiest,
        Self::Volume,
        Self::Order,
        Self::OrderAndVolume,
        Self::Network,
        Self::Copies,
        Self::CopiesAndVolume,
    ];
}

/// A thief at work on one file.
pub(crate) struct Thief {
    loot: Loot,
    /// What is asked again is answered again.
    answers: HashMap<Question, u64>,
}

type Question = (Attack, Vec<Window>, RangeInclusive<usize>);

impl Thief {
    pub(crate) fn with(loot: Loot) -> Self {
        Self { loot, answers: HashMap::new() }
    }

    pub(crate) fn names(&mut self, attack: Attack, event: &Event) -> u64 {
        let mut windows = match attack {
            Attack::Order | Attack::OrderAndVolume | Attack::Network => self.windows(event),
            Attack::Copies | Attack::CopiesAndVolume => event.written.into_iter().collect(),
            _ => Vec::new(),
        };
        if matches!(attack, Attack::Order | Attack::Network) {
            windows.truncate(1);
        }
        let by_volume = matches!(attack, Attack::Volume | Attack::OrderAndVolume | Attack::CopiesAndVolume);
        let pages = event.pages.clone().filter(|_| by_volume).unwrap_or(0..=LONGEST);
        // Where nothing in the file tells an event from others of its kind, any name is a guess about the town: that is chance.
        let is_guess = windows.is_empty() && pages == (0..=LONGEST);
        let question = (if is_guess { Attack::Busiest } else { attack }, windows, pages);
        if let Some(answer) = self.answers.get(&question) {
            return *answer;
        }
        let answer = self.answer(&question);
        self.answers.insert(question, answer);
        answer
    }

    /// When the rows of an event were laid down. A page that many ask for was laid down for somebody else, long before.
    fn windows(&self, event: &Event) -> Vec<Window> {
        let laid = event.rows.iter().filter_map(|row| self.loot.laid.get(row).copied());
        let mut windows: Vec<Window> = laid.collect();
        let newest = windows.iter().map(|window| window.1).max().unwrap_or_default();
        let lasts = 120 + 60 * event.rows.len() as i64;
        windows.retain(|window| newest - window.1 < lasts);
        windows.sort_unstable_by_key(|window| window.1 - window.0);
        windows
    }

    fn answer(&self, (attack, windows, pages): &Question) -> u64 {
        let first = windows.first().copied().unwrap_or(self.loot.whole_day);
        let about = self.loot.activity(first);
        match attack {
            Attack::Network => self.busiest_of_network(&about),
            Attack::Volume | Attack::OrderAndVolume | Attack::CopiesAndVolume => {
                let host = |place: usize| &self.loot.hosts[place];
                self.greatest(
                    about.iter().map(|(place, _)| (*place, visits_of(host(*place), windows, pages))),
                )
            }
            _ => self.greatest(about.into_iter()),
        }
    }

    fn busiest_of_network(&self, about: &[(usize, f64)]) -> u64 {
        let network_of = |place: usize| self.loot.hosts[place].network;
        let mut networks: HashMap<u64, f64> = HashMap::new();
        about
            .iter()
            .for_each(|(place, requests)| *networks.entry(network_of(*place)).or_default() += requests);
        let of_network = |(place, _): &&(usize, f64)| (networks[&network_of(*place)], network_of(*place));
        let busiest = about.iter().map(|one| of_network(&one)).max_by(|one, other| one.0.total_cmp(&other.0));
        self.greatest(about.iter().filter(|one| Some(of_network(one)) == busiest).copied())
    }

    /// Of several the one that comes first, so that the answer is always the same.
    fn greatest(&self, scores: impl Iterator<Item = (usize, f64)>) -> u64 {
        let order =
            |one: &(usize, f64), other: &(usize, f64)| one.1.total_cmp(&other.1).then(other.0.cmp(&one.0));
        scores.max_by(order).map_or(0, |(place, _)| self.loot.hosts[place].name)
    }
}

/// How many visits of a host are to be expected that have so many pages, with something in each of these windows.
fn visits_of(host: &Host, windows: &[Window], pages: &RangeInclusive<usize>) -> f64 {
    host.stays.iter().map(|stay| visits_in(stay, windows, pages)).sum()
}

fn visits_in(stay: &Stay, windows: &[Window], pages: &RangeInclusive<usize>) -> f64 {
    let of_all = |pages: usize| STAYS.powi(pages as i32 - 1) * (1.0 - STAYS);
    let each = 1.0 + PICTURES as f64 / 2.0;
    let mut within = windows.iter().map(|window| stay.within(*window));
    // What is beyond one long visit is several: they begin at any time, and a page of one of them comes in a short window or not.
    if stay.requests > 30.0 {
        let begun = within.next().unwrap_or(stay.requests) / each * (1.0 - STAYS);
        let goes_on = within.map(|requests| if requests > 0.0 { 0.3 } else { 1e-3 }).product::<f64>();
        return begun * goes_on * pages.clone().filter(|pages| *pages > 0).map(of_all).sum::<f64>();
    }
    let fits = |pages: usize| {
        let (mean, variance) = (pages as f64 * each + 0.4, pages as f64 * PICTURES as f64 / 4.0 + 0.25);
        of_all(pages) * (-(stay.requests - mean).powi(2) / (2.0 * variance)).exp() / variance.sqrt()
    };
    let all: f64 = (1..=LONGEST).map(fits).sum();
    let these: f64 = pages.clone().filter(|pages| *pages > 0).map(fits).sum();
    these / all.max(1e-12) * within.map(|requests| requests.clamp(1e-3, 1.0)).product::<f64>()
}
