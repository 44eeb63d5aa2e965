//! `Cookie` fields on their way to the site: what is held is seen by no parser, and what is allowed passes unchanged.

use cookie::Cookie;
use http::HeaderValue;
use http::header::COOKIE;

use crate::naive::{Known, is_token, known, may_pass, trim};
use crate::site::{LENIENT_TOWN, TOWN};

/// The first byte says whether everything was agreed to (1), and whether undeclared cookies pass (2); a field a line follows.
pub fn run(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else { return };
    let (granted, lenient) = (how & 1 != 0, how & 2 != 0);
    let (site, consent) = if lenient { &*LENIENT_TOWN } else { &*TOWN };
    let mut lines: Vec<&[u8]> =
        rest.split(|&byte| byte == b'\n').filter(|line| HeaderValue::from_bytes(line).is_ok()).collect();
    // A second decision would be none.
    let says = |line: &&[u8]| line.windows(7).any(|word| word.eq_ignore_ascii_case(b"pinfold"));
    let granted = granted && !lines.iter().any(says);
    if granted {
        lines.push(consent.as_bytes());
    }
    let exchange = site.page(&lines);
    let seen = exchange.seen.expect("pages are the site's");
    let seen: Vec<&[u8]> = seen.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    for line in &seen {
        judge_as_written(line, granted, lenient);
        judge_as_read_elsewhere(line, granted);
    }
    let (sent, passed) = (pairs(&lines), pairs(&seen));
    let mut left = sent.iter();
    for pair in &passed {
        assert!(left.any(|sent| sent == pair), "{} was not sent there", pair.escape_ascii());
    }
    let plain = |pair: &&[u8]| is_plain(pair) && may_pass(name_of(pair), granted, lenient);
    assert_eq!(
        sent.iter().copied().filter(plain).count(),
        passed.iter().copied().filter(plain).count(),
        "a cookie is missing"
    );
    if sent.len() == passed.len() {
        assert_eq!(seen, lines, "nothing is held, and something changed");
    }
}

fn judge_as_written(line: &[u8], granted: bool, lenient: bool) {
    for pair in line.split(|&byte| byte == b';').map(trim).filter(|pair| !pair.is_empty()) {
        let name = name_of(pair);
        assert!(
            pair.contains(&b'=') && is_token(name) && name[0] != b'$',
            "{} is no cookie",
            pair.escape_ascii()
        );
        assert!(may_pass(name, granted, lenient), "{} is held", pair.escape_ascii());
    }
}

/// As the crate `cookie` reads it, with and without decoding, and as PHP does.
fn judge_as_read_elsewhere(line: &[u8], granted: bool) {
    let is_held = |name: &[u8]| match known(name) {
        Known::Own => true,
        Known::Rule(purpose) => !granted && purpose == Some("marketing"),
        Known::Unknown => false,
    };
    let shown = line.escape_ascii();
    if let Ok(text) = std::str::from_utf8(line) {
        let written = Cookie::split_parse(text).chain(Cookie::split_parse_encoded(text));
        for found in written.flatten() {
            assert!(!is_held(found.name().as_bytes()), "{shown} has {}", found.name());
        }
    }
    for pair in line.split(|&byte| byte == b';') {
        let name: Vec<u8> = pair.iter().copied().take_while(|&byte| byte != b'=').collect();
        let name = name.trim_ascii_start();
        let php: Vec<u8> =
            name.iter().map(|&byte| if b" .[".contains(&byte) { b'_' } else { byte }).collect();
        assert!(!is_held(&php), "{shown} has {}", php.escape_ascii());
    }
}

/// The pairs of all fields, without the blanks around them.
fn pairs<'a>(lines: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let all = lines.iter().flat_map(|line| line.split(|&byte| byte == b';'));
    all.map(trim).filter(|pair| !pair.is_empty()).collect()
}

fn name_of(pair: &[u8]) -> &[u8] {
    trim(pair.split(|&byte| byte == b'=').next().unwrap_or_default())
}

/// Whether every parser there is reads this pair alike.
fn is_plain(pair: &[u8]) -> bool {
    let is_simple = |text: &[u8]| {
        !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    };
    match pair.iter().position(|&byte| byte == b'=') {
        Some(equals) => is_simple(&pair[..equals]) && is_simple(&pair[equals + 1..]),
        None => false,
    }
}
