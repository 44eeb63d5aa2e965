//! What looks like an address, wherever it stands in a text.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::edit::Edit;
use super::escapes::Unescaped;
use super::names::Names;
use crate::token::is_token;

/// The longest IPv6 address, which ends with an IPv4 address.
const LONGEST_V6: usize = 45;

/// What stands where nothing is told of an address.
const WORD: &[u8] = b"(an address)";

/// What is in a text besides addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// Nothing: what looks like an address is taken for one, but for `Chrome/141.0.0.0`, which is nobody's.
    Addresses,
    /// The versions of products: `Name/1.2.3.4`, and whatever has five numbers or more.
    Versions,
}

/// The text with a word in place of each address.
pub(crate) fn without_addresses(text: &str) -> String {
    let unescaped = Unescaped::of(text.as_bytes());
    let (mut edit, mut from) = (Edit::of(text.as_bytes()), 0);
    while let Some((place, _)) = next(&unescaped, from, Numbers::Addresses) {
        from = place.end;
        edit.replace(unescaped.in_text(place), WORD);
    }
    // An address is ASCII, and what stands for it is: the rest is text as it was.
    String::from_utf8_lossy(&edit.finish()).into_owned()
}

/// The text with each address replaced by its name, and how many there were.
pub(super) fn replaced<'a>(text: &'a [u8], numbers: Numbers, names: &mut Names) -> (Cow<'a, [u8]>, u64) {
    let unescaped = Unescaped::of(text);
    let mut edit = Edit::of(text);
    let (mut from, mut count) = (0, 0);
    while let Some((place, address)) = next(&unescaped, from, numbers) {
        from = place.end;
        let name = names.of(address);
        let is_in_brackets = place.start > 0 && unescaped.bytes()[place.start - 1] == b'[';
        // `[240.0.0.1]` is no host of a URL.
        if address.is_ipv6() && is_in_brackets && !name.contains(':') {
            edit.replace(unescaped.in_text(place), format!("::ffff:{name}").as_bytes());
        } else {
            edit.replace(unescaped.in_text(place), name.as_bytes());
        }
        count += 1;
    }
    (edit.finish(), count)
}

/// The next address in a text: IPv4 with dots, IPv6 in any spelling. Letters and digits at either side make it something else;
/// brackets, ports and zones are no part of it. `0.0.0.0` and `::` are nobody's.
fn next(text: &Unescaped<'_>, mut from: usize, numbers: Numbers) -> Option<(Range<usize>, IpAddr)> {
    let (bytes, mut at) = (text.bytes(), from);
    loop {
        at += memchr::memchr2(b'.', b':', &bytes[at..])?;
        let found = if bytes[at] == b':' { v6_around(text, from, at) } else { v4_around(text, from, at) };
        let Some((place, address)) = found else {
            at += 1;
            continue;
        };
        let is_version = address.is_ipv4() && is_version(bytes, &place, numbers);
        if !is_version && !address.is_unspecified() {
            return Some((place, address));
        }
        from = if is_version { end_of_version(bytes, place.start) } else { place.end };
        at = from;
    }
}

/// An IPv4 address of which this is the first dot. Leading zeros are taken for nothing.
fn v4_around(text: &Unescaped<'_>, from: usize, dot: usize) -> Option<(Range<usize>, IpAddr)> {
    let bytes = text.bytes();
    let start = dot - bytes[from..dot].iter().rev().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    if start > 0 && is_in_word(text, start - 1) {
        return None;
    }
    let (mut octets, mut end) = ([0; 4], start);
    for (number, octet) in octets.iter_mut().enumerate() {
        if number > 0 {
            end = (bytes.get(end) == Some(&b'.')).then_some(end + 1)?;
        }
        let length = count(&bytes[end..bytes.len().min(end + 4)], |byte| byte.is_ascii_digit());
        let digits = &bytes[end..end + length];
        let value = digits.iter().fold(0_u16, |value, digit| value * 10 + u16::from(digit - b'0'));
        *octet = u8::try_from(value).ok().filter(|_| (1..=3).contains(&length))?;
        end += length;
    }
    (!is_in_word(text, end)).then(|| (start..end, Ipv4Addr::from(octets).into()))
}

