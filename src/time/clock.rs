use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the time: of day, which may be stepped, and since start, which may not.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The wall clock. It may jump in either direction.
    fn now(&self) -> UnixTime;

    /// Time since some fixed moment. It never goes back, so ages and limits are measured by it.
    fn uptime(&self) -> Duration;
}

/// Waits, on whatever runtime the caller has.
///
/// Any function from a duration to a future will do:
///
/// ```
/// fn takes(_: impl pinfold::time::Timer) {}
/// takes(tokio::time::sleep);
/// ```
pub trait Timer: Send + Sync + 'static {
    /// A future that is ready after `duration`.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// What a [`Timer`] gives.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

impl<F, S> Timer for F
where
    F: Fn(Duration) -> S + Send + Sync + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(self(duration))
    }
}

/// The clocks of the operating system.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose uptime starts now.
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        let seconds = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s),
        };
        UnixTime(seconds)
    }

    fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A clock that stands still until it is moved, for tests.
#[derive(Debug, Default)]
pub struct ManualClock {
    wall: AtomicI64,
    uptime: AtomicU64,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: UnixTime) -> Self {
        Self { wall: AtomicI64::new(now.0), uptime: AtomicU64::new(0) }
    }

    /// Lets `seconds` pass on both clocks.
    pub fn advance(&self, seconds: u64) {
        self.uptime.fetch_add(seconds, Ordering::SeqCst);
        self.wall.fetch_add(i64::try_from(seconds).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Steps the wall clock alone, as a correction by the operating system would.
    pub fn step(&self, seconds: i64) {
        self.wall.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        UnixTime(self.wall.load(Ordering::SeqCst))
    }

    fn uptime(&self) -> Duration {
        Duration::from_secs(self.uptime.load(Ordering::SeqCst))
    }
}

/// Whole seconds since 1970-01-01 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(i64);

impl UnixTime {
    /// From a number of seconds, negative before 1970.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// The number of seconds.
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// The start of the stretch of `width` seconds in which this moment lies, counted from 1970.
    pub const fn floor_to(self, width: i64) -> Self {
        Self(self.0.div_euclid(width).saturating_mul(width))
    }

    /// This moment, `seconds` later.
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

impl fmt::Display for UnixTime {
    /// RFC 3339, in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(timestamp) => timestamp.fmt(f),
            Err(_) => write!(f, "{} s", self.0),
        }
    }
}
