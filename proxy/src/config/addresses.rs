//! Where Pinfold itself is reached: two listeners cannot have one address, and an origin must not lead back.

use std::net::{IpAddr, SocketAddr};

use http::Uri;
use http::uri::Scheme;

use super::fault::{Faults, Place};
use super::reader::Located;

/// A listener, as the configuration names it.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    pub(super) name: &'static str,
    pub(super) address: Located<SocketAddr>,
}

/// That two listeners would have one address is a fault of the later one.
pub(super) fn find_conflicts(listeners: &[Listener], faults: &Faults) {
    for (place, later) in listeners.iter().enumerate() {
        let earlier = listeners[..place].iter().find(|one| are_one(one.address.value, later.address.value));
        let Some(earlier) = earlier else { continue };
        let (at, other) = match later.address.place {
            Place::Whole => (&earlier.address.place, later),
            _ => (&later.address.place, earlier),
        };
        faults.add(
            at,
            format!("{} is listened to by {} already", other.address.value, other.name),
            "give each a port of its own",
        );
    }
}

/// Whether nobody can listen to both. Whoever asks for port 0 is given one that is free; `[::]` is every address of IPv4, too.
fn are_one(one: SocketAddr, other: SocketAddr) -> bool {
    let is_every = |one: IpAddr, other: IpAddr| one.is_unspecified() && (one.is_ipv6() || other.is_ipv4());
    let (here, there) = (one.ip(), other.ip());
    one.port() == other.port()
        && one.port() != 0
        && (here == there || is_every(here, there) || is_every(there, here))
}

/// Whether an origin is a listener of this process.
pub(super) fn leads_to(origin: &Uri, listener: SocketAddr) -> bool {
    let Some(host) = origin.host() else { return false };
    if port_of(origin) != listener.port() {
        return false;
    }
    let is_here = listener.ip().is_loopback() || listener.ip().is_unspecified();
    match host.trim_matches(['[', ']']).parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(address) if address.is_unspecified() => is_here,
        Ok(address) => {
            address == listener.ip().to_canonical() || listener.ip().is_unspecified() && address.is_loopback()
        }
        Err(_) => is_here && (host.eq_ignore_ascii_case("localhost") || host.ends_with(".localhost")),
    }
}

/// Whether an origin is what visitors type, or would be behind a redirection from http to https.
pub(super) fn is_public(origin: &Uri, url: &str, hosts: &[String]) -> bool {
    let Some(host) = origin.host().map(str::to_ascii_lowercase) else { return false };
    let url = url.parse::<Uri>().ok();
    let port = port_of(origin);
    let is_port_of_url = url.as_ref().is_some_and(|url| port_of(url) == port);
    hosts.contains(&host) && (is_port_of_url || [80, 443].contains(&port))
}

fn port_of(uri: &Uri) -> u16 {
    let usual = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    uri.port_u16().unwrap_or(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_nobody_can_have_twice() {
        for (one, other, expected) in [
            ("127.0.0.1:8081", "127.0.0.1:8081", true),
            ("127.0.0.1:8081", "0.0.0.0:8081", true),
            ("0.0.0.0:8081", "192.0.2.1:8081", true),
            ("[::]:8081", "[::1]:8081", true),
            ("127.0.0.1:8081", "127.0.0.1:8080", false),
            ("127.0.0.1:8081", "127.0.0.2:8081", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
            ("[::]:8081", "127.0.0.1:8081", true),
            ("0.0.0.0:8081", "[::1]:8081", false),
        ] {
            assert_eq!(are_one(one.parse().unwrap(), other.parse().unwrap()), expected, "{one} {other}");
        }
    }

    #[test]
    fn origins_that_lead_back() {
        for (origin, listener, expected) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("https://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("http://localhost:8080", "127.0.0.1:8080", true),
            ("http://LOCALHOST:8080", "[::1]:8080", true),
            ("http://0.0.0.0:8080", "127.0.0.1:8080", true),
            ("http://127.0.0.7:8080", "0.0.0.0:8080", true),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("http://[::ffff:127.0.0.1]:8080", "127.0.0.1:8080", true),
            ("http://192.0.2.1", "192.0.2.1:80", true),
            ("https://192.0.2.1", "192.0.2.1:443", true),
            ("http://127.0.0.1:8000", "127.0.0.1:8080", false),
            ("http://127.0.0.2:8080", "127.0.0.1:8080", false),
            ("http://192.0.2.7:8080", "0.0.0.0:8080", false),
            ("http://localhost:8080", "192.0.2.1:8080", false),
            ("http://cms.example:8080", "127.0.0.1:8080", false),
        ] {
            let found = leads_to(&origin.parse().unwrap(), listener.parse().unwrap());
            assert_eq!(found, expected, "{origin} {listener}");
        }
    }

    #[test]
    fn origins_that_are_what_visitors_type() {
        let hosts = ["www.town.example".to_owned(), "my.town.example".to_owned()];
        for (origin, expected) in [
            ("https://www.town.example", true),
            ("https://WWW.town.example:443", true),
            ("http://www.town.example", true),
            ("https://my.town.example", true),
            ("http://www.town.example:8000", false),
            ("https://origin.town.example", false),
            ("http://127.0.0.1:8000", false),
        ] {
            let found = is_public(&origin.parse().unwrap(), "https://www.town.example", &hosts);
            assert_eq!(found, expected, "{origin}");
        }
    }
}
