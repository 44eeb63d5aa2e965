//! Which pages are changed, and that nothing else is.
#![cfg(feature = "html")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::Write as _;

use bytes::Bytes;
use common::{Full0, Town, body, from, policy};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, COOKIE};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, StreamBody};
use pinfold::audit::AuditSettings;
use pinfold::consent::{ChoiceState, Embed, LegalBasis, Mode, Policy, PolicyBuilder, Purpose};
use tower::{Layer, ServiceExt};

const PAGE: &str = "<!doctype html><html lang=\"en\"><head><title>Bins</title></head><body><a href=\"#main\">Skip</a><p>Bins</p></body></html>";

fn town(policy: PolicyBuilder) -> Town {
    Town::new(policy, Full0, AuditSettings::default())
}

type Fields = [(&'static str, &'static str)];

async fn answer(
    town: &Town,
    asked: &Fields,
    status: u16,
    said: &'static Fields,
    page: &[u8],
) -> Response<Vec<u8>> {
    let page = Bytes::copy_from_slice(page);
    let site = town.around(move |_| {
        let answer = said
            .iter()
            .fold(Response::builder().status(status), |answer, (name, value)| answer.header(*name, *value));
        answer.body(Full::from(page.clone())).unwrap()
    });
    let request =
        asked.iter().fold(Request::get("/bins?a=1"), |request, (name, value)| request.header(*name, *value));
    let answer = site.oneshot(from(1, request.header("host", "www.town.example"))).await.unwrap();
    let (parts, page) = answer.into_parts();
    Response::from_parts(parts, page.collect().await.unwrap().to_bytes().to_vec())
}

const DOCUMENT: &Fields = &[("sec-fetch-dest", "document")];
const HTML: &Fields = &[("content-type", "text/html; charset=utf-8")];

fn has_banner(answer: &Response<Vec<u8>>) -> bool {
    memchr::memmem::find(answer.body(), b"pinfold-banner").is_some()
}

#[tokio::test]
async fn form_05_what_gets_a_banner_and_what_does_not() {
    let town = town(policy().banner(true));
    let utf_16: Vec<u8> = PAGE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (asked, status, said, page, expected) in [
        (DOCUMENT, 200, HTML, PAGE.as_bytes(), true),
        (DOCUMENT, 404, HTML, PAGE.as_bytes(), true),
        (DOCUMENT, 500, HTML, PAGE.as_bytes(), true),
        (DOCUMENT, 203, &[("content-type", "TEXT/HTML")], PAGE.as_bytes(), true),
        (DOCUMENT, 200, HTML, b"<p>No root element</p>", true),
        (&[], 200, HTML, PAGE.as_bytes(), true),
        (&[("accept", "text/html")], 200, HTML, PAGE.as_bytes(), true),
        (&[("accept", "text/html")], 200, HTML, b"<p>A part</p>", false),
        (
            &[("accept", "text/html, */*"), ("x-requested-with", "XMLHttpRequest")],
            200,
            HTML,
            PAGE.as_bytes(),
            false,
        ),
        (&[("sec-fetch-dest", "iframe")], 200, HTML, PAGE.as_bytes(), false),
        (&[("sec-fetch-dest", "empty")], 200, HTML, PAGE.as_bytes(), false),
        (&[("accept", "application/json")], 200, HTML, PAGE.as_bytes(), false),
        (DOCUMENT, 206, HTML, PAGE.as_bytes(), false),
        (DOCUMENT, 302, &[("content-type", "text/html"), ("location", "/")], PAGE.as_bytes(), false),
        // A redirect to nowhere is shown.
        (DOCUMENT, 302, HTML, PAGE.as_bytes(), true),
        (DOCUMENT, 200, &[("content-type", "text/plain")], PAGE.as_bytes(), false),
        (DOCUMENT, 200, &[("content-type", "application/xhtml+xml")], PAGE.as_bytes(), false),
        (DOCUMENT, 200, &[], PAGE.as_bytes(), false),
        (
            DOCUMENT,
            200,
            &[("content-type", "text/html"), ("content-disposition", "attachment")],
            PAGE.as_bytes(),
            false,
        ),
        (
            DOCUMENT,
            200,
            &[("content-type", "text/html"), ("cache-control", "no-transform")],
            PAGE.as_bytes(),
            false,
        ),
        (
            DOCUMENT,
            200,
            &[("content-type", "text/html"), ("content-encoding", "made-up")],
            PAGE.as_bytes(),
            false,
        ),
        (
            DOCUMENT,
            200,
            &[("content-type", "text/html"), ("content-encoding", "gzip, br")],
            PAGE.as_bytes(),
            false,
        ),
        (DOCUMENT, 200, &[("content-type", "text/html; charset=utf-16le")], &utf_16[..], false),
    ] {
        let answer = answer(&town, asked, status, said, page).await;
        assert_eq!(has_banner(&answer), expected, "{asked:?} {status} {said:?}");
        if !expected {
            assert_eq!(answer.body(), page, "{asked:?} {status} {said:?}");
        }
    }
}

