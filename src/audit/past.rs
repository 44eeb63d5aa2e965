use http::StatusCode;

use super::agent::Agent;
use super::cookies::{CookieFacts, Estimates};
use super::day_book::DayBook;
use super::details::{Answered, DetailShard};
use super::layer::AuditSettings;
use super::ledger::{MethodClass, Rows, TrafficRow};
use super::referrer::{OWN, counted_as};
use crate::consent::{ConsentOutcome, Policy, UndeclaredNames};
use crate::time::{Calendar, CivilDate, CivilDay, UnixTime};

/// How many names all days together may have before days are let go of.
const ROOM: usize = 131_072;

/// After how many requests what is counted is put together: until then few routes are told apart.
const STRETCH: u32 = 65_536;

/// Requests that were answered before there was a Pinfold, counted as it counts those of today: into the traffic, usage and
/// facet ledgers, under the same rules. Of addresses it is told nothing.
///
/// A route or host stands under its own name for a day on which a crowd asked for it. Days are remembered as long as there is
/// room for them, those touched last the longest; a day that is met again later begins anew, and what is rare in both parts stays
/// under `(rare)`. Totals are exact.
///
/// ```
/// use pinfold::audit::{AuditSettings, MethodClass, PastRequest, PastUse};
/// use pinfold::consent::Policy;
/// use pinfold::time::{Calendar, UnixTime};
///
/// let policy = Policy::builder("Example Borough Council", "https://www.example.gov.uk").build()?;
/// let mut past = PastUse::new(policy, Calendar::named("Europe/London")?, &AuditSettings::default());
/// past.count(&PastRequest {
///     at: UnixTime::from_seconds(1_795_341_600),
///     method: MethodClass::Get,
///     status: http::StatusCode::OK,
///     path: "/bins",
///     page: true,
///     referrer: Some(b"https://www.example.com/"),
///     agent: Some(b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
/// });
/// assert_eq!(past.take_rows().len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PastUse {
    policy: Policy,
    settings: AuditSettings,
    calendar: Calendar,
    /// The day of the last request: nearly always that of the next one too.
    day: CivilDay,
    shard: DetailShard,
    book: DayBook,
    in_shard: u32,
    space: String,
}

/// A request of the past, as a log tells of it.
#[derive(Debug, Clone, Copy)]
#[allow(
    clippy::exhaustive_structs,
    reason = "a new part is a breaking change: each must be told, or be told to be unknown"
)]
pub struct PastRequest<'a> {
    /// When it was answered.
    pub at: UnixTime,
    /// Its method.
    pub method: MethodClass,
    /// The status of the answer.
    pub status: StatusCode,
    /// The path, without a query.
    pub path: &'a str,
    /// Whether a page was asked for and given.
    pub page: bool,
    /// `Referer`, empty where there was none; nothing where the log does not tell.
    pub referrer: Option<&'a [u8]>,
    /// `User-Agent`, empty where there was none; nothing where the log does not tell.
    pub agent: Option<&'a [u8]>,
}

impl PastUse {
    /// Counts by the routes and crowd of `settings`. Pages of the hosts that `policy` calls the site's own refer to nothing.
    pub fn new(policy: Policy, calendar: Calendar, settings: &AuditSettings) -> Self {
        let day = calendar.day_of(UnixTime::from_seconds(0));
        Self {
            policy,
            settings: settings.clone(),
            calendar,
            day,
            shard: DetailShard::new(0),
            book: DayBook::default(),
            in_shard: 0,
            space: String::new(),
        }
    }

    /// The civil day of a moment.
    pub fn day_of(&mut self, at: UnixTime) -> CivilDate {
        if at < self.day.starts || at >= self.day.ends {
            self.day = self.calendar.day_of(at);
        }
        self.day.date
    }

