//! A key that several nodes make alike, each from two halves: a share of the day, which all of them are given, and a secret that
//! each of them holds.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::key::{KeyMaterial, scrub_stack};
use crate::time::{CivilDate, CivilDay, UnixTime};

/// How long a share lives, in seconds, from when it is made or its day begins, whichever is first.
const LIFE: i64 = 48 * 3600;

/// The form of the bytes. Whoever changes it changes this, and what is in another form is not read.
const FORM: u8 = 1;

/// What the nodes of a cluster hold, and nobody else. It is overwritten when dropped.
///
/// It opens nothing by itself: there is no key without the share of a day, and that is gone after 48 hours.
#[derive(Clone)]
pub struct ClusterSecret([u8; Self::LENGTH]);

impl ClusterSecret {
    /// How many bytes it has.
    pub const LENGTH: usize = 32;

    /// From bytes that nobody can guess. Those that are given are overwritten.
    pub fn from_bytes(mut bytes: [u8; Self::LENGTH]) -> Self {
        let secret = Self(bytes);
        bytes.zeroize();
        secret
    }
}

impl Drop for ClusterSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterSecret(..)")
    }
}

/// The half of a day's key that all nodes of a site are given. It opens nothing without their [`ClusterSecret`], and is overwritten
/// when dropped.
///
/// A day is known by its civil date, so nodes whose clocks differ by seconds mean the same share.
#[derive(Clone, PartialEq, Eq)]
pub struct EpochShare {
    day: CivilDate,
    number: u32,
    made: UnixTime,
    returns: u32,
    half: [u8; 32],
}

impl EpochShare {
    /// How many bytes [`Self::to_bytes`] gives.
    pub const LENGTH: usize = 1 + 4 + 8 + 4 + 32;

    /// One for a day, from the operating system's generator, to be offered to the others.
    ///
    /// # Errors
    ///
    /// Where the operating system gives no randomness.
    pub fn generate(day: &CivilDay, now: UnixTime) -> Result<Self, getrandom::Error> {
        let mut share = Self {
            day: day.date,
            number: getrandom::u32()?,
            made: now.min(day.starts),
            returns: 0,
            half: [0; 32],
        };
        getrandom::fill(&mut share.half)?;
        Ok(share)
    }

    /// For keeping it where all nodes reach it, until [`Self::expires`] and no longer. The day is not among them: it is by the day that it
    /// is found.
    pub fn to_bytes(&self) -> Zeroizing<[u8; Self::LENGTH]> {
        let mut bytes = Zeroizing::new([0; Self::LENGTH]);
        bytes[0] = FORM;
        bytes[1..5].copy_from_slice(&self.number.to_be_bytes());
        bytes[5..13].copy_from_slice(&self.made.seconds().to_be_bytes());
        bytes[13..17].copy_from_slice(&self.returns.to_be_bytes());
        bytes[17..].copy_from_slice(&self.half);
        bytes
    }

    /// The share of a day from its bytes; nothing, where they are of another form.
    pub fn from_bytes(day: CivilDate, bytes: &[u8]) -> Option<Self> {
        let (form, rest) = bytes.split_first()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (made, rest) = rest.split_first_chunk()?;
        let (returns, half) = rest.split_first_chunk()?;
        let share = Self {
            day,
            number: u32::from_be_bytes(*number),
            made: UnixTime::from_seconds(i64::from_be_bytes(*made)),
            returns: u32::from_be_bytes(*returns),
            half: half.try_into().ok()?,
        };
        (*form == FORM).then_some(share)
    }

    /// The civil day whose key it is for.
    pub fn day(&self) -> CivilDate {
        self.day
    }

    /// What sets it apart from another share of the same day.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// How often it was lost where it was kept, and put back by a node that had it.
    pub fn returns(&self) -> u32 {
        self.returns
    }

    /// When it must be gone from everywhere: 48 hours after it was made, or after its day began where it was made late.
    pub fn expires(&self) -> UnixTime {
        self.made.plus(LIFE)
    }

    /// The same, as it is put back where it was lost, and had been put back so often before.
    pub(crate) fn put_back(&self, returns: u32) -> Self {
        Self { returns: returns.saturating_add(1), ..self.clone() }
    }

    /// The name of its epoch in the key ledger.
    pub fn epoch(&self) -> String {
        format!("{}-{:08x}", self.day, self.number)
    }

    pub(super) fn made(&self) -> UnixTime {
        self.made
    }

    /// What the keys of its day are made of, for a site.
    pub(super) fn material(&self, secret: &ClusterSecret, site: &str) -> KeyMaterial {
        let root = self.root(secret, site);
        let material = KeyMaterial::from_root(&root, site);
        scrub_stack();
        material
    }

