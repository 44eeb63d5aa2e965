use std::sync::Arc;
use std::time::Duration;

use super::key::{EpochKey, KeyMaterial, scrub_stack};
use super::share::{ClusterSecret, EpochShare};
use crate::time::{Calendar, CivilDay, UnixTime};

/// No key outlives this, by a clock that cannot be stepped.
const LIFE: Duration = Duration::from_secs(48 * 3600);

/// A current key as old as this is replaced whatever the wall clock says: no civil day is as long.
const LONGEST_DAY: Duration = Duration::from_secs(26 * 3600);

/// A civil day and the key that is its own.
#[derive(Debug, Clone)]
pub struct Epoch {
    id: String,
    day: CivilDay,
    born: Duration,
    /// How old the key was by then.
    older: Duration,
    key: EpochKey,
    /// Where the key is to outlive the process.
    lasting: Option<Arc<Lasting>>,
    /// Where other nodes have the key, too.
    share: Option<Arc<EpochShare>>,
}

/// What is kept of an epoch beyond its process.
#[derive(Debug)]
pub(super) struct Lasting {
    pub(super) number: u32,
    /// How many processes had the key before this one.
    pub(super) restarts: u32,
    pub(super) material: KeyMaterial,
}

impl Epoch {
    /// A name for the key ledger: the date, and a number that makes it unlike any other.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The civil day that this epoch counts.
    pub fn day(&self) -> CivilDay {
        self.day
    }

    /// The key.
    pub fn key(&self) -> &EpochKey {
        &self.key
    }

    /// How many processes had the key before this one.
    pub fn restarts(&self) -> u32 {
        self.lasting.as_ref().map_or(0, |lasting| lasting.restarts)
    }

    /// The key, to be kept elsewhere until its end.
    pub(crate) fn shared_key(&self) -> EpochKey {
        self.key.clone()
    }

    /// When the key is destroyed at the latest, by whichever clock says so first: the uptime of a machine stands still while
    /// it sleeps.
    pub fn dies_within(&self, now: UnixTime, uptime: Duration) -> Duration {
        let by_age = LIFE.saturating_sub(self.age(uptime));
        let passed = u64::try_from(now.seconds() - self.day.starts.seconds()).unwrap_or_default();
        by_age.min(LIFE.saturating_sub(Duration::from_secs(passed)))
    }

    /// How old the key is, given the uptime of the clock.
    pub fn age(&self, uptime: Duration) -> Duration {
        uptime.saturating_sub(self.born) + self.older
    }

    /// What other nodes make the key of.
    pub(crate) fn share(&self) -> Option<&Arc<EpochShare>> {
        self.share.as_ref()
    }

    pub(super) fn born(&self) -> Duration {
        self.born
    }

    pub(super) fn lasting(&self) -> Option<&Lasting> {
        self.lasting.as_deref()
    }

    /// An epoch that another process began.
    pub(super) fn again(day: CivilDay, born: Duration, lasting: Lasting) -> Self {
        let key = EpochKey::of(&lasting.material);
        let (id, lasting) = (id_of(day, lasting.number), Some(Arc::new(lasting)));
        Self { id, day, born, older: Duration::ZERO, key, lasting, share: None }
    }
}

/// The key of today and, until it is 48 hours old, the key of the day before.
///
/// Turning the ring is a pure function of the clocks and a supply of keys. It turns once a civil day, and only
/// forward: a wall clock that steps back brings no key back, and one that has run ahead is overruled by the age of the key.
#[derive(Debug, Clone)]
pub struct KeyRing {
    turn: u32,
    current: Epoch,
    previous: Option<Epoch>,
}

impl KeyRing {
    /// A ring with a fresh key for today.
    pub fn new(now: UnixTime, uptime: Duration, calendar: &Calendar, fresh: FreshKey) -> (Self, KeyEvent) {
        let current = fresh.epoch(calendar.day_of(now), uptime);
        let event = KeyEvent::Made { epoch: current.id.clone(), at: now };
        (Self { turn: 0, current, previous: None }, event)
    }

