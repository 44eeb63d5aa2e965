use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::message::{Question, Reply};
use super::office::{Answer, GivenUp, Office};

/// How long a question may be, and how long it may take.
const LONGEST: u64 = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

/// The socket, removed when dropped.
#[derive(Debug)]
pub(crate) struct ControlSocket {
    listener: StdListener,
    path: PathBuf,
    /// By which the file is known from one that has taken its place: device and inode.
    file: (u64, u64),
    /// Whose server it is.
    owner: u32,
}

impl ControlSocket {
    /// Binds it so that nobody else could have connected at any moment. What a server that is gone has left there is replaced.
    ///
    /// # Errors
    ///
    /// Also where another server listens there: nobody could reach that any more.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        if StdStream::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another server listens there"));
        }
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        // A directory of mode 0700, in which nobody else finds the socket before it has its mode.
        let nest = tempfile::Builder::new().prefix(".p").tempdir_in(directory.unwrap_or(Path::new(".")))?;
        let egg = nest.path().join("s");
        let listener = StdListener::bind(&egg)?;
        fs::set_permissions(&egg, Permissions::from_mode(0o600))?;
        let metadata = fs::metadata(&egg)?;
        fs::rename(&egg, path)?;
        listener.set_nonblocking(true)?;
        let (file, owner) = ((metadata.dev(), metadata.ino()), metadata.uid());
        Ok(Self { listener, path: path.to_owned(), file, owner })
    }

    /// Answers until the task is dropped.
    pub(crate) async fn serve(self, office: Arc<Office>) {
        let Some(listener) = self.listener.try_clone().and_then(UnixListener::from_std).ok() else { return };
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (office, owner) = (office.clone(), self.owner);
                    tokio::spawn(async move {
                        // Whoever hangs up does not want the answer.
                        let _ = converse(stream, &office, owner).await;
                    });
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // It may have been removed by hand, or be that of another server by now.
        let is_ours = |found: fs::Metadata| (found.dev(), found.ino()) == self.file;
        if fs::symlink_metadata(&self.path).is_ok_and(is_ours) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

async fn converse(mut stream: UnixStream, office: &Office, owner: u32) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    if uid != owner && uid != 0 {
        tracing::warn!(uid, "somebody else asked on the control socket");
        return Ok(());
    }
    let (reading, mut writing) = stream.split();
    let mut reading = BufReader::new(reading.take(LONGEST));
    // It may hold an address.
    let mut line = Zeroizing::new(String::new());
    timeout(PATIENCE, reading.read_line(&mut line)).await??;
    let answer = match serde_json::from_str::<Question>(&line) {
        Ok(question) => {
            let name = question.ask.name();
            tracing::info!(uid, ask = name, site = question.site, "asked on the control socket");
            timeout(PATIENCE, office.answer(question, uid)).await?
        }
        Err(_) => Answer::Now(Reply::Refused {
            why: "the question could not be read (ask with the same version)".to_owned(),
        }),
    };
    drop(line);
    match answer {
        Answer::Now(reply) => say(&mut writing, &reply).await,
        Answer::Later { number, reply } => {
            let seconds = office.longest_wait().as_secs();
            say(&mut writing, &Reply::Waits { number, seconds }).await?;
            let reply = wait(office, number, reply, &mut reading).await;
            say(&mut writing, &reply).await
        }
    }
}

/// Waits until a look-up is approved, until that is too late, or until whoever asked hangs up.
async fn wait(
    office: &Office,
    number: u32,
    mut reply: oneshot::Receiver<Reply>,
    client: &mut (impl AsyncRead + Unpin),
) -> Reply {
    let given_up = tokio::select! {
        approved = &mut reply => return approved.unwrap_or_else(|_| stopping()),
        () = tokio::time::sleep(office.longest_wait()) => GivenUp::Expired,
        // There is nothing left to say, so whatever comes is the end.
        _ = client.read_u8() => GivenUp::Withdrawn,
    };
    match office.give_up(number, given_up).await {
        Some(refused) => refused,
        None => reply.await.unwrap_or_else(|_| stopping()),
    }
}

fn stopping() -> Reply {
    Reply::Refused { why: "the look-up was not answered (ask again)".to_owned() }
}

async fn say(writing: &mut (impl AsyncWrite + Unpin), reply: &Reply) -> io::Result<()> {
    let mut text = serde_json::to_string(reply)?;
    text.push('\n');
    timeout(PATIENCE, writing.write_all(text.as_bytes())).await?
}

#[cfg(test)]
mod tests {
    use super::super::office::tests::{lookup, office, question, results};
    use super::*;

    #[tokio::test]
    async fn a_look_up_that_nobody_approves_expires() {
        let (office, _store, _directory) = office(Duration::from_millis(50));
        let (client, server) = UnixStream::pair().unwrap();
        let owner = server.peer_cred().unwrap().uid();
        let (reading, mut writing) = client.into_split();
        let question = serde_json::to_string(&question(lookup())).unwrap() + "\n";
        writing.write_all(question.as_bytes()).await.unwrap();
        converse(server, &office, owner).await.unwrap();
        let mut replies = BufReader::new(reading).lines();
        let first = replies.next_line().await.unwrap().unwrap();
        assert!(first.contains("\"answer\":\"waits\""), "{first}");
        let second = replies.next_line().await.unwrap().unwrap();
        assert!(second.contains("in time"), "{second}");
        let results = results(&office);
        assert!(results[1].0 == "look-up" && results[1].2.contains("in time"), "{results:?}");
        assert!(!format!("{results:?}{first}{second}").contains("203.0.113.77"));
    }

    #[test]
    fn the_socket_is_for_its_owner_alone_and_replaces_one_left_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        drop(StdListener::bind(&path).unwrap());
        assert!(path.exists(), "left behind");
        let socket = ControlSocket::bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        let refused = ControlSocket::bind(&path).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        fs::remove_file(&path).unwrap();
        let next = ControlSocket::bind(&path).unwrap();
        drop(socket);
        assert!(path.exists(), "it is that of the next server by now");
        drop(next);
        assert!(!path.exists());
    }
}
