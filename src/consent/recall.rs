//! What became of the `Cookie` fields that came lately: a browser sends the same one with everything that it asks for.

use std::cell::RefCell;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use super::few::Few;
use super::judge::Judge;
use super::outcome::{CookieSubject, Deeds};
use crate::lately::Lately;

/// What becomes of one field: the same for the same bytes, while policy and choice are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    pub(super) deeds: Deeds,
    /// The runs of pairs that stay; nothing where all of it does.
    pub(super) kept: Option<Few<Run, 8>>,
}

/// Where a run of pairs begins and ends.
pub(super) type Run = (u32, u32);

thread_local! {
    /// Of a field nothing is kept but a hash that nobody can foresee, and what became of it.
    static LATELY: RefCell<Lately<Reading, 512>> = const { RefCell::new(Lately::new()) };
}

/// Finds readings again, by SipHash-1-3 under a key of its own: under another policy or for another site none of them is found.
pub(super) struct Recall(RandomState);

impl Default for Recall {
    fn default() -> Self {
        Self(RandomState::new())
    }
}

impl Recall {
    /// Does something with the reading of a field, which is remembered or made by `read`.
    pub(super) fn with_reading<T>(
        &self,
        judge: &Judge<'_>,
        line: &[u8],
        read: impl FnOnce() -> Reading,
        then: impl FnOnce(&Reading) -> T,
    ) -> T {
        let mut hasher = self.0.build_hasher();
        hasher.write_u32(judge.standing.granted.bits());
        hasher.write(line);
        let hash = hasher.finish();
        LATELY.with_borrow_mut(|lately| {
            if let Some(reading) = lately.get(hash).filter(|reading| !reading.has_news_for(judge)) {
                return then(reading);
            }
            let reading = read();
            let done = then(&reading);
            if reading.can_be_remembered() {
                lately.put(hash, reading);
            }
            done
        })
    }
}

impl Reading {
    /// Not where the site may give a cookie a name yet, or so much is in it that it would take memory that a visitor determines.
    fn can_be_remembered(&self) -> bool {
        let is_named = self.deeds.iter().all(|deed| deed.subject != CookieSubject::Undeclared(None));
        is_named && self.deeds.is_short() && self.kept.as_ref().is_none_or(Few::is_inline)
    }

    /// Whether a value in it still has to be counted.
    fn has_news_for(&self, judge: &Judge<'_>) -> bool {
        judge.values.is_some_and(|values| self.deeds.iter().any(|deed| values.counts(deed.subject)))
    }
}

impl fmt::Debug for Recall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recall(..)")
    }
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;
    use http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::consent::policy::Policy;
    use crate::consent::request::filter;
    use crate::consent::seen::SeenRules;
    use crate::consent::values::CookieValues;
    use crate::consent::{CookieRule, Deed, LegalBasis, Purpose, UndeclaredNames};
    use crate::time::CivilMonth;

    /// Everything by which fields are read, for one site.
    struct Site {
        policy: Policy,
        undeclared: UndeclaredNames,
        seen: SeenRules,
        values: CookieValues,
        recall: Recall,
    }

    impl Site {
        fn new(necessary: &str) -> Self {
            let policy = Policy::builder("Town", "https://www.example.gov.uk")
                .purpose(Purpose::new("marketing", LegalBasis::Consent, "Marketing", "Words"))
                .cookie(CookieRule::new("_ga*", "marketing"))
                .cookie(CookieRule::strictly_necessary(necessary))
                .build()
                .unwrap();
            let values = CookieValues::new(policy.register().rules().len());
            let (undeclared, seen, recall) =
                (UndeclaredNames::default(), SeenRules::default(), Recall::default());
            Self { policy, undeclared, seen, values, recall }
        }

        /// What the site sees of a field, and what was done.
        fn sees(&self, line: &str, agreed: bool, counts: bool) -> (String, Vec<Deed>) {
            let (all, month) = (self.policy.declared(), CivilMonth::new(2026, 11).unwrap());
            let decision = agreed.then(|| (self.policy.decide(all, all, month), month));
            let judge = Judge {
                policy: &self.policy,
                standing: self.policy.standing(decision, false),
                undeclared: &self.undeclared,
                seen: &self.seen,
                values: counts.then_some(&self.values),
                recall: &self.recall,
            };
            let (mut headers, mut deeds) = (HeaderMap::new(), Deeds::default());
            headers.insert(COOKIE, HeaderValue::from_str(line).unwrap());
            filter(&judge, &mut headers, &mut deeds);
            let seen = headers.get(COOKIE).map(|value| value.to_str().unwrap().to_owned());
            (seen.unwrap_or_default(), deeds.iter().collect())
        }
    }

    #[test]
    fn law_04_what_is_remembered_is_what_would_be_read() {
        let (site, other) = (Site::new("session"), Site::new("lang"));
        let many: String = (0..40).map(|number| format!("_ga{number}=1; session=2; ")).collect();
        for line in
            ["session=1", "_ga=1; session=2", "session=1; _ga=1; lang=2", "_ga=1", "a b=1; =c", "", &many]
        {
            for (site, agreed) in [(&site, false), (&site, true), (&other, false), (&other, true)] {
                let fresh = Site {
                    recall: Recall::default(),
                    ..Site::new(site.policy.register().rules()[1].pattern())
                };
                let expected = fresh.sees(line, agreed, false);
                for counts in [false, true, false] {
                    assert_eq!(site.sees(line, agreed, counts), expected, "{line} {agreed}");
                }
            }
        }
    }

    #[test]
    fn a_name_that_the_site_sets_later_is_known_from_then_on() {
        let site = Site::new("session");
        let number = |site: &Site| site.sees("promo=1", false, false).1[0].subject;
        assert_eq!(number(&site), CookieSubject::Undeclared(None));
        let given = site.undeclared.note(b"promo");
        assert_eq!(number(&site), CookieSubject::Undeclared(given));
    }

    #[test]
    fn values_are_counted_although_the_field_is_known() {
        let site = Site::new("session");
        let estimate = |site: &Site| site.values.estimates().next();
        (0..999).for_each(|_| drop(site.sees("session=1", false, true)));
        (0..100).for_each(|_| drop(site.sees("session=1", false, false)));
        assert_eq!(estimate(&site), None);
        site.sees("session=1", false, true);
        assert_eq!(estimate(&site), Some((CookieSubject::Rule(1), 1)));
        site.values.begin_again();
        (0..1_000).for_each(|value| drop(site.sees(&format!("session={}", value % 8), false, true)));
        assert_eq!(estimate(&site), Some((CookieSubject::Rule(1), 8)));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", Recall::default()), "Recall(..)");
    }
}
