//! Which cookies of a site look like identifiers, told without keeping a value.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Notebook, Town, from, policy};
use http::header::SET_COOKIE;
use http::{Request, Response};
use http_body_util::Full;
use pinfold::audit::{AuditSettings, CookieRow, Rows};
use pinfold::consent::{Action, CookieRule, Direction, LegalBasis, Purpose};
use tower::ServiceExt;

fn page(_: Request<Full<bytes::Bytes>>) -> Response<Full<bytes::Bytes>> {
    let response = Response::builder().header("content-type", "text/html").header(SET_COOKIE, "stray=1");
    response.body(Full::from("page")).unwrap()
}

#[tokio::test]
async fn law_07_a_cookie_that_tells_visitors_apart_is_found_by_how_many_values_it_has() {
    let notebook = Notebook::default();
    let policy = policy()
        .purpose(Purpose::new("counting", LegalBasis::Statistics, "Counting", "Words"))
        .purpose(Purpose::new("look", LegalBasis::Appearance, "Look", "Words"))
        .cookie(CookieRule::new("visitor", "counting"))
        .cookie(CookieRule::new("variant", "counting"))
        .cookie(CookieRule::new("theme", "look"));
    let mut town = Town::new(policy, notebook.clone(), AuditSettings::default());
    let service = town.around(page);
    let ask = |destination: &'static str, cookies: String| {
        let request = Request::get("/page").header("sec-fetch-dest", destination).header("cookie", cookies);
        service.clone().oneshot(from(1, request))
    };
    for request in 0..1_200 {
        let visitor = request / 4;
        let cookies = format!(
            "visitor=v{visitor}; variant={}; theme={}; stray=s{visitor}; _ga=g{visitor}",
            visitor % 2,
            visitor % 3
        );
        ask("document", cookies).await.unwrap();
        // What comes with a page would make a visitor of ten pages out of one of a hundred requests.
        ask("image", format!("theme=picture{request}")).await.unwrap();
    }
    let stats = town.layer.handle().stats();
    let values = |pattern: &str| {
        let found = stats.cookie_values.iter().find(|one| one.pattern == pattern);
        found.map(|one| (one.purpose.as_str(), one.values, one.identifies))
    };
    assert_eq!(values("variant"), Some(("counting", 2, false)));
    assert_eq!(values("theme"), Some(("look", 3, false)));
    let (purpose, found, identifies) = values("visitor").unwrap();
    assert_eq!((purpose, identifies), ("counting", true));
    assert!((225..=275).contains(&found), "a thousand requests of 250 visitors: {found}");
    // Consent may be asked for an identifier, and what nobody declared is held anyhow: they are told, and not called odd.
    assert!(matches!(values("_ga*"), Some(("marketing", 225..=275, false))), "{:?}", values("_ga*"));
    assert!(matches!(values("stray"), Some(("undeclared", 200..=275, false))), "{:?}", values("stray"));

    town.background.take().unwrap().run(std::future::ready(())).await;
    let rows: Vec<CookieRow> = notebook
        .rows()
        .into_iter()
        .flat_map(|rows| match rows {
            Rows::Cookie(rows) => rows,
            _ => Vec::new(),
        })
        .collect();
    let of_visitor: Vec<_> = rows.iter().filter(|row| row.pattern == "visitor").collect();
    assert_eq!(of_visitor.len(), 1);
    assert_eq!((of_visitor[0].direction, of_visitor[0].action), (Direction::Request, Action::Passed));
    assert_eq!((of_visitor[0].values, of_visitor[0].identifies), (Some(found), true));
    let set = rows.iter().find(|row| row.direction == Direction::Response).unwrap();
    assert_eq!((set.pattern.as_str(), set.values), ("stray", None));
}
