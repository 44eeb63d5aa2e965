//! A door for the fuzz targets.

use super::messages::Messages;

/// What became of the bytes of a connection.
#[derive(Debug, PartialEq, Eq)]
pub struct Guarded {
    /// What hyper is handed.
    pub passed: Vec<u8>,
    /// The status of the refusal of what follows.
    pub refused: Option<u16>,
    /// How many heads were sound.
    pub heads: usize,
    /// Whether what was handed on ends within a body.
    pub in_body: bool,
}

/// Judges a connection whose bytes come in these parts, and on which nobody agrees to speak another protocol.
pub fn guarded<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Guarded {
    let (mut messages, mut held) = (Messages::new(), Vec::new());
    let (mut passed, mut refused) = (Vec::new(), None);
    for part in parts {
        held.extend_from_slice(part);
        loop {
            let judged = messages.judge(&held);
            passed.extend(held.drain(..judged.sound));
            refused = judged.refused.map(|refused| refused.status.as_u16());
            if refused.is_some() || !messages.is_undecided() {
                break;
            }
            messages.go_on();
        }
        if refused.is_some() {
            break;
        }
    }
    Guarded { passed, refused, heads: messages.heads(), in_body: messages.in_body() }
}