    /// Adds a request. An entry is a page view that a page of the site does not refer to.
    pub fn count(&mut self, request: &PastRequest<'_>) {
        let from = |field| counted_as(field, &self.policy, &mut self.space) != OWN;
        let entry = request.page && request.referrer.is_some_and(from);
        let agent = match request.agent {
            Some(field) if request.page => Agent::of(field),
            _ => Agent::UNKNOWN,
        };
        let answered = Answered {
            day: self.day_of(request.at),
            method: request.method,
            status: request.status,
            path: request.path,
            page: request.page,
            entry,
            visit: None,
            agent,
            referrer: request.referrer,
            outcome: &ConsentOutcome::default(),
        };
        self.shard.count(&answered, self.settings.routes(), &self.policy);
        self.in_shard += 1;
        if self.in_shard >= STRETCH {
            self.gather();
        }
    }

    /// Whether there are so many names that rows should be taken, so that memory stays bounded.
    pub fn is_full(&self) -> bool {
        self.book.names() > ROOM
    }

    /// What is new since the last rows, sorted by value, for each ledger that has any.
    pub fn take_rows(&mut self) -> Vec<Rows> {
        let mut traffic: Vec<TrafficRow> = Vec::new();
        self.shard.take_traffic(&mut traffic);
        traffic.sort_unstable();
        self.gather();
        let rows = self.book.rows(&Estimates::default());
        self.book.forget_beyond(ROOM);
        let ledgers = [Rows::Traffic(traffic), Rows::Usage(rows.usage), Rows::Facet(rows.facets)];
        ledgers.into_iter().filter(|rows| !rows.is_empty()).collect()
    }

    fn gather(&mut self) {
        let facts = CookieFacts::new(&self.policy, &UndeclaredNames::default(), None);
        for day in self.shard.take_days() {
            self.book.add(day, &facts, self.settings.crowd());
        }
        self.in_shard = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past() -> PastUse {
        let policy = Policy::builder("Town", "https://www.town.example").build().unwrap();
        PastUse::new(policy, Calendar::utc(), &AuditSettings::default())
    }

    fn request<'a>(day: i64, path: &'a str, referrer: &'a [u8]) -> PastRequest<'a> {
        PastRequest {
            at: UnixTime::from_seconds(day * 86_400 + 60),
            method: MethodClass::Get,
            status: StatusCode::OK,
            path,
            page: true,
            referrer: Some(referrer),
            agent: Some(b"Firefox"),
        }
    }

    fn usage(rows: &[Rows]) -> Vec<(String, i64, i64)> {
        let usage = rows.iter().find_map(|rows| match rows {
            Rows::Usage(rows) => Some(rows.iter()),
            _ => None,
        });
        usage.unwrap_or_default().map(|row| (row.route.clone(), row.requests, row.entries)).collect()
    }

    #[test]
    fn a_route_is_named_for_a_day_with_a_crowd_and_what_comes_from_the_site_is_no_entry() {
        let mut past = past();
        for _ in 0..6 {
            past.count(&request(1, "/bins", b"https://www.town.example/"));
        }
        assert_eq!(usage(&past.take_rows()), [("(rare)".to_owned(), 6, 0)]);
        for _ in 0..4 {
            past.count(&request(1, "/bins", b""));
        }
        past.count(&request(2, "/bins", b""));
        let rows = past.take_rows();
        assert_eq!(
            usage(&rows),
            [("(rare)".to_owned(), -6, 0), ("/bins".to_owned(), 10, 4), ("(rare)".to_owned(), 1, 1)]
        );
        assert_eq!(past.take_rows().len(), 0);
    }

    #[test]
    fn days_are_let_go_of_before_there_are_too_many_names() {
        let mut past = past();
        for day in 0..400 {
            for number in 0..1_000_u32 {
                let letters: String =
                    (0..3).map(|place| char::from(b'a' + (number / 26_u32.pow(place) % 26) as u8)).collect();
                past.count(&request(day, &format!("/{letters}"), b""));
            }
            past.take_rows();
        }
        assert!(past.book.names() <= ROOM, "{}", past.book.names());
        assert!(past.book.names() > ROOM / 2);
    }
}
