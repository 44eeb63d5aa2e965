use std::collections::{BTreeMap, BTreeSet};

use pinfold::audit::FacetKind;
use pinfold::time::{CivilDate, UnixTime};
use pinfold_store::{FacetCount, Ledgers, Period, StoreError, UsageCount, VisitCount};
use serde::Serialize;

use super::visits::Visits;

/// A period of more days than this is long.
const LONG: i32 = 400;

/// What the ledgers of one site say of one period. Everything in it is a count.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Audit {
    pub(crate) site: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) written_at: String,
    pub(crate) traffic: Traffic,
    pub(crate) visits: Visits,
    /// By day; `at_least` and `at_most` differ where the program was started more than once that day.
    pub(crate) distinct_addresses: Vec<Distinct>,
    /// The most asked for first. `(rare)` is everything that fewer than a crowd asked for on a day.
    pub(crate) routes: Vec<Route>,
    /// What all routes add up to.
    pub(crate) usage: Usage,
    /// Page views by family of browser.
    pub(crate) browsers: Facet,
    /// Page views by class of device.
    pub(crate) devices: Facet,
    /// Page views by the host that they come from.
    pub(crate) referrers: Facet,
    /// Pages that robots asked for, which are no page views.
    pub(crate) robots: Facet,
    pub(crate) cookies: Vec<Cookie>,
    pub(crate) consent: Vec<Consent>,
    pub(crate) policies: Vec<Policy>,
    pub(crate) keys: Vec<Key>,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Traffic {
    pub(crate) requests: i64,
    pub(crate) page_views: i64,
    pub(crate) by_method: BTreeMap<String, i64>,
    /// `2xx`, `3xx` and so on.
    pub(crate) by_status: BTreeMap<String, i64>,
    pub(crate) by_day: BTreeMap<String, Day>,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Day {
    pub(crate) requests: i64,
    pub(crate) page_views: i64,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Distinct {
    pub(crate) day: String,
    pub(crate) at_least: i64,
    pub(crate) at_most: i64,
    pub(crate) starts: i64,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Route {
    pub(crate) route: String,
    pub(crate) status: String,
    pub(crate) requests: i64,
    pub(crate) page_views: i64,
    pub(crate) entries: i64,
    /// Answered 404 (Not Found).
    pub(crate) not_found: i64,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Usage {
    pub(crate) requests: i64,
    pub(crate) page_views: i64,
    pub(crate) entries: i64,
    pub(crate) not_found: i64,
}

/// Page views by one thing alone, the most frequent first; `(rare)` is what had no crowd on its day.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Facet {
    pub(crate) total: i64,
    pub(crate) values: Vec<FacetValue>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct FacetValue {
    pub(crate) value: String,
    pub(crate) page_views: i64,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cookie {
    pub(crate) pattern: String,
    pub(crate) purpose: String,
    pub(crate) direction: String,
    pub(crate) action: String,
    pub(crate) seen: i64,
    pub(crate) first_day: String,
    pub(crate) last_day: String,
    /// How many different values a thousand requests for pages had.
    pub(crate) values: Option<u16>,
    /// Whether it looks like an identifier, which its legal basis does not allow.
    pub(crate) identifies: bool,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Consent {
    pub(crate) policy: String,
    /// Empty for what concerns all purposes.
    pub(crate) purpose: String,
    pub(crate) event: String,
    pub(crate) events: i64,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Policy {
    pub(crate) fingerprint: String,
    pub(crate) from: String,
    pub(crate) to: Option<String>,
    pub(crate) statement: String,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Key {
    pub(crate) epoch: String,
    pub(crate) made: String,
    pub(crate) destroyed: Option<String>,
    pub(crate) how: Option<String>,
}

impl Audit {
    /// Reads the ledgers.
    pub(crate) fn read(
        ledgers: &Ledgers,
        site: &str,
        period: Period,
        now: UnixTime,
    ) -> Result<Self, StoreError> {
        Self::of(ledgers, site, period, now, &ledgers.visits(site, period)?)
    }

    /// Reads all but visits, which are read already.
    pub(super) fn of(
        ledgers: &Ledgers,
        site: &str,
        period: Period,
        now: UnixTime,
        visits: &[VisitCount],
    ) -> Result<Self, StoreError> {
        let mut traffic = Traffic::default();
        for row in ledgers.traffic(site, period)? {
            traffic.requests += row.requests;
            traffic.page_views += row.page_views;
            *traffic.by_method.entry(row.method).or_default() += row.requests;
            *traffic.by_status.entry(status(row.status_class)).or_default() += row.requests;
            let day = traffic.by_day.entry(row.day.to_string()).or_default();
            day.requests += row.requests;
            day.page_views += row.page_views;
        }
        let distinct = ledgers.distinct(site, period)?.into_iter().map(|row| Distinct {
            day: row.day.to_string(),
            at_least: row.at_least,
            at_most: row.at_most,
            starts: row.runs,
        });
        let mut usage = Usage::default();
        let routes: Vec<_> = ledgers.usage(site, period)?.into_iter().map(Route::of).collect();
        for row in &routes {
            usage.requests += row.requests;
            usage.page_views += row.page_views;
            usage.entries += row.entries;
            usage.not_found += row.not_found;
        }
        let facet = |kind| ledgers.facets(site, kind, period).map(Facet::of);
        let cookies = ledgers.cookies(site)?.into_iter().map(|row| Cookie {
            pattern: row.pattern,
            purpose: row.purpose,
            direction: row.direction,
            action: row.action,
            seen: row.seen,
            first_day: row.first_day.to_string(),
            last_day: row.last_day.to_string(),
            values: row.values,
            identifies: row.identifies,
        });
        let consent = ledgers.consent(site, period)?.into_iter().map(|row| Consent {
            policy: row.policy,
            purpose: row.purpose,
            event: row.event,
            events: row.events,
        });
        let policies = ledgers.policies(site)?.into_iter().map(|row| Policy {
            fingerprint: row.fingerprint,
            from: row.from.to_string(),
            to: row.to.map(|day| day.to_string()),
            statement: row.statement,
        });
        let keys = ledgers.keys(site)?.into_iter().map(|row| Key {
            epoch: row.epoch,
            made: row.made.to_string(),
            destroyed: row.destroyed.map(|moment| moment.to_string()),
            how: row.how,
        });
        Ok(Self {
            site: site.to_owned(),
            from: period.from.to_string(),
            to: period.to.to_string(),
            written_at: now.to_string(),
            traffic,
            visits: Visits::of(visits),
            distinct_addresses: distinct.collect(),
            routes,
            usage,
            browsers: facet(FacetKind::Browser)?,
            devices: facet(FacetKind::Device)?,
            referrers: facet(FacetKind::Referrer)?,
            robots: facet(FacetKind::Robot)?,
            cookies: cookies.collect(),
            consent: consent.collect(),
            policies: policies.collect(),
            keys: keys.collect(),
        })
    }

    /// The cookies that look like identifiers, though their legal basis allows none.
    pub(super) fn identifying(&self) -> BTreeSet<&str> {
        let identifying = self.cookies.iter().filter(|row| row.identifies);
        identifying.map(|row| row.pattern.as_str()).collect()
    }

    /// What each route has of a count, all statuses together, by name.
    pub(super) fn by_route(&self, count: impl Fn(&Route) -> i64) -> Vec<(String, i64)> {
        let mut sums = BTreeMap::<&str, i64>::new();
        self.routes.iter().for_each(|route| *sums.entry(&route.route).or_default() += count(route));
        sums.into_iter().map(|(route, sum)| (route.to_owned(), sum)).collect()
    }

    /// Every day of the period, as it is written in the ledgers; of a long one, those that are neither before the first nor after
    /// the last of which anything is known.
    pub(super) fn days(&self) -> Vec<String> {
        let day = |text: &str| CivilDate::parse(text).map(CivilDate::days);
        let (Some(from), Some(to)) = (day(&self.from), day(&self.to)) else { return Vec::new() };
        let (from, to) = match (self.traffic.by_day.first_key_value(), self.traffic.by_day.last_key_value()) {
            (Some((first, _)), Some((last, _))) if to - from > LONG => {
                (from.max(day(first).unwrap_or(from)), to.min(day(last).unwrap_or(to)))
            }
            (None, _) if to - from > LONG => return Vec::new(),
            _ => (from, to),
        };
        (from..=to).map(|day| CivilDate::from_days(day).to_string()).collect()
    }

    /// One JSON object, with a line break at the end.
    pub(crate) fn to_json(&self) -> String {
        // Strings and numbers alone: nothing in it can fail to be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

impl Route {
    pub(super) fn of(row: UsageCount) -> Self {
        Self {
            route: row.route,
            status: status(row.status_class),
            requests: row.requests,
            page_views: row.page_views,
            entries: row.entries,
            not_found: row.not_found,
        }
    }
}

impl Facet {
    pub(super) fn of(counts: Vec<FacetCount>) -> Self {
        let total = counts.iter().map(|count| count.page_views).sum();
        Self { total, values: counts.into_iter().map(FacetValue::of).collect() }
    }
}

impl FacetValue {
    pub(super) fn of(count: FacetCount) -> Self {
        Self { value: count.value, page_views: count.page_views }
    }
}

fn status(class: u8) -> String {
    format!("{class}xx")
}
