//! A ring as bytes, for another process of the same machine to go on with.

use std::time::Duration;

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::epoch::{Epoch, KeyRing, Lasting};
use super::key::KeyMaterial;
use crate::time::{Calendar, UnixTime};

/// The form of the bytes. Whoever changes it changes this, and what is in another form is not read.
const FORM: &[u8; 16] = b"pinfold keys 001";

/// How many bytes tell that a part is whole.
const SUM: usize = 8;

/// Bytes being written. Their memory is taken at once, so that no copy is left behind, and overwritten when dropped.
pub(crate) struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    /// For so many bytes at most, beside a ring.
    pub(crate) fn with_room_for(more: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(RING + more)))
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Writes a part: its length, what `write` writes, and by what a reader sees that it is whole.
    pub(crate) fn part(&mut self, write: impl FnOnce(&mut Self)) {
        let starts = self.0.len();
        self.put(&[0; 4]);
        write(self);
        let length = u32::try_from(self.0.len() - starts - 4).unwrap_or(u32::MAX);
        self.0[starts..starts + 4].copy_from_slice(&length.to_be_bytes());
        let sum = sum(&self.0[starts..]);
        self.put(&sum);
    }

    pub(crate) fn done(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

/// Bytes being read.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn slice(&mut self, length: u32) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take().copied().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.take().copied().map(u64::from_be_bytes)
    }

    pub(crate) fn moment(&mut self) -> Option<UnixTime> {
        self.take().copied().map(i64::from_be_bytes).map(UnixTime::from_seconds)
    }

    /// A part, where it is whole.
    pub(crate) fn part(&mut self) -> Option<Self> {
        let all = self.0;
        let length = self.u32()?;
        let part = self.slice(length)?;
        let summed = &all[..4 + part.len()];
        (*self.take::<SUM>()? == sum(summed)).then_some(Self(part))
    }
}

fn sum(bytes: &[u8]) -> [u8; SUM] {
    let mut digest = Sha256::digest(bytes);
    let mut sum = [0; SUM];
    sum.copy_from_slice(&digest[..SUM]);
    digest.as_mut_slice().zeroize();
    sum
}

/// The most that a ring takes, beside the name of its site.
const RING: usize = FORM.len() + 4 + SUM + 5 + 2 * (8 + 12 + 4 + 4 + KeyMaterial::LENGTH);

