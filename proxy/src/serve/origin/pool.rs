use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::link::Link;

/// How long an unused connection is kept: less than common servers keep theirs.
const UNUSED: Duration = Duration::from_secs(4);

/// At most so many unused connections are kept.
const MOST_UNUSED: usize = 256;

/// The unused connections of one thread. Last in, first out: the ones that are not needed grow old.
#[derive(Debug, Default)]
pub(super) struct Pool {
    // One thread alone takes it; the lock is for the compiler.
    unused: Mutex<Vec<Link>>,
}

impl Pool {
    /// A connection that was used a moment ago. Where the request cannot be sent a second time, only one that is seen to be open
    /// still: a look costs as much as a message does.
    pub(super) fn take(&self, repeatable: bool) -> Option<Link> {
        let mut unused = self.links();
        while let Some(mut link) = unused.pop() {
            if link.is_fresh(UNUSED) && (repeatable || link.is_open()) {
                return Some(link);
            }
        }
        None
    }

    /// Keeps a connection for another request, where it can take one.
    pub(super) fn give(&self, mut link: Link) {
        if link.rest() {
            let mut unused = self.links();
            if unused.len() < MOST_UNUSED {
                unused.push(link);
            }
        }
    }

    /// Closes what has not been used for long, or is closed at the other end.
    pub(super) fn tidy(&self) {
        self.links().retain_mut(|link| link.is_fresh(UNUSED) && link.is_open());
    }

    fn links(&self) -> MutexGuard<'_, Vec<Link>> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
