//! The binary as a child process, an origin behind it, and a client that speaks raw bytes.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its own part, and a test may panic")]

#[path = "../../../store/tests/common/chaos.rs"]
pub(crate) mod chaos;
pub(crate) mod choices;
pub(crate) mod clock;
pub(crate) mod http2;
pub(crate) mod http2_origin;
pub(crate) mod latency;
pub(crate) mod node;
pub(crate) mod raw_origin;
pub(crate) mod recorder;
#[path = "../../../store/tests/common/redis.rs"]
pub(crate) mod redis;
pub(crate) mod strict;
pub(crate) mod tls;

use std::convert::Infallible;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_pinfold");

/// Addresses of clients in tests: TEST-NET-3 and the documentation prefix of IPv6.
pub(crate) const CANARY: &str = "203.0.113.77";

/// A site that remembers what it was asked.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request<Bytes>>>>,
}

impl Origin {
    /// Answers with whatever a function makes of the request.
    pub(crate) fn start(answer: impl Fn(&Request<Bytes>) -> Response<Bytes> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<_>>>::default();
        let (answer, seen) = (Arc::new(answer), requests.clone());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (answer, seen) = (answer.clone(), seen.clone());
                    tokio::spawn(async move {
                        let service = service_fn(move |request: Request<Incoming>| {
                            let (answer, seen) = (answer.clone(), seen.clone());
                            async move {
                                let (parts, body) = request.into_parts();
                                let body =
                                    body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                                let request = Request::from_parts(parts, body);
                                let response = answer(&request).map(Full::new);
                                seen.lock().unwrap().push(request);
                                Ok::<_, Infallible>(response)
                            }
                        });
                        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                    });
                }
            });
        });
        Self { address, requests }
    }

    /// A page that says `hello`.
    pub(crate) fn hello() -> Self {
        Self::start(|_| page("hello"))
    }

    pub(crate) fn requests(&self) -> Vec<Request<Bytes>> {
        self.requests.lock().unwrap().clone()
    }
}

pub(crate) fn page(text: &'static str) -> Response<Bytes> {
    Response::builder().header("content-type", "text/html").body(Bytes::from(text)).unwrap()
}

/// A running `pinfold`, its files in a directory of its own.
pub(crate) struct Pinfold {
    pub(crate) directory: TempDir,
    pub(crate) site: SocketAddr,
    pub(crate) https: Option<SocketAddr>,
    pub(crate) admin: SocketAddr,
    child: Child,
    log: Arc<Mutex<String>>,
}

/// A configuration for a town in front of `origin`; `more` is appended.
pub(crate) fn configuration(origin: SocketAddr, more: &str) -> String {
    format!(
        r#"version = 1
[site]
name = "Town"
url = "https://www.town.example"
[listen]
http = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
[[purpose]]
id = "statistics"
basis = "statistics"
title = "Statistics"
description = "They count."
[[purpose]]
id = "marketing"
basis = "consent"
title = "Marketing"
description = "They measure campaigns."
[[cookie]]
name = "session"
purpose = "strictly-necessary"
[[cookie]]
name = "_ga*"
purpose = "marketing"
provider = "Google"
[origin]
url = "http://{origin}"
{more}
"#
    )
}

/// The same behind something that says who asks, in English alone: there is nothing to warn of.
pub(crate) fn fronted(origin: SocketAddr, more: &str) -> String {
    let front = "[client_address]\nsource = \"x-forwarded-for\"\ntrusted_proxies = [\"127.0.0.1\"]";
    let text = configuration(origin, &format!("{more}\n{front}"));
    text.replacen("[listen]", "languages = [\"en\"]\n[listen]", 1)
}

impl Pinfold {
    pub(crate) fn in_front_of(origin: &Origin) -> Self {
        Self::configured(&configuration(origin.address, ""))
    }

