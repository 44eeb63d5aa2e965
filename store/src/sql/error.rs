use std::fmt;

/// Why a statement was not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SqlError {
    /// Somebody else holds what it needs. Nothing is wrong with the connection.
    Busy(String),
    /// The user of the store has no right to it.
    Denied(String),
    /// The engine has failed, or is away.
    Failed(String),
    /// The rows themselves are at fault: trying again would hold up everything behind them.
    Misfit(String),
}

impl SqlError {
    pub(crate) fn failed(reason: impl ToString) -> Self {
        Self::Failed(reason.to_string())
    }

    pub(crate) fn is_misfit(&self) -> bool {
        matches!(self, Self::Misfit(_))
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(reason) | Self::Denied(reason) | Self::Failed(reason) | Self::Misfit(reason) => {
                f.write_str(reason)
            }
        }
    }
}
