//! Paths as routes: what is counted as one page. Numbers, identifiers and queries never survive.

use crate::error::{ConfigError, Subject};

/// How many segments of a path are kept.
const DEEPEST: usize = 8;

/// A segment shorter than this is no token.
const SHORT: usize = 16;

/// How long a route that is not declared can be.
const LONGEST: usize = 120;

/// Turns paths into routes: by the operator's patterns, else by taking out whatever could be an identifier.
///
/// ```
/// use pinfold::audit::Routes;
///
/// let routes = Routes::new(["/planning/:application"])?;
/// assert_eq!(routes.route_of("/planning/26-01234-FUL"), "/planning/:application");
/// assert_eq!(routes.route_of("/bins/week-12/jo@example.org"), "/bins/week-:n/:email");
/// # Ok::<(), pinfold::ConfigErrors>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Routes {
    declared: Vec<String>,
}

impl Routes {
    /// With patterns such as `/planning/:application` (one segment) and `/council-tax/*` (that, and whatever follows). The first
    /// that matches counts.
    ///
    /// # Errors
    ///
    /// Every pattern that is not sound.
    pub fn new<S: Into<String>>(patterns: impl IntoIterator<Item = S>) -> Result<Self, crate::ConfigErrors> {
        let declared: Vec<String> = patterns.into_iter().map(Into::into).collect();
        let faults = declared.iter().filter(|pattern| !is_pattern(pattern)).map(|pattern| {
            ConfigError::new(
                Subject::Route(pattern.clone()),
                format!("`{pattern}` is not a route"),
                "begin with `/`; write `:name` for any one segment and `*` last for whatever follows",
            )
        });
        let faults = faults.collect();
        crate::ConfigErrors::gather(Self { declared }, faults)
    }

    /// The route of a path.
    pub fn route_of(&self, path: &str) -> String {
        self.find(path, &mut String::new()).to_owned()
    }

    /// The route of a path, written into `space` where it stands nowhere yet.
    pub(super) fn find<'a>(&'a self, path: &'a str, space: &'a mut String) -> &'a str {
        match self.declared.iter().find(|pattern| matches(pattern, path)) {
            Some(pattern) => pattern,
            None if is_route(path.as_bytes()) => path,
            None => {
                space.clear();
                generalise(path, space);
                space
            }
        }
    }
}

fn is_pattern(pattern: &str) -> bool {
    let star = pattern.find('*');
    pattern.starts_with('/')
        && pattern.len() <= 200
        && pattern.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"<>\\".contains(&byte))
        && star.is_none_or(|at| pattern.ends_with("/*") && at + 1 == pattern.len())
}

fn matches(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    for part in pattern.split('/') {
        if part == "*" {
            return true;
        }
        let Some(segment) = segments.next() else { return false };
        let any = part.starts_with(':') && !segment.is_empty();
        if !any && part != segment {
            return false;
        }
    }
    segments.next().is_none()
}

/// Whether a path is its own route, because there is nothing in it to take out: nearly every one is.
fn is_route(path: &[u8]) -> bool {
    let (mut depth, mut length) = (0, 0);
    for &byte in path {
        if byte == b'/' {
            (depth, length) = (depth + 1, 0);
        } else if PLAIN[usize::from(byte)] {
            length += 1;
        } else {
            return false;
        }
        if length == SHORT {
            return false;
        }
    }
    path.first() == Some(&b'/') && depth <= DEEPEST && path.len() <= LONGEST
}

fn generalise(path: &str, route: &mut String) {
    let mut rest = path.strip_prefix('/').unwrap_or_default();
    let mut depth = 0;
    loop {
        let end = memchr::memchr(b'/', rest.as_bytes()).unwrap_or(rest.len());
        if depth == DEEPEST || route.len() > LONGEST {
            route.push_str("/*");
            return;
        }
        route.push('/');
        write_segment(&rest[..end], route);
        if end == rest.len() {
            return;
        }
        rest = &rest[end + 1..];
        depth += 1;
    }
}

fn write_segment(segment: &str, route: &mut String) {
    if is_plain(segment.as_bytes()) {
        route.push_str(segment);
        return;
    }
    // What follows a semicolon are parameters, often a session (RFC 3986 3.3).
    let name = segment.split(';').next().unwrap_or_default();
    match placeholder(name.as_bytes()) {
        Some(placeholder) => route.push_str(placeholder),
        None => without_numbers(name, route),
    }
}

/// Whether a segment is short, and letters with few marks between.
fn is_plain(segment: &[u8]) -> bool {
    segment.len() < SHORT && segment.iter().all(|&byte| PLAIN[usize::from(byte)])
}

const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let character = byte as u8;
        table[byte] = character.is_ascii_alphabetic() || matches!(character, b'-' | b'_' | b'.');
        byte += 1;
    }
    table
};

fn placeholder(bytes: &[u8]) -> Option<&'static str> {
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_hex = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'-';
    if bytes.contains(&b'@') {
        Some(":email")
    } else if !bytes.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'%') {
        Some(":text")
    } else if is_date(bytes) {
        Some(":date")
    } else if (digits > 0 && bytes.len() >= 8 || bytes.len() >= SHORT)
        && digits < bytes.len()
        && bytes.iter().all(is_hex)
    {
        Some(":id")
    } else if bytes.len() > 40 && !is_title(bytes)
        || bytes.split(|byte| !byte.is_ascii_alphanumeric()).any(is_token)
    {
        Some(":token")
    } else {
        None
    }
}

