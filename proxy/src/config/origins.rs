//! Where requests go: the origin of a site, and those that have a host or a part of its paths to themselves.

use std::net::SocketAddr;
use std::time::Duration;

use http::Uri;
use http::uri::{PathAndQuery, Scheme};

use super::addresses::{is_public, leads_to};
use super::credential::NamedFiles;
use super::effective::masked;
use super::fault::Faults;
use super::nearest::nearest;
use super::reader::{Located, Section};
use super::settings::{File, without_port};

/// All of them.
#[derive(Debug, Clone)]
pub(crate) struct Origins {
    /// Where requests go that no route is for.
    pub(crate) default: Origin,
    pub(crate) routes: Vec<Route>,
}

/// One web server, perhaps with others that stand by for it.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// At least one: the first that is well is asked.
    pub(crate) urls: Vec<Uri>,
    /// Whose certificates it may have where it is reached by https; nothing where those that this machine trusts will do.
    pub(crate) ca: Option<File>,
    pub(crate) timeout: Duration,
    /// Whether it is spoken to in HTTP/2, which it is known to understand.
    pub(crate) http2: bool,
    /// What it is asked for to know that it is well; nothing where a connection is enough.
    pub(crate) health: Option<PathAndQuery>,
}

/// An origin, and the requests that are for it.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    /// In lower case, without port; empty where it is for every host.
    pub(crate) hosts: Vec<String>,
    /// The path itself, and what is below it; nothing where it is for every path.
    pub(crate) path: Option<String>,
    pub(crate) origin: Origin,
}

impl Origins {
    /// One, for everything.
    pub(super) fn one(url: Uri) -> Self {
        let timeout = Duration::from_secs(30);
        let default = Origin { urls: vec![url], ca: None, timeout, http2: false, health: None };
        Self { default, routes: Vec::new() }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Origin> {
        std::iter::once(&self.default).chain(self.routes.iter().map(|route| &route.origin))
    }
}

impl Route {
    /// As a person would point to it: its first host and its path. No two routes are called alike.
    pub(crate) fn name(&self) -> String {
        let host = self.hosts.first().map_or("", String::as_str);
        format!("{host}{}", self.path.as_deref().unwrap_or_default())
    }
}

/// Scheme, host and port of an origin, and nothing else.
pub(super) fn origin_uri(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let sound = uri.scheme().is_some_and(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme))
        && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        && ["", "/"].contains(&uri.path())
        && uri.query().is_none();
    sound.then_some(uri)
}

/// Where Pinfold itself is reached, by which an origin must not be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whereabouts<'a> {
    pub(super) listeners: &'a [(&'static str, SocketAddr)],
    /// What visitors type.
    pub(super) url: Option<&'a str>,
    /// The hosts of the site.
    pub(super) hosts: &'a [String],
}

/// Those of a site; every fault goes to `faults`, and what is wrong is left out.
pub(super) fn read_origins(
    section: Section<'_>,
    own: Whereabouts<'_>,
    files: NamedFiles<'_>,
    faults: &Faults,
) -> Origins {
    let default = read_origin(&section, own, files, faults);
    let mut routes: Vec<Route> = Vec::new();
    for inner in section.sections("route") {
        let (own_hosts, path) = read_key(&inner, own.hosts, faults);
        for host in keys(&own_hosts) {
            let is_taken = |route: &Route| route.path == path && keys(&route.hosts).any(|one| one == host);
            if (host.is_some() || path.is_some()) && routes.iter().any(is_taken) {
                let key = format!("{}{}", host.unwrap_or_default(), path.as_deref().unwrap_or_default());
                faults.add(
                    inner.place(),
                    format!("there is a route for `{key}` already"),
                    "write one of the two, with a list of urls where one stands by for the other",
                );
            }
        }
        let origin = read_origin(&inner, own, files, faults);
        inner.end();
        routes.push(Route { hosts: own_hosts, path, origin });
    }
    section.end();
    Origins { default, routes }
}

/// A route for no host in particular is for `None`.
fn keys(hosts: &[String]) -> impl Iterator<Item = Option<&str>> {
    let every = hosts.is_empty().then_some(None);
    every.into_iter().chain(hosts.iter().map(|host| Some(host.as_str())))
}

