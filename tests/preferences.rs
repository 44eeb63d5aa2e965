//! What visitors prefer: how it is chosen, kept, told to the site and put into pages, and that it is nothing to do with consent.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use bytes::Bytes;
use common::{Notebook, Town, body, from, policy};
use http::header::{CACHE_CONTROL, COOKIE, LOCATION, SET_COOKIE};
use http::{Request, Response};
use http_body_util::Full;
use pinfold::audit::AuditSettings;
use pinfold::consent::page::Language;
use pinfold::consent::{Consent, Explanation, Mode, Policy, PolicyBuilder, Preference};
use pinfold::time::{Calendar, ManualClock};
use tower::ServiceExt;

const LARGE: &str = "__Host-pinfold-preferences=1.text-size=large";

fn offering() -> PolicyBuilder {
    policy()
        .preference(
            Preference::new("text-size", ["normal", "large", "largest"])
                .with_english("Text size", "How large the text is.")
                .with_welsh("Maint y testun", "Pa mor fawr yw'r testun.")
                .with_welsh_labels(["Arferol", "Mawr", "Mwyaf"]),
        )
        .preference(Preference::new("contrast", ["normal", "high"]))
}

fn town(policy: PolicyBuilder) -> Town {
    Town::new(policy, Notebook::default(), AuditSettings::default())
}

const PAGE: &str = "<!doctype html><html lang=en><body>Bins";

/// Asks a site that tells in its answer what it was told, and gives every answer the same fields.
async fn ask(
    town: &Town,
    request: http::request::Builder,
    form: &'static str,
    said: &'static [(&'static str, &'static str)],
) -> Response<String> {
    let site = town.around(move |request| {
        let told = request.headers().get("pinfold-preference");
        let told = told.map_or("-", |value| value.to_str().unwrap()).to_owned();
        let cookies = request.headers().get(COOKIE).map_or("-", |value| value.to_str().unwrap()).to_owned();
        let handler = request.extensions().get::<Consent>().unwrap();
        let size = handler.preference("text-size").unwrap_or("-").to_owned();
        let answer =
            said.iter().fold(Response::builder(), |answer, (name, value)| answer.header(*name, *value));
        let answer = answer.header("told", told).header("cookies", cookies).header("handler", size);
        answer.body(Full::from(PAGE)).unwrap()
    });
    let mut request = from(1, request.header("host", "www.town.example"));
    *request.body_mut() = Full::from(Bytes::from_static(form.as_bytes()));
    let (parts, page) = site.oneshot(request).await.unwrap().into_parts();
    Response::from_parts(parts, body(Response::new(page)).await)
}

const HTML: &[(&str, &str)] = &[("content-type", "text/html")];

fn document(path: &str) -> http::request::Builder {
    Request::get(path).header("sec-fetch-dest", "document")
}

async fn post(town: &Town, cookie: &str, form: &'static str) -> Response<String> {
    let request = Request::post("/cookies")
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/x-www-form-urlencoded")
        .header(COOKIE, cookie);
    ask(town, request, form, &[]).await
}

fn set(answer: &Response<String>) -> Vec<&str> {
    answer.headers().get_all(SET_COOKIE).into_iter().map(|field| field.to_str().unwrap()).collect()
}

#[tokio::test]
async fn a_form_sets_what_is_declared_and_nothing_else() {
    let town = town(offering());
    // From 22 November 2026 to the beginning of November 2027.
    const YEAR: &str = "; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=29685600";
    const GONE: &str = "__Host-pinfold-preferences=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0";
    let kept = |value: &str| vec![format!("__Host-pinfold-preferences=1.{value}{YEAR}")];
    for (cookie, form, expected) in [
        ("", "preference[text-size]=large", kept("text-size=large")),
        (LARGE, "preference[contrast]=high", kept("text-size=large.contrast=high")),
        (LARGE, "preference[text-size]=largest&return=/bins", kept("text-size=largest")),
        (LARGE, "preference[text-size]=normal", vec![GONE.to_owned()]),
        ("", "preference[text-size]=normal&preference[contrast]=normal", vec![GONE.to_owned()]),
        ("", "preference[text-size]=gigantic", vec![]),
        ("", "preference[text-size]=large%0d%0aSet-Cookie:x", vec![]),
        ("", "preference[colour]=red", vec![]),
        // Two of them are none.
        (&format!("{LARGE}; {LARGE}"), "preference[contrast]=high", kept("contrast=high")),
    ] {
        let answer = post(&town, cookie, form).await;
        assert_eq!(answer.status(), 303, "{form}");
        assert_eq!(set(&answer), expected, "{cookie} {form}");
        let location = answer.headers()[LOCATION].to_str().unwrap();
        assert_eq!(location.contains("pinfold-choice=saved"), !expected.is_empty(), "{form} {location}");
    }
    let answer = post(&town, "", "preference[text-size]=large&return=%2Fbins%3Fa%3D1").await;
    assert_eq!(answer.headers()[LOCATION], "/bins?a=1&pinfold-choice=saved");
    let answer = post(&town, "", "preference[text-size]=large&return=//bad.example").await;
    assert_eq!(answer.headers()[LOCATION], "/cookies?pinfold-choice=saved");
}

