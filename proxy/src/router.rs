//! Which route a request takes. The most specific one wins, whatever the order in the file:
//! 1. by host: exact, then the longest matching `*.suffix`, then routes for every host;
//! 2. by path: exact, then regular expressions in the file's order, then the longest prefix;
//! 3. among equals: the one with more conditions (scheme, methods, headers, query), then the file's order.
//!
//! A route whose conditions do not hold is passed over and the next specific one is tried.
//! A look-up allocates nothing, and hashes nothing: most configurations have few routes, and a hash costs more than comparing
//! with a few names.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method};
use memchr::{memchr, memrchr};
use regex::Regex;
use towpath_conf::{HostPattern, PathPattern, Pattern, Scheme};

use crate::fields::parameter;
use crate::reading::plain_reading;

/// A host name is at most 253 bytes long (RFC 1035 §2.3.4); what is longer matches only routes for every host.
const MAX_HOST: usize = 253;

/// What of a request routes look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'r> {
    /// Host and perhaps port, in any case.
    pub(crate) host: &'r str,
    /// The path, without the query.
    pub(crate) path: &'r str,
    /// The query, without its question mark.
    pub(crate) query: &'r str,
    /// The method.
    pub(crate) method: &'r Method,
    /// The fields.
    pub(crate) headers: &'r HeaderMap,
    /// What the client has spoken.
    pub(crate) scheme: Scheme,
}

/// The conditions of a route beside host and path.
#[derive(Debug, Default)]
struct Conditions {
    scheme: Option<Scheme>,
    methods: Vec<Method>,
    headers: Vec<(HeaderName, Pattern)>,
    query: Vec<(String, Pattern)>,
}

/// The routes under one host pattern.
#[derive(Debug)]
struct Paths<R> {
    exact: BTreeMap<Box<str>, Vec<Entry<R>>>,
    regex: Vec<(Regex, Entry<R>)>,
    prefix: BTreeMap<Box<str>, Vec<Entry<R>>>,
}

#[derive(Debug)]
struct Entry<R> {
    conditions: Arc<Conditions>,
    route: Arc<R>,
}

/// All routes of a configuration, arranged for look-up.
#[derive(Debug)]
pub(crate) struct Router<R> {
    hosts: BTreeMap<Box<str>, Paths<R>>,
    /// Longest first.
    suffixes: Vec<(Box<str>, Paths<R>)>,
    any: Paths<R>,
    looks_at_headers: bool,
}

impl<R> Router<R> {
    /// Arranges routes; each is given with what the look-up shall return.
    pub(crate) fn new<'c>(
        routes: impl IntoIterator<Item = (&'c towpath_conf::Route, Arc<R>)>,
    ) -> Self {
        let mut router = Self {
            hosts: BTreeMap::new(),
            suffixes: Vec::new(),
            any: Paths::default(),
            looks_at_headers: false,
        };
        for (conf, route) in routes {
            router.insert(conf, &route);
        }
        router
            .suffixes
            .sort_by_key(|(suffix, _)| std::cmp::Reverse(suffix.len()));
        router.hosts.values_mut().for_each(Paths::sort);
        router
            .suffixes
            .iter_mut()
            .for_each(|(_, paths)| paths.sort());
        router.any.sort();
        router
    }

    /// Whether any route depends on a request's headers.
    pub(crate) fn looks_at_headers(&self) -> bool {
        self.looks_at_headers
    }

    /// The route for `target`, if there is one.
    pub(crate) fn find(&self, target: &Target<'_>) -> Option<&Arc<R>> {
        let mut buffer = [0; MAX_HOST];
        let host = normalize(target.host, &mut buffer);
        let exact = self.hosts.get(host).into_iter();
        let suffixes = self
            .suffixes
            .iter()
            .filter(|(suffix, _)| is_below(host, suffix))
            .map(|(_, p)| p);
        exact
            .chain(suffixes)
            .chain([&self.any])
            .find_map(|paths| paths.find(target))
    }

    /// Whether the path can be read otherwise, and takes another route than `found` then. Which of the two the backend
    /// means nobody knows; each may demand what the other does not.
    pub(crate) fn is_ambiguous(&self, target: &Target<'_>, found: Option<&Arc<R>>) -> bool {
        let Some(path) = plain_reading(target.path) else {
            return false;
        };
        let other = self.find(&Target {
            path: &path,
            ..*target
        });
        other.map(Arc::as_ptr) != found.map(Arc::as_ptr)
    }

    fn insert(&mut self, conf: &towpath_conf::Route, route: &Arc<R>) {
        let conditions = Arc::new(Conditions::new(conf));
        self.looks_at_headers |= !conditions.headers.is_empty();
        let entry = || Entry {
            conditions: conditions.clone(),
            route: route.clone(),
        };
        if conf.host.is_empty() {
            self.any.insert(&conf.path, entry());
        }
        for host in conf.host.iter() {
            let paths = match host {
                HostPattern::Exact(host) => self.hosts.entry(host.as_str().into()).or_default(),
                HostPattern::Suffix(suffix) => self.suffix(suffix),
            };
            paths.insert(&conf.path, entry());
        }
    }

