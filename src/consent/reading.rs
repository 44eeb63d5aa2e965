//! What servers find in a `Cookie` field besides what is written there.

use super::token::is_token;

/// No rule is longer than this, so what a name begins with is enough to find its rule.
const LONGEST: usize = 128;

/// Whether `is_held` is true of any name that a server finds where this token is written.
///
/// Servers in Rust (`Cookie::parse_encoded`, and so `axum-extra` and `tower-cookies`) and Perl decode `%5F`; PHP writes
/// `_` for `.`; PHP before 7.2.34, 7.3.23 and 7.4.11 did both, and made an array of `a[b]`.
pub(super) fn any_other_reading(name: &[u8], is_held: impl Fn(&[u8]) -> bool) -> bool {
    let mut decoded = Reading::default();
    decoded_bytes(name).for_each(|byte| decoded.push(byte));
    is_held(decoded.text())
        || is_held_by_php(name.iter().copied(), &is_held)
        || is_held_by_php(decoded_bytes(name).map(|byte| if byte == b'+' { b' ' } else { byte }), &is_held)
}

/// The name as `php_register_variable_ex` makes it of these bytes.
fn is_held_by_php(bytes: impl Iterator<Item = u8>, is_held: impl Fn(&[u8]) -> bool) -> bool {
    let mut reading = Reading::default();
    for byte in bytes {
        match byte {
            b' ' if reading.length == 0 => {}
            0 => break,
            // An array if it is closed somewhere, else one more letter to replace.
            b'[' if is_held(reading.text()) => return true,
            b' ' | b'.' | b'[' => reading.push(b'_'),
            _ => reading.push(byte),
        }
    }
    is_held(reading.text())
}

fn decoded_bytes(name: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let (&byte, after) = rest.split_first()?;
        if let ([high, low, beyond @ ..], b'%') = (after, byte)
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            rest = beyond;
            return Some(high << 4 | low);
        }
        rest = after;
        Some(byte)
    })
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

struct Reading {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Default for Reading {
    fn default() -> Self {
        Self { bytes: [0; LONGEST], length: 0 }
    }
}

impl Reading {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    fn text(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The names that a server finds in a value which it ends at a blank, as Python's `http.cookies` does, or at a comma, as
/// Perl's `CGI::Cookie` does, each with what it stands after. Quotation marks
/// are no shelter: whether they are closed is a matter of opinion, too.
pub(super) fn names_within(value: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    memchr::memchr_iter(b'=', value).filter_map(|equals| {
        let mut text = &value[..equals];
        while let [rest @ .., b' ' | b'\t'] = text {
            text = rest;
        }
        // Python has `:` in names.
        let before = text.iter().rposition(|&byte| !is_token(byte) && byte != b':')?;
        let name = &text[before + 1..];
        (!name.is_empty() && matches!(text[before], b' ' | b'\t' | b',')).then_some((text[before], name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::token;

    #[test]
    fn cookie_15_names_as_other_servers_find_them() {
        for (written, found) in [
            ("%5Fga", "_ga"),
            ("_g%61", "_ga"),
            (".ga", "_ga"),
            ("%2Ega", "_ga"),
            ("%2Ega", ".ga"),
            ("+_ga", "_ga"),
            ("%20%20_ga", "_ga"),
            ("a%20b", "a b"),
            ("a+b", "a_b"),
            ("_ga%00x", "_ga"),
            ("_ga%5Bx%5D", "_ga"),
            ("_ga%5bx", "_ga_x"),
            ("a%5Fb%", "a_b%"),
            ("a.%zz", "a_%zz"),
            ("%255Fga", "%5Fga"),
        ] {
            assert_eq!(token::leading(written.as_bytes()), (written.as_bytes(), true));
            assert!(any_other_reading(written.as_bytes(), |name| name == found.as_bytes()), "{written}");
        }
        assert!(!any_other_reading(b"%255Fga", |name| name == b"_ga"));
        let long = [b"%5F".repeat(200), b".".to_vec()].concat();
        assert!(any_other_reading(&long, |name| name == [b'_'; LONGEST]));
    }

    #[test]
    fn cookie_15_names_within_values() {
        for (value, found) in [
            ("a _ga=1", &["_ga"][..]),
            ("\t_ga \t=1", &["_ga"]),
            (" _ga=\"x\"", &["_ga"]),
            ("\"a\" b=c d==e f", &["b", "d"]),
            ("a _ga:=1", &["_ga:"]),
            ("a=b", &[]),
            ("a =b", &[]),
            ("a ,b=c", &["b"]),
            ("\"x,promo=1\"", &["promo"]),
            ("Sun, 22 Nov 2026 10:00:00 GMT", &[]),
            ("Sun Nov 22 2026 10:00:00 GMT+0000 (Greenwich Mean Time)&version=6", &[]),
        ] {
            let names: Vec<_> = names_within(value.as_bytes()).map(|(_, name)| name).collect();
            assert_eq!(names, found.iter().map(|name| name.as_bytes()).collect::<Vec<_>>(), "{value}");
        }
    }
}
