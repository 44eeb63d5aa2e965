//! Which `Set-Cookie` fields reach the visitor.

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::judge::Judge;
use super::outcome::{Action, CookieSubject, Deed, Deeds, Direction};
use super::request::trim;
use super::token::{self, is_token};

/// Takes out every `Set-Cookie` that the visitor does not allow, and those in Pinfold's own names. The rest keep their
/// bytes, their order and a field each. Every other field is shown to `others` on the way.
pub(super) fn filter(
    judge: &Judge<'_>,
    headers: &mut HeaderMap,
    deeds: &mut Deeds,
    mut others: impl FnMut(&HeaderName, &HeaderValue),
) -> Filtered {
    let (mut held, mut filtered, before) = (false, Filtered::default(), deeds.len());
    for (name, field) in &*headers {
        if name != SET_COOKIE {
            others(name, field);
            continue;
        }
        let (subject, action) = verdict(judge, field.as_bytes());
        deeds.push(Deed::new(subject, Direction::Response, action));
        held |= action == Action::Withheld;
        if let (CookieSubject::Rule(rule), Action::Passed) = (subject, action) {
            filtered.news |= judge.seen.note(rule);
            filtered.personal |= !judge.policy.register().needed(rule).is_empty();
        }
    }
    if !held {
        return filtered;
    }
    let fields = headers.get_all(SET_COOKIE).into_iter().zip(deeds.actions_from(before));
    let kept: Vec<HeaderValue> =
        fields.filter(|(_, action)| *action != Action::Withheld).map(|(field, _)| field.clone()).collect();
    headers.remove(SET_COOKIE);
    for field in kept {
        headers.append(SET_COOKIE, field);
    }
    filtered
}

/// What there is to know of the cookies that pass.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Filtered {
    /// One of them depends on what the visitor chose.
    pub(super) personal: bool,
    /// One of them has not been seen before.
    pub(super) news: bool,
}

/// Fields after the body set no cookie (RFC 9110 6.5.1 leaves them to be merged or dropped): none may slip by there.
pub(super) fn filter_trailers(trailers: &mut HeaderMap) {
    trailers.remove(SET_COOKIE);
}

fn verdict(judge: &Judge<'_>, field: &[u8]) -> (CookieSubject, Action) {
    let (name, _) = token::leading(field);
    if !name.is_empty() && field.get(name.len()) == Some(&b'=') {
        return judge.verdict(name, |undeclared| undeclared.note(name));
    }
    let pair = field.split(|&byte| byte == b';').next().unwrap_or_default();
    // A nameless cookie is sent back as its bare value, which a server may read as a name (RFC 6265bis 5.7).
    match memchr::memchr(b'=', pair).map(|equals| trim(&pair[..equals])) {
        None | Some(b"") => judge.on_malformed(),
        // The browser would send it back in a pair that is held (`_ga x` is no name), and no rule can name it.
        Some(name) if !name.iter().all(|&byte| is_token(byte)) => judge.on_malformed(),
        Some(name) => judge.verdict(name, |undeclared| undeclared.note(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::recall::Recall;
    use crate::consent::seen::SeenRules;
    use crate::consent::{CookieRule, LegalBasis, Policy, Purpose, Undeclared, UndeclaredNames};
    use crate::time::CivilMonth;

    fn policy() -> Policy {
        policy_where(Undeclared::Hold)
    }

    fn policy_where(undeclared: Undeclared) -> Policy {
        Policy::builder("Town", "https://www.example.gov.uk")
            .undeclared(undeclared)
            .purpose(Purpose::new("marketing", LegalBasis::Consent, "Marketing", "Words"))
            .cookie(CookieRule::new("_ga*", "marketing"))
            .cookie(CookieRule::strictly_necessary("session"))
            .cookie(CookieRule::strictly_necessary("__Host-id"))
            .build()
            .unwrap()
    }

    fn visitor_gets(granted: bool, fields: &[&str]) -> Vec<String> {
        let policy = policy();
        let month = CivilMonth::new(2026, 11).unwrap();
        let decision = granted.then(|| (policy.decide(policy.declared(), policy.declared(), month), month));
        let standing = policy.standing(decision, false);
        let judge = Judge {
            policy: &policy,
            standing,
            undeclared: &UndeclaredNames::default(),
            seen: &SeenRules::default(),
            values: None,
            recall: &Recall::default(),
        };
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(SET_COOKIE, field.parse().unwrap());
        }
        filter(&judge, &mut headers, &mut Deeds::default(), |_, _| {});
        headers.get_all(SET_COOKIE).into_iter().map(|field| field.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn law_03_nothing_held_gets_through() {
        for field in [
            "_ga=1",
            "_ga=1; Path=/",
            "  _ga  = 1; Path=/",
            "_ga_ABC=GS1.1; Domain=.example.gov.uk; Max-Age=63072000; SameSite=None; Secure",
            "_ga=; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "undeclared=1",
            "Session=1",
            "bare",
            "=nameless",
            "=__Host-id=1",
            "",
            ";",
            "__Host-pinfold-consent=1.00000000.202611.1.1",
            "pinfold-consent=x",
            "__host-PINFOLD-visit=x",
            "__Host-session=1",
        ] {
            assert_eq!(visitor_gets(false, &[field]), Vec::<String>::new(), "{field}");
        }
    }

    #[test]
    fn cookie_05_nameless_cookies_and_imitated_prefixes_are_removed_and_counted() {
        let policy = policy();
        for field in ["bare", "=nameless", "=__Host-id=1", " = __Host-id=1", "=;", "__host-ID=1"] {
            assert_is_held(&policy, field);
        }
    }

    #[test]
    fn cookie_15_names_that_are_no_tokens_are_held_even_where_undeclared_cookies_pass() {
        let policy = policy_where(Undeclared::Pass);
        for field in ["_ga x=1", "_ga\t x=1", "a b=1; Path=/", "(a)=1", "\"a\"=1"] {
            assert_is_held(&policy, field);
        }
    }

    fn assert_is_held(policy: &Policy, field: &str) {
        let standing = policy.standing(None, false);
        let (undeclared, seen) = (UndeclaredNames::default(), SeenRules::default());
        let judge = Judge {
            policy,
            standing,
            undeclared: &undeclared,
            seen: &seen,
            values: None,
            recall: &Recall::default(),
        };
        let mut headers = HeaderMap::new();
        headers.append(SET_COOKIE, field.parse().unwrap());
        let mut deeds = Deeds::default();
        filter(&judge, &mut headers, &mut deeds, |_, _| {});
        assert!(headers.is_empty(), "{field}");
        let actions: Vec<_> = deeds.iter().map(|deed| deed.action).collect();
        assert_eq!(actions, [Action::Withheld], "{field}");
    }

    #[test]
    fn cookie_08_what_passes_keeps_bytes_order_and_fields() {
        let allowed = [
            "session=a; Path=/; HttpOnly",
            "session=b,c; Expires=Wed, 21 Oct 2026 07:28:00 GMT; weird ;; Attribute",
            "__Host-id=\"x y\"; SECURE; path=/",
        ];
        let all = [allowed[0], "_ga=1", allowed[1], "undeclared=2", allowed[2]];
        assert_eq!(visitor_gets(false, &all), allowed);
        assert_eq!(visitor_gets(false, &allowed), allowed);
        assert_eq!(visitor_gets(true, &all), [allowed[0], "_ga=1", allowed[1], allowed[2]]);
    }
}