/// The longest IPv6 address that begins with the group before this colon, or with `::` here.
fn v6_around(text: &Unescaped<'_>, from: usize, colon: usize) -> Option<(Range<usize>, IpAddr)> {
    let bytes = text.bytes();
    let start =
        colon - bytes[from..colon].iter().rev().take(5).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let is_after_nothing = start == colon && bytes.get(colon + 1) != Some(&b':');
    if is_after_nothing || colon - start > 4 || (start > 0 && is_in_word(text, start - 1)) {
        return None;
    }
    let could_be = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    let most = count(&bytes[start..bytes.len().min(start + LONGEST_V6)], could_be);
    // Most colons are those of `https:` or of a time.
    if memchr::memchr_iter(b':', &bytes[start..start + most]).take(2).count() < 2 {
        return None;
    }
    (2..=most).rev().map(|length| start..start + length).find_map(|place| {
        let address = || std::str::from_utf8(&bytes[place.clone()]).ok()?.parse::<Ipv6Addr>().ok();
        (!is_in_word(text, place.end)).then(address)?.map(|address| (place.clone(), address.into()))
    })
}

/// Whether numbers are the version of something: `Name/1.0.0.0`, as browsers write that tell no more, anywhere, because a
/// network of that kind is no host.
fn is_version(text: &[u8], place: &Range<usize>, numbers: Numbers) -> bool {
    match numbers {
        Numbers::Addresses => text[place.clone()].ends_with(b".0.0.0") && is_after_product(text, place.start),
        Numbers::Versions => {
            let all = &text[place.start..end_of_version(text, place.start)];
            all.split(|&byte| byte == b'.').filter(|number| !number.is_empty()).count() > 4
                || is_after_product(text, place.start)
        }
    }
}

fn end_of_version(text: &[u8], start: usize) -> usize {
    start + count(&text[start..], |byte| byte.is_ascii_digit() || byte == b'.')
}

/// Whether `Name/` stands before a place (RFC 9110 section 10.1.5), and not a path.
fn is_after_product(text: &[u8], place: usize) -> bool {
    let Some(before) = text[..place].strip_suffix(b"/") else { return false };
    let name = before.len() - before.iter().rev().take_while(|byte| is_token(**byte)).count();
    let is_name = before.get(name).is_some_and(u8::is_ascii_alphabetic);
    is_name && (name == 0 || b" ;,(\"[\t".contains(&before[name - 1]))
}

/// Whether a letter or a digit stands there, as it is written: an escape divides words (`203.0.113.7%41`).
fn is_in_word(text: &Unescaped<'_>, place: usize) -> bool {
    text.bytes().get(place).is_some_and(u8::is_ascii_alphanumeric) && !text.was_escaped(place)
}

fn count(text: &[u8], is: impl Fn(u8) -> bool) -> usize {
    text.iter().take_while(|&&byte| is(byte)).count()
}

#[cfg(test)]
mod tests {
    use pinfold::pseudonym::EpochKey;

    use super::*;

    /// The text with `{}` where addresses were.
    fn marked(text: &str, numbers: Numbers) -> String {
        let unescaped = Unescaped::of(text.as_bytes());
        let (mut from, mut edit) = (0, Edit::of(text.as_bytes()));
        while let Some((place, _)) = next(&unescaped, from, numbers) {
            from = place.end;
            edit.replace(unescaped.in_text(place), b"{}");
        }
        String::from_utf8(edit.finish().into_owned()).unwrap()
    }

    #[test]
    fn addresses_wherever_they_stand() {
        for (text, expected) in [
            ("203.0.113.77", "{}"),
            ("203.0.113.77 ", "{} "),
            ("203.0.113.77, 203.0.113.78", "{}, {}"),
            ("client 203.0.113.77 asked.", "client {} asked."),
            ("It was 203.0.113.77.", "It was {}."),
            ("203.0.113.77:443", "{}:443"),
            ("http://203.0.113.77/x", "http://{}/x"),
            ("GET /lookup/203.0.113.77/x HTTP/1.1", "GET /lookup/{}/x HTTP/1.1"),
            ("GET /lookup/203.0.113.77.html HTTP/1.1", "GET /lookup/{}.html HTTP/1.1"),
            ("lookup/203.0.113.77", "lookup/{}"),
            ("ip=203.0.113.77&x", "ip={}&x"),
            ("a_203.0.113.77_b-203.0.113.78-", "a_{}_b-{}-"),
            ("203.000.113.077", "{}"),
            ("203.0.113.77.443", "{}.443"),
            ("77.113.0.203.in-addr.arpa", "{}.in-addr.arpa"),
            ("1000.203.0.113.77", "1000.{}"),
            ("\u{e9}203.0.113.77\u{e9}", "\u{e9}{}\u{e9}"),
            ("/%32%30%33.0.113.77", "/{}"),
            ("u=http%3A%2F%2F203.0.113.77%2F", "u=http%3A%2F%2F{}%2F"),
            ("a%41203.0.113.77%41b", "a%41{}%41b"),
            (r"\u0032\u00303.0\x2e113.77\n203.0.113.78", r"{}\n{}"),
            ("2001:db8::dead:beef", "{}"),
            ("http://[2001:db8::dead:beef]/x", "http://[{}]/x"),
            ("[2001:DB8::1]:443", "[{}]:443"),
            ("fe80::1%eth0", "{}%eth0"),
            ("fe80::1%25eth0", "{}%25eth0"),
            ("::ffff:203.0.113.77", "{}"),
            ("::FFFF:cb00:714d", "{}"),
            ("64:ff9b::203.0.113.77", "{}"),
            ("::1", "{}"),
            ("1::", "{}"),
            ("1:2:3:4:5:6:7:8", "{}"),
            ("1:2:3:4:5:6:7:8:443", "{}:443"),
            ("1:2:3:4:5:6:203.0.113.77", "{}"),
            ("2001:db8::1.443", "{}.443"),
            ("2001:db8::1: refused", "{}: refused"),
            ("client:2001:db8::1, ip:203.0.113.77", "client:{}, ip:{}"),
            ("12345:2001:db8::1", "12345:{}"),
            ("203.0.113.77:2001:db8::1", "{}:{}"),
            ("/lookup/2001%3Adb8%253A%3a1", "/lookup/{}"),
            ("0000:0000:0000:0000:0000:ffff:203.000.113.077", "0000:0000:0000:0000:0000:ffff:{}"),
        ] {
            assert_eq!(marked(text, Numbers::Addresses), expected, "{text}");
            assert_eq!(marked(expected, Numbers::Addresses), expected, "{text}");
        }
    }