#[tokio::test]
async fn page_03_what_is_said_of_a_changed_page_is_true_of_it() {
    let town = town(policy().banner(true));
    let said = &[
        ("content-type", "text/html"),
        ("content-length", "113"),
        ("etag", "\"v1\""),
        ("last-modified", "Sun, 22 Nov 2026 10:00:00 GMT"),
        ("accept-ranges", "bytes"),
        ("content-digest", "sha-256=:x:"),
    ];
    let changed = answer(&town, DOCUMENT, 200, said, PAGE.as_bytes()).await;
    for gone in ["content-length", "last-modified", "accept-ranges", "content-digest"] {
        assert!(!changed.headers().contains_key(gone), "{gone}");
    }
    assert_ne!(changed.headers()["etag"], "\"v1\"");
    let unchanged = answer(&town, &[("sec-fetch-dest", "empty")], 200, said, PAGE.as_bytes()).await;
    assert_eq!(unchanged.headers()["etag"], "\"v1\"");
    assert_eq!(unchanged.headers()["content-length"], "113");
}

#[tokio::test]
async fn page_03_the_site_is_asked_for_the_whole_plain_page() {
    let town = town(policy().banner(true));
    let site = town.around(|request| {
        let names: Vec<_> = request.headers().keys().map(http::HeaderName::as_str).collect();
        for gone in ["if-none-match", "if-modified-since", "range", "if-range"] {
            assert!(!names.contains(&gone), "{gone}");
        }
        assert_eq!(request.headers()["accept-encoding"], "identity");
        Response::new(Full::default())
    });
    let request = Request::get("/")
        .header("sec-fetch-dest", "document")
        .header("accept-encoding", "gzip, br, zstd")
        .header("if-none-match", "\"v1\"")
        .header("if-modified-since", "Sun, 22 Nov 2026 10:00:00 GMT")
        .header("range", "bytes=0-9")
        .header("if-range", "\"v1\"");
    site.oneshot(from(1, request)).await.unwrap();
}

#[tokio::test]
async fn page_03_a_download_goes_on_where_it_stopped() {
    let town = town(policy().banner(true));
    let site = town.around(|request| {
        assert_eq!(request.headers()["range"], "bytes=10-19");
        let part = Response::builder().status(206).header("content-type", "text/html");
        let part = part.header("content-range", "bytes 10-19/120").header("content-length", "10");
        part.header("cache-control", "public, max-age=60").body(Full::from(&PAGE[10..20])).unwrap()
    });
    let request = Request::get("/guide").header("accept", "*/*").header("range", "bytes=10-19");
    let answer = site.oneshot(from(1, request)).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()[CONTENT_LENGTH]), (206, &"10".parse().unwrap()));
    // A shared cache could make the page of its parts, and hand it to somebody who has not been asked.
    assert_eq!(answer.headers()["cache-control"], "private, no-store");
    assert_eq!(body(answer).await, PAGE[10..20]);
}

