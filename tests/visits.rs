//! Visits without visitors: what is counted of browsers with jars of their own, and what a footprint never does.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use common::{MORNING, Notebook, Town, from, policy};
use http::header::{CACHE_CONTROL, COOKIE, SET_COOKIE};
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use pinfold::audit::{AuditSettings, Rows, VisitCell, pages_of};
use pinfold::consent::{LegalBasis, Policy, PolicyBuilder, Purpose, Regime};
use pinfold::time::{Calendar, CivilDate, Clock as _, UnixTime};
use tokio::sync::oneshot;
use tower::{Service, ServiceExt};

const VISIT: &str = "__Host-pinfold-visit";

fn counting() -> PolicyBuilder {
    policy().footprint(true)
}

fn page(_: Request<Full<bytes::Bytes>>) -> Response<Full<bytes::Bytes>> {
    Response::builder().header("content-type", "text/html").body(Full::from("page")).unwrap()
}

fn navigation(site: &str) -> http::request::Builder {
    Request::get("/page").header("sec-fetch-dest", "document").header("sec-fetch-site", site)
}

/// What a browser is told to keep as its footprint: a value, or that it is to be forgotten.
fn footprint(headers: &HeaderMap) -> Option<String> {
    let fields = headers.get_all(SET_COOKIE).into_iter().map(|field| field.to_str().unwrap());
    let ours: Vec<_> = fields.filter_map(|field| field.strip_prefix(VISIT)?.strip_prefix('=')).collect();
    assert!(ours.len() <= 1, "{ours:?}");
    ours.first().map(|field| (*field).to_owned())
}

async fn ask(town: &Town, request: http::request::Builder) -> Response<()> {
    let response = town.around(page).oneshot(from(1, request)).await.unwrap();
    response.map(|_| ())
}

/// Everything that was counted of visits.
fn cells(notebook: &Notebook) -> BTreeMap<(CivilDate, VisitCell), u64> {
    let mut cells = BTreeMap::new();
    for rows in notebook.rows() {
        let Rows::Visit(rows) = rows else { continue };
        assert!(rows.is_sorted());
        rows.into_iter().for_each(|row| *cells.entry((row.day, row.cell)).or_default() += row.count);
    }
    cells
}

/// Lets the background write what it has, and stop.
async fn stop(town: &mut Town) {
    town.background.take().unwrap().run(std::future::ready(())).await;
}

#[tokio::test]
async fn claim_01_a_footprint_is_one_byte_in_a_cookie_that_only_this_host_gets() {
    let town = Town::new(counting(), Notebook::default(), AuditSettings::default());
    let answer = ask(&town, navigation("none")).await;
    let field = footprint(answer.headers()).unwrap();
    let (value, attributes) = field.split_once("; ").unwrap();
    assert!(value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_hexdigit()), "{value}");
    let attributes: BTreeSet<_> = attributes.split("; ").collect();
    assert_eq!(
        attributes,
        BTreeSet::from(["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=2678400"])
    );
    assert_eq!(answer.headers()[CACHE_CONTROL], "private");
}

#[tokio::test]
async fn a_footprint_is_given_with_pages_alone() {
    let town = Town::new(counting(), Notebook::default(), AuditSettings::default());
    let image =
        Request::get("/logo.png").header("sec-fetch-dest", "image").header("sec-fetch-site", "same-origin");
    assert_eq!(footprint(ask(&town, image).await.headers()), None);
    let form = Request::post("/page").header("sec-fetch-dest", "document").header("sec-fetch-site", "none");
    assert_eq!(footprint(ask(&town, form).await.headers()), None);
    // A program that says nothing of itself would begin a visit with every page.
    let program = Request::get("/page").header("accept", "text/html");
    assert_eq!(footprint(ask(&town, program).await.headers()), None);
    let missing = town.around(|_| {
        Response::builder().status(404).header("content-type", "text/html").body(Full::default()).unwrap()
    });
    let answer = missing.oneshot(from(1, navigation("none"))).await.unwrap();
    assert_eq!(footprint(answer.headers()), None);
    assert!(footprint(ask(&town, navigation("same-site")).await.headers()).is_some());
}

