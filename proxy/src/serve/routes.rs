//! Which origin a request is for. Pure.

/// Places for requests: one for those that no route is for.
#[derive(Debug)]
pub(super) struct Routes<T> {
    default: T,
    /// The most specific first.
    others: Box<[Route<T>]>,
}

/// A place for requests to one host, or any, and below one path, or any.
#[derive(Debug)]
pub(super) struct Route<T> {
    pub(super) host: Option<String>,
    pub(super) path: String,
    pub(super) to: T,
}

impl<T> Routes<T> {
    pub(super) fn new(default: T, mut others: Vec<Route<T>>) -> Self {
        others.sort_by_key(|route| std::cmp::Reverse((route.host.is_some(), route.path.len())));
        Self { default, others: others.into() }
    }

    /// The one place for everything, where there is no other.
    pub(super) fn only(&self) -> Option<&T> {
        self.others.is_empty().then_some(&self.default)
    }

    /// Where a request goes: by its host, in lower case and without port, before its path, and then by the longest path.
    ///
    /// The path is compared as it stands in the request. What an origin makes of `%2F` and `..` differs from one to the next, so whoever read
    /// them here would now and then send a request to an origin that finds something else in it. As it is, it may be asked for another
    /// page than meant, but of its own.
    pub(super) fn find(&self, host: &str, path: &str) -> &T {
        let is_for = |route: &&Route<T>| {
            route.host.as_ref().is_none_or(|one| one == host) && is_below(&route.path, path)
        };
        self.others.iter().find(is_for).map_or(&self.default, |route| &route.to)
    }
}

/// Whether a path is `top`, or goes on after it with another segment. Everything is below nothing.
fn is_below(top: &str, path: &str) -> bool {
    top.is_empty() || path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes<&'static str> {
        let route = |host: &str, path: &str, to| {
            let host = Some(host.to_owned()).filter(|host| !host.is_empty());
            Route { host, path: path.to_owned(), to }
        };
        let others = vec![
            route("", "/planning", "planning"),
            route("", "/planning/appeals", "appeals"),
            route("my.example", "", "my"),
            route("my.example", "/planning", "my planning"),
            route("", "/caf%C3%A9", "café"),
        ];
        Routes::new("default", others)
    }

    #[test]
    fn the_most_specific_route_wins() {
        for (host, path, expected) in [
            ("www.example", "/", "default"),
            ("www.example", "/planning", "planning"),
            ("www.example", "/planning/", "planning"),
            ("www.example", "/planning/7", "planning"),
            ("www.example", "/planning/appeals", "appeals"),
            ("www.example", "/planning/appeals/1", "appeals"),
            ("www.example", "/planning/appealsx", "planning"),
            ("my.example", "/", "my"),
            ("my.example", "/planning/1", "my planning"),
            ("my.example", "/planning/appeals", "my planning"),
            ("my.example", "*", "my"),
            ("www.example", "*", "default"),
        ] {
            assert_eq!(*routes().find(host, path), expected, "{host} {path}");
        }
    }

    #[test]
    fn a_path_is_taken_as_it_stands() {
        for (path, expected) in [
            ("/planningx", "default"),
            ("/Planning", "default"),
            ("/planning%2F..", "default"),
            ("/planning%2f7", "default"),
            ("/planning;x=1", "default"),
            ("/planning\\7", "default"),
            ("/%70lanning/7", "default"),
            ("//planning/7", "default"),
            ("/./planning", "default"),
            ("/x/../planning", "default"),
            ("/planning/../x", "planning"),
            ("/planning/..%2Fx", "planning"),
            ("/planning/./appeals", "planning"),
            ("/planning/appeals/../7", "appeals"),
            ("/planning//appeals", "planning"),
            ("/caf%C3%A9/menu", "café"),
            ("/caf%c3%a9/menu", "default"),
        ] {
            assert_eq!(*routes().find("www.example", path), expected, "{path}");
        }
    }
}