    /// A ring whose keys other nodes have as well. It has not turned in this process.
    pub(crate) fn shared(
        now: UnixTime,
        uptime: Duration,
        calendar: &Calendar,
        current: FreshKey,
        previous: Option<FreshKey>,
    ) -> Self {
        let day = calendar.day_of(now);
        let the_day_before = calendar.day_of(day.starts.plus(-1));
        Self::again(current.epoch(day, uptime), previous.map(|key| key.epoch(the_day_before, uptime)))
    }

    /// A ring that another process began. It has not turned in this one.
    pub(super) fn again(current: Epoch, previous: Option<Epoch>) -> Self {
        Self { turn: 0, current, previous }
    }

    /// What the key ledger is told of each key of a ring that another process began.
    pub(crate) fn made_before(&self, now: UnixTime, uptime: Duration) -> Vec<KeyEvent> {
        let epochs = self.previous.iter().chain([&self.current]);
        let ago = |epoch: &Epoch| i64::try_from(epoch.age(uptime).as_secs()).unwrap_or(i64::MAX);
        epochs.map(|epoch| KeyEvent::Made { epoch: epoch.id.clone(), at: now.plus(-ago(epoch)) }).collect()
    }

    /// How often the ring has rotated: pseudonyms of one turn are under one key.
    pub fn turns(&self) -> u32 {
        self.turn
    }

    /// The epoch in force.
    pub fn current(&self) -> &Epoch {
        &self.current
    }

    /// The epoch before, while its key lives.
    pub fn previous(&self) -> Option<&Epoch> {
        self.previous.as_ref()
    }

    /// Whether [`KeyRing::turn`] has anything to do.
    pub fn is_due(&self, now: UnixTime, uptime: Duration) -> bool {
        self.must_rotate(now, uptime) || self.previous_is_spent(now, uptime)
    }

    /// Whether the day is over.
    pub fn must_rotate(&self, now: UnixTime, uptime: Duration) -> bool {
        now >= self.current.day.ends || self.current.age(uptime) >= LONGEST_DAY
    }

    fn previous_is_spent(&self, now: UnixTime, uptime: Duration) -> bool {
        self.previous.as_ref().is_some_and(|epoch| epoch.dies_within(now, uptime).is_zero())
    }

    /// The ring as it is from now on, and what became of its keys. The spent ones are destroyed with the last ring
    /// that holds them. A ring that must rotate does so only with a fresh key.
    #[must_use]
    pub fn turn(
        &self,
        now: UnixTime,
        uptime: Duration,
        calendar: &Calendar,
        fresh: Option<FreshKey>,
    ) -> (Self, Vec<KeyEvent>) {
        let mut events = Vec::new();
        let mut next = self.clone();
        if let Some(fresh) = fresh.filter(|_| self.must_rotate(now, uptime)) {
            let current = fresh.epoch(calendar.day_of(now), uptime);
            next.turn += 1;
            events.push(KeyEvent::Made { epoch: current.id.clone(), at: now });
            let spent = next.previous.replace(std::mem::replace(&mut next.current, current));
            events.extend(spent.map(|epoch| KeyEvent::destroyed(epoch, now, KeyEnd::Rotated)));
        }
        if next.previous_is_spent(now, uptime) {
            let spent = next.previous.take();
            events.extend(spent.map(|epoch| KeyEvent::destroyed(epoch, now, KeyEnd::Expired)));
        }
        (next, events)
    }

    /// What the end of the process makes of the keys.
    pub fn stop(&self, now: UnixTime) -> Vec<KeyEvent> {
        let epochs = self.previous.iter().chain([&self.current]).cloned();
        epochs.map(|epoch| KeyEvent::destroyed(epoch, now, KeyEnd::Stopped)).collect()
    }
}

/// A key not yet in use, with a number drawn at random that sets its epoch apart from another of the same day.
#[derive(Debug)]
pub struct FreshKey {
    key: EpochKey,
    number: u32,
    /// In one place, so that a key that is moved leaves no copy behind.
    lasting: Option<Arc<Lasting>>,
    share: Option<Arc<EpochShare>>,
    older: Duration,
}

