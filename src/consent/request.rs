//! Which cookies of a request reach the site.

use std::ops::Range;

use bytes::Bytes;
use http::header::{COOKIE, Entry};
use http::{HeaderMap, HeaderValue};
use memchr::memmem::Finder;

use super::decision::Decision;
use super::few::Few;
use super::judge::Judge;
use super::outcome::{Action, CookieSubject, Deed, Deeds, Direction};
use super::own::OwnCookie;
use super::policy::Policy;
use super::preference::{Preferences, Preferred};
use super::reading::{any_other_reading, names_within};
use super::recall::{Reading, Run};
use super::token::{self, is_token};

/// Whether a `Cookie` field may carry a decision or a preference: it has the name of one of these cookies somewhere.
pub(super) fn may_tell(policy: &Policy, line: &HeaderValue) -> bool {
    let has = |finder: &Finder<'_>| finder.find(line.as_bytes()).is_some();
    has(policy.decision_finder()) || policy.offer().is_some_and(|offer| has(offer.finder()))
}

/// The decision that a request carries.
pub(super) fn decision(policy: &Policy, headers: &HeaderMap) -> Option<Decision> {
    Decision::decode(only_value(policy.decision_cookie(), headers)?)
}

/// What the visitor behind a request prefers.
pub(super) fn preferred(policy: &Policy, headers: &HeaderMap) -> Preferred {
    let read = |offer: &Preferences| Some(offer.decode(only_value(offer.cookie, headers)?));
    policy.offer().and_then(read).unwrap_or_default()
}

/// The value of a cookie. Two cookies of its name are none.
fn only_value(cookie: OwnCookie, headers: &HeaderMap) -> Option<&[u8]> {
    let name = cookie.name.as_bytes();
    let mut found = None;
    for line in headers.get_all(COOKIE) {
        for pair in Pair::all(line.as_bytes()) {
            if pair.name == Some(name) && found.replace(pair.value).is_some() {
                return None;
            }
        }
    }
    found
}

/// The cookies of one field: name, where there is one, and value.
pub(super) fn pairs(line: &[u8]) -> impl Iterator<Item = (Option<&[u8]>, &[u8])> {
    Pair::all(line).map(|pair| (pair.name, pair.value))
}

/// Takes out of `Cookie` what the visitor does not allow, and Pinfold's own cookies. What stays keeps its bytes and its
/// order; a field from which nothing is taken is not touched.
pub(super) fn filter(judge: &Judge<'_>, headers: &mut HeaderMap, deeds: &mut Deeds) {
    let Entry::Occupied(mut lines) = headers.entry(COOKIE) else { return };
    let mut emptied = false;
    for line in lines.iter_mut() {
        let text = line.as_bytes();
        let rest = judge.recall.with_reading(
            judge,
            text,
            || read(judge, text),
            |reading| {
                deeds.extend(&reading.deeds);
                reading.kept.as_ref().map(|runs| joined(text, runs.as_slice()))
            },
        );
        if let Some(rest) = rest {
            emptied |= rest.is_empty();
            // Parts of a sound field value are a sound field value.
            *line = HeaderValue::from_maybe_shared(rest).unwrap_or_else(|_| HeaderValue::from_static(""));
            line.set_sensitive(true);
        }
    }
    if emptied {
        let rest: Vec<_> =
            headers.get_all(COOKIE).into_iter().filter(|line| !line.is_empty()).cloned().collect();
        headers.remove(COOKIE);
        rest.into_iter().for_each(|line| {
            headers.append(COOKIE, line);
        });
    }
}

/// What becomes of one field.
fn read(judge: &Judge<'_>, line: &[u8]) -> Reading {
    let (mut start, mut run_starts, mut held) = (0, 0, false);
    let (mut deeds, mut kept) = (Deeds::default(), Few::default());
    while start <= line.len() {
        let (end, verdict) = verdict(judge, line, start);
        if let Some((subject, action)) = verdict {
            deeds.push(Deed::new(subject, Direction::Request, action));
            if action == Action::Withheld {
                held = true;
                keep(line, run_starts..start, &mut kept);
                run_starts = line.len().min(end + 1);
            }
        }
        start = end + 1;
    }
    keep(line, run_starts..line.len(), &mut kept);
    Reading { deeds, kept: held.then_some(kept) }
}

