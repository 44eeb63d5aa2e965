//! No state of any cache shows one visitor what another chose, whatever the order of requests (PAGE2).
//!
//! The caches here keep all that RFC 9111 lets them keep, for as long as they like, `Set-Cookie` included.
#![cfg(feature = "html")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::HashMap;

use common::{Full0, Town, body, from, policy};
use http::header::{CACHE_CONTROL, COOKIE, ETAG, IF_NONE_MATCH, SET_COOKIE, VARY};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use pinfold::audit::AuditSettings;
use pinfold::consent::{Embed, PolicyBuilder, Preference};
use tower::ServiceExt;

const KEY: &str = "x-cookie-choice";
const PAGE: &str = "/page";

/// What the site says of its pages.
const SAID: [&str; 5] =
    ["", "public, max-age=600", "max-age=60, s-maxage=600", "no-cache", "private, max-age=60"];

#[derive(Debug, Clone)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

/// A cache, of one visitor or of all.
#[derive(Default)]
struct Cache {
    shared: bool,
    kept: HashMap<String, Vec<(HeaderMap, Answer)>>,
}

fn directives(answer: &Answer) -> Vec<String> {
    let lines =
        answer.headers.get_all(CACHE_CONTROL).into_iter().map(|line| line.to_str().unwrap().to_owned());
    lines.flat_map(|line| line.split(',').map(|one| one.trim().to_owned()).collect::<Vec<_>>()).collect()
}

impl Cache {
    /// What is kept for such a request, and whether it may be used without asking.
    fn find(&self, url: &str, request: &HeaderMap) -> Option<(Answer, bool)> {
        let (_, answer) = self.kept.get(url)?.iter().rev().find(|(asked, answer)| {
            let vary = answer.headers.get_all(VARY).into_iter().map(|line| line.to_str().unwrap().to_owned());
            vary.collect::<Vec<_>>()
                .join(",")
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .all(|name| name != "*" && asked.get_all(name).into_iter().eq(request.get_all(name)))
        })?;
        let said = directives(answer);
        let has = |name: &str| said.iter().any(|one| one == name);
        let stale = has("no-cache")
            || (has("max-age=0") && !(self.shared && said.iter().any(|one| one.starts_with("s-maxage"))));
        Some((answer.clone(), !stale))
    }

    fn keep(&mut self, url: &str, request: &HeaderMap, answer: &Answer) {
        let said = directives(answer);
        let has = |name: &str| said.iter().any(|one| one == name);
        if answer.status == 200 && !has("no-store") && !(self.shared && has("private")) {
            let mut answer = answer.clone();
            if !self.shared {
                // Browsers take cookies from the network alone.
                answer.headers.remove(SET_COOKIE);
            }
            self.kept.entry(url.to_owned()).or_default().push((request.clone(), answer));
        }
    }
}

/// Who asks, with a browser of their own.
struct Visitor {
    decision: Option<&'static str>,
    signal: bool,
    prefers: Option<&'static str>,
    browser: Cache,
}

struct World<'a> {
    town: &'a Town,
    said: &'static str,
    keyed: bool,
    fingerprint: String,
    proxy: Cache,
}