/// Which requests a route is for.
fn read_key(section: &Section<'_>, known: &[String], faults: &Faults) -> (Vec<String>, Option<String>) {
    let mut hosts: Vec<String> = Vec::new();
    let written = section.texts("hosts").unwrap_or_default();
    for Located { value, place } in &written {
        let host = without_port(value);
        let names: Vec<_> = known.iter().map(String::as_str).collect();
        if !names.contains(&host.as_str()) {
            let remedy = match nearest(&host, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name it there, too".to_owned(),
            };
            faults.miss(place, format!("`{value}` is not among `[site] hosts`"), remedy);
        }
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    let path = section.text("path");
    if written.is_empty() && path.is_none() {
        faults.miss(section.place(), "a route needs `hosts` or a `path`", "write path = \"/planning\"");
    }
    if let Some(Located { value, place }) = &path
        && let Some(remedy) = why_no_prefix(value)
    {
        faults.add(place, format!("`{value}` cannot be the path of a route"), remedy);
    }
    (hosts, path.map(|path| path.value))
}

/// What to write instead of a path that no request would be found to be below, as it stands in requests.
fn why_no_prefix(path: &str) -> Option<&'static str> {
    let parsed = path.parse::<PathAndQuery>();
    let is_whole = parsed.is_ok_and(|parsed| parsed.as_str() == path && parsed.query().is_none());
    match path {
        "/" => Some("leave `path` out: it would be every path"),
        _ if !path.starts_with('/') || !is_whole => {
            Some("write it as it stands in requests, such as /planning")
        }
        _ if path.ends_with('/') => Some("write it without the last /"),
        _ if path.split('/').skip(1).any(|segment| ["", ".", ".."].contains(&segment)) => {
            Some("write it without empty segments and dots: browsers never send such a path")
        }
        _ => None,
    }
}

fn read_origin(
    section: &Section<'_>,
    own: Whereabouts<'_>,
    files: NamedFiles<'_>,
    faults: &Faults,
) -> Origin {
    let written = section.text_or_texts("url");
    let mut urls: Vec<Uri> = Vec::new();
    for url in written.iter().flatten() {
        match origin_uri(&url.value) {
            None => faults.add(
                &url.place,
                format!("`{}` is not an origin", masked(&url.value)),
                "write scheme, host and port, such as http://127.0.0.1:8000 or https://origin.example",
            ),
            Some(uri) if urls.iter().any(|one| one.authority() == uri.authority()) => faults.add(
                &url.place,
                format!("`{}` is named twice", url.value),
                "name another server, or this one alone",
            ),
            Some(uri) => {
                look_for_loop(&uri, url, own, faults);
                urls.push(uri);
            }
        }
    }
    let ca = section.text("ca").and_then(|text| files.file(text, faults));
    if let Some(ca) = ca.as_ref().filter(|_| !urls.is_empty())
        && !urls.iter().any(|url| url.scheme() == Some(&Scheme::HTTPS))
    {
        faults.warn(
            &ca.place,
            "`ca` is of no use to an origin reached by http",
            "write url = \"https://...\"",
        );
    }
    let timeout = section.duration("timeout").unwrap_or_default();
    let http2 = section.flag("http2").value;
    let health = section.parsed("health", |text| {
        text.parse::<PathAndQuery>().ok().filter(|path| text.starts_with('/') && path.as_str() == text)
    });
    Origin { urls, ca, timeout, http2, health: health.map(|health| health.value) }
}