#[tokio::test]
async fn page_03_a_head_says_what_a_get_would() {
    let town = town(policy().banner(true));
    let site = || {
        town.around(|request| {
            let page = if request.method() == "HEAD" { Full::default() } else { Full::from(PAGE) };
            Response::builder()
                .header("content-type", "text/html")
                .header("content-length", "113")
                .header("etag", "\"v1\"")
                .body(page)
                .unwrap()
        })
    };
    let mut seen = Vec::new();
    for method in ["GET", "HEAD"] {
        let request = Request::builder().method(method).uri("/").header("sec-fetch-dest", "document");
        let answer = site().oneshot(from(1, request)).await.unwrap();
        assert!(!answer.headers().contains_key(CONTENT_LENGTH));
        seen.push(answer.headers().clone());
        assert_eq!(body(answer).await.is_empty(), method == "HEAD");
    }
    assert_eq!(seen[0], seen[1]);
}

fn packed(coding: &str) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            out.write_all(PAGE.as_bytes()).unwrap();
            out.finish().unwrap()
        }
        "deflate" => {
            let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            out.write_all(PAGE.as_bytes()).unwrap();
            out.finish().unwrap()
        }
        _ => zstd::encode_all(PAGE.as_bytes(), 3).unwrap(),
    }
}

#[tokio::test]
async fn page_04_sites_that_compress_all_the_same_are_unpacked() {
    let town = town(policy().banner(true));
    for (coding, said) in [
        ("gzip", &[("content-type", "text/html"), ("content-encoding", "gzip")]),
        ("deflate", &[("content-type", "text/html"), ("content-encoding", "deflate")]),
        ("zstd", &[("content-type", "text/html"), ("content-encoding", "zstd")]),
    ] {
        let answer = answer(&town, DOCUMENT, 200, said, &packed(coding)).await;
        assert!(has_banner(&answer), "{coding}");
        assert!(answer.body().ends_with(b"<p>Bins</p></body></html>"), "{coding}");
        assert!(!answer.headers().contains_key(CONTENT_ENCODING));
    }
}

#[tokio::test]
async fn form_06_a_bomb_is_cut_and_visibly_so() {
    let town = town(policy().banner(true));
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(b"<!doctype html><html><body>").unwrap();
    for _ in 0..64 {
        out.write_all(&vec![b' '; 1024 * 1024]).unwrap();
    }
    let bomb = Bytes::from(out.finish().unwrap());
    let site = town.around(move |_| {
        let answer =
            Response::builder().header("content-type", "text/html").header("content-encoding", "gzip");
        answer.body(Full::from(bomb.clone())).unwrap()
    });
    let answer = site.oneshot(from(1, Request::get("/").header("sec-fetch-dest", "document"))).await.unwrap();
    let error = answer.into_body().collect().await.unwrap_err();
    assert_eq!(error.to_string(), "the body of the response was broken off");
}

