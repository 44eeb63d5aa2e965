//! What is said to systemd, and what it has passed on (sd_notify(3), sd_listen_fds(3)).

use std::ffi::{OsStr, OsString};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::OnceLock;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::time::{ClockId, clock_gettime};

/// The first descriptor that is passed on.
const FIRST: u32 = 3;

/// The most that are believed to have been passed on: of many sites each has one.
const MOST: u32 = 4096;

/// What sd_listen_fds_with_names(3) calls a descriptor that has no name.
const UNNAMED: &str = "unknown";

/// Where systemd listens, where this runs as a service.
pub(super) fn socket() -> Option<OsString> {
    std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty())
}

/// Tells systemd how the service is, where this runs as one.
pub(crate) fn notify(state: &str) {
    if let Some(Err(error)) = socket().map(|socket| send(&socket, state, &[])) {
        tracing::warn!(%error, state, "systemd could not be told");
    }
}

/// Tells systemd that the configuration is read again, until it is dropped.
#[derive(Debug)]
pub(crate) struct Reloading(());

impl Reloading {
    pub(crate) fn begin() -> Self {
        let now = clock_gettime(ClockId::Monotonic);
        let microseconds = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        notify(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
        Self(())
    }
}

impl Drop for Reloading {
    fn drop(&mut self) {
        notify("READY=1");
    }
}

/// Says something, and hands descriptors over.
pub(super) fn send(socket: &OsStr, text: &str, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let datagram = UnixDatagram::unbound()?;
    datagram.connect_addr(&address(socket)?)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("too many descriptors at once"));
    }
    sendmsg(&datagram, &[IoSlice::new(text.as_bytes())], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// A path, or a name that begins with `@` and is in no directory.
fn address(socket: &OsStr) -> io::Result<SocketAddr> {
    match socket.as_bytes().split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name),
        Some((b'/', _)) => SocketAddr::from_pathname(socket),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "NOTIFY_SOCKET names no Unix socket")),
    }
}

/// The number of the first descriptor of a name that was passed to this process.
pub(super) fn passed(name: &str) -> Option<u32> {
    let place = passed_on().iter().position(|one| one == name)?;
    u32::try_from(place).ok()?.checked_add(FIRST)
}

/// The names of the descriptors that were passed to this process, in their order.
pub(crate) fn passed_on() -> &'static [String] {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    // Once: whoever takes descriptors may take the variables away.
    NAMES.get_or_init(|| names(std::process::id(), |key: &str| std::env::var(key).ok()))
}

fn names(process: u32, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let number = |key| read(key)?.parse::<u32>().ok();
    // Whatever has the variables by inheritance alone is not meant.
    if number("LISTEN_PID") != Some(process) {
        return Vec::new();
    }
    let count = number("LISTEN_FDS").filter(|count| *count <= MOST).unwrap_or_default();
    let given = read("LISTEN_FDNAMES").unwrap_or_default();
    let given = given.split(':').map(|name| if name.is_empty() { UNNAMED } else { name });
    given.chain(std::iter::repeat(UNNAMED)).take(count as usize).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_have_names() {
        for (pid, count, given, expected) in [
            ("7", "1", "keys", &["keys"][..]),
            ("7", "3", "http:keys:keys", &["http", "keys", "keys"]),
            ("7", "1", "http:keys", &["http"]),
            ("7", "2", "", &["unknown", "unknown"]),
            ("7", "2", ":keys", &["unknown", "keys"]),
            ("7", "0", "keys", &[]),
            ("8", "1", "keys", &[]),
            ("", "1", "keys", &[]),
            ("7", "-1", "keys", &[]),
            ("7", "4000000000", "keys", &[]),
        ] {
            let read = |key: &str| match key {
                "LISTEN_PID" => Some(pid.to_owned()),
                "LISTEN_FDS" => Some(count.to_owned()),
                _ => Some(given.to_owned()),
            };
            assert_eq!(names(7, read), expected, "{pid} {count} {given}");
        }
        assert_eq!(names(7, |_| None), [""; 0]);
    }

    #[test]
    fn sockets_have_a_path_or_an_abstract_name() {
        assert!(address(OsStr::new("/run/systemd/notify")).unwrap().as_pathname().is_some());
        assert_eq!(address(OsStr::new("@x")).unwrap().as_abstract_name(), Some(&b"x"[..]));
        assert!(address(OsStr::new("vsock:2:1")).is_err());
        assert!(address(OsStr::new("")).is_err());
    }
}
