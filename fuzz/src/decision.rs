//! The cookie of a decision: whatever it holds, it grants no more than it says in its one sound form.

use crate::site::{DECISION, MONTH, TOWN, cookie_set};

pub fn run(data: &[u8]) {
    let site = &TOWN.0;
    let cookie = [DECISION.as_bytes(), b"=", data].concat();
    let Some(seen) = site.page(&[&cookie]).seen else { panic!("pages are the site's") };
    assert!(seen.get("cookie").is_none() || data.contains(&b';'), "our own cookie reached the site");
    let granted =
        seen.get("pinfold-consent").map(|field| field.to_str().expect("ids are words")).unwrap_or_default();
    let grants = granted.split(", ").any(|purpose| purpose == "marketing");
    let value = data.split(|&byte| byte == b';').next().unwrap_or_default();
    if grants {
        assert!(is_sound(value.trim_ascii()), "{} grants marketing", data.escape_ascii());
    }
    // What is written is read again.
    let form = if grants { &b"cookies[marketing]=yes"[..] } else { b"cookies[marketing]=no" };
    let written =
        cookie_set(site.form(&[&cookie], form).answer.headers(), DECISION).expect("a decision is set");
    let again = site.page(&[format!("{DECISION}={written}").as_bytes()]).seen.expect("pages are the site's");
    let again =
        again.get("pinfold-consent").map(|field| field.to_str().expect("ids are words")).unwrap_or_default();
    assert_eq!(again.split(", ").any(|purpose| purpose == "marketing"), grants, "{written}");
}

/// Whether this says, letter by letter, that marketing was agreed to within the last twelve months.
fn is_sound(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let [version, policy, month, answered, granted] = text.split('.').collect::<Vec<_>>()[..] else {
        return false;
    };
    let number = |digits: &str| u32::from_str_radix(digits, 16).ok().filter(|n| format!("{n:x}") == digits);
    let (Some(answered), Some(granted)) = (number(answered), number(granted)) else { return false };
    let bit = 1 << TOWN.0.policy.bits()["marketing"];
    let age =
        month.parse::<u32>().ok().map(|month| MONTH.parse::<u32>().unwrap_or_default().wrapping_sub(month));
    version == "1"
        && policy == TOWN.0.policy.fingerprint()
        && month.len() == 6
        // November to November is 100; the twelfth month before is December.
        && age.is_some_and(|age| age < 100)
        && answered & granted == granted
        && granted & bit != 0
}
