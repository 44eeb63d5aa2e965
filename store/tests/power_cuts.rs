//! The file as a power cut leaves it: what was synced is there, and the rest is as if it had never been.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common/chaos.rs"]
mod chaos;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use chaos::{Chance, note, times};
use pinfold::audit::{Batch, ConsentRow, Rows, Sink};
use pinfold::consent::ConsentEvent;
use pinfold::time::CivilDate;
use pinfold_store::{Ledgers, Period, Retention, Store};
use rusqlite::Connection;

const SITE: &str = "www.town.example";
const DAY: CivilDate = CivilDate::from_days(20_000);

async fn choose(store: &Store) {
    let (policy, purpose) = ("00c0ffee".to_owned(), "marketing".to_owned());
    let row = ConsentRow { day: DAY, policy, event: ConsentEvent::Accepted, purpose, events: 1 };
    store.sink().deliver(Batch { site: Arc::from(SITE), rows: Rows::Consent(vec![row]) }).await.unwrap();
}

/// How many choices a copy has, once a server was started on it.
fn counted(file: &Path) -> i64 {
    Store::open(file, Retention::default()).unwrap().close();
    let whole = Connection::open(file).unwrap();
    let whole: String = whole.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
    let period = Period { from: DAY, to: CivilDate::from_days(DAY.days() + 1) };
    let rows = Ledgers::open(file).unwrap().consent(SITE, period).unwrap();
    rows.iter().map(|row| row.events).sum()
}

/// A file and its log as they lay on disk after each of some choices, none of which has left the log: a reader keeps them there.
struct Laid {
    file: Vec<u8>,
    log: Vec<u8>,
    /// How long the log was when each choice was settled.
    settled: Vec<usize>,
}

async fn lay(choices: usize) -> Laid {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pinfold.db");
    let store = Store::open(&file, Retention::default()).unwrap();
    choose(&store).await;
    let reader = Connection::open(&file).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let _: i64 = reader.query_row("SELECT count(*) FROM consent", [], |row| row.get(0)).unwrap();
    let log = directory.path().join("pinfold.db-wal");
    let mut settled = Vec::new();
    for _ in 0..choices {
        choose(&store).await;
        settled.push(usize::try_from(fs::metadata(&log).unwrap().len()).unwrap());
    }
    Laid { file: fs::read(&file).unwrap(), log: fs::read(&log).unwrap(), settled }
}

fn put(directory: &Path, file: &[u8], log: &[u8]) -> std::path::PathBuf {
    let path = directory.join("pinfold.db");
    fs::write(&path, file).unwrap();
    fs::write(directory.join("pinfold.db-wal"), log).unwrap();
    path
}

/// FAULT2. Nobody needs to stop the writer for a copy: the log is only appended to, and the file rests.
#[tokio::test]
async fn fault_02_a_log_cut_anywhere_opens_with_all_that_was_synced_before() {
    let (laid, cuts) = (times(1, 10), times(50, 100));
    let mut chance = Chance::new();
    for _ in 0..laid {
        let Laid { file, log, settled } = lay(12).await;
        for _ in 0..cuts {
            let cut = chance.below(log.len() + 1);
            let directory = tempfile::tempdir().unwrap();
            let copy = put(directory.path(), &file, &log[..cut]);
            let expected = 1 + settled.iter().filter(|length| **length <= cut).count();
            assert_eq!(counted(&copy), i64::try_from(expected).unwrap(), "cut at {cut} of {settled:?}");
        }
    }
    note(
        "FAULT2",
        "the write-ahead log cut at a random byte",
        laid * cuts,
        "opens, integrity ok, exactly what was synced before the cut",
        "0 synced choices lost",
    );
}

/// The other half: the log is whole, and the file half-way between what it was and what it becomes, sector by sector.
#[tokio::test]
async fn fault_02_a_file_cut_off_half_way_from_the_log_is_mended_from_it() {
    let mut chance = Chance::new();
    let Laid { file: before, log, settled } = lay(6).await;
    let directory = tempfile::tempdir().unwrap();
    let whole = put(directory.path(), &before, &log);
    Connection::open(&whole).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let after = fs::read(&whole).unwrap();
    assert_ne!(before, after);
    for _ in 0..times(20, 200) {
        let mut torn = after.clone();
        torn.truncate(before.len() + 512 * chance.below((after.len() - before.len()) / 512 + 1));
        for (old, new) in before.chunks(512).zip(torn.chunks_mut(512)) {
            if chance.below(2) == 0 {
                new.copy_from_slice(old);
            }
        }
        let directory = tempfile::tempdir().unwrap();
        let copy = put(directory.path(), &torn, &log);
        assert_eq!(counted(&copy), 1 + i64::try_from(settled.len()).unwrap());
    }
}
