use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::{Timestamp, Zoned, civil, tz::TimeZone};

use super::UnixTime;
use crate::error::{ConfigError, Subject};

const SECONDS_A_DAY: i64 = 86_400;

/// Civil days and months in the time zone of the site.
///
/// The day of the last question is remembered, so that asking again within it costs two comparisons.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
    today: Arc<ArcSwap<CivilDay>>,
}

impl Calendar {
    /// The calendar of an IANA time zone such as `Europe/London`.
    ///
    /// # Errors
    ///
    /// Where the system (or the database bundled with the binary) has no zone of that name.
    pub fn named(name: &str) -> Result<Self, ConfigError> {
        let zone = TimeZone::get(name).map_err(|_| {
            ConfigError::new(
                Subject::TimeZone,
                format!("`{name}` is not a time zone known here"),
                "write an IANA name such as Europe/London",
            )
        })?;
        Ok(Self::new(zone))
    }

    /// The calendar of Coordinated Universal Time.
    pub fn utc() -> Self {
        Self::new(TimeZone::UTC)
    }

    fn new(zone: TimeZone) -> Self {
        let day = day_in(&zone, UnixTime::from_seconds(0));
        Self { zone, today: Arc::new(ArcSwap::from_pointee(day)) }
    }

    /// The civil day in which `now` lies.
    pub fn day_of(&self, now: UnixTime) -> CivilDay {
        let today = self.today.load();
        if today.starts <= now && now < today.ends {
            return **today;
        }
        let day = day_in(&self.zone, now);
        self.today.store(Arc::new(day));
        day
    }

    /// The moment at which `month` begins.
    pub fn start_of(&self, month: CivilMonth) -> UnixTime {
        let year = i16::try_from(month.0.div_euclid(12)).unwrap_or(9999);
        let number = i8::try_from(month.0.rem_euclid(12) + 1).unwrap_or(1);
        let start = civil::Date::new(year, number, 1)
            .and_then(|date| self.zone.to_ambiguous_zoned(date.at(0, 0, 0, 0)).compatible());
        start.map_or(UnixTime::from_seconds(i64::MAX), |zoned| moment(&zoned))
    }
}

fn day_in(zone: &TimeZone, now: UnixTime) -> CivilDay {
    // Past the years that civil time is defined for, days of UTC go on: an absurd clock must not stop the site.
    let civil = Timestamp::from_second(now.seconds()).ok().and_then(|timestamp| {
        let zoned = timestamp.to_zoned(zone.clone());
        let starts = zoned.start_of_day().ok()?;
        let ends = zoned.tomorrow().ok()?.start_of_day().ok()?;
        let date = zoned.date();
        Some(CivilDay {
            date: CivilDate::of(date)?,
            month: CivilMonth(i32::from(date.year()) * 12 + i32::from(date.month()) - 1),
            starts: moment(&starts),
            ends: moment(&ends),
        })
    });
    civil.unwrap_or_else(|| {
        let starts = now.floor_to(SECONDS_A_DAY);
        CivilDay {
            date: CivilDate(
                (starts.seconds() / SECONDS_A_DAY).clamp(i32::MIN.into(), i32::MAX.into()) as i32
            ),
            month: CivilMonth(9999 * 12),
            starts,
            ends: starts.plus(SECONDS_A_DAY),
        }
    })
}

fn moment(zoned: &Zoned) -> UnixTime {
    UnixTime::from_seconds(zoned.timestamp().as_second())
}

/// One civil day: 23, 24 or 25 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CivilDay {
    /// Which day it is.
    pub date: CivilDate,
    /// The month in which it lies.
    pub month: CivilMonth,
    /// Its first second.
    pub starts: UnixTime,
    /// The first second of the next day.
    pub ends: UnixTime,
}

/// A date, as the number of days since 1970-01-01. Shown as `2026-11-22`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilDate(i32);

impl CivilDate {
    /// From a number of days since 1970-01-01.
    pub const fn from_days(days: i32) -> Self {
        Self(days)
    }

