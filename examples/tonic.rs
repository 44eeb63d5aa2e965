//! The layer on a tonic server: gRPC has no cookies to hold, but its requests are counted and its trailers stay whole.
//!
//! `cargo run --example tonic`. The service is written by hand, so that the example needs no compiler of protocols.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use pinfold::PinfoldLayer;
use pinfold::audit::{AuditSettings, TracingSink};
use pinfold::consent::{ConsentManagerLayer, Policy};
use pinfold::time::Calendar;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::Server;
use tonic::transport::server::TcpConnectInfo;
use tower::Service;

/// A gRPC service whose every method is not implemented.
#[derive(Clone)]
struct Unwritten;

impl NamedService for Unwritten {
    const NAME: &'static str = "town.Bins";
}

impl Service<http::Request<Body>> for Unwritten {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        std::future::ready(Ok(tonic::Status::unimplemented("no bins yet").into_http()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let policy = Policy::builder("Town", "http://127.0.0.1:3001").build()?;
    let consent = ConsentManagerLayer::new(policy, Calendar::named("Europe/London")?);
    // tonic keeps the peer in an extension of its own.
    let settings = AuditSettings::default().with_peer(|extensions| {
        extensions.get::<TcpConnectInfo>().and_then(|info| info.remote_addr()).map(|address| address.ip())
    });
    let (layer, background) =
        PinfoldLayer::of(consent, Arc::new(TracingSink), Arc::new(tokio::time::sleep), settings)?;
    let background = tokio::spawn(background.run(async {
        // An error means that no signal can be waited for: then this is the end as well.
        let _ = tokio::signal::ctrl_c().await;
    }));
    let address = "127.0.0.1:3001".parse()?;
    tokio::spawn(async move { Server::builder().layer(layer).add_service(Unwritten).serve(address).await });
    background.await?;
    Ok(())
}