impl KeyRing {
    /// Writes the ring of a site. There is nothing to write of a ring whose keys end with the process.
    pub(crate) fn write(&self, site: &str, out: &mut Writer) {
        out.put(FORM);
        out.part(|out| {
            out.put(&u32::try_from(site.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.put(site.as_bytes());
            for epoch in [Some(self.current()), self.previous()].into_iter().flatten() {
                write_epoch(epoch, out);
            }
        });
    }

    /// The ring of a site that another process wrote, where all of it is there and its keys can be told to be young: their
    /// birth must not lie ahead of `uptime`, which another clock or another boot would show.
    pub(crate) fn read(
        bytes: &mut Reader<'_>,
        site: &str,
        calendar: &Calendar,
        uptime: Duration,
    ) -> Option<Self> {
        if bytes.take()? != FORM {
            return None;
        }
        let mut part = bytes.part()?;
        let length = part.u32()?;
        if part.slice(length)? != site.as_bytes() {
            return None;
        }
        let current = read_epoch(&mut part, calendar, uptime)?;
        let previous = if part.0.is_empty() { None } else { Some(read_epoch(&mut part, calendar, uptime)?) };
        part.0.is_empty().then(|| Self::again(current, previous))
    }
}

fn write_epoch(epoch: &Epoch, out: &mut Writer) {
    let Some(Lasting { number, restarts, material }) = epoch.lasting() else { return };
    out.put(&epoch.day().starts.seconds().to_be_bytes());
    out.put(&epoch.born().as_secs().to_be_bytes());
    out.put(&epoch.born().subsec_nanos().to_be_bytes());
    out.put(&number.to_be_bytes());
    out.put(&restarts.to_be_bytes());
    material.parts().into_iter().for_each(|part| out.put(part));
}

fn read_epoch(bytes: &mut Reader<'_>, calendar: &Calendar, uptime: Duration) -> Option<Epoch> {
    let day = calendar.day_of(bytes.moment()?);
    // No more than a second of nanoseconds, or the addition could overflow.
    let born = Duration::from_secs(bytes.u64()?).checked_add(Duration::from_nanos(bytes.u32()?.into()))?;
    let (number, restarts) = (bytes.u32()?, bytes.u32()?.saturating_add(1));
    let material = KeyMaterial::from_bytes(bytes.take()?);
    (born <= uptime).then(|| Epoch::again(day, born, Lasting { number, restarts, material }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_ip::{AddressSource, ClientIp};
    use crate::pseudonym::{FreshKey, Pseudonym, Unit};

    const NOW: UnixTime = UnixTime::from_seconds(1_795_341_600);
    const UPTIME: Duration = Duration::from_millis(7_500);

    fn ring() -> (KeyRing, Calendar) {
        let calendar = Calendar::named("Europe/London").unwrap();
        let fresh = || FreshKey::generate_lasting("town").unwrap();
        let (ring, _) = KeyRing::new(NOW, UPTIME, &calendar, fresh());
        let later = Duration::from_secs(86_400) + UPTIME;
        (ring.turn(NOW.plus(86_400), later, &calendar, Some(fresh())).0, calendar)
    }

    fn written(ring: &KeyRing) -> Vec<u8> {
        let mut writer = Writer::with_room_for("town".len());
        let capacity = writer.0.capacity();
        ring.write("town", &mut writer);
        assert_eq!(writer.0.capacity(), capacity, "no copy was left behind");
        writer.done().to_vec()
    }

    fn name(epoch: &Epoch) -> Pseudonym {
        let client = ClientIp::new("203.0.113.77".parse().unwrap(), AddressSource::Peer);
        epoch.key().operations().pseudonym(Unit::Host, &client)
    }

    #[test]
    fn a_ring_goes_on_in_another_process() {
        let (ring, calendar) = ring();
        let bytes = written(&ring);
        let uptime = Duration::from_secs(86_500);
        let again = KeyRing::read(&mut Reader(&bytes), "town", &calendar, uptime).unwrap();
        for (before, after) in
            [(ring.current(), again.current()), (ring.previous().unwrap(), again.previous().unwrap())]
        {
            assert_eq!((before.id(), before.day(), before.born()), (after.id(), after.day(), after.born()));
            assert_eq!(name(before), name(after));
            assert_eq!((before.restarts(), after.restarts()), (0, 1));
            assert_eq!(before.age(uptime), after.age(uptime), "nothing extends a life");
        }
        assert_eq!(again.turns(), 0);
        let rewritten = written(&again);
        assert_eq!(
            KeyRing::read(&mut Reader(&rewritten), "town", &calendar, uptime).unwrap().current().restarts(),
            2
        );
    }

    #[test]
    fn what_is_not_whole_or_not_ours_is_not_read() {
        let (ring, calendar) = ring();
        let bytes = written(&ring);
        let read =
            |bytes: &[u8], site: &str, uptime| KeyRing::read(&mut Reader(bytes), site, &calendar, uptime);
        let uptime = Duration::from_secs(90_000);
        assert!(read(&bytes, "town", uptime).is_some());
        assert!(read(&bytes, "another town", uptime).is_none());
        assert!(read(&bytes, "town", Duration::from_secs(100)).is_none(), "born after now: another boot");
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length], "town", uptime).is_none(), "cut at {length}");
        }
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert!(read(&damaged, "town", uptime).is_none(), "changed at {place}");
        }
        assert!(read(&[0; 4096], "town", uptime).is_none());
        assert!(read(&[0xff; 4096], "town", uptime).is_none());
    }

    #[test]
    fn a_ring_whose_keys_end_with_the_process_is_not_written() {
        let calendar = Calendar::utc();
        let (ring, _) = KeyRing::new(NOW, UPTIME, &calendar, FreshKey::generate("town").unwrap());
        let bytes = written(&ring);
        assert!(KeyRing::read(&mut Reader(&bytes), "town", &calendar, UPTIME).is_none());
    }
}
