//! The chain of the action ledger: whatever is changed afterwards breaks it.

use pinfold::audit::{ActionEntry, ActionRow, ChainHash, verify_chain};
use pinfold::time::UnixTime;

/// A head; then, a line each, rows of six texts with `|` between. The first byte says which of them is changed, and how.
pub fn run(data: &[u8]) {
    let Some((&change, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let mut lines = text.split('\n');
    if let Some(Ok(head)) = lines.next().map(str::parse::<ChainHash>) {
        assert_eq!(head.to_string().parse(), Ok(head));
    }
    let mut previous = ChainHash::START;
    let mut entries: Vec<ActionEntry> = (1..)
        .zip(lines.map(row))
        .map(|(sequence, row)| {
            let hash = previous.then("town", sequence, &row);
            let before = std::mem::replace(&mut previous, hash);
            ActionEntry { sequence, row, previous: before, hash }
        })
        .collect();
    assert_eq!(verify_chain("town", &entries), Ok(previous));
    if entries.is_empty() {
        return;
    }
    let at = usize::from(change >> 4) % entries.len();
    let ActionEntry { sequence, row, hash, .. } = &mut entries[at];
    match change & 7 {
        0 => row.basis.push('x'),
        1 => row.uid ^= 1,
        2 => row.at = UnixTime::from_seconds(row.at.seconds() ^ 1),
        3 => std::mem::swap(&mut row.requested_by, &mut row.approved_by),
        4 => *sequence += 1,
        5 => *hash = ChainHash::START,
        6 => row.result.insert(0, 'x'),
        _ => row.act.clear(),
    }
    let unchanged = match change & 7 {
        3 => entries[at].row.requested_by == entries[at].row.approved_by,
        7 => row_is_of_nothing(rest, at),
        _ => false,
    };
    assert_eq!(verify_chain("town", &entries).is_ok(), unchanged);
}

fn row(line: &str) -> ActionRow {
    let mut texts = line.split('|').map(str::to_owned);
    let mut next = || texts.next().unwrap_or_default();
    ActionRow {
        at: UnixTime::from_seconds(next().len() as i64),
        act: next(),
        uid: 1000,
        requested_by: next(),
        approved_by: next(),
        basis: next(),
        result: next(),
    }
}

/// Whether no act was written in the row at this place.
fn row_is_of_nothing(rest: &[u8], at: usize) -> bool {
    let text = String::from_utf8_lossy(rest);
    text.split('\n').nth(at + 1).is_none_or(|line| row(line).act.is_empty())
}
