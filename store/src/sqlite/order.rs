use rusqlite::{Connection, params_from_iter};

use super::statements;
use crate::sql::{SqlError, Value};

/// Lays rows down anew, in the order of their keys. A page takes what comes later further to its front, whatever the key, so
/// that where rows lie would tell which of them were written first, and with it the hour in which a route became a crowd. A table is
/// named with the number of its key columns, which come first.
pub(crate) fn lay_in_order(
    connection: &Connection,
    (table, keys): (&str, usize),
    which: &str,
    values: &[Value<'_>],
) -> Result<(), SqlError> {
    let order = (1..=keys).map(|column| column.to_string()).collect::<Vec<_>>().join(", ");
    let select = format!("SELECT * FROM {table} WHERE {which} ORDER BY {order}");
    let rows = statements::query(connection, &select, values)?;
    statements::execute(connection, &format!("DELETE FROM {table} WHERE {which}"), values)?;
    let columns = rows.first().map_or(0, |row| row.0.len());
    if columns == 0 {
        return Ok(());
    }
    let places = vec!["?"; columns].join(", ");
    let mut insert = connection.prepare_cached(&format!("INSERT INTO {table} VALUES ({places})"))?;
    for row in rows {
        insert.execute(params_from_iter(row.0))?;
    }
    Ok(())
}
