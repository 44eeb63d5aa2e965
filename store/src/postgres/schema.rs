//! The tables, the two roles that they belong to, and who makes them.

use std::thread;
use std::time::{Duration, Instant};

use super::locks::FOR_MIGRATION;
use super::server::Postgres;
use super::session::{OF_A_WRITER, Session};
use crate::error::StoreError;
use crate::schema::NEWEST;
use crate::sql::SqlError;

/// How long another node may take to make the tables.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

/// The roles. Nobody signs in by them: a server takes the one that it needs in each transaction.
const ROLES: [&str; 2] = ["pinfold_addresses", "pinfold_ledgers"];

/// What takes a database to version 7, the first that PostgreSQL knows. Text is compared by bytes, as SQLite does.
///
/// What a policy says may be longer than an entry of an index.
const TABLES: &str = r#"
CREATE TABLE pinfold.address (
    site TEXT COLLATE "C" NOT NULL, bucket BIGINT NOT NULL, host BIGINT NOT NULL, network BIGINT NOT NULL,
    requests BIGINT NOT NULL, refused BIGINT NOT NULL, node TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (site, bucket, host, network, node)
);
CREATE INDEX ON pinfold.address (node, bucket);
CREATE INDEX ON pinfold.address (bucket);
CREATE TABLE pinfold.key (
    site TEXT COLLATE "C" NOT NULL, epoch TEXT COLLATE "C" NOT NULL, made BIGINT NOT NULL, destroyed BIGINT, how TEXT COLLATE "C",
    node TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (site, epoch, node)
);
CREATE TABLE pinfold.traffic (
    site TEXT COLLATE "C" NOT NULL, day BIGINT NOT NULL, method TEXT COLLATE "C" NOT NULL, status BIGINT NOT NULL,
    requests BIGINT NOT NULL, page_views BIGINT NOT NULL,
    PRIMARY KEY (site, day, method, status)
);
CREATE TABLE pinfold.distinct_addresses (
    site TEXT COLLATE "C" NOT NULL, day BIGINT NOT NULL, epoch TEXT COLLATE "C" NOT NULL, estimate BIGINT NOT NULL,
    node TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (site, day, epoch, node)
);
CREATE TABLE pinfold.usage (
    site TEXT COLLATE "C" NOT NULL, day BIGINT NOT NULL, route TEXT COLLATE "C" NOT NULL, status BIGINT NOT NULL,
    requests BIGINT NOT NULL, page_views BIGINT NOT NULL, entries BIGINT NOT NULL, not_found BIGINT NOT NULL,
    PRIMARY KEY (site, day, route, status)
);
CREATE INDEX ON pinfold.usage (day);
CREATE TABLE pinfold.visit (
    site TEXT COLLATE "C" NOT NULL, day BIGINT NOT NULL, cell TEXT COLLATE "C" NOT NULL, count BIGINT NOT NULL,
    PRIMARY KEY (site, day, cell)
);
CREATE TABLE pinfold.facet (
    site TEXT COLLATE "C" NOT NULL, day BIGINT NOT NULL, kind TEXT COLLATE "C" NOT NULL, value TEXT COLLATE "C" NOT NULL,
    page_views BIGINT NOT NULL,
    PRIMARY KEY (site, day, kind, value)
);
CREATE INDEX ON pinfold.facet (day);
CREATE TABLE pinfold.consent (
    site TEXT COLLATE "C" NOT NULL, day BIGINT NOT NULL, policy TEXT COLLATE "C" NOT NULL, event TEXT COLLATE "C" NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL, events BIGINT NOT NULL,
    PRIMARY KEY (site, day, policy, event, purpose)
);
CREATE TABLE pinfold.cookie (
    site TEXT COLLATE "C" NOT NULL, pattern TEXT COLLATE "C" NOT NULL, direction TEXT COLLATE "C" NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL, action TEXT COLLATE "C" NOT NULL, seen BIGINT NOT NULL,
    first_day BIGINT NOT NULL, last_day BIGINT NOT NULL, distinct_values BIGINT, identifies BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (site, pattern, direction, purpose, action)
);
CREATE TABLE pinfold.policy (
    site TEXT COLLATE "C" NOT NULL, from_day BIGINT NOT NULL, fingerprint TEXT COLLATE "C" NOT NULL, statement TEXT COLLATE "C" NOT NULL,
    to_day BIGINT
);
CREATE INDEX ON pinfold.policy (site, fingerprint);
CREATE TABLE pinfold.purpose_bit (
    site TEXT COLLATE "C" NOT NULL, purpose TEXT COLLATE "C" NOT NULL, bit BIGINT NOT NULL,
    PRIMARY KEY (site, purpose)
);
CREATE TABLE pinfold.action (
    site TEXT COLLATE "C" NOT NULL, sequence BIGINT NOT NULL, at BIGINT NOT NULL, act TEXT COLLATE "C" NOT NULL, uid BIGINT NOT NULL,
    requested_by TEXT COLLATE "C" NOT NULL, approved_by TEXT COLLATE "C" NOT NULL, basis TEXT COLLATE "C" NOT NULL,
    result TEXT COLLATE "C" NOT NULL, previous BYTEA NOT NULL, hash BYTEA NOT NULL,
    PRIMARY KEY (site, sequence)
);
CREATE TABLE pinfold.import (
    site TEXT COLLATE "C" NOT NULL, mark BYTEA NOT NULL, lines BIGINT NOT NULL, "offset" BIGINT NOT NULL, day BIGINT NOT NULL,
    PRIMARY KEY (site, mark)
);
CREATE TABLE pinfold.delivered (
    ledger TEXT COLLATE "C" NOT NULL, sequence BIGINT NOT NULL, incarnation BIGINT NOT NULL, node TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (node, incarnation, ledger)
);
CREATE TABLE pinfold.schema_version (version BIGINT NOT NULL);
INSERT INTO pinfold.schema_version VALUES (7);
GRANT USAGE ON SCHEMA pinfold TO pinfold_addresses, pinfold_ledgers;
GRANT SELECT ON pinfold.schema_version TO pinfold_addresses, pinfold_ledgers;
GRANT SELECT, INSERT, UPDATE, DELETE ON pinfold.delivered TO pinfold_addresses, pinfold_ledgers;
GRANT SELECT, INSERT, UPDATE, DELETE ON pinfold.address, pinfold.key TO pinfold_addresses;
GRANT SELECT ON pinfold.key TO pinfold_ledgers;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    pinfold.traffic, pinfold.distinct_addresses, pinfold.usage, pinfold.visit, pinfold.facet, pinfold.consent, pinfold.cookie,
    pinfold.policy, pinfold.purpose_bit, pinfold.action, pinfold.import TO pinfold_ledgers;