    #[test]
    fn nothing_that_only_resembles_them() {
        for text in [
            "",
            "...",
            ":::",
            "1.2.3",
            "1.2.3.",
            "256.0.113.77",
            "1.2.3.1000",
            "1..2.3.4",
            "v1.2.3.4",
            "203.0.113.77px",
            "203.0.113.77203.0.113.78",
            "0.0.0.0 :: [::]:80",
            "Chrome/141.0.7390.54",
            "Mozilla/5.0 (Windows NT 10.0; rv:109.0) Chrome/141.0.0.0 Edg/141.0.0.0",
            "22/Nov/2026:10:00:00 +0000",
            "2026-11-22T10:00:00.000Z",
            "std::vector Foo::Bar LWP::Simple/6.00 a::before",
            "00:1a:2b:3c:4d:5e",
            "https://www.example.org:8443/a.b/c:d",
            "1:2:3:4:5:6:7",
            "12345::6",
            "%3A %",
        ] {
            assert_eq!(marked(text, Numbers::Addresses), text);
            assert_eq!(marked(text, Numbers::Versions), text);
        }
    }

    #[test]
    fn versions_are_left_where_there_are_versions() {
        for (text, elsewhere, agent) in [
            ("Firefox/140.0.0.1", "Firefox/{}", "Firefox/140.0.0.1"),
            ("(iPhone;FBAV/250.0.0.14.241;x)", "(iPhone;FBAV/{}.241;x)", "(iPhone;FBAV/250.0.0.14.241;x)"),
            ("Instagram 250.0.0.21.109 iOS", "Instagram {}.109 iOS", "Instagram 250.0.0.21.109 iOS"),
            ("Bot/1.2.3.4 (+http://203.0.113.77/)", "Bot/{} (+http://{}/)", "Bot/1.2.3.4 (+http://{}/)"),
            ("at 203.0.113.77.", "at {}.", "at {}."),
            ("/a/203.0.113.77", "/a/{}", "/a/{}"),
            ("10.0.0.0/8", "{}/8", "{}/8"),
            ("/Chrome/141.0.0.0", "/Chrome/{}", "/Chrome/{}"),
        ] {
            assert_eq!(marked(text, Numbers::Addresses), elsewhere);
            assert_eq!(marked(text, Numbers::Versions), agent);
        }
    }

    #[test]
    fn each_address_has_its_name_and_nobody_has_none() {
        let mut names = Names::new(EpochKey::from_root([7; 32], "scrub"));
        let name = names.of("203.0.113.77".parse().unwrap()).to_owned();
        let text =
            b"203.0.113.77 ::ffff:203.0.113.77 http://[::ffff:203.0.113.77]/ 203.000.113.077 0.0.0.0 ::";
        let (text, count) = replaced(text, Numbers::Addresses, &mut names);
        let expected = format!("{name} {name} http://[::ffff:{name}]/ {name} 0.0.0.0 ::");
        assert_eq!((String::from_utf8_lossy(&text).as_ref(), count), (expected.as_str(), 4));
        assert!(matches!(replaced(b"1.2 3", Numbers::Addresses, &mut names), (Cow::Borrowed(_), 0)));
    }
}
