use std::fmt::Write as _;

use pinfold::consent::page::PrivacySection;

use super::audit::{Audit, Facet};
use super::visits::Sum;

/// How many routes are listed, and how many values of anything else.
const MOST_ROUTES: usize = 50;
const MOST_VALUES: usize = 25;

impl Audit {
    /// The report for reading, in Markdown, with what a privacy notice has to say, where that is known.
    pub(crate) fn to_markdown(&self, privacy: Option<&PrivacySection>) -> String {
        let mut text = String::new();
        let traffic = &self.traffic;
        text.push_str("Exact numbers: not for publication. What may be published is the page (`--format html`) or `--format csv`.\n\n");
        let _ = writeln!(text, "# Use of {}, {} to {}\n", self.site, self.from, self.to);
        let _ = writeln!(text, "{} requests, {} page views.\n", traffic.requests, traffic.page_views);

        heading(&mut text, "By day", "");
        let days = traffic.by_day.iter();
        table(
            &mut text,
            &["Day", "Requests", "Page views"],
            days.map(|(day, counts)| {
                vec![day.clone(), counts.requests.to_string(), counts.page_views.to_string()]
            }),
        );

        heading(&mut text, "By method and status", "");
        let both = traffic.by_method.iter().chain(&traffic.by_status);
        table(
            &mut text,
            &["Kind", "Requests"],
            both.map(|(kind, count)| vec![kind.clone(), count.to_string()]),
        );

        self.write_visits(&mut text);

        heading(
            &mut text,
            "Distinct addresses",
            "For system administration. Estimated to about 1 % from keyed pseudonyms whose keys are destroyed; a range on a day with several starts.",
        );
        table(
            &mut text,
            &["Day", "Addresses", "Starts"],
            self.distinct_addresses.iter().map(|row| {
                let range = if row.at_least == row.at_most {
                    row.at_least.to_string()
                } else {
                    format!("{} to {}", row.at_least, row.at_most)
                };
                vec![row.day.clone(), range, row.starts.to_string()]
            }),
        );

        heading(
            &mut text,
            "Pages and other routes",
            "A route is named for a day on which at least a crowd asked for it; the rest is `(rare)`. Totals are exact.",
        );
        table(
            &mut text,
            &["Route", "Status", "Requests", "Page views", "Entries"],
            self.routes.iter().take(MOST_ROUTES).map(|row| {
                let counts = [row.requests, row.page_views, row.entries].map(|count| count.to_string());
                [row.route.clone(), row.status.clone()].into_iter().chain(counts).collect()
            }),
        );

        self.write_parts_of_routes(&mut text);
        self.write_facets(&mut text);

        heading(
            &mut text,
            "Cookies",
            "What was done with each, in both directions, since it was first seen, and how many different values came with a thousand \
             requests for pages.",
        );
        let identifying = Vec::from_iter(self.identifying()).join(", ");
        if !identifying.is_empty() {
            let _ = writeln!(
                text,
                "Cookies that look like identifiers, though the legal basis of their purpose allows none: {identifying}.\n"
            );
        }
        table(
            &mut text,
            &[
                "Cookie",
                "Purpose",
                "Direction",
                "Action",
                "Times",
                "First seen",
                "Last seen",
                "Values in 1,000",
            ],
            self.cookies.iter().map(|row| {
                vec![
                    row.pattern.clone(),
                    row.purpose.clone(),
                    row.direction.clone(),
                    row.action.clone(),
                    row.seen.to_string(),
                    row.first_day.clone(),
                    row.last_day.clone(),
                    row.values.map(|values| values.to_string()).unwrap_or_default(),
                ]
            }),
        );

        heading(&mut text, "Choices", "");
        table(
            &mut text,
            &["Questions", "Purpose", "What visitors did", "Times"],
            self.consent.iter().map(|row| {
                let purpose = if row.purpose.is_empty() { "(all)" } else { &row.purpose };
                vec![row.policy.clone(), purpose.to_owned(), row.event.clone(), row.events.to_string()]
            }),
        );

        heading(&mut text, "Questions asked", "Each version of what visitors were asked.");
        table(
            &mut text,
            &["Version", "From", "To"],
            self.policies.iter().map(|row| {
                let to = row.to.clone().unwrap_or_else(|| "now".to_owned());
                vec![row.fingerprint.clone(), row.from.clone(), to]
            }),
        );

        heading(&mut text, "Keys", "Once a key is destroyed, nobody can tell the addresses of its day.");
        table(
            &mut text,
            &["Epoch", "Made", "Destroyed", "How"],
            self.keys.iter().map(|row| {
                let destroyed = row.destroyed.clone().unwrap_or_else(|| "alive".to_owned());
                vec![row.epoch.clone(), row.made.clone(), destroyed, row.how.clone().unwrap_or_default()]
            }),
        );
        text.extend(privacy.map(PrivacySection::to_markdown));
        let _ = writeln!(text, "Written {} by Pinfold {}.", self.written_at, env!("CARGO_PKG_VERSION"));
        text
    }

