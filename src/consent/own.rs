/// The names of Pinfold's own cookies, without prefix.
const NAMES: [&[u8]; 3] = [b"pinfold-consent", b"pinfold-visit", b"pinfold-preferences"];

/// The name under which the decision is kept, by what the site can promise a browser (RFC 6265bis 4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DecisionCookie {
    pub(super) name: &'static str,
    pub(super) secure: bool,
}

impl DecisionCookie {
    pub(super) fn for_site(secure: bool, shared: bool) -> Self {
        let name = match (secure, shared) {
            (false, _) => "pinfold-consent",
            (true, false) => "__Host-pinfold-consent",
            (true, true) => "__Secure-pinfold-consent",
        };
        Self { name, secure }
    }
}

/// Whether a path may be one of Pinfold's own, beside the cookies page.
pub(super) fn is_own_path(path: &str) -> bool {
    path.starts_with("/.pinfold/") || path == "/.well-known/gpc.json"
}

/// Whether a cookie has a name of ours, or one that a browser or server might take for it.
///
/// Such a cookie never reaches the site and is never accepted from it.
#[inline]
pub(super) fn is_own(name: &[u8]) -> bool {
    // Nearly every name fails here.
    matches!(name, [b'p' | b'P', ..] | [b'_', b'_', ..]) && is_own_behind_prefix(name)
}

fn is_own_behind_prefix(name: &[u8]) -> bool {
    let bare = &name[prefix_length(name)..];
    NAMES.iter().any(|own| bare.eq_ignore_ascii_case(own))
}

/// The length of the cookie name prefix that a browser enforces, 0 where there is none. Letter case is free.
#[inline]
pub(super) fn prefix_length(name: &[u8]) -> usize {
    if name.starts_with(b"__") { length_of_prefix(name) } else { 0 }
}

fn length_of_prefix(name: &[u8]) -> usize {
    let prefixes: [&[u8]; 4] = [b"__Host-Http-", b"__Host-", b"__Secure-", b"__Http-"];
    let found = prefixes
        .iter()
        .find(|prefix| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)));
    found.map_or(0, |prefix| prefix.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claim_02_names_that_could_be_taken_for_ours() {
        for (name, own) in [
            ("pinfold-consent", true),
            ("__Host-pinfold-consent", true),
            ("__Secure-pinfold-visit", true),
            ("__HOST-PINFOLD-PREFERENCES", true),
            ("__Host-Http-pinfold-consent", true),
            ("pinfold-consent2", false),
            ("_pinfold-consent", false),
            ("xpinfold-consent", false),
            ("pinfold", false),
            ("__Host-", false),
            ("", false),
        ] {
            assert_eq!(is_own(name.as_bytes()), own, "{name}");
        }
    }
}
