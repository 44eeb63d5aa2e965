//! What the judges of several targets go by, written apart from the product and without regard to speed.

use crate::site::RULES;

/// Whether a byte may stand in a token (RFC 9110 section 5.6.2).
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty()
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// Without the blanks around.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    &text[start..end]
}

/// What the register of the town says of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// It is one of ours, or looks like one to a browser.
    Own,
    /// A rule gives it a purpose, or says that it is strictly necessary.
    Rule(Option<&'static str>),
    Unknown,
}

/// The exact name counts before any beginning, and the longest beginning before shorter ones.
pub(crate) fn known(name: &[u8]) -> Known {
    let lower = name.to_ascii_lowercase();
    let mut bare = &lower[..];
    for prefix in [&b"__host-http-"[..], b"__host-", b"__secure-", b"__http-"] {
        if let Some(rest) = lower.strip_prefix(prefix) {
            bare = rest;
            break;
        }
    }
    if [&b"pinfold-consent"[..], b"pinfold-visit", b"pinfold-preferences"].contains(&bare) {
        return Known::Own;
    }
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning.as_bytes()),
        None => name == pattern.as_bytes(),
    };
    let rank = |pattern: &str| (!pattern.ends_with('*'), pattern.len());
    let best =
        RULES.into_iter().filter(|(pattern, _)| fits(pattern)).max_by_key(|(pattern, _)| rank(pattern));
    best.map_or(Known::Unknown, |(_, purpose)| Known::Rule(purpose))
}

/// Whether a cookie of this name may pass, where everything is granted or nothing is asked for.
pub(crate) fn may_pass(name: &[u8], granted: bool, lenient: bool) -> bool {
    match known(name) {
        Known::Own => false,
        Known::Rule(purpose) => granted || purpose != Some("marketing"),
        Known::Unknown => lenient,
    }
}