    fn write_visits(&self, text: &mut String) {
        let visits = &self.visits;
        heading(
            text,
            "Visits",
            "A visit is what one browser looks at on one day, of visitors who allow statistics. New is who was not here for 30 days. \
             Nobody is told from anybody else: a browser keeps one byte.",
        );
        let sum = |name: &str, sum: &Sum| {
            let counts = [sum.visits, sum.new, sum.returning, sum.pages, sum.one_page_at_most];
            [name.to_owned()].into_iter().chain(counts.map(|count| count.to_string())).collect()
        };
        let days = visits.by_day.iter().map(|(day, counts)| sum(day, counts));
        let all = (visits.all.visits > 0).then(|| sum("All", &visits.all));
        table(
            text,
            &["Day", "Visits", "New", "Returning", "Pages, estimated", "Of one page, at most"],
            days.chain(all),
        );
        for (title, periods) in [("Week of", &visits.by_week), ("Month", &visits.by_month)] {
            if !periods.is_empty() {
                let rows =
                    periods.iter().map(|(period, browsers)| vec![period.clone(), browsers.to_string()]);
                table(text, &[title, "Browsers"], rows);
            }
        }
        if visits.all.visits > 0 {
            let _ = writeln!(text, "{} pages for each visit.", visits.pages_per_visit);
        }
        let _ = writeln!(
            text,
            "{} pages were seen by browsers that keep no footprint; {} may be kept by shared caches, so that none could be given.\n",
            visits.uncounted_pages, visits.shared_pages
        );
    }

    fn write_parts_of_routes(&self, text: &mut String) {
        heading(
            text,
            "Where visits begin",
            &format!("{} page views come from outside the site, or from nowhere.", self.usage.entries),
        );
        table(text, &["Route", "Entries"], most(self.by_route(|route| route.entries)));
        heading(
            text,
            "Not found",
            &format!(
                "{} requests were answered 404: links that lead nowhere, and guesses.",
                self.usage.not_found
            ),
        );
        table(text, &["Route", "Requests"], most(self.by_route(|route| route.not_found)));
    }

    fn write_facets(&self, text: &mut String) {
        let facets = [
            (
                &self.referrers,
                "Where visitors come from",
                "Host",
                "Page views by the host of the page before.",
            ),
            (&self.browsers, "Browsers", "Family", "Page views by family of browser."),
            (
                &self.devices,
                "Devices",
                "Class",
                "Page views by class of device. Tablets may call themselves desktops.",
            ),
            (&self.robots, "Robots", "Robot", "Pages that robots asked for. They are no page views."),
        ];
        for (Facet { total, values }, title, column, note) in facets {
            heading(text, title, &format!("{note} Together {total}; each total stands alone."));
            let rows = values.iter().take(MOST_VALUES);
            table(
                text,
                &[column, "Page views"],
                rows.map(|row| vec![row.value.clone(), row.page_views.to_string()]),
            );
        }
    }
}

/// Routes by a count of theirs, the highest first.
fn most(mut sums: Vec<(String, i64)>) -> impl Iterator<Item = Vec<String>> {
    sums.retain(|(_, sum)| *sum > 0);
    sums.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
    sums.into_iter().take(MOST_VALUES).map(|(route, sum)| vec![route, sum.to_string()])
}

fn heading(text: &mut String, title: &str, note: &str) {
    let _ = writeln!(text, "## {title}\n");
    if !note.is_empty() {
        let _ = writeln!(text, "{note}\n");
    }
}

fn table(text: &mut String, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        text.push_str("Nothing recorded.\n\n");
        return;
    }
    let _ = writeln!(text, "| {} |\n|{}", columns.join(" | "), " --- |".repeat(columns.len()));
    for row in rows {
        let cells: Vec<_> = row.iter().map(|cell| escaped(cell)).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text.push('\n');
}

/// Text in which nothing begins HTML, a link or another cell: a scan for faults of the site is in the ledgers with every path it tried.
fn escaped(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    for letter in cell.chars() {
        if "\\`<[|&".contains(letter) {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_04_what_visitors_asked_for_is_text() {
        let asked = "/a|<script>x</script>[y](javascript:z)&lt;\\`";
        let mut text = String::new();
        table(&mut text, &["Route"], std::iter::once(vec![asked.to_owned()]));
        assert_eq!(
            text,
            "| Route |\n| --- |\n| /a\\|\\<script>x\\</script>\\[y](javascript:z)\\&lt;\\\\\\` |\n\n"
        );
    }
}
