//! A site is looked at for its cookies, with a browser and without.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::process::Output;
use std::time::Duration;

use bytes::Bytes;
use common::raw_origin::RawOrigin;
use common::{Origin, Pinfold, configuration, pinfold};
use http::{Request, Response};

/// A site of three pages and a half, which sets a cookie of each kind.
fn site() -> Origin {
    Origin::start(|request: &Request<Bytes>| {
        let page = |set: &'static [&'static str], text: &'static str| {
            let mut response = Response::builder().header("content-type", "text/html; charset=utf-8");
            for field in set {
                response = response.header("set-cookie", *field);
            }
            response.body(Bytes::from(text)).unwrap()
        };
        match request.uri().path() {
            "/" => page(
                &[
                    "PHPSESSID=4711canary; HttpOnly; SameSite=Lax",
                    "survey_123456=4711canary; Max-Age=2592000",
                ],
                "<!DOCTYPE html><title>Home</title><a href='/forms?a=1'>Forms</a><a href='/forms?a=2'>again</a>\
                 <a href='/minutes.pdf'>Minutes</a><a href='http://other.invalid/'>Other</a><a href='away'>Away</a>",
            ),
            "/forms" => page(
                &["_ga=GA1.1.4711canary; Max-Age=34560000"],
                "<!DOCTYPE html><title>Forms</title><script>document.cookie = 'by_script=4711canary; max-age=86400'</script>\
                 <img src='http://localhost:9/pixel.gif' alt=''>",
            ),
            "/away" => Response::builder().status(302).header("location", "/end").body(Bytes::new()).unwrap(),
            "/end" => page(&["at_the_end=4711canary"], "<!DOCTYPE html><title>End</title>"),
            _ => Response::builder().status(404).body(Bytes::from("no")).unwrap(),
        }
    })
}

fn text(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("4711canary"), "no value is told: {text}");
    text
}

#[test]
fn without_a_browser_fields_are_read_and_what_is_known_is_told() {
    let (site, directory) = (site(), tempfile::tempdir().unwrap());
    let url = format!("http://{}", site.address);
    let found = text(pinfold(&["scan", &url, "--plain"], directory.path()));
    for words in [
        "with requests alone: no script was run",
        "# Declared already: PHPSESSID (`PHPSESSID`, strictly-necessary)\n",
        "# _ga: known as google-analytics (",
        "[[cookie]]\nname = \"survey_*\"\npurpose = \"\"",
        "lifetime = \"30 days\"\n",
        "name = \"at_the_end\"",
    ] {
        assert!(found.contains(words), "{words}\n{found}");
    }
    assert!(!found.contains("by_script"), "{found}");
    let paths: Vec<_> = site.requests().iter().map(|request| request.uri().path().to_owned()).collect();
    assert_eq!(paths, ["/", "/forms", "/away", "/end", "/.pinfold/health"], "each page once, and no file");

    // With a configuration, what it declares is not asked again; what is pasted makes it sound once it is decided.
    let file =
        configuration(site.address, "[[cookie]]\nname = \"survey_*\"\npurpose = \"strictly-necessary\"\n");
    std::fs::write(directory.path().join("pinfold.toml"), &file).unwrap();
    let found = text(pinfold(&["scan", &url, "--plain"], directory.path()));
    assert!(found.contains("# Declared already: _ga (`_ga*`, marketing)\n"), "{found}");
    assert!(
        found.contains("# Declared already: survey_123456 (`survey_*`, strictly-necessary)\n"),
        "{found}"
    );
    std::fs::write(directory.path().join("pinfold.toml"), file + &found).unwrap();
    let checked = pinfold(&["check"], directory.path());
    let fault = String::from_utf8(checked.stderr).unwrap();
    assert!(
        checked.status.code() == Some(2) && fault.contains("purpose") && fault.contains("at_the_end"),
        "{fault}"
    );
}

