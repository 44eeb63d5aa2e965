//! Every origin of a configuration, ready to be reached, and which requests are for it.

use std::sync::Arc;
use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

use super::origin::{Question, Server, Speaks};
use super::routes::{Route, Routes};
use crate::config::{self, Settings};
use crate::tls::{OriginTls, Untrusting};

/// All of them, as all threads share them.
#[derive(Debug)]
pub(crate) struct Origins {
    default: Destination,
    others: Vec<Destination>,
}

/// One origin.
#[derive(Debug)]
pub(crate) struct Destination {
    /// As a person would point to it in the configuration.
    heading: String,
    /// Empty where it is for every host.
    hosts: Vec<String>,
    /// Empty where it is for every path.
    path: String,
    pub(super) timeout: Duration,
    /// What it is to those who name no host.
    pub(super) authority: Authority,
    pub(crate) servers: Vec<Arc<Server>>,
}

impl Origins {
    /// Those of a configuration. A server that is the same as one `before` is that one, with what is known of it.
    ///
    /// # Errors
    ///
    /// Nobody could be believed to be one of them.
    pub(crate) fn of(settings: &Settings, before: Option<&Self>) -> Result<Self, Untrusting> {
        let make = |name: &str, heading, (hosts, path): (Vec<String>, String), origin: &config::Origin| {
            let urls = origin.urls.iter();
            // Of several sites, the site comes first.
            let name = match settings.is_among_others {
                true => format!("{} {name}", settings.site),
                false => name.to_owned(),
            };
            let servers: Result<Vec<_>, _> =
                urls.map(|url| server(&name, url, hosts.first(), origin, settings)).collect();
            let servers: Vec<_> = servers?.into_iter().map(|server| known(server, before)).collect();
            let authority = origin.urls.first().and_then(Uri::authority).cloned().ok_or_else(without_host)?;
            Ok(Destination { heading, hosts, path, timeout: origin.timeout, authority, servers })
        };
        let config::Origins { default, routes } = &settings.origins;
        let others = routes.iter().map(|route| {
            let (name, path) = (route.name(), route.path.clone().unwrap_or_default());
            make(&name, format!("[[origin.route]] {name}"), (route.hosts.clone(), path), &route.origin)
        });
        Ok(Self {
            others: others.collect::<Result<_, _>>()?,
            default: make("default", "[origin]".to_owned(), Default::default(), default)?,
        })
    }

    /// The default first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Destination> {
        std::iter::once(&self.default).chain(&self.others)
    }

    /// Where requests go that no route is for.
    pub(crate) fn default(&self) -> &Destination {
        &self.default
    }

    pub(crate) fn servers(&self) -> impl Iterator<Item = &Arc<Server>> {
        self.all().flat_map(|origin| &origin.servers)
    }

    /// A place for the requests to each.
    pub(super) fn routes<T: Clone>(&self, mut place: impl FnMut(&Destination) -> T) -> Routes<T> {
        let default = place(&self.default);
        let mut routes = Vec::new();
        for origin in &self.others {
            let to = place(origin);
            let hosts = origin.hosts.iter().map(|host| Some(host.clone()));
            let every = origin.hosts.is_empty().then_some(None);
            routes.extend(hosts.chain(every).map(|host| Route {
                host,
                path: origin.path.clone(),
                to: to.clone(),
            }));
        }
        Routes::new(default, routes)
    }

    /// The authorities that have become others though all else about an origin is as it was `before`, as a person would point to them.
    pub(super) fn other_authorities(&self, before: &Self) -> Vec<String> {
        let believes_others = |(one, other): (&Arc<Server>, &Arc<Server>)| one.believes_others_than(other);
        let same = |origin: &&Destination| {
            let there = before.all().find(|there| there.heading == origin.heading);
            there.is_some_and(|there| there.servers.iter().zip(&origin.servers).any(believes_others))
        };
        self.all().filter(same).map(|origin| format!("{} ca", origin.heading)).collect()
    }
}

impl Destination {
    /// The first page that is asked for below it.
    pub(crate) fn first_page(&self) -> PathAndQuery {
        let path = Some(self.path.as_str()).filter(|path| !path.is_empty());
        path.and_then(|path| path.parse().ok()).unwrap_or_else(|| PathAndQuery::from_static("/"))
    }

    /// A host of the site, under which that is asked for.
    pub(crate) fn host<'a>(&'a self, settings: &'a Settings) -> &'a str {
        host(self.hosts.first(), settings, &self.authority)
    }
}

fn server(
    name: &str,
    url: &Uri,
    own_host: Option<&String>,
    origin: &config::Origin,
    settings: &Settings,
) -> Result<Server, Untrusting> {
    let authority = url.authority().ok_or_else(without_host)?;
    let ca = origin.ca.as_ref().map(|ca| ca.path.as_path());
    let tls = if url.scheme() == Some(&Scheme::HTTPS) {
        Some(Arc::new(OriginTls::new(authority.host(), ca, origin.http2)?))
    } else {
        None
    };
    let speaks = if origin.http2 { Speaks::Http2 } else { Speaks::Http1 };
    let question = |path: &PathAndQuery| {
        let host = HeaderValue::from_str(host(own_host, settings, authority)).ok()?;
        Some(Question { path: path.clone(), host })
    };
    let health = origin.health.as_ref().and_then(question);
    Ok(Server::new(name, url, authority, tls, speaks, health))
}

fn known(server: Server, before: Option<&Origins>) -> Arc<Server> {
    let same = before.and_then(|before| before.servers().find(|one| ***one == server));
    same.cloned().unwrap_or_else(|| Arc::new(server))
}

fn host<'a>(own: Option<&'a String>, settings: &'a Settings, authority: &'a Authority) -> &'a str {
    own.or(settings.hosts.named().first()).map_or(authority.as_str(), String::as_str)
}

fn without_host() -> Untrusting {
    ("the origin has no host".to_owned(), "write scheme, host and port")
}
