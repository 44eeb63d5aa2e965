//! Which site a request is for. Pure.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::config::Hosts;

/// One thing for each host, or one for all. Nobody but the operator puts a host in, so a fast hash is good enough.
#[derive(Debug)]
pub(super) enum ByHost<T> {
    Any(T),
    Each(HashMap<Box<str>, T, RandomState>),
}

impl<T: Clone> ByHost<T> {
    /// Of sites, each with its hosts. Where one serves any host, it serves all.
    pub(super) fn new<'a>(sites: impl IntoIterator<Item = (&'a Hosts, T)>) -> Self {
        let mut each = HashMap::default();
        for (hosts, site) in sites {
            match hosts {
                Hosts::Any => return Self::Any(site),
                Hosts::Only(hosts) => {
                    each.extend(hosts.iter().map(|host| (host.as_str().into(), site.clone())));
                }
            }
        }
        Self::Each(each)
    }

    /// What is there for a host, in lower case and without port.
    pub(super) fn find(&self, host: &str) -> Option<&T> {
        match self {
            Self::Any(site) => Some(site),
            Self::Each(each) => each.get(host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_has_its_site_and_no_other_has_one() {
        let only = |hosts: &[&str]| Hosts::Only(hosts.iter().map(|host| (*host).to_owned()).collect());
        let (one, other) = (only(&["www.a.example", "a.example"]), only(&["www.b.example"]));
        let sites = ByHost::new([(&one, 'a'), (&other, 'b')]);
        for (host, expected) in [
            ("www.a.example", Some('a')),
            ("a.example", Some('a')),
            ("www.b.example", Some('b')),
            ("b.example", None),
            ("www.b.example.", None),
            ("", None),
        ] {
            assert_eq!(sites.find(host).copied(), expected, "{host}");
        }
        assert_eq!(ByHost::new([(&Hosts::Any, 'a')]).find("x").copied(), Some('a'));
    }
}
