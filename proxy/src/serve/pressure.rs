//! Requests are turned away before memory is at its end, where the process may have so much and no more.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};

use super::limits::LONGEST_HEAD;

/// How often limits are read, and what was turned away is told.
const TICK: Duration = Duration::from_secs(1);

/// How long nothing must have been turned away before all is said to be well.
const CALM: Duration = Duration::from_secs(10);

/// How often memory is looked at, at most: in that time some MiB come in over a fast network. A look takes two microseconds.
const LOOK: Duration = Duration::from_millis(1);

/// From which share of the room for clients, in hundredths, requests are answered 503, and from which connections are not taken in at all.
const HIGH: u64 = 50;
const EXTREME: u64 = 75;

/// So many connections are always served. What the process holds with no more than these is no room for clients: an allocator keeps what it
/// once had, and will use it again.
const SERVED: usize = 64;

/// What a connection is reckoned with, in bytes: the longest head, read and passed on, and buffers. So many are taken in that all of these fit.
const RECKONED: u64 = 2 * LONGEST_HEAD as u64;

/// Memory belongs to the process, and so does all of this.
static LEVEL: AtomicU8 = AtomicU8::new(0);
static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);
static MOST_CONNECTIONS: AtomicUsize = AtomicUsize::new(usize::MAX);
static SHED: AtomicU64 = AtomicU64::new(0);
static LOOKED: AtomicU64 = AtomicU64::new(0);
static SPACE: Room = Room::new();
static RESIDENT: Room = Room::new();

/// How scarce memory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Well,
    High,
    Extreme,
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Connected(());

