//! Sites that speak HTTP/2: one by hyper, and one that says whatever frames it is told to.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio_rustls::TlsAcceptor;

use super::http2::{
    DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, fields, frame,
};

/// A site by HTTP/2 with so many streams at most. It takes its time over `/slow`, sends back what it is sent, and is never done with `/long`.
#[derive(Clone)]
pub(crate) struct Http2Origin {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: Mutex<Vec<Request<Bytes>>>,
    most: AtomicUsize,
}

impl Http2Origin {
    pub(crate) fn start(most: u32, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::<Seen>::default());
        let noted = seen.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (seen, acceptor) = (noted.clone(), acceptor.clone());
                    tokio::spawn(async move {
                        seen.connections.fetch_add(1, Ordering::SeqCst);
                        match acceptor {
                            None => converse(stream, most, seen).await,
                            Some(acceptor) => {
                                if let Ok(stream) = acceptor.accept(stream).await {
                                    converse(stream, most, seen).await;
                                }
                            }
                        }
                    });
                }
            });
        });
        Self { address, seen }
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How many were answered at a time over one connection, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.seen.most.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> Vec<Request<Bytes>> {
        self.seen.requests.lock().unwrap().clone()
    }
}

async fn converse<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    stream: S,
    most: u32,
    seen: Arc<Seen>,
) {
    let now = Arc::<AtomicUsize>::default();
    let service = service_fn(move |request: Request<Incoming>| {
        let (seen, now) = (seen.clone(), now.clone());
        async move {
            seen.most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let path = parts.uri.path().to_owned();
            seen.requests.lock().unwrap().push(Request::from_parts(parts, body.clone()));
            if path == "/slow" {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            now.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, Infallible>(answer(&path, body))
        }
    });
    let mut server = http2::Builder::new(TokioExecutor::new());
    server.max_concurrent_streams(most);
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

type Answered = Response<Either<Full<Bytes>, Parts>>;

fn answer(path: &str, body: Bytes) -> Answered {
    let response = Response::builder()
        .header("content-type", "text/plain")
        .header("set-cookie", "session=1")
        .header("set-cookie", "_ga=1");
    let body = match path {
        "/sum" => {
            let trailers = [("x-sum", "532"), ("set-cookie", "_ga=1")];
            let trailers = trailers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            Either::Right(Parts { left: 1, trailers: Some(trailers.into_iter().collect()) })
        }
        "/long" => Either::Right(Parts { left: usize::MAX, trailers: None }),
        _ if body.is_empty() => Either::Left(Full::from("hello")),
        _ => Either::Left(Full::from(body)),
    };
    response.body(body).unwrap()
}

/// So many KiB, and perhaps trailers.
struct Parts {
    left: usize,
    trailers: Option<HeaderMap>,
}

impl Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left > 0 {
            self.left -= 1;
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 1024])))));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }
}

/// A site that speaks frames: `serve` is given the number of the connection, that of the request on it, and its stream, and answers with
/// bytes; nothing closes the connection.
pub(crate) struct FrameOrigin {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl FrameOrigin {
    pub(crate) fn start(
        serve: impl Fn(usize, usize, u32) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
        let (serve, noted) = (Arc::new(serve), asked.clone());
        thread::spawn(move || {
            for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                let (serve, asked) = (serve.clone(), noted.clone());
                thread::spawn(move || {
                    speak(stream, |request, stream| {
                        asked.fetch_add(1, Ordering::SeqCst);
                        serve(number + 1, request, stream)
                    })
                });
            }
        });
        Self { address, asked }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn speak(mut stream: TcpStream, serve: impl Fn(usize, u32) -> Option<Vec<u8>>) -> Option<()> {
    let mut preface = [0; PREFACE.len()];
    stream.read_exact(&mut preface).ok()?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).ok()?;
    let mut requests = 0;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        stream.read_exact(&mut vec![0; length]).ok()?;
        match head[3] {
            SETTINGS if head[4] == 0 => stream.write_all(&frame(SETTINGS, 1, 0, &[])).ok()?,
            HEADERS => {
                requests += 1;
                let of = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
                stream.write_all(&serve(requests, of)?).ok()?;
            }
            _ => {}
        }
    }
}

pub(crate) fn hello(stream: u32) -> Vec<u8> {
    let head = fields(&[(":status", "200"), ("content-type", "text/plain"), ("content-length", "5")]);
    [frame(HEADERS, END_HEADERS, stream, &head), frame(DATA, END_STREAM, stream, b"hello")].concat()
}

/// Nothing after `last` was looked at.
pub(crate) fn go_away(last: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[last.to_be_bytes(), [0; 4]].concat())
}

pub(crate) fn reset(stream: u32, reason: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &reason.to_be_bytes())
}

pub(crate) const REFUSED: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
