//! Keys and blocks that outlive the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::{fmt, io};

use zeroize::Zeroizing;

use super::auditor::lock;
use super::block::{Blocks, Lists};
use crate::pseudonym::{Epoch, KeyRing, Reader, Writer};
use crate::time::{Calendar, Clock};

/// Where keys and blocks are held while no process runs: memory that the system keeps across a restart, and never a disk.
///
/// It needs a [`Clock`] whose uptime goes on from one process to the next, such as `CLOCK_BOOTTIME`: the age of a key is measured by it.
/// A key that is held dies when it would have died anyway; nothing extends its life.
pub trait KeyHold: fmt::Debug + Send + Sync + 'static {
    /// Holds these bytes in the place of those before, which are overwritten: a key that is not among them any more is destroyed.
    ///
    /// # Errors
    ///
    /// Where they cannot be held. It is tried again within seconds.
    fn hold(&self, bytes: &[u8]) -> io::Result<()>;
}

/// Keys and blocks that another process left behind, for [`super::AuditSettings::with_key_hold`].
#[derive(Debug, Clone)]
pub struct HeldKeys {
    pub(super) ring: KeyRing,
    pub(super) blocks: Option<Lists>,
}

impl HeldKeys {
    /// From the bytes that a [`KeyHold`] was given last, for the site of an origin such as `https://www.example.gov.uk`. Nothing,
    /// where they are not whole, of another site or version, or of another boot: then the keys in them are of no use to anybody.
    pub fn read(bytes: &[u8], origin: &str, calendar: &Calendar, clock: &dyn Clock) -> Option<Self> {
        let mut reader = Reader(bytes);
        let ring = KeyRing::read(&mut reader, origin, calendar, clock.uptime())?;
        Some(Self { ring, blocks: reader.part().and_then(|mut part| Lists::read(&mut part)) })
    }

    /// The epochs whose keys these are. A store must not take them for lost.
    pub fn epochs(&self) -> Vec<String> {
        let epochs = [Some(self.ring.current()), self.ring.previous()].into_iter().flatten();
        epochs.map(Epoch::id).map(str::to_owned).collect()
    }

    /// Whether the blocks could be read as well as the keys.
    pub fn has_blocks(&self) -> bool {
        self.blocks.is_some()
    }
}

/// A hold, and which state of the blocks it was given last.
#[derive(Debug)]
pub(super) struct Holding {
    hold: Arc<dyn KeyHold>,
    given: Mutex<Option<u32>>,
    /// Nothing is given any more.
    over: AtomicBool,
}

impl Holding {
    pub(super) fn new(hold: Arc<dyn KeyHold>) -> Self {
        Self { hold, given: Mutex::new(None), over: AtomicBool::new(false) }
    }

    /// Whether what is held is not what there is.
    pub(super) fn is_behind(&self, blocks: &Blocks) -> bool {
        *lock(&self.given) != Some(blocks.generation())
    }

    /// Whether the next process is to have nothing.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Overwrites what is held, and gives nothing more.
    pub(super) fn forget(&self) {
        let _given = lock(&self.given);
        self.over.store(true, Ordering::Relaxed);
        if let Err(error) = self.hold.hold(&[]) {
            tracing::error!(%error, "what is held for the next start could not be overwritten");
        }
    }

    /// Gives everything. What cannot be held is logged, and given again when the clock is next looked at.
    pub(super) fn give(&self, origin: &str, ring: impl FnOnce() -> Option<KeyRing>, blocks: &Blocks) {
        // While it is locked nobody gives something older.
        let mut given = lock(&self.given);
        let Some(ring) = ring().filter(|_| !self.is_over()) else { return };
        let generation = blocks.generation();
        *given = match self.hold.hold(&written(origin, &ring, blocks)) {
            Ok(()) => Some(generation),
            Err(error) => {
                tracing::error!(%error, "keys and blocks could not be held for the next start; trying again");
                None
            }
        };
    }
}

fn written(origin: &str, ring: &KeyRing, blocks: &Blocks) -> Zeroizing<Vec<u8>> {
    blocks.look(|lists| {
        let mut writer = Writer::with_room_for(origin.len() + lists.length_written());
        ring.write(origin, &mut writer);
        writer.part(|part| lists.write(part));
        writer.done()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::block::Block;
    use crate::pseudonym::{FreshKey, Pseudonym};
    use crate::time::{ManualClock, UnixTime};

    const ORIGIN: &str = "https://www.town.example";

    fn block(number: u64) -> Block {
        let reason = "tries passwords, gwrthod: ŵ".into();
        Block { pseudonym: Pseudonym::from_number(number), reason, until: UnixTime::from_seconds(90_000) }
    }

    #[test]
    fn keys_are_read_though_the_blocks_are_damaged() {
        let (clock, calendar) = (ManualClock::at(UnixTime::from_seconds(40_000)), Calendar::utc());
        let fresh = FreshKey::generate_lasting(ORIGIN).unwrap();
        let (ring, _) = KeyRing::new(clock.now(), clock.uptime(), &calendar, fresh);
        let blocks = Blocks::default();
        blocks.add(block(1), false).unwrap();
        blocks.turn();
        blocks.add(block(2), true).unwrap();
        let bytes = written(ORIGIN, &ring, &blocks);

        let held = HeldKeys::read(&bytes, ORIGIN, &calendar, &clock).unwrap();
        assert_eq!(held.epochs(), [ring.current().id()]);
        let again = Blocks::default();
        again.restore(held.blocks.unwrap());
        assert_eq!(again.all(), blocks.all());
        assert_eq!(again.count(), 2);

        let mut damaged = bytes.to_vec();
        *damaged.last_mut().unwrap() ^= 1;
        let held = HeldKeys::read(&damaged, ORIGIN, &calendar, &clock).unwrap();
        assert!(!held.has_blocks() && held.epochs().len() == 1);
        assert!(HeldKeys::read(&damaged[..bytes.len() - 20], ORIGIN, &calendar, &clock).is_some());
        assert!(HeldKeys::read(&damaged[1..], ORIGIN, &calendar, &clock).is_none());
        assert!(HeldKeys::read(&[], ORIGIN, &calendar, &clock).is_none());
    }
}