#[tokio::test]
async fn law_05_an_objection_takes_the_footprint_back() {
    let town = Town::new(counting(), Notebook::default(), AuditSettings::default());
    let form = Request::post("/cookies")
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/x-www-form-urlencoded");
    let mut form = from(1, form);
    *form.body_mut() = Full::from("cookies[all]=no");
    let answer = town.around(page).oneshot(form).await.unwrap();
    let refusal = answer.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let answer = ask(&town, navigation("same-origin").header(COOKIE, format!("{refusal}; {VISIT}=a8"))).await;
    let removal = footprint(answer.headers()).unwrap();
    assert!(
        removal.starts_with(';') && removal.contains("Max-Age=0") && removal.contains("Path=/"),
        "{removal}"
    );
    // There is nothing to take back from whoever holds nothing.
    assert_eq!(footprint(ask(&town, navigation("none").header(COOKIE, refusal)).await.headers()), None);
}

#[tokio::test]
async fn gpc_03_the_signal_of_a_browser_is_an_objection() {
    let town = Town::new(counting(), Notebook::default(), AuditSettings::default());
    assert_eq!(footprint(ask(&town, navigation("none").header("sec-gpc", "1")).await.headers()), None);
}

#[tokio::test]
async fn where_everything_is_asked_first_so_is_this() {
    let strict = counting().regime(Regime::Consent);
    let town = Town::new(strict, Notebook::default(), AuditSettings::default());
    assert_eq!(footprint(ask(&town, navigation("none")).await.headers()), None);
}

#[tokio::test(start_paused = true)]
async fn form_07_what_shared_caches_may_keep_has_no_footprint_and_is_said_to_be_uncounted() {
    let notebook = Notebook::default();
    let mut town = Town::new(counting(), notebook.clone(), AuditSettings::default());
    for (field, given) in [
        ("public, max-age=60", false),
        ("max-age=60", false),
        ("s-maxage=60", false),
        ("no-cache", false),
        ("private, max-age=60", true),
        ("no-store", true),
    ] {
        let site = town.around(move |_| {
            let page = Response::builder().header("content-type", "text/html").header(CACHE_CONTROL, field);
            page.body(Full::default()).unwrap()
        });
        let answer = site.oneshot(from(1, navigation("none"))).await.unwrap();
        assert_eq!(footprint(answer.headers()).is_some(), given, "{field}");
        assert_eq!(answer.headers()[CACHE_CONTROL], field);
    }
    stop(&mut town).await;
    let of = |cell| {
        cells(&notebook).iter().filter(|((_, one), _)| *one == cell).map(|(_, count)| *count).sum::<u64>()
    };
    assert_eq!((of(VisitCell::Shared), of(VisitCell::New)), (4, 2));
}

#[test]
fn law_09_it_stands_under_a_purpose_that_can_be_refused() {
    // One of statistics that is declared, else one of its own.
    let of = |builder: PolicyBuilder| {
        let policy = builder.footprint(true).build().unwrap();
        let line = policy.statement().lines().find(|line| line.contains(VISIT)).unwrap().to_owned();
        (line.split('\t').nth(2).unwrap().to_owned(), policy.purposes().count())
    };
    let town = || Policy::builder("Town", "https://www.town.example");
    let purpose = |id: &str, basis| Purpose::new(id, basis, "Title", "Words");
    assert_eq!(of(town()), ("statistics".to_owned(), 1));
    assert_eq!(of(town().purpose(purpose("figures", LegalBasis::Statistics))), ("figures".to_owned(), 1));
    assert_eq!(of(town().purpose(purpose("statistics", LegalBasis::Consent))), ("statistics".to_owned(), 1));
    assert_eq!(of(town().purpose(purpose("marketing", LegalBasis::Consent))), ("statistics".to_owned(), 2));
}

/// Numbers that are the same in each run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }
}

/// A browser with a jar: what it holds, and until when.
#[derive(Default)]
struct Browser {
    held: Option<(String, UnixTime)>,
}

impl Browser {
    async fn look(&mut self, town: &Town, site: &str, now: UnixTime) {
        self.held = self.held.take().filter(|(_, until)| *until > now);
        let mut request = navigation(site);
        if let Some((value, _)) = &self.held {
            request = request.header(COOKIE, format!("session=1; {VISIT}={value}"));
        }
        let answer = ask(town, request).await;
        if let Some(field) = footprint(answer.headers()) {
            let (value, attributes) = field.split_once(';').unwrap();
            let seconds =
                attributes.split("Max-Age=").nth(1).unwrap().split(';').next().unwrap().parse().unwrap();
            self.held = Some((value.to_owned(), now.plus(seconds)));
        }
    }
}

/// What really happened.
#[derive(Default)]
struct Truth {
    days: BTreeMap<CivilDate, BTreeSet<usize>>,
    new: BTreeMap<CivilDate, u64>,
    last: BTreeMap<usize, CivilDate>,
    pages: u64,
}