#[tokio::test]
async fn page_05_each_part_goes_on_when_it_comes() {
    let town = town(policy().banner(true).embed(Embed::new("marketing", ["video.example"])));
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
    let receiver = std::sync::Mutex::new(Some(receiver));
    let site = tower::service_fn(move |_: Request<Full<Bytes>>| {
        let mut receiver = receiver.lock().unwrap().take().unwrap();
        let frames = futures_util::stream::poll_fn(move |cx| {
            receiver.poll_recv(cx).map(|part| part.map(|part| Ok::<_, std::io::Error>(Frame::data(part))))
        });
        let answer =
            Response::builder().header("content-type", "text/html").body(StreamBody::new(frames)).unwrap();
        std::future::ready(Ok::<_, std::convert::Infallible>(answer))
    });
    let request = from(1, Request::get("/").header("sec-fetch-dest", "document"));
    let answer = town.layer.layer(site).oneshot(request).await.unwrap();
    let mut page = std::pin::pin!(answer.into_body());
    for (part, expected) in [
        ("<!doctype html><html><body><h1>Bins", "<h1>Bins"),
        ("</h1><p>First", "</h1><p>First"),
        ("<iframe src=https://video.example/v></iframe><p>Second", "<p>Second"),
        (" half of a tag <di", " half of a tag "),
        ("v>Third</div>", "<div>Third</div>"),
    ] {
        sender.send(Bytes::from_static(part.as_bytes())).unwrap();
        let frame = std::future::poll_fn(|cx| page.as_mut().poll_frame(cx)).await.unwrap().unwrap();
        let data = frame.into_data().unwrap();
        assert!(data.ends_with(expected.as_bytes()), "{part}: {data:?}");
    }
    drop(sender);
    assert!(std::future::poll_fn(|cx| page.as_mut().poll_frame(cx)).await.is_none());
}

#[tokio::test]
async fn law_03_what_follows_is_held_where_the_parser_has_no_room() {
    const HELD: &str = "<iframe src=\"https://video.example/v\"></iframe>";
    let town = town(policy().embed(Embed::new("marketing", ["video.example"])));
    let picture: String = (0..160_000_u32).map(|n| format!("{n:08}")).collect();
    let picture = format!("<img src=\"data:image/png;base64,{picture}\" alt=\"a > b\">");
    let words: String = (0..100_000_u32).map(|n| format!("<b>{n}</b>")).collect();
    let rows: String = (0..20_000_u32).map(|n| format!("<tr><td>{n}<td>2\n")).collect();
    for before in [picture, words, rows] {
        let page = format!("<!doctype html><html><body><p title=\"x\">{before}{HELD}<p>The end");
        // Two parts, of which the first ends in a tag and the second unpacks to over a mebibyte.
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        out.write_all(&page.as_bytes()[..36]).unwrap();
        out.flush().unwrap();
        let cut = out.get_ref().len();
        out.write_all(&page.as_bytes()[36..]).unwrap();
        let packed = Bytes::from(out.finish().unwrap());
        let plain = page.as_bytes().chunks(16 * 1024).map(Bytes::copy_from_slice).collect();
        let coded = vec![packed.slice(..cut), packed.slice(cut..)];
        for (coding, parts) in [("identity", plain), ("gzip", coded)] {
            let site = tower::service_fn(move |_: Request<Full<Bytes>>| {
                let frames = parts.clone().into_iter().map(|part| Ok::<_, std::io::Error>(Frame::data(part)));
                let answer = Response::builder()
                    .header("content-type", "text/html")
                    .header("content-encoding", coding);
                let body = StreamBody::new(futures_util::stream::iter(frames));
                std::future::ready(Ok::<_, std::convert::Infallible>(answer.body(body).unwrap()))
            });
            let request = from(1, Request::get("/").header("sec-fetch-dest", "document"));
            let answer = town.layer.layer(site).oneshot(request).await.unwrap();
            let answer = answer.into_body().collect().await.unwrap().to_bytes();
            let found = |text: &str| memchr::memmem::find(&answer, text.as_bytes()).is_some();
            assert!(!found(HELD), "{coding} {}", &before[..9]);
            assert!(found(&before), "{coding} {}", &before[..9]);
            assert!(answer.ends_with(b"<p>The end"), "{coding} {}", &before[..9]);
        }
    }
}

