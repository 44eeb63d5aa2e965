//! The report as one page: for reading, printing and publishing. It needs no script and nothing from elsewhere.

use std::collections::BTreeSet;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use pinfold::consent::Policy;
use pinfold::consent::page::{Language, PrivacySection};

use super::audit::{Audit, Facet, Route};
use super::chart;
use super::published::Published;
use super::small::{shown, shown_alone};
use super::words::{Words, date, filled};

/// The stylesheet of the report.
pub(crate) const STYLE: &str = include_str!("report.css");

/// How many rows of a list are shown.
const MOST: usize = 25;

/// Where the report is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shelf<'a> {
    /// In a file of its own.
    File,
    /// On the admin listener, with links to other periods and a part of the moment before it; where there are several sites, with a link to
    /// the list of all.
    Served { moment: &'a str, at: &'a str, list: Option<&'a str> },
}

impl Published {
    /// The report for people, with what a privacy notice has to say of the policy that is in force, where it is known.
    pub(crate) fn to_html(&self, language: Language, shelf: Shelf<'_>, policy: Option<&Policy>) -> String {
        let privacy = policy.map(|policy| policy.privacy_section(language));
        let name = policy.map(Policy::site_name);
        let crowd = policy.and_then(Policy::address_use).map(|facts| facts.crowd);
        Page { audit: self.audit(), language, words: Words::of(language), shelf, name, crowd, privacy }
            .whole()
            .into_string()
    }
}

struct Page<'a> {
    audit: &'a Audit,
    language: Language,
    words: &'static Words,
    shelf: Shelf<'a>,
    /// Whose website it is, where that is known.
    name: Option<&'a str>,
    /// How many requests a page needs on a day to be named, where that is known.
    crowd: Option<usize>,
    privacy: Option<PrivacySection>,
}

