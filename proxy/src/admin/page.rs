//! A page of figures: what has been counted since the start, and what the ledgers hold.

use maud::{DOCTYPE, Markup, html};
use pinfold::consent::Action;
use pinfold::time::{CivilDate, Clock, SystemClock};
use pinfold_store::{Ledgers, Period};

use crate::report::Audit;
use crate::serve::Readings;

/// The stylesheet of the page.
pub(super) const CSS: &str = include_str!("page.css");

/// The page.
pub(super) fn render(readings: &Readings) -> String {
    let stats = readings.audit.stats();
    let requests: u64 = stats.requests.iter().map(|(_, _, count)| count).sum();
    let now = SystemClock::new().now();
    let today = readings.calendar.day_of(now).date;
    let period = Period { from: CivilDate::from_days(today.days().saturating_sub(30)), to: today };
    let audit = Ledgers::open(&readings.store_path)
        .and_then(|ledgers| Audit::read(&ledgers, &readings.site, period, now));
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
                    p {
                        "Since the start: " (requests) " requests, " (stats.page_views) " page views. The key of today is "
                        (stats.key_age.as_secs() / 3600) " hours old."
                    }
                    h2 { "Cookies since the start" }
                    (table(&["Cookie", "Purpose", "Direction", "What was done"], &["Times"], stats.cookies.iter().map(|stat| {
                        let action = html! { span.held[stat.action == Action::Withheld] { (stat.action.name()) } };
                        let name = html! { code { (stat.pattern) } };
                        (vec![name, text(&stat.purpose), text(stat.direction.name()), action], vec![stat.seen])
                    })))
                    h2 { "Choices since the start" }
                    (table(&["Purpose", "What visitors did"], &["Times"], stats.consent_events.iter().filter(|(_, _, count)| *count > 0).map(|(event, purpose, count)| {
                        let purpose = if purpose.is_empty() { "all" } else { purpose };
                        (vec![text(purpose), text(event.name())], vec![*count])
                    })))
                    @match audit {
                        Ok(audit) => (kept(&audit)),
                        Err(error) => { p { "The ledgers cannot be read at the moment: " (error) } }
                    }
                    p { a href="/metrics" { "Metrics" } " · " a href="/readyz" { "Readiness" } }
                }
            }
        }
    };
    page.into_string()
}

fn kept(audit: &Audit) -> Markup {
    html! {
        h2 { "Kept: " (audit.from) " to " (audit.to) }
        p {
            "Details are written when they are a crowd, at most once an hour, and at a clean stop. "
            "The whole report: " code { "pinfold report" } "."
        }
        (table(&["Day (UTC)"], &["Requests", "Page views"], audit.traffic.by_day.iter().map(|(day, counts)| {
            (vec![text(day)], vec![counts.requests.unsigned_abs(), counts.page_views.unsigned_abs()])
        })))
        h2 { "Keys" }
        (table(&["Epoch", "Made", "Destroyed", "How"], &[], audit.keys.iter().rev().take(10).map(|key| {
            let destroyed = key.destroyed.as_deref().unwrap_or("alive");
            (vec![text(&key.epoch), text(&key.made), text(destroyed), text(key.how.as_deref().unwrap_or("-"))], vec![])
        })))
    }
}

fn text(text: &str) -> Markup {
    html! { (text) }
}

/// Columns of text, then columns of numbers.
fn table(words: &[&str], numbers: &[&str], rows: impl Iterator<Item = (Vec<Markup>, Vec<u64>)>) -> Markup {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return html! { p { "Nothing yet." } };
    }
    html! {
        table {
            thead {
                tr {
                    @for column in words { th scope="col" { (column) } }
                    @for column in numbers { th.n scope="col" { (column) } }
                }
            }
            tbody {
                @for (cells, counts) in rows {
                    tr {
                        @for (column, cell) in words.iter().zip(cells) { td data-label=(column) { (cell) } }
                        @for (column, count) in numbers.iter().zip(counts) { td.n data-label=(column) { (count) } }
                    }
                }
            }
        }
    }
}
