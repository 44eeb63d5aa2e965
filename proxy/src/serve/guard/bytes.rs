//! Which bytes may stand where (RFC 9112 sections 3 and 5).

/// Whether a byte may stand in the value of a field.
pub(super) const fn is_value(byte: u8) -> bool {
    (byte >= b' ' && byte != 0x7f) || byte == b'\t'
}

/// Without an early end, so that many bytes are looked at at once.
pub(super) fn all_value(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |sound, &byte| sound & is_value(byte))
}

/// Without an early end, so that many bytes are looked at at once. Fragments stay with the client (RFC 9110 section 4.2.5).
pub(super) fn all_target(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |sound, &byte| sound & (byte > b' ' && byte != 0x7f && byte != b'#'))
}

/// Without the blanks around.
pub(super) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
