//! Which cookies of a request reach the site.

use http::header::{COOKIE, Entry};
use http::{HeaderMap, HeaderValue};
use memchr::memmem;

use super::decision::Decision;
use super::judge::Judge;
use super::outcome::{Action, CookieSubject, Deed, Deeds, Direction};
use super::policy::Policy;
use super::register::is_token;

/// The decision that a request carries. Two cookies of its name are none.
pub(super) fn decision(policy: &Policy, headers: &HeaderMap) -> Option<Decision> {
    let name = policy.decision_cookie().name.as_bytes();
    let mut found = None;
    for line in headers.get_all(COOKIE) {
        if memmem::find(line.as_bytes(), name).is_none() {
            continue;
        }
        for pair in pairs(line.as_bytes()) {
            let (its_name, value) = split(pair);
            if its_name == Some(name) && found.replace(value).is_some() {
                return None;
            }
        }
    }
    Decision::decode(found?)
}

/// Takes out of `Cookie` what the visitor does not allow, and Pinfold's own cookies. What stays keeps its bytes and its
/// order; a field from which nothing is taken is not touched.
pub(super) fn filter(judge: &Judge<'_>, headers: &mut HeaderMap, deeds: &mut Deeds) {
    let Entry::Occupied(mut lines) = headers.entry(COOKIE) else { return };
    let mut emptied = 0;
    let mut left = 0;
    for line in lines.iter_mut() {
        if let Some(rest) = filtered(judge, line.as_bytes(), deeds) {
            // A part of a sound field value is a sound field value.
            *line = HeaderValue::from_maybe_shared(bytes::Bytes::from(rest))
                .unwrap_or_else(|_| HeaderValue::from_static(""));
            line.set_sensitive(true);
        }
        if line.is_empty() {
            emptied += 1;
        } else {
            left += 1;
        }
    }
    if emptied == 0 {
        return;
    }
    let (name, values) = lines.remove_entry_mult();
    if left > 0 {
        let rest: Vec<_> = values.filter(|value| !value.is_empty()).collect();
        rest.into_iter().for_each(|value| {
            headers.append(&name, value);
        });
    }
}

/// What is left of one field, or `None` where all of it is.
fn filtered(judge: &Judge<'_>, line: &[u8], deeds: &mut Deeds) -> Option<Vec<u8>> {
    let mut rest: Option<Vec<u8>> = None;
    let mut taken_from = 0;
    for pair in pairs(line) {
        let Some((subject, action)) = verdict(judge, pair) else {
            // White space between two semicolons: it goes where something else goes.
            continue;
        };
        deeds.push(Deed::new(subject, Direction::Request, action));
        // Both are parts of the same line, so the difference is the place of the pair in it.
        let start = pair.as_ptr() as usize - line.as_ptr() as usize;
        if action == Action::Withheld {
            let kept = rest.get_or_insert_with(|| Vec::with_capacity(line.len()));
            if taken_from < start {
                append(kept, &line[taken_from..start]);
            }
            taken_from = start + pair.len() + 1;
        }
    }
    let mut kept = rest?;
    if taken_from < line.len() {
        append(&mut kept, &line[taken_from..]);
    }
    while kept.last().is_some_and(|byte| b"; \t".contains(byte)) {
        kept.pop();
    }
    Some(kept)
}

fn append(kept: &mut Vec<u8>, part: &[u8]) {
    let part = part.trim_ascii_start();
    if !kept.is_empty() && !part.is_empty() {
        while kept.last().is_some_and(|byte| b"; \t".contains(byte)) {
            kept.pop();
        }
        kept.extend_from_slice(b"; ");
    }
    kept.extend_from_slice(part);
}

