use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::error::{ConfigError, Subject};

/// The networks whose word about a client is taken. Empty by default: nobody's is.
///
/// Looking an address up is a binary search, so the cost hardly grows with the number of networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// First and last address of each network, in order; none overlaps another.
    v4: Vec<(Ipv4Addr, Ipv4Addr)>,
    v6: Vec<(Ipv6Addr, Ipv6Addr)>,
}

impl TrustedProxies {
    /// Trusts nobody.
    pub fn none() -> Self {
        Self::default()
    }

    /// Trusts these networks, each a CIDR or a single address.
    ///
    /// # Errors
    ///
    /// Names the first entry that is no network.
    pub fn new<S: AsRef<str>>(networks: impl IntoIterator<Item = S>) -> Result<Self, ConfigError> {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for text in networks {
            match parse_network(text.as_ref())? {
                IpNet::V4(net) => v4.push(net),
                IpNet::V6(net) => v6.push(net),
            }
        }
        let mut proxies = Self {
            v4: Ipv4Net::aggregate(&v4).iter().map(|net| (net.network(), net.broadcast())).collect(),
            v6: Ipv6Net::aggregate(&v6).iter().map(|net| (net.network(), net.broadcast())).collect(),
        };
        proxies.v4.sort();
        proxies.v6.sort();
        Ok(proxies)
    }

    /// Whether the address lies in one of the networks. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(v4) => lies_within(&self.v4, &v4),
            IpAddr::V6(v6) => lies_within(&self.v6, &v6),
        }
    }

    /// The first and the last address of each network, in order, IPv4 first. None overlaps another, and networks that are
    /// beside each other may be one.
    ///
    /// ```
    /// let proxies: pinfold::client_ip::TrustedProxies = "192.0.2.0/25, 192.0.2.128/25".parse()?;
    /// let ranges: Vec<_> = proxies.ranges().collect();
    /// assert_eq!(ranges, [("192.0.2.0".parse().unwrap(), "192.0.2.255".parse().unwrap())]);
    /// # Ok::<(), pinfold::ConfigError>(())
    /// ```
    pub fn ranges(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> {
        let v4 = self.v4.iter().map(|(first, last)| (IpAddr::V4(*first), IpAddr::V4(*last)));
        v4.chain(self.v6.iter().map(|(first, last)| (IpAddr::V6(*first), IpAddr::V6(*last))))
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

/// Only the last network that begins at or below an address can hold it.
fn lies_within<A: Ord>(networks: &[(A, A)], address: &A) -> bool {
    let after = networks.partition_point(|(first, _)| first <= address);
    networks[..after].last().is_some_and(|(_, last)| address <= last)
}

impl FromStr for TrustedProxies {
    type Err = ConfigError;

    /// Reads networks separated by commas or white space.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::new(text.split([',', ' ', '\t', '\n']).filter(|part| !part.is_empty()))
    }
}

fn parse_network(text: &str) -> Result<IpNet, ConfigError> {
    let fault = || {
        ConfigError::new(
            Subject::Network(text.to_owned()),
            format!("`{text}` is not a network"),
            "write an address or CIDR such as 192.0.2.0/24",
        )
    };
    let net = if text.contains('/') {
        text.parse::<IpNet>().map_err(|_| fault())?
    } else {
        IpNet::from(text.parse::<IpAddr>().map_err(|_| fault())?)
    };
    // ::ffff:0:0/96 and longer are IPv4 in disguise, and addresses are compared in canonical form.
    match net {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.addr().to_ipv4_mapped() {
            Some(v4) => Ipv4Net::new(v4, v6.prefix_len() - 96).map(IpNet::V4).map_err(|_| fault()),
            None => Ok(net.trunc()),
        },
        _ => Ok(net.trunc()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn membership() {
        let trusted: TrustedProxies =
            "10.1.2.3/8 192.0.2.7, 2001:db8::/32,::1 ::ffff:198.51.100.0/120".parse().unwrap();
        for (address, expected) in [
            ("10.255.0.1", true),
            ("11.0.0.0", false),
            ("9.255.255.255", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("::ffff:10.0.0.1", true),
            ("198.51.100.200", true),
            ("2001:db8:ffff::1", true),
            ("2001:db9::", false),
            ("::1", true),
            ("::2", false),
        ] {
            assert_eq!(trusted.contains(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn overlapping_networks_are_one() {
        let trusted = TrustedProxies::new(["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3"]).unwrap();
        assert_eq!(trusted, TrustedProxies::new(["10.0.0.0/8"]).unwrap());
        let halves = TrustedProxies::new(["::1", "128.0.0.0/1", "::ffff:0.0.0.0/97"]).unwrap();
        let ranges: Vec<_> = halves.ranges().map(|(first, last)| format!("{first} {last}")).collect();
        assert_eq!(ranges, ["0.0.0.0 255.255.255.255", "::1 ::1"]);
    }

    #[test]
    fn faults_quote_the_input() {
        for input in ["10.0.0.0/33", "10.0.0", "example.org", "10.0.0.0/8/8", "fe80::1%eth0"] {
            let fault = TrustedProxies::new([input]).unwrap_err();
            assert_eq!(fault.subject(), &Subject::Network(input.to_owned()));
            assert!(fault.to_string().contains(input));
        }
    }
}
