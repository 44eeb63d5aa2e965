//! How much better than chance an attack is.

use std::collections::HashMap;
use std::fmt;

use super::attack::{Attack, Thief};
use super::events::{Event, Kind};

/// What each attack got right of each kind of event, in towns of one size.
///
/// Half of the visits choose the attack for each kind, the best for the thief; the other half judge it. A thief who chose by the
/// events that he is judged by would look better than he is.
#[derive(Default)]
pub(crate) struct Record {
    towns: usize,
    choosing: HashMap<(Kind, Attack), u64>,
    /// By kind, attack and visit: events, named rightly, and named rightly by chance.
    judging: HashMap<(Kind, Attack), HashMap<Visit, [f64; 3]>>,
}

/// By town and number.
type Visit = (usize, usize);

impl Record {
    pub(crate) fn attack(&mut self, thief: &mut Thief, events: &[Event]) {
        for event in events {
            let by_chance = f64::from(thief.names(Attack::Busiest, event) == event.truth);
            for attack in Attack::ALL {
                let right = thief.names(attack, event) == event.truth;
                let key = (event.kind, attack);
                if event.visit % 2 == 0 {
                    *self.choosing.entry(key).or_default() += u64::from(right);
                } else {
                    let visit = (self.towns, event.visit);
                    let sums = self.judging.entry(key).or_default().entry(visit).or_default();
                    let more = [1.0, f64::from(right), by_chance];
                    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
                }
            }
        }
        self.towns += 1;
    }

    /// How good the best attack on each of these kinds of events is, all of them together.
    pub(crate) fn of(&self, kinds: &[Kind]) -> Verdict {
        let attacks: Vec<_> = kinds.iter().map(|kind| (*kind, self.best(*kind))).collect();
        let mut visits: HashMap<_, [f64; 3]> = HashMap::new();
        for (visit, more) in attacks.iter().filter_map(|of_kind| self.judging.get(of_kind)).flatten() {
            let sums = visits.entry(visit).or_default();
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
        Verdict::of(attacks, visits.values().copied())
    }

    /// The best attack for the thief; chance itself where nothing is better.
    fn best(&self, kind: Kind) -> Attack {
        let right = |attack: &Attack| self.choosing.get(&(kind, *attack)).copied().unwrap_or_default();
        Attack::ALL.into_iter().rev().max_by_key(right).unwrap_or(Attack::Busiest)
    }
}

/// How often attacks named rightly, beside chance.
pub(crate) struct Verdict {
    attacks: Vec<(Kind, Attack)>,
    events: f64,
    right: f64,
    by_chance: f64,
    /// How many times better than chance: the lower and the upper end of the 95 % interval.
    pub(crate) interval: [f64; 2],
}

impl Verdict {
    /// Events of one visit are right or wrong together, so a visit is what varies. The logarithm of a ratio of two sums is
    /// nearly normal; its variance is that of the difference of their shares (delta method).
    fn of(attacks: Vec<(Kind, Attack)>, visits: impl Iterator<Item = [f64; 3]> + Clone) -> Self {
        let sum = |place: usize| visits.clone().map(|visit| visit[place]).sum::<f64>();
        // Half of one stands for none, which has no logarithm.
        let [events, right, by_chance] = [sum(0), sum(1).max(0.5), sum(2).max(0.5)];
        let difference = |visit: [f64; 3]| visit[1] / right - visit[2] / by_chance;
        let deviation = visits.map(|visit| difference(visit).powi(2)).sum::<f64>().sqrt();
        let interval = [-1.96, 1.96].map(|times| right / by_chance * (times * deviation).exp());
        Self { attacks, events, right, by_chance, interval }
    }

    /// How often the name was right.
    pub(crate) fn share(&self) -> f64 {
        self.right / self.events
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attacks, events, right, by_chance, interval: [low, high] } = self;
        let (share, chance, ratio) = (100.0 * self.share(), 100.0 * by_chance / events, right / by_chance);
        write!(
            f,
            "{ratio:6.2} times chance ({low:.2} to {high:.2}): {share:.2} % of {events} for {chance:.2} %, {attacks:?}"
        )
    }
}