"#;

/// The version of a database; 0 where it has no tables.
pub(super) fn version(session: &Session) -> Result<i64, SqlError> {
    let there =
        "SELECT true FROM pg_catalog.pg_tables WHERE schemaname = 'pinfold' AND tablename = 'schema_version'";
    if !session.is_true(there)? {
        return Ok(0);
    }
    session.transaction(crate::part::Part::Ledgers, &[], |session| {
        session
            .query("SELECT version FROM pinfold.schema_version", &[])?
            .first()
            .map_or(Ok(0), |row| row.get(0))
    })
}

/// Brings a database to the newest version: the version before. Of several nodes that try at once, one does.
pub(crate) fn migrate(server: &Postgres) -> Result<i64, StoreError> {
    let unreachable = |error: SqlError| StoreError::unreachable(server, error);
    let session = Session::open(server, OF_A_WRITER).map_err(unreachable)?;
    bring_forward(&session, server)
}

pub(super) fn bring_forward(session: &Session, server: &Postgres) -> Result<i64, StoreError> {
    let found = checked_version(session, server)?;
    if found == NEWEST {
        return Ok(found);
    }
    let unreachable = |error: SqlError| StoreError::unreachable(server, error);
    let until = Instant::now() + PATIENCE;
    while !session.takes(FOR_MIGRATION).map_err(unreachable)? {
        if Instant::now() > until {
            return Err(unreachable(SqlError::failed("another node does not finish making its tables")));
        }
        thread::sleep(PAUSE);
    }
    let done = match checked_version(session, server)? {
        NEWEST => Ok(()),
        _ => make_tables(session, server),
    };
    let (one, other) = FOR_MIGRATION;
    session.run(&format!("SELECT pg_advisory_unlock({one}, {other})")).map_err(unreachable)?;
    done.map(|()| found)
}

/// The version, if it is none of a later program.
pub(super) fn checked_version(session: &Session, server: &Postgres) -> Result<i64, StoreError> {
    let found = version(session).map_err(|error| refused(session, server, error))?;
    if found > NEWEST {
        return Err(StoreError::NewerSchema { store: server.to_string(), found, known: NEWEST });
    }
    Ok(found)
}

fn make_tables(session: &Session, server: &Postgres) -> Result<(), StoreError> {
    let made = missing(session, "CURRENT_USER")
        .and_then(|missing| session.run(&format!("BEGIN; {} {TABLES} COMMIT", missing.join(" "))));
    made.map_err(|error| {
        // The transaction that failed is still there.
        let _ = session.run("ROLLBACK");
        refused(session, server, error)
    })
}

/// What must be there before a user can make tables.
fn missing(session: &Session, user: &str) -> Result<Vec<String>, SqlError> {
    let mut missing = Vec::new();
    for role in ROLES {
        if !session.is_true(&format!("SELECT true FROM pg_catalog.pg_roles WHERE rolname = '{role}'"))? {
            missing.push(format!("CREATE ROLE {role} NOLOGIN; GRANT {role} TO {user};"));
        } else if !session.is_true(&format!("SELECT pg_has_role('{role}', 'MEMBER')"))? {
            missing.push(format!("GRANT {role} TO {user};"));
        }
    }
    if !session.is_true("SELECT true FROM pg_catalog.pg_namespace WHERE nspname = 'pinfold'")? {
        missing.push(format!("CREATE SCHEMA pinfold AUTHORIZATION {user};"));
    }
    Ok(missing)
}

/// What an administrator has to run, where it is a right that is missing.
fn refused(session: &Session, server: &Postgres, error: SqlError) -> StoreError {
    let is_a_right = matches!(error, SqlError::Denied(_));
    let user = session.query("SELECT quote_ident(current_user)::text", &[]);
    let user = user.ok().and_then(|rows| rows.first()?.get::<String>(0).ok());
    match user.filter(|_| is_a_right).map(|user| missing(session, &user)) {
        Some(Ok(statements)) if !statements.is_empty() => {
            StoreError::MayNotMigrate { store: server.to_string(), statements: statements.join(" ") }
        }
        _ => StoreError::unreachable(server, error),
    }
}
