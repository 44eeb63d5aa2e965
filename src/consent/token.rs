//! Tokens (RFC 9110 5.6.2): what cookie names are made of.

/// Whether a byte may stand in a cookie name that is passed on.
pub(super) fn is_token(byte: u8) -> bool {
    KINDS[usize::from(byte)] != 0
}

/// The token with which a text begins, and whether a server may find another name where it is written: few are such.
#[inline]
pub(super) fn leading(text: &[u8]) -> (&[u8], bool) {
    let (mut length, mut kinds) = (0, 0);
    for &byte in text {
        let kind = KINDS[usize::from(byte)];
        if kind == 0 {
            break;
        }
        (length, kinds) = (length + 1, kinds | kind);
    }
    (&text[..length], kinds & READ_OTHERWISE != 0)
}

/// As every server reads it.
const PLAIN: u8 = 1;

/// Written for another by some: see [`super::reading`].
const READ_OTHERWISE: u8 = 2;

/// 0 for what is no token.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let character = byte as u8;
        if character.is_ascii_alphanumeric() {
            kinds[byte] = PLAIN;
        }
        byte += 1;
    }
    let others = b"!#$%&'*+-.^_`|~";
    let mut place = 0;
    while place < others.len() {
        let is_plain = !matches!(others[place], b'.' | b'%' | b'+');
        kinds[others[place] as usize] = if is_plain { PLAIN } else { READ_OTHERWISE };
        place += 1;
    }
    kinds
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_before_what_is_none() {
        for (text, token, otherwise) in [
            ("session=1", "session", false),
            ("a.b=1", "a.b", true),
            ("a%5Fb", "a%5Fb", true),
            ("a+b;c", "a+b", true),
            ("a=b.c", "a", false),
            ("a b", "a", false),
            ("=", "", false),
            ("", "", false),
            ("\u{e9}", "", false),
        ] {
            assert_eq!(leading(text.as_bytes()), (token.as_bytes(), otherwise), "{text}");
        }
    }
}