fn verdict(judge: &Judge<'_>, pair: &[u8]) -> Option<(CookieSubject, Action)> {
    let (name, value) = split(pair);
    let Some(name) = name else {
        // Servers disagree on whether a pair with no `=` is a name or a value, so nobody gets to read it.
        return (!value.is_empty()).then_some((CookieSubject::Malformed, Action::Withheld));
    };
    // A `$` begins an attribute of RFC 2965 in some servers; bytes that are no token are trimmed or cut by others.
    if name.is_empty() || name[0] == b'$' || !name.iter().all(|&byte| is_token(byte) || byte == b'*') {
        return Some((CookieSubject::Malformed, Action::Withheld));
    }
    Some(judge.verdict(name, |undeclared| undeclared.find(name)))
}

fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b';')
}

/// Name and value, each without the blanks around it; no name where there is no `=`. Quotation marks mean nothing (RFC 6265 5.4).
fn split(pair: &[u8]) -> (Option<&[u8]>, &[u8]) {
    match memchr::memchr(b'=', pair) {
        Some(equals) => (Some(trim(&pair[..equals])), trim(&pair[equals + 1..])),
        None => (None, trim(pair)),
    }
}

/// Without the spaces and tabs at both ends; every other byte is part of the text.
pub(super) fn trim(text: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = text.iter().position(|byte| !blank(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    &text[start..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::consent::purpose::PurposeSet;
    use crate::consent::{CookieRule, LegalBasis, Mode, Purpose, Undeclared, UndeclaredNames};
    use crate::time::CivilMonth;

    fn policy(mode: Mode, undeclared: Undeclared) -> Policy {
        Policy::builder("Town", "https://www.example.gov.uk")
            .purpose(Purpose::new("marketing", LegalBasis::Consent, "Marketing", "Words"))
            .cookie(CookieRule::new("_ga*", "marketing"))
            .cookie(CookieRule::strictly_necessary("session"))
            .cookie(CookieRule::strictly_necessary("ok*"))
            .mode(mode)
            .undeclared(undeclared)
            .build()
            .unwrap()
    }

    fn month() -> CivilMonth {
        CivilMonth::new(2026, 11).unwrap()
    }

    fn site_sees(policy: &Policy, granted: bool, lines: &[&[u8]]) -> Vec<Vec<u8>> {
        let all = policy.declared();
        let decision = granted.then(|| policy.decide(all, all, month()));
        let standing = policy.standing(decision, false, month());
        let judge = Judge { policy, standing, undeclared: &UndeclaredNames::default() };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        filter(&judge, &mut headers, &mut Deeds::default());
        headers.get_all(COOKIE).into_iter().map(|value| value.as_bytes().to_vec()).collect()
    }

    fn enforced(line: &str) -> String {
        let seen = site_sees(&policy(Mode::Enforce, Undeclared::Hold), false, &[line.as_bytes()]);
        String::from_utf8(seen.concat()).unwrap()
    }

    #[test]
    fn law4_the_site_sees_what_is_allowed_byte_for_byte() {
        for (line, expected) in [
            ("session=1", "session=1"),
            ("session=1; ok=\"a b\";ok2 =  x", "session=1; ok=\"a b\";ok2 =  x"),
            ("_ga=1", ""),
            ("_ga=1; session=1", "session=1"),
            ("session=1; _ga=1", "session=1"),
            ("session=1; _ga=1; ok=2", "session=1; ok=2"),
            ("session=1;_ga=1;ok=2", "session=1; ok=2"),
            ("ok1=1;ok2=2; _ga=1; _ga_X=2;ok3=3;  ok4=4", "ok1=1;ok2=2; ok3=3;  ok4=4"),
            ("_ga=1; _ga2=2; _ga3=3", ""),
            (" _ga =1; session=a=b=c", "session=a=b=c"),
            ("unknown=1; session=1", "session=1"),
            ("session=1; __Host-pinfold-consent=x; ok=2", "session=1; ok=2"),
            ("", ""),
            (";;", ";;"),
            (";; _ga=1 ;;", ""),
            ("ok=1; ; ok=2", "ok=1; ; ok=2"),
            ("session={\"a\":1,\"_ga\":2}", "session={\"a\":1,\"_ga\":2}"),
        ] {
            assert_eq!(enforced(line), expected, "{line}");
        }
    }

    #[test]
    fn cookie15_what_parsers_disagree_on_is_held() {
        for line in [
            "bare",
            "=nameless",
            "=_ga=1",
            "$Version=1; $Path=/",
            "\u{a0}session=1",
            "session\u{b}=1",
            "a b=1",
            "\"session\"=1",
            "(session)=1",
        ] {
            let bytes: Vec<u8> = line.chars().map(|c| c as u32 as u8).filter(|&b| b != 0x0b).collect();
            for undeclared in [Undeclared::Hold, Undeclared::Pass] {
                let seen = site_sees(&policy(Mode::Enforce, undeclared), true, &[&bytes]);
                let seen = seen.concat();
                assert!(seen.is_empty() || seen == b"session=1", "{line}: {seen:?}");
            }
        }
        // A quoted value hides no cookie: the part between the marks is judged by itself.
        assert_eq!(enforced("ok=\"x; _ga=1; y\"; session=2"), "ok=\"x; session=2");
    }

    #[test]
    fn cookie7_several_fields_are_judged_as_one() {
        let policy = policy(Mode::Enforce, Undeclared::Hold);
        let lines: [&[u8]; 4] = [b"session=1", b"_ga=1", b"ok=2; _ga=3", b"_gat=4"];
        assert_eq!(site_sees(&policy, false, &lines), [b"session=1".to_vec(), b"ok=2".to_vec()]);
        assert_eq!(site_sees(&policy, false, &[b"_ga=1", b"_gat=2"]), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn after_consent_everything_declared_passes() {
        let policy = policy(Mode::Enforce, Undeclared::Hold);
        assert_eq!(site_sees(&policy, true, &[b"_ga=1; other=2"]), [b"_ga=1".to_vec()]);
    }

    #[test]
    fn in_report_mode_only_our_own_cookies_stay_behind() {
        let policy = policy(Mode::Report, Undeclared::Hold);
        let seen = site_sees(&policy, false, &[b"_ga=1; other=2; __Host-pinfold-consent=x"]);
        assert_eq!(seen, [b"_ga=1; other=2".to_vec()]);
    }

    #[test]
    fn claim3_two_decisions_are_none() {
        let policy = policy(Mode::Enforce, Undeclared::Hold);
        let chosen = policy.decide(policy.declared(), PurposeSet::from_bits(1), month());
        let cookie = format!("__Host-pinfold-consent={}", chosen.encode());
        let read = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(COOKIE, line.parse().unwrap());
            }
            decision(&policy, &headers)
        };
        assert_eq!(read(&[&cookie]), Some(chosen));
        assert_eq!(read(&["a=1", &format!("b=2; {cookie} ;c=3")]), Some(chosen));
        assert_eq!(read(&[&format!("{cookie}; {cookie}")]), None);
        assert_eq!(read(&[&cookie, &cookie]), None);
        assert_eq!(read(&[&format!("x{cookie}")]), None);
        assert_eq!(read(&[&cookie.to_lowercase()]), None);
        assert_eq!(read(&[&cookie.replace("__Host-", "")]), None);
        assert_eq!(read(&[]), None);
    }

    proptest! {
        #[test]
        fn no_held_cookie_ever_reaches_the_site(line in "([a-z_$\"\\\\ =;,\t]|_ga|_ga=1|session=|ok=|; ){0,40}") {
            let out = enforced(&line);
            for pair in out.split(';') {
                let name = pair.split('=').next().unwrap().trim_matches([' ', '\t']);
                prop_assert!(name == "session" || name.starts_with("ok") || pair.trim().is_empty(), "{line:?} -> {out:?}");
            }
        }

        #[test]
        fn filtering_twice_changes_nothing_more(line in "([a-z_ =;]|_ga=1|session=1|ok=1|; ){0,40}") {
            let once = enforced(&line);
            prop_assert_eq!(enforced(&once), once);
        }
    }
}
