//! What is given out for Grafana and Prometheus asks for nothing that the server does not say.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::{Origin, Pinfold};
use serde_json::Value;

fn given_out(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging").join(name)).unwrap()
}

/// The names under which Prometheus has what the server says: of a histogram there are three.
fn exposed(metrics: &str) -> BTreeSet<String> {
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let names = types.flat_map(|(name, kind)| {
        let ends: &[_] = match kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_count", "_sum"],
            _ => &[""],
        };
        ends.iter().map(move |end| format!("{name}{end}"))
    });
    names.collect()
}

/// The metrics that an expression names, and the labels that it goes by.
fn asked(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("pinfold_"))
}

#[test]
fn dashboards_and_alerts_ask_for_what_there_is() {
    let origin = Origin::hello();
    let pinfold = Pinfold::in_front_of(&origin);
    assert_eq!(pinfold.get("/", &[("accept", "text/html")]).status, 200);
    let metrics = pinfold.admin("/metrics").body;
    let exposed = exposed(&metrics);
    let dashboard: Value = serde_json::from_str(&given_out("grafana/pinfold.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let of_dashboard: Vec<_> = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap())
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect();
    let alerts = given_out("prometheus/alerts.yml");
    let of_alerts: Vec<_> =
        alerts.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).map(str::to_owned).collect();
    assert_eq!(of_alerts.len(), alerts.matches("- alert: ").count());
    for (place, expressions) in [("dashboard", &of_dashboard), ("alerts", &of_alerts)] {
        assert!(expressions.len() >= 8, "{place}: {expressions:?}");
        for expression in expressions {
            let mut names = asked(expression).peekable();
            assert!(names.peek().is_some(), "{place}: {expression} names no metric");
            for name in names {
                assert!(exposed.contains(name), "{place}: no {name} in {exposed:#?}");
            }
        }
    }
    // A label that is misspelt would give an empty picture.
    for (metric, label) in [
        ("pinfold_requests_total", "status=\"2xx\""),
        ("pinfold_set_cookie_total", "action="),
        ("pinfold_request_cookie_total", "action="),
        ("pinfold_client_address_total", "source="),
    ] {
        let labelled = |line: &str| line.starts_with(metric) && line.contains(label);
        assert!(metrics.lines().any(labelled), "no {metric} with {label} in {metrics}");
    }
}
