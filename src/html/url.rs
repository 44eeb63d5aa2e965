//! The host of an address in an attribute, as a browser finds it (URL Standard, section 4.4). Pure.

/// Host, in lower case, and port of an address that names one; nothing where it is an address of the site itself.
pub(crate) fn host_of(address: &str) -> Option<(String, Option<u16>)> {
    // Nearly every address is a path of the site itself.
    if !address.contains([':', '\\']) && !address.contains("//") && !address.contains(['\t', '\n', '\r']) {
        return None;
    }
    let is_blank = |letter: char| letter <= ' ';
    let address: String = address
        .trim_matches(is_blank)
        .chars()
        .filter(|letter| !['\t', '\n', '\r'].contains(letter))
        .collect();
    let is_slash = |letter: char| letter == '/' || letter == '\\';
    let rest = match scheme(&address) {
        // After these a browser takes any number of slashes for two.
        Some(scheme) if is_special(scheme) => address[scheme.len() + 1..].trim_start_matches(is_slash),
        Some(_) => return None,
        None => {
            let mut letters = address.chars();
            let two = letters.next().is_some_and(is_slash) && letters.next().is_some_and(is_slash);
            if !two {
                return None;
            }
            address.trim_start_matches(is_slash)
        }
    };
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') => (host, port.parse().ok()),
        _ => (host, None),
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    (!host.is_empty()).then_some((host, port))
}

/// Whether an address that names no host is looked for at the base of its page.
pub(super) fn is_relative(address: &str) -> bool {
    let address = address.trim();
    !address.is_empty() && !address.starts_with('#') && scheme(address).is_none()
}

fn scheme(address: &str) -> Option<&str> {
    let (scheme, _) = address.split_once(':')?;
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    (scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(sound))
        .then_some(scheme)
}

fn is_special(scheme: &str) -> bool {
    ["http", "https", "ws", "wss", "ftp"].iter().any(|one| scheme.eq_ignore_ascii_case(one))
}

/// The words of `srcset` (HTML, section 4.8.4.2.1): addresses, or parts of them up to a comma, and descriptors, which
/// name no host.
pub(super) fn in_srcset(srcset: &str) -> impl Iterator<Item = &str> {
    srcset.split(|letter: char| letter.is_ascii_whitespace() || letter == ',')
}

/// The addresses of `srcset`, as browsers take them: whatever stands before a blank, and after the descriptors of the one before.
pub(super) fn candidates(srcset: &str) -> impl Iterator<Item = &str> {
    let mut rest = srcset;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == ',');
        let end = rest.find(|letter: char| letter.is_ascii_whitespace()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let address = word.trim_end_matches(',');
        let has_descriptors = address.len() == word.len();
        rest = if has_descriptors { after.split_once(',').map_or("", |(_, next)| next) } else { after };
        (!address.is_empty()).then_some(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_that_a_browser_would_ask() {
        for (address, expected) in [
            ("https://www.example.com/a.js", Some(("www.example.com", None))),
            ("HTTPS://WWW.Example.COM", Some(("www.example.com", None))),
            ("//www.example.com/a.js", Some(("www.example.com", None))),
            ("\\\\www.example.com\\a.js", Some(("www.example.com", None))),
            ("https:/\\www.example.com", Some(("www.example.com", None))),
            ("https:www.example.com/x", Some(("www.example.com", None))),
            ("  https://www.example.com  ", Some(("www.example.com", None))),
            ("ht\ntps://www.exa\tmple.com/", Some(("www.example.com", None))),
            ("https://user:pass@www.example.com:8443/", Some(("www.example.com", Some(8443)))),
            ("https://town.example@www.example.com/", Some(("www.example.com", None))),
            ("https://www.example.com./", Some(("www.example.com", None))),
            ("http://127.0.0.1:9000/x", Some(("127.0.0.1", Some(9000)))),
            ("/a.js", None),
            ("a.js", None),
            ("a//b.js", None),
            ("?//www.example.com", None),
            ("data:text/html,//www.example.com", None),
            ("javascript:void(0)", None),
            ("", None),
        ] {
            let found = host_of(address);
            let found = found.as_ref().map(|(host, port)| (host.as_str(), *port));
            assert_eq!(found, expected, "{address:?}");
        }
    }

    #[test]
    fn addresses_of_a_srcset_as_browsers_take_them() {
        for (srcset, expected) in [
            ("a.png 1x, b.png 2x", &["a.png", "b.png"][..]),
            ("a.png, b.png 640w", &["a.png", "b.png"]),
            ("a.png,b.png", &["a.png,b.png"]),
            ("data:image/png;base64,AAAA 1x,\n\tb.png", &["data:image/png;base64,AAAA", "b.png"]),
            (" , ,", &[]),
            ("", &[]),
        ] {
            assert_eq!(candidates(srcset).collect::<Vec<_>>(), expected, "{srcset}");
        }
    }

    #[test]
    fn addresses_of_a_srcset() {
        let hosts =
            |srcset| -> Vec<_> { in_srcset(srcset).filter_map(host_of).map(|(host, _)| host).collect() };
        assert_eq!(hosts("https://a.example/1.png 1x, //b.example/2.png 2x"), ["a.example", "b.example"]);
        assert_eq!(hosts("/1.png 1x, 2.png 2x"), Vec::<String>::new());
        assert_eq!(hosts("/1.png 1x,//b.example/2.png 2x"), ["b.example"]);
    }
}
