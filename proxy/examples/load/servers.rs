//! What stands beside Pinfold: an origin, and a bare pass-through on the same parts.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

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
use tokio::net::TcpListener;

use crate::{Failure, cores};

/// Serves on a runtime of its own for each core, as the proxy does. Prints the address.
pub(crate) fn on_every_core<F>(
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
pub(crate) trait Service: Clone + Send + 'static {
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
pub(crate) struct Origin(Bytes);

pub(crate) fn origin() -> Origin {
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
pub(crate) struct PassThrough {
    client: Client<HttpConnector, Incoming>,
    origin: SocketAddr,
}

pub(crate) fn pass_through(origin: Option<SocketAddr>) -> PassThrough {
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
