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
fn a_configuration_that_merely_lies_there_is_compared_and_no_more() {
    let (neighbour, directory) = (site(), tempfile::tempdir().unwrap());
    let url = format!("http://{}", neighbour.address);
    let other = configuration(([127, 0, 0, 1], 9).into(), "");
    std::fs::write(directory.path().join("pinfold.toml"), other).unwrap();
    let scan = |more: &[&str]| {
        let found = text(pinfold(&[&["scan", &url, "--plain"], more].concat(), directory.path()));
        let was_asked_as = |request: &Request<Bytes>| request.headers()["host"] == "www.town.example";
        (found, neighbour.requests().iter().any(was_asked_as))
    };
    let (found, as_the_site) = scan(&[]);
    assert!(!as_the_site && !found.contains(" was asked as "), "{found}");
    assert!(found.contains("# Declared already: _ga (`_ga*`, marketing)\n"), "{found}");
    assert!(found.contains("# Not seen: "), "{found}");
    let (found, as_the_site) = scan(&["--config", "pinfold.toml"]);
    assert!(as_the_site && found.contains(" was asked as https://www.town.example."), "{found}");
}

/// A site that is only itself to whoever comes by its own address, as most are.
fn council() -> Origin {
    Origin::start(|request: &Request<Bytes>| {
        let field = |name: &str| request.headers().get(name).map_or("", |value| value.to_str().unwrap());
        let path = request.uri().path();
        if (field("host"), field("x-forwarded-proto")) != ("www.town.example", "https") {
            let place = format!("https://www.town.example{path}");
            return Response::builder().status(301).header("location", place).body(Bytes::new()).unwrap();
        }
        let page = |set: &'static [&'static str], text: &'static str| {
            let mut response = Response::builder().header("content-type", "text/html; charset=utf-8");
            for field in set {
                response = response.header("set-cookie", *field);
            }
            response.body(Bytes::from(text)).unwrap()
        };
        match path {
            "/" => page(
                &[
                    "sec=4711canary; Secure; HttpOnly",
                    "__Host-desk=4711canary; Secure; Path=/",
                    "wide=4711canary; Domain=town.example; Max-Age=2592000",
                    "stray=4711canary; Domain=other.example",
                    "gone=; Max-Age=0",
                    "lang\"x=4711canary",
                ],
                "<!DOCTYPE html><title>Home</title><meta name=generator content='WordPress 6.8'>\
                 <a href='https://www.town.example/forms'>Forms</a><a href='http://www.town.example/news'>News</a>\
                 <a href='/away'>Away</a><a href='/logout'>Sign out</a>\
                 <script>
                     document.cookie = 'js_dom=4711canary; secure; domain=town.example; max-age=86400';
                     fetch('/told', { method: 'POST', body: 'by a script' });
                     new WebSocket('wss://www.town.example/live');
                     navigator.serviceWorker.register('/worker.js');
                 </script>",
            ),
            "/forms" => page(&["form_step=4711canary; Secure"], "<!DOCTYPE html><title>Forms</title>"),
            "/news" => page(&[], "<!DOCTYPE html><title>News</title><img src='/picture' alt=''>"),
            "/picture" => page(&["of_picture=4711canary; Secure"], ""),
            "/told" => {
                let told = format!("told_{}=4711canary; Secure", request.body().len());
                Response::builder().header("set-cookie", told).body(Bytes::new()).unwrap()
            }
            "/worker.js" => {
                let script = "cookieStore.set('of_worker', '4711canary')";
                Response::builder().header("content-type", "text/javascript").body(Bytes::from(script)).unwrap()
            }
            "/away" => Response::builder()
                .status(302)
                .header("location", "https://away.invalid/")
                .body(Bytes::new())
                .unwrap(),
            _ => Response::builder().status(404).body(Bytes::from("no")).unwrap(),
        }
    })
}

