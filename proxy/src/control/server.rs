use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pinfold::audit::AuditHandle;
use pinfold::pseudonym::{Pseudonym, Unit};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::message::{Ask, BlockLine, KeyLine, Reply, SenderLine};

/// How long a question may be, and how long it may take.
const LONGEST: u64 = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// The most that `top` lists.
const MOST_LISTED: usize = 1_000;

/// The longest reason for a block, in characters.
const LONGEST_REASON: usize = 200;

/// The longest block: blocks are carried from day to day, and there is no sense in one that outlives its reason.
const LONGEST_BLOCK: u64 = 90 * 86_400;

/// The socket, removed when dropped.
#[derive(Debug)]
pub(crate) struct ControlSocket {
    listener: StdListener,
    path: PathBuf,
    /// Whose server it is.
    owner: u32,
}

impl ControlSocket {
    /// Binds it so that nobody else could have connected at any moment. What a server that is gone has left there is replaced.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        // A directory of mode 0700, in which nobody else finds the socket before it has its mode.
        let nest = tempfile::Builder::new().prefix(".p").tempdir_in(directory.unwrap_or(Path::new(".")))?;
        let egg = nest.path().join("s");
        let listener = StdListener::bind(&egg)?;
        fs::set_permissions(&egg, Permissions::from_mode(0o600))?;
        let owner = fs::metadata(&egg)?.uid();
        fs::rename(&egg, path)?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, path: path.to_owned(), owner })
    }

    /// Answers until the task is dropped.
    pub(crate) async fn serve(self, audit: AuditHandle) {
        let Some(listener) = self.listener.try_clone().and_then(UnixListener::from_std).ok() else { return };
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (audit, owner) = (audit.clone(), self.owner);
                    tokio::spawn(async move {
                        // Whoever hangs up does not want the answer.
                        let _ = tokio::time::timeout(PATIENCE, converse(stream, &audit, owner)).await;
                    });
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // It may have been replaced or removed by hand.
        let _ = fs::remove_file(&self.path);
    }
}

async fn converse(mut stream: UnixStream, audit: &AuditHandle, owner: u32) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    if uid != owner && uid != 0 {
        tracing::warn!(uid, "somebody else asked on the control socket");
        return Ok(());
    }
    let mut line = String::new();
    let (reading, mut writing) = stream.split();
    BufReader::new(reading.take(LONGEST)).read_line(&mut line).await?;
    let reply = match serde_json::from_str::<Ask>(&line) {
        Ok(ask) => {
            let name = ask.name();
            tracing::info!(uid, ask = name, "asked on the control socket");
            answer(ask, audit)
        }
        Err(_) => {
            Reply::Refused { why: "the question could not be read (ask with the same version)".to_owned() }
        }
    };
    let mut text = serde_json::to_string(&reply)?;
    text.push('\n');
    writing.write_all(text.as_bytes()).await
}

fn answer(ask: Ask, audit: &AuditHandle) -> Reply {
    match ask {
        Ask::Block { pseudonym, seconds, reason } => {
            block(audit, &pseudonym, seconds, reason).unwrap_or_else(|why| Reply::Refused { why })
        }
        Ask::Blocks => Reply::Blocks { blocks: audit.blocks().iter().map(BlockLine::from).collect() },
        Ask::Keys => Reply::Keys { keys: audit.keys().iter().map(KeyLine::from).collect() },
        Ask::Top { by, most } => {
            let top = |unit| {
                let top = audit.top(unit, by.into(), most.min(MOST_LISTED));
                top.iter().map(SenderLine::from).collect()
            };
            Reply::Top { hosts: top(Unit::Host), networks: top(Unit::Network) }
        }
        Ask::Unblock { pseudonym } => match pseudonym.parse::<Pseudonym>() {
            Ok(parsed) if audit.unblock(parsed) => Reply::Unblocked { pseudonym },
            Ok(_) => {
                Reply::Refused { why: format!("{pseudonym} is not blocked (`pinfold blocks` lists who is)") }
            }
            Err(fault) => Reply::Refused { why: format!("`{pseudonym}` is no pseudonym ({fault})") },
        },
    }
}

fn block(audit: &AuditHandle, pseudonym: &str, seconds: u64, reason: String) -> Result<Reply, String> {
    let parsed =
        pseudonym.parse::<Pseudonym>().map_err(|fault| format!("`{pseudonym}` is no pseudonym ({fault})"))?;
    if reason.trim().is_empty()
        || reason.chars().count() > LONGEST_REASON
        || reason.contains(char::is_control)
    {
        return Err(format!("a block needs a reason (write up to {LONGEST_REASON} characters, in one line)"));
    }
    if !(1..=LONGEST_BLOCK).contains(&seconds) {
        return Err("a block lasts a second at least and 90 days at most (write --for 1h)".to_owned());
    }
    let block =
        audit.block(parsed, Duration::from_secs(seconds), reason).map_err(|fault| fault.to_string())?;
    Ok(Reply::Blocks { blocks: vec![BlockLine::from(&block)] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_for_its_owner_alone_and_replaces_one_left_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        drop(StdListener::bind(&path).unwrap());
        assert!(path.exists(), "left behind");
        let socket = ControlSocket::bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        drop(socket);
        assert!(!path.exists());
    }
}
