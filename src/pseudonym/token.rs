use std::hash::Hasher;

use siphasher::sip::SipHasher13;
use zeroize::Zeroize;

use crate::client_ip::Evidence;

/// A keyed hash of the evidence of a request. It is no more telling than a pseudonym, and its key dies as early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token(u64);

impl Token {
    #[cfg(test)]
    pub(crate) const fn from_number(number: u64) -> Self {
        Self(number)
    }

    pub(crate) const fn number(self) -> u64 {
        self.0
    }
}

/// A key of SipHash-1-3: quicker by far than HMAC, and as hard to guess a collision of without the key.
pub(crate) struct TokenKey([u8; 16]);

impl TokenKey {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let mut token_key = Self([0; 16]);
        token_key.0.copy_from_slice(&key[..16]);
        token_key
    }

    pub(crate) fn token(&self, evidence: &Evidence<'_>) -> Token {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        evidence.write(&mut hasher);
        Token(hasher.finish())
    }
}

impl Drop for TokenKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_ip::ClientIpResolver;

    #[test]
    fn tokens_differ_by_key_and_by_evidence() {
        let token = |key: u8, peer: &str| {
            TokenKey::new(&[key; 32])
                .token(&ClientIpResolver::peer().evidence(peer.parse().unwrap()))
                .number()
        };
        assert_eq!(token(1, "192.0.2.1"), token(1, "::ffff:192.0.2.1"));
        assert_ne!(token(1, "192.0.2.1"), token(1, "192.0.2.2"));
        assert_ne!(token(1, "192.0.2.1"), token(2, "192.0.2.1"));
    }
}