/// Words with hyphens between, as pages have in their addresses: none longer than words are, all of them no longer than titles.
fn is_title(segment: &[u8]) -> bool {
    segment.len() <= 100 && segment.split(|byte| !byte.is_ascii_alphanumeric()).all(|word| word.len() <= 20)
}

/// A long run of letters and digits, of letters that are hexadecimal digits, or of letters in both cases mixed as no word mixes them.
fn is_token(run: &[u8]) -> bool {
    let turns =
        run.windows(2).filter(|pair| pair[0].is_ascii_lowercase() != pair[1].is_ascii_lowercase()).count();
    run.len() >= SHORT
        && (turns * 3 > run.len()
            || run.iter().any(u8::is_ascii_digit)
            || run.iter().all(u8::is_ascii_hexdigit))
}

/// `2026-11-22`, with any of `-`, `.` and `_` between, or none.
fn is_date(segment: &[u8]) -> bool {
    let digits = segment.iter().filter(|byte| byte.is_ascii_digit()).count();
    let separated = segment.len() == 10
        && segment.iter().enumerate().all(|(place, byte)| match place {
            4 | 7 => b"-._".contains(byte),
            _ => byte.is_ascii_digit(),
        });
    let century = segment.starts_with(b"19") || segment.starts_with(b"20");
    century && (separated || (digits == 8 && segment.len() == 8))
}

/// Each run of digits becomes `:n`.
fn without_numbers(segment: &str, route: &mut String) {
    let mut in_number = false;
    for character in segment.chars() {
        let digit = character.is_ascii_digit();
        if !digit {
            route.push(character);
        } else if !in_number {
            route.push_str(":n");
        }
        in_number = digit;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_that_identifies_survives() {
        let routes = Routes::default();
        for (path, route) in [
            ("/", "/"),
            ("", "/"),
            ("*", "/"),
            ("/bins", "/bins"),
            ("/bins/", "/bins/"),
            ("/news/2026-11-22/storm", "/news/:date/storm"),
            ("/news/20261122", "/news/:date"),
            ("/planning/12345", "/planning/:n"),
            ("/planning/26-01234-ful", "/planning/:n-:n-ful"),
            ("/account/jo@example.org", "/account/:email"),
            ("/account/jo%40example.org", "/account/:text"),
            ("/file/3f2504e0-4f89-11d3-9a0c-0305e82c3301", "/file/:id"),
            ("/file/deadbeef01", "/file/:id"),
            ("/facade/decade", "/facade/decade"),
            ("/file/abcdefabcdefabcdef", "/file/:id"),
            ("/file/cafe-babe-dead-beef", "/file/:id"),
            ("/file/of-abcdefabcdefabcdef", "/file/:token"),
            (
                "/planning-applications-and-building-control-guidance",
                "/planning-applications-and-building-control-guidance",
            ),
            (
                "/cy/ymgynghoriadau-cynllunio-ac-apeliadau-hir-iawn",
                "/cy/ymgynghoriadau-cynllunio-ac-apeliadau-hir-iawn",
            ),
            ("/local-plan-2024-to-2031-main-modifications", "/local-plan-:n-to-:n-main-modifications"),
            ("/kjhgfdsapoiuytrewqmnbvc-kjhgfdsapoiuytrewqmnbvc", "/:token"),
            ("/t/eyJhbGciOiJIUzI1NiJ9xyz123", "/t/:token"),
            ("/t/abcdefghijklmnopqrstuvwxyzabcdefghijklmnopq", "/t/:token"),
            ("/t/PlanningApplicationsNearYou", "/t/PlanningApplicationsNearYou"),
            ("/t/aGVsbG8gd29ybGQhIQZqXw", "/t/:token"),
            ("/a;jsessionid=123/b", "/a/b"),
            ("/caf\u{e9}", "/:text"),
            ("/1/2/3/4/5/6/7/8/9", "/:n/:n/:n/:n/:n/:n/:n/:n/*"),
            ("/style.v2.css", "/style.v:n.css"),
        ] {
            assert_eq!(routes.route_of(path), route, "{path}");
        }
    }

    #[test]
    fn declared_patterns_come_first() {
        let routes = Routes::new(["/planning/:application", "/council-tax/*", "/a/:b/c"]).unwrap();
        for (path, route) in [
            ("/planning/26-01234-FUL", "/planning/:application"),
            ("/planning/", "/planning/"),
            ("/planning/1/2", "/planning/:n/:n"),
            ("/council-tax/bands/d", "/council-tax/*"),
            ("/council-tax", "/council-tax/*"),
            ("/a/9/c", "/a/:b/c"),
            ("/a/9/d", "/a/:n/d"),
        ] {
            assert_eq!(routes.route_of(path), route, "{path}");
        }
        for pattern in ["planning", "/a*", "/*/b", "/a b", "/a?b"] {
            assert!(Routes::new([pattern]).is_err(), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn what_is_its_own_route_would_be_generalised_to_itself(path in "(/[a-z._1-]{0,17}){0,10}[a-z/]{0,60}") {
            let mut route = String::new();
            generalise(&path, &mut route);
            if is_route(path.as_bytes()) {
                prop_assert_eq!(route, path);
            }
        }

        #[test]
        fn no_digit_survives_and_the_length_is_bounded(path in "/[ -~]{0,300}") {
            let route = Routes::default().route_of(&path);
            prop_assert!(!route.bytes().any(|byte| byte.is_ascii_digit()), "{route}");
            prop_assert!(route.len() < 300);
        }
    }
}