impl FreshKey {
    /// From the operating system's generator.
    ///
    /// # Errors
    ///
    /// Where the operating system gives no randomness.
    pub fn generate(site: &str) -> Result<Self, getrandom::Error> {
        Ok(Self { lasting: None, ..Self::generate_lasting(site)? })
    }

    /// The same, for a ring that is to outlive the process: see [`crate::audit::KeyHold`].
    ///
    /// # Errors
    ///
    /// Where the operating system gives no randomness.
    pub fn generate_lasting(site: &str) -> Result<Self, getrandom::Error> {
        let fresh = Self::made(site);
        scrub_stack();
        fresh
    }

    #[inline(never)]
    fn made(site: &str) -> Result<Self, getrandom::Error> {
        let number = getrandom::u32()?;
        let material = KeyMaterial::generate(site)?;
        let key = EpochKey::of(&material);
        let lasting = Some(Arc::new(Lasting { number, restarts: 0, material }));
        Ok(Self { key, number, lasting, share: None, older: Duration::ZERO })
    }

    /// What every node that has this share and this secret makes of them, for a site.
    pub fn of_share(share: Arc<EpochShare>, secret: &ClusterSecret, site: &str, now: UnixTime) -> Self {
        let key = EpochKey::of(&share.material(secret, site));
        let seconds = u64::try_from(now.seconds() - share.made().seconds()).unwrap_or_default();
        let (number, older) = (share.number(), Duration::from_secs(seconds));
        Self { key, number, lasting: None, share: Some(share), older }
    }

    fn epoch(self, day: CivilDay, born: Duration) -> Epoch {
        let Self { key, number, lasting, share, older } = self;
        Epoch { id: id_of(day, number), day, born, older, key, lasting, share }
    }
}

fn id_of(day: CivilDay, number: u32) -> String {
    format!("{}-{number:08x}", day.date)
}

/// What happened to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyEvent {
    /// It is gone; the addresses of its day can no longer be told.
    Destroyed {
        /// The epoch whose key it was.
        epoch: String,
        /// When.
        at: UnixTime,
        /// How.
        how: KeyEnd,
        /// Address buckets that begin before this moment were under it, or under a key that is gone as well.
        ends: UnixTime,
    },
    /// It was made.
    Made {
        /// The epoch whose key it is.
        epoch: String,
        /// When.
        at: UnixTime,
    },
}

impl KeyEvent {
    fn destroyed(epoch: Epoch, at: UnixTime, how: KeyEnd) -> Self {
        Self::Destroyed { epoch: epoch.id, at, how, ends: epoch.day.ends }
    }
}

/// How a key came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyEnd {
    /// It was 48 hours old.
    Expired,
    /// The day after its own was over.
    Rotated,
    /// The process stopped.
    Stopped,
}