/// Requests that come back to whoever sent them would go round until they time out.
fn look_for_loop(origin: &Uri, url: &Located<String>, own: Whereabouts<'_>, faults: &Faults) {
    let Located { value, place } = url;
    if let Some((name, _)) = own.listeners.iter().find(|(_, listener)| leads_to(origin, *listener)) {
        let problem = format!(
            "`{value}` is {name}, where Pinfold itself listens: no request would reach the web server"
        );
        faults.add(place, problem, "write where the web server listens, and let that be somewhere else");
    } else if own.url.is_some_and(|url| is_public(origin, url, own.hosts)) {
        let problem = format!(
            "`{value}` is what visitors type: requests come back here, unless this machine knows the web server by that name"
        );
        faults.warn(
            place,
            problem,
            "write an address that leads to the web server alone, such as http://127.0.0.1:8000",
        );
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Checked, Origins, parse, to_toml};

    const LEAST: &str = "
[site]
name = \"Town\"
url = \"https://www.town.example\"
hosts = [\"www.town.example\", \"my.town.example\"]
[origin]
url = \"http://127.0.0.1:8000\"
";

    fn check(more: &str) -> Checked {
        parse(Path::new("pinfold.toml"), &format!("{LEAST}{more}"), &[])
    }

    fn origins(more: &str) -> Origins {
        check(more).settings.unwrap().origins
    }

    #[test]
    fn routes_are_read_and_inherit_nothing() {
        let origins = origins(
            "timeout = \"5 s\"\nhttp2 = true\nhealth = \"/up?full=1\"\n\
             [[origin.route]]\nhosts = [\"MY.town.example:8080\"]\npath = \"/planning\"\n\
             url = [\"http://10.0.0.7:81\", \"https://10.0.0.8\"]\n\
             [[origin.route]]\npath = \"/caf%C3%A9\"\nurl = \"http://10.0.0.9\"\n",
        );
        assert_eq!(origins.default.timeout.as_secs(), 5);
        assert!(origins.default.http2);
        assert_eq!(origins.default.health.unwrap(), "/up?full=1");
        let [planning, cafe] = origins.routes.try_into().unwrap();
        assert_eq!(planning.name(), "my.town.example/planning");
        assert_eq!(planning.origin.urls.len(), 2);
        assert_eq!((planning.origin.timeout.as_secs(), planning.origin.http2), (30, false));
        assert_eq!((cafe.name().as_str(), cafe.hosts.len()), ("/caf%C3%A9", 0));
    }

    #[test]
    fn what_is_in_force_is_shown_with_its_routes() {
        let more = "[[origin.route]]\nhosts = [\"my.town.example\"]\nurl = [\"http://10.0.0.7\", \"http://10.0.0.8\"]\n\
                    [[origin.route]]\npath = \"/planning\"\nurl = \"http://10.0.0.9\"\ntimeout = \"5 s\"\n";
        let written = check(more);
        let all = to_toml(&written.entries);
        let again = parse(Path::new("again.toml"), &all, &[]);
        assert_eq!(all.matches("[[origin.route]]").count(), 2, "{all}");
        assert_eq!(again.settings.unwrap().origins.routes.len(), 2);
        assert_eq!(crate::config::changes(&written.entries, &again.entries), []);
        let other = check(&more.replace("5 s", "6 s").replace("10.0.0.8", "10.0.0.6"));
        let changes = crate::config::changes(&written.entries, &other.entries);
        let names: Vec<_> = changes.iter().map(|change| change.name.as_str()).collect();
        assert_eq!(names, ["[[origin.route]] my.town.example url", "[[origin.route]] /planning timeout"]);
        let none = crate::config::changes(&written.entries, &check("").entries);
        assert_eq!(none.len(), 2, "{none:?}");
    }

    #[test]
    fn faults_of_routes_have_lines_and_remedies() {
        for (more, expected) in [
            ("[[origin.route]]\nurl = \"http://a\"\n", "pinfold.toml:8:1: a route needs `hosts` or a `path`"),
            (
                "[[origin.route]]\npath = \"/a\"\n",
                "pinfold.toml:8:1: `url` is missing from [origin.route] (write url",
            ),
            (
                "[[origin.route]]\npath = \"/a\"\nurl = []\n",
                "pinfold.toml:10:7: `url` of [origin.route] is empty",
            ),
            (
                "[[origin.route]]\npath = \"/a\"\nurl = [\"http://a\", \"ftp://b\"]\n",
                "pinfold.toml:10:20: `ftp://b` is not an origin",
            ),
            (
                "[[origin.route]]\npath = \"/a\"\nurl = [\"http://a\", \"http://a/\"]\n",
                "pinfold.toml:10:20: `http://a/` is named twice",
            ),
            (
                "[[origin.route]]\nhosts = [\"mi.town.example\"]\nurl = \"http://a\"\n",
                "pinfold.toml:9:10: `mi.town.example` is not among `[site] hosts` (did you mean `my.town.example`?)",
            ),
            (
                "[[origin.route]]\nhosts = [\"elsewhere.example\"]\nurl = \"http://a\"\n",
                "is not among `[site] hosts` (name it there, too)",
            ),
            (
                "[[origin.route]]\nhost = [\"a\"]\n",
                "unknown key `host` in [origin.route] (did you mean `hosts`?)",
            ),
            (
                "[[origin.route]]\npath = \"/a\"\nurl = \"http://a\"\n[[origin.route]]\npath = \"/a\"\nurl = \"http://b\"\n",
                "pinfold.toml:11:1: there is a route for `/a` already",
            ),
            (
                "[[origin.route]]\nhosts = [\"www.town.example\", \"my.town.example\"]\nurl = \"http://a\"\n\
                 [[origin.route]]\nhosts = [\"MY.town.example\"]\nurl = \"http://b\"\n",
                "pinfold.toml:11:1: there is a route for `my.town.example` already",
            ),
            ("health = \"up\"\n", "pinfold.toml:8:10: `health` cannot be \"up\" (write a path"),
            ("http2 = \"yes\"\n", "write true or false"),
            ("[origin.route]\npath = \"/a\"\n", "`route` is a table (write a list of tables"),
        ] {
            let faults = check(more).settings.unwrap_err();
            let found: Vec<_> = faults.iter().map(ToString::to_string).collect();
            assert!(found.iter().any(|fault| fault.contains(expected)), "{more}: {found:#?}");
        }
        for path in
            ["planning", "", "/", "/planning/", "//", "/a//b", "/a/../b", "/.", "/a?b", "/a#b", "/a b"]
        {
            let more = format!("[[origin.route]]\npath = {path:?}\nurl = \"http://a\"\n");
            let faults = check(&more).settings.unwrap_err();
            assert!(faults[0].problem.contains("cannot be the path of a route"), "{path}: {faults:?}");
            assert_eq!(faults[0].place, "pinfold.toml:9:8");
        }
    }

    #[test]
    fn a_path_may_stand_for_every_host_and_for_one() {
        let origins = origins(
            "[[origin.route]]\npath = \"/a\"\nurl = \"http://a\"\n\
             [[origin.route]]\npath = \"/a\"\nhosts = [\"my.town.example\"]\nurl = \"http://b\"\n\
             [[origin.route]]\nhosts = [\"my.town.example\"]\nurl = \"http://c\"\n",
        );
        assert_eq!(origins.routes.len(), 3);
    }
}
