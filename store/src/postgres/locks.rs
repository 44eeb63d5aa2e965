//! Advisory locks, by which nodes take turns. They are of this database alone, and known by two numbers.

use pinfold::audit::Ledger;

/// The first number of locks that all nodes share: "pinf".
const ALL: i32 = 0x7069_6e66;
/// Where the second number is the name of a node, in short: "pinn".
const NODES: i32 = 0x7069_6e6e;

const MIGRATION: i32 = 1_000;
const PURGE: i32 = 1_001;
const IMPORT: i32 = 1_002;

/// Two numbers, as they are written into a call.
pub(super) type Lock = (i32, i32);

/// Held by whoever makes tables.
pub(super) const FOR_MIGRATION: Lock = (ALL, MIGRATION);
/// Held by whoever removes old rows.
pub(super) const FOR_PURGE: Lock = (ALL, PURGE);
/// Held by whoever adds what was before.
pub(super) const FOR_IMPORT: Lock = (ALL, IMPORT);

/// Held by the server that has the name of a node.
pub(super) fn of_node(node: &str) -> Lock {
    (NODES, in_short(node))
}

/// Held by whoever writes to a ledger. Each node has rows of its own where they belong to a key; counts of others are common, and so is
/// the chain of actions.
///
/// It is also what makes a batch count once: whoever tries again waits for the try before, which the server may still be at.
pub(super) fn of_ledger(ledger: Ledger, node: &str) -> Lock {
    let place = Ledger::ALL.iter().position(|one| *one == ledger).unwrap_or_default();
    let number = i32::try_from(place).unwrap_or_default();
    match ledger {
        Ledger::Address | Ledger::Distinct | Ledger::Key => (in_short(node), number),
        _ => (ALL, number),
    }
}

fn in_short(node: &str) -> i32 {
    crc32fast::hash(node.as_bytes()).cast_signed()
}
