use std::borrow::Cow;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement, params_from_iter};

use crate::sql::{Row, SqlError, Value};

/// Runs a statement: how many rows it changed.
pub(crate) fn execute(connection: &Connection, sql: &str, values: &[Value<'_>]) -> Result<u64, SqlError> {
    let changed = connection.prepare_cached(&numbered(sql))?.execute(params_from_iter(values))?;
    Ok(changed as u64)
}

/// Runs a statement for each row of parameters.
pub(crate) fn execute_each(
    connection: &Connection,
    sql: &str,
    rows: &[Vec<Value<'_>>],
) -> Result<(), SqlError> {
    let mut statement = connection.prepare_cached(&numbered(sql))?;
    for row in rows {
        statement.execute(params_from_iter(row))?;
    }
    Ok(())
}

/// Every row that a statement gives.
pub(crate) fn query(connection: &Connection, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, SqlError> {
    let mut found = Vec::new();
    each(connection, sql, values, |_, row| {
        found.push(row);
        Ok::<_, SqlError>(())
    })?;
    Ok(found)
}

/// Tells each row that a statement gives, with the names of its columns.
pub(super) fn each<E: From<SqlError>>(
    connection: &Connection,
    sql: &str,
    values: &[Value<'_>],
    mut tell: impl FnMut(&[String], Row) -> Result<(), E>,
) -> Result<(), E> {
    let failed = |error: rusqlite::Error| E::from(error.into());
    let mut statement = connection.prepare_cached(&numbered(sql)).map_err(failed)?;
    let names = names_of(&statement);
    let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let columns = (0..names.len()).map(|column| Ok(owned(row.get_ref(column)?)));
        tell(&names, Row(columns.collect::<rusqlite::Result<_>>().map_err(failed)?))?;
    }
    Ok(())
}

fn names_of(statement: &Statement<'_>) -> Vec<String> {
    statement.column_names().map(str::to_owned).collect()
}

/// SQLite takes `$1` for a name, and numbers names in the order in which they occur.
fn numbered(sql: &str) -> Cow<'_, str> {
    if sql.contains('$') { Cow::Owned(sql.replace('$', "?")) } else { Cow::Borrowed(sql) }
}

fn owned(value: ValueRef<'_>) -> Value<'static> {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        // No column holds one, but a damaged file may.
        ValueRef::Real(number) => Value::Text(Cow::Owned(number.to_string())),
        ValueRef::Text(text) => Value::Text(Cow::Owned(String::from_utf8_lossy(text).into_owned())),
        ValueRef::Blob(bytes) => Value::Bytes(Cow::Owned(bytes.to_vec())),
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{ConstraintViolation, DatabaseBusy, TooBig, TypeMismatch};
        let reason = error.to_string();
        match error.sqlite_error_code() {
            Some(DatabaseBusy) => Self::Busy(reason),
            Some(ConstraintViolation | TooBig | TypeMismatch) | None => Self::Misfit(reason),
            Some(_) => Self::Failed(reason),
        }
    }
}
