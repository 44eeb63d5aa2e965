//! The running proxy, over sockets: mutated requests on one side, mutated answers on the other.

use std::ffi::OsString;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use httparse::{EMPTY_HEADER, Status};

use crate::http1::{by_httparse, by_the_letter, chunked_by_httparse};
use crate::naive::{Known, known, may_pass, trim};

/// What divides the requests from the answer to each of them.
const BETWEEN: &[u8] = b"\n===\n";
const SOUND: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello";

/// Longer than this nobody is kept waiting here.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the site is asked, and what it answers.
#[derive(Debug, Default)]
struct Origin {
    answer: Vec<u8>,
    asked: Vec<Vec<u8>>,
    nonsense: Vec<String>,
}

/// A proxy of this process, and the site behind it.
struct Running {
    proxy: SocketAddr,
    origin: Arc<Mutex<Origin>>,
}

static RUNNING: LazyLock<Running> = LazyLock::new(start);

/// Requests; and, after `===`, what the site answers.
pub fn run(data: &[u8]) {
    let between = data.windows(BETWEEN.len()).position(|text| text == BETWEEN);
    let (requests, answer) = match between {
        Some(at) => (&data[..at], &data[at + BETWEEN.len()..]),
        None => (data, SOUND),
    };
    let running = &*RUNNING;
    *lock(&running.origin) = Origin { answer: answer.to_vec(), ..Origin::default() };
    let reply = converse(running.proxy, requests);
    let Origin { asked, nonsense, .. } = std::mem::take(&mut *lock(&running.origin));
    assert!(nonsense.is_empty(), "{nonsense:?}");
    for raw in &asked {
        let shown = raw.escape_ascii();
        let one = by_httparse(raw).unwrap_or_else(|why| panic!("{why}: {shown}"));
        let other = by_the_letter(raw).unwrap_or_else(|why| panic!("{why}: {shown}"));
        assert!(one == other && one.len() == 1, "{shown}");
        assert_eq!(one[0].fields.iter().filter(|(name, _)| name == "host").count(), 1, "{shown}");
    }
    // The answers of HTTP/2 are in frames.
    if requests.starts_with(b"PRI * HTTP/2") {
        return;
    }
    let statuses = statuses(&reply, answer, asked.iter().any(|raw| raw.starts_with(b"HEAD ")));
    if answer == SOUND {
        let is_clients = |status: &u16| *status < 500 || [501, 505].contains(status);
        assert!(statuses.iter().all(is_clients), "{statuses:?}");
    }
}

