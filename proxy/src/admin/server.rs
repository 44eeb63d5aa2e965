use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Mutex, watch};

use super::{health, list, metrics, page};
use crate::password::Password;
use crate::serve::{Readings, text_response};

const HEAD: Duration = Duration::from_secs(10);

/// How long whoever gives a wrong password waits, one after another.
const AFTER_WRONG: Duration = Duration::from_secs(1);

/// Answers on the admin listener until the task is dropped.
///
/// With a password, whoever knows it may come from anywhere; health and readiness are for balancers, and told to everybody.
pub(crate) async fn serve(
    listeners: Vec<TcpListener>,
    readings: Readings,
    password: Option<Password>,
    stopping: watch::Receiver<bool>,
) {
    let desk = Arc::new(Desk { readings, password, wrong: Mutex::default(), stopping });
    let listener = listeners.into_iter().next().map(tokio::net::TcpListener::from_std);
    let Some(Ok(listener)) = listener else { return };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let desk = desk.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let desk = desk.clone();
                async move { Ok::<_, Infallible>(desk.answer(&request).await) }
            });
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(HEAD);
            // Whoever hangs up has had enough.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

struct Desk {
    readings: Readings,
    password: Option<Password>,
    /// Held while somebody waits who was wrong.
    wrong: Mutex<()>,
    stopping: watch::Receiver<bool>,
}

impl Desk {
    /// Whether the figures may be read by whoever asks so. A wrong password costs time: it cannot be found by trying.
    async fn may_read(&self, headers: &HeaderMap) -> bool {
        let Some(password) = &self.password else { return true };
        let may = password.is_in(headers);
        if !may && headers.contains_key(AUTHORIZATION) {
            tracing::warn!("somebody gave a wrong password for the figures");
            let _turn = self.wrong.lock().await;
            tokio::time::sleep(AFTER_WRONG).await;
        }
        may
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if self.password.is_none() && !is_for_loopback(request) {
            return text_response(StatusCode::MISDIRECTED_REQUEST, "Use the loopback address.\n");
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return text_response(StatusCode::METHOD_NOT_ALLOWED, "These pages can only be read.\n");
        }
        let path = request.uri().path();
        if !["/healthz", "/readyz"].contains(&path) && !self.may_read(request.headers()).await {
            return unauthorised();
        }
        match path {
            "/" => self.figures(None, request).await,
            "/style.css" => respond(StatusCode::OK, "text/css; charset=utf-8", page::CSS),
            "/healthz" => respond(StatusCode::OK, "application/json", "{\"alive\":true}\n"),
            "/readyz" => {
                let stopping = *self.stopping.borrow();
                let query = request.uri().query().filter(|_| self.readings.in_force.load().is_of_several);
                let site = query.and_then(|query| query.strip_prefix("site="));
                match health::readiness(&self.readings, site, stopping).await {
                    Ok(ready) if ready.is_ready() => {
                        respond(StatusCode::OK, "application/json", ready.to_json())
                    }
                    Ok(unready) => {
                        respond(StatusCode::SERVICE_UNAVAILABLE, "application/json", unready.to_json())
                    }
                    Err(_) => text_response(StatusCode::NOT_FOUND, "There is no such site.\n"),
                }
            }
            "/metrics" => {
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                respond(StatusCode::OK, kind, metrics::encode(&self.readings))
            }
            _ => match path.strip_prefix("/sites/").filter(|_| self.readings.in_force.load().is_of_several) {
                Some(site) => self.figures(Some(site), request).await,
                None => text_response(StatusCode::NOT_FOUND, "There is /, /healthz, /readyz and /metrics.\n"),
            },
        }
    }

    /// The page of the site that is named, or of the only one; else the list of several.
    async fn figures(&self, named: Option<&str>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let asked = page::Asked::read(request.uri().query());
        let in_force = self.readings.in_force.load_full();
        let site = match in_force.site(named) {
            Ok(site) if named.is_some() || !in_force.is_of_several => site.clone(),
            Err(_) if named.is_some() => {
                return text_response(StatusCode::NOT_FOUND, "There is no such site: see /.\n");
            }
            _ => {
                let list = list::render(&in_force, asked.language);
                return respond(StatusCode::OK, "text/html; charset=utf-8", list);
            }
        };
        let (readings, is_of_several) = (self.readings.clone(), in_force.is_of_several);
        // The store may be a while in answering.
        let drawn = tokio::task::spawn_blocking(move || page::render(&readings, &site, is_of_several, asked));
        match drawn.await {
            Ok(page) => respond(StatusCode::OK, "text/html; charset=utf-8", page),
            Err(_) => text_response(StatusCode::INTERNAL_SERVER_ERROR, "See the log.\n"),
        }
    }
}

fn unauthorised() -> Response<Full<Bytes>> {
    let mut response = text_response(StatusCode::UNAUTHORIZED, "These pages need a password.\n");
    let challenge = HeaderValue::from_static("Basic realm=\"Pinfold\", charset=\"UTF-8\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// A page elsewhere can make a browser ask here, but not by a loopback name (DNS rebinding).
fn is_for_loopback(request: &Request<Incoming>) -> bool {
    let host = request.headers().get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    host.is_some_and(|host| {
        let name = host.host().trim_matches(['[', ']']);
        name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

fn respond(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    headers.insert("content-security-policy", HeaderValue::from_static(policy));
    response
}