/// Adds a run of pairs, without the blanks and semicolons at its ends.
fn keep(line: &[u8], run: Range<usize>, kept: &mut Few<Run, 8>) {
    let is_between = |byte: &u8| matches!(byte, b' ' | b'\t' | b';');
    let Some(first) = line[run.clone()].iter().position(|byte| !is_between(byte)) else { return };
    let last = line[run.clone()].iter().rposition(|byte| !is_between(byte)).unwrap_or(first);
    // A field is shorter than 4 GiB.
    kept.push(((run.start + first) as u32, (run.start + last + 1) as u32));
}

const BETWEEN: &[u8] = b"; ";

/// Runs of pairs in one field, for which there is one allocation, of the right size.
fn joined(line: &[u8], runs: &[Run]) -> Bytes {
    let within: u32 = runs.iter().map(|(start, end)| end - start).sum();
    let mut rest = Vec::with_capacity(within as usize + BETWEEN.len() * runs.len().saturating_sub(1));
    for &(start, end) in runs {
        if !rest.is_empty() {
            rest.extend_from_slice(BETWEEN);
        }
        rest.extend_from_slice(line.get(start as usize..end as usize).unwrap_or_default());
    }
    Bytes::from(rest)
}

/// Where the pair that begins at `start` ends, and what becomes of it; nothing where it is nothing but blanks.
#[inline]
fn verdict(judge: &Judge<'_>, line: &[u8], start: usize) -> (usize, Option<(CookieSubject, Action)>) {
    // Nearly every pair is one blank, a token, `=` and a value.
    let name_starts = start + usize::from(line.get(start) == Some(&b' '));
    let text = &line[name_starts.min(line.len())..];
    let (name, reads_otherwise) = token::leading(text);
    if text.get(name.len()) == Some(&b'=') && !matches!(name, [] | [b'$', ..]) {
        let after = name_starts + name.len() + 1;
        let (length, may_end_sooner) = length_of_value(&line[after..]);
        let written = judge.verdict(name, |undeclared| undeclared.find(name));
        let read_alike = written.1 != Action::Passed || !may_end_sooner && !reads_otherwise;
        let value = &line[after..after + length];
        if let Some(values) = judge.values {
            values.note(written.0, value);
        }
        let verdict = if read_alike { written } else { verdict_as_read(judge, name, value, written) };
        return (after + length, Some(verdict));
    }
    let pair = Pair::at(line, start);
    (pair.end, verdict_on_oddity(judge, &pair, &line[start..pair.end]))
}

/// How long a value is, and whether there may be a blank or a comma in it, at which some servers end it. Most are short, and walked through;
/// what is longer is jumped over.
fn length_of_value(rest: &[u8]) -> (usize, bool) {
    const SHORT: usize = 16;
    let (near, far) = rest.split_at(rest.len().min(SHORT));
    let found = match near.iter().position(|&byte| matches!(byte, b';' | b',') || byte <= b' ') {
        Some(place) => place,
        None => near.len() + memchr::memchr3(b';', b' ', b'\t', far).unwrap_or(far.len()),
    };
    match rest.get(found) {
        None | Some(b';') => (found, found > SHORT && memchr::memchr(b',', &rest[SHORT..found]).is_some()),
        Some(_) => (memchr::memchr(b';', rest).unwrap_or(rest.len()), true),
    }
}