/// Sends everything, and what can hardly be the beginning of anything; then reads to the end, which must come.
fn converse(proxy: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(proxy).expect("the proxy listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit can be set");
    let _ = stream.write_all(&[bytes, &b"\r\n\0".repeat(100)].concat());
    let _ = stream.shutdown(Shutdown::Write);
    let (mut reply, mut part) = (Vec::new(), [0; 16 * 1024]);
    loop {
        match stream.read(&mut part) {
            Ok(0) => return reply,
            Ok(length) => reply.extend_from_slice(&part[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("neither answered nor closed, after {}", reply.escape_ascii())
            }
            Err(_) => return reply,
        }
    }
}

/// The statuses of answers that follow each other without a byte between. The last may be cut.
fn statuses(reply: &[u8], answer_of_site: &[u8], has_head: bool) -> Vec<u16> {
    let (mut rest, mut found) = (reply, Vec::new());
    while !rest.is_empty() {
        let mut fields = [EMPTY_HEADER; 256];
        let mut answer = httparse::Response::new(&mut fields);
        let length = match answer.parse(rest) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => break,
            Err(error) => panic!("{error} in {}", reply.escape_ascii()),
        };
        let status = answer.code.unwrap_or_default();
        found.push(status);
        let values = |name: &str| -> Vec<&[u8]> {
            answer
                .headers
                .iter()
                .filter(|field| field.name.eq_ignore_ascii_case(name))
                .map(|field| field.value)
                .collect()
        };
        for field in values("set-cookie") {
            let name = trim(field.split(|byte| matches!(byte, b'=' | b';')).next().unwrap_or_default());
            // Those of ours are ours to set, and nobody else's.
            let is_of_site = answer_of_site.windows(field.len()).any(|text| text == field);
            let is_ours = known(name) == Known::Own && !is_of_site;
            assert!(is_ours || may_pass(name, false, false), "{} is held", field.escape_ascii());
        }
        rest = &rest[length..];
        // What follows is another protocol; or nobody here knows whether there is a body.
        if status == 101 || has_head {
            break;
        }
        if status < 200 || [204, 304].contains(&status) {
            continue;
        }
        let length = match (&values("content-length")[..], &values("transfer-encoding")[..]) {
            ([], []) => rest.len(),
            ([length], []) => {
                std::str::from_utf8(length).ok().and_then(|text| text.parse().ok()).expect("a number")
            }
            ([], [b"chunked"]) => match chunked_by_httparse(rest) {
                Ok((Some(_), length)) => length,
                Ok((None, _)) => rest.len(),
                Err(why) => panic!("{why} in {}", reply.escape_ascii()),
            },
            framing => panic!("{framing:?} in {}", reply.escape_ascii()),
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    found
}

fn start() -> Running {
    // What it says of itself would be more than anybody reads.
    let _ = tracing::subscriber::set_global_default(tracing::subscriber::NoSubscriber::default());
    let origin = Arc::<Mutex<Origin>>::default();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let site = listener.local_addr().expect("it has an address");
    let noted = origin.clone();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let noted = noted.clone();
            thread::spawn(move || serve(stream, &noted));
        }
    });
    let directory = tempfile::tempdir().expect("a directory").keep();
    let [proxy, admin] = [free(), free()];
    let file = directory.join("pinfold.toml");
    std::fs::write(&file, configuration(proxy, admin, site)).expect("it can be written");
    thread::spawn(move || {
        let arguments = [OsString::from("pinfold"), "run".into(), "--config".into(), file.into()];
        panic!("the proxy ended: {:?}", pinfold_proxy::run(arguments));
    });
    for _ in 0..200 {
        if TcpStream::connect(proxy).is_ok() {
            return Running { proxy, origin };
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("the proxy does not listen");
}

/// A port that was free a moment ago.
fn free() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("it has an address")
}

fn configuration(proxy: SocketAddr, admin: SocketAddr, site: SocketAddr) -> String {
    let mut text = format!(
        "version = 1\n[site]\nname = \"Town\"\nurl = \"https://www.town.example\"\n[listen]\nhttp = \"{proxy}\"\n\
         [admin]\nlisten = \"{admin}\"\n[origin]\nurl = \"http://{site}\"\n"
    );
    for (id, basis) in [("statistics", "statistics"), ("marketing", "consent")] {
        text +=
            &format!("[[purpose]]\nid = \"{id}\"\nbasis = \"{basis}\"\ntitle = \"A\"\ndescription = \"B\"\n");
    }
    for (name, purpose) in crate::site::RULES {
        let purpose = purpose.unwrap_or("strictly-necessary");
        text += &format!("[[cookie]]\nname = \"{name}\"\npurpose = \"{purpose}\"\nprovider = \"C\"\n");
    }
    text
}

/// Reads one request, gives the answer, and closes.
fn serve(mut stream: TcpStream, origin: &Mutex<Origin>) {
    let (mut bytes, mut part) = (Vec::new(), [0; 16 * 1024]);
    loop {
        match stream.read(&mut part) {
            Ok(length) if length > 0 => bytes.extend_from_slice(&part[..length]),
            _ => return,
        }
        if !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
            continue;
        }
        match by_the_letter(&bytes) {
            Ok(messages) if messages.iter().all(|message| message.body.is_some()) => break,
            Ok(_) => {}
            Err(why) => {
                lock(origin).nonsense.push(format!("{why}: {}", bytes.escape_ascii()));
                return;
            }
        }
    }
    let answer = {
        let mut origin = lock(origin);
        origin.asked.push(bytes);
        origin.answer.clone()
    };
    let _ = stream.write_all(&answer);
}

fn lock(origin: &Mutex<Origin>) -> std::sync::MutexGuard<'_, Origin> {
    origin.lock().unwrap_or_else(PoisonError::into_inner)
}
