//! The report and the dashboard, as people get them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Origin, Pinfold, configuration, pinfold};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A server that has seen visitors: 14 of one page, 6 of another.
fn visited() -> Pinfold {
    let server = Pinfold::in_front_of(&Origin::hello());
    let fields = [("sec-fetch-dest", "document"), ("sec-fetch-site", "none"), ("user-agent", FIREFOX)];
    (0..14).for_each(|_| drop(server.get("/bins", &fields)));
    (0..6).for_each(|_| drop(server.get("/%3Cscript%3E", &fields)));
    server
}

#[test]
fn the_report_is_one_page_that_needs_nothing_else() {
    let (directory, _) = visited().stop();
    let output = pinfold(&["report", "--config", "pinfold.toml", "-o", "report.html"], directory.path());
    assert!(output.status.success(), "{output:?}");
    let page = std::fs::read_to_string(directory.path().join("report.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{}", &page[..100]);
    for words in [
        "How the website of Town was used",
        "20 pages were viewed",
        "20 visits, 20 of them",
        "<svg class=\"bars\" width=\"600\" height=\"144\" role=\"img\"",
        "/bins",
    ] {
        assert!(page.contains(words), "{words}");
    }
    for word in ["<script", "http://", "https://", "src=", "<link", "@import", "url("] {
        assert!(!page.contains(word), "{word}");
    }
    let welsh = pinfold(&["report", "--config", "pinfold.toml", "--language", "cy"], directory.path());
    let welsh = String::from_utf8(welsh.stdout).unwrap();
    assert!(welsh.contains("<html lang=\"cy\">") && welsh.contains("Sut y defnyddiwyd gwefan Town"));
}

#[test]
fn the_report_ends_with_what_a_privacy_notice_has_to_say() {
    let server = visited();
    let served = server.admin("/?lang=cy").body;
    assert!(served.contains("<h2 id=\"privacy\">Defnyddio cyfeiriadau IP a chwcis</h2>"), "{served}");
    let cookies = server.get("/cookies", &[]).body;
    let (directory, _) = server.stop();
    let report = |arguments: &[&str]| {
        let output = pinfold(&[&["report"], arguments].concat(), directory.path());
        String::from_utf8(output.stdout).unwrap()
    };
    let html = report(&["--config", "pinfold.toml"]);
    let section = &html[html.find("<h2 id=\"privacy\">").unwrap()..html.find("</main>").unwrap()];
    assert!(section.contains("addresses of 10 or more different networks"), "{section}");
    assert!(cookies.contains(section), "the cookies page says the same, word for word: {cookies}");
    let markdown = report(&["--config", "pinfold.toml", "--format", "md", "--language", "cy"]);
    assert!(markdown.contains("\n## Defnyddio cyfeiriadau IP a chwcis\n"), "{markdown}");

    // Without a configuration nobody knows what is in force.
    std::fs::rename(directory.path().join("pinfold.toml"), directory.path().join("elsewhere")).unwrap();
    for format in ["html", "md"] {
        let text = report(&["--format", format]);
        assert!(text.contains("www.town.example") && !text.contains("Use of IP addresses"), "{text}");
    }
}

#[test]
fn small_numbers_are_not_published() {
    let server = Pinfold::in_front_of(&Origin::hello());
    let fields = [("sec-fetch-dest", "document"), ("sec-fetch-site", "none"), ("user-agent", FIREFOX)];
    (0..3).for_each(|_| drop(server.get("/bins", &fields)));
    let (directory, _) = server.stop();
    for format in ["html", "csv"] {
        let output = pinfold(&["report", "--config", "pinfold.toml", "--format", format], directory.path());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(if format == "csv" { "<5" } else { "&lt;5" }), "{text}");
        assert!(!text.contains(",3\r\n") && !text.contains(">3<"), "{text}");
    }
    let markdown = pinfold(&["report", "--config", "pinfold.toml", "--format", "md"], directory.path());
    assert!(markdown.stdout.starts_with(b"Exact numbers: not for publication."), "{markdown:?}");
    // Data for the council's own programs are exact.
    assert_eq!(Pinfold::report(directory.path())["traffic"]["page_views"], 3);
}

