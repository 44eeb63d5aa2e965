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
                    (table(&["Cookie", "Purpose", "Direction", "What was done", "Times"], stats.cookies.iter().map(|stat| {
                        let held = stat.action == Action::Withheld;
                        html! {
                            td { code { (stat.pattern) } }
                            td { (stat.purpose) }
                            td { (stat.direction.name()) }
                            td { span.held[held] { (stat.action.name()) } }
                            td.n { (stat.seen) }
                        }
                    }).collect()))
                    h2 { "Choices since the start" }
                    (table(&["Purpose", "What visitors did", "Times"], stats.consent_events.iter().filter(|(_, _, count)| *count > 0).map(|(event, purpose, count)| html! {
                        td { @if purpose.is_empty() { "(all)" } @else { (purpose) } }
                        td { (event.name()) }
                        td.n { (count) }
                    }).collect()))
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
        (table(&["Day (UTC)", "Requests", "Page views"], audit.traffic.by_day.iter().map(|(day, counts)| html! {
            td { (day) }
            td.n { (counts.requests) }
            td.n { (counts.page_views) }
        }).collect()))
        h2 { "Keys" }
        (table(&["Epoch", "Made", "Destroyed"], audit.keys.iter().rev().take(10).map(|key| html! {
            td { (key.epoch) }
            td { (key.made) }
            td { (key.destroyed.as_deref().unwrap_or("alive")) " " (key.how.as_deref().unwrap_or_default()) }
        }).collect()))
    }
}

fn table(columns: &[&str], rows: Vec<Markup>) -> Markup {
    if rows.is_empty() {
        return html! { p { "Nothing yet." } };
    }
    html! {
        table {
            thead { tr { @for column in columns { th scope="col" { (column) } } } }
            tbody { @for row in rows { tr { (row) } } }
        }
    }
}