#[cold]
fn verdict_on_oddity(judge: &Judge<'_>, pair: &Pair<'_>, text: &[u8]) -> Option<(CookieSubject, Action)> {
    let Some(name) = pair.name else {
        // Servers disagree on whether a pair with no `=` is a name or a value, so nobody gets to read it. White space
        // between two semicolons is nothing: it goes where something else goes.
        return (!pair.value.is_empty()).then(|| judge.on_malformed());
    };
    // A `$` begins an attribute of RFC 2965 in some servers; bytes that are no token are trimmed or cut by others.
    if name.is_empty() || name[0] == b'$' || !name.iter().all(|&byte| is_token(byte)) {
        return Some(judge.on_malformed());
    }
    let written = judge.verdict(name, |undeclared| undeclared.find(name));
    if written.1 != Action::Passed {
        return Some(written);
    }
    let equals = memchr::memchr(b'=', text).unwrap_or(text.len());
    // PHP does not trim a name at its end, and finds `a_` in `a =1`.
    if text[..equals].ends_with(b" ") || text[..equals].ends_with(b"\t") {
        return Some(judge.on_malformed());
    }
    Some(verdict_as_read(judge, name, &text[equals..], written))
}

/// What becomes of a cookie that would pass as it is written, where some server may read another in it.
#[cold]
fn verdict_as_read(
    judge: &Judge<'_>,
    name: &[u8],
    value: &[u8],
    written: (CookieSubject, Action),
) -> (CookieSubject, Action) {
    let is_held_within = |(after, name): (u8, &[u8])| {
        // Commas are in many values that are lists: there it takes the name of a cookie that is known.
        if after == b',' {
            return judge.withholds_reading(name);
        }
        let is_sound = name[0] != b'$' && name.iter().all(|&byte| is_token(byte));
        !is_sound || judge.verdict(name, |_| None).1 != Action::Passed
    };
    let is_held = any_other_reading(name, |reading| judge.withholds_reading(reading))
        || names_within(value).any(is_held_within);
    if is_held { judge.on_malformed() } else { written }
}

/// One cookie of a field. Quotation marks mean nothing (RFC 6265 5.4).
struct Pair<'a> {
    /// What stands before the first `=`, without the blanks around it; nothing where there is no `=`.
    name: Option<&'a [u8]>,
    /// The rest, without the blanks around it.
    value: &'a [u8],
    /// The place of the semicolon after it, or the end of the field.
    end: usize,
}

impl<'a> Pair<'a> {
    /// The pair that begins at `start`.
    fn at(line: &'a [u8], start: usize) -> Self {
        let rest = &line[start..];
        // Names are short: they are walked through, values are jumped over.
        let name_ends = rest.iter().position(|byte| matches!(byte, b'=' | b';')).unwrap_or(rest.len());
        if rest.get(name_ends) != Some(&b'=') {
            return Self { name: None, value: trim(&rest[..name_ends]), end: start + name_ends };
        }
        let value = &rest[name_ends + 1..];
        let value_ends = memchr::memchr(b';', value).unwrap_or(value.len());
        let end = start + name_ends + 1 + value_ends;
        Self { name: Some(trim(&rest[..name_ends])), value: trim(&value[..value_ends]), end }
    }

    fn all(line: &'a [u8]) -> impl Iterator<Item = Self> {
        let mut start = 0;
        std::iter::from_fn(move || {
            let pair = (start <= line.len()).then(|| Self::at(line, start))?;
            start = pair.end + 1;
            Some(pair)
        })
    }
}