/// What a scan says of the council, with a browser and without.
fn council_is_seen(site: &Origin, found: &str) {
    let url = format!("http://{}", site.address);
    for words in [
        &*format!("# {url} was asked as https://www.town.example.\n"),
        "name = \"sec\"",
        "name = \"__Host-desk\"",
        "name = \"wide\"\npurpose = \"\"  # decide: \"strictly-necessary\", or the id of a purpose\n\
         description = \"\"  # what it does, in one plain sentence\nlifetime = \"30 days\"\n",
        "name = \"form_step\"",
        "# No browser keeps it: stray (it is for other.example, and the address is not)\n",
        "# Held whatever is declared, because of its name: lang\"x\n",
        "# Not looked at: https://away.invalid/ (it is of another site)\n",
        "# comment_author_*, wp-settings-*, wp_lang: known as wordpress-preferences (",
    ] {
        assert!(found.contains(words), "{words}\n{found}");
    }
    for words in ["gone", "Not seen", "Of another site", "name = \"stray\"", "http://www.town.example/"] {
        assert!(!found.contains(words), "{words}\n{found}");
    }
    for request in site.requests() {
        let field = |name: &str| request.headers().get(name).map_or("", |value| value.to_str().unwrap());
        assert_ne!(request.uri().path(), "/logout");
        if request.uri().path() != "/.pinfold/health" {
            let told = ["host", "x-forwarded-host", "x-forwarded-proto"].map(field);
            assert_eq!(told, ["www.town.example", "www.town.example", "https"], "{request:?}");
        }
    }
}

#[test]
fn a_web_server_is_asked_as_the_site_that_visitors_see() {
    let directory = tempfile::tempdir().unwrap();
    // By the configuration, or by whoever calls.
    let site = council();
    let url = format!("http://{}/", site.address);
    std::fs::write(directory.path().join("town.toml"), configuration(site.address, "")).unwrap();
    let found = text(pinfold(
        &["scan", url.trim_end_matches('/'), "--plain", "--config", "town.toml"],
        directory.path(),
    ));
    council_is_seen(&site, &found);
    assert!(!found.contains("[[purpose]]\nid = \"marketing\""), "there is one for consent: {found}");

    let site = council();
    let url = format!("http://{}", site.address);
    let found =
        text(pinfold(&["scan", &url, "--plain", "--as", "https://www.town.example"], directory.path()));
    council_is_seen(&site, &found);

    let output = pinfold(&["scan", &url, "--plain", "--as", "www.town.example"], directory.path());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("`www.town.example` is not the address of a site"), "{said}");
}

#[test]
fn what_cannot_be_seen_at_another_address_is_said() {
    let site = Origin::start(|_| {
        Response::builder()
            .header("set-cookie", "wide=1; Domain=town.example")
            .header("set-cookie", "__Secure-s=1")
            .body(Bytes::new())
            .unwrap()
    });
    let directory = tempfile::tempdir().unwrap();
    let found = text(pinfold(&["scan", &format!("http://{}", site.address), "--plain"], directory.path()));
    for words in [
        "# Not seen: what scripts set for https or for a whole domain",
        "# No browser keeps it here: wide (it is for town.example, and the address is not)\n",
        "# No browser keeps it here: __Secure-s (its name begins with `__Secure-`",
        "name = \"wide\"",
        "name = \"__Secure-s\"",
    ] {
        assert!(found.contains(words), "{words}\n{found}");
    }
    assert!(!found.contains("Of another site"), "{found}");
}

#[test]
fn a_server_that_does_not_believe_in_https_is_told_of() {
    let site = Origin::start(|_| {
        let to = "http://www.town.example/";
        Response::builder().status(301).header("location", to).body(Bytes::new()).unwrap()
    });
    let directory = tempfile::tempdir().unwrap();
    let url = format!("http://{}", site.address);
    let found =
        text(pinfold(&["scan", &url, "--plain", "--as", "https://www.town.example"], directory.path()));
    let told = "# Not looked at: http://www.town.example/ (it leads back to the same page, without end)\n";
    assert!(found.contains(told), "{found}");
}

/// A server that knows one name alone, as Django (400), IIS (404) and Pinfold (421) do, with a page that is missing.
fn particular(status: u16) -> Origin {
    Origin::start(move |request: &Request<Bytes>| {
        let response = Response::builder().header("content-type", "text/html");
        let is_site = request.headers()["host"] == "www.town.example";
        let (status, page) = match request.uri().path() {
            _ if !is_site => (status, "<!DOCTYPE html><title>Which?</title><a href='/more'>More</a>"),
            "/" => (
                200,
                "<!DOCTYPE html><title>Home</title><a href='/gone'>Gone</a><a href='/bare'>Bare</a><a href='/news'>News</a>",
            ),
            "/gone" => (410, "<!DOCTYPE html><title>Gone</title><a href='/deeper'>Deeper</a>"),
            "/bare" => (503, ""),
            _ => (200, "<!DOCTYPE html><title>News</title>"),
        };
        let set = format!("of_{status}=4711canary; Secure");
        response.status(status).header("set-cookie", set).body(Bytes::from(page)).unwrap()
    })
}

