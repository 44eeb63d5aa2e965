//! Keeps the keys that are in memory out of core dumps, debuggers and swap.

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// Forbids core dumps, forbids other processes of the same user to look into the memory of this one, and keeps it out of swap
/// where the system allows that.
///
/// What cannot be done is logged: the server runs all the same, because a council whose machine does not allow it has keys that die
/// after 48 hours still.
pub(super) fn keep_private() {
    let no_core = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, no_core) {
        tracing::warn!(%error, "core dumps could not be forbidden");
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "other processes could not be forbidden to look into memory");
    }
    // With a limit, a lock on what is yet to come would fail some later allocation instead.
    if getrlimit(Resource::Memlock).current.is_some() {
        tracing::info!("memory is not kept out of swap: encrypt swap, or let LimitMEMLOCK=infinity");
        return;
    }
    if let Err(error) = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT) {
        tracing::info!(%error, "memory is not kept out of swap: encrypt swap");
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::dumpable_behavior;

    use super::*;

    #[test]
    fn log_02_memory_is_not_dumped() {
        keep_private();
        assert_eq!(getrlimit(Resource::Core), Rlimit { current: Some(0), maximum: Some(0) });
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