#[tokio::test]
async fn form_01_nobody_else_sets_a_preference() {
    for (name, value) in
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "null")]
    {
        let request = Request::post("/cookies")
            .header(name, value)
            .header("content-type", "application/x-www-form-urlencoded");
        let answer = ask(&town(offering()), request, "preference[text-size]=large", &[]).await;
        assert_eq!((answer.status().as_u16(), set(&answer)), (403, vec![]), "{name}: {value}");
    }
    let answer = ask(&town(offering()), document("/cookies?preference[text-size]=large"), "", &[]).await;
    assert_eq!(set(&answer), Vec::<&str>::new());
}

#[tokio::test]
async fn a_preference_is_no_choice_about_cookies_and_the_other_way_round() {
    let notebook = Notebook::default();
    let mut town = Town::new(offering(), notebook.clone(), AuditSettings::default());
    let background = town.background.take().unwrap();
    post(&town, "", "preference[text-size]=large").await;
    let answer = post(&town, LARGE, "cookies[all]=no").await;
    assert!(set(&answer).iter().all(|field| !field.contains("pinfold-preferences")), "{answer:?}");
    let answer = post(&town, LARGE, "cookies[hide]=yes").await;
    assert_eq!(set(&answer), Vec::<&str>::new());
    background.run(std::future::ready(())).await;
    let choices: Vec<_> = notebook
        .rows()
        .into_iter()
        .filter_map(|rows| if let pinfold::audit::Rows::Consent(rows) = rows { Some(rows) } else { None })
        .flatten()
        .collect();
    // Two purposes were refused; nothing else was asked or answered.
    assert_eq!(choices.iter().map(|row| row.events).sum::<u64>(), 2, "{choices:?}");

    let both = post(&town, "", "cookies[all]=yes&preference[text-size]=large").await;
    assert_eq!(set(&both).len(), 2);
}

#[tokio::test]
async fn the_site_and_its_handlers_are_told_and_never_see_the_cookie() {
    for policy in [offering(), offering().mode(Mode::Report)] {
        let town = town(policy);
        for (cookie, told, handler) in [
            ("session=1", "-", "normal"),
            (LARGE, "text-size=large", "large"),
            (
                "__Host-pinfold-preferences=1.text-size=largest.contrast=high",
                "text-size=largest, contrast=high",
                "largest",
            ),
            ("__Host-pinfold-preferences=1.text-size=huge", "-", "normal"),
            ("__Host-pinfold-preferences=2.text-size=large", "-", "normal"),
            ("pinfold-preferences=1.text-size=large", "-", "normal"),
            ("__Secure-pinfold-preferences=1.text-size=large", "-", "normal"),
            ("__host-pinfold-preferences=1.text-size=large", "-", "normal"),
        ] {
            let request = document("/bins")
                .header(COOKIE, cookie)
                .header("pinfold-preference", "text-size=made-up")
                .header("sec-gpc", "1");
            let answer = ask(&town, request, "", HTML).await;
            assert_eq!(answer.headers()["told"], told, "{cookie}");
            assert_eq!(answer.headers()["handler"], handler, "{cookie}");
            let seen = if cookie.contains("pinfold") { "-" } else { cookie };
            assert_eq!(answer.headers()["cookies"], seen);
        }
    }
    let answer = ask(
        &town(policy()),
        document("/").header("pinfold-preference", "x=y").header(COOKIE, LARGE),
        "",
        HTML,
    )
    .await;
    assert_eq!(
        (&answer.headers()["told"], &answer.headers()["handler"]),
        (&"-".parse().unwrap(), &"-".parse().unwrap())
    );
}

