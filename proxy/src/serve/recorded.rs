//! What is done at the door with a request that was recorded, by the code that does it. Pure.

use std::net::{IpAddr, SocketAddr};

use http::Uri;
use http::header::LOCATION;
use http::request::Parts;
use http::uri::Authority;
use pinfold::consent::Policy;

use super::admit::{admit, is_of_balancer};
use super::by_host::ByHost;
use super::guard;
use super::refused::Refused;
use super::to_https::ToHttps;
use crate::config::{Settings, Site};

/// What becomes of a request before anything of it reaches a site.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AtTheDoor {
    /// A balancer is told that this is alive.
    Alive,
    /// It is for a site, the one of this place among them.
    LetIn {
        host: Authority,
        site: usize,
    },
    Refused(Refused),
}

/// Judges the head of a request over HTTP/1, as it goes over the wire.
pub(crate) fn judge_head(head: &[u8]) -> Result<(), Refused> {
    guard::judge_whole(head)
}

/// What is done with a request whose head is sound, where these sites are served.
pub(crate) fn at_the_door(parts: &Parts, sites: &[Site]) -> AtTheDoor {
    if is_of_balancer(parts) {
        return AtTheDoor::Alive;
    }
    let by_host = ByHost::new(sites.iter().map(|site| &site.settings.hosts).zip(0..));
    match admit(parts, &by_host) {
        Ok((host, site)) => AtTheDoor::LetIn { host, site: *site },
        Err(refused) => AtTheDoor::Refused(refused),
    }
}

/// Where a visitor is sent who came by http, if not to the site.
pub(crate) fn https_location(
    settings: &Settings,
    policy: &Policy,
    (host, target): (&Authority, &Uri),
    peer: IpAddr,
) -> Option<String> {
    let to_https = ToHttps::of(settings, &policy.origin().parse().ok()?)?;
    let answer = to_https.answer(host, target, SocketAddr::new(peer, 0))?;
    Some(answer.headers().get(LOCATION)?.to_str().ok()?.to_owned())
}