impl World<'_> {
    fn request(&self, visitor: &Visitor, dest: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let decision = visitor
            .decision
            .map(|bits| format!("__Host-pinfold-consent=1.{}.202611.{bits}", self.fingerprint));
        let preferences =
            visitor.prefers.map(|value| format!("__Host-pinfold-preferences=1.text-size={value}"));
        let cookies: Vec<_> = decision.into_iter().chain(preferences).collect();
        if !cookies.is_empty() {
            headers.insert(COOKIE, cookies.join("; ").parse().unwrap());
        }
        if visitor.signal {
            headers.insert("sec-gpc", "1".parse().unwrap());
        }
        headers.insert("sec-fetch-dest", dest.parse().unwrap());
        headers
    }

    async fn straight(&self, path: &str, headers: &HeaderMap) -> Answer {
        let said = self.said;
        let site = self.town.around(move |request| {
            let is_page = request.uri().path().starts_with("/page");
            if request.headers().get(IF_NONE_MATCH).is_some_and(|tag| tag == "\"v1\"") {
                let mut unchanged = Response::builder().status(304).header(ETAG, "\"v1\"");
                if !said.is_empty() {
                    unchanged = unchanged.header(CACHE_CONTROL, said);
                }
                return unchanged.body(Full::default()).unwrap();
            }
            let kind = if is_page { "text/html" } else { "image/png" };
            let mut answer = Response::builder()
                .header("content-type", kind)
                .header(ETAG, "\"v1\"")
                .header(SET_COOKIE, "_ga=1");
            if !said.is_empty() {
                answer = answer.header(CACHE_CONTROL, said);
            }
            let text =
                "<!doctype html><html lang=en><body><iframe src=https://video.example/v></iframe><p>Bins</p>";
            answer.body(Full::from(if is_page { text } else { "picture" })).unwrap()
        });
        let mut request = from(1, Request::get(path).header("host", "www.town.example"));
        request.headers_mut().extend(headers.clone());
        let (parts, page) = site.oneshot(request).await.unwrap().into_parts();
        Answer { status: parts.status, headers: parts.headers, text: body(Response::new(page)).await }
    }

    /// Through the shared cache, which sets the key where there is one.
    async fn through(&mut self, path: &str, mut headers: HeaderMap) -> Answer {
        if self.keyed {
            headers.insert(KEY, key(&headers).parse().unwrap());
        }
        let found = self.proxy.find(path, &headers);
        let (kept, tag) = match &found {
            Some((answer, true)) => return answer.clone(),
            Some((answer, false)) => (Some(answer), answer.headers.get(ETAG)),
            None => (None, None),
        };
        let mut onward = headers.clone();
        if let Some(tag) = tag {
            onward.insert(IF_NONE_MATCH, tag.clone());
        }
        let answer = self.straight(path, &onward).await;
        match kept {
            Some(kept) if answer.status == 304 => {
                // The browser may have asked about another variant than the one that is kept here.
                if headers.get(IF_NONE_MATCH).is_some_and(|asked| Some(asked) == tag) {
                    return answer;
                }
                let mut whole = kept.clone();
                whole.headers.extend(answer.headers);
                whole
            }
            _ => {
                self.proxy.keep(path, &headers, &answer);
                answer
            }
        }
    }

    /// Through the browser of a visitor and the shared cache.
    async fn visit(&mut self, visitor: &mut Visitor, path: &str, dest: &str) -> Answer {
        let mut headers = self.request(visitor, dest);
        let found = visitor.browser.find(path, &headers);
        if let Some((answer, true)) = &found {
            return answer.clone();
        }
        let tag = found.as_ref().and_then(|(answer, _)| answer.headers.get(ETAG).cloned());
        if let Some(tag) = tag {
            headers.insert(IF_NONE_MATCH, tag);
        }
        let answer = self.through(path, headers.clone()).await;
        match found {
            Some((mut kept, _)) if answer.status == 304 => {
                // What a 304 says is true of the page from now on (RFC 9111 4.3.4).
                answer.headers.iter().for_each(|(name, value)| {
                    kept.headers.insert(name, value.clone());
                });
                visitor.browser.keep(path, &headers, &kept);
                kept
            }
            _ => {
                visitor.browser.keep(path, &headers, &answer);
                answer
            }
        }
    }
}

/// What the documentation tells operators of shared caches to set.
fn key(headers: &HeaderMap) -> String {
    let cookies = headers.get(COOKIE).map_or("", |cookies| cookies.to_str().unwrap());
    if cookies.contains("pinfold-preferences=") {
        return "own".to_owned();
    }
    match cookies.split_once('=').map(|(_, decision)| decision) {
        Some(decision) => {
            let parts: Vec<_> = decision.split('.').collect();
            format!("{}.{}.{}", parts[1], parts[3], parts[4])
        }
        None if headers.get("sec-gpc").is_some_and(|value| value == "1") => "gpc".to_owned(),
        None => "none".to_owned(),
    }
}

fn preferring() -> PolicyBuilder {
    policy().preference(Preference::new("text-size", ["normal", "large", "largest"]))
}

fn asking() -> PolicyBuilder {
    preferring().banner(true).embed(Embed::new("marketing", ["video.example"]))
}

/// Undecided, accepted, rejected, with the signal; undecided and rejected with a preference.
const KINDS: [(Option<&str>, bool, Option<&str>); 6] = [
    (None, false, None),
    (Some("3.3"), false, None),
    (Some("3.0"), false, None),
    (None, true, None),
    (None, false, Some("large")),
    (Some("3.0"), false, Some("large")),
];

