//! `pinfold check --connect`: whether what a sound configuration names is there, too.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use pinfold_store::{Ledgers, Location, Unopened};
use serde::Serialize;

use crate::config::{Configuration, Settings, Site, ValkeySettings};
use crate::exit::Failure;
use crate::hold;
use crate::serve::{AnswerBody, Destination, Failed, Origins, Question, Server};

/// How long an origin may take for all of its first page.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much of the first page is read, in bytes.
const MOST_OF_PAGE: usize = 256 * 1024;

/// What was found of one thing.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Found {
    Well(String),
    /// It works, but somebody should look.
    Doubt(String),
    /// It does not, and how to mend it.
    Amiss(String),
}

/// Looks at everything that the configuration names outside itself. Nothing is changed.
///
/// # Errors
///
/// There is nothing to look with, or nobody could be believed to be an origin.
pub(crate) fn look(configuration: &Configuration) -> Result<Vec<Found>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::of)?;
    let mut found = Vec::new();
    for Site { settings, .. } in &configuration.sites {
        let policy = settings.policy(Default::default(), Vec::new()).map_err(Failure::misuse)?;
        let origins = Origins::of(settings, None)
            .map_err(|(problem, remedy)| Failure::misuse(format!("{problem} ({remedy})")))?;
        let asked = async {
            let mut found = Vec::new();
            for destination in origins.all() {
                for server in &destination.servers {
                    let linked = (policy.page(), policy.inserts_link());
                    found.extend(origin(server, destination, settings, linked).await);
                }
            }
            found
        };
        found.extend(runtime.block_on(asked));
    }
    for Site { settings, .. } in &configuration.sites {
        let of_store = store(&settings.store.location, &settings.site);
        found.extend(of_store.into_iter().filter(|one| !found.contains(one)).collect::<Vec<_>>());
    }
    let settings = configuration.shared_settings();
    found.extend(settings.valkey.as_ref().map(|place| runtime.block_on(valkey(place))));
    let https = settings.listen.https.as_ref().map(|https| https.address);
    let listeners = settings.listen.http.into_iter().chain(https).chain([settings.admin]);
    found.extend(listeners.map(listener));
    Ok(found)
}

/// Asks one server of an origin as a request would be, and looks for the link to the cookies page.
async fn origin(
    server: &Arc<Server>,
    destination: &Destination,
    settings: &Settings,
    (page, inserts_link): (&str, bool),
) -> Vec<Found> {
    let (shown, host, path) = (server.url(), destination.host(settings), destination.first_page());
    let amiss = |problem: String| vec![Found::Amiss(format!("the origin {shown} {problem}"))];
    let Ok(host_field) = HeaderValue::from_str(host) else {
        return amiss(format!("cannot be asked for {host} (correct `hosts`)"));
    };
    let answer = async {
        let response = server.ask(&Question { path: path.clone(), host: host_field }).await?;
        let (status, kind) = (response.status(), response.headers().get(CONTENT_TYPE).cloned());
        Ok((status, kind, beginning(response.into_body()).await))
    };
    match tokio::time::timeout(PATIENCE, answer).await {
        Err(_) => amiss(format!("does not answer for {host} in time (see what keeps it)")),
        Ok(Err(Failed::Connect(error))) => {
            amiss(format!("cannot be reached: {error} (start it, or correct its `url`)"))
        }
        Ok(Err(error)) => amiss(format!(
            "does not answer for {host}: {} (see whether it speaks HTTP there)",
            reason(&error)
        )),
        Ok(Ok((status, kind, text))) => {
            let is_page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
            let is_linked = inserts_link || !is_page || text.contains(page);
            let unlinked = (status == StatusCode::OK && !is_linked).then(|| {
                Found::Doubt(format!(
                    "the page {path} of the origin {shown} does not link to {page} (add a link to every page, or write `link = \"insert\"` in \
                     `[consent]`)"
                ))
            });
            let well = Found::Well(format!("the origin {shown} answers {} for {host}", status.as_u16()));
            [well].into_iter().chain(unlinked).collect()
        }
    }
}

/// Whether the Valkey of the nodes is there, and may be used.
async fn valkey(settings: &ValkeySettings) -> Found {
    let shown = &settings.address;
    let opened = match hold::valkey(settings) {
        Ok(valkey) => valkey.open().await,
        Err((problem, remedy)) => return Found::Amiss(format!("{problem} ({remedy})")),
    };
    match opened {
        Ok(()) => Found::Well(format!("the Valkey at {shown} keeps what it is given in memory alone")),
        Err(Unopened::Away(why)) => Found::Amiss(format!(
            "the Valkey at {shown} cannot be reached: {why} (start it, or correct its `url`)"
        )),
        Err(Unopened::Unfit(unfit)) => {
            Found::Amiss(format!("the Valkey at {shown} cannot hold keys: {unfit}"))
        }
    }
}

/// As much of a page as is looked at.
async fn beginning(mut body: AnswerBody) -> String {
    let mut page = Vec::new();
    while let Some(Ok(frame)) = body.frame().await
        && page.len() < MOST_OF_PAGE
    {
        page.extend(frame.into_data().unwrap_or_default());
    }
    String::from_utf8_lossy(&page).into_owned()
}

/// What is at the bottom of it.
fn reason(error: &Failed) -> String {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}

fn store(store: &Location, site: &str) -> Vec<Found> {
    let shown = store;
    if let Location::File(file) = store
        && !file.exists()
    {
        let place = file.parent().filter(|place| !place.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return vec![match tempfile_in(place) {
            Ok(()) => Found::Well(format!("the store {shown} will be made at the first start")),
            Err(error) => Found::Amiss(format!(
                "the store {shown} cannot be made: {error} (make its directory, and let this user write there)"
            )),
        }];
    }
    let cookies = Ledgers::open(store.clone()).and_then(|ledgers| ledgers.cookies(site));
    match cookies {
        Err(error) => vec![Found::Amiss(error.to_string())],
        Ok(cookies) => {
            let mut odd: Vec<_> = cookies.into_iter().filter(|cookie| cookie.identifies).collect();
            odd.dedup_by(|one, other| one.pattern == other.pattern);
            let doubts = odd.into_iter().map(|cookie| {
                Found::Doubt(format!(
                    "the cookie {} looks like an identifier, {} values in a thousand requests, which the basis of `{}` does not allow (ask for \
                     consent to it, or stop it from telling visitors apart)",
                    cookie.pattern,
                    cookie.values.unwrap_or_default(),
                    cookie.purpose
                ))
            });
            [Found::Well(format!("the store {shown} can be read"))].into_iter().chain(doubts).collect()
        }
    }
}

/// Whether a file can be made in a directory.
fn tempfile_in(place: &Path) -> io::Result<()> {
    let name = place.join(format!(".pinfold-check-{}", std::process::id()));
    std::fs::File::create_new(&name)?;
    std::fs::remove_file(name)
}

fn listener(address: SocketAddr) -> Found {
    match TcpListener::bind(address) {
        Ok(_) => Found::Well(format!("{address} is free to listen on")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Found::Doubt(format!("{address} is in use: by a server that runs already, perhaps"))
        }
        Err(error) => {
            Found::Amiss(format!("cannot listen on {address}: {error} (choose another, or give the right)"))
        }
    }
}