#[test]
fn a_recorded_request_is_explained_with_what_its_visitor_prefers() {
    let (policy, calendar) = (offering().build().unwrap(), Calendar::named("Europe/London").unwrap());
    for (cookie, expected) in [(LARGE, Some("text-size=large")), ("session=1", None)] {
        let (request, ()) = Request::get("/").header(COOKIE, cookie).body(()).unwrap().into_parts();
        let explained =
            Explanation::of(&policy, &calendar, &ManualClock::at(common::MORNING), &request, None);
        assert_eq!(explained.preferred.as_deref(), expected, "{cookie}");
    }
}

#[tokio::test]
async fn the_site_cannot_set_our_cookie() {
    const SETS: &[(&str, &str)] = &[
        ("set-cookie", "__Host-pinfold-preferences=1.text-size=large; Secure; Path=/"),
        ("set-cookie", "PINFOLD-preferences=x"),
        ("set-cookie", "session=1"),
    ];
    for policy in [offering(), policy(), offering().mode(Mode::Report)] {
        let answer = ask(&town(policy), document("/"), "", SETS).await;
        assert_eq!(set(&answer), ["session=1"]);
    }
}

#[tokio::test]
async fn cookie_01_the_name_follows_what_the_site_can_promise() {
    let at = |url| Policy::builder("Town", url).preference(Preference::new("contrast", ["normal", "high"]));
    for (policy, start, end) in [
        (at("https://www.town.example"), "__Host-pinfold-preferences=1.contrast=high;", "Secure; Path=/"),
        (
            at("https://www.town.example").shared_under("town.example"),
            "__Secure-pinfold-preferences=1.contrast=high;",
            "Domain=town.example",
        ),
        (at("http://localhost"), "pinfold-preferences=1.contrast=high;", "Path=/"),
    ] {
        let secure = start.starts_with("__");
        let answer = post(&town(policy), "", "preference[contrast]=high").await;
        let [field] = set(&answer)[..] else { panic!("{answer:?}") };
        assert!(field.starts_with(start) && field.contains(end), "{field}");
        assert_eq!(field.contains("Secure"), secure, "{field}");
    }
}

#[test]
fn cookie_04_a_preference_is_kept_no_longer_than_a_decision() {
    assert!(offering().lifetime_months(14).build().unwrap_err().to_string().contains("400 days"));
}

#[test]
fn a_cookie_of_more_than_eight_bits_is_refused() {
    let many = |n: usize| Preference::new(format!("p{n}"), ["a", "b", "c", "d"]);
    assert_eq!(
        (0..4).fold(policy(), |policy, n| policy.preference(many(n))).build().unwrap().own_cookies()[1].1,
        256
    );
    let faults = (0..5).fold(policy(), |policy, n| policy.preference(many(n))).build().unwrap_err();
    assert!(
        faults.to_string().contains("`p4` there are 1024 choices, more than the 256 (8 bits)"),
        "{faults}"
    );
}

#[test]
fn law_20_a_preference_is_nothing_that_is_asked_for() {
    let (with, without) = (offering().build().unwrap(), policy().build().unwrap());
    assert_eq!(with.fingerprint(), without.fingerprint());
    assert!(with.statement().contains("preference\ttext-size\tnormal, large, largest\n"));
}