    fn suffix(&mut self, suffix: &str) -> &mut Paths<R> {
        let at = self
            .suffixes
            .iter()
            .position(|(known, _)| **known == *suffix)
            .unwrap_or_else(|| {
                self.suffixes.push((suffix.into(), Paths::default()));
                self.suffixes.len() - 1
            });
        #[allow(clippy::indexing_slicing, reason = "`at` was found or pushed just now")]
        &mut self.suffixes[at].1
    }
}

impl<R> Default for Paths<R> {
    fn default() -> Self {
        Self {
            exact: BTreeMap::new(),
            regex: Vec::new(),
            prefix: BTreeMap::new(),
        }
    }
}

impl<R> Paths<R> {
    fn insert(&mut self, path: &PathPattern, entry: Entry<R>) {
        match path {
            PathPattern::Exact(path) => {
                self.exact
                    .entry(path.as_str().into())
                    .or_default()
                    .push(entry);
            }
            PathPattern::Prefix(path) => {
                self.prefix
                    .entry(path.as_str().into())
                    .or_default()
                    .push(entry);
            }
            PathPattern::Regex(regex) => self.regex.push((regex.clone(), entry)),
        }
    }

    /// Stable sorts: equals stay in the file's order.
    fn sort(&mut self) {
        for entries in self.exact.values_mut().chain(self.prefix.values_mut()) {
            entries.sort_by_key(|entry| std::cmp::Reverse(entry.conditions.count()));
        }
    }

    fn find(&self, target: &Target<'_>) -> Option<&Arc<R>> {
        let exact = self.exact.get(target.path).into_iter().flatten();
        let regex = self
            .regex
            .iter()
            .filter(|(regex, _)| regex.is_match(target.path))
            .map(|(_, e)| e);
        let prefix = prefixes(target.path)
            .filter_map(|p| self.prefix.get(p))
            .flatten();
        let mut candidates = exact.chain(regex).chain(prefix);
        candidates
            .find(|entry| entry.conditions.hold(target))
            .map(|entry| &entry.route)
    }
}

impl Conditions {
    /// Names were checked when the configuration was loaded.
    fn new(conf: &towpath_conf::Route) -> Self {
        let header = |name: &String| HeaderName::from_bytes(name.as_bytes()).ok();
        Self {
            scheme: conf.scheme,
            methods: conf
                .methods
                .iter()
                .filter_map(|m| Method::from_bytes(m.as_bytes()).ok())
                .collect(),
            headers: conf
                .headers
                .iter()
                .filter_map(|(n, p)| Some((header(n)?, p.clone())))
                .collect(),
            query: conf
                .query
                .iter()
                .map(|(n, p)| (n.clone(), p.clone()))
                .collect(),
        }
    }

    fn count(&self) -> usize {
        usize::from(self.scheme.is_some())
            + usize::from(!self.methods.is_empty())
            + self.headers.len()
            + self.query.len()
    }

    fn hold(&self, target: &Target<'_>) -> bool {
        let header = |name: &HeaderName| target.headers.get(name).map(http::HeaderValue::as_bytes);
        let query = |name: &str| parameter(target.query, name).map(str::as_bytes);
        self.scheme.is_none_or(|scheme| scheme == target.scheme)
            && (self.methods.is_empty() || self.methods.contains(target.method))
            && self
                .headers
                .iter()
                .all(|(name, pattern)| pattern.matches(header(name)))
            && self
                .query
                .iter()
                .all(|(name, pattern)| pattern.matches(query(name)))
    }
}

/// The path itself, then every prefix of whole segments, the longest first, down to `/`.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| shorter(path))
}

/// Without the last segment.
fn shorter(path: &str) -> Option<&str> {
    match memrchr(b'/', path.as_bytes())? {
        0 if path == "/" => None,
        0 => Some("/"),
        at => path.get(..at),
    }
}

/// Lower case, without port and without the root's dot.
fn normalize<'b>(host: &str, buffer: &'b mut [u8; MAX_HOST]) -> &'b str {
    // An IPv6 address has colons of its own.
    let port = match memrchr(b']', host.as_bytes()) {
        Some(bracket) => Some(bracket + 1),
        None => memchr(b':', host.as_bytes()),
    };
    let bare = host.get(..port.unwrap_or(host.len())).unwrap_or_default();
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    let Some(space) = buffer.get_mut(..bare.len()) else {
        return "";
    };
    space.copy_from_slice(bare.as_bytes());
    space.make_ascii_lowercase();
    std::str::from_utf8(space).unwrap_or_default()
}

