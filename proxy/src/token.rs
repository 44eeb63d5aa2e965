//! Which bytes tokens are made of (RFC 9110 section 5.6.2).

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(
            byte as u8,
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+'
                | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        );
        byte += 1;
    }
    table
};

/// Whether a byte may stand in a token: a method, the name of a field, of a protocol or of a product.
pub(crate) const fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}