#[tokio::test]
async fn law_09_the_cookies_page_lists_the_cookie_and_says_what_it_can_carry() {
    let page = ask(&town(offering()), document("/cookies").header(COOKIE, LARGE), "", &[]).await.into_body();
    for words in [
        "<code>__Host-pinfold-preferences</code>",
        "It is strictly necessary, because without it we could not keep what you asked for.",
        "at most 6 different values (3 bits)",
        "<legend>Text size</legend><p>How large the text is.</p>",
        r#"<input type="radio" name="preference[text-size]" value="large" checked><span>Large</span>"#,
        r#"<input type="radio" name="preference[contrast]" value="normal" checked><span>Normal</span>"#,
        r#"<legend>Contrast</legend>"#,
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let without = ask(&town(policy()), document("/cookies"), "", &[]).await.into_body();
    assert!(!without.contains("preference"), "{without}");
}

#[tokio::test]
async fn page_08_preferences_in_welsh() {
    let page = ask(&town(offering()), document("/cookies?lang=cy"), "", &[]).await.into_body();
    for words in [
        "Sut yr hoffech i'r wefan hon fod",
        "<legend>Maint y testun</legend><p>Pa mor fawr yw'r testun.</p>",
        "<span>Mwyaf</span>",
        "Cadw fy ngosodiadau",
        // Nobody has written this in Welsh.
        r#"<legend lang="en">Contrast</legend>"#,
        r#"<span lang="en">High</span>"#,
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!(Language::from_code("cy"), Some(Language::Welsh));
}

#[tokio::test]
async fn a_confirmation_is_shown_where_something_was_saved() {
    let town = town(offering());
    for (cookie, site, shown) in [
        (LARGE, "none", true),
        ("", "none", false),
        ("", "cross-site", false),
        // Back to what everybody has: nothing is left that would show it.
        ("", "same-origin", true),
    ] {
        let request =
            document("/cookies?pinfold-choice=saved").header(COOKIE, cookie).header("sec-fetch-site", site);
        let page = ask(&town, request, "", &[]).await.into_body();
        assert_eq!(page.contains("Your choice has been saved."), shown, "{cookie} {site}");
    }
    for claim in ["accepted", "rejected"] {
        let request = document(&format!("/cookies?pinfold-choice={claim}")).header(COOKIE, LARGE);
        let page = ask(&town, request.header("sec-fetch-site", "same-origin"), "", &[]).await.into_body();
        assert!(!page.contains("role=\"status\""), "{claim}");
    }
}

#[tokio::test]
async fn form_07_an_answer_that_differs_by_preference_is_kept_from_others() {
    const STYLE: &[(&str, &str)] = &[
        ("content-type", "text/css"),
        ("cache-control", "public, max-age=600"),
        ("vary", "Accept-Encoding, Pinfold-Preference"),
    ];
    for mode in [Mode::Enforce, Mode::Report] {
        let answer = ask(&town(offering().mode(mode)), Request::get("/a.css"), "", STYLE).await;
        assert_eq!(answer.headers()[CACHE_CONTROL], "private, no-cache", "{mode:?}");
    }
    let answer = ask(&town(policy()), Request::get("/a.css"), "", STYLE).await;
    assert_eq!(answer.headers()[CACHE_CONTROL], "public, max-age=600");
    const PLAIN: &[(&str, &str)] = &[("content-type", "text/css"), ("cache-control", "public, max-age=600")];
    let answer = ask(&town(offering()), Request::get("/a.css").header(COOKIE, LARGE), "", PLAIN).await;
    assert_eq!(answer.headers()[CACHE_CONTROL], "public, max-age=600");
}

#[tokio::test]
async fn page_01_where_pages_may_differ_by_preference_none_is_shared() {
    const PUBLIC: &[(&str, &str)] =
        &[("content-type", "text/html"), ("cache-control", "public, max-age=600")];
    let decided = format!("__Host-pinfold-consent=1.{}.202611.3.0", policy().build().unwrap().fingerprint());
    for cookie in [decided.clone(), format!("{decided}; {LARGE}")] {
        let answer = ask(&town(offering()), document("/").header(COOKIE, &cookie), "", PUBLIC).await;
        assert_eq!(answer.headers()[CACHE_CONTROL], "private, no-cache", "{cookie}");
        let answer = ask(&town(policy()), document("/").header(COOKIE, &cookie), "", PUBLIC).await;
        assert_eq!(answer.headers()[CACHE_CONTROL], "public, max-age=600", "{cookie}");
    }
}

#[cfg(feature = "html")]
mod in_pages {
    use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH};
    use pinfold::consent::Embed;

    use super::*;

    const CHANGED: &str = "<!doctype html><html lang=en data-text-size=\"large\"><body>Bins";

    #[tokio::test]
    async fn the_root_says_what_its_visitor_prefers() {
        let town = town(offering());
        for (fields, said, cookie, expected) in [
            (&[("sec-fetch-dest", "document")][..], HTML, LARGE, CHANGED),
            (&[("sec-fetch-dest", "iframe")], HTML, LARGE, CHANGED),
            (&[("accept", "text/html")], HTML, LARGE, CHANGED),
            (&[("sec-fetch-dest", "document"), ("sec-gpc", "1")], HTML, LARGE, CHANGED),
            (&[("sec-fetch-dest", "document")], HTML, "", PAGE),
            (&[("sec-fetch-dest", "document")], HTML, "__Host-pinfold-preferences=1.text-size=x", PAGE),
            (&[("sec-fetch-dest", "empty")], HTML, LARGE, PAGE),
            (&[("sec-fetch-dest", "document")], &[("content-type", "text/plain")], LARGE, PAGE),
            (
                &[("sec-fetch-dest", "document")],
                &[("content-type", "text/html"), ("cache-control", "no-transform")],
                LARGE,
                PAGE,
            ),
            (
                &[("sec-fetch-dest", "document")],
                &[("content-type", "text/html"), ("content-disposition", "attachment")],
                LARGE,
                PAGE,
            ),
        ] {
            let request =
                fields.iter().fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
            let answer = ask(&town, request.header(COOKIE, cookie), "", said).await;
            assert_eq!(answer.body(), expected, "{fields:?} {said:?} {cookie}");
        }
        let report = super::town(offering().mode(Mode::Report));
        let answer = ask(&report, document("/").header(COOKIE, LARGE), "", HTML).await;
        assert_eq!(answer.body(), PAGE, "in report mode pages are left alone");
    }

    #[tokio::test]
    async fn law_13_a_preference_is_kept_whatever_was_refused() {
        let town = town(offering().banner(true).embed(Embed::new("marketing", ["video.example"])));
        let fingerprint =
            policy().embed(Embed::new("marketing", ["video.example"])).build().unwrap().fingerprint();
        for granted in ["3.0", "3.3"] {
            let cookie = format!("__Host-pinfold-consent=1.{fingerprint}.202611.{granted}; {LARGE}");
            let answer = ask(&town, document("/").header(COOKIE, cookie), "", HTML).await;
            assert_eq!(answer.body(), CHANGED, "{granted}");
        }
        let asked = ask(&town, document("/").header(COOKIE, LARGE), "", HTML).await;
        assert!(asked.body().contains("data-text-size=\"large\"") && asked.body().contains("pinfold-banner"));
    }

    #[tokio::test]
    async fn page_03_a_conditional_request_hides_no_change_of_preference() {
        const TAGGED: &[(&str, &str)] = &[
            ("content-type", "text/html"),
            ("etag", "\"v1\""),
            ("last-modified", "Sat, 21 Nov 2026 07:28:00 GMT"),
        ];
        let town = town(offering());
        let with = |cookie: &str| document("/").header(COOKIE, cookie);
        let large = ask(&town, with(LARGE), "", TAGGED).await;
        let tag = large.headers()[ETAG].to_str().unwrap().to_owned();
        assert!(tag.contains("text-size=large") && !large.headers().contains_key("last-modified"), "{tag}");
        let largest = ask(&town, with("__Host-pinfold-preferences=1.text-size=largest"), "", TAGGED).await;
        assert_ne!(largest.headers()[ETAG], *tag);

        // What the site is asked, by whom and with which tag.
        let asked = |cookie: &'static str, tag: String| {
            let site = town.around(|request| {
                let asked = request.headers().get(IF_NONE_MATCH).map_or("-", |value| value.to_str().unwrap());
                let since = request.headers().contains_key(IF_MODIFIED_SINCE);
                Response::builder().header("asked", format!("{asked} {since}")).body(Full::default()).unwrap()
            });
            let request = with(cookie)
                .header(IF_NONE_MATCH, tag)
                .header(IF_MODIFIED_SINCE, "Sat, 21 Nov 2026 07:28:00 GMT");
            async {
                site.oneshot(from(1, request)).await.unwrap().headers()["asked"].to_str().unwrap().to_owned()
            }
        };
        assert_eq!(asked(LARGE, tag.clone()).await, "\"v1\" false");
        assert_eq!(asked("__Host-pinfold-preferences=1.contrast=high", tag.clone()).await, "- false");
        assert_eq!(asked(LARGE, "\"v1\"".to_owned()).await, "- false");
        // The site knows no such tag, and so answers with the page.
        assert_eq!(asked("", tag.clone()).await, format!("{tag} true"));
    }

    #[tokio::test]
    async fn the_page_around_the_cookies_page_shows_it_too() {
        let town = town(offering().shell("/frame"));
        let site = town.around(|request| {
            assert_eq!(request.headers()["pinfold-preference"], "text-size=large");
            let page = "<!doctype html><html><body><div data-pinfold=cookies></div>";
            Response::builder().header("content-type", "text/html").body(Full::from(page)).unwrap()
        });
        let request = from(1, document("/cookies").header(COOKIE, LARGE));
        let page = body(site.oneshot(request).await.unwrap()).await;
        assert!(page.starts_with("<!doctype html><html data-text-size=\"large\"><body>"), "{page}");
        assert!(page.contains("preference[text-size]"));
    }
}