fn is_below(host: &str, suffix: &str) -> bool {
    host.strip_suffix(suffix)
        .is_some_and(|label| label.len() > 1 && label.ends_with('.'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A router over routes written as YAML; a look-up gives the route's name.
    fn router(routes: &str) -> Router<String> {
        let text = format!("routes:\n{routes}");
        let config = towpath_conf::Config::from_text("test.yaml", &text).unwrap();
        Router::new(
            config
                .routes
                .iter()
                .map(|r| (r, Arc::new(r.name.clone().unwrap()))),
        )
    }

    fn find(
        router: &Router<String>,
        method: &str,
        url: &str,
        headers: &[(&'static str, &'static str)],
    ) -> String {
        let uri: http::Uri = url.parse().unwrap();
        let headers: HeaderMap = headers
            .iter()
            .map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap()))
            .collect();
        let target = Target {
            scheme: Scheme::Http,
            host: uri.authority().unwrap().as_str(),
            path: uri.path(),
            query: uri.query().unwrap_or_default(),
            method: &method.parse().unwrap(),
            headers: &headers,
        };
        router
            .find(&target)
            .map_or_else(|| "none".into(), |name| name.as_ref().clone())
    }

    fn get(router: &Router<String>, url: &str) -> String {
        find(router, "GET", url, &[])
    }

    #[test]
    fn the_most_specific_host_wins_and_gives_way_where_its_paths_do_not_match() {
        let router = router(
            "  - { name: any, path: /, upstream: 'a:1' }\n\
             \x20 - { name: suffix, host: '*.example.com', path: /, upstream: 'a:1' }\n\
             \x20 - { name: longer, host: '*.eu.example.com', path: /, upstream: 'a:1' }\n\
             \x20 - { name: exact, host: chat.eu.example.com, path: /ws, upstream: 'a:1' }\n",
        );
        assert_eq!(get(&router, "http://Chat.EU.example.com.:8080/ws"), "exact");
        assert_eq!(get(&router, "http://chat.eu.example.com/other"), "longer");
        assert_eq!(get(&router, "http://a.b.example.com/"), "suffix");
        assert_eq!(get(&router, "http://example.com/"), "any");
        assert_eq!(get(&router, "http://notexample.com/"), "any");
        assert_eq!(get(&router, "http://[::1]:80/"), "any");
    }

    #[test]
    fn the_most_specific_path_wins_by_whole_segments() {
        let router = router(
            "  - { name: root, path: /, upstream: 'a:1' }\n\
             \x20 - { name: ws, path: /ws, upstream: 'a:1' }\n\
             \x20 - { name: deep, path: /ws/rooms, upstream: 'a:1' }\n\
             \x20 - { name: exact, path: { exact: /ws/rooms/1 }, upstream: 'a:1' }\n\
             \x20 - { name: regex, path: { regex: '^/ws/rooms/[0-9]+$' }, upstream: 'a:1' }\n",
        );
        for (path, name) in [
            ("/wsx", "root"),
            ("/ws", "ws"),
            ("/ws/", "ws"),
            ("/ws/rooms/a", "deep"),
            ("/ws/rooms/1", "exact"),
            ("/ws/rooms/2", "regex"),
        ] {
            assert_eq!(get(&router, &format!("http://h{path}")), name, "{path}");
        }
    }

    #[test]
    fn conditions_make_a_route_more_specific_and_are_passed_over_where_they_fail() {
        let router = router(
            "  - { name: plain, path: /a, upstream: 'a:1' }\n\
             \x20 - { name: post, path: /a, methods: [POST], upstream: 'a:1' }\n\
             \x20 - { name: beta, path: /a, methods: [POST], headers: { X-Env: beta }, upstream: 'a:1' }\n\
             \x20 - { name: v2, path: /a, query: { v: '2' }, upstream: 'a:1' }\n",
        );
        assert_eq!(get(&router, "http://h/a"), "plain");
        assert_eq!(get(&router, "http://h/a?x=1&v=2"), "v2");
        assert_eq!(find(&router, "POST", "http://h/a", &[]), "post");
        assert_eq!(
            find(&router, "POST", "http://h/a", &[("x-env", "beta")]),
            "beta"
        );
        assert_eq!(get(&router, "http://h/b"), "none");
    }

    #[test]
    fn a_path_is_ambiguous_if_its_plain_reading_takes_another_route() {
        let router = router(
            "  - { name: admin, path: /admin, upstream: 'h:1' }\n\
             \x20 - { name: all, upstream: 'h:1' }",
        );
        let headers = HeaderMap::new();
        let is_ambiguous = |path| {
            let target = Target {
                scheme: Scheme::Http,
                host: "h",
                path,
                query: "",
                method: &Method::GET,
                headers: &headers,
            };
            router.is_ambiguous(&target, router.find(&target))
        };
        for path in [
            "/%61dmin",
            "//admin/x",
            "/%2Fadmin",
            "/admin;a=b",
            "/\\admin",
        ] {
            assert!(is_ambiguous(path), "{path}");
        }
        for path in ["/admin", "/admin//x", "/admin/%2F;a", "//b", "/caf%C3%A9"] {
            assert!(!is_ambiguous(path), "{path}");
        }
    }
}
