//! Visitors who choose all the while, and what they were told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pinfold::time::CivilDate;
use pinfold_store::{Ledgers, Location, Period};
use rusqlite::Connection;

/// A choice whose count is not on disk by then is answered all the same.
const PATIENCE: Duration = Duration::from_millis(100);

/// So that no address adds more rows than one may: of each choice there are two.
const CHOICES_OF_AN_ADDRESS: u64 = 5;

/// What a configuration needs so that choices come from many addresses.
pub(crate) const MANY_ADDRESSES: &str =
    "[client_address]\nsource = \"x-forwarded-for\"\ntrusted_proxies = [\"127.0.0.1\"]\n";

/// What became of choices.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Answered in time, so that the count was on disk.
    pub(crate) answered: AtomicU64,
    /// Answered late: the count may have been pending.
    pub(crate) late: AtomicU64,
    /// Sent, and cut off before the answer.
    pub(crate) cut: AtomicU64,
    /// Answered otherwise than with 303.
    pub(crate) refused: AtomicU64,
}

/// Visitors, each with one choice at a time.
pub(crate) struct Visitors {
    told: Arc<Told>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Visitors {
    /// So many, each of whom waits for `pause` after a choice.
    pub(crate) fn choose(site: SocketAddr, count: usize, pause: Duration) -> Self {
        let (told, stop, numbers) =
            (Arc::<Told>::default(), Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let threads = (0..count).map(|_| {
            let (told, stop, numbers) = (told.clone(), stop.clone(), numbers.clone());
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let number = numbers.fetch_add(1, Ordering::Relaxed);
                    choose(site, number, &told);
                    thread::sleep(pause);
                }
            })
        });
        let threads = threads.collect();
        Self { told, stop, threads }
    }

    pub(crate) fn told(&self) -> &Told {
        &self.told
    }

    /// Lets each finish the choice it is at.
    pub(crate) fn leave(self) -> Arc<Told> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        self.told
    }
}

impl Told {
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Each that was answered in time counts, and none counts twice: what was cut off or late may count or not.
    pub(crate) fn assert_counted(&self, counted: u64) {
        let [answered, late, cut, refused] =
            [&self.answered, &self.late, &self.cut, &self.refused].map(|one| one.load(Ordering::Relaxed));
        let said =
            format!("{answered} answered, {late} late, {cut} cut off, {refused} refused; {counted} counted");
        assert!(counted >= answered, "lost: {said}");
        assert!(counted <= answered + late + cut, "counted twice: {said}");
        assert_eq!(refused, 0, "{said}");
    }
}

fn choose(site: SocketAddr, number: u64, told: &Told) {
    let Ok(mut stream) = TcpStream::connect(site) else {
        // Nobody is there: nothing was sent.
        return thread::sleep(Duration::from_millis(5));
    };
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let address = number / CHOICES_OF_AN_ADDRESS;
    let [_, _, a, b, c, d] = u64::to_be_bytes(address)[2..] else { unreachable!() };
    let request = format!(
        "POST /cookies HTTP/1.1\r\nhost: www.town.example\r\nconnection: close\r\nsec-fetch-site: same-origin\r\n\
         x-forwarded-for: 2001:db8:{a:x}{b:02x}:{c:x}{d:02x}::1\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: 16\r\n\r\ncookies[all]=yes"
    );
    let began = Instant::now();
    let mut answer = Vec::new();
    let sent = stream.write_all(request.as_bytes());
    let read = sent.and_then(|()| stream.read_to_end(&mut answer));
    let place = match answer.get(..12) {
        Some(b"HTTP/1.1 303") if began.elapsed() < PATIENCE => &told.answered,
        Some(b"HTTP/1.1 303") => &told.late,
        Some(_) if read.is_ok() => &told.refused,
        _ => &told.cut,
    };
    place.fetch_add(1, Ordering::Relaxed);
}

/// How many choices a store has.
pub(crate) fn counted(store: impl Into<Location>) -> u64 {
    let always = Period { from: CivilDate::from_days(0), to: CivilDate::from_days(100_000) };
    let choices = Ledgers::open(store).unwrap().consent("www.town.example", always).unwrap();
    let accepted = choices.iter().filter(|row| row.event == "accepted" && row.purpose == "marketing");
    accepted.map(|row| row.events.unsigned_abs()).sum()
}

/// Whether SQLite finds nothing amiss in a file.
pub(crate) fn is_whole(file: &Path) -> bool {
    let connection = Connection::open(file).unwrap();
    connection.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap() == "ok"
}

/// A place to listen at that outlives a restart.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
