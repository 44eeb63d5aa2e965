//! The dashboard where there are several sites: what has been counted for each since the start, with a way to its own page.

use maud::{DOCTYPE, html};
use pinfold::consent::page::Language;

use super::words::Since;
use crate::report::{Words, shown_alone};
use crate::serve::InForce;

/// The page.
pub(super) fn render(in_force: &InForce, language: Language) -> String {
    let (since, words) = (Since::of(language), Words::of(language));
    let other = if language == Language::Welsh { Language::English } else { Language::Welsh };
    let rows = in_force.sites.iter().map(|site| {
        let stats = site.audit.stats();
        let requests: u64 = stats.requests.iter().map(|(_, _, count)| count).sum();
        let is_well = site.origins.servers().all(|server| server.is_well());
        let counts = [requests, stats.page_views].map(|count| shown_alone(count.cast_signed()));
        (site, counts, if is_well { since.well } else { since.not_well })
    });
    let page = html! {
        (DOCTYPE)
        html lang=(language.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Pinfold: " (since.all_sites) }
                link rel="stylesheet" href="/style.css";
            }
            body {
                main {
                    h1 { (since.all_sites) }
                    p {
                        a href={ "/?lang=" (other.code()) } lang=(other.code()) hreflang=(other.code()) {
                            (words.other_language)
                        }
                    }
                    table.wide {
                        caption { (since.title) }
                        thead {
                            tr {
                                th scope="col" { (since.site) }
                                th.n scope="col" { (since.requests) }
                                th.n scope="col" { (words.page_views) }
                                th scope="col" { (since.servers) }
                            }
                        }
                        tbody {
                            @for (site, [requests, page_views], servers) in rows {
                                tr {
                                    td data-label=(since.site) {
                                        a href={ "/sites/" (site.name) "?lang=" (language.code()) } { (site.policy.site_name()) }
                                        " " (site.name)
                                    }
                                    td.n data-label=(since.requests) { (requests) }
                                    td.n data-label=(words.page_views) { (page_views) }
                                    td data-label=(since.servers) { (servers) }
                                }
                            }
                        }
                    }
                    p { a href="/metrics" { (since.metrics) } " · " a href="/readyz" { (since.readiness) } }
                }
            }
        }
    };
    page.into_string()
}