    /// The number of days since 1970-01-01.
    pub const fn days(self) -> i32 {
        self.0
    }

    /// Reads `2026-11-22`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::of(text.parse().ok()?)
    }

    fn of(date: civil::Date) -> Option<Self> {
        Some(Self(civil::date(1970, 1, 1).until(date).ok()?.get_days()))
    }
}

impl fmt::Display for CivilDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = jiff::Span::new().try_days(self.0);
        match span.and_then(|span| civil::date(1970, 1, 1).checked_add(span)) {
            Ok(date) => date.fmt(f),
            Err(_) => write!(f, "day {}", self.0),
        }
    }
}

/// A month, as the number of months since the year 0. Shown as `202611`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilMonth(i32);

impl CivilMonth {
    /// From a year and a month of 1 to 12; `None` for any other month or a year outside 1970 to 9998.
    pub fn new(year: i32, month: i32) -> Option<Self> {
        ((1..=12).contains(&month) && (1970..=9998).contains(&year)).then_some(Self(year * 12 + month - 1))
    }

    /// The month `months` later.
    pub const fn plus(self, months: u8) -> Self {
        Self(self.0 + months as i32)
    }

    /// The year.
    pub const fn year(self) -> i32 {
        self.0.div_euclid(12)
    }

    /// The month of the year, 1 to 12.
    pub const fn number(self) -> i32 {
        self.0.rem_euclid(12) + 1
    }
}

impl fmt::Display for CivilMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}{:02}", self.year(), self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixTime {
        UnixTime::from_seconds(text.parse::<Timestamp>().unwrap().as_second())
    }

    #[test]
    fn days_follow_the_zone_through_both_clock_changes() {
        let london = Calendar::named("Europe/London").unwrap();
        for (moment, date, hours) in [
            ("2026-03-28T23:59:59Z", "2026-03-28", 24),
            ("2026-03-29T00:00:00Z", "2026-03-29", 23),
            ("2026-03-29T22:59:59Z", "2026-03-29", 23),
            ("2026-03-29T23:00:00Z", "2026-03-30", 24),
            ("2026-10-25T23:59:59Z", "2026-10-25", 25),
            ("2028-02-29T12:00:00Z", "2028-02-29", 24),
            ("2026-12-31T23:59:59Z", "2026-12-31", 24),
            ("1969-12-31T10:00:00Z", "1969-12-31", 24),
        ] {
            let day = london.day_of(at(moment));
            assert_eq!(day.date.to_string(), date, "{moment}");
            assert_eq!(day.ends.seconds() - day.starts.seconds(), hours * 3600, "{moment}");
            assert_eq!(CivilDate::parse(date), Some(day.date), "{moment}");
        }
    }

    #[test]
    fn an_absurd_clock_still_has_a_day() {
        let calendar = Calendar::named("Europe/London").unwrap();
        for seconds in [i64::MIN, i64::MIN / 2, -400_000_000_000, 400_000_000_000, i64::MAX / 2] {
            let now = UnixTime::from_seconds(seconds);
            let day = calendar.day_of(now);
            assert!(day.starts <= now, "{seconds}");
            assert_eq!(day.date.days() < 0, seconds < 0, "{seconds}");
        }
    }

    #[test]
    fn months_begin_at_local_midnight() {
        let london = Calendar::named("Europe/London").unwrap();
        let month = CivilMonth::new(2026, 11).unwrap();
        assert_eq!(month.to_string(), "202611");
        assert_eq!(month.plus(12).to_string(), "202711");
        assert_eq!(london.start_of(month.plus(12)), at("2027-11-01T00:00:00Z"));
        assert_eq!(london.start_of(CivilMonth::new(2027, 7).unwrap()), at("2027-06-30T23:00:00Z"));
    }

    #[test]
    fn an_unknown_zone_is_named() {
        let fault = Calendar::named("Europe/Londres").unwrap_err();
        assert!(fault.to_string().contains("Europe/Londres"), "{fault}");
    }
}