#[tokio::test]
async fn law_03_what_is_refused_is_in_no_broader_pattern_of_the_content_security_policy() {
    let policy = policy()
        .removals_under("town.example")
        .own_hosts(["www.town.example", "forms.town.example"])
        .embed(Embed::new("statistics", ["*.google.example"]))
        .embed(Embed::new("marketing", ["analytics.google.example", "stats.town.example"]));
    let fingerprint = policy.clone().build().unwrap().fingerprint();
    let town = town(policy);
    for (choice, expected) in [
        ("", "www.town.example:* forms.town.example:* town.example:*"),
        ("3.1", "www.town.example:* forms.town.example:* town.example:*"),
        (
            "3.2",
            "www.town.example:* forms.town.example:* town.example:* *.town.example:* analytics.google.example:* stats.town.example:*",
        ),
        (
            "3.3",
            "www.town.example:* forms.town.example:* town.example:* *.town.example:* *.google.example:* analytics.google.example:* stats.town.example:*",
        ),
    ] {
        let cookie: &'static str = format!("__Host-pinfold-consent=1.{fingerprint}.202611.{choice}").leak();
        let answer =
            answer(&town, &[("sec-fetch-dest", "document"), ("cookie", cookie)], 200, HTML, b"<p>x").await;
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert_eq!(policy.split_once("mediastream: ").unwrap().1, expected, "{choice}");
    }
}

