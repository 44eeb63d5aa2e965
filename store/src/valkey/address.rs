use std::fmt;
use std::str::FromStr;

/// The port of Valkey and Redis.
const PORT: u16 = 6_379;

/// Where a Valkey is: `redis://127.0.0.1:6379`, or `rediss://valkey.example:6380/2` by TLS, in its database 2. `valkey://` and `valkeys://`
/// mean the same.
///
/// It never has a user or password: it is written in files and logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValkeyAddress {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) database: u16,
    is_tls: bool,
}

impl ValkeyAddress {
    /// Whether it is spoken to by TLS.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The name or address of the host, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl FromStr for ValkeyAddress {
    type Err = NoValkey;

    fn from_str(text: &str) -> Result<Self, NoValkey> {
        let (scheme, rest) = text.split_once("://").ok_or(NoValkey)?;
        let is_tls = match scheme {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(NoValkey),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let database = if path.is_empty() { 0 } else { number(path)? };
        let (host, port) = match authority.strip_prefix('[') {
            Some(bracketed) => {
                let (host, rest) = bracketed.split_once(']').ok_or(NoValkey)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| NoValkey)?;
                let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or(NoValkey)?) };
                (host, port)
            }
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.is_empty() || !host.chars().all(is_name) {
            return Err(NoValkey);
        }
        let port = port.map_or(Ok(PORT), number)?;
        if port == 0 {
            return Err(NoValkey);
        }
        Ok(Self { host: host.to_ascii_lowercase(), port, database, is_tls })
    }
}

fn number(text: &str) -> Result<u16, NoValkey> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number).ok_or(NoValkey)
}

impl fmt::Display for ValkeyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, database, is_tls } = self;
        let scheme = if *is_tls { "rediss" } else { "redis" };
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")?;
        } else {
            write!(f, "{scheme}://{host}:{port}")?;
        }
        if *database == 0 { Ok(()) } else { write!(f, "/{database}") }
    }
}

/// A text says not where a Valkey is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoValkey;

impl fmt::Display for NoValkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Valkey is at an address such as redis://127.0.0.1:6379, or rediss:// by TLS")
    }
}

impl std::error::Error for NoValkey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for (text, shown) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("redis://127.0.0.1", "redis://127.0.0.1:6379"),
            ("valkeys://Valkey.Example:6380/2", "rediss://valkey.example:6380/2"),
            ("rediss://[2001:db8::1]:7000/", "rediss://[2001:db8::1]:7000"),
            ("valkey://[::1]", "redis://[::1]:6379"),
        ] {
            assert_eq!(text.parse::<ValkeyAddress>().unwrap().to_string(), shown);
        }
        for text in [
            "",
            "127.0.0.1:6379",
            "http://127.0.0.1:6379",
            "redis://",
            "redis://:6379",
            "redis://user:secret@127.0.0.1",
            "redis://secret@127.0.0.1:6379",
            "redis://127.0.0.1:0",
            "redis://127.0.0.1:65536",
            "redis://127.0.0.1:+1",
            "redis://127.0.0.1/two",
            "redis://127.0.0.1/0?protocol=resp3",
            "redis://[::1",
            "redis://[::1]6379",
            "redis://::1",
            "redis+unix:///tmp/valkey.sock",
        ] {
            assert_eq!(text.parse::<ValkeyAddress>(), Err(NoValkey), "{text}");
        }
    }
}
