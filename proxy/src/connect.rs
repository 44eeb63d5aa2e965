//! `pinfold check --connect`: whether what a sound configuration names is there, too.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use pinfold_store::Ledgers;
use serde::Serialize;

use crate::config::Settings;
use crate::serve::host_and_port;

/// How long the origin may take for each step.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much of the first page is read.
const MOST_OF_PAGE: u64 = 256 * 1024;

/// What was found of one thing.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Found {
    Well(String),
    /// It works, but somebody should look.
    Doubt(String),
    /// It does not, and how to mend it.
    Amiss(String),
}

/// Looks at everything that the configuration names outside itself. Nothing is changed.
pub(crate) fn look(settings: &Settings, page: &str, inserts_link: bool) -> Vec<Found> {
    let mut found = origin(settings, page, inserts_link);
    found.extend(store(&settings.store.file, &settings.site));
    let https = settings.listen.https.as_ref().map(|https| https.address);
    let listeners = settings.listen.http.into_iter().chain(https).chain([settings.admin]);
    found.extend(listeners.map(listener));
    found
}

fn origin(settings: &Settings, page: &str, inserts_link: bool) -> Vec<Found> {
    let shown = &settings.origin;
    let stream = match connect(shown) {
        Ok(stream) => stream,
        Err(error) => {
            let problem =
                format!("the origin {shown} cannot be reached: {error} (start it, or change `[origin] url`)");
            return vec![Found::Amiss(problem)];
        }
    };
    if shown.scheme() == Some(&Scheme::HTTPS) {
        return vec![Found::Well(format!("the origin {shown} accepts connections"))];
    }
    let authority = shown.authority().map_or("localhost", |authority| authority.as_str());
    let host = settings.hosts.named().first().map_or(authority, String::as_str);
    match first_page(stream, host) {
        Err(error) => vec![Found::Amiss(format!(
            "the origin {shown} does not answer for {host}: {error} (see whether it speaks HTTP/1.1 there)"
        ))],
        Ok((status, text)) => {
            let links = inserts_link || text.contains(page);
            let unlinked = (status == 200 && !links).then(|| {
                Found::Doubt(format!(
                    "the first page does not link to {page} (add a link to every page, or write `link = \"insert\"` in `[consent]`)"
                ))
            });
            let well = Found::Well(format!("the origin {shown} answers {status} for {host}"));
            [well].into_iter().chain(unlinked).collect()
        }
    }
}

fn connect(origin: &Uri) -> io::Result<TcpStream> {
    let nowhere = || io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    let mut last = nowhere();
    for address in host_and_port(origin).ok_or_else(nowhere)?.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The status of `/` and the beginning of its page.
fn first_page(mut stream: TcpStream, host: &str) -> io::Result<(u16, String)> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\naccept: text/html\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let read = stream.take(MOST_OF_PAGE).read_to_end(&mut answer);
    let status = answer.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
    let status = status.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    match (status, read) {
        (Some(status), _) => Ok((status, String::from_utf8_lossy(&answer).into_owned())),
        (None, Err(error)) => Err(error),
        (None, Ok(_)) => Err(io::Error::new(io::ErrorKind::InvalidData, "what it says is no answer")),
    }
}

fn store(file: &Path, site: &str) -> Vec<Found> {
    let shown = file.display();
    if !file.exists() {
        let place = file.parent().filter(|place| !place.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return vec![match tempfile_in(place) {
            Ok(()) => Found::Well(format!("the store {shown} will be made at the first start")),
            Err(error) => Found::Amiss(format!(
                "the store {shown} cannot be made: {error} (make its directory, and let this user write there)"
            )),
        }];
    }
    let cookies = Ledgers::open(file).and_then(|ledgers| ledgers.cookies(site));
    match cookies {
        Err(error) => vec![Found::Amiss(error.to_string())],
        Ok(cookies) => {
            let mut odd: Vec<_> = cookies.into_iter().filter(|cookie| cookie.identifies).collect();
            odd.dedup_by(|one, other| one.pattern == other.pattern);
            let doubts = odd.into_iter().map(|cookie| {
                Found::Doubt(format!(
                    "the cookie {} looks like an identifier, {} values in a thousand requests, which the basis of `{}` does not allow (ask for \
                     consent to it, or stop it from telling visitors apart)",
                    cookie.pattern,
                    cookie.values.unwrap_or_default(),
                    cookie.purpose
                ))
            });
            [Found::Well(format!("the store {shown} can be read"))].into_iter().chain(doubts).collect()
        }
    }
}

/// Whether a file can be made in a directory.
fn tempfile_in(place: &Path) -> io::Result<()> {
    let name = place.join(format!(".pinfold-check-{}", std::process::id()));
    std::fs::File::create_new(&name)?;
    std::fs::remove_file(name)
}

fn listener(address: SocketAddr) -> Found {
    match TcpListener::bind(address) {
        Ok(_) => Found::Well(format!("{address} is free to listen on")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Found::Doubt(format!("{address} is in use: by a server that runs already, perhaps"))
        }
        Err(error) => {
            Found::Amiss(format!("cannot listen on {address}: {error} (choose another, or give the right)"))
        }
    }
}
