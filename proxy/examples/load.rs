//! What a request costs the proxy, beside a bare pass-through on the same parts, in alternating rounds of one run.
//!
//! `cargo build --release && cargo run --release -p pinfold-proxy --example load`
//!
//! The cost is processor time of the server process, from the kernel's own accounting (/proc), so Linux alone. The origin, both
//! servers and the clients share the machine; all traffic is on loopback.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::convert::Infallible;
use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Failure = Box<dyn Error + Send + Sync>;

const ROUNDS: usize = 7;
const CONNECTIONS: usize = 64;
const REQUESTS: usize = 400;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["origin"] => on_every_core(|_| origin(), None),
        ["pass-through", origin] => on_every_core(pass_through, Some(origin.parse()?)),
        _ => compare(),
    }
}

fn compare() -> Result<(), Failure> {
    let own = std::env::current_exe()?;
    let (_origin, origin) = start(Command::new(&own).arg("origin"), "listening=")?;
    let (bare, bare_address) =
        start(Command::new(&own).args(["pass-through", &origin.to_string()]), "listening=")?;
    let directory = tempfile::tempdir()?;
    let mut command = Command::new(binary());
    fs::write(directory.path().join("pinfold.toml"), configuration(origin))?;
    command.args(["run", "--config", "pinfold.toml"]).current_dir(directory.path());
    let (pinfold, address) = start(&mut command, "site=")?;

    println!("{} cores; {CONNECTIONS} connections, {} requests a round", cores(), CONNECTIONS * REQUESTS);
    println!("{:>6} {:>18} {:>18} {:>8}", "round", "bare us/request", "pinfold us/request", "ratio");
    let mut ratios = Vec::new();
    for round in 0..=ROUNDS {
        let bare_cost = cost(bare.0.id(), bare_address)?;
        let pinfold_cost = cost(pinfold.0.id(), address)?;
        // The first round warms everything up.
        if round > 0 {
            ratios.push(bare_cost / pinfold_cost);
            println!("{round:>6} {bare_cost:>18.1} {pinfold_cost:>18.1} {:>8.2}", bare_cost / pinfold_cost);
        }
    }
    ratios.sort_by(f64::total_cmp);
    println!("median of bare over pinfold: {:.2}", ratios[ratios.len() / 2]);
    Ok(())
}

/// Processor time of a server for each request, in microseconds.
fn cost(pid: u32, address: SocketAddr) -> Result<f64, Failure> {
    let before = processor_time(pid)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let clients: Vec<_> = (0..CONNECTIONS).map(|_| tokio::spawn(client(address))).collect();
        for client in clients {
            client.await??;
        }
        Ok::<_, Failure>(())
    })?;
    let spent = processor_time(pid)? - before;
    Ok(spent.as_secs_f64() * 1e6 / (CONNECTIONS * REQUESTS) as f64)
}

/// User and system time of a process so far, from /proc, in ticks of a hundredth of a second.
fn processor_time(pid: u32) -> Result<Duration, Failure> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit(')').next().ok_or("no name")?;
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).map(|field| field.parse().unwrap_or(0)).sum();
    Ok(Duration::from_millis(ticks * 10))
}

async fn client(address: SocketAddr) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let request = b"GET /council-tax/bands HTTP/1.1\r\nhost: www.town.example\r\nuser-agent: load\r\naccept: text/html\r\n\
        accept-language: cy, en;q=0.8\r\nsec-fetch-dest: document\r\nsec-fetch-site: same-origin\r\n\
        cookie: session=6a1b2c; theme=dark; _ga=GA1.1.1.1\r\n\r\n";
    let mut buffer = vec![0; 8192];
    for _ in 0..REQUESTS {
        stream.write_all(request).await?;
        let mut received = 0;
        // The page is of a fixed size; what comes before it is a head of any.
        while !buffer[..received].ends_with(END_OF_PAGE) {
            let read = stream.read(&mut buffer[received..]).await?;
            if read == 0 {
                return Err("the connection was closed".into());
            }
            received += read;
        }
    }
    Ok(())
}

const END_OF_PAGE: &[u8] = b"</html>\n";

