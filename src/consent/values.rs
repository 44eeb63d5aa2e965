use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::outcome::CookieSubject;
use super::purpose::LegalBasis;
use super::undeclared::ROOM;

/// How many requests are one sample.
const SAMPLE: u32 = 1_000;

/// How many places a sample has for values: so many that few of a thousand share one.
const PLACES: u64 = 4_096;

/// How many values a cookie may have in a thousand requests that keeps a choice and not a visitor.
const MOST_CHOICES: u16 = 32;

/// Whether a cookie that had so many values in a thousand requests for pages looks like an identifier, where its basis rests on
/// there being none: statistics are about how a service is used and not about who uses it, and an appearance is a choice of few
/// (PECR Schedule A1, paragraphs 5 and 6).
pub(crate) fn looks_like_an_identifier(basis: LegalBasis, values: u16) -> bool {
    matches!(basis, LegalBasis::Statistics | LegalBasis::Appearance) && values > MOST_CHOICES
}

/// Estimates how many different values of each cookie come with a thousand requests for pages. One that names a visitor has
/// hundreds, one that keeps a choice has a few.
///
/// Of a value a mark is kept that many values share, at a place found by SipHash-1-3 under a key of the process.
pub(crate) struct CookieValues {
    key: RandomState,
    rules: usize,
    /// By rule, then by undeclared name; made when the first of it comes.
    samples: Box<[OnceLock<Arc<Sample>>]>,
}

struct Sample {
    seen: AtomicU32,
    marks: [AtomicU64; (PLACES / 64) as usize],
    /// One more than what the last full sample came to; nothing yet is 0.
    estimate: AtomicU32,
}

impl CookieValues {
    /// For a register of so many rules.
    pub(crate) fn new(rules: usize) -> Self {
        let samples = (0..rules + ROOM).map(|_| OnceLock::new()).collect();
        Self { key: RandomState::new(), rules, samples }
    }

    /// For another register of so many rules. A rule goes on with the sample of the one before that is the same, and of undeclared names
    /// each with its own.
    pub(crate) fn renewed(&self, rules: usize, before: impl Fn(usize) -> Option<usize>) -> Self {
        let sample = |place: usize| {
            let place = match place.checked_sub(rules) {
                None => before(place)?,
                Some(number) => self.rules + number,
            };
            self.samples.get(place)?.get().cloned()
        };
        let samples = (0..rules + ROOM).map(|place| sample(place).map_or_else(OnceLock::new, OnceLock::from));
        Self { key: self.key.clone(), rules, samples: samples.collect() }
    }

    /// Adds a value that came with a request for a page.
    #[inline]
    pub(super) fn note(&self, subject: CookieSubject, value: &[u8]) {
        let Some(sample) = self.place(subject).and_then(|place| self.samples.get(place)) else { return };
        let sample = sample.get_or_init(Arc::default);
        // While the sample is full nothing is written that other threads must see.
        if sample.seen.load(Ordering::Relaxed) < SAMPLE {
            sample.note(self.key.hash_one(value));
        }
    }

    /// Whether values of a cookie are still counted.
    pub(super) fn counts(&self, subject: CookieSubject) -> bool {
        let sample = self.place(subject).and_then(|place| self.samples.get(place));
        sample.is_some_and(|sample| {
            sample.get().is_none_or(|sample| sample.seen.load(Ordering::Relaxed) < SAMPLE)
        })
    }

    /// How many different values a thousand requests had, in the last full sample.
    #[cfg(test)]
    fn estimate(&self, subject: CookieSubject) -> Option<u16> {
        self.samples.get(self.place(subject)?)?.get()?.estimate()
    }

    /// Those of which there is an estimate.
    pub(crate) fn estimates(&self) -> impl Iterator<Item = (CookieSubject, u16)> {
        let number = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        self.samples.iter().enumerate().filter_map(move |(place, sample)| {
            let subject = match place.checked_sub(self.rules) {
                None => CookieSubject::Rule(number(place)),
                Some(place) => CookieSubject::Undeclared(Some(number(place))),
            };
            Some((subject, sample.get()?.estimate()?))
        })
    }

    /// Begins a new sample wherever one is full. What it came to stays until then.
    pub(crate) fn begin_again(&self) {
        self.samples.iter().filter_map(OnceLock::get).for_each(|sample| sample.begin_again());
    }

    #[inline]
    fn place(&self, subject: CookieSubject) -> Option<usize> {
        match subject {
            CookieSubject::Rule(number) => Some(usize::from(number)),
            CookieSubject::Undeclared(Some(number)) => Some(self.rules + usize::from(number)),
            CookieSubject::Malformed | CookieSubject::Own | CookieSubject::Undeclared(None) => None,
        }
    }
}

