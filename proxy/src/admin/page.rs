//! The dashboard: what has been counted since the start, then the report of a period.

use maud::{DOCTYPE, Markup, html};
use pinfold::consent::Action;
use pinfold::consent::page::Language;
use pinfold::time::{CivilDate, Clock, SystemClock};
use pinfold_store::{Ledgers, Period};

use crate::report::{Audit, STYLE, Shelf};
use crate::serve::Readings;

/// The stylesheet of the page.
pub(super) const CSS: &str = STYLE;

/// The longest period, in days: what is kept at most.
const LONGEST: i32 = 10 * 366;

/// What the query of the page asks for: so many days, in a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    days: i32,
    language: Language,
}

impl Asked {
    /// Whatever is not understood is left out.
    pub(super) fn read(query: Option<&str>) -> Self {
        let mut asked = Self { days: 31, language: Language::English };
        for (name, value) in query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('=')) {
            match (name, value) {
                ("days", days) => asked.days = days.parse().unwrap_or(asked.days).clamp(1, LONGEST),
                ("lang", "cy") => asked.language = Language::Welsh,
                _ => {}
            }
        }
        asked
    }
}

/// The page.
pub(super) fn render(readings: &Readings, asked: Asked) -> String {
    let now = SystemClock::new().now();
    let today = readings.calendar.day_of(now).date;
    let from = CivilDate::from_days(today.days().saturating_sub(asked.days - 1));
    let period = Period { from, to: today };
    let moment = moment(readings).into_string();
    let audit = Ledgers::open(&readings.store_path)
        .and_then(|ledgers| Audit::read(&ledgers, &readings.site, period, now));
    match audit {
        Ok(audit) => audit.to_html(
            asked.language,
            Shelf::Served { moment: &moment },
            Some(&readings.in_force.load().policy),
        ),
        Err(error) => without_report(readings, &moment, &error.to_string()),
    }
}

/// What there is to see while the ledgers cannot be read.
fn without_report(readings: &Readings, moment: &str, error: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Pinfold: " (readings.site) }
                link rel="stylesheet" href="/style.css";
            }
            body {
                main {
                    h1 { "Pinfold in front of " (readings.site) }
                    p { "The ledgers cannot be read at the moment: " (error) }
                    (maud::PreEscaped(moment))
                }
            }
        }
    };
    page.into_string()
}

/// What has been counted since the start, in this process.
fn moment(readings: &Readings) -> Markup {
    let stats = readings.audit.stats();
    let requests: u64 = stats.requests.iter().map(|(_, _, count)| count).sum();
    let lost: u64 = stats.lost.iter().map(|(_, rows)| rows).sum();
    html! {
        section.served lang="en" aria-label="Since the start" {
            h2 { "Since the start" }
            p {
                (requests) " requests, " (stats.page_views) " page views. The key of today is "
                (stats.key_age.as_secs() / 3600) " hours old. "
                @if lost > 0 { strong { (lost) " rows of counts were lost. " } } @else { "No count was lost. " }
                "Details of the period below are written when they are a crowd, at most once an hour, and at a clean stop. "
                a href="/metrics" { "Metrics" } " · " a href="/readyz" { "Readiness" }
            }
            details open {
                summary { "Cookies and choices" }
                (table("Cookies since the start", &["Cookie", "Purpose", "Direction", "What was done"], stats.cookies.iter().map(|stat| {
                    let action = html! { span.undeclared[stat.action == Action::Withheld] { (stat.action.name()) } };
                    let name = html! { code { (stat.pattern) } };
                    (vec![name, text(&stat.purpose), text(stat.direction.name()), action], stat.seen)
                })))
                (table("Choices since the start", &["Purpose", "What visitors did"], stats.consent_events.iter().filter(|(_, _, count)| *count > 0).map(|(event, purpose, count)| {
                    let purpose = if purpose.is_empty() { "all" } else { purpose };
                    (vec![text(purpose), text(event.name())], *count)
                })))
            }
        }
    }
}

fn text(text: &str) -> Markup {
    html! { (text) }
}

/// Columns of words, then how often.
fn table(label: &str, words: &[&str], rows: impl Iterator<Item = (Vec<Markup>, u64)>) -> Markup {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return html! { p { (label) ": nothing yet." } };
    }
    html! {
        table.wide {
            caption { (label) }
            thead {
                tr {
                    @for column in words { th scope="col" { (column) } }
                    th.n scope="col" { "Times" }
                }
            }
            tbody {
                @for (cells, count) in rows {
                    tr {
                        @for (column, cell) in words.iter().zip(cells) { td data-label=(column) { (cell) } }
                        td.n data-label="Times" { (count) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_understood_or_left_out() {
        for (query, days, language) in [
            (None, 31, Language::English),
            (Some("days=7&lang=cy"), 7, Language::Welsh),
            (Some("days=0"), 1, Language::English),
            (Some("days=999999999"), LONGEST, Language::English),
            (Some("days=-1"), 1, Language::English),
            (Some("days=x&lang=fr&&a"), 31, Language::English),
        ] {
            assert_eq!(Asked::read(query), Asked { days, language }, "{query:?}");
        }
    }
}