/// Serves on a runtime of its own for each core, as the proxy does. Prints the address.
fn on_every_core<F>(
    serve: impl Fn(Option<SocketAddr>) -> F + Send + Sync + Clone + 'static,
    origin: Option<SocketAddr>,
) -> Result<(), Failure>
where
    F: Service,
{
    let first = listen((Ipv4Addr::LOCALHOST, 0).into())?;
    let address = first.local_addr()?;
    let mut listeners = vec![first];
    for _ in 1..cores() {
        listeners.push(listen(address)?);
    }
    println!("listening={address}");
    let threads: Vec<_> = listeners
        .into_iter()
        .map(|listener| {
            let serve = serve.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(accept(listener, serve(origin)))
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")??;
    }
    Ok(())
}

/// What answers requests.
trait Service: Clone + Send + 'static {
    fn answer(
        self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<http_body_util::Either<Incoming, Full<Bytes>>>, Infallible>> + Send;
}

async fn accept(listener: std::net::TcpListener, service: impl Service) -> Result<(), Failure> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service.clone();
        tokio::spawn(http1::Builder::new().serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| service.clone().answer(request)),
        ));
    }
}

#[derive(Clone)]
struct Origin(Bytes);

fn origin() -> Origin {
    let mut page = "<!DOCTYPE html><html><p>Council tax</p>".to_owned();
    page.push_str(&" ".repeat(2_000));
    page.push_str("</html>\n");
    Origin(Bytes::from(page))
}

impl Service for Origin {
    async fn answer(
        self,
        _: Request<Incoming>,
    ) -> Result<Response<http_body_util::Either<Incoming, Full<Bytes>>>, Infallible> {
        let mut response = Response::new(http_body_util::Either::Right(Full::new(self.0)));
        response.headers_mut().insert("content-type", HeaderValue::from_static("text/html"));
        response.headers_mut().append("set-cookie", HeaderValue::from_static("session=6a1b2c; Path=/"));
        response.headers_mut().append("set-cookie", HeaderValue::from_static("_ga=GA1.1.1.1; Path=/"));
        Ok(response)
    }
}

#[derive(Clone)]
struct PassThrough {
    client: Client<HttpConnector, Incoming>,
    origin: SocketAddr,
}

fn pass_through(origin: Option<SocketAddr>) -> PassThrough {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    PassThrough { client, origin: origin.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into()) }
}

impl Service for PassThrough {
    async fn answer(
        self,
        mut request: Request<Incoming>,
    ) -> Result<Response<http_body_util::Either<Incoming, Full<Bytes>>>, Infallible> {
        let uri = Uri::builder()
            .scheme("http")
            .authority(self.origin.to_string())
            .path_and_query(request.uri().path_and_query().map_or("/", |target| target.as_str()))
            .build();
        *request.uri_mut() = uri.unwrap_or_default();
        Ok(match self.client.request(request).await {
            Ok(response) => response.map(http_body_util::Either::Left),
            Err(_) => Response::new(http_body_util::Either::Right(Full::default())),
        })
    }
}

fn listen(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}

fn configuration(origin: SocketAddr) -> String {
    format!(
        "[site]\nname = \"Load\"\nurl = \"https://www.town.example\"\n[origin]\nurl = \"http://{origin}\"\n\
         [listen]\nhttp = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [[purpose]]\nid = \"marketing\"\nbasis = \"consent\"\ntitle = \"M\"\ndescription = \"M\"\n\
         [[cookie]]\nname = \"session\"\npurpose = \"strictly-necessary\"\n\
         [[cookie]]\nname = \"theme\"\npurpose = \"strictly-necessary\"\n\
         [[cookie]]\nname = \"_ga*\"\npurpose = \"marketing\"\n"
    )
}

/// A server that is stopped when it goes out of sight.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server and reads its address, which stands behind `mark` in what it prints.
fn start(command: &mut Command, mark: &str) -> Result<(Server, SocketAddr), Failure> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdout, stderr) = (child.stdout.take().ok_or("no output")?, child.stderr.take().ok_or("no output")?);
    let server = Server(child);
    let (found, address) = std::sync::mpsc::channel();
    for output in [Box::new(stdout) as Box<dyn std::io::Read + Send>, Box::new(stderr)] {
        let (mark, found) = (mark.to_owned(), found.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let address =
                    line.split(&mark).nth(1).and_then(|rest| rest.split_whitespace().next()?.parse().ok());
                if let Some(address) = address {
                    let _ = found.send(address);
                }
            }
        });
    }
    let started = Instant::now();
    let address: SocketAddr = address.recv_timeout(Duration::from_secs(10)).map_err(|_| {
        format!("no server after {:?}: build it with cargo build --release", started.elapsed())
    })?;
    Ok((server, address))
}

fn binary() -> PathBuf {
    std::env::var_os("PINFOLD_BIN").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/pinfold"),
        PathBuf::from,
    )
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
