//! What a visitor does not allow passes in neither direction, whatever the site answers; what passes keeps its bytes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use bytes::Bytes;
use common::{Notebook, Town, body, from, policy};
use http::header::{COOKIE, SET_COOKIE};
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full, StreamBody};
use pinfold::audit::AuditSettings;
use pinfold::consent::{ChoiceState, Consent, CookieRule, Mode};
use tower::{Layer, Service, ServiceExt};

const SET: [&str; 6] = [
    "session=a; Path=/; HttpOnly",
    "_ga=GA1.1.1; Path=/; Max-Age=1000",
    "stats=1; Path=/",
    "undeclared=1",
    "session=b; Secure; weird;; attribute",
    "__Host-pinfold-consent=1.00000000.202611.1.1; Path=/; Secure",
];

const SENT: &str = "_ga=1; session=a b;undeclared=2; stats=\"x\"; __Host-pinfold-visit=9;  session=2";

fn allowed_ones(response: &Response<impl Body>) -> Vec<String> {
    response.headers().get_all(SET_COOKIE).iter().map(|field| field.to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn law_03_undecided_visitors_get_no_held_cookie_for_any_status_and_content_type() {
    let town = Town::new(policy(), Notebook::default(), AuditSettings::default());
    for status in (100..600).filter(|status| *status != 101) {
        for kind in ["text/html", "application/json", "image/png", "text/event-stream", ""] {
            let service = town.around(move |_| {
                let mut response = Response::builder().status(status).header("content-type", kind);
                for cookie in SET {
                    response = response.header(SET_COOKIE, cookie);
                }
                response.body(Full::from("page")).unwrap()
            });
            let response = service.oneshot(from(1, Request::get("/page"))).await.unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(allowed_ones(&response), [SET[0], SET[2], SET[4]], "{status} {kind}");
            assert_eq!(body(response).await, "page");
        }
    }
}

#[tokio::test]
async fn law_04_the_site_is_sent_no_held_cookie_with_any_method() {
    let town = Town::new(policy(), Notebook::default(), AuditSettings::default());
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PURGE"] {
        let service = town.around(|request| {
            let seen = request.headers().get(COOKIE).map_or("", |value| value.to_str().unwrap()).to_owned();
            Response::new(Full::from(seen))
        });
        let request = from(1, Request::builder().method(method).uri("/page").header(COOKIE, SENT));
        let seen = body(service.oneshot(request).await.unwrap()).await;
        assert_eq!(seen, "session=a b; stats=\"x\"; session=2", "{method}");
    }
}

#[tokio::test]
async fn claim_05_trailers_set_no_cookie() {
    let town = Town::new(policy(), Notebook::default(), AuditSettings::default());
    let site = tower::service_fn(|_: Request<Full<Bytes>>| async {
        let mut trailers = http::HeaderMap::new();
        trailers.insert(SET_COOKIE, "_ga=1".parse().unwrap());
        trailers.insert("grpc-status", "0".parse().unwrap());
        let frames = [
            Ok::<_, std::io::Error>(http_body::Frame::data(Bytes::from("x"))),
            Ok(http_body::Frame::trailers(trailers)),
        ];
        let stream = StreamBody::new(futures_util::stream::iter(frames));
        Ok::<_, std::convert::Infallible>(Response::new(stream))
    });
    let response = town.layer.layer(site).oneshot(from(1, Request::get("/"))).await.unwrap();
    let collected = response.into_body().collect().await.unwrap();
    let trailers = collected.trailers().unwrap();
    assert_eq!(trailers.len(), 1);
    assert_eq!(trailers["grpc-status"], "0");
}

/// To a cache in front all visitors are alike in a field that Pinfold alone sets.
#[tokio::test]
async fn page_02_what_hangs_on_what_is_granted_is_kept_by_nobody_else() {
    for policy in [policy(), policy().mode(Mode::Report)] {
        let town = Town::new(policy, Notebook::default(), AuditSettings::default());
        let mut service = town.around(|request| {
            let response = Response::builder()
                .header("content-type", "text/javascript")
                .header("cache-control", "public, max-age=600");
            let response = match request.uri().path() {
                "/loader.js" => response.header("vary", "Accept-Encoding, pinfold-consent"),
                _ => response.header("vary", "Accept-Encoding"),
            };
            response.body(Full::from("load()")).unwrap()
        });
        for (path, expected) in [("/loader.js", "private, no-cache"), ("/menu.js", "public, max-age=600")] {
            let response = service.ready().await.unwrap().call(from(1, Request::get(path))).await.unwrap();
            assert_eq!(response.headers()["cache-control"], expected, "{path}");
        }
    }
}

#[tokio::test]
async fn the_site_is_not_told_of_the_choice_by_the_pages_that_come_after_it() {
    let town = Town::new(policy(), Notebook::default(), AuditSettings::default());
    let mut service = town.around(|request| {
        let referrer = request.headers().get("referer").map_or("", |value| value.to_str().unwrap());
        Response::new(Full::from(referrer.to_owned()))
    });
    for (referrer, expected) in [
        ("https://www.town.example/bins?pinfold-choice=rejected", "https://www.town.example/bins"),
        ("https://www.town.example/bins?a=1&pinfold-choice=saved", "https://www.town.example/bins?a=1"),
        ("https://www.town.example/bins?a=1", "https://www.town.example/bins?a=1"),
    ] {
        let request = Request::get("/style.css").header("referer", referrer);
        let response = service.ready().await.unwrap().call(from(1, request)).await.unwrap();
        assert_eq!(body(response).await, expected);
    }
}

#[tokio::test]
async fn a_choice_is_made_without_a_script_and_holds_on_the_next_request() {
    let town = Town::new(policy(), Notebook::default(), AuditSettings::default());
    let mut service = town.around(|request| {
        let consent = request.extensions().get::<Consent>().unwrap();
        let field = request.headers()["pinfold-consent"].to_str().unwrap();
        let seen = request.headers().get(COOKIE).map_or("", |value| value.to_str().unwrap());
        assert!(request.headers().get("pinfold-preference").is_none());
        let text =
            format!("{:?}|{}|{field}|{seen}|{}", consent.state(), consent.allows("marketing"), request.uri());
        Response::new(Full::from(text))
    });

    let undecided =
        Request::get("/bins?a=1").header("pinfold-consent", "marketing").header("pinfold-preference", "x=y");
    let response = service.ready().await.unwrap().call(from(1, undecided)).await.unwrap();
    assert_eq!(body(response).await, "Undecided|false|statistics||/bins?a=1");

    let form = Request::post("/cookies")
        .header("host", "www.town.example")
        .header("origin", "https://www.town.example")
        .header("content-type", "application/x-www-form-urlencoded");
    let mut request = from(1, form);
    *request.body_mut() = Full::from("cookies[marketing]=yes&cookies[statistics]=no&return=/bins?a=1");
    let response = service.ready().await.unwrap().call(request).await.unwrap();
    assert_eq!(response.status(), 303);
    assert_eq!(response.headers()["location"], "/bins?a=1&pinfold-choice=saved");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let set = allowed_ones(&response).concat();
    let fingerprint = policy().build().unwrap().fingerprint();
    // A choice of November 2026 with twelve months ends when November 2027 begins: 343 days and 14 hours from now.
    let seconds = 343 * 86_400 + 14 * 3_600;
    assert_eq!(
        set,
        format!(
            "__Host-pinfold-consent=1.{fingerprint}.202611.3.2; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age={seconds}"
        )
    );

    let cookie = format!("{}; _ga=1; stats=2", set.split(';').next().unwrap());
    let decided = Request::get("/bins?a=1&pinfold-choice=saved").header(COOKIE, &cookie);
    let response = service.ready().await.unwrap().call(from(1, decided)).await.unwrap();
    assert_eq!(body(response).await, "Decided|true|marketing|_ga=1|/bins?a=1");

    // After a year the server itself has forgotten.
    town.clock.advance(345 * 86_400);
    let response =
        service.ready().await.unwrap().call(from(1, Request::get("/").header(COOKIE, cookie))).await.unwrap();
    assert_eq!(response.body().outcome().state(), Some(ChoiceState::Undecided));
    assert_eq!(body(response).await, "Undecided|false|statistics|stats=2|/");
}

#[tokio::test]
async fn form_01_reading_changes_nothing_and_strangers_are_refused() {
    let town = Town::new(policy(), Notebook::default(), AuditSettings::default());
    let service = town.around(|_| Response::new(Full::from("site")));
    let form = "application/x-www-form-urlencoded";
    for (method, site, kind, sent, status) in [
        ("GET", "same-origin", form, "cookies[all]=yes", 200),
        ("HEAD", "same-origin", form, "cookies[all]=yes", 200),
        ("PUT", "same-origin", form, "cookies[all]=yes", 405),
        ("OPTIONS", "same-origin", form, "cookies[all]=yes", 405),
        ("POST", "cross-site", form, "cookies[all]=yes", 403),
        ("POST", "same-site", form, "cookies[all]=yes", 403),
        ("POST", "same-origin", "text/plain", "cookies[all]=yes", 415),
        ("POST", "same-origin", form, &"x".repeat(8 * 1024 + 1), 413),
        ("POST", "same-origin", form, &"a=1&".repeat(300), 400),
        ("POST", "same-origin", form, "nothing=1", 303),
    ] {
        let request = Request::builder().method(method).uri("/cookies").header("sec-fetch-site", site);
        let mut request = from(1, request.header("content-type", kind));
        *request.body_mut() = Full::from(sent.to_owned());
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{method} {site} {kind}");
        assert_eq!(allowed_ones(&response), Vec::<String>::new());
        assert!(response.body().outcome().choice().is_none());
    }
    let response = service.clone().oneshot(from(1, Request::get("/.well-known/gpc.json"))).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(body(response).await, r#"{"gpc":true,"lastUpdate":"2026-11-22"}"#);
    let response = service.clone().oneshot(from(1, Request::get("/.pinfold/unknown"))).await.unwrap();
    assert_eq!(response.status(), 404);
    let response = service.oneshot(from(1, Request::get("/cookies/more"))).await.unwrap();
    assert_eq!(body(response).await, "site");
}

#[tokio::test]
async fn form_04_nothing_hostile_reaches_the_page() {
    let town = Town::new(policy(), Notebook::default(), AuditSettings::default());
    let service = town.around(|_| Response::new(Full::default()));
    let plain = body(service.clone().oneshot(from(1, Request::get("/cookies"))).await.unwrap()).await;
    for hostile in [
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "%22%3E%3Cimg%20src=x%3E",
        "javascript:alert(1)",
        "//example.org",
        "%00",
        "'--",
    ] {
        let uri = format!("/cookies?pinfold-choice={hostile}&lang={hostile}&return={hostile}&x={hostile}");
        let request = Request::get(uri)
            .header("user-agent", hostile)
            .header("referer", hostile)
            .header("accept-language", hostile)
            .header(COOKIE, format!("__Host-pinfold-consent={hostile}"));
        let page = body(service.clone().oneshot(from(1, request)).await.unwrap()).await;
        assert_eq!(page, plain, "{hostile}");
    }
}

#[tokio::test]
async fn claim_02_no_rule_opens_the_door_to_our_own_cookies() {
    let wide = policy()
        .cookie(CookieRule::strictly_necessary("__Host-*"))
        .cookie(CookieRule::strictly_necessary("p*"));
    let town = Town::new(wide, Notebook::default(), AuditSettings::default());
    let service = town.around(|request| {
        assert_eq!(request.headers()[COOKIE], "__Host-id=1; php=2");
        Response::builder()
            .header(SET_COOKIE, "__Host-pinfold-consent=1.00000000.202611.3.3; Path=/; Secure")
            .header(SET_COOKIE, "pinfold-visit=1")
            .header(SET_COOKIE, "__Host-id=1; Path=/; Secure")
            .body(Full::default())
            .unwrap()
    });
    let sent = "__Host-id=1; __Host-pinfold-consent=1.00000000.202611.3.3; pinfold-consent=x; php=2";
    let response = service.oneshot(from(1, Request::get("/").header(COOKIE, sent))).await.unwrap();
    assert_eq!(allowed_ones(&response), ["__Host-id=1; Path=/; Secure"]);
}

#[tokio::test]
async fn an_answer_is_said_to_be_saved_only_if_there_is_one_and_does_not_make_an_older_one_younger() {
    let town = Town::new(policy(), Notebook::default(), AuditSettings::default());
    let service = town.around(|_| Response::new(Full::default()));
    let fingerprint = policy().build().unwrap().fingerprint();
    let older = format!("__Host-pinfold-consent=1.{fingerprint}.202603.2.2");
    for (sent, location, cookie) in [
        ("", "/cookies", None),
        ("cookies[all]=maybe", "/cookies", None),
        ("cookies[statistics]=no", "/cookies?pinfold-choice=saved", Some("202603.3.2")),
        ("cookies[all]=no", "/cookies?pinfold-choice=rejected", Some("202611.3.0")),
    ] {
        let request = Request::post("/cookies")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .header(COOKIE, &older);
        let mut request = from(1, request);
        *request.body_mut() = Full::from(sent);
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["location"], location, "{sent}");
        let set = allowed_ones(&response).concat();
        let value = cookie.map(|value| format!("__Host-pinfold-consent=1.{fingerprint}.{value};"));
        assert!(value.as_ref().map_or(set.is_empty(), |value| set.starts_with(value)), "{sent}: {set}");
    }
}

#[tokio::test]
async fn a_report_only_policy_holds_nothing_and_counts_everything() {
    let notebook = Notebook::default();
    let town = Town::new(policy().mode(Mode::Report), notebook, AuditSettings::default());
    let service = town.around(|request| {
        assert_eq!(request.headers()[COOKIE], "_ga=1; other=2; bare; a[b]=3");
        Response::builder()
            .header(SET_COOKIE, "_ga=1")
            .header(SET_COOKIE, "other=2")
            .body(Full::default())
            .unwrap()
    });
    let response = service
        .oneshot(from(1, Request::get("/").header(COOKIE, "_ga=1; other=2; bare; a[b]=3")))
        .await
        .unwrap();
    assert_eq!(allowed_ones(&response), ["_ga=1", "other=2"]);
    let stats = town.layer.handle().stats();
    assert_eq!(stats.cookies.iter().filter(|stat| stat.action.name() == "would-withhold").count(), 5);
}
