//! A batch as bytes: length and CRC-32 of what follows (32 bits each, little-endian), then how many rows there are, the ledger, whose they
//! are, their number, the site and the values.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Read};

use pinfold::audit::Ledger;

use crate::entry::Entry;
use crate::once::Author;
use crate::sql::Value;

/// The form, so that a later version knows what it reads.
const FORM: u8 = 1;

/// No record is longer, in bytes. The largest batch that waits has far fewer rows than it would take.
const LONGEST: u32 = 256 << 20;

/// A batch that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) author: Author,
    pub(crate) sequence: i64,
    pub(crate) entry: Entry<'static>,
}

/// Whether rows of a ledger may wait on disk.
pub(crate) fn may_hold(ledger: Ledger) -> bool {
    !matches!(ledger, Ledger::Action | Ledger::Address)
}

/// What is read next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// What a record holds, and its length on disk.
    Whole(Vec<u8>, u64),
    /// Something else than was written, so long.
    Damaged(u64),
    /// Less than was to be written, or nothing that has a length.
    Torn,
    End,
}

/// A record with its length and checksum.
pub(super) fn encode(author: &Author, sequence: i64, entry: &Entry<'_>) -> Vec<u8> {
    let mut bytes = vec![0; 8];
    bytes.push(FORM);
    number(&mut bytes, entry.rows.len());
    text(&mut bytes, entry.ledger.name().as_bytes());
    text(&mut bytes, author.node.as_bytes());
    bytes.extend(author.incarnation.to_le_bytes());
    bytes.extend(sequence.to_le_bytes());
    text(&mut bytes, entry.site.as_bytes());
    for row in &entry.rows {
        number(&mut bytes, row.len());
        row.iter().for_each(|value| put(&mut bytes, value));
    }
    let (length, sum) = (bytes.len() - 8, crc32fast::hash(&bytes[8..]));
    bytes[..4].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    bytes[4..8].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Reads what comes next, and whether it is what was written.
pub(super) fn next(from: &mut impl Read) -> io::Result<Next> {
    let mut head = [0; 8];
    match fill(from, &mut head)? {
        0 => return Ok(Next::End),
        8 => {}
        _ => return Ok(Next::Torn),
    }
    let [a, b, c, d, sum @ ..] = head;
    let length = u32::from_le_bytes([a, b, c, d]);
    if length == 0 || length > LONGEST {
        return Ok(Next::Torn);
    }
    let mut payload = Vec::new();
    let read = from.take(length.into()).read_to_end(&mut payload)?;
    if read < length as usize {
        return Ok(Next::Torn);
    }
    let whole = 8 + u64::from(length);
    Ok(match crc32fast::hash(&payload) == u32::from_le_bytes(sum) {
        true => Next::Whole(payload, whole),
        false => Next::Damaged(whole),
    })
}

fn fill(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match from.read(&mut into[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The ledger of a record, and how many rows it has, without reading them.
pub(super) fn heading(payload: &[u8]) -> Option<(Ledger, u64)> {
    let mut rest = Bytes(payload);
    if rest.byte()? != FORM {
        return None;
    }
    let rows = rest.number()?;
    Some((rest.ledger()?, u64::from(rows)))
}

pub(super) fn decode(payload: &[u8]) -> Option<Record> {
    let mut rest = Bytes(payload);
    if rest.byte()? != FORM {
        return None;
    }
    let rows = rest.number()?;
    let ledger = rest.ledger().filter(|ledger| may_hold(*ledger))?;
    let node = rest.text()?;
    let (incarnation, sequence) = (rest.integer()?, rest.integer()?);
    let site = Cow::Owned(rest.text()?);
    let row = |rest: &mut Bytes<'_>| (0..rest.number()?).map(|_| rest.value()).collect::<Option<Vec<_>>>();
    let rows = (0..rows).map(|_| row(&mut rest)).collect::<Option<Vec<_>>>()?;
    let author = Author { node, incarnation };
    rest.0.is_empty().then_some(Record { author, sequence, entry: Entry { ledger, site, rows } })
}

fn number(bytes: &mut Vec<u8>, number: usize) {
    bytes.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
}

fn text(bytes: &mut Vec<u8>, text: &[u8]) {
    number(bytes, text.len());
    bytes.extend(text);
}

fn put(bytes: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Null => bytes.push(0),
        Value::Integer(number) => {
            bytes.push(1);
            bytes.extend(number.to_le_bytes());
        }
        Value::Text(one) => {
            bytes.push(2);
            text(bytes, one.as_bytes());
        }
        Value::Bytes(one) => {
            bytes.push(3);
            text(bytes, one);
        }
    }
}

/// What is yet to be read of a record.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn integer(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = self.number()? as usize;
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken.to_vec())
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?).ok()
    }

    fn ledger(&mut self) -> Option<Ledger> {
        let name = self.text()?;
        Ledger::ALL.into_iter().find(|ledger| ledger.name() == name)
    }

    fn value(&mut self) -> Option<Value<'static>> {
        Some(match self.byte()? {
            0 => Value::Null,
            1 => Value::Integer(self.integer()?),
            2 => Value::Text(Cow::Owned(self.text()?)),
            3 => Value::Bytes(Cow::Owned(self.bytes()?)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let row = vec![
            Value::Null,
            Value::from(-7_i64),
            Value::from("Cyngor Tref, ŵ".to_owned()),
            Value::from([0, 255]),
        ];
        let entry =
            Entry { ledger: Ledger::Usage, site: Cow::Borrowed("www.town.example"), rows: vec![row, vec![]] };
        Record { author: Author { node: "web-1".to_owned(), incarnation: i64::MIN }, sequence: 7, entry }
    }

    fn bytes() -> Vec<u8> {
        let Record { author, sequence, entry } = record();
        encode(&author, sequence, &entry)
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let bytes = [bytes(), bytes()].concat();
        let mut from = bytes.as_slice();
        for _ in 0..2 {
            let Next::Whole(payload, length) = next(&mut from).unwrap() else { panic!("it is whole") };
            assert_eq!(length, bytes.len() as u64 / 2);
            assert_eq!(heading(&payload), Some((Ledger::Usage, 2)));
            assert_eq!(decode(&payload), Some(record()));
        }
        assert_eq!(next(&mut from).unwrap(), Next::End);
    }

    #[test]
    fn wherever_it_ends_it_is_torn_and_whatever_changes_is_damage() {
        let whole = bytes();
        for length in 1..whole.len() {
            assert_eq!(next(&mut &whole[..length]).unwrap(), Next::Torn, "{length}");
        }
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 0x10;
            assert!(!matches!(next(&mut changed.as_slice()).unwrap(), Next::Whole(..)), "{place}");
            // Nor does one with a sum of its own make anybody panic.
            let _ = (heading(&changed[8..]), decode(&changed[8..]), decode(&whole[8..place.max(8)]));
        }
    }

    #[test]
    fn addresses_and_acts_are_never_read_from_a_disk() {
        for ledger in [Ledger::Address, Ledger::Action] {
            let entry = Entry { ledger, ..record().entry };
            let bytes = encode(&record().author, 1, &entry);
            assert_eq!(decode(&bytes[8..]), None);
        }
    }
}
