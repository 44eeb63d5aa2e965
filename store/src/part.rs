use pinfold::audit::Ledger;

/// The two parts of a store that no statement joins. In PostgreSQL each belongs to a role of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Pseudonyms of addresses, and the life of the keys that they are under.
    Addresses,
    /// Everything else.
    Ledgers,
}

impl Part {
    pub(crate) const ALL: [Self; 2] = [Self::Addresses, Self::Ledgers];

    pub(crate) fn of(ledger: Ledger) -> Self {
        match ledger {
            Ledger::Address | Ledger::Key => Self::Addresses,
            _ => Self::Ledgers,
        }
    }
}
