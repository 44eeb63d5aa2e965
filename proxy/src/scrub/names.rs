use std::net::IpAddr;

use http::HeaderMap;
use pinfold::client_ip::ClientIpResolver;
use pinfold::pseudonym::{EpochKey, Unit};

/// How many addresses are remembered: in a log the same ones come again and again.
const ROOM: usize = 4_096;

/// Gives each address its name under a key that is destroyed with this.
pub(super) struct Names {
    key: EpochKey,
    resolver: ClientIpResolver,
    recent: Vec<Option<(IpAddr, String)>>,
}

impl Names {
    pub(super) fn new(key: EpochKey) -> Self {
        Self { key, resolver: ClientIpResolver::peer(), recent: vec![None; ROOM] }
    }

    /// The name of an address, in the shape of one: of the host of an IPv4 address, of the /64 of an IPv6 address.
    pub(super) fn of(&mut self, address: IpAddr) -> &str {
        let place = place_of(address);
        let known = matches!(&self.recent[place], Some((one, _)) if *one == address);
        if !known {
            let client = self.resolver.resolve(Some(address), &HeaderMap::new());
            let pseudonym = client.map(|client| self.key.operations().pseudonym(Unit::Host, &client));
            let name = pseudonym.map_or_else(|| "-".to_owned(), |one| one.shaped_like(address).to_string());
            self.recent[place] = Some((address, name));
        }
        self.recent[place].as_ref().map_or("-", |(_, name)| name)
    }
}

fn place_of(address: IpAddr) -> usize {
    let bits = match address {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64 ^ v6.to_bits() as u64,
    };
    (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52) as usize % ROOM
}

impl Drop for Names {
    fn drop(&mut self) {
        // Not for long, but while the process lives somebody could look.
        self.recent.iter_mut().for_each(|place| *place = None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_name_and_another_key_another() {
        let mut names = Names::new(EpochKey::from_root([7; 32], "scrub"));
        let mut later = Names::new(EpochKey::from_root([8; 32], "scrub"));
        let [one, mapped, other, host, neighbour] =
            ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"]
                .map(|address| address.parse::<IpAddr>().unwrap());
        let name = names.of(one).to_owned();
        assert!(name.parse::<IpAddr>().is_ok_and(|name| name.is_ipv4()));
        assert_eq!(names.of(mapped), name);
        assert_ne!(names.of(other), name);
        assert_eq!(names.of(one), name);
        assert_ne!(later.of(one), name);
        assert_eq!(names.of(host).to_owned(), names.of(neighbour), "they are one subscriber");
        assert!(names.of(host).starts_with("fd"));
    }
}
