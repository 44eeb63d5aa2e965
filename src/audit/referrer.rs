//! The host that a page view comes from, as far as it may be told. Pure.

use std::net::IpAddr;

use crate::consent::Policy;

/// From a page of the site itself.
pub(super) const OWN: &str = "(own site)";

/// From nowhere: typed, from a bookmark, or not told.
const NONE: &str = "(none)";

/// From a machine without a public name.
const PRIVATE: &str = "(private)";

/// From something that is not the address of a page.
const UNREADABLE: &str = "(unreadable)";

/// The longest name of a host (RFC 1035 section 2.3.4).
const LONGEST: usize = 253;

/// Ends of names that mean nothing outside a network (RFC 2606, RFC 6762, RFC 8375, and what is usual).
const NOT_PUBLIC: [&str; 8] =
    [".corp", ".home.arpa", ".internal", ".intranet", ".lan", ".local", ".localhost", ".test"];

/// What is counted for a `Referer` (RFC 9110 section 10.1.3): a host, or a word in brackets. The name is written into
/// `space`.
pub(super) fn counted_as<'a>(field: &[u8], policy: &Policy, space: &'a mut String) -> &'a str {
    if field.is_empty() {
        return NONE;
    }
    let Some(host) = host_of(field) else { return UNREADABLE };
    // The last label of a name is no number (WHATWG URL, "ends in a number").
    if host.starts_with('[')
        || host.ends_with(|last: char| last.is_ascii_digit()) && host.parse::<IpAddr>().is_ok()
    {
        return PRIVATE;
    }
    space.clear();
    space.push_str(host);
    space.make_ascii_lowercase();
    let host = space.as_str();
    if policy.is_own_host(host) {
        OWN
    } else if !host.contains('.') || NOT_PUBLIC.iter().any(|end| host.ends_with(end)) {
        PRIVATE
    } else {
        host
    }
}

fn host_of(field: &[u8]) -> Option<&str> {
    let rest = match field.strip_prefix(b"https://") {
        Some(rest) => rest,
        None => &field[memchr::memmem::find(field, b"://")? + 3..],
    };
    let ends = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#' | b'\\')).unwrap_or(rest.len());
    let authority = &rest[..ends];
    let host = &authority[memchr::memrchr(b'@', authority).map_or(0, |at| at + 1)..];
    if host.first() == Some(&b'[') {
        return std::str::from_utf8(host).ok();
    }
    let mut host = &host[..memchr::memchr(b':', host).unwrap_or(host.len())];
    while let [name @ .., b'.'] = host {
        host = name;
    }
    let sound = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let is_name = (1..=LONGEST).contains(&host.len()) && host.iter().all(sound);
    std::str::from_utf8(host).ok().filter(|_| is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_others_and_nothing_else() {
        let policy = Policy::builder("Town", "https://www.town.example")
            .own_hosts(["www.town.example", "forms.town.example"])
            .build()
            .unwrap();
        for (field, counted) in [
            ("", "(none)"),
            ("https://www.google.com/", "www.google.com"),
            ("https://WWW.Google.com:443/search?q=jo+bloggs", "www.google.com"),
            ("http://t.co/abc#x", "t.co"),
            ("https://jo:secret@news.example./x", "news.example"),
            ("android-app://com.google.android.gm/", "com.google.android.gm"),
            ("https://www.town.example/bins", "(own site)"),
            ("https://forms.town.example", "(own site)"),
            ("https://town.example.evil.example/", "town.example.evil.example"),
            ("http://192.0.2.1/a", "(private)"),
            ("http://[2001:db8::1]:8080/a", "(private)"),
            ("http://intranet/", "(private)"),
            ("http://wiki.council.local/", "(private)"),
            ("http://localhost:3000/", "(private)"),
            ("about:blank", "(unreadable)"),
            ("https://", "(unreadable)"),
            ("https://a b/", "(unreadable)"),
            ("https://caf\u{e9}.example/", "(unreadable)"),
        ] {
            assert_eq!(counted_as(field.as_bytes(), &policy, &mut String::new()), counted, "{field}");
        }
        let long = format!("https://{}.example/", "a".repeat(250));
        assert_eq!(counted_as(long.as_bytes(), &policy, &mut String::new()), UNREADABLE);
        assert_eq!(counted_as(b"https://\xff/", &policy, &mut String::new()), UNREADABLE);
    }
}
