//! Our values as PostgreSQL sends them.

use std::borrow::Cow;
use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::sql::{Row, SqlError, Value};

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) if *ty == Type::INT4 => i32::try_from(*number)?.to_sql(ty, out),
            Self::Integer(number) => number.to_sql(ty, out),
            Self::Text(text) => text.to_sql(ty, out),
            Self::Bytes(bytes) => bytes.as_ref().to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT4, Type::INT8, Type::TEXT, Type::BYTEA].contains(ty)
    }

    to_sql_checked!();
}

/// A row as ours.
pub(super) fn row_of(row: &tokio_postgres::Row) -> Result<Row, SqlError> {
    let columns = row.columns().iter().enumerate().map(|(at, column)| {
        let value = match *column.type_() {
            Type::BOOL => row.try_get::<_, Option<bool>>(at).map(Value::from),
            Type::INT4 => row.try_get::<_, Option<i32>>(at).map(Value::from),
            Type::INT8 => row.try_get::<_, Option<i64>>(at).map(Value::from),
            Type::BYTEA => row
                .try_get::<_, Option<Vec<u8>>>(at)
                .map(|bytes| bytes.map_or(Value::Null, |bytes| Value::Bytes(Cow::Owned(bytes)))),
            _ => row.try_get::<_, Option<String>>(at).map(Value::from),
        };
        value.map_err(SqlError::from)
    });
    columns.collect::<Result<_, _>>().map(Row)
}

impl From<tokio_postgres::Error> for SqlError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(told) = error.as_db_error() else {
            let mut reason = error.to_string();
            if let Some(source) = error.source() {
                reason = format!("{reason}: {source}");
            }
            return Self::Failed(reason);
        };
        let (code, reason) = (told.code(), told.message().to_owned());
        let passes = [
            &SqlState::LOCK_NOT_AVAILABLE,
            &SqlState::T_R_DEADLOCK_DETECTED,
            &SqlState::T_R_SERIALIZATION_FAILURE,
        ];
        if passes.contains(&code) {
            return Self::Busy(reason);
        }
        if *code == SqlState::INSUFFICIENT_PRIVILEGE {
            return Self::Denied(reason);
        }
        match &code.code()[..2] {
            // Data exceptions, constraints, limits. The words may quote a value.
            "22" | "23" | "54" => Self::Misfit(format!("SQLSTATE {}", code.code())),
            _ => Self::Failed(reason),
        }
    }
}
