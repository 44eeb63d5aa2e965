//! Listening sockets that a supervisor has opened and passes on from one process to the next (sd_listen_fds(3)): a new binary takes over, and
//! no connection is refused.

use std::io;
use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;
use socket2::SockRef;

use crate::config::{Hosts, Settings};
use crate::exit::Failure;
use crate::hold::{KEYS, passed_on};

/// The sockets that were passed on, if any.
#[derive(Debug, Default)]
pub(super) struct Inherited {
    pub(super) http: Option<TcpListener>,
    pub(super) https: Option<TcpListener>,
    pub(super) admin: Option<TcpListener>,
}

/// What a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Http,
    Https,
    Admin,
}

impl Inherited {
    /// Takes the sockets that are for `settings`. One that is not is a mistake in a unit, and is named.
    pub(super) fn take(settings: &Settings) -> Result<Self, Failure> {
        let mut inherited = Self::default();
        let mut sockets =
            passed_on().iter().enumerate().filter(|(_, name)| !name.starts_with(KEYS)).peekable();
        if sockets.peek().is_none() {
            return Ok(inherited);
        }
        let mut passed = ListenFd::from_env();
        for (place, name) in sockets {
            let unusable = |error: io::Error| {
                Failure::of(format!("the socket passed on as `{name}` cannot be used: {error}"))
            };
            let Some(listener) = passed.take_tcp_listener(place).map_err(unusable)? else { continue };
            let address = listener.local_addr().map_err(unusable)?;
            if !SockRef::from(&listener).is_listener().map_err(unusable)? {
                return Err(unusable(io::Error::other("it does not listen (write Accept=no)")));
            }
            listener.set_nonblocking(true).map_err(unusable)?;
            let role = role(name, address, settings).map_err(Failure::of)?;
            let place = match role {
                Role::Http => &mut inherited.http,
                Role::Https => &mut inherited.https,
                Role::Admin => &mut inherited.admin,
            };
            if place.replace(listener).is_some() {
                return Err(Failure::of(format!(
                    "two sockets are passed on for {} (write one ListenStream= for it)",
                    match role {
                        Role::Http => "`[listen] http`",
                        Role::Https => "`[listen] https`",
                        Role::Admin => "`[admin] listen`",
                    }
                )));
            }
        }
        Ok(inherited)
    }
}

/// By its name, else by its address. All sockets of one unit are called alike: of those for the site, an address tells which it is.
fn role(name: &str, address: SocketAddr, settings: &Settings) -> Result<Role, String> {
    let (http, https) = (settings.listen.http, settings.listen.https.as_ref().map(|https| https.address));
    let role = match name {
        "admin" => Role::Admin,
        "https" if https.is_none() => {
            return Err(format!(
                "the socket passed on as `https` at {address} has no certificate (write `[listen] https`, or another name)"
            ));
        }
        "https" => Role::Https,
        "site" if https == Some(address) || http.is_none() => Role::Https,
        "site" => Role::Http,
        _ if http == Some(address) => Role::Http,
        _ if https == Some(address) => Role::Https,
        _ if address == settings.admin => Role::Admin,
        _ => {
            return Err(format!(
                "the socket passed on as `{name}` at {address} is neither of `[listen]` nor `[admin] listen` (write \
                 FileDescriptorName=site, https or admin in its unit)"
            ));
        }
    };
    let for_this_machine =
        role == Role::Admin && settings.admin_password.is_none() || settings.hosts == Hosts::Any;
    if for_this_machine && !address.ip().is_loopback() {
        return Err(format!(
            "{address}, passed on as `{name}`, would be open to others (let its unit listen on loopback)"
        ));
    }
    Ok(role)
}

/// One socket for all workers: each takes what it comes to first.
pub(super) fn shared(listener: &TcpListener, count: usize) -> io::Result<Vec<TcpListener>> {
    (0..count).map(|_| listener.try_clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;

    #[test]
    fn sockets_are_told_by_name_and_by_address() {
        let text = "[site]\nname = \"Town\"\nurl = \"https://www.town.example\"\n[origin]\nurl = \"http://127.0.0.1:8000\"\n\
                    [listen]\n";
        let listening = |listen: &str| {
            parse(Path::new("pinfold.toml"), &format!("{text}{listen}\n"), &[]).settings.unwrap()
        };
        let (http, https) = (
            "http = \"0.0.0.0:80\"",
            "https = { address = \"0.0.0.0:443\", certificate = \"c.pem\", key = \"k.pem\" }",
        );
        let (with_file, secured, both) =
            (listening(http), listening(https), listening(&format!("{http}\n{https}")));
        let without = Settings::for_origin("http://127.0.0.1:8000", None).unwrap();
        for (name, address, settings, expected) in [
            ("pinfold.socket", "0.0.0.0:80", &with_file, Ok(Role::Http)),
            ("pinfold.socket", "127.0.0.1:8081", &with_file, Ok(Role::Admin)),
            ("site", "[::]:443", &with_file, Ok(Role::Http)),
            ("site", "0.0.0.0:80", &both, Ok(Role::Http)),
            ("site", "0.0.0.0:443", &both, Ok(Role::Https)),
            ("site", "[::]:443", &secured, Ok(Role::Https)),
            ("https", "[::]:443", &both, Ok(Role::Https)),
            ("pinfold.socket", "0.0.0.0:443", &both, Ok(Role::Https)),
            ("pinfold.socket", "0.0.0.0:80", &secured, Err("is neither")),
            ("https", "0.0.0.0:443", &with_file, Err("has no certificate")),
            ("admin", "127.0.0.1:9", &with_file, Ok(Role::Admin)),
            ("admin", "0.0.0.0:9", &with_file, Err("open to others")),
            ("unknown", "127.0.0.1:80", &with_file, Err("is neither")),
            ("site", "127.0.0.1:9", &without, Ok(Role::Http)),
            ("site", "0.0.0.0:80", &without, Err("open to others")),
        ] {
            let found = role(name, address.parse().unwrap(), settings);
            match (&found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(*found, expected, "{name} {address}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
                _ => panic!("{name} {address}: {found:?}"),
            }
        }
    }
}
