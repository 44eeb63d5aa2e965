//! The dashboard: what has been counted since the start, then the report of a period.

use maud::{DOCTYPE, Markup, html};
use pinfold::consent::Action;
use pinfold::consent::page::Language;
use pinfold::time::{CivilDate, Clock, SystemClock};
use pinfold_store::{Ledgers, Period};

use super::words::Since;
use crate::report::{Published, STYLE, Shelf, Words, filled, shown_alone};
use crate::serve::{Readings, Served};

/// The stylesheet of the page.
pub(super) const CSS: &str = STYLE;

/// The longest period, in days: what is kept at most.
const LONGEST: i32 = 10 * 366;

/// What the query of the page asks for: so many days, in a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    days: i32,
    pub(super) language: Language,
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

/// The page of a site, which is one of several or the only one.
pub(super) fn render(readings: &Readings, site: &Served, is_of_several: bool, asked: Asked) -> String {
    let now = SystemClock::new().now();
    let today = site.calendar.day_of(now).date;
    let from = CivilDate::from_days(today.days().saturating_sub(asked.days - 1));
    let period = Period { from, to: today };
    let moment = moment(site, asked.language).into_string();
    let published = Ledgers::open(readings.location.clone())
        .and_then(|ledgers| Published::read(&ledgers, &site.name, period, now));
    match published {
        Ok(published) => {
            let list = is_of_several.then_some(Since::of(asked.language).all_sites);
            let at = if is_of_several { format!("/sites/{}", site.name) } else { "/".to_owned() };
            let shelf = Shelf::Served { moment: &moment, at: &at, list };
            published.to_html(asked.language, shelf, Some(&site.policy))
        }
        Err(error) => without_report(site, asked.language, &moment, &error.to_string()),
    }
}

/// What there is to see while the ledgers cannot be read.
fn without_report(site: &Served, language: Language, moment: &str, error: &str) -> String {
    let words = Since::of(language);
    let page = html! {
        (DOCTYPE)
        html lang=(language.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Pinfold: " (site.name) }
                link rel="stylesheet" href="/style.css";
            }
            body {
                main {
                    h1 { (filled(words.in_front_of, &[&site.name])) }
                    p { (filled(words.unreadable, &[error])) }
                    (maud::PreEscaped(moment))
                }
            }
        }
    };
    page.into_string()
}

/// What has been counted since the start, in this process, rounded as the report is: both may be on one screen.
fn moment(site: &Served, language: Language) -> Markup {
    let stats = site.audit.stats();
    let requests: u64 = stats.requests.iter().map(|(_, _, count)| count).sum();
    let lost: u64 = stats.lost.iter().map(|(_, rows)| rows).sum();
    let unwell = site.origins.servers().filter(|server| !server.is_well());
    let unwell: Vec<_> = unwell.map(ToString::to_string).collect();
    let (since, words) = (Since::of(language), Words::of(language));
    let cookies = stats.cookies.iter().map(|stat| {
        let (pattern, purpose) = (words.name_of(&stat.pattern), words.name_of(&stat.purpose));
        let held = stat.action == Action::Withheld && !Words::is_own(&stat.pattern);
        let action = html! { span.undeclared[held] { (words.action_on(&stat.pattern, stat.action.name())) } };
        let name = html! { @if pattern == stat.pattern { code { (pattern) } } @else { (pattern) } };
        (vec![name, text(purpose), text(words.name_of(stat.direction.name())), action], stat.seen)
    });
    let choices = stats.consent_events.iter().filter(|(_, _, count)| *count > 0);
    let choices = choices.map(|(event, purpose, count)| {
        let purpose = if purpose.is_empty() { words.all_purposes } else { words.name_of(purpose) };
        (vec![text(purpose), text(words.name_of(event.name()))], *count)
    });
    html! {
        section.served aria-label=(since.title) {
            h2 { (since.title) }
            p {
                (filled(since.traffic, &[&rounded(requests), &rounded(stats.page_views)])) " "
                (filled(since.key, &[&(stats.key_age.as_secs() / 3600).to_string()])) " "
                @if lost > 0 { strong { (filled(since.lost, &[&lost.to_string()])) } } @else { (since.none_lost) } " "
                @if !unwell.is_empty() { strong { (filled(since.unwell, &[&unwell.join(", ")])) } " " }
                (since.details) " "
                a href="/metrics" { (since.metrics) } " · " a href="/readyz" { (since.readiness) }
            }
            details open {
                summary { (since.cookies_and_choices) }
                (table(since, words, words.cookies, &[words.cookie, words.purpose, words.direction, words.action], cookies))
                (table(since, words, words.choices, &[words.purpose, words.choices], choices))
            }
        }
    }
}

fn rounded(count: u64) -> String {
    shown_alone(count.cast_signed())
}

fn text(text: &str) -> Markup {
    html! { (text) }
}

/// Columns of words, then how often.
fn table(
    since: &Since,
    words: &Words,
    label: &str,
    columns: &[&str],
    rows: impl Iterator<Item = (Vec<Markup>, u64)>,
) -> Markup {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return html! { p { (label) ": " (since.nothing) } };
    }
    html! {
        table.wide {
            caption { (label) }
            thead {
                tr {
                    @for column in columns { th scope="col" { (column) } }
                    th.n scope="col" { (words.times) }
                }
            }
            tbody {
                @for (cells, count) in rows {
                    tr {
                        @for (column, cell) in columns.iter().zip(cells) { td data-label=(column) { (cell) } }
                        td.n data-label=(words.times) { (rounded(count)) }
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
