//! The layer around the filters of warp, which are a Tower service as any other.
//!
//! `cargo run --example warp`, then open <http://127.0.0.1:3000>.

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
use tower::{Layer, ServiceBuilder};
use warp::http::Request;
use warp::http::header::SET_COOKIE;
use warp::reply::{html, with_header};
use warp::{Filter, Reply};

fn page(consent: &Consent) -> impl Reply + use<> {
    let held = if consent.allows("marketing") { "passes" } else { "is held" };
    let page = format!(
        "<!DOCTYPE html><html lang=en><title>Town</title><p>_ga {held}. <a href=/cookies>Cookies</a>"
    );
    with_header(html(page), SET_COOKIE, "_ga=1; Path=/")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let policy = Policy::builder("Town", "http://127.0.0.1:3000")
        .purpose(Purpose::new("marketing", LegalBasis::Consent, "Campaigns", "They measure campaigns."))
        .cookie(CookieRule::new("_ga*", "marketing").with_provider("Google"))
        .build()?;
    let calendar = Calendar::named("Europe/London")?;
    let (layer, background) = PinfoldLayer::new(policy, calendar, TracingSink, tokio::time::sleep)?;
    let background = tokio::spawn(background.run(async {
        // An error means that no signal can be waited for: then this is the end as well.
        let _ = tokio::signal::ctrl_c().await;
    }));

    let pages = warp::path::end().and(warp::ext::get()).map(|consent: Consent| page(&consent));
    let site = layer.layer(warp::service(pages));
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
