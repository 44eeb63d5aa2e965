//! The order in which the rows of a table lie on the pages of the file, which SQL does not tell.
//!
//! A page takes new cells from its end downwards, so that within a page the row that lies furthest back came first
//! (<https://www.sqlite.org/fileformat2.html>, section 1.6).

use std::path::Path;

use rusqlite::Connection;

use super::stolen::read;

/// Names and values as text, page by page, in each the row first that was written first. A table with row numbers is one page:
/// they tell the order of all.
pub(crate) fn rows_as_laid(file: &Path, table: &str, columns: [usize; 2]) -> Vec<Vec<[String; 2]>> {
    let connection = Connection::open(file).unwrap();
    let numbered = format!("SELECT * FROM {table} ORDER BY rowid");
    if connection.prepare(&numbered).is_ok() {
        let text = |row: &rusqlite::Row<'_>, column| {
            row.get_ref(column).map(|value| match value {
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                value => value.as_str().unwrap_or_default().to_owned(),
            })
        };
        let rows = read(&connection, &numbered, |row| Ok([text(row, columns[0])?, text(row, columns[1])?]));
        return vec![rows];
    }
    let root = "SELECT rootpage FROM sqlite_master WHERE name = ?1";
    let root: u32 = connection.query_row(root, [table], |row| row.get(0)).unwrap();
    let size: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
    let size = size as usize;
    let bytes = std::fs::read(file).unwrap();
    let mut pages = Vec::new();
    let mut to_come = vec![root as usize];
    while let Some(number) = to_come.pop() {
        let page = &bytes[(number - 1) * size..number * size];
        let is_leaf = page[0] == 0x0a;
        assert!(is_leaf || page[0] == 0x02, "a page of an index");
        let cells = short(page, 3);
        let array = if is_leaf { 8 } else { 12 };
        let mut places: Vec<usize> = (0..cells).map(|cell| short(page, array + 2 * cell)).collect();
        if !is_leaf {
            to_come.extend(places.iter().map(|place| long(page, *place)));
            to_come.push(long(page, 8));
            places.iter_mut().for_each(|place| *place += 4);
        }
        places.sort_unstable_by(|one, other| other.cmp(one));
        let row = |place: &usize| {
            let values = record(&page[*place..]);
            columns.map(|column| values[column].clone())
        };
        pages.push(places.iter().map(row).collect());
    }
    pages
}

/// The values of a cell (section 2.1).
fn record(cell: &[u8]) -> Vec<String> {
    let (_, start) = varint(cell);
    let payload = &cell[start..];
    let (header, mut at) = varint(payload);
    let mut value_at = header as usize;
    let mut values = Vec::new();
    while at < header as usize {
        let (kind, length) = varint(&payload[at..]);
        at += length;
        let width = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind as usize,
            5 => 6,
            6 | 7 => 8,
            _ => (kind as usize - 12) / 2,
        };
        let value = &payload[value_at..value_at + width];
        value_at += width;
        values.push(match kind {
            8 | 9 => (kind - 8).to_string(),
            0..=7 => value.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte)).to_string(),
            _ => String::from_utf8_lossy(value).into_owned(),
        });
    }
    values
}

fn varint(bytes: &[u8]) -> (u64, usize) {
    let mut number = 0;
    for (place, byte) in bytes.iter().take(9).enumerate() {
        if place == 8 {
            return (number << 8 | u64::from(*byte), 9);
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return (number, place + 1);
        }
    }
    (number, bytes.len())
}

fn short(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1])
}

fn long(bytes: &[u8], at: usize) -> usize {
    short(bytes, at) << 16 | short(bytes, at + 2)
}
