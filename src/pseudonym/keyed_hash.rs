use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroize;

use super::unit::Unit;
use crate::client_ip::ClientIp;

/// HMAC-SHA-256 under one key, its key schedule computed once. The state is overwritten when dropped.
#[derive(Clone)]
pub struct KeyedHash(Hmac<Sha256>);

impl KeyedHash {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block[..32].copy_from_slice(key);
        let hash = Self(Hmac::new(&block));
        block.zeroize();
        hash
    }

    /// The pseudonym of the host or network of an address.
    pub fn pseudonym(&self, unit: Unit, client: &ClientIp) -> Pseudonym {
        let mut message = unit.message(client);
        let mut mac = self.0.clone();
        mac.update(&message);
        message.zeroize();
        let digest = mac.finalize().into_bytes();
        let mut leading = [0; 8];
        leading.copy_from_slice(&digest[..8]);
        Pseudonym(u64::from_be_bytes(leading))
    }
}

impl fmt::Debug for KeyedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyedHash(..)")
    }
}

/// A keyed hash of an address, 64 bits. Shown as sixteen hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym(u64);

impl Pseudonym {
    /// Stands for everything beyond the bound of a table. No key gives it but by a chance of one in 2^64.
    pub const OVERFLOW: Self = Self(0);

    /// From its number.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl FromStr for Pseudonym {
    type Err = NoPseudonym;

    /// From sixteen hexadecimal digits, as it is shown. What stands for everything beyond a bound is no pseudonym of anybody.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|_| digits);
        number.map(Self).filter(|pseudonym| *pseudonym != Self::OVERFLOW).ok_or(NoPseudonym)
    }
}

/// A text is not a pseudonym.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPseudonym;

impl fmt::Display for NoPseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pseudonym has sixteen hexadecimal digits, such as c0d076b0448e3785")
    }
}

impl std::error::Error for NoPseudonym {}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pseudonym({self})")
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_read_as_it_is_shown() {
        let pseudonym = Pseudonym::from_number(0x00d0_76b0_448e_3785);
        assert_eq!(pseudonym.to_string().parse(), Ok(pseudonym));
        assert_eq!("C0D076B0448E3785".parse(), Ok(Pseudonym::from_number(0xc0d0_76b0_448e_3785)));
        for text in [
            "",
            "0000000000000000",
            "+0d076b0448e3785",
            "c0d076b0448e378",
            "203.0.113.77",
            "c0d076b0448e37855",
        ] {
            assert_eq!(text.parse::<Pseudonym>(), Err(NoPseudonym), "{text}");
        }
    }
}
