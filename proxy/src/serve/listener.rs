use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// One listening socket for each worker, all on one address: the kernel deals connections out among them.
///
/// The first is bound alone, so that an address in use by another program is an error.
pub(super) fn bind(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let first = listen(address, false)?;
    let address = first.local_addr()?;
    if count <= 1 {
        return Ok(vec![first]);
    }
    drop(first);
    (0..count).map(|_| listen(address, true)).collect()
}

fn listen(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
