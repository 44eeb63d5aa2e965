//! Recorded requests, as `pinfold explain` reads them.

use pinfold_proxy::fuzzing::recorded;

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(why) = recorded(text) {
        assert!(!why.is_empty() && !why.contains(|letter: char| letter.is_control()), "{why:?}");
    }
}
