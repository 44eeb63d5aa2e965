use std::fmt::Write as _;

use pinfold::consent::page::Language;

use super::audit::{Audit, Facet, Route};
use super::published::Published;
use super::small::{rounded, shown};
use super::words::Words;

impl Published {
    /// Tables for a spreadsheet (RFC 4180), one below the other: what is counted, of what, in which period, how often. They are the
    /// numbers of the page.
    pub(crate) fn to_csv(&self) -> String {
        let audit = self.audit();
        let mut text = "table,period,name,detail,count\r\n".to_owned();
        let whole = format!("{} to {}", audit.from, audit.to);
        for (day, counts) in &audit.traffic.by_day {
            for (table, count) in [("page views", counts.page_views), ("requests", counts.requests)] {
                line(&mut text, [table, day, "", "", &plain(count)]);
            }
        }
        for (day, sum) in &audit.visits.by_day {
            for (table, count) in
                [("visits", sum.visits), ("new visits", sum.new), ("returning visits", sum.returning)]
            {
                line(&mut text, [table, day, "", "", &plain(count)]);
            }
        }
        for (table, periods) in [("weeks", &audit.visits.by_week), ("months", &audit.visits.by_month)] {
            for (period, count) in periods {
                line(&mut text, [table, period, "browsers", "", &plain(*count)]);
            }
        }
        let words = Words::of(Language::English);
        for (table, rows, total) in lists(audit) {
            let mut rest = total;
            for (name, count) in rows.into_iter().filter(|(_, count)| *count > 0) {
                line(&mut text, [table, &whole, words.name_of(&name), "", &plain(count)]);
                rest -= count;
            }
            if rest > 0 {
                line(&mut text, [table, &whole, words.rest, "", &plain(rest)]);
            }
        }
        for row in &audit.consent {
            let purpose = if row.purpose.is_empty() { words.all_purposes } else { &row.purpose };
            line(
                &mut text,
                [&format!("choices {}", row.policy), &whole, purpose, &row.event, &plain(row.events)],
            );
        }
        for row in &audit.cookies {
            let period = format!("{} to {}", row.first_day, row.last_day);
            let detail = format!("{}, {}, {}", row.purpose, row.direction, row.action);
            let name = words.name_of(&row.pattern);
            line(&mut text, ["cookies", &period, name, &detail, &plain(row.seen)]);
            if let Some(values) = row.values {
                line(
                    &mut text,
                    ["cookie values in 1000", &period, name, &detail, &plain(rounded(values.into()))],
                );
            }
        }
        text
    }
}

/// A list: what it is called, its rows, and what it adds up to, as far as that is published.
type List = (&'static str, Vec<(String, i64)>, i64);

fn lists(audit: &Audit) -> [List; 7] {
    let sums = |count: fn(&Route) -> i64| {
        let mut sums = audit.by_route(count);
        sums.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
        sums
    };
    let facet = |table, facet: &Facet| {
        let mut rows: Vec<_> = facet.values.iter().map(|row| (row.value.clone(), row.page_views)).collect();
        rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        (table, rows, facet.total)
    };
    [
        ("pages", sums(|route| route.page_views), audit.traffic.page_views),
        ("where visits begin", sums(|route| route.entries), 0),
        ("not found", sums(|route| route.not_found), 0),
        facet("browsers", &audit.browsers),
        facet("devices", &audit.devices),
        facet("referrers", &audit.referrers),
        facet("robots", &audit.robots),
    ]
}

/// A count for a program: without the comma of thousands.
fn plain(count: i64) -> String {
    shown(count).replace(',', "")
}

/// Adds a line of cells.
pub(crate) fn line<const N: usize>(text: &mut String, cells: [&str; N]) {
    let cells = cells.map(|cell| {
        // A spreadsheet takes what begins so for a formula.
        let harmless = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            format!("'{cell}")
        } else {
            cell.to_owned()
        };
        if harmless.contains([',', '"', '\r', '\n']) {
            format!("\"{}\"", harmless.replace('"', "\"\""))
        } else {
            harmless
        }
    });
    let _ = write!(text, "{}\r\n", cells.join(","));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formula() {
        let mut text = String::new();
        line(&mut text, ["routes", "", "=cmd|' /C calc'!A0", "a,\"b\"", "5"]);
        assert_eq!(text, "routes,,'=cmd|' /C calc'!A0,\"a,\"\"b\"\"\",5\r\n");
        assert_eq!((plain(2), plain(1_235)), ("<5".to_owned(), "1235".to_owned()));
    }
}
