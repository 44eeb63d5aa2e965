use std::net::IpAddr;

use clap::ValueEnum;

/// How a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Address, user, time, request, status, size, referrer and browser
    Combined,
    /// The same without referrer and browser
    Common,
    /// One JSON object a line
    Json,
    /// The name of the site, then as combined
    VhostCombined,
}

impl Format {
    /// The format of a line, if it can be told.
    pub(crate) fn of(line: &[u8]) -> Option<Self> {
        if line.trim_ascii_start().starts_with(b"{") {
            return Some(Self::Json);
        }
        let mut words = line.split(|&byte| byte == b' ').map(address);
        match (words.next()?, words.next()?) {
            (Some(_), _) => Some(Self::Combined),
            (None, Some(_)) => Some(Self::VhostCombined),
            (None, None) => None,
        }
    }
}

/// A word that is an address.
pub(crate) fn address(word: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_of_a_line() {
        for (line, expected) in [
            (&b"192.0.2.1 - - [x] \"GET / HTTP/1.1\" 200 1"[..], Some(Format::Combined)),
            (b"2001:db8::1 - jo [x]", Some(Format::Combined)),
            (b"www.town.example:443 192.0.2.1 - - [x]", Some(Format::VhostCombined)),
            (b"  {\"remote_addr\":\"192.0.2.1\"}", Some(Format::Json)),
            (b"crawler.example - - [x]", None),
            (b"", None),
        ] {
            assert_eq!(Format::of(line), expected, "{}", String::from_utf8_lossy(line));
        }
    }
}