#[test]
fn a_site_behind_pinfold_is_told_by_its_health() {
    let (site, directory) = (site(), tempfile::tempdir().unwrap());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pinfold"));
    let origin = format!("http://{}", site.address);
    command.args(["run", "--origin", &origin, "--listen", "127.0.0.1:0"]).current_dir(directory.path());
    let server = Pinfold::spawn(command, directory);
    let found = text(pinfold(&["scan", &format!("http://{}", server.site), "--plain"], server.path()));
    assert!(found.contains("# Pinfold stands before this site"), "{found}");
    assert!(!found.contains("_ga"), "{found}");
}

#[test]
fn what_cannot_be_looked_at_is_said_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, code, expected) in [
        (&["scan", "www.example.gov.uk", "--plain"][..], 2, "is not the address of a page"),
        (&["scan", "http://127.0.0.1:9/", "--plain"], 3, "cannot be looked at: "),
        (&["scan", "http://127.0.0.1:9/", "--browser", "/bin/false"], 3, "does not do as a browser"),
        (&["scan", "http://127.0.0.1:9/", "--browser", "no-such-program"], 3, "does not do as a browser"),
    ] {
        let output = pinfold(arguments, directory.path());
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(
            text.starts_with("pinfold: ") && text.lines().count() == 1 && text.contains(expected),
            "{text}"
        );
    }
}

#[test]
#[ignore = "needs chromium"]
fn with_a_browser_scripts_run_and_hosts_of_others_are_seen() {
    let (site, directory) = (site(), tempfile::tempdir().unwrap());
    let url = format!("http://{}", site.address);
    let found = text(pinfold(&["scan", &url], directory.path()));
    for words in [
        "# 3 pages were looked at with Chrom",
        "# Declared already: PHPSESSID (`PHPSESSID`, strictly-necessary)\n",
        "# Set by a script, first seen on ",
        "name = \"by_script\"\npurpose = \"\"",
        "lifetime = \"24 hours\"\n",
        "# Set by the server, first seen on ",
        "[[embed]]\npurpose = \"\"",
        "    \"localhost\",  # ",
    ] {
        assert!(found.contains(words), "{words}\n{found}");
    }
    let data = text(pinfold(&["scan", &url, "--format", "json", "--pages", "1"], directory.path()));
    let data: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert_eq!(data["pages"].as_array().unwrap().len(), 1);
}

#[test]
#[ignore = "needs chromium"]
fn with_a_browser_a_page_that_does_not_come_is_passed_over() {
    let site = RawOrigin::start(|_, connection| {
        if connection.read_head()
            && connection.asked().last().is_some_and(|line| line.starts_with("GET /slow"))
        {
            std::thread::sleep(Duration::from_secs(60));
        }
        let page = "<!DOCTYPE html><a href='/slow'>Slow</a><a href='/quick'>Quick</a>";
        connection.write(&format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/html\r\nset-cookie: seen=1\r\ncontent-length: {}\r\n\r\n{page}",
            page.len()
        ));
    });
    let directory = tempfile::tempdir().unwrap();
    let data =
        text(pinfold(&["scan", &format!("http://{}", site.address), "--format", "json"], directory.path()));
    let data: serde_json::Value = serde_json::from_str(&data).unwrap();
    let pages = data["pages"].as_array().unwrap();
    assert!(pages.iter().any(|page| page.as_str().is_some_and(|page| page.ends_with("/quick"))), "{data}");
    assert!(data.to_string().contains("it took too long"), "{data}");
}

#[test]
#[ignore = "needs chromium"]
fn an_address_that_leads_to_nowhere_is_named() {
    let nowhere = Origin::start(|_| {
        Response::builder()
            .status(301)
            .header("location", "http://127.0.0.1:9/home")
            .body(Bytes::new())
            .unwrap()
    });
    let directory = tempfile::tempdir().unwrap();
    let output = pinfold(&["scan", &format!("http://{}", nowhere.address)], directory.path());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains(" leads to http://127.0.0.1:9/home, which cannot be looked at: "), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
