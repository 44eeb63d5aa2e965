//! `pinfold healthcheck`: whether a server is alive, for whoever starts and restarts it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long the server may take to accept, and to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the admin listener of a server.
///
/// # Errors
///
/// What is wrong, in a few words.
pub(crate) fn ask(admin: SocketAddr) -> Result<(), String> {
    let unreached = |error: std::io::Error| format!("no server answers on {admin}: {error}");
    let mut stream = TcpStream::connect_timeout(&admin, PATIENCE).map_err(unreached)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(unreached)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(unreached)?;
    let request = format!("GET /healthz HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(unreached)?;
    let mut first = [0; 12];
    stream.read_exact(&mut first).map_err(unreached)?;
    if first.starts_with(b"HTTP/1.1 200") {
        Ok(())
    } else {
        Err(format!("what answers on {admin} is not well"))
    }
}
