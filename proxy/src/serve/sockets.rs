//! Everything that a server listens on, opened before it serves anybody.

use std::net::{SocketAddr, TcpListener};

use super::inherited::{self, Inherited};
use super::{listener, worker};
use crate::config::Settings;
use crate::control::ControlSocket;
use crate::exit::Failure;

/// Where the server can be found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    /// By http, unless https alone is listened to.
    pub(crate) site: SocketAddr,
    pub(crate) https: Option<SocketAddr>,
    pub(crate) admin: SocketAddr,
}

/// Its sockets: opened here, or passed on by a supervisor.
pub(super) struct Sockets {
    /// One for each worker, or none.
    pub(super) http: Vec<TcpListener>,
    pub(super) https: Vec<TcpListener>,
    pub(super) admin: Vec<TcpListener>,
    pub(super) control: ControlSocket,
}

impl Sockets {
    pub(super) fn open(settings: &Settings, workers: usize) -> Result<Self, Failure> {
        let inherited = Inherited::take(settings)?;
        // What is passed on is for all workers, and closed when they stop.
        let open = |passed: Option<TcpListener>, address: Option<SocketAddr>, other| {
            let Some(address) = address else { return Ok(Vec::new()) };
            let listeners = match passed {
                Some(listener) => inherited::shared(&listener, workers),
                None => listener::bind(address, workers),
            };
            listeners.map_err(|error| no_listener(address, &error, other))
        };
        let by_https = settings.listen.https.as_ref().map(|https| https.address);
        let http = open(inherited.http, settings.listen.http, " with `[listen] http` or --listen")?;
        let https = open(inherited.https, by_https, " with `[listen] https`")?;
        let admin = match inherited.admin {
            Some(listener) => Ok(vec![listener]),
            None => listener::bind(settings.admin, 1),
        };
        let admin = admin.map_err(|error| {
            no_listener(settings.admin, &error, " with `[admin] listen`, or --admin for the demo")
        })?;
        let control = ControlSocket::bind(&settings.socket).map_err(|error| {
            let shown = settings.socket.display();
            Failure::of(format!(
                "cannot listen for commands at {shown}: {error} (name another place with `[admin] socket`)"
            ))
        })?;
        Ok(Self { http, https, admin, control })
    }

    pub(super) fn addresses(&self) -> Result<Addresses, Failure> {
        let Self { http, https, admin, .. } = self;
        let address_of = |listeners: &[_]| worker::address_of(listeners).map_err(Failure::of);
        Ok(Addresses {
            site: address_of(if http.is_empty() { https } else { http })?,
            https: (!https.is_empty()).then(|| address_of(https)).transpose()?,
            admin: address_of(admin)?,
        })
    }
}

fn no_listener(address: SocketAddr, error: &std::io::Error, other: &str) -> Failure {
    Failure::of(format!("cannot listen on {address}: {error} (free it, or name another{other})"))
}
