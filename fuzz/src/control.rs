//! Questions on the control socket: what was understood is understood again.

use pinfold_proxy::fuzzing::asked;

pub fn run(data: &[u8]) {
    let Ok(line) = std::str::from_utf8(data) else { return };
    let Some(once) = asked(line) else { return };
    assert!(!once.contains('\n'), "{once}");
    assert_eq!(asked(&once).as_deref(), Some(&*once));
}