/// Without the spaces and tabs at both ends; every other byte is part of the text.
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::consent::purpose::PurposeSet;
    use crate::consent::recall::Recall;
    use crate::consent::seen::SeenRules;
    use crate::consent::{CookieRule, LegalBasis, Mode, Purpose, Undeclared, UndeclaredNames};
    use crate::time::CivilMonth;

    fn policy(mode: Mode, undeclared: Undeclared) -> Policy {
        Policy::builder("Town", "https://www.example.gov.uk")
            .purpose(Purpose::new("marketing", LegalBasis::Consent, "Marketing", "Words"))
            .cookie(CookieRule::new("_ga*", "marketing"))
            .cookie(CookieRule::strictly_necessary("session"))
            .cookie(CookieRule::strictly_necessary("ok*"))
            .cookie(CookieRule::new("ok_secret", "marketing"))
            .cookie(CookieRule::strictly_necessary("ASP.NET_SessionId"))
            .cookie(CookieRule::strictly_necessary(".AspNetCore.*"))
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
        let decision = granted.then(|| (policy.decide(all, all, month()), month()));
        let standing = policy.standing(decision, false);
        let judge = Judge {
            policy,
            standing,
            undeclared: &UndeclaredNames::default(),
            seen: &SeenRules::default(),
            values: None,
            recall: &Recall::default(),
        };
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
    fn law_04_the_site_sees_what_is_allowed_byte_for_byte() {
        for (line, expected) in [
            ("session=1", "session=1"),
            ("session=1; ok=\"a b\";ok2=  x", "session=1; ok=\"a b\";ok2=  x"),
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
    fn cookie_15_what_parsers_disagree_on_is_held() {
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
    fn cookie_15_what_any_server_would_read_as_held_is_held() {
        for (line, held, passed) in [
            // As PHP reads it, and as it read it once.
            ("ok.secret=1", "", ""),
            (".ga=1", "", ""),
            ("ok+secret=1; ok=2", "ok=2", "ok=2"),
            ("_ga%5Bx%5D=1", "", ""),
            ("..Host-pinfold-consent=1", "", ""),
            ("ok =1; session\t=2", "", ""),
            // As servers that decode names read it.
            ("ok%5Fsecret=1", "", ""),
            ("%5Fga=1", "", ""),
            ("pinfold%2Dvisit=1", "", ""),
            // As a server reads it that ends a value at a blank.
            ("session=a _ga=1; ok=2", "ok=2", "ok=2"),
            ("session=\"a\"\t_ga =1", "", ""),
            ("session= _ga=\"x\"", "", ""),
            ("session=0123456789abcdef _ga=1", "", ""),
            ("\tok=a _ga=1", "", ""),
            ("session=a __Host-pinfold-consent=1", "", ""),
            ("session=a $Path=/", "", ""),
            ("session=a other=1", "", "session=a other=1"),
            // As a server reads it that ends a value at a comma. A name behind one that nobody knows is a part of a list.
            ("session=abc,_ga=1; ok=2", "ok=2", "ok=2"),
            ("session=0123456789abcdef0123,_ga=1", "", ""),
            ("session=a,__Host-pinfold-consent=1", "", ""),
            ("session=a,b=c,d; ok=1,2", "session=a,b=c,d; ok=1,2", "session=a,b=c,d; ok=1,2"),
            // What sites live on.
            (
                "ASP.NET_SessionId=1; .AspNetCore.Cookies=2",
                "ASP.NET_SessionId=1; .AspNetCore.Cookies=2",
                "ASP.NET_SessionId=1; .AspNetCore.Cookies=2",
            ),
            ("ok.x=1; ok%20y=2; ok+z=3", "ok.x=1; ok%20y=2; ok+z=3", "ok.x=1; ok%20y=2; ok+z=3"),
            ("session=a b ok=c", "session=a b ok=c", "session=a b ok=c"),
            ("_pk_id.1.1fff=1", "", "_pk_id.1.1fff=1"),
        ] {
            for (undeclared, expected) in [(Undeclared::Hold, held), (Undeclared::Pass, passed)] {
                let seen = site_sees(&policy(Mode::Enforce, undeclared), false, &[line.as_bytes()]).concat();
                assert_eq!(String::from_utf8(seen).unwrap(), expected, "{line} {undeclared:?}");
            }
        }
        let reported = policy(Mode::Report, Undeclared::Hold);
        assert!(site_sees(&reported, false, &[b"pinfold-visit =1"]).is_empty());
        let line = b"session=a _ga=1; %5Fga=1; ok =1";
        assert_eq!(site_sees(&reported, false, &[line]), [line.to_vec()]);
    }

    #[test]
    fn cookie_07_several_fields_are_judged_as_one() {
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
    fn claim_03_two_decisions_are_none() {
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