/// What happens: somebody looks at something, or changes their mind.
#[derive(Debug, Clone, Copy)]
enum Step {
    Look(usize, &'static str),
    /// A script on a page of theirs fetches the page.
    Fetch(usize),
    Change(usize, Option<&'static str>),
    Prefer(usize, Option<&'static str>),
}

async fn play((town, fingerprint): (&Town, &str), said: &'static str, keyed: bool, steps: &[Step]) {
    let proxy = Cache { shared: true, ..Cache::default() };
    let mut world = World { town, said, keyed, fingerprint: fingerprint.to_owned(), proxy };
    let mut visitors: Vec<_> = KINDS
        .into_iter()
        .map(|(decision, signal, prefers)| Visitor { decision, signal, prefers, browser: Cache::default() })
        .collect();
    for step in steps {
        match *step {
            Step::Change(who, decision) => visitors[who].decision = decision,
            Step::Prefer(who, value) => visitors[who].prefers = value,
            // What a script is given is its own affair, but it must not stay where somebody looks at a page.
            Step::Fetch(who) => {
                world.visit(&mut visitors[who], PAGE, "empty").await;
            }
            Step::Look(who, path) => {
                let visitor = &mut visitors[who];
                let dest = if path == PAGE { "document" } else { "image" };
                let got = world.visit(visitor, path, dest).await;
                let due = world.straight(path, &world.request(visitor, dest)).await;
                let context = || format!("{said:?} keyed: {keyed}, {steps:?}, at {step:?}");
                assert_eq!(got.text, due.text, "{}", context());
                let agreed = visitor.decision == Some("3.3");
                assert!(
                    agreed || !got.headers.contains_key(SET_COOKIE),
                    "a cookie of somebody else: {}",
                    context()
                );
                let narrowed = got.headers.get("content-security-policy");
                assert_eq!(narrowed, due.headers.get("content-security-policy"), "{}", context());
            }
        }
    }
}

fn every_step() -> Vec<Step> {
    let looks = (0..KINDS.len()).flat_map(|who| [PAGE, "/logo.png"].map(|path| Step::Look(who, path)));
    looks
        .chain([
            Step::Fetch(0),
            Step::Fetch(2),
            Step::Change(0, Some("3.3")),
            Step::Change(1, Some("3.0")),
            Step::Change(2, Some("3.3")),
            Step::Change(1, None),
            Step::Prefer(2, Some("large")),
            Step::Prefer(5, Some("largest")),
            Step::Prefer(5, None),
        ])
        .collect()
}

#[tokio::test]
async fn page_02_every_order_of_three_requests() {
    let steps = every_step();
    for (keyed, policy) in [(false, asking()), (true, asking().shared_cache_key(KEY))] {
        let fingerprint = policy.clone().build().unwrap().fingerprint();
        let town = Town::new(policy, Full0, AuditSettings::default());
        for said in SAID {
            for a in steps.iter().filter(|step| !matches!(step, Step::Change(..) | Step::Prefer(..))) {
                for b in &steps {
                    // Nothing comes of a change of mind that nobody looks at.
                    for c in steps.iter().filter(|step| matches!(step, Step::Look(..))) {
                        play((&town, &fingerprint), said, keyed, &[*a, *b, *c]).await;
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn page_02_long_orders_by_lot() {
    let steps = every_step();
    let mut lot = 0x2545_f491_4f6c_dd1d_u64;
    for (keyed, policy) in [
        (false, asking()),
        (true, asking().shared_cache_key(KEY)),
        (false, preferring()),
        (true, preferring().shared_cache_key(KEY)),
    ] {
        let fingerprint = policy.clone().build().unwrap().fingerprint();
        let town = Town::new(policy, Full0, AuditSettings::default());
        for round in 0..300 {
            let order: Vec<_> = (0..24)
                .map(|_| {
                    lot ^= lot << 13;
                    lot ^= lot >> 7;
                    lot ^= lot << 17;
                    steps[lot as usize % steps.len()]
                })
                .collect();
            play((&town, &fingerprint), SAID[round % SAID.len()], keyed, &order).await;
        }
    }
}

#[tokio::test]
async fn page_02_a_shared_cache_with_a_key_is_of_use() {
    let town = Town::new(asking().shared_cache_key(KEY), Full0, AuditSettings::default());
    let fingerprint = asking().build().unwrap().fingerprint();
    let world =
        World { town: &town, said: "public, max-age=600", keyed: true, fingerprint, proxy: Cache::default() };
    for (decision, signal, prefers) in KINDS {
        let visitor = Visitor { decision, signal, prefers, browser: Cache::default() };
        let mut headers = world.request(&visitor, "document");
        headers.insert(KEY, key(&headers).parse().unwrap());
        let kept = world.straight("/page", &headers).await;
        let agreed = decision == Some("3.3");
        let said = kept.headers[CACHE_CONTROL].to_str().unwrap();
        // A page that sets a cookie by consent is for nobody else, key or not, and so is one that shows a preference.
        let shared = !agreed && prefers.is_none();
        assert_eq!(said.contains("s-maxage=600"), shared, "{decision:?} {prefers:?}: {said}");
        for wrong in ["wrong", "none"].into_iter().filter(|key| prefers.is_some() || *key == "wrong") {
            headers.insert(KEY, wrong.parse().unwrap());
            let private = world.straight("/page", &headers).await;
            let said = private.headers[CACHE_CONTROL].to_str().unwrap();
            assert!(said.starts_with("private"), "{decision:?} {prefers:?}: {said}");
        }
    }
}