fn errors_are_no_pages(with: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let scan = |site: &Origin, more: &[&str]| {
        let url = format!("http://{}", site.address);
        pinfold(&[&["scan", &url], with, more].concat(), directory.path())
    };
    for status in [400, 404, 421] {
        let site = particular(status);
        for (more, asked) in
            [(&[][..], ""), (&["--as", "https://wrong.example"], ", asked as https://wrong.example/,")]
        {
            let output = scan(&site, more);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(3), "{said}");
            let url = format!("http://{}", site.address);
            assert_eq!(said, format!("pinfold: {url}{asked} cannot be looked at: it is answered {status}\n"));
        }
    }
    let site = particular(421);
    let found = text(scan(&site, &["--as", "https://www.town.example"]));
    for words in [
        "# 2 pages were looked at",
        "# Not looked at: https://www.town.example/gone (it is answered 410)\n",
        "# Not looked at: https://www.town.example/bare (it is answered 503)\n",
        "name = \"of_200\"",
        "name = \"of_410\"",
        "name = \"of_503\"",
    ] {
        assert!(found.contains(words), "{words}\n{found}");
    }
    assert!(site.requests().iter().all(|request| request.uri().path() != "/deeper"));
    let few = particular(421);
    text(scan(&few, &["--as", "https://www.town.example", "--pages", "2"]));
    assert!(few.requests().iter().all(|request| request.uri().path() != "/bare"), "pages that fail count");
}

#[test]
fn errors_are_no_pages_that_were_looked_at() {
    errors_are_no_pages(&["--plain"]);
}

#[test]
#[ignore = "needs chromium"]
fn with_a_browser_errors_are_no_pages_that_were_looked_at() {
    errors_are_no_pages(&[]);
}

#[test]
#[ignore = "needs chromium"]
fn with_a_browser_the_site_is_seen_as_visitors_see_it() {
    let directory = tempfile::tempdir().unwrap();
    let site = council();
    let url = format!("http://{}", site.address);
    std::fs::write(directory.path().join("pinfold.toml"), configuration(site.address, "")).unwrap();
    let found = text(pinfold(&["scan", &url], directory.path()));
    council_is_seen(&site, &found);
    for words in [
        "# Not looked at: wss://www.town.example/live (a WebSocket is not opened)\n",
        "name = \"js_dom\"",
        "name = \"of_picture\"",
        "name = \"of_worker\"",
        "name = \"told_11\"",
        "# Set by a script, first seen on https://www.town.example/\n[[cookie]]\nname = \"js_dom\"",
        "# Set by the server, first seen on https://www.town.example/\n[[cookie]]\nname = \"told_11\"",
    ] {
        assert!(found.contains(words), "{words}\n{found}");
    }
}

#[test]
#[ignore = "needs chromium"]
fn with_a_browser_what_it_drops_at_another_address_is_said() {
    let site = Origin::start(|_| {
        Response::builder()
            .header("content-type", "text/html")
            .header("set-cookie", "wide=1; Domain=town.example")
            .body(Bytes::from("<!DOCTYPE html><title>Home</title>"))
            .unwrap()
    });
    let directory = tempfile::tempdir().unwrap();
    let found = text(pinfold(&["scan", &format!("http://{}", site.address)], directory.path()));
    for words in
        ["# Not seen: ", "# No browser keeps it here: wide (it is for town.example", "name = \"wide\""]
    {
        assert!(found.contains(words), "{words}\n{found}");
    }
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

    // One that serves its own hosts alone.
    let server = Pinfold::configured(&configuration(site.address, ""));
    let output = pinfold(&["scan", &format!("http://{}", server.site), "--plain"], server.path());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    let told = "it is answered 421 (Pinfold stands before this site: look at the web server behind it)\n";
    assert!(said.ends_with(told), "{said}");
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
