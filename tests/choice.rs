//! What visitors are asked, what they can answer, and what follows: the rules of PECR and of the ICO's guidance, one by one.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use bytes::Bytes;
use common::{Notebook, Town, body, from, policy};
use http::header::{COOKIE, SET_COOKIE};
use http::{Request, Response};
use http_body_util::Full;
use pinfold::audit::{AuditSettings, Rows};
use pinfold::consent::{ConsentEvent, CookieRule, LegalBasis, Policy, PolicyBuilder, Purpose};
use tower::ServiceExt;

fn town(policy: PolicyBuilder) -> Town {
    Town::new(policy, Notebook::default(), AuditSettings::default())
}

/// Asks a site that tells what it was asked, behind a policy.
async fn ask(town: &Town, request: http::request::Builder, form: &'static str) -> Response<String> {
    let site = town.around(|request| {
        let fields = request.headers();
        let field = |name| fields.get(name).map_or("-", |value| value.to_str().unwrap());
        let text = format!("{} gpc={} consent={}", request.uri(), field("sec-gpc"), field("pinfold-consent"));
        Response::builder()
            .header(SET_COOKIE, "_ga=1; Path=/; SameSite=None; Secure")
            .body(Full::from(text))
            .unwrap()
    });
    let mut request = from(1, request.header("host", "www.town.example"));
    *request.body_mut() = Full::from(Bytes::from_static(form.as_bytes()));
    let response = site.oneshot(request).await.unwrap();
    let (parts, page) = response.into_parts();
    let page = body(Response::new(page)).await;
    Response::from_parts(parts, page)
}

fn form() -> http::request::Builder {
    Request::post("/cookies")
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/x-www-form-urlencoded")
}

/// The decision cookie that an answer sets, as it comes back.
fn decision(answer: &Response<String>) -> Option<String> {
    let fields = answer.headers().get_all(SET_COOKIE).into_iter().map(|field| field.to_str().unwrap());
    let ours = fields.filter(|field| field.starts_with("__Host-pinfold-consent=")).collect::<Vec<_>>();
    assert!(ours.len() <= 1, "{ours:?}");
    ours.first().map(|field| field.split(';').next().unwrap().to_owned())
}

#[test]
fn law_02_undeclared_cookies_are_held_unless_the_operator_says_otherwise() {
    assert_eq!(policy().build().unwrap().undeclared(), pinfold::consent::Undeclared::Hold);
}

