//! How much of the public internet is trusted to say who a client is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pinfold::client_ip::TrustedProxies;

/// Networks of IPv4 that are nobody's on the internet (RFC 6890), and those for groups and for later (RFC 1112).
const NOT_PUBLIC: [([u8; 4], u32); 8] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    ([224, 0, 0, 0], 3),
];

/// All that is given to anybody of IPv6 (RFC 4291 section 2.4).
const PUBLIC_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// How much somebody would trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breadth {
    /// As much as proxies have.
    Usual,
    /// More than an IPv4 /10 or an IPv6 /20, which few organisations have.
    Wide,
    /// More than an IPv4 /8 or an IPv6 /12, which no organisation has.
    TooWide,
    /// More than half of all public addresses of one kind.
    Most,
    /// All of them.
    Whole,
}

/// Of networks together.
pub(super) fn breadth(networks: &TrustedProxies) -> Breadth {
    let (mut v4, mut v6) = (0, 0);
    for range in networks.ranges() {
        match range {
            (IpAddr::V4(first), IpAddr::V4(last)) => v4 += public_v4(first, last),
            (IpAddr::V6(first), IpAddr::V6(last)) => v6 += public_v6(first, last),
            _ => {}
        }
    }
    let all_v4 = public_v4(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
    match () {
        () if v4 == all_v4 || v6 == 1 << 125 => Breadth::Whole,
        () if v4 > all_v4 / 2 || v6 > 1 << 124 => Breadth::Most,
        () if v4 > 1 << 24 || v6 > 1 << (128 - 12) => Breadth::TooWide,
        () if v4 > 1 << 22 || v6 > 1 << (128 - 20) => Breadth::Wide,
        () => Breadth::Usual,
    }
}

fn public_v4(first: Ipv4Addr, last: Ipv4Addr) -> u128 {
    let range = (u128::from(first.to_bits()), u128::from(last.to_bits()));
    let not_public = NOT_PUBLIC.iter().map(|(network, prefix)| {
        let first = u128::from(u32::from_be_bytes(*network));
        shared(range, (first, first + (1 << (32 - prefix)) - 1))
    });
    range.1 - range.0 + 1 - not_public.sum::<u128>()
}

fn public_v6(first: Ipv6Addr, last: Ipv6Addr) -> u128 {
    let begins = PUBLIC_V6.0.to_bits();
    shared((first.to_bits(), last.to_bits()), (begins, begins + (1 << (128 - PUBLIC_V6.1)) - 1))
}

/// How many addresses two ranges have in common.
fn shared(one: (u128, u128), other: (u128, u128)) -> u128 {
    let (first, last) = (one.0.max(other.0), one.1.min(other.1));
    if first <= last { last - first + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_much_is_trusted() {
        let quarters = ["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2"];
        let all_but_private =
            ["0.0.0.0/5", "8.0.0.0/7", "11.0.0.0/8", "12.0.0.0/6", "16.0.0.0/4", "32.0.0.0/3"];
        for (networks, expected) in [
            (
                &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.1", "fc00::/7", "fe80::/10"][..],
                Breadth::Usual,
            ),
            (&["::1"], Breadth::Usual),
            // As Cloudflare, and the widest of Akamai's.
            (&["104.16.0.0/13", "2a06:98c0::/29", "104.64.0.0/10", "2600:1400::/24"], Breadth::Wide),
            (&["104.64.0.0/10", "2600:1400::/24"], Breadth::Usual),
            (&["224.0.0.0/3"], Breadth::Usual),
            (&["51.0.0.0/9"], Breadth::Wide),
            (&["51.0.0.0/8"], Breadth::Wide),
            (&["51.0.0.0/8", "52.0.0.0/8"], Breadth::TooWide),
            (&["2a00::/12"], Breadth::Wide),
            (&["2a00::/11"], Breadth::TooWide),
            (&["0.0.0.0/2"], Breadth::TooWide),
            (&["::ffff:64.0.0.0/98"], Breadth::TooWide),
            (&quarters[1..], Breadth::Most),
            (&["2000::/4", "3000::/5"], Breadth::Most),
            (&["0.0.0.0/1", "128.0.0.0/1"], Breadth::Whole),
            (&quarters, Breadth::Whole),
            (&["0.0.0.0/0"], Breadth::Whole),
            (&["::ffff:0:0/96"], Breadth::Whole),
            (&["::/0"], Breadth::Whole),
            (&["2000::/3"], Breadth::Whole),
            (&["2000::/4", "3000::/4"], Breadth::Whole),
            (&all_but_private, Breadth::TooWide),
        ] {
            assert_eq!(breadth(&TrustedProxies::new(networks).unwrap()), expected, "{networks:?}");
        }
    }
}
