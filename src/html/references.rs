//! Character references in the value of an attribute (HTML, section 13.2.5.72 onwards). Pure.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

/// The value that a browser sees, as far as a host, a type or a style depends on it: of the names of the standard (section
/// 13.5) those that stand for one letter of ASCII. Where there is no reference nothing is copied.
pub(super) fn decoded(value: &str) -> Cow<'_, str> {
    if !value.contains('&') {
        return Cow::Borrowed(value);
    }
    let mut decoded = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        let reference = &rest[at..];
        let (letter, length) = numeric(reference).or_else(|| named(reference)).unwrap_or(('&', 1));
        decoded.push(letter);
        rest = &reference[length..];
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

/// The letter for which a number stands, and the length of the reference. Its semicolon may be missing.
fn numeric(reference: &str) -> Option<(char, usize)> {
    let after = reference.strip_prefix("&#")?;
    let (digits, radix) = match after.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (after, 10),
    };
    let end = digits.find(|letter: char| !letter.is_digit(radix)).unwrap_or(digits.len());
    if end == 0 {
        return None;
    }
    let semicolon = usize::from(digits[end..].starts_with(';'));
    // What is too large for this is too large for a letter.
    let number = u32::from_str_radix(&digits[..end], radix).unwrap_or(u32::MAX);
    let letter = match u8::try_from(number) {
        Ok(0) => char::REPLACEMENT_CHARACTER,
        Ok(byte @ 0x80..=0x9f) => WINDOWS_1252.decode(&[byte]).0.chars().next().unwrap_or_default(),
        _ => char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    Some((letter, reference.len() - digits.len() + end + semicolon))
}

fn named(reference: &str) -> Option<(char, usize)> {
    let after = reference.strip_prefix('&')?;
    let end = after.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(after.len());
    let (name, then) = after.split_at(end);
    let (_, letter) = NAMES.into_iter().find(|(known, _)| *known == name)?;
    match then.chars().next() {
        Some(';') => Some((letter, 1 + end + 1)),
        // In an attribute it is none before these, because of `?a=b&lt=c`.
        next => (WITHOUT_SEMICOLON.contains(&name) && next != Some('=')).then_some((letter, 1 + end)),
    }
}

const WITHOUT_SEMICOLON: [&str; 8] = ["amp", "AMP", "lt", "LT", "gt", "GT", "quot", "QUOT"];

/// There is none for the hyphen of names of hosts: `&hyphen;` and `&dash;` are U+2010.
const NAMES: [(&str, char); 45] = [
    ("AMP", '&'),
    ("DiacriticalGrave", '`'),
    ("GT", '>'),
    ("Hat", '^'),
    ("LT", '<'),
    ("NewLine", '\n'),
    ("QUOT", '"'),
    ("Tab", '\t'),
    ("UnderBar", '_'),
    ("VerticalLine", '|'),
    ("amp", '&'),
    ("apos", '\''),
    ("ast", '*'),
    ("bsol", '\\'),
    ("colon", ':'),
    ("comma", ','),
    ("commat", '@'),
    ("dollar", '$'),
    ("equals", '='),
    ("excl", '!'),
    ("grave", '`'),
    ("gt", '>'),
    ("lbrace", '{'),
    ("lbrack", '['),
    ("lcub", '{'),
    ("lowbar", '_'),
    ("lpar", '('),
    ("lsqb", '['),
    ("lt", '<'),
    ("midast", '*'),
    ("num", '#'),
    ("percnt", '%'),
    ("period", '.'),
    ("plus", '+'),
    ("quest", '?'),
    ("quot", '"'),
    ("rbrace", '}'),
    ("rbrack", ']'),
    ("rcub", '}'),
    ("rpar", ')'),
    ("rsqb", ']'),
    ("semi", ';'),
    ("sol", '/'),
    ("verbar", '|'),
    ("vert", '|'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_reads() {
        for (value, expected) in [
            ("https&#x3A;&#x2F;&#x2F;www.youtube.com/embed/x", "https://www.youtube.com/embed/x"),
            ("&#x2f;&#X2F;a&#46;example", "//a.example"),
            ("https&#58//a.example", "https://a.example"),
            ("https&#x3a/x", "https:/x"),
            ("&#0000000000000000058;&#58;&#58x", ":::x"),
            ("&#x3Ag", ":g"),
            ("&#99999999999999999999;&#0;&#xD800;&#x110000;", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            ("&#128;&#x81;&#xe9;", "\u{20ac}\u{81}\u{e9}"),
            ("&#;&#x;&#xg;&#", "&#;&#x;&#xg;&#"),
            (
                "https&colon;&sol;&sol;www&period;a&lowbar;b&UnderBar;c&commat;d&bsol;",
                "https://www.a_b_c@d\\",
            ),
            ("&Tab;h&NewLine;t", "\th\nt"),
            ("&tab;&newline;&Colon;&colon", "&tab;&newline;&Colon;&colon"),
            ("?a&amp;b&ampc&amp=d&amp&AMP/&amp", "?a&b&ampc&amp=d&&/&"),
            ("?a=b&lt=c&gt;&lt/&quot;", "?a=b&lt=c></\""),
            ("&amp;colon;&amp#58;", "&colon;&#58;"),
            ("&copy;&eacute;&", "&copy;&eacute;&"),
            ("&\u{e9};&#\u{e9};", "&\u{e9};&#\u{e9};"),
        ] {
            assert_eq!(decoded(value), expected, "{value}");
        }
    }

    #[test]
    fn where_there_is_no_reference_nothing_is_copied() {
        assert!(matches!(decoded("https://www.town.example/a.js"), Cow::Borrowed(_)));
    }
}
