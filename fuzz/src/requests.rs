//! The guard before hyper: what it hands on is read alike by two other readers, and does not depend on how it comes.

use pinfold_proxy::fuzzing::guarded;

use crate::http1::{Message, by_httparse, by_the_letter};
use crate::parts::parts;

/// The first byte says in what parts the rest comes.
pub fn run(data: &[u8]) {
    let Some((&how, bytes)) = data.split_first() else { return };
    let whole = guarded([bytes]);
    for again in [guarded(parts(bytes, how)), guarded(bytes.chunks(1))] {
        assert_eq!((&again.passed, again.heads, again.in_body), (&whole.passed, whole.heads, whole.in_body));
        // Of several faults in a line, the one that comes first is said.
        assert_eq!(again.refused.is_some(), whole.refused.is_some());
    }
    assert!(bytes.starts_with(&whole.passed), "something was changed");
    assert!(whole.refused.is_none_or(|status| (400..=599).contains(&status)));
    let shown = whole.passed.escape_ascii();
    let one = by_httparse(&whole.passed).unwrap_or_else(|why| panic!("{why}: {shown}"));
    let other = by_the_letter(&whole.passed).unwrap_or_else(|why| panic!("{why}: {shown}"));
    assert_eq!(one, other, "{shown}");
    assert_eq!(one.len(), whole.heads, "{shown}");
    assert_eq!(one.last().is_some_and(|last| last.body.is_none()), whole.in_body, "{shown}");
    one.iter().for_each(|message| are_sound(message, &one));
}

/// What no server behind may have to decide.
fn are_sound(message: &Message, all: &[Message]) {
    assert!(
        ["/", "*"].iter().any(|form| message.target.starts_with(form)) || message.target.contains("://"),
        "{all:?}"
    );
    assert!(!["CONNECT", "TRACE"].contains(&&*message.method), "{all:?}");
    let count = |name: &str| message.fields.iter().filter(|(its, _)| its == name).count();
    assert!(count("content-length") + count("transfer-encoding") <= 1, "{all:?}");
}
