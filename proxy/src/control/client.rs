use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::message::{Ask, Reply};
use crate::exit::Failure;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the server behind a socket.
pub(crate) fn ask(socket: &Path, ask: &Ask) -> Result<Reply, Failure> {
    let shown = socket.display();
    let stream = UnixStream::connect(socket).map_err(|error| {
        Failure::of(format!(
            "no server answers at {shown}: {error} (start it with `pinfold run`, or name its file with --config)"
        ))
    })?;
    let reply = exchange(stream, ask)
        .map_err(|error| Failure::of(format!("the server at {shown} did not answer: {error}")))?;
    match reply {
        Reply::Refused { why } => Err(Failure::of(why)),
        reply => Ok(reply),
    }
}

fn exchange(mut stream: UnixStream, ask: &Ask) -> std::io::Result<Reply> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_string(ask)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    if answer.is_empty() {
        return Err(std::io::Error::new(
            std::io::ErrorKind::PermissionDenied,
            "it answers only the user whose server it is, and root",
        ));
    }
    Ok(serde_json::from_str(&answer)?)
}