    #[inline(never)]
    fn root(&self, secret: &ClusterSecret, site: &str) -> Zeroizing<[u8; 32]> {
        let mut root = Zeroizing::new([0; 32]);
        let length = u32::try_from(site.len()).unwrap_or(u32::MAX).to_be_bytes();
        let info = [b"pinfold 1 share", &length[..], site.as_bytes(), &self.day.days().to_be_bytes()];
        // 32 bytes are less than the most that can be had (RFC 5869 section 2.3), so it cannot fail.
        let _ = Hkdf::<Sha256>::new(Some(&self.half), &secret.0).expand_multi_info(&info, &mut *root);
        root
    }
}

impl Drop for EpochShare {
    fn drop(&mut self) {
        self.half.zeroize();
    }
}

impl fmt::Debug for EpochShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { day, number, returns, .. } = self;
        write!(f, "EpochShare({day}-{number:08x}, returns: {returns}, ..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_ip::{AddressSource, ClientIp};
    use crate::pseudonym::{EpochKey, Unit};
    use crate::time::Calendar;

    fn share(half: u8, day: i32) -> EpochShare {
        let made = UnixTime::from_seconds(1_795_341_600);
        EpochShare { day: CivilDate::from_days(day), number: 7, made, returns: 0, half: [half; 32] }
    }

    fn name(share: &EpochShare, secret: u8, site: &str) -> String {
        let client = ClientIp::new("203.0.113.77".parse().unwrap(), AddressSource::Peer);
        let key = EpochKey::of(&share.material(&ClusterSecret::from_bytes([secret; 32]), site));
        key.operations().pseudonym(Unit::Host, &client).to_string()
    }

    /// The same computation by Python's standard library:
    ///
    /// ```python
    /// import hmac; from hashlib import sha256
    /// site = (2).to_bytes(4, "big") + b"wx"
    /// def expand(key, info): return hmac.digest(key, info + b"\x01", sha256)
    /// root = expand(hmac.digest(bytes([7] * 32), bytes([9] * 32), sha256), b"pinfold 1 share" + site + (20780).to_bytes(4, "big"))
    /// key = expand(root, b"pinfold 1" + site + b"operations")
    /// message = b"h\x04" + bytes(10) + b"\xff\xff" + bytes([203, 0, 113, 77])
    /// print(hmac.digest(key, message, sha256)[:8].hex())
    /// ```
    #[test]
    fn known_answer() {
        assert_eq!(name(&share(7, 20_780), 9, "wx"), "ee2d0aa5e2752650");
    }

    #[test]
    fn nodes_agree_only_where_share_secret_site_and_day_are_alike() {
        let all = [
            name(&share(7, 1), 9, "one"),
            name(&share(8, 1), 9, "one"),
            name(&share(7, 2), 9, "one"),
            name(&share(7, 1), 8, "one"),
            name(&share(7, 1), 9, "two"),
        ];
        assert!((0..all.len()).all(|place| !all[place + 1..].contains(&all[place])), "{all:?}");
        assert_eq!(all[0], name(&share(7, 1).put_back(0), 9, "one"), "what is put back is the same share");
    }

    #[test]
    fn bytes_are_read_as_they_are_written_and_others_are_not() {
        let share = share(7, 20_780).put_back(0);
        let bytes = share.to_bytes();
        assert_eq!(EpochShare::from_bytes(share.day, &*bytes).as_ref(), Some(&share));
        assert_eq!(share.returns(), 1);
        for length in 0..bytes.len() {
            assert!(EpochShare::from_bytes(share.day, &bytes[..length]).is_none(), "cut at {length}");
        }
        assert!(EpochShare::from_bytes(share.day, &[&bytes[..], &[0]].concat()).is_none());
        assert!(EpochShare::from_bytes(share.day, &[&[2], &bytes[1..]].concat()).is_none());
    }

    #[test]
    fn a_share_lives_48_hours_from_its_birth_or_that_of_its_day() {
        let calendar = Calendar::named("Europe/London").unwrap();
        let at = |text: &str| UnixTime::from_seconds(text.parse::<jiff::Timestamp>().unwrap().as_second());
        for (day, made, expires) in [
            ("2026-11-25T12:00:00Z", "2026-11-24T23:50:00Z", "2026-11-26T23:50:00Z"),
            ("2026-11-25T12:00:00Z", "2026-11-25T00:00:00Z", "2026-11-27T00:00:00Z"),
            ("2026-11-25T12:00:00Z", "2026-11-25T18:00:00Z", "2026-11-27T00:00:00Z"),
            ("2026-10-25T12:00:00Z", "2026-10-25T20:00:00Z", "2026-10-26T23:00:00Z"),
        ] {
            let share = EpochShare::generate(&calendar.day_of(at(day)), at(made)).unwrap();
            assert_eq!(share.expires(), at(expires), "{day} {made}");
        }
    }

    #[test]
    fn neither_half_is_shown() {
        let shown = format!("{:?} {:?}", ClusterSecret::from_bytes([0xab; 32]), share(0xab, 20_780));
        assert_eq!(shown, "ClusterSecret(..) EpochShare(2026-11-23-00000007, returns: 0, ..)");
    }
}
