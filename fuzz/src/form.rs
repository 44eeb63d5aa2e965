//! The form of the cookies page: it leads back to this site alone, and grants nothing that was refused or not asked.

use http::StatusCode;
use http::header::LOCATION;
use url::Url;

use crate::site::{DECISION, TOWN, URL, cookie_set};

pub fn run(data: &[u8]) {
    let site = &TOWN.0;
    let answer = site.form(&[], data).answer;
    if answer.status() != StatusCode::SEE_OTHER {
        assert!(answer.status().is_client_error(), "{}", answer.status());
        assert!(cookie_set(answer.headers(), DECISION).is_none(), "a refused form decides");
        return;
    }
    let location = answer.headers()[LOCATION].to_str().expect("an address is ASCII");
    assert!(location.starts_with('/'), "{location} is no path");
    // As a browser reads it, from wherever on the site the form stands.
    for page in ["/cookies", "/a/b/c?d#e"] {
        let here = Url::parse(URL).and_then(|site| site.join(page)).expect("an address of the site");
        let there = here.join(location).expect("an address");
        assert_eq!(there.origin(), here.origin(), "{location} leads away");
        assert!(there.username().is_empty() && there.password().is_none(), "{location}");
    }
    let granted = cookie_set(answer.headers(), DECISION).is_some_and(|value| {
        let granted = value.rsplit('.').next().and_then(|bits| u32::from_str_radix(bits, 16).ok());
        granted.is_some_and(|bits| bits & 1 << site.policy.bits()["marketing"] != 0)
    });
    let fields: Vec<_> = url::form_urlencoded::parse(data).collect();
    let says = |answer: &str| {
        let about = |name: &str| name == "cookies[marketing]" || name == "cookies[all]";
        fields.iter().any(|(name, value)| about(name) && value == answer)
    };
    assert_eq!(granted, says("yes") && !says("no"), "{}", data.escape_ascii());
}