#[tokio::test(start_paused = true)]
async fn sixty_days_of_browsers_are_counted_as_they_came() {
    const BROWSERS: usize = 1_000;
    let notebook = Notebook::default();
    let mut town = Town::new(counting(), notebook.clone(), AuditSettings::default());
    let (stop, stopped) = oneshot::channel::<()>();
    let background = tokio::spawn(town.background.take().unwrap().run(async {
        let _ = stopped.await;
    }));
    let calendar = Calendar::named("Europe/London").unwrap();
    let (mut chance, mut truth) = (Chance(7), Truth::default());
    let mut browsers: Vec<_> = (0..BROWSERS).map(|_| Browser::default()).collect();
    // From ten in the morning on 22 November, half an hour at a time.
    for _ in 0..60 * 48 {
        let now = town.clock.now();
        let today = calendar.day_of(now).date;
        for (number, browser) in browsers.iter_mut().enumerate() {
            // Some come nearly every day, some once in two months, some in the night.
            let habit = 48 * if number % 8 == 0 { 40 } else { 1 + number as u64 % 5 };
            if chance.below(habit) > 0 {
                continue;
            }
            let pages = [1, 1, 1, 2, 2, 3, 4, 5, 7, 12, 30, 70][chance.below(12) as usize];
            for page in 0..pages {
                let site = if page == 0 { "cross-site" } else { "same-origin" };
                browser.look(&town, site, now).await;
            }
            truth.pages += pages;
            let last = truth.last.insert(number, today);
            if last.is_none_or(|last| today.days() - last.days() > 30) {
                *truth.new.entry(today).or_default() += 1;
            }
            truth.days.entry(today).or_default().insert(number);
        }
        town.clock.advance(1_800);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let _ = stop.send(());
    background.await.unwrap();

    let cells = cells(&notebook);
    let sum = |wanted: &dyn Fn(CivilDate, VisitCell) -> bool| -> u64 {
        cells.iter().filter(|((day, cell), _)| wanted(*day, *cell)).map(|(_, count)| *count).sum()
    };
    let began = |cell| matches!(cell, VisitCell::New | VisitCell::Returning(_));
    for (day, came) in &truth.days {
        assert_eq!(sum(&|one, cell| one == *day && began(cell)), came.len() as u64, "{day}");
        let new = truth.new.get(day).copied().unwrap_or_default();
        assert_eq!(sum(&|one, cell| one == *day && cell == VisitCell::New), new, "{day}");
    }
    // Whoever was last here before a period began is there for the first time in it.
    let first_in = |day: CivilDate, start: CivilDate, cell| match cell {
        VisitCell::New => true,
        VisitCell::Returning(ago) => i32::from(ago) > day.days() - start.days(),
        _ => false,
    };
    for length in [7, 30] {
        let first = calendar.day_of(MORNING).date.days();
        for start in (first..first + 60 - length).step_by(length as usize).map(CivilDate::from_days) {
            let within = |day: CivilDate| (0..length).contains(&(day.days() - start.days()));
            let came: BTreeSet<_> =
                truth.days.iter().filter(|(day, _)| within(**day)).flat_map(|(_, came)| came).collect();
            let counted = sum(&|day, cell| within(day) && first_in(day, start, cell));
            assert_eq!(counted, came.len() as u64, "{length} days from {start}");
        }
    }
    let pages = pages_of(
        sum(&|_, cell| began(cell)),
        |step| sum(&|_, cell| cell == VisitCell::Reached(step)),
        sum(&|_, cell| cell == VisitCell::Further),
    );
    let off = (pages as f64 - truth.pages as f64).abs() / truth.pages as f64;
    println!("{} pages of {} estimated: {:.1} % off", pages, truth.pages, off * 100.0);
    assert!(off < 0.1, "{pages} of {}", truth.pages);
    assert!(sum(&|_, cell| cell == VisitCell::Reached(3)) > 0, "depth was told");
}

#[tokio::test]
async fn own_cookies_never_reach_the_site_nor_come_from_it() {
    let town = Town::new(counting(), Notebook::default(), AuditSettings::default());
    let mut site = town.around(|request| {
        assert_eq!(request.headers()[COOKIE], "session=1");
        Response::builder()
            .header("content-type", "text/html")
            .header(SET_COOKIE, format!("{VISIT}=ff; Path=/; Secure"))
            .body(Full::default())
            .unwrap()
    });
    let request = navigation("none").header(COOKIE, format!("session=1; {VISIT}=nonsense"));
    let answer = site.ready().await.unwrap().call(from(1, request)).await.unwrap();
    let ours = footprint(answer.headers()).unwrap();
    assert!(!ours.starts_with("ff"), "{ours}");
}
