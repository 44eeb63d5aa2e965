//! The layer on an axum router.
//!
//! `cargo run --example axum`, then open <http://127.0.0.1:3000>.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::header::SET_COOKIE;
use axum::response::{Html, IntoResponse};
use axum::{Extension, Router, routing::get};
use pinfold::PinfoldLayer;
use pinfold::audit::{AuditSettings, TracingSink};
use pinfold::consent::{Consent, ConsentManagerLayer, CookieRule, LegalBasis, Policy, Purpose};
use pinfold::time::Calendar;

async fn page(Extension(consent): Extension<Consent>) -> impl IntoResponse {
    let held = if consent.allows("marketing") { "passes" } else { "is held" };
    let page = format!(
        "<!DOCTYPE html><html lang=en><title>Town</title><p>_ga {held}. <a href=/cookies>Cookies</a>"
    );
    ([(SET_COOKIE, "_ga=1; Path=/")], Html(page))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let policy = Policy::builder("Town", "http://127.0.0.1:3000")
        .purpose(Purpose::new("marketing", LegalBasis::Consent, "Campaigns", "They measure campaigns."))
        .cookie(CookieRule::new("_ga*", "marketing").with_provider("Google"))
        .build()?;
    let consent = ConsentManagerLayer::new(policy, Calendar::named("Europe/London")?);
    // axum keeps the peer in an extension of its own.
    let settings = AuditSettings::default()
        .with_peer(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip()));
    let (layer, background) =
        PinfoldLayer::of(consent, Arc::new(TracingSink), Arc::new(tokio::time::sleep), settings)?;

    let app = Router::new().route("/", get(page)).layer(layer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    tokio::spawn(async move {
        axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
    });
    background
        .run(async {
            // An error means that no signal can be waited for: then this is the end as well.
            let _ = tokio::signal::ctrl_c().await;
        })
        .await;
    Ok(())
}
