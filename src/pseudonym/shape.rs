use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::keyed_hash::Pseudonym;

impl Pseudonym {
    /// The pseudonym in the shape of an address, for programs that take nothing else: in 240.0.0.0/4, which is reserved (RFC
    /// 1112 section 4), in the place of an IPv4 address, and in fd00::/8, which belongs to no network of others (RFC 4193),
    /// in the place of an IPv6 address.
    ///
    /// There is room for 28 and 56 bits of it: among 10,000 IPv4 addresses two have the same shape with a chance of one in six.
    ///
    /// ```
    /// use pinfold::pseudonym::Pseudonym;
    ///
    /// let pseudonym = Pseudonym::from_number(0x0123_4567_89ab_cdef);
    /// assert_eq!(pseudonym.shaped_like("192.0.2.1".parse()?).to_string(), "249.171.205.239");
    /// assert_eq!(pseudonym.shaped_like("2001:db8::1".parse()?).to_string(), "fd23:4567:89ab:cdef::");
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn shaped_like(self, address: IpAddr) -> IpAddr {
        let number = self.number();
        match address.to_canonical() {
            IpAddr::V4(_) => {
                let host = (number & 0x0fff_ffff) as u32;
                // The last of them is the broadcast address (RFC 919).
                let host = if host == 0x0fff_ffff { 0 } else { host };
                IpAddr::V4(Ipv4Addr::from_bits(0xf000_0000 | host))
            }
            IpAddr::V6(_) => {
                let network = 0xfd << 56 | number & 0x00ff_ffff_ffff_ffff;
                IpAddr::V6(Ipv6Addr::from_bits(u128::from(network) << 64))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_within_its_network_and_none_is_broadcast() {
        for number in [1, 0x0fff_ffff, u64::MAX, 0x8000_0000_0000_0000] {
            let pseudonym = Pseudonym::from_number(number);
            let IpAddr::V4(v4) = pseudonym.shaped_like("::ffff:192.0.2.1".parse().unwrap()) else { panic!() };
            assert!(v4.octets()[0] >= 240 && !v4.is_broadcast(), "{v4}");
            let IpAddr::V6(v6) = pseudonym.shaped_like("2001:db8::1".parse().unwrap()) else { panic!() };
            assert_eq!(v6.octets()[0], 0xfd);
        }
    }
}
