//! The layer around a handler on hyper alone: no framework.
//!
//! `cargo run --example hyper`, then open <http://127.0.0.1:3000>.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use pinfold::PinfoldLayer;
use pinfold::audit::TracingSink;
use pinfold::client_ip::Peer;
use pinfold::consent::{Consent, CookieRule, LegalBasis, Policy, Purpose};
use pinfold::time::Calendar;
use tokio::net::TcpListener;
use tower::{Layer, ServiceBuilder, service_fn};

async fn page(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let counts = request.extensions().get::<Consent>().is_some_and(|consent| consent.allows("statistics"));
    let text = format!(
        "<!DOCTYPE html><html lang=en><title>Town</title><p>Statistics: {counts}. <a href=/cookies>Cookies</a>"
    );
    let mut response = Response::new(Full::from(text));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("text/html; charset=utf-8"));
    // Held: nobody has agreed to it.
    response.headers_mut().append("set-cookie", http::HeaderValue::from_static("_ga=1; Path=/"));
    Ok(response)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let policy = Policy::builder("Town", "http://127.0.0.1:3000")
        .purpose(Purpose::new("statistics", LegalBasis::Statistics, "Counting visits", "They count pages."))
        .purpose(Purpose::new("marketing", LegalBasis::Consent, "Campaigns", "They measure campaigns."))
        .cookie(CookieRule::new("_ga*", "marketing").with_provider("Google"))
        .build()?;
    let calendar = Calendar::named("Europe/London")?;
    let (layer, background) = PinfoldLayer::new(policy, calendar, TracingSink, tokio::time::sleep)?;
    let background = tokio::spawn(background.run(async {
        // An error means that no signal can be waited for: then this is the end as well.
        let _ = tokio::signal::ctrl_c().await;
    }));

    let site = layer.layer(service_fn(page));
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let service = ServiceBuilder::new()
                .map_request(move |mut request: Request<Incoming>| {
                    request.extensions_mut().insert(Peer(peer));
                    request
                })
                .service(site.clone());
            tokio::spawn(
                http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)),
            );
        }
    });
    background.await?;
    Ok(())
}
