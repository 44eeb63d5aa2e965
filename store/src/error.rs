use std::path::PathBuf;

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another server writes to the file.
    #[error("the store {} is in use by another server (stop it, or give this one its own file)", .0.display())]
    InUse(PathBuf),
    /// A copy cannot be made.
    #[error("the copy {} cannot be written: {reason} (name a new file, in a directory with room)", .path.display())]
    NotCopied {
        /// The copy.
        path: PathBuf,
        /// What SQLite or the system says.
        reason: String,
    },
    /// An older version of the program has written to the file, and what is asked needs the newest schema.
    #[error(
        "the store {} has schema {found}, and this needs {known} (`pinfold db migrate`, after `pinfold db backup`)",
        .path.display()
    )]
    OlderSchema {
        /// The file.
        path: PathBuf,
        /// The schema of the file.
        found: i64,
        /// The schema that is needed.
        known: i64,
    },
    /// A newer version of the program has written to the file.
    #[error(
        "the store {} has schema {found}, and this version knows {known} (use the newer version, or restore a backup)",
        .path.display()
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The schema of the file.
        found: i64,
        /// The newest schema that this version knows.
        known: i64,
    },
    /// The file cannot be opened or read.
    #[error("the store {} cannot be used: {reason} (check that it exists, is a Pinfold store, and is writable)", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What SQLite or the system says.
        reason: String,
    },
    /// The SQLite library is one that can damage a database.
    #[error("SQLite {0} can damage a database with a write-ahead log (use 3.51.3 or later)")]
    UnsoundSqlite(String),
}

impl StoreError {
    pub(crate) fn not_copied(path: &std::path::Path, reason: impl ToString) -> Self {
        Self::NotCopied { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn unusable(path: &std::path::Path, reason: impl ToString) -> Self {
        Self::Unusable { path: path.to_owned(), reason: reason.to_string() }
    }
}
