use std::path::PathBuf;

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another server writes to the store.
    #[error("the store {0} is in use by another server (stop it, or give this one its own file)")]
    InUse(String),
    /// A copy cannot be made.
    #[error("the copy {} cannot be written: {reason} (name a new file, in a directory with room)", .path.display())]
    NotCopied {
        /// The copy.
        path: PathBuf,
        /// What SQLite or the system says.
        reason: String,
    },
    /// A copy is made by other means.
    #[error(
        "a store in PostgreSQL is copied by its own means (`pg_dump --schema=pinfold --exclude-table-data=pinfold.address {0}`)"
    )]
    CopiedElsewhere(String),
    /// Another server has the name of this node.
    #[error(
        "the store {store} is in use by another server that is named {node} (give each its own `[audit] node`)"
    )]
    NodeInUse {
        /// The store.
        store: String,
        /// The name.
        node: String,
    },
    /// Somebody else adds logs to the store.
    #[error("another import adds to the store {0} (wait until it is done)")]
    ImportedElsewhere(String),
    /// PostgreSQL cannot be reached, or does not answer as one.
    #[error(
        "the store {store} cannot be used: {reason} (see whether it runs, lets this user in, and has room)"
    )]
    Unreachable {
        /// The store.
        store: String,
        /// What PostgreSQL, or the way to it, says.
        reason: String,
    },
    /// The tables, or the roles that they belong to, cannot be made by this user of PostgreSQL.
    #[error(
        "the store {store} has no tables of this version, and its user may not make them (run `pinfold db migrate` as a user that may, or once: {statements})"
    )]
    MayNotMigrate {
        /// The store.
        store: String,
        /// What an administrator has to run.
        statements: String,
    },
    /// The directory where batches wait cannot be used.
    #[error("the spool {} cannot be used: {reason} (name a directory of this server alone)", .directory.display())]
    Spool {
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// An older version of the program has written to the file, and what is asked needs the newest schema.
    #[error(
        "the store {} has schema {found}, and this needs {known} (`pinfold db migrate`, after `pinfold db backup`)",
        .store
    )]
    OlderSchema {
        /// The store.
        store: String,
        /// The schema of the file.
        found: i64,
        /// The schema that is needed.
        known: i64,
    },
    /// A newer version of the program has written to the file.
    #[error(
        "the store {} has schema {found}, and this version knows {known} (use the newer version, or restore a backup)",
        .store
    )]
    NewerSchema {
        /// The store.
        store: String,
        /// The schema of the file.
        found: i64,
        /// The newest schema that this version knows.
        known: i64,
    },
    /// The file cannot be opened or read.
    #[error("the store {} cannot be used: {reason} (check that it exists, is a Pinfold store, and is writable)", .store)]
    Unusable {
        /// The store.
        store: String,
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

    pub(crate) fn unusable(store: impl ToString, reason: impl ToString) -> Self {
        Self::Unusable { store: store.to_string(), reason: reason.to_string() }
    }

    pub(crate) fn unreachable(store: impl ToString, reason: impl ToString) -> Self {
        Self::Unreachable { store: store.to_string(), reason: reason.to_string() }
    }
}
