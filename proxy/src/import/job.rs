//! Logs in, counts out.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use pinfold::audit::{PastRequest, PastUse};
use pinfold::time::{CivilDate, Clock as _, SystemClock, UnixTime};
use pinfold_store::{ImportStore, Imported};

use super::entry::Entry;
use super::head::Head;
use super::page::is_page;
use super::tally::Tally;
use crate::access_log::{Format, Lines, Progress, Stamps};
use crate::config::{Hosts, Settings};
use crate::exit::Failure;

/// How long counts stay in memory before they are kept.
const HELD: Duration = Duration::from_secs(2);

/// How often it is looked whether they have been there for so long.
const LOOK_EVERY: u64 = 8_192;

/// Requests from further ahead than this were stamped by a clock that is wrong.
const AHEAD: i64 = 86_400;

/// Reads logs into the store of a site, and says what became of each.
pub(crate) fn run(
    settings: &Settings,
    files: &[impl AsRef<Path>],
    format: Option<Format>,
    mut say: impl FnMut(&Path, &Tally) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let policy = settings.policy(Default::default(), Vec::new()).map_err(Failure::of)?;
    let now = SystemClock::new().now();
    let kept = &settings.store;
    let mut import = Import {
        store: ImportStore::open(kept.location.clone(), kept.retention, kept.most_bytes)
            .map_err(Failure::of)?,
        past: PastUse::new(policy, settings.calendar.clone(), &settings.audit),
        site: &settings.site,
        hosts: &settings.hosts,
        oldest: kept.retention.oldest_day(now),
        latest: now.plus(AHEAD),
        stamps: Stamps::default(),
        progress: Progress::new(),
        lines: 0,
    };
    for file in files.iter().map(AsRef::as_ref) {
        let tally = import.read(file, format)?;
        import.progress.end();
        say(file, &tally)?;
    }
    Ok(())
}

struct Import<'a> {
    store: ImportStore,
    past: PastUse,
    site: &'a str,
    hosts: &'a Hosts,
    oldest: CivilDate,
    latest: UnixTime,
    stamps: Stamps,
    progress: Progress,
    /// Of all logs together.
    lines: u64,
}

/// How far a log is read, and how it is known in the store.
struct Place {
    imported: Imported,
    known_as: Option<[u8; 16]>,
    kept: Instant,
}

impl Import<'_> {
    fn read(&mut self, file: &Path, format: Option<Format>) -> Result<Tally, Failure> {
        let cannot = |error: io::Error| Failure::of(format!("{} cannot be read: {error}", file.display()));
        let mut lines = Lines::open(file).map_err(cannot)?;
        self.progress.follow(lines.extent());
        let (head, goes_on) = Head::read(&mut lines, format).map_err(cannot)?;
        let mut tally = Tally { goes_on, ..Tally::default() };
        let Some((mark, known_by)) = head.mark() else { return Ok(tally) };
        let known = self.store.imported(self.site).map_err(Failure::of)?;
        let known = head.find(&known);
        let begins = known.map_or(0, |known| known.offset);
        tally.known = begins;
        let mut place = Place {
            imported: Imported {
                mark,
                lines: known_by,
                offset: begins,
                day: known.map_or(self.oldest, |known| known.day),
            },
            known_as: known.map(|known| known.mark).filter(|known| *known != mark),
            kept: Instant::now(),
        };
        let format = head.format();
        if !goes_on && head.end() < begins && !lines.skip_to_end_of_line(begins).map_err(cannot)? {
            return Err(Failure::of(format!(
                "{} begins as another log did that was imported before, and is not that log: it cannot be told which of its lines are new \
                 (leave the lines of health checks out of both, as by grep -v, and import them again into an empty store)",
                file.display()
            )));
        }
        for line in head.lines().iter().filter(|line| line.offset > begins) {
            self.count(&line.text, format.filter(|_| !line.is_too_long), &mut tally, &mut place);
            place.imported.offset = line.offset;
        }
        if !goes_on {
            tally.goes_on = self.read_on(&mut lines, format, &mut tally, &mut place, cannot)?;
        }
        self.finish(&tally, &mut place)?;
        Ok(tally)
    }

    /// Reads what comes after the head; whether a line without an end comes last.
    fn read_on(
        &mut self,
        lines: &mut Lines,
        mut format: Option<Format>,
        tally: &mut Tally,
        place: &mut Place,
        cannot: impl Fn(io::Error) -> Failure,
    ) -> Result<bool, Failure> {
        loop {
            match lines.advance() {
                Ok(true) if lines.is_whole() => {}
                Ok(more) => return Ok(more),
                Err(error) => {
                    self.finish(tally, place)?;
                    return Err(cannot(error));
                }
            }
            format = format.or_else(|| Format::of(lines.line()));
            self.count(lines.line(), format.filter(|_| !lines.is_too_long()), tally, place);
            place.imported.offset = lines.offset();
            if self.lines.is_multiple_of(LOOK_EVERY)
                && !tally.is_of_no_use()
                && (place.kept.elapsed() >= HELD || self.past.is_full())
            {
                self.keep(place)?;
            }
        }
    }

    fn count(&mut self, line: &[u8], format: Option<Format>, tally: &mut Tally, place: &mut Place) {
        self.lines += 1;
        self.progress.show(self.lines);
        tally.read += 1;
        let entry = format.and_then(|format| Entry::read(line, format, &mut self.stamps));
        let Some(entry) = entry.filter(|entry| entry.at <= self.latest) else {
            tally.rejected += 1;
            return;
        };
        if entry.host.as_ref().is_some_and(|host| !serves(self.hosts, host)) {
            tally.elsewhere += 1;
            return;
        }
        let day = self.past.day_of(entry.at);
        if day < self.oldest {
            tally.older += 1;
            return;
        }
        self.past.count(&PastRequest {
            at: entry.at,
            method: entry.method,
            status: entry.status,
            path: &entry.path,
            page: is_page(entry.method, entry.status, &entry.path),
            referrer: entry.referrer.as_deref(),
            agent: entry.agent.as_deref(),
        });
        place.imported.day = place.imported.day.max(day);
        tally.counted += 1;
    }

    fn finish(&mut self, tally: &Tally, place: &mut Place) -> Result<(), Failure> {
        // A log of no use was perhaps read as what it is not, or is not too old once more is kept: it may be read again.
        if tally.is_of_no_use() { Ok(()) } else { self.keep(place) }
    }

    /// Keeps what was counted, and how far.
    fn keep(&mut self, place: &mut Place) -> Result<(), Failure> {
        let rows = self.past.take_rows();
        self.store.add(self.site, rows, &place.imported, place.known_as.take()).map_err(Failure::of)?;
        place.kept = Instant::now();
        Ok(())
    }
}

fn serves(hosts: &Hosts, host: &str) -> bool {
    match hosts {
        Hosts::Any => true,
        Hosts::Only(hosts) => hosts.iter().any(|one| one == host),
    }
}