impl Connected {
    /// Nothing where none can be taken in any more; that is counted.
    pub(super) fn new() -> Option<Self> {
        if sheds_from(Level::Extreme) {
            return None;
        }
        let connected = Self(());
        if CONNECTIONS.fetch_add(1, Ordering::Relaxed) < MOST_CONNECTIONS.load(Ordering::Relaxed) {
            return Some(connected);
        }
        SHED.fetch_add(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        CONNECTIONS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether a request is to be answered 503; if so, that is counted.
pub(super) fn sheds() -> bool {
    sheds_from(Level::High)
}

/// How many requests and connections were turned away.
pub(crate) fn shed() -> u64 {
    SHED.load(Ordering::Relaxed)
}

fn sheds_from(level: Level) -> bool {
    if !SPACE.is_limited() && !RESIDENT.is_limited() {
        return false;
    }
    look_if_due();
    let sheds = LEVEL.load(Ordering::Relaxed) >= level as u8;
    SHED.fetch_add(u64::from(sheds), Ordering::Relaxed);
    sheds
}

/// Reads the limits, and tells what is turned away, for as long as it is run.
pub(super) async fn watch() {
    let groups = groups(&std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default());
    let (mut before, mut last) = (shed(), None::<Instant>);
    loop {
        SPACE.allow(getrlimit(Resource::As).current);
        RESIDENT.allow(groups.iter().filter_map(|group| number_in(group)).min());
        look();
        let now = shed();
        if now > before {
            if last.replace(Instant::now()).is_none() {
                tracing::warn!(
                    "memory is short: requests are turned away with 503 (allow more, or find out who asks)"
                );
            }
        } else if last.is_some_and(|last| last.elapsed() > CALM) {
            last = None;
            tracing::info!("memory is no longer short");
        }
        before = now;
        tokio::time::sleep(TICK).await;
    }
}

fn look_if_due() {
    static START: OnceLock<Instant> = OnceLock::new();
    let now = START.get_or_init(Instant::now).elapsed().as_micros() as u64;
    let looked = LOOKED.load(Ordering::Relaxed);
    let due = now.saturating_sub(looked) >= LOOK.as_micros() as u64;
    if due && LOOKED.compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        look();
    }
}

fn look() {
    let Some((space, resident)) = in_use() else { return };
    let few = CONNECTIONS.load(Ordering::Relaxed) <= SERVED;
    let share = SPACE.share(space, few).max(RESIDENT.share(resident, few));
    LEVEL.store(level(share) as u8, Ordering::Relaxed);
    let room = SPACE.for_clients().min(RESIDENT.for_clients()) / RECKONED;
    let most = usize::try_from(room).map_or(usize::MAX, |room| room.saturating_add(SERVED));
    MOST_CONNECTIONS.store(most, Ordering::Relaxed);
}

fn level(share: u64) -> Level {
    match share {
        EXTREME.. => Level::Extreme,
        HIGH.. => Level::High,
        _ => Level::Well,
    }
}

/// Address space and resident memory of this process, in bytes; nothing where the system does not tell.
fn in_use() -> Option<(u64, u64)> {
    static STATM: OnceLock<Option<File>> = OnceLock::new();
    let file = STATM.get_or_init(|| File::open("/proc/self/statm").ok()).as_ref()?;
    let mut text = [0; 64];
    let length = file.read_at(&mut text, 0).ok()?;
    let text = std::str::from_utf8(text.get(..length)?).ok()?;
    let mut pages = text.split(' ').map_while(|pages| pages.parse::<u64>().ok());
    let page = rustix::param::page_size() as u64;
    Some((pages.next()?.saturating_mul(page), pages.next()?.saturating_mul(page)))
}

/// What may be used of something, and how much of it is no room for clients.
struct Room {
    is_limited: AtomicBool,
    most: AtomicU64,
    idle: AtomicU64,
}

impl Room {
    const fn new() -> Self {
        Self { is_limited: AtomicBool::new(false), most: AtomicU64::new(u64::MAX), idle: AtomicU64::new(0) }
    }

    fn is_limited(&self) -> bool {
        self.is_limited.load(Ordering::Relaxed)
    }

    fn allow(&self, most: Option<u64>) {
        self.most.store(most.unwrap_or(u64::MAX), Ordering::Relaxed);
        self.is_limited.store(most.is_some(), Ordering::Relaxed);
    }

    fn for_clients(&self) -> u64 {
        self.most.load(Ordering::Relaxed).saturating_sub(self.idle.load(Ordering::Relaxed))
    }

    /// Which share of the room for clients is used, in hundredths; none of it while there are few.
    fn share(&self, used: u64, few: bool) -> u64 {
        if few {
            self.idle.store(used, Ordering::Relaxed);
        }
        let more = used.saturating_sub(self.idle.load(Ordering::Relaxed));
        more.saturating_mul(100) / self.for_clients().max(1)
    }
}

/// Absent where it says `max`.
fn number_in(file: &Path) -> Option<u64> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The files that say how much memory processes of these groups (cgroup v2) may have: of their own group, and of all above.
fn groups(own: &str) -> Vec<PathBuf> {
    let Some(path) = own.lines().find_map(|line| line.strip_prefix("0::/")) else { return Vec::new() };
    let group = Path::new("/sys/fs/cgroup").join(path);
    let all = group.ancestors().take_while(|group| group.starts_with("/sys/fs/cgroup"));
    all.map(|group| group.join("memory.max")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_14_what_is_held_with_few_clients_is_no_room_for_many() {
        let room = Room::new();
        assert_eq!((room.share(1 << 40, false), room.for_clients()), (0, u64::MAX));
        room.allow(Some(1_000));
        for (used, few, share, expected) in [
            (200, true, 0, Level::Well),
            (599, false, 49, Level::Well),
            (600, false, 50, Level::High),
            (800, false, 75, Level::Extreme),
            (2_000, false, 225, Level::Extreme),
            // What is kept of it once they are gone is there for the next.
            (900, true, 0, Level::Well),
            (949, false, 49, Level::Well),
            (950, false, 50, Level::High),
        ] {
            let found = room.share(used, few);
            assert_eq!((found, level(found)), (share, expected), "{used} {few}");
        }
    }

    #[test]
    fn the_group_and_those_above_it() {
        let found = groups("9:name=systemd:/\n0::/system.slice/pinfold.service\n");
        let names: Vec<_> = found.iter().map(|file| file.to_str().unwrap()).collect();
        assert_eq!(names[0], "/sys/fs/cgroup/system.slice/pinfold.service/memory.max");
        assert!(names.contains(&"/sys/fs/cgroup/system.slice/memory.max"));
        assert!(groups("4:memory:/x\n").is_empty());
        assert!(groups("").is_empty());
    }

    #[test]
    fn what_is_in_use_is_known() {
        let (space, resident) = in_use().unwrap();
        assert!(space > resident && resident > 1024 * 1024, "{space} {resident}");
    }
}
