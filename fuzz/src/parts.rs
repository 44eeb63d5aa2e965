//! Something cut into parts, as networks cut it.

/// The parts, by a number: 0 is the whole. They are 1 to 32 bytes long, of lengths that look like chance.
pub(crate) fn parts(bytes: &[u8], how: u8) -> impl Iterator<Item = &[u8]> {
    let (mut rest, mut state) = (bytes, u32::from(how));
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223 * u32::from(how != 0));
        let length = if how == 0 { rest.len() } else { 1 + (state >> 27) as usize };
        let (part, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        Some(part)
    })
}
