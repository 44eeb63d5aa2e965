use crate::client_ip::ClientIp;

/// What a pseudonym stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// One subscriber: an IPv4 address, or an IPv6 /64, within which a host chooses its addresses freely (RFC 8981).
    Host,
    /// The neighbourhood: an IPv4 /24 or an IPv6 /48.
    Network,
}

impl Unit {
    /// The bytes that are hashed: the unit and the family, then the address with the rest of it cleared.
    ///
    /// Eighteen bytes fit into one block of SHA-256, which keeps a pseudonym at two blocks.
    pub(super) fn message(self, client: &ClientIp) -> [u8; 18] {
        let (tag, kept) = match (self, client.is_v4()) {
            (Self::Host, true) => (b'h', 16),
            (Self::Host, false) => (b'h', 8),
            (Self::Network, true) => (b'n', 15),
            (Self::Network, false) => (b'n', 6),
        };
        let mut message = [0; 18];
        message[0] = tag;
        message[1] = if client.is_v4() { 4 } else { 6 };
        message[2..2 + kept].copy_from_slice(&client.octets()[..kept]);
        message
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::client_ip::AddressSource;

    fn message(unit: Unit, ip: &str) -> [u8; 18] {
        unit.message(&ClientIp::new(ip.parse::<IpAddr>().unwrap(), AddressSource::Peer))
    }

    #[test]
    fn who_05_units() {
        for (unit, one, other, same) in [
            (Unit::Host, "192.0.2.1", "192.0.2.2", false),
            (Unit::Host, "192.0.2.1", "::ffff:192.0.2.1", true),
            (Unit::Host, "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
            (Unit::Host, "2001:db8:1:2::1", "2001:db8:1:3::1", false),
            (Unit::Network, "192.0.2.1", "192.0.2.254", true),
            (Unit::Network, "192.0.2.1", "192.0.3.1", false),
            (Unit::Network, "2001:db8:1:2::1", "2001:db8:1:9::1", true),
            (Unit::Network, "2001:db8:1::1", "2001:db8:2::1", false),
        ] {
            assert_eq!(message(unit, one) == message(unit, other), same, "{unit:?} {one} {other}");
        }
    }

    #[test]
    fn units_and_families_never_meet() {
        assert_ne!(message(Unit::Host, "192.0.2.0"), message(Unit::Network, "192.0.2.0"));
        assert_ne!(message(Unit::Host, "0.0.0.1"), message(Unit::Host, "::ffff:0:0:1"));
    }
}
