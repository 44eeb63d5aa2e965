use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::message::{Ask, Question, Reply};
use crate::exit::Failure;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the server behind a socket, about a site where there are several.
pub(crate) fn ask(socket: &Path, site: Option<&str>, ask: Ask) -> Result<Reply, Failure> {
    let question = Question { site: site.map(str::to_owned), ask };
    let shown = socket.display();
    let stream = UnixStream::connect(socket).map_err(|error| {
        Failure::of(format!(
            "no server answers at {shown}: {error} (start it with `pinfold run`, or name its file with --config)"
        ))
    })?;
    let reply = exchange(stream, &question)
        .map_err(|error| Failure::of(format!("the server at {shown} did not answer: {error}")))?;
    match reply {
        Reply::Refused { why } => Err(Failure::of(why)),
        reply => Ok(reply),
    }
}

fn exchange(mut stream: UnixStream, question: &Question) -> io::Result<Reply> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_string(question)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut answers = BufReader::new(stream);
    let silent = "it answers only the user whose server it is, and root";
    let first = read(&mut answers, silent)?;
    let Reply::Waits { number, seconds } = first else { return Ok(first) };
    let minutes = seconds.div_ceil(60);
    // Standard output is for the answer.
    let _ = writeln!(
        io::stderr(),
        "pinfold: the look-up waits as {number} for another user of this machine: `pinfold approve {number}` within {minutes} min"
    );
    answers.get_ref().set_read_timeout(Some(Duration::from_secs(seconds) + PATIENCE))?;
    read(&mut answers, "it stopped before anybody approved the look-up")
}

fn read(answers: &mut BufReader<UnixStream>, silent: &str) -> io::Result<Reply> {
    let mut answer = String::new();
    answers.read_line(&mut answer)?;
    if answer.is_empty() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, silent));
    }
    Ok(serde_json::from_str(&answer)?)
}
