//! No server finds a held cookie in what the layer lets through: hostile `Cookie` fields, read by the parsers of PHP,
//! Python, Node, Go and Rust.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "cookie_parsers/fastcgi.rs"]
mod fastcgi;
#[path = "cookie_parsers/hostile.rs"]
mod hostile;
#[path = "cookie_parsers/readers.rs"]
mod readers;

use bytes::Bytes;
use hostile::Dice;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use pinfold::consent::{ConsentManagerLayer, CookieRule, LegalBasis, Policy, Purpose, Undeclared};
use pinfold::time::Calendar;
use readers::{Fields, READERS};
use tower::{Layer, ServiceExt};

const SEED: u64 = 0x0070_696e_666f_6c64;
const HEADERS: usize = 20_000;
const SEVERAL: usize = 2_000;

fn layer(undeclared: Undeclared) -> ConsentManagerLayer {
    let policy = Policy::builder("Town", "https://www.town.example")
        .purpose(Purpose::new("marketing", LegalBasis::Consent, "Marketing", "They measure campaigns."))
        .cookie(CookieRule::strictly_necessary("session"))
        .cookie(CookieRule::strictly_necessary("ok*"))
        .cookie(CookieRule::strictly_necessary("ASP.NET_SessionId"))
        .cookie(CookieRule::strictly_necessary(".AspNetCore.*"))
        .cookie(CookieRule::new("ok_secret", "marketing"))
        .cookie(CookieRule::new("_ga*", "marketing"))
        .undeclared(undeclared);
    ConsentManagerLayer::new(policy.build().unwrap(), Calendar::utc())
}

/// Whether a server may find a cookie of this name while the visitor has chosen nothing.
///
/// What counts is the name that the server finds, however it was spelled: `_ga` made of `%5Fga` is a held cookie. A
/// declared cookie may be found under the spelling that a server gives it (PHP writes `_` for `.`), unless that is the
/// name of a held one.
fn may_be_found(name: &[u8], undeclared: Undeclared) -> bool {
    let lower = name.to_ascii_lowercase();
    let bare = [&b"__host-"[..], b"__secure-"].iter().find_map(|prefix| lower.strip_prefix(*prefix));
    if [&b"pinfold-consent"[..], b"pinfold-visit"].contains(&bare.unwrap_or(&lower)) {
        return false;
    }
    if name == b"ok_secret" || name.starts_with(b"_ga") {
        return false;
    }
    let declared = [&b"session"[..], b"ASP.NET_SessionId", b"ASP_NET_SessionId"].contains(&name)
        || [&b"ok"[..], b".AspNetCore.", b"_AspNetCore_"].iter().any(|start| name.starts_with(start));
    declared || undeclared == Undeclared::Pass
}

/// What the site is sent of requests with these fields.
fn site_sees(undeclared: Undeclared, requests: &[Fields]) -> Vec<Fields> {
    let service = layer(undeclared).layer(tower::service_fn(|request: Request<Full<Bytes>>| async move {
        let fields: Vec<_> = request.headers().get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
        Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from(fields.join(&b'\n'))))
    }));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let seen = requests.iter().map(|fields| {
        let mut request = Request::new(Full::default());
        *request.headers_mut() = headers(fields);
        let body = runtime.block_on(async {
            let response = service.clone().oneshot(request).await.unwrap();
            response.into_body().collect().await.unwrap().to_bytes()
        });
        // No field has a line break in it.
        body.split(|&byte| byte == b'\n').filter(|field| !field.is_empty()).map(<[u8]>::to_vec).collect()
    });
    seen.collect()
}

fn headers(fields: &[Vec<u8>]) -> HeaderMap {
    fields.iter().map(|field| (COOKIE, HeaderValue::from_bytes(field).unwrap())).collect()
}

fn readable(fields: &[Vec<u8>]) -> String {
    fields.iter().map(|field| format!("\n    {}", field.escape_ascii())).collect()
}