    /// Runs with a configuration file.
    pub(crate) fn configured(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("pinfold.toml"), text).unwrap();
        let mut command = Command::new(BINARY);
        command.args(["run", "--config", "pinfold.toml"]).current_dir(directory.path());
        Self::spawn(command, directory)
    }

    /// Runs a command that ends in a server, and waits until it says that it is ready.
    pub(crate) fn spawn(mut command: Command, directory: TempDir) -> Self {
        if !command.get_envs().any(|(name, _)| name == "PINFOLD_LOG") {
            command.env("PINFOLD_LOG", "trace");
        }
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::<Mutex<String>>::default();
        let (ready, readied) = mpsc::channel();
        let (stderr, written) = (child.stderr.take().unwrap(), log.clone());
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if line.contains(" ready ") {
                    let address =
                        |name: &str| line.split_once(name)?.1.split_whitespace().next()?.parse().ok();
                    let _ = ready.send((address("site="), address("https="), address("admin=")));
                }
                let mut log = written.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let Ok((Some(site), https, Some(admin))) = readied.recv_timeout(Duration::from_secs(20)) else {
            let _ = child.kill();
            panic!("it did not start: {}", log.lock().unwrap());
        };
        Self { directory, site, https, admin, child, log }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Sends a request head for the town's host, and reads the whole answer.
    pub(crate) fn get(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send("GET", path, fields, "")
    }

    pub(crate) fn send(&self, method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: www.town.example\r\nconnection: close\r\n");
        for (name, value) in fields {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            text.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        text.push_str(body);
        Answer::read(&raw(self.site, text.as_bytes()))
    }

    pub(crate) fn admin(&self, path: &str) -> Answer {
        let text = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        Answer::read(&raw(self.admin, text.as_bytes()))
    }

    /// One figure of the metrics.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.admin("/metrics").body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    /// Waits until something holds, for at most ten seconds.
    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !holds(self) {
            assert!(started.elapsed() < Duration::from_secs(10), "{what}\n{}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops it as systemd would; its files and its log.
    pub(crate) fn stop(self) -> (TempDir, String) {
        signal(self.pid(), "TERM");
        self.ended()
    }

    /// Waits for its end, which must be a good one; its files and its log.
    pub(crate) fn ended(mut self) -> (TempDir, String) {
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.log());
        // The reader of the log sees its end a moment after the process is gone.
        thread::sleep(Duration::from_millis(100));
        let log = self.log();
        let directory = std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap());
        (directory, log)
    }

    /// Ends it with no chance to do anything about it; its files and its log.
    pub(crate) fn kill(mut self, name: &str) -> (TempDir, String) {
        signal(self.pid(), name);
        self.child.wait().unwrap();
        thread::sleep(Duration::from_millis(100));
        let log = self.log();
        (std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap()), log)
    }

    /// The report of its store as JSON.
    pub(crate) fn report(directory: &Path) -> serde_json::Value {
        let output = pinfold(&["report", "--config", "pinfold.toml", "--format", "json"], directory);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Pinfold {
    fn drop(&mut self) {
        // It may have stopped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn signal(pid: u32, name: &str) {
    // The command of the shell: a small system has no other.
    assert!(Command::new("sh").args(["-c", &format!("kill -s {name} {pid}")]).status().unwrap().success());
}

/// Runs a command to its end.
pub(crate) fn pinfold(arguments: &[&str], directory: &Path) -> Output {
    Command::new(BINARY).args(arguments).current_dir(directory).output().unwrap()
}

/// Sends bytes, half-closes, and reads until the other side is done, at most fifteen seconds.
pub(crate) fn raw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    // The other side may refuse before everything is sent.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        let body = if chunked { unchunked(body) } else { body.to_owned() };
        Self { status, head: head.to_owned(), body }
    }

    /// The values of a field, in order.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let field = |line: &'_ str| -> Option<usize> {
            let (its_name, _) = line.split_once(':')?;
            its_name.eq_ignore_ascii_case(name).then_some(its_name.len() + 1)
        };
        self.head.lines().filter_map(|line| Some(line[field(line)?..].trim())).collect()
    }
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or_default();
        if size == 0 || rest.len() < size {
            break;
        }
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}

/// Every file below a directory.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
