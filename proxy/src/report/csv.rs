use std::fmt::Write as _;

use super::audit::Audit;
use super::small::{LEAST, folded, is_small, masked};

impl Audit {
    /// Tables for a spreadsheet (RFC 4180), one below the other: what is counted, of what, in which period, how often. Small numbers
    /// are left out as on the page: `*` stands for one that is too small, or would tell one that is.
    pub(crate) fn to_csv(&self) -> String {
        let mut text = "table,period,name,detail,count\r\n".to_owned();
        let whole = format!("{} to {}", self.from, self.to);
        let days = &self.traffic.by_day;
        let series = [
            ("page views", days.values().map(|day| day.page_views).collect::<Vec<_>>()),
            ("requests", days.values().map(|day| day.requests).collect()),
        ];
        for (table, counts) in series {
            for (day, count) in days.keys().zip(masked(&counts)) {
                line(&mut text, [table, day, "", "", &shown(count)]);
            }
        }
        let days = &self.visits.by_day;
        let series = [
            ("visits", days.values().map(|day| day.visits).collect::<Vec<_>>()),
            ("new visits", days.values().map(|day| day.new).collect()),
            ("returning visits", days.values().map(|day| day.returning).collect()),
        ];
        for (table, counts) in series {
            for (day, count) in days.keys().zip(masked(&counts)) {
                line(&mut text, [table, day, "", "", &shown(count)]);
            }
        }
        for (table, periods) in [("weeks", &self.visits.by_week), ("months", &self.visits.by_month)] {
            for (period, count) in periods {
                line(&mut text, [table, period, "browsers", "", &alone(*count)]);
            }
        }
        let facets = [
            ("browsers", &self.browsers),
            ("devices", &self.devices),
            ("referrers", &self.referrers),
            ("robots", &self.robots),
        ];
        let routes =
            self.routes.iter().map(|route| ((route.route.as_str(), route.status.as_str()), route.requests));
        let mut lists = vec![("routes", routes.collect::<Vec<_>>())];
        lists.extend(facets.into_iter().map(|(table, facet)| {
            (table, facet.values.iter().map(|row| ((row.value.as_str(), ""), row.page_views)).collect())
        }));
        for (table, rows) in lists {
            let (rows, rest) = folded(rows, usize::MAX);
            for ((name, detail), count) in rows {
                line(&mut text, [table, &whole, name, detail, &count.to_string()]);
            }
            if rest > 0 {
                line(&mut text, [table, &whole, "(others)", "", &alone(rest)]);
            }
        }
        for row in &self.consent {
            let purpose = if row.purpose.is_empty() { "(all)" } else { &row.purpose };
            line(
                &mut text,
                [&format!("choices {}", row.policy), &whole, purpose, &row.event, &alone(row.events)],
            );
        }
        for row in &self.cookies {
            let period = format!("{} to {}", row.first_day, row.last_day);
            let detail = format!("{}, {}, {}", row.purpose, row.direction, row.action);
            line(&mut text, ["cookies", &period, &row.pattern, &detail, &alone(row.seen)]);
            if let Some(values) = row.values {
                line(
                    &mut text,
                    ["cookie values in 1000", &period, &row.pattern, &detail, &values.to_string()],
                );
            }
        }
        text
    }
}

fn shown(count: Option<i64>) -> String {
    count.map_or_else(|| "*".to_owned(), |count| count.to_string())
}

/// A count that is in no sum.
fn alone(count: i64) -> String {
    if is_small(count) { format!("<{LEAST}") } else { count.to_string() }
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
        assert_eq!((alone(4), alone(5), alone(0)), ("<5".to_owned(), "5".to_owned(), "0".to_owned()));
    }
}