/// Of 11 page views and 2 that had no crowd: whatever is shown is rounded, and alike everywhere.
#[test]
fn no_table_or_format_tells_what_another_leaves_out() {
    let server = Pinfold::in_front_of(&Origin::hello());
    let fields = [("sec-fetch-dest", "document"), ("sec-fetch-site", "none"), ("user-agent", FIREFOX)];
    (0..11).for_each(|_| drop(server.get("/bins", &fields)));
    (0..2).for_each(|_| drop(server.get("/rarely", &fields)));
    server.wait_until("the traffic is in the store", |server| {
        server.admin("/").body.contains("15 pages were viewed")
    });
    let dashboard = server.admin("/").body;
    let (directory, _) = server.stop();
    let report = |format: &str| {
        let output = pinfold(&["report", "--config", "pinfold.toml", "--format", format], directory.path());
        String::from_utf8(output.stdout).unwrap()
    };
    let (html, csv) = (report("html"), report("csv"));
    for (text, words) in [
        (&dashboard, "15 requests, 15 page views."),
        (&html, "15 pages were viewed."),
        (&html, "<td>/bins</td><td class=\"n\">10</td>"),
        (&html, "<td><em>All others together</em></td><td class=\"n\">5</td>"),
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    for line in csv.lines().filter(|line| line.starts_with("pages,")) {
        assert!(line.ends_with(",/bins,,10") || line.ends_with(",All others together,,5"), "{line}");
    }
    for line in csv.lines().skip(1) {
        let count = line.rsplit(',').next().unwrap();
        assert!(count == "<5" || count.parse::<i64>().is_ok_and(|count| count % 5 == 0), "{line}");
    }
    assert!(!html.contains("(rare)") && !csv.contains("(rare)"));
}

#[test]
fn a_cookie_that_tells_visitors_apart_is_named_in_metrics_and_report() {
    let origin = Origin::hello();
    let rule = "[[cookie]]\nname = \"counter\"\npurpose = \"statistics\"\n";
    let server = Pinfold::configured(&configuration(origin.address, rule));
    for request in 0..1_000 {
        let cookie = format!("counter=visitor-{}; session={request}", request / 5);
        server.get("/bins", &[("sec-fetch-dest", "document"), ("cookie", &cookie)]);
    }
    assert_eq!(server.metric("pinfold_identifying_cookies"), 1.0);
    let values = server.metric("pinfold_cookie_values{cookie=\"counter\",purpose=\"statistics\"}");
    assert!((180.0..=220.0).contains(&values), "200 visitors: {values}");

    let (directory, _) = server.stop();
    let check = pinfold(&["check", "--config", "pinfold.toml", "--connect", "--strict"], directory.path());
    let (said, doubted) = (String::from_utf8_lossy(&check.stdout), String::from_utf8_lossy(&check.stderr));
    assert!(said.contains("answers 200 for www.town.example"), "{said}");
    assert!(said.contains("pinfold.db can be read"), "{said}");
    assert!(doubted.contains("warning: the cookie counter looks like an identifier"), "{doubted}");
    let unlinked =
        format!("warning: the page / of the origin http://{}/ does not link to /cookies", origin.address);
    assert!(doubted.contains(&unlinked), "{doubted}");
    assert_eq!(check.status.code(), Some(1));
    drop(origin);
    for (format, words) in [
        ("html", "allows none: counter."),
        ("md", "allows none: counter."),
        ("csv", "cookie values in 1000,"),
        ("json", "\"identifies\": true"),
    ] {
        let output = pinfold(&["report", "--config", "pinfold.toml", "--format", format], directory.path());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(words), "{format}: {text}");
        assert!(!text.contains("visitor-"), "{format}");
    }
}

#[test]
fn the_dashboard_is_the_report_of_a_period() {
    let server = visited();
    server.wait_until("the traffic is in the store", |server| {
        server.admin("/").body.contains("20 pages were viewed")
    });
    let page = server.admin("/?days=7&lang=cy");
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("<html lang=\"cy\">") && page.body.contains("Gwelwyd 20 tudalen"),
        "{}",
        page.body
    );
    assert!(page.body.contains("href=\"/?days=31&amp;lang=cy\"") && page.body.contains("Ers y cychwyn"));
    for english in ["Since the start", "No count was lost", "Cookies and choices", "(none)", "desktop<"] {
        assert!(!page.body.contains(english), "{english}: {}", page.body);
    }
    for query in ["?days=x", "?days=99999999999", "?days=-5&lang=%00", "?&&=", "?lang=cy&lang=en"] {
        assert_eq!(server.admin(&format!("/{query}")).status, 200, "{query}");
    }
    assert!(server.admin("/style.css").body.contains("prefers-color-scheme"));
}

#[test]
fn the_evidence_is_one_dated_pack_with_digests_and_nobody_in_it() {
    let server = visited();
    let lookup = [
        "lookup",
        "--config",
        "pinfold.toml",
        "--ip",
        "203.0.113.77",
        "--basis",
        "test",
        "--requested-by",
        "PC 4711",
        "--approved-by",
        "Head of IT",
    ];
    assert!(pinfold(&lookup, server.path()).status.success());
    let (directory, _) = server.stop();
    let output = pinfold(&["evidence", "--config", "pinfold.toml", "-o", "pack.tar.gz"], directory.path());
    assert!(output.status.success(), "{output:?}");
    let sh = |command: &str| {
        let output = std::process::Command::new("sh")
            .args(["-c", command])
            .current_dir(directory.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    // Half a pack is none, and nothing is left lying about.
    let half = format!(
        "trap '' XFSZ; ulimit -f 1; ! {} evidence --config pinfold.toml -o half.tar.gz; ls -A",
        common::BINARY
    );
    assert!(!sh(&half).lines().any(|file| file.contains("half") || file.starts_with(".tmp")), "{half}");
    sh(&format!("{} evidence --config pinfold.toml -o /dev/null && [ -c /dev/null ]", common::BINARY));
    let checked = sh("tar xzf pack.tar.gz && cd evidence-* && sha256sum --check SHA256SUMS && cat *");
    for name in [
        "README.txt",
        "report.html",
        "report-cy.html",
        "report.csv",
        "questions.txt",
        "cookies.csv",
        "keys.csv",
        "actions.csv",
        "privacy.md",
        "privacy-cy.md",
    ] {
        assert!(checked.contains(&format!("{name}: OK")), "{name}: {checked}");
    }
    for words in [
        "look-up",
        "marketing | consent",
        "_ga* | marketing",
        "How the website of Town was used",
        "no personal data",
    ] {
        assert!(checked.contains(words), "{words}");
    }
    for person in ["PC 4711", "Head of IT", "203.0.113.77", "Mozilla"] {
        assert!(!checked.contains(person), "{person}");
    }
}