impl Page<'_> {
    fn whole(&self) -> Markup {
        let (audit, words) = (self.audit, self.words);
        let title = match self.name {
            Some(name) => filled(words.title, &[name]),
            None => filled(words.title_of_host, &[&audit.site]),
        };
        html! {
            (DOCTYPE)
            html lang=(self.language.code()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) }
                    @match self.shelf {
                        Shelf::File => style { (PreEscaped(STYLE)) },
                        Shelf::Served { .. } => { link rel="stylesheet" href="/style.css"; }
                    }
                }
                body {
                    main {
                        h1 { (title) }
                        p { (filled(words.period, &[&date(self.language, &audit.from), &date(self.language, &audit.to)])) }
                        @if let Shelf::Served { moment, at, list } = self.shelf {
                            (self.periods(at, list))
                            (PreEscaped(moment))
                        }
                        (self.figures())
                        p { (words.small) }
                        (self.traffic())
                        (self.visits())
                        (self.pages())
                        @for (title, note, column, facet) in [
                            (words.referrers, words.referrers_note, words.host, &audit.referrers),
                            (words.browsers, words.browsers_note, words.browser, &audit.browsers),
                            (words.devices, words.devices_note, words.device, &audit.devices),
                            (words.robots, words.robots_note, words.robot, &audit.robots),
                        ] {
                            (self.ranked(title, note, [column, words.page_views], rows_of(facet), facet.total))
                        }
                        (self.choices())
                        (self.cookies())
                        (self.versions())
                        (self.addresses())
                        (self.keys())
                        @if let Some(privacy) = &self.privacy { (PreEscaped(privacy.to_html())) }
                    }
                    (self.footer())
                }
            }
        }
    }

    fn periods(&self, at: &str, list: Option<&str>) -> Markup {
        let language = self.language;
        let other = if language == Language::Welsh { Language::English } else { Language::Welsh };
        html! {
            nav aria-label=(self.words.choose_period) {
                ul {
                    @if let Some(list) = list {
                        li { a href={ "/?lang=" (language.code()) } { (list) } }
                    }
                    @for days in ["7", "31", "92", "366"] {
                        li {
                            a href={ (at) "?days=" (days) "&lang=" (language.code()) } {
                                (filled(self.words.last_days, &[days]))
                            }
                        }
                    }
                    li {
                        a href={ (at) "?lang=" (other.code()) } lang=(other.code()) hreflang=(other.code()) {
                            (self.words.other_language)
                        }
                    }
                }
            }
        }
    }

    fn figures(&self) -> Markup {
        let (words, audit) = (self.words, self.audit);
        let sum = &audit.visits.all;
        let per_visit =
            if sum.visits > 0 { format!("{:.1}", audit.visits.pages_per_visit) } else { "-".to_owned() };
        html! {
            dl.figures {
                @for (name, figure) in [
                    (words.page_views, shown(audit.traffic.page_views)),
                    (words.visits, shown(sum.visits)),
                    (words.pages_per_visit, per_visit),
                    (words.requests, shown(audit.traffic.requests)),
                ] {
                    div { dt { (name) } dd { (figure) } }
                }
            }
        }
    }

    fn traffic(&self) -> Markup {
        let words = self.words;
        let days = &self.audit.traffic.by_day;
        let busiest = days.iter().max_by_key(|(day, counts)| (counts.page_views, std::cmp::Reverse(*day)));
        let finding = busiest.filter(|(_, counts)| counts.page_views > 0).map(|(day, counts)| {
            let all = shown(self.audit.traffic.page_views);
            filled(words.traffic_finding, &[&all, &date(self.language, day), &shown(counts.page_views)])
        });
        let columns = [words.day, words.page_views, words.requests];
        let counts = |day: &str| days.get(day).map_or([0, 0], |counts| [counts.page_views, counts.requests]);
        self.series(words.traffic, "", finding, &columns, counts)
    }

    fn visits(&self) -> Markup {
        let (words, visits) = (self.words, &self.audit.visits);
        let days = &visits.by_day;
        let finding = (visits.all.visits > 0).then(|| {
            let pages = format!("{:.1}", visits.pages_per_visit);
            filled(words.visits_finding, &[&shown(visits.all.visits), &shown(visits.all.new), &pages])
        });
        let columns = [words.day, words.visits, words.new, words.returning];
        let counts = |day: &str| days.get(day).map_or([0; 3], |sum| [sum.visits, sum.new, sum.returning]);
        let left_out =
            [(words.uncounted_pages, visits.uncounted_pages), (words.shared_pages, visits.shared_pages)];
        html! {
            (self.series(words.visits, words.visits_note, finding, &columns, counts))
            @for (column, periods) in [(words.week, &visits.by_week), (words.month, &visits.by_month)] {
                @if periods.len() > 1 {
                    details {
                        summary { (column) }
                        (self.table(
                            &[column, words.browsers_that_came],
                            periods.iter().map(|(period, count)| vec![date(self.language, period), shown(*count)]),
                        ))
                    }
                }
            }
            @for (sentence, pages) in left_out {
                @if pages > 0 { p { (filled(sentence, &[&shown(pages)])) } }
            }
        }
    }

    fn pages(&self) -> Markup {
        let words = self.words;
        let sums = |count: fn(&Route) -> i64| self.audit.by_route(count);
        let note = match self.crowd {
            Some(crowd) => filled(words.pages_note_of_a_crowd, &[&crowd.to_string()]),
            None => words.pages_note.to_owned(),
        };
        html! {
            (self.ranked(words.pages, &note, [words.page, words.page_views], sums(|route| route.page_views), self.audit.traffic.page_views))
            (self.ranked(words.entries, words.entries_note, [words.page, words.page_views], sums(|route| route.entries), 0))
            (self.ranked(words.not_found, words.not_found_note, [words.page, words.requests], sums(|route| route.not_found), 0))
            p { (words.values_note) }
        }
    }

    fn choices(&self) -> Markup {
        let words = self.words;
        let rows = self.audit.consent.iter().map(|row| {
            let purpose = if row.purpose.is_empty() { words.all_purposes } else { &row.purpose };
            vec![
                row.policy.clone(),
                purpose.to_owned(),
                words.name_of(&row.event).to_owned(),
                shown(row.events),
            ]
        });
        html! {
            h2 { (words.choices) }
            p { (words.choices_note) }
            (self.table(&[words.questions, words.purpose, words.choices, words.times], rows))
        }
    }

    fn cookies(&self) -> Markup {
        const UNDECLARED: &str = "undeclared";
        let words = self.words;
        let undeclared = self.audit.cookies.iter().filter(|row| row.purpose == UNDECLARED);
        let undeclared: BTreeSet<_> = undeclared.map(|row| &row.pattern).collect();
        let identifying = Vec::from_iter(self.audit.identifying()).join(", ");
        let columns = [
            words.cookie,
            words.purpose,
            words.direction,
            words.action,
            words.first_seen,
            words.last_seen,
            words.values,
            words.times,
        ];
        html! {
            h2 { (words.cookies) }
            p { (words.cookies_note) }
            @if !undeclared.is_empty() {
                p.undeclared { (filled(words.undeclared_note, &[&undeclared.len().to_string()])) }
            }
            @if !identifying.is_empty() {
                p.undeclared { (filled(words.identifying_note, &[&identifying])) }
            }
            @if self.audit.cookies.is_empty() { p { (words.nothing) } } @else {
                table.wide aria-label=(words.cookies) {
                    (head(&columns, columns.len() - 2))
                    tbody {
                        @for row in &self.audit.cookies {
                            tr {
                                td data-label=(columns[0]) { (self.cookie(&row.pattern)) }
                                td data-label=(columns[1]) {
                                    @if row.purpose == UNDECLARED {
                                        span.undeclared { (words.undeclared) }
                                    } @else { (words.name_of(&row.purpose)) }
                                }
                                td data-label=(columns[2]) { (words.name_of(&row.direction)) }
                                td data-label=(columns[3]) { (words.action_on(&row.pattern, &row.action)) }
                                td data-label=(columns[4]) { (date(self.language, &row.first_day)) }
                                td data-label=(columns[5]) { (date(self.language, &row.last_day)) }
                                td.n data-label=(columns[6]) { (row.values.map(|values| shown_alone(values.into())).unwrap_or_default()) }
                                td.n data-label=(columns[7]) { (shown(row.seen)) }
                            }
                        }
                    }
                }
            }
        }
    }

    /// A pattern, or what stands for one.
    fn cookie(&self, pattern: &str) -> Markup {
        let name = self.words.name_of(pattern);
        html! { @if name == pattern { code { (pattern) } } @else { (name) } }
    }

    fn versions(&self) -> Markup {
        let words = self.words;
        let rows = self.audit.policies.iter().map(|row| {
            let to = row.to.as_ref().map_or_else(|| words.now.to_owned(), |day| date(self.language, day));
            vec![row.fingerprint.clone(), date(self.language, &row.from), to]
        });
        html! {
            h2 { (words.versions) }
            p { (words.versions_note) }
            (self.words_table(&[words.questions, words.from, words.to], rows))
        }
    }

    fn addresses(&self) -> Markup {
        let words = self.words;
        let rows = self.audit.distinct_addresses.iter().map(|row| {
            let (least, most) = (shown(row.at_least), shown(row.at_most));
            let range = if least == most { least } else { filled(words.between, &[&least, &most]) };
            vec![date(self.language, &row.day), range]
        });
        html! {
            h2 { (words.addresses) }
            p { (words.addresses_note) }
            (self.table(&[words.day, words.addresses_column], rows))
        }
    }

    fn keys(&self) -> Markup {
        let words = self.words;
        let rows = self.audit.keys.iter().map(|row| {
            let destroyed = row.destroyed.clone().unwrap_or_else(|| words.alive.to_owned());
            vec![
                row.epoch.clone(),
                row.made.clone(),
                destroyed,
                words.name_of(row.how.as_deref().unwrap_or_default()).to_owned(),
            ]
        });
        html! {
            h2 { (words.keys) }
            p { (words.keys_note) }
            (self.words_table(&[words.epoch, words.made, words.destroyed, words.how], rows))
        }
    }

    fn footer(&self) -> Markup {
        let words = self.words;
        html! {
            footer {
                h2 { (words.method) }
                @for text in words.method_text { p { (text) } }
                p { (filled(words.written, &[&self.audit.written_at, env!("CARGO_PKG_VERSION")])) }
            }
        }
    }

    /// Counts of each day of the period: a finding, the first count as bars, and all of them in a table.
    fn series<const N: usize>(
        &self,
        title: &str,
        note: &str,
        finding: Option<String>,
        columns: &[&str],
        counts: impl Fn(&str) -> [i64; N],
    ) -> Markup {
        let days = self.audit.days();
        let by_day: Vec<[i64; N]> = days.iter().map(|day| counts(day)).collect();
        let drawn: Vec<i64> = by_day.iter().filter_map(|counts| counts.first().copied()).collect();
        let days: Vec<String> = days.iter().map(|day| date(self.language, day)).collect();
        html! {
            h2 { (title) }
            @if !note.is_empty() { p { (note) } }
            @match finding {
                None => p { (self.words.nothing) },
                Some(finding) => {
                    p.finding { (finding) }
                    figure {
                        (chart::bars(title, &finding, &drawn))
                        figcaption {
                            @if let Some(first) = days.first() { span { (first) } }
                            @if let Some(last) = days.last().filter(|_| days.len() > 1) { span { (last) } }
                        }
                    }
                    details {
                        summary { (self.words.all_numbers) }
                        (self.table(columns, days.iter().zip(&by_day).map(|(day, counts)| {
                            std::iter::once(day.clone()).chain(counts.iter().map(|count| shown(*count))).collect()
                        })))
                    }
                }
            }
        }
    }

    /// A list, the highest first, with what its names leave of `total`.
    fn ranked(
        &self,
        title: &str,
        note: &str,
        columns: [&str; 2],
        mut rows: Vec<(String, i64)>,
        total: i64,
    ) -> Markup {
        rows.retain(|(_, count)| *count > 0);
        // Those of one count stay in the order in which they came.
        rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        rows.truncate(MOST);
        let rest = (total - rows.iter().map(|(_, count)| count).sum::<i64>()).max(0);
        let highest = rows.first().map_or(rest, |(_, count)| (*count).max(rest));
        // What is in brackets is no name.
        let named = rows.iter().find(|(name, _)| !name.starts_with('('));
        let first =
            named.map(|(name, count)| filled(self.words.most, &[self.words.name_of(name), &shown(*count)]));
        html! {
            h2 { (title) }
            p { (note) }
            @if rows.is_empty() && rest == 0 { p { (self.words.nothing) } } @else {
                @if let Some(first) = first { p.finding { (first) } }
                table aria-label=(title) {
                    thead {
                        tr {
                            th scope="col" { (columns[0]) }
                            th.n scope="col" { (columns[1]) }
                            th.share scope="col" { (self.words.share) }
                        }
                    }
                    tbody {
                        @for (name, count) in &rows {
                            tr {
                                td { (self.words.name_of(name)) }
                                td.n { (shown(*count)) }
                                td.share { (chart::share(*count, highest)) }
                            }
                        }
                        @if rest > 0 {
                            tr {
                                td { em { (self.words.rest) } }
                                td.n { (shown(rest)) }
                                td.share { (chart::share(rest, highest)) }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Columns of words, the last of them numbers.
    fn table(&self, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Markup {
        self.any_table(columns, columns.len().min(1), rows)
    }

    fn words_table(&self, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Markup {
        self.any_table(columns, columns.len(), rows)
    }

    fn any_table(&self, columns: &[&str], words: usize, rows: impl Iterator<Item = Vec<String>>) -> Markup {
        let mut rows = rows.peekable();
        if rows.peek().is_none() {
            return html! { p { (self.words.nothing) } };
        }
        html! {
            table.wide {
                (head(columns, words))
                tbody {
                    @for row in rows {
                        tr {
                            @for (place, (column, cell)) in columns.iter().zip(row).enumerate() {
                                td.n[place >= words] data-label=(column) { (cell) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn head(columns: &[&str], words: usize) -> Markup {
    html! {
        thead { tr { @for (place, column) in columns.iter().enumerate() { th.n[place >= words] scope="col" { (column) } } } }
    }
}

fn rows_of(facet: &Facet) -> Vec<(String, i64)> {
    facet.values.iter().map(|row| (row.value.clone(), row.page_views)).collect()
}
