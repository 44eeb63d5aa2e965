use std::fmt;
use std::sync::Arc;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroize;

use super::keyed_hash::KeyedHash;
use super::token::TokenKey;

/// The keys of one epoch: one for the address ledger, one for counting distinct addresses, one for names that the site is
/// told, one for recognising within a thread what was seen before.
///
/// All come from a root by HKDF-Expand (RFC 5869) with labels that name the site and the purpose. The root is overwritten at once, so
/// that no key can be found from another. There is no master key above them.
///
/// Copies of it are the same keys in one place, which is overwritten when the last of them is dropped.
#[derive(Clone)]
pub struct EpochKey(Arc<Keys>);

struct Keys {
    operations: KeyedHash,
    sketch: KeyedHash,
    origin: KeyedHash,
    token: TokenKey,
}

impl EpochKey {
    /// Fresh keys from the operating system's generator.
    ///
    /// # Errors
    ///
    /// Where the operating system gives no randomness.
    pub fn generate(site: &str) -> Result<Self, getrandom::Error> {
        KeyMaterial::generate(site).map(|material| Self::of(&material))
    }

    /// The keys that come from a root, for a site. The root is overwritten.
    pub fn from_root(mut root: [u8; 32], site: &str) -> Self {
        let material = KeyMaterial::from_root(&root, site);
        root.zeroize();
        Self::of(&material)
    }

    pub(super) fn of(material: &KeyMaterial) -> Self {
        let keys = made(material);
        scrub_stack();
        Self(keys)
    }

    /// The key of the address ledger and of blocks.
    pub fn operations(&self) -> &KeyedHash {
        &self.0.operations
    }

    /// The key under which distinct addresses are counted.
    pub fn sketch(&self) -> &KeyedHash {
        &self.0.sketch
    }

    /// The key of the names that the site is told, where it is told any: what it notes beside them can be joined to no ledger of
    /// ours.
    pub fn origin(&self) -> &KeyedHash {
        &self.0.origin
    }

    /// The key by which evidence is recognised while this epoch lasts.
    pub(crate) fn token(&self) -> &TokenKey {
        &self.0.token
    }
}

/// The bytes of which the keys of an epoch are made. They are overwritten when dropped.
pub(super) struct KeyMaterial {
    operations: [u8; 32],
    sketch: [u8; 32],
    origin: [u8; 32],
    token: [u8; 32],
}

impl KeyMaterial {
    /// How many bytes it has.
    pub(super) const LENGTH: usize = 4 * 32;

    pub(super) fn generate(site: &str) -> Result<Self, getrandom::Error> {
        let mut root = [0; 32];
        getrandom::fill(&mut root)?;
        let material = Self::from_root(&root, site);
        root.zeroize();
        Ok(material)
    }

    pub(super) fn from_root(root: &[u8; 32], site: &str) -> Self {
        let mut material = Self { operations: [0; 32], sketch: [0; 32], origin: [0; 32], token: [0; 32] };
        for (purpose, key) in
            [&b"operations"[..], b"sketch", b"origin", b"token"].into_iter().zip(material.parts_mut())
        {
            expand(root, site, purpose, key);
        }
        scrub_stack();
        material
    }

    /// From the bytes of [`Self::parts`], one after the other.
    pub(super) fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        let mut material = Self { operations: [0; 32], sketch: [0; 32], origin: [0; 32], token: [0; 32] };
        material
            .parts_mut()
            .into_iter()
            .zip(bytes.chunks_exact(32))
            .for_each(|(key, part)| key.copy_from_slice(part));
        material
    }

    pub(super) fn parts(&self) -> [&[u8; 32]; 4] {
        [&self.operations, &self.sketch, &self.origin, &self.token]
    }

    fn parts_mut(&mut self) -> [&mut [u8; 32]; 4] {
        [&mut self.operations, &mut self.sketch, &mut self.origin, &mut self.token]
    }
}

impl Drop for KeyMaterial {
    fn drop(&mut self) {
        self.parts_mut().into_iter().for_each(Zeroize::zeroize);
    }
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyMaterial(..)")
    }
}

#[inline(never)]
fn expand(root: &[u8; 32], site: &str, purpose: &[u8], key: &mut [u8; 32]) {
    let length = u32::try_from(site.len()).unwrap_or(u32::MAX).to_be_bytes();
    // 32 bytes are the length of the hash: both the root and the output have it, so neither call can fail.
    if let Ok(hkdf) = Hkdf::<Sha256>::from_prk(root) {
        let _ = hkdf.expand_multi_info(&[b"pinfold 1", &length, site.as_bytes(), purpose], key);
    }
}

#[inline(never)]
fn made(material: &KeyMaterial) -> Arc<Keys> {
    Arc::new(Keys {
        operations: KeyedHash::new(&material.operations),
        sketch: KeyedHash::new(&material.sketch),
        origin: KeyedHash::new(&material.origin),
        token: TokenKey::new(&material.token),
    })
}

/// Overwrites what functions that have returned may have left below: a value that is moved leaves a copy behind, which nobody drops.
#[inline(never)]
pub(super) fn scrub_stack() {
    let mut stack = [0xff_u8; 16 * 1024];
    stack.zeroize();
    std::hint::black_box(&mut stack);
}

impl fmt::Debug for EpochKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EpochKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_ip::{AddressSource, ClientIp};
    use crate::pseudonym::Unit;

    fn client() -> ClientIp {
        ClientIp::new("203.0.113.77".parse().unwrap(), AddressSource::Peer)
    }

    /// The same computation by Python's standard library:
    ///
    /// ```python
    /// import hmac; from hashlib import sha256
    /// info = b"pinfold 1" + (2).to_bytes(4, "big") + b"wx" + b"operations" + b"\x01"
    /// key = hmac.digest(bytes([7] * 32), info, sha256)
    /// message = b"h\x04" + bytes(10) + b"\xff\xff" + bytes([203, 0, 113, 77])
    /// print(hmac.digest(key, message, sha256)[:8].hex())
    /// ```
    #[test]
    fn known_answer() {
        let key = EpochKey::from_root([7; 32], "wx");
        assert_eq!(key.operations().pseudonym(Unit::Host, &client()).to_string(), "c0d076b0448e3785");
    }

    #[test]
    fn roots_sites_and_purposes_are_apart() {
        let host = |key: &KeyedHash| key.pseudonym(Unit::Host, &client());
        let one = EpochKey::from_root([7; 32], "one");
        let other = EpochKey::from_root([7; 32], "other");
        let later = EpochKey::from_root([8; 32], "one");
        let mut seen = [&one, &other, &later]
            .map(|key| [key.operations(), key.sketch(), key.origin()].map(host))
            .concat();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 9);
    }

    #[test]
    fn generated_keys_differ() {
        let host = || EpochKey::generate("site").unwrap().operations().pseudonym(Unit::Host, &client());
        assert_ne!(host(), host());
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = EpochKey::from_root([0xab; 32], "site");
        let shown = format!("{key:?} {:?}", key.operations());
        assert_eq!(shown, "EpochKey(..) KeyedHash(..)");
    }
}