#[tokio::test]
async fn law_15_every_page_leads_to_the_cookies_page() {
    let asked = answer(&town(policy().banner(true)), DOCUMENT, 200, HTML, PAGE.as_bytes()).await;
    let asked = String::from_utf8(asked.into_body()).unwrap();
    assert!(
        asked.contains(r#"<a href="/cookies?lang=en&amp;return=%2Fbins%3Fa%3D1">View cookies</a>"#),
        "{asked}"
    );
    let linked = town(policy().link(true));
    let fingerprint = policy().build().unwrap().fingerprint();
    let decided: &'static str = format!("__Host-pinfold-consent=1.{fingerprint}.202611.3.0").leak();
    for asked in [DOCUMENT, &[("sec-fetch-dest", "document"), ("cookie", decided)]] {
        let page = answer(&linked, asked, 200, HTML, PAGE.as_bytes()).await;
        let page = String::from_utf8(page.into_body()).unwrap();
        assert!(
            page.contains(r#"return=%2Fbins%3Fa%3D1">Cookies on this site</a></p></body></html>"#),
            "{page}"
        );
    }
}

#[tokio::test]
async fn the_banner_goes_before_the_skip_link_in_the_language_of_the_page() {
    let town = town(policy().banner(true));
    for (page, accept, lang, words) in [
        (PAGE, "cy", "en", "Accept additional cookies"),
        ("<!doctype html><html lang=cy><body><a href=#m>Neidio</a>", "en", "cy", "Derbyn cwcis ychwanegol"),
        ("<!doctype html><html><body><a href=#m>?</a>", "cy-GB", "cy", "Derbyn cwcis ychwanegol"),
        ("<!doctype html><html lang=pl><body><a href=#m>?</a>", "fr", "en", "Accept additional cookies"),
    ] {
        let answer = answer(
            &town,
            &[("sec-fetch-dest", "document"), ("accept-language", accept)],
            200,
            HTML,
            page.as_bytes(),
        )
        .await;
        let text = String::from_utf8(answer.into_body()).unwrap();
        let (banner, rest) = text
            .split_once("<body>")
            .unwrap()
            .1
            .split_once("<a href=#m")
            .unwrap_or_else(|| text.split_once("<a href=\"#main").unwrap());
        assert!(banner.contains(&format!("lang=\"{lang}\"")) && banner.contains(words), "{text}");
        assert!(!rest.contains("pinfold-banner"));
    }
}

#[tokio::test]
async fn nobody_is_asked_where_there_is_nothing_to_ask() {
    let statistics = Purpose::new("statistics", LegalBasis::Statistics, "Title", "Words");
    let only_statistics =
        Policy::builder("Town", "https://www.town.example").purpose(statistics).banner(true);
    for policy in [only_statistics, policy().banner(true).mode(Mode::Report), policy()] {
        let answer = answer(&town(policy), DOCUMENT, 200, HTML, PAGE.as_bytes()).await;
        assert_eq!(answer.body(), PAGE.as_bytes());
    }
    let town = town(policy().banner(true));
    let signal =
        answer(&town, &[("sec-fetch-dest", "document"), ("sec-gpc", "1")], 200, HTML, PAGE.as_bytes()).await;
    assert!(!has_banner(&signal), "GPC3: the signal is the answer");
    assert_eq!(signal.headers()["cache-control"], "private");
}

#[tokio::test]
async fn who_is_asked_is_counted() {
    let town = town(policy().banner(true));
    let site = || {
        town.around(|_| {
            Response::builder().header("content-type", "text/html").body(Full::from(PAGE)).unwrap()
        })
    };
    for (asked, dest) in [(true, "document"), (false, "empty")] {
        let answer = site().oneshot(from(1, Request::get("/").header("sec-fetch-dest", dest))).await.unwrap();
        assert_eq!(answer.body().outcome().asked(), asked, "{dest}");
        assert_eq!(answer.body().outcome().state(), Some(ChoiceState::Undecided));
    }
}

#[tokio::test]
async fn the_confirmation_is_shown_once_and_the_site_never_hears_of_it() {
    let town = town(policy().banner(true));
    let fingerprint = policy().build().unwrap().fingerprint();
    let site = town.around(|request| {
        assert_eq!(request.uri(), "/bins?a=1");
        Response::builder()
            .header("content-type", "text/html")
            .header("cache-control", "public, max-age=60")
            .body(Full::from(PAGE))
            .unwrap()
    });
    let request = Request::get("/bins?a=1&pinfold-choice=rejected")
        .header("sec-fetch-dest", "document")
        .header(COOKIE, format!("__Host-pinfold-consent=1.{fingerprint}.202611.3.0"));
    let answer = site.oneshot(from(1, request)).await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "private, no-store");
    let page = body(answer).await;
    for words in
        ["You have rejected additional cookies.", "Hide this message", "name=\"return\" value=\"/bins?a=1\""]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
}

#[tokio::test]
async fn content_is_held_and_the_page_narrowed_until_its_purpose_is_granted() {
    let policy = policy()
        .banner(true)
        .embed(Embed::new("marketing", ["video.example"]))
        .own_hosts(["www.town.example"]);
    let fingerprint = policy.clone().build().unwrap().fingerprint();
    let town = town(policy);
    let page = b"<!doctype html><html lang=en><body><iframe src=https://video.example/v></iframe><script type=text/plain data-consent=marketing>x()</script>";
    let said = &[("content-type", "text/html"), ("content-security-policy", "script-src 'self'")];
    let granted: &'static str = format!("__Host-pinfold-consent=1.{fingerprint}.202611.3.3").leak();
    for (asked, shown) in [(DOCUMENT, false), (&[("sec-fetch-dest", "document"), ("cookie", granted)], true)]
    {
        let answer = answer(&town, asked, 200, said, page).await;
        let policies: Vec<_> = answer
            .headers()
            .get_all("content-security-policy")
            .into_iter()
            .map(|one| one.to_str().unwrap().to_owned())
            .collect();
        assert_eq!(policies[0], "script-src 'self'");
        assert_eq!(policies[1].contains("video.example"), shown, "{policies:?}");
        let text = String::from_utf8(answer.into_body()).unwrap();
        assert_eq!(text.contains("<iframe src=https://video.example/v>"), shown, "{text}");
        assert_eq!(text.contains("type=text/plain"), !shown, "{text}");
    }
}

#[tokio::test]
async fn the_cookies_page_is_drawn_within_a_page_of_the_site() {
    let shell = "<!doctype html><html lang=en><head><title>Cookies - Town</title></head><body><header>Town Council</header>\
                 <main data-pinfold=\"cookies\">Loading</main><footer>Contact us</footer></body></html>";
    for (status, page, expected) in [
        (200, shell.to_owned(), true),
        (404, shell.to_owned(), false),
        (200, "<!doctype html><main>No place</main>".to_owned(), false),
        (200, format!("{shell}{}", " ".repeat(2 * 1024 * 1024)), false),
    ] {
        let town = town(policy().banner(true).shell("/about/shell"));
        let site = town.around(move |request| {
            assert_eq!(request.uri(), "/about/shell");
            assert!(!request.headers().contains_key(COOKIE));
            let answer = Response::builder()
                .status(status)
                .header("content-type", "text/html")
                .header("etag", "\"v1\"");
            let answer = answer
                .header("set-cookie", "session=1")
                .header("x-site", "yes")
                .header("cache-control", "public");
            answer.body(Full::from(page.clone())).unwrap()
        });
        let request = Request::get("/cookies?lang=cy&return=/bins")
            .header("cookie", "_ga=1")
            .header("if-none-match", "\"v1\"");
        let answer = site.oneshot(from(1, request)).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["cache-control"]),
            (200, &if expected { "private, no-store" } else { "no-store" }.parse().unwrap())
        );
        assert_eq!(answer.headers().contains_key("x-site"), expected);
        assert!(!answer.headers().contains_key("etag") && !answer.headers().contains_key("set-cookie"));
        let page = body(answer).await;
        assert!(page.contains("Cwcis ar Town") && page.contains("cookies[marketing]"), "{page}");
        let around =
            page.contains("Town Council") && page.contains("Contact us") && !page.contains("Loading");
        assert_eq!(around, expected, "{status}");
        assert_eq!(page.matches("<main").count(), 1);
    }
}