#[test]
#[ignore = "needs PHP, Python with Django, Node and Go; scripts/check runs it"]
fn cookie_15_no_server_sees_what_is_held() {
    let mut dice = Dice::new(SEED);
    let sent: Vec<Fields> = (0..HEADERS).map(|_| vec![dice.field()]).collect();
    let mut faults = Vec::new();
    for undeclared in [Undeclared::Hold, Undeclared::Pass] {
        let seen = site_sees(undeclared, &sent);
        for reader in READERS {
            let mut found = 0;
            for ((names, seen), sent) in reader.read(&seen).iter().zip(&seen).zip(&sent) {
                found += names.len();
                for name in names.iter().filter(|name| !may_be_found(name, undeclared)) {
                    let (name, who) = (name.escape_ascii(), reader.name);
                    let (sent, seen) = (readable(sent), readable(seen));
                    faults.push(format!("{who} finds {name}\n  sent{sent}\n  seen{seen}"));
                }
            }
            assert!(found > HEADERS / 2, "{} finds only {found} cookies: what is tested?", reader.name);
        }
    }
    faults.sort_by_key(String::len);
    let first: Vec<_> = faults.iter().take(10).map(String::as_str).collect();
    assert!(
        faults.is_empty(),
        "{} faults, seed {SEED:#x}; the shortest:\n{}",
        faults.len(),
        first.join("\n")
    );
}

#[test]
#[ignore = "needs PHP, Python with Django, Node and Go; scripts/check runs it"]
fn cookie_15_every_server_sees_what_is_allowed() {
    let sent = b"session=1; ok=\"2\"; _ga=3; ok_x=4; ASP.NET_SessionId=5; .AspNetCore.Cookies=a=b; promo=6";
    let seen = site_sees(Undeclared::Hold, &[vec![sent.to_vec()]]);
    for reader in READERS {
        let names: Vec<_> =
            reader.read(&seen).concat().into_iter().map(|name| String::from_utf8(name).unwrap()).collect();
        let expected = if reader.name.starts_with("PHP") {
            ["session", "ok", "ok_x", "ASP_NET_SessionId", "_AspNetCore_Cookies"]
        } else {
            ["session", "ok", "ok_x", "ASP.NET_SessionId", ".AspNetCore.Cookies"]
        };
        assert_eq!(names, expected, "{}", reader.name);
    }
}

#[test]
#[ignore = "needs PHP, Python with Django, Node and Go; scripts/check runs it"]
fn cookie_07_several_fields_are_read_as_one() {
    let mut dice = Dice::new(SEED ^ 7);
    let mut several: Vec<Fields> = Vec::new();
    for _ in 0..SEVERAL {
        let fields = (0..2 + dice.below(3)).map(|_| dice.field());
        // Blanks at the ends are no part of a field (RFC 9110 5.5), and an empty pair there ends what some parsers read.
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b';');
        let bare = fields.map(|field| {
            let start = field.iter().position(|byte| !blank(byte)).unwrap_or(field.len());
            let end = field.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
            field[start..end].to_vec()
        });
        several.push(bare.filter(|field| !field.is_empty()).collect());
    }
    let joined: Vec<Fields> = several.iter().map(|fields| vec![fields.join(&b"; "[..])]).collect();
    let (seen_of_several, seen_of_one) =
        (site_sees(Undeclared::Hold, &several), site_sees(Undeclared::Hold, &joined));
    for reader in READERS {
        let (of_several, of_one) = (reader.read(&seen_of_several), reader.read(&seen_of_one));
        for (place, (of_several, of_one)) in of_several.iter().zip(&of_one).enumerate() {
            let (who, sent) = (reader.name, readable(&several[place]));
            assert_eq!(of_several, of_one, "{who}, seed {SEED:#x}, sent{sent}");
            assert!(
                of_one.iter().all(|name| may_be_found(name, Undeclared::Hold)),
                "{who}, seed {SEED:#x}, sent{sent}"
            );
        }
    }
}