impl Sample {
    fn note(&self, hash: u64) {
        let place = hash % PLACES;
        self.marks[(place / 64) as usize].fetch_or(1 << (place % 64), Ordering::Relaxed);
        if self.seen.fetch_add(1, Ordering::Relaxed) + 1 == SAMPLE {
            self.estimate.store(u32::from(self.values()) + 1, Ordering::Relaxed);
        }
    }

    /// Linear counting (Whang, Vander-Zanden and Taylor, 1990): from how many places are free follows how many values there were.
    fn values(&self) -> u16 {
        let taken: u32 = self.marks.iter().map(|marks| marks.load(Ordering::Relaxed).count_ones()).sum();
        let free = (PLACES as f64 - f64::from(taken)) / PLACES as f64;
        (-(PLACES as f64) * free.ln()).round().min(f64::from(SAMPLE)) as u16
    }

    fn estimate(&self) -> Option<u16> {
        let estimate = self.estimate.load(Ordering::Relaxed).checked_sub(1)?;
        u16::try_from(estimate).ok()
    }

    fn begin_again(&self) {
        if self.seen.load(Ordering::Relaxed) >= SAMPLE {
            self.marks.iter().for_each(|marks| marks.store(0, Ordering::Relaxed));
            self.seen.store(0, Ordering::Relaxed);
        }
    }
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            seen: AtomicU32::new(0),
            marks: std::array::from_fn(|_| AtomicU64::new(0)),
            estimate: AtomicU32::new(0),
        }
    }
}

impl fmt::Debug for CookieValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieValues").field("rules", &self.rules).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimated(values: impl Iterator<Item = u32>) -> Option<u16> {
        let cookies = CookieValues::new(1);
        values.for_each(|value| cookies.note(CookieSubject::Rule(0), &value.to_le_bytes()));
        cookies.estimate(CookieSubject::Rule(0))
    }

    #[test]
    fn a_thousand_requests_tell_how_many_values_there_are() {
        for (different, least, most) in
            [(1, 1, 1), (3, 3, 3), (32, 30, 34), (300, 270, 330), (1_000, 930, 1_000)]
        {
            let found = estimated((0..1_000).map(|request| request % different)).unwrap();
            assert!((least..=most).contains(&found), "{found} of {different}");
        }
        assert_eq!(estimated(0..999), None, "not yet a thousand");
    }

    #[test]
    fn a_full_sample_takes_no_more_until_it_begins_again() {
        let (cookies, subject) = (CookieValues::new(2), CookieSubject::Undeclared(Some(7)));
        let send = |value: u32| cookies.note(subject, &value.to_le_bytes());
        (0..1_000).for_each(|_| send(0));
        (0..1_000).for_each(send);
        assert_eq!(cookies.estimate(subject), Some(1));
        cookies.begin_again();
        assert_eq!(cookies.estimate(subject), Some(1), "known until there is a newer one");
        (0..1_000).for_each(send);
        assert!(cookies.estimate(subject) > Some(900));
        assert_eq!(cookies.estimates().map(|(subject, _)| subject).collect::<Vec<_>>(), [subject]);
        for unnamed in [CookieSubject::Malformed, CookieSubject::Own, CookieSubject::Undeclared(None)] {
            (0..1_000).for_each(|_| cookies.note(unnamed, b"1"));
            assert_eq!(cookies.estimate(unnamed), None);
        }
    }

    #[test]
    fn a_sample_goes_on_under_another_register() {
        let before = CookieValues::new(2);
        let note = |values: &CookieValues, subject, count: u32| {
            (0..count).for_each(|value| values.note(subject, &value.to_le_bytes()));
        };
        note(&before, CookieSubject::Rule(1), 600);
        note(&before, CookieSubject::Undeclared(Some(3)), 600);
        // What was the second rule is the first of three.
        let after = before.renewed(3, |place| (place == 0).then_some(1));
        note(&after, CookieSubject::Rule(0), 399);
        assert_eq!(after.estimate(CookieSubject::Rule(0)), None);
        note(&before, CookieSubject::Rule(1), 1);
        assert!(after.estimate(CookieSubject::Rule(0)) > Some(550), "both added to one sample");
        note(&after, CookieSubject::Undeclared(Some(3)), 400);
        assert!(after.estimate(CookieSubject::Undeclared(Some(3))).is_some());
        assert_eq!(after.estimates().count(), 2);
    }

    #[test]
    fn law_07_an_identifier_is_at_odds_with_statistics_and_appearance_alone() {
        for (basis, values, expected) in [
            (LegalBasis::Statistics, 33, true),
            (LegalBasis::Appearance, 400, true),
            (LegalBasis::Statistics, 32, false),
            (LegalBasis::Consent, 400, false),
        ] {
            assert_eq!(looks_like_an_identifier(basis, values), expected, "{basis:?} {values}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", CookieValues::new(3)), "CookieValues { rules: 3, .. }");
    }
}