#[tokio::test]
async fn cookie_12_the_page_within_a_page_of_the_site_takes_back_too() {
    let town = town(policy().banner(true).shell("/about/shell"));
    let site = || {
        town.around(|_| {
            let page =
                Response::builder().header("content-type", "text/html").header("set-cookie", "session=1");
            page.body(Full::from("<!doctype html><main data-pinfold=cookies></main>")).unwrap()
        })
    };
    let mut choice = from(
        1,
        Request::post("/cookies")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded"),
    );
    *choice.body_mut() = Full::from("cookies[all]=no");
    let chosen = site().oneshot(choice).await.unwrap().headers()["set-cookie"].to_str().unwrap().to_owned();
    let cookies = format!("{}; _ga=1", chosen.split(';').next().unwrap());
    let answer = site().oneshot(from(1, Request::get("/cookies").header(COOKIE, cookies))).await.unwrap();
    let set: Vec<_> = answer.headers().get_all("set-cookie").into_iter().collect();
    assert_eq!(set[0], "_ga=; Max-Age=0; Path=/");
    assert!(!set.contains(&&"session=1".parse().unwrap()));
    assert!(body(answer).await.contains("data-pinfold"));
}

#[tokio::test]
async fn page_02_no_shared_cache_keeps_the_page_within_a_page_of_the_site() {
    let town = town(policy().banner(true).shell("/about/shell"));
    let site = town.around(|_| {
        let page = Response::builder()
            .header("content-type", "text/html")
            .header("expires", "Fri, 01 Jan 2100 00:00:00 GMT");
        let page = page.header("x-accel-expires", "600").header("cdn-cache-control", "max-age=600");
        let page = page.header("content-digest", "sha-256=:x:").header("accept-ranges", "bytes");
        page.body(Full::from("<!doctype html><main data-pinfold=cookies></main>")).unwrap()
    });
    let answer = site.oneshot(from(1, Request::get("/cookies"))).await.unwrap();
    let mut names: Vec<_> = answer.headers().keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["cache-control", "content-type"]);
    assert_eq!(answer.headers()["cache-control"], "private, no-store");
}

