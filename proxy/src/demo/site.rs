//! The sample site: an ordinary web server that knows nothing of Pinfold, and sets more cookies than it should.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::pages;

/// Starts the site on a free loopback port, on a thread of its own. It ends with the process.
pub(super) fn start() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("demo-site".to_owned()).spawn(move || {
        if let Err(error) = runtime.block_on(serve(listener)) {
            tracing::error!(%error, "the sample site has ended");
        }
    })?;
    Ok(address)
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let service = service_fn(|request| async move { Ok::<_, Infallible>(answer(&request)) });
            // The proxy closes connections when it is done with them.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn answer(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if path == "/style.css" {
        return respond(StatusCode::OK, "text/css; charset=utf-8", pages::STYLE.to_owned());
    }
    let received = request.headers().get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let received: Vec<String> =
        received.flat_map(|line| line.split(';')).map(|pair| pair.trim().to_owned()).collect();
    let cookies = cookies_set(path);
    let granted = request.headers().get("pinfold-consent").and_then(|value| value.to_str().ok());
    let (status, page) = pages::render(path, &received, &cookies, granted.unwrap_or_default());
    let mut response = respond(status, "text/html; charset=utf-8", page);
    for cookie in cookies {
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }
    response
}

/// What careless sites set on every page.
fn cookies_set(path: &str) -> Vec<String> {
    let section = path.split('/').nth(1).filter(|section| !section.is_empty()).unwrap_or("home");
    let section: String = section.chars().filter(char::is_ascii_lowercase).take(20).collect();
    vec![
        "session=demo; Path=/; HttpOnly; SameSite=Lax".to_owned(),
        format!("last_section={section}; Path=/; Max-Age=86400; SameSite=Lax"),
        "_ga=GA1.1.1234567890.1700000000; Path=/; Max-Age=34128000".to_owned(),
        "_ga_DEMO42=GS1.1.1700000000.1.0; Path=/; Max-Age=34128000".to_owned(),
        "promo_seen=1; Path=/; Max-Age=31536000".to_owned(),
    ]
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