impl KeyEnd {
    /// The words of the key ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expired => "48 hours old",
            Self::Rotated => "rotated",
            Self::Stopped => "stopped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Town {
        calendar: Calendar,
        ring: KeyRing,
        now: UnixTime,
        uptime: Duration,
        made: Vec<String>,
    }

    impl Town {
        fn at(text: &str) -> Self {
            let calendar = Calendar::named("Europe/London").unwrap();
            let now = UnixTime::from_seconds(text.parse::<jiff::Timestamp>().unwrap().as_second());
            let (ring, _) = KeyRing::new(now, Duration::ZERO, &calendar, FreshKey::generate("s").unwrap());
            let made = vec![ring.current().id().to_owned()];
            Self { calendar, ring, now, uptime: Duration::ZERO, made }
        }

        fn pass(&mut self, seconds: u64) -> Vec<KeyEvent> {
            self.uptime += Duration::from_secs(seconds);
            self.step(i64::try_from(seconds).unwrap())
        }

        fn step(&mut self, seconds: i64) -> Vec<KeyEvent> {
            self.now = self.now.plus(seconds);
            let fresh = FreshKey::generate("s").unwrap();
            let (ring, events) = self.ring.turn(self.now, self.uptime, &self.calendar, Some(fresh));
            self.ring = ring;
            for event in &events {
                if let KeyEvent::Made { epoch, .. } = event {
                    self.made.push(epoch.clone());
                }
            }
            events
        }
    }

    #[test]
    fn one_rotation_a_civil_day() {
        // Two clock changes, a leap day and a year end lie within.
        let mut town = Town::at("2026-03-20T12:00:00Z");
        for _ in 0..24 * 740 {
            town.pass(3600);
        }
        let dates: Vec<_> = town.made.iter().map(|id| &id[..10]).collect();
        assert_eq!(dates.len(), 741);
        assert!(dates.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn no_key_is_older_than_48_hours() {
        let mut town = Town::at("2026-10-24T23:00:00Z");
        for minute in 0..5 * 24 * 60 {
            town.pass(60);
            let previous = town.ring.previous().map(|epoch| epoch.age(town.uptime));
            assert!(previous.is_none_or(|age| age < LIFE), "minute {minute}");
        }
    }

    #[test]
    fn a_25_hour_day_does_not_extend_a_key() {
        let mut town = Town::at("2026-10-24T23:00:00Z");
        assert_eq!(town.ring.current().day().date.to_string(), "2026-10-25");
        let first = town.ring.current().id().to_owned();
        assert_eq!(town.pass(25 * 3600).len(), 1);
        assert!(town.pass(23 * 3600 - 60).is_empty());
        let events = town.pass(60);
        assert!(
            matches!(&events[..], [KeyEvent::Destroyed { epoch, how: KeyEnd::Expired, .. }] if *epoch == first),
            "{events:?}"
        );
    }

    #[test]
    fn a_clock_stepped_back_and_forth_rotates_once() {
        let mut town = Town::at("2026-11-21T23:59:58Z");
        for _ in 0..20 {
            town.step(4);
            town.step(-4);
        }
        assert_eq!(town.made.len(), 2);
    }

    #[test]
    fn a_clock_that_ran_a_year_ahead_is_overruled_by_the_age_of_the_key() {
        let mut town = Town::at("2026-11-21T12:00:00Z");
        town.step(365 * 86_400);
        town.step(-365 * 86_400);
        assert_eq!(town.made.len(), 2);
        for _ in 0..27 {
            town.pass(3600);
        }
        assert_eq!(town.made.len(), 3);
        assert_eq!(&town.made[2][..10], "2026-11-22");
    }

    #[test]
    fn a_machine_that_slept_for_days_wakes_up_without_its_old_key() {
        let mut town = Town::at("2026-11-21T12:00:00Z");
        let events = town.step(5 * 86_400);
        assert!(matches!(&events[..], [KeyEvent::Made { .. }, KeyEvent::Destroyed { .. }]), "{events:?}");
        assert!(town.ring.previous().is_none());
    }

    #[test]
    fn a_shared_key_is_as_old_as_its_share_and_named_alike_on_every_node() {
        let calendar = Calendar::named("Europe/London").unwrap();
        let at = |text: &str| UnixTime::from_seconds(text.parse::<jiff::Timestamp>().unwrap().as_second());
        let (made, now) = (at("2026-11-24T23:50:00Z"), at("2026-11-25T18:00:00Z"));
        let share = Arc::new(EpochShare::generate(&calendar.day_of(now), made).unwrap());
        let secret = ClusterSecret::from_bytes([9; 32]);
        let key = || FreshKey::of_share(share.clone(), &secret, "s", now);
        // One node began with the day, the other just now, on a machine that is up for a minute.
        let ring = KeyRing::shared(now, Duration::from_secs(60), &calendar, key(), None);
        assert_eq!(ring.current().age(Duration::from_secs(60)), Duration::from_secs(18 * 3_600 + 600));
        let (early, _) = KeyRing::new(now, Duration::from_secs(90_000), &calendar, key());
        assert_eq!(ring.current().id(), early.current().id());
        assert_eq!(
            ring.current().dies_within(now, Duration::from_secs(60)),
            Duration::from_secs(29 * 3_600 + 3_000)
        );
    }

    #[test]
    fn stopping_ends_every_key() {
        let mut town = Town::at("2026-11-21T12:00:00Z");
        town.pass(86_400);
        assert_eq!(town.ring.stop(town.now).len(), 2);
    }
}