#[tokio::test]
async fn law_03_the_page_around_the_cookies_page_is_held_like_any_other() {
    let policy = policy().banner(true).shell("/about/shell").embed(Embed::new("marketing", ["ads.example"]));
    let town = town(policy);
    let site = town.around(|_| {
        let page = Response::builder().header("content-type", "text/html").header("link", "<https://ads.example>; rel=preconnect");
        let page = page.body(Full::from(
            "<!doctype html><html lang=en><script src=https://ads.example/t.js></script><main data-pinfold=cookies></main>\
             <script data-consent=marketing>track()</script>",
        ));
        page.unwrap()
    });
    let request = Request::get("/cookies").header("sec-fetch-dest", "document");
    let answer = site.oneshot(from(1, request)).await.unwrap();
    let narrowed = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(!narrowed.contains("ads.example"), "{narrowed}");
    assert!(!answer.headers().contains_key("link"));
    let page = body(answer).await;
    assert!(
        page.contains("data-src=\"https://ads.example/t.js\"") && !page.contains(" src=https://ads"),
        "{page}"
    );
    assert!(
        page.contains("<script data-consent=marketing type=\"text/plain\">")
            && page.contains("cookies[marketing]"),
        "{page}"
    );
    assert!(!page.contains("pinfold-banner"), "{page}");
}

#[tokio::test]
async fn law_03_whatever_a_browser_shows_loads_nothing_that_is_held() {
    let town = town(policy().embed(Embed::new("marketing", ["ads.example"])));
    for (dest, status, said, expected) in [
        ("document", 200, HTML, true),
        ("document", 200, &[][..], true),
        ("document", 200, &[("content-type", "application/xhtml+xml")], true),
        ("iframe", 200, &[("content-type", "image/svg+xml")], true),
        ("image", 200, &[("content-type", "image/svg+xml")], false),
        ("document", 302, HTML, true),
        ("document", 302, &[("content-type", "text/html"), ("location", "/")], false),
        ("document", 200, &[("content-type", "text/plain"), ("content-type", "text/html")], true),
        ("document", 200, &[("content-type", "image/png")], false),
    ] {
        let asked: &'static Fields = Box::leak(Box::new([("sec-fetch-dest", dest)]));
        let answer = answer(&town, asked, status, said, b"<p>").await;
        let headers = answer.headers();
        assert_eq!(headers.contains_key("content-security-policy"), expected, "{dest} {status} {said:?}");
        assert_eq!(headers.contains_key("cache-control"), expected, "{dest} {status} {said:?}");
    }
}

#[tokio::test]
async fn a_confirmation_is_shown_only_where_it_is_true() {
    let town = town(policy().banner(true));
    for path in
        ["/bins?pinfold-choice=accepted", "/cookies?pinfold-choice=accepted", "/cookies?pinfold-choice=saved"]
    {
        let site = town.around(|_| {
            Response::builder().header("content-type", "text/html").body(Full::from(PAGE)).unwrap()
        });
        let request = Request::get(path).header("sec-fetch-dest", "document");
        let page = body(site.oneshot(from(1, request)).await.unwrap()).await;
        assert!(!page.contains("role=\"status\"") && !page.contains("Saved"), "{path}: {page}");
    }
}

#[tokio::test]
async fn page_01_a_page_that_tells_what_is_granted_is_asked_for_each_time() {
    let tells = Purpose::new("ads", LegalBasis::Consent, "Ads", "Words").with_google_consent(["ad_storage"]);
    let policy = policy().purpose(tells);
    let fingerprint = policy.clone().build().unwrap().fingerprint();
    let town = town(policy);
    let site = town.around(|_| {
        let page =
            Response::builder().header("content-type", "text/html").header("cache-control", "max-age=600");
        page.body(Full::from(PAGE)).unwrap()
    });
    let request = Request::get("/bins").header("sec-fetch-dest", "document");
    let request = request.header(COOKIE, format!("__Host-pinfold-consent=1.{fingerprint}.202611.7.7"));
    let answer = site.oneshot(from(1, request)).await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "private, no-cache");
}