#[tokio::test]
async fn law_06_a_statistics_purpose_has_words_and_a_way_to_object() {
    for (title, description) in [("", "Words"), ("Title", " ")] {
        let faults = Policy::builder("Town", "https://www.town.example")
            .purpose(Purpose::new("statistics", LegalBasis::Statistics, title, description))
            .build()
            .unwrap_err();
        assert!(faults.to_string().contains("visitors must be told"), "{faults}");
    }
    let page = ask(&town(policy()), Request::get("/cookies"), "").await.into_body();
    assert!(page.contains(r#"name="cookies[statistics]" value="no""#), "{page}");
}

#[test]
fn law_07_statistics_are_for_nothing_else() {
    for used_for in ["advertising", "profiling", "sharing", "cross-site", "individual"] {
        let statistics =
            Purpose::new("statistics", LegalBasis::Statistics, "Title", "Words").with_uses([used_for]);
        let faults =
            Policy::builder("Town", "https://www.town.example").purpose(statistics).build().unwrap_err();
        assert!(faults.to_string().contains(used_for), "{faults}");
    }
    let shared = Purpose::new("statistics", LegalBasis::Statistics, "Title", "Words")
        .with_services(["google-analytics"]);
    let faults = Policy::builder("Town", "https://www.town.example").purpose(shared).build().unwrap_err();
    assert!(faults.to_string().contains("google-analytics"), "{faults}");
}

#[tokio::test]
async fn law_09_our_own_cookie_is_listed_with_its_basis_and_what_it_can_carry() {
    let page = ask(&town(policy()), Request::get("/cookies"), "").await.into_body();
    let row = page.split("<tr>").find(|row| row.contains("__Host-pinfold-consent")).unwrap();
    assert!(row.contains("strictly necessary"), "{row}");
    // Twelve months, and for each of two purposes no answer, a refusal or a grant.
    assert!(row.contains("108 different values (7 bits)"), "{row}");
    for absent in ["pinfold-visit", "pinfold-preferences"] {
        assert!(!page.contains(absent), "{absent} is listed, but never set");
    }
}

#[tokio::test]
async fn law_11_nothing_that_needs_consent_is_ticked_beforehand() {
    let page = ask(&town(policy()), Request::get("/cookies"), "").await.into_body();
    let ticked: Vec<_> = page.split("<input").filter(|input| input.contains(" checked")).collect();
    assert!(ticked.iter().any(|input| input.contains(r#"cookies[marketing]" value="no""#)), "{ticked:?}");
    assert!(!ticked.iter().any(|input| input.contains(r#"cookies[marketing]" value="yes""#)), "{ticked:?}");
}

#[tokio::test]
async fn law_12_nothing_but_an_answer_is_an_answer() {
    let town = town(policy());
    for request in [
        Request::get("/"),
        Request::get("/cookies"),
        Request::get("/?cookies[all]=yes"),
        Request::get("/cookies?cookies[all]=yes&pinfold-choice=accepted"),
        Request::head("/cookies"),
        Request::get("/").header("cookie", "cookies_policy=all; CookieControl=1"),
    ] {
        assert_eq!(decision(&ask(&town, request, "").await), None);
    }
    for nothing in
        ["", "cookies[hide]=yes&return=/bins", "return=/bins", "cookies[marketing]=", "cookies[all]=maybe"]
    {
        let answer = ask(&town, form(), nothing).await;
        assert_eq!((answer.status().as_u16(), decision(&answer)), (303, None), "{nothing}");
        assert!(!answer.headers()["location"].to_str().unwrap().contains("pinfold-choice"), "{nothing}");
    }
}

#[tokio::test]
async fn law_13_refusing_everything_leaves_every_page() {
    let town = town(policy());
    let refused = decision(&ask(&town, form(), "cookies[all]=no").await).unwrap();
    for path in ["/", "/bins?street=1", "/deep/er/page"] {
        let answer = ask(&town, Request::get(path).header(COOKIE, &refused), "").await;
        assert_eq!(answer.status(), 200);
        assert!(answer.body().starts_with(path), "{answer:?}");
    }
}

#[tokio::test]
async fn law_14_the_page_names_each_purpose_each_cookie_and_who_sets_it() {
    let policy = policy().cookie(
        CookieRule::new("_fbp", "marketing")
            .with_provider("Meta")
            .with_description("Knows campaigns.")
            .with_lifetime("90 days"),
    );
    let page = ask(&town(policy), Request::get("/cookies"), "").await.into_body();
    for words in [
        "Statistics",
        "They count.",
        "Marketing",
        "_ga*",
        "Google",
        "_fbp",
        "Meta",
        "Knows campaigns.",
        "90 days",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[tokio::test]
async fn law_16_objecting_takes_a_form_and_no_setting_of_a_browser() {
    let town = town(policy());
    let answer = ask(&town, form(), "cookies[statistics]=no").await;
    let cookie = decision(&answer).unwrap();
    let next = ask(&town, Request::get("/").header(COOKIE, cookie), "").await;
    assert!(next.body().ends_with("consent="), "{}", next.body());
}

#[tokio::test]
async fn law_17_a_refusal_lasts_as_long_as_a_grant() {
    let town = town(policy());
    let age = |answer: Response<String>| {
        let field = answer.headers()[SET_COOKIE].to_str().unwrap().to_owned();
        field.split("Max-Age=").nth(1).unwrap().to_owned()
    };
    let refused = age(ask(&town, form(), "cookies[all]=no").await);
    let granted = age(ask(&town, form(), "cookies[all]=yes").await);
    assert_eq!(refused, granted);
}

#[test]
fn law_18_a_decision_lasts_a_year_and_never_more_than_400_days() {
    assert_eq!(policy().build().unwrap().lifetime_months(), 12);
    assert!(policy().lifetime_months(13).build().is_ok());
    for months in [0, 14, 255] {
        assert!(policy().lifetime_months(months).build().is_err(), "{months}");
    }
}

#[tokio::test]
async fn law_22_what_was_asked_and_chosen_can_be_shown_and_nobody_recognised() {
    let notebook = Notebook::default();
    let town = Town::new(policy(), notebook.clone(), AuditSettings::default());
    ask(&town, form(), "cookies[marketing]=yes&cookies[statistics]=no").await;
    let consent: Vec<_> = notebook
        .rows()
        .into_iter()
        .filter_map(|rows| match rows {
            Rows::Consent(rows) => Some(rows),
            _ => None,
        })
        .flatten()
        .collect();
    let policy = policy().build().unwrap();
    let facts: Vec<_> = consent.iter().map(|row| (row.event, row.purpose.as_str(), row.events)).collect();
    assert_eq!(facts, [(ConsentEvent::Accepted, "marketing", 1), (ConsentEvent::Rejected, "statistics", 1)]);
    // Day, version, event, purpose, count: there is no other field.
    let shown = format!("{:?}", consent[0]);
    assert_eq!(shown.matches(": ").count(), 5, "{shown}");
    assert!(consent.iter().all(|row| row.policy == policy.fingerprint()));
    assert!(policy.statement().contains("They measure campaigns."));
}

#[tokio::test]
async fn law_23_visitors_see_their_own_choice_in_words() {
    let town = town(policy());
    let cookie =
        decision(&ask(&town, form(), "cookies[marketing]=yes&cookies[statistics]=no").await).unwrap();
    let page = ask(&town, Request::get("/cookies").header(COOKIE, cookie), "").await.into_body();
    let state = page.split(r#"<div class="state">"#).nth(1).unwrap().split("</div>").next().unwrap();
    for words in ["You chose in November 2026", "Statistics", "refused", "Marketing", "allowed"] {
        assert!(state.contains(words), "{words}: {state}");
    }
    assert!(page.contains(&policy().build().unwrap().fingerprint()));
}

#[tokio::test]
async fn gpc_02_the_signal_goes_on_to_the_site() {
    let town = town(policy());
    for (fields, expected) in [(&["1"][..], "gpc=1"), (&[], "gpc=-")] {
        let request =
            fields.iter().fold(Request::get("/"), |request, value| request.header("sec-gpc", *value));
        assert!(ask(&town, request, "").await.body().contains(expected));
    }
}

#[tokio::test]
async fn gpc_04_a_choice_overrules_the_signal_and_the_page_says_so() {
    let town = town(policy());
    let signal = |request: http::request::Builder| request.header("sec-gpc", "1");
    let chosen = decision(&ask(&town, signal(form()), "cookies[marketing]=yes").await).unwrap();
    let site = ask(&town, signal(Request::get("/")).header(COOKIE, &chosen), "").await;
    assert!(site.body().ends_with("consent=statistics, marketing"), "{}", site.body());
    let page = ask(&town, signal(Request::get("/cookies")).header(COOKIE, &chosen), "").await.into_body();
    assert!(page.contains("What you choose here counts instead."), "{page}");
}

#[tokio::test]
async fn gpc_05_the_signal_is_no_consent_and_leaves_no_row_of_its_own() {
    let notebook = Notebook::default();
    let town = Town::new(policy(), notebook.clone(), AuditSettings::default());
    for _ in 0..30 {
        let answer = ask(&town, Request::get("/").header("sec-gpc", "1"), "").await;
        assert_eq!(answer.headers().get_all(SET_COOKIE).into_iter().count(), 0);
    }
    assert!(!notebook.rows().iter().any(|rows| matches!(rows, Rows::Consent(_))));
}

#[tokio::test]
async fn gpc_06_the_statement() {
    let answer = ask(&town(policy()), Request::get("/.well-known/gpc.json"), "").await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let text = answer.body();
    assert!(text.starts_with(r#"{"gpc":true,"lastUpdate":"20"#), "{text}");
    let off =
        ask(&town(policy().global_privacy_control(false)), Request::get("/.well-known/gpc.json"), "").await;
    assert!(off.body().starts_with("/.well-known/gpc.json"), "the site answers: {}", off.body());
}

#[tokio::test]
async fn gpc_07_do_not_track_means_nothing() {
    let answer = ask(&town(policy()), Request::get("/").header("dnt", "1"), "").await;
    assert!(answer.body().ends_with("consent=statistics"), "{}", answer.body());
}

#[tokio::test]
async fn claim_06_only_the_exact_signal_counts() {
    let town = town(policy().regime(pinfold::consent::Regime::Uk));
    for (fields, signalled) in [
        (&["1"][..], true),
        (&["1", "1"], true),
        (&["0", "1"], true),
        (&["0"], false),
        (&["true"], false),
        (&["1,1"], false),
    ] {
        let request =
            fields.iter().fold(Request::get("/cookies"), |request, value| request.header("sec-gpc", *value));
        let page = ask(&town, request, "").await.into_body();
        assert_eq!(page.contains("so we have not asked you"), signalled, "{fields:?}");
    }
}

#[tokio::test]
async fn cookie_01_how_our_cookie_is_set() {
    let answer = ask(&town(policy()), form(), "cookies[all]=yes").await;
    let field = answer.headers()[SET_COOKIE].to_str().unwrap();
    assert!(field.starts_with("__Host-pinfold-consent="), "{field}");
    for attribute in ["; Secure", "; Path=/", "; HttpOnly", "; SameSite=Lax"] {
        assert!(field.contains(attribute), "{attribute}: {field}");
    }
    assert!(!field.contains("Domain"), "{field}");
    let shared = ask(&town(policy().shared_under("town.example")), form(), "cookies[all]=yes").await;
    let field = shared.headers()[SET_COOKIE].to_str().unwrap();
    assert!(
        field.starts_with("__Secure-pinfold-consent=") && field.contains("; Domain=town.example"),
        "{field}"
    );
}

#[test]
fn cookie_02_the_newest_prefixes_are_names_like_others() {
    let policy = policy()
        .cookie(CookieRule::strictly_necessary("__Host-Http-id"))
        .cookie(CookieRule::strictly_necessary("__Http-id"));
    assert!(policy.build().is_ok());
}

#[tokio::test]
async fn cookie_04_our_cookie_lives_no_longer_than_browsers_keep_one() {
    let answer = ask(&town(policy().lifetime_months(13)), form(), "cookies[all]=yes").await;
    let field = answer.headers()[SET_COOKIE].to_str().unwrap();
    let seconds: u64 = field.split("Max-Age=").nth(1).unwrap().parse().unwrap();
    assert!(seconds <= 400 * 86_400, "{seconds}");
}

#[tokio::test]
async fn cookie_06_and_claim_01_our_cookie_is_small_and_never_grows() {
    let many = (0..32).fold(Policy::builder("Town", "https://www.town.example"), |policy, n| {
        policy.purpose(Purpose::new(format!("purpose-{n}"), LegalBasis::Consent, "Title", "Words"))
    });
    let town = town(many);
    let mut cookie = String::new();
    for answers in ["cookies[all]=yes", "cookies[purpose-3]=no", "cookies[all]=no", "cookies[purpose-31]=yes"]
    {
        let answer = ask(&town, form().header(COOKIE, cookie.clone()), answers).await;
        assert!(answer.headers()[SET_COOKIE].len() < 512, "{answer:?}");
        cookie = decision(&answer).unwrap();
        assert!(cookie.len() < 100, "{cookie}");
    }
}

#[tokio::test]
async fn cookie_09_allowed_cookies_keep_their_attributes() {
    let town = town(policy());
    let granted = decision(&ask(&town, form(), "cookies[all]=yes").await).unwrap();
    let answer = ask(&town, Request::get("/").header(COOKIE, granted), "").await;
    assert_eq!(answer.headers()[SET_COOKIE], "_ga=1; Path=/; SameSite=None; Secure");
}

#[tokio::test]
async fn cookie_12_a_removal_is_repeated_until_the_browser_sends_the_cookie_no_more() {
    let town = town(policy());
    let refused = decision(&ask(&town, form(), "cookies[all]=no").await).unwrap();
    let removed = async |cookies: &str, dest: &str| {
        let request = Request::get("/bins")
            .header(COOKIE, format!("{refused}; {cookies}"))
            .header("sec-fetch-dest", dest);
        let answer = ask(&town, request, "").await;
        let fields = answer.headers().get_all(SET_COOKIE).into_iter();
        fields.filter(|field| field.to_str().unwrap().starts_with("_ga_1=; Max-Age=0")).count()
    };
    // The site's answer has no type: only what no other visitor may be given takes a removal.
    assert_eq!(removed("_ga_1=x", "document").await, 0);
    let site = || {
        town.around(|_| {
            let page = Response::builder().header("content-type", "text/html; charset=utf-8");
            page.body(Full::from("<!doctype html><p>Bins")).unwrap()
        })
    };
    for (cookies, dest, expected) in
        [("_ga_1=x", "document", true), ("_ga_1=x", "image", false), ("session=1", "document", false)]
    {
        for _ in 0..3 {
            let request = Request::get("/bins")
                .header(COOKIE, format!("{refused}; {cookies}"))
                .header("sec-fetch-dest", dest);
            let answer = site().oneshot(from(1, request.header("host", "www.town.example"))).await.unwrap();
            let removals = answer.headers().get_all(SET_COOKIE).into_iter().count();
            assert_eq!(removals > 0, expected, "{cookies} {dest}");
            if expected {
                assert_eq!(answer.headers()["cache-control"], "private");
            }
        }
    }
}

#[tokio::test]
async fn cookie_12_the_cookies_page_takes_back_too() {
    let town = town(policy());
    let refused = decision(&ask(&town, form(), "cookies[all]=no").await).unwrap();
    for (dest, expected) in [("document", true), ("empty", false)] {
        let request = Request::get("/cookies").header(COOKIE, format!("{refused}; _ga=1"));
        let answer = ask(&town, request.header("sec-fetch-dest", dest), "").await;
        let removals: Vec<_> = answer.headers().get_all(SET_COOKIE).into_iter().collect();
        assert_eq!(removals.contains(&&"_ga=; Max-Age=0; Path=/".parse().unwrap()), expected, "{dest}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
    }
    let granted = decision(&ask(&town, form(), "cookies[all]=yes").await).unwrap();
    let request = Request::get("/cookies").header(COOKIE, format!("{granted}; _ga=1"));
    let answer = ask(&town, request.header("sec-fetch-dest", "document"), "").await;
    assert!(!answer.headers().contains_key(SET_COOKIE));
}

#[tokio::test]
async fn law_05_what_is_refused_is_taken_back_with_the_very_answer() {
    let town = town(policy().removals_under("town.example"));
    let answer =
        ask(&town, form().header(COOKIE, "stats=1; _ga_9=2; session=3; unknown=4"), "cookies[all]=no").await;
    let fields: Vec<_> =
        answer.headers().get_all(SET_COOKIE).into_iter().map(|one| one.to_str().unwrap()).collect();
    for name in ["stats", "_ga_9"] {
        for place in ["Path=/", "Path=/; Domain=www.town.example", "Path=/; Domain=town.example"] {
            assert!(
                fields.contains(&format!("{name}=; Max-Age=0; {place}").as_str()),
                "{name} {place}: {fields:?}"
            );
        }
    }
    assert!(fields[1..].iter().all(|field| field.contains("=; Max-Age=0; Path=/")), "{fields:?}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn cookie_14_nothing_is_cleared_wholesale() {
    let town = town(policy());
    let granted = decision(&ask(&town, form(), "cookies[all]=yes").await).unwrap();
    let withdrawn = ask(&town, form().header(COOKIE, granted), "cookies[all]=no").await;
    assert!(!withdrawn.headers().contains_key("clear-site-data"));
}

#[tokio::test]
async fn cookie_14_storage_is_cleared_where_the_operator_asks_for_it_and_a_grant_is_taken_back() {
    let town = town(policy().regime(pinfold::consent::Regime::Consent).clear_storage(true));
    let granted = decision(&ask(&town, form(), "cookies[all]=yes").await).unwrap();
    for (cookie, choice, expected) in [
        (Some(&granted), "cookies[marketing]=no", true),
        (Some(&granted), "cookies[all]=yes", false),
        (None, "cookies[all]=no", false),
    ] {
        let request = cookie.iter().fold(form(), |request, cookie| request.header(COOKIE, *cookie));
        let answer = ask(&town, request, choice).await;
        let cleared = answer.headers().get("clear-site-data").map(|value| value.to_str().unwrap());
        assert_eq!(cleared, expected.then_some("\"storage\""), "{choice}");
    }
}

#[tokio::test]
async fn claim_04_a_grant_of_what_is_not_declared_is_nothing() {
    let fingerprint = policy().build().unwrap().fingerprint();
    let forged = format!("__Host-pinfold-consent=1.{fingerprint}.202611.ffffffff.ffffffff");
    let answer = ask(&town(policy()), Request::get("/").header(COOKIE, forged), "").await;
    assert!(answer.body().ends_with("consent=statistics, marketing"), "{}", answer.body());
}

#[tokio::test]
async fn claim_07_no_lifetime_of_a_cookie_is_too_odd() {
    let odd = [
        "Max-Age=99999999999999999999999999",
        "Max-Age=-99999999999999999999",
        "Expires=Fri, 31 Dec 9999 23:59:59 GMT",
        "Expires=Thu, 01 Jan 1601 00:00:00 GMT",
        "Max-Age=; Expires=",
    ];
    let town = town(policy());
    for attribute in odd {
        let site = town.around(move |_| {
            Response::builder()
                .header(SET_COOKIE, format!("session=1; {attribute}"))
                .body(Full::default())
                .unwrap()
        });
        let answer = site.oneshot(from(1, Request::get("/"))).await.unwrap();
        assert_eq!(answer.headers()[SET_COOKIE], format!("session=1; {attribute}"));
    }
}

#[tokio::test]
async fn page_06_a_choice_needs_no_cookie_no_referer_and_no_script() {
    let plain = Request::post("/cookies")
        .header("origin", "https://www.town.example")
        .header("content-type", "application/x-www-form-urlencoded");
    let answer = ask(&town(policy()), plain, "cookies[all]=no&return=//evil.example").await;
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], "/cookies?pinfold-choice=rejected");
    assert!(decision(&answer).is_some());
}

#[tokio::test]
async fn form_07_answers_to_one_visitor_are_kept_by_nobody() {
    let town = town(policy());
    for request in [Request::get("/cookies"), form()] {
        let answer = ask(&town, request, "cookies[all]=yes").await;
        assert_eq!(answer.headers()["cache-control"], "no-store");
    }
    let granted = decision(&ask(&town, form(), "cookies[all]=yes").await).unwrap();
    // The site lets everybody keep its answer, but it sets a cookie that only some have agreed to.
    let site = town.around(|_| {
        let answer =
            Response::builder().header("cache-control", "public, max-age=600").header(SET_COOKIE, "_ga=1");
        answer.body(Full::default()).unwrap()
    });
    let answer = site.oneshot(from(1, Request::get("/logo.png").header(COOKIE, granted))).await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "private, max-age=600");
}

#[tokio::test]
async fn form_08_past_twenty_rows_a_minute_choices_are_honoured_and_not_counted() {
    let notebook = Notebook::default();
    let town = Town::new(policy(), notebook.clone(), AuditSettings::default());
    for _ in 0..30 {
        let answer = ask(&town, form(), "cookies[all]=no").await;
        assert_eq!(answer.status(), 303);
        assert!(decision(&answer).is_some());
    }
    let count = |rows: Vec<Rows>| -> u64 {
        let consent = rows.into_iter().filter_map(|rows| match rows {
            Rows::Consent(rows) => Some(rows.iter().map(|row| row.events).sum::<u64>()),
            _ => None,
        });
        consent.sum()
    };
    assert_eq!(count(notebook.rows()), 20);
    let lost = town.layer.handle().stats().lost;
    let lost = lost.iter().find(|(ledger, _)| *ledger == pinfold::audit::Ledger::Consent).unwrap().1;
    assert_eq!(lost, 40);
}
