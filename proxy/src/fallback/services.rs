//! The services of dialects that have paths of their own: which one a request is for.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use http::Method;
use pingora::http::RequestHeader;
use towpath_conf::{Config, PathPattern};
use towpath_fallback::dialect::sockjs;
use towpath_fallback::handshake;

use super::engine_io::EngineIo;
use super::settings;
use crate::answer::Refusal;
use crate::forwarded::Client;
use crate::gateway::target;
use crate::router::{Router, Target};
use crate::snapshot::Route;

/// A service of a route's.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) route: Arc<Route>,
    /// The path of the backend's WebSocket, where requests have another.
    pub(crate) path: String,
    pub(crate) dialect: Dialect,
    /// The largest content of a request, in bytes.
    pub(crate) max_body: usize,
}

/// What its clients speak.
#[derive(Debug)]
pub(crate) enum Dialect {
    SockJs(Arc<sockjs::Service>),
    EngineIo(Arc<EngineIo>),
}

/// What a request asks of a service.
pub(crate) enum Found {
    SockJs(super::sockjs::Asked),
    EngineIo(super::engine_io::Asked),
}

impl Found {
    /// The route that the service is of.
    pub(crate) fn route(&self) -> &Arc<Route> {
        match self {
            Self::SockJs(asked) => &asked.service.route,
            Self::EngineIo(asked) => &asked.service.route,
        }
    }
}

/// All services of a configuration.
#[derive(Debug)]
pub(crate) struct Services {
    router: Router<Service>,
    bases: Vec<String>,
}

/// A route that is looked up by the path of its service.
type Entry = (towpath_conf::Route, Arc<Service>);

impl Services {
    /// Arranges the services of the configuration's routes, which are given in its order.
    pub(crate) fn new<'r>(config: &Config, routes: impl Iterator<Item = &'r Arc<Route>>) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        let mut bases = Vec::new();
        for (conf, route) in config.routes.iter().zip(routes) {
            if let Some(base) = conf.sockjs_path() {
                bases.push(base.to_owned());
                entries.extend(sockjs(conf, route, base));
            }
            if let Some(engine_io) = &conf.fallback.engine_io {
                bases.push(bare(&engine_io.path).to_owned());
                entries.extend(self::engine_io(conf, route, engine_io));
            }
        }
        Self {
            router: Router::new(
                entries
                    .iter()
                    .map(|(conf, service)| (conf, service.clone())),
            ),
            bases,
        }
    }

    /// Whether a path may be one of theirs.
    pub(crate) fn may_be(&self, path: &str) -> bool {
        self.bases
            .iter()
            .any(|base| path.starts_with(base.as_str()))
    }

    /// The service that a request is for, and what it asks of it: that of the route which a WebSocket of the same client
    /// would take, conditions and all.
    pub(crate) fn find(&self, request: &RequestHeader, client: &Client) -> Option<Found> {
        let path = request.uri.path();
        // Most requests are for none, and need no further look.
        self.may_be(path).then_some(())?;
        let headers = match self.router.looks_at_headers() {
            true => {
                let own_origin = client.own_origin(request);
                Cow::Owned(handshake::equivalent(&request.headers, &[], &own_origin))
            }
            false => Cow::Borrowed(&request.headers),
        };
        let target = Target {
            method: &Method::GET,
            headers: &headers,
            ..target(request, client)
        };
        let service = self.router.find(&target)?.clone();
        match &service.dialect {
            Dialect::SockJs(sockjs) => {
                let endpoint = sockjs::Endpoint::cut(&sockjs.base, path)?;
                Some(Found::SockJs(super::sockjs::Asked {
                    sockjs: sockjs.clone(),
                    endpoint,
                    service,
                }))
            }
            Dialect::EngineIo(engine_io) => {
                let engine_io = engine_io.clone();
                let asked = super::engine_io::Asked::of(request, service, engine_io);
                Some(Found::EngineIo(asked))
            }
        }
    }
}

impl Service {
    /// Lets a request ask for the backend's WebSocket itself.
    pub(crate) fn aim(&self, request: &mut RequestHeader) -> std::result::Result<(), Refusal> {
        let target = match request.uri.query() {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        };
        let uri = target.parse().map_err(|_| Refusal::Internal)?;
        request.set_uri(uri);
        Ok(())
    }
}

fn sockjs(conf: &towpath_conf::Route, route: &Arc<Route>, base: &str) -> Option<Entry> {
    let sockjs = settings::sockjs(conf, base)?;
    let service = Service {
        route: route.clone(),
        path: own_path(&conf.path).unwrap_or(base).to_owned(),
        dialect: Dialect::SockJs(Arc::new(sockjs)),
        max_body: settings::size(conf.fallback.max_body),
    };
    let path = PathPattern::Prefix(base.to_owned());
    Some((at(conf, path), Arc::new(service)))
}

/// It has one path, with or without a slash at its end.
fn engine_io(
    conf: &towpath_conf::Route,
    route: &Arc<Route>,
    engine_io: &towpath_conf::EngineIo,
) -> Vec<Entry> {
    let Some(service) = settings::engine_io(conf, bare(&engine_io.path)) else {
        return Vec::new();
    };
    let service = Arc::new(Service {
        route: route.clone(),
        path: engine_io.path.clone(),
        max_body: service.max_body,
        dialect: Dialect::EngineIo(Arc::new(EngineIo {
            service,
            mode: engine_io.mode,
            polling_only: Mutex::default(),
        })),
    });
    let path = bare(&engine_io.path);
    let paths = [path.to_owned(), format!("{path}/")];
    let entry = |path| (at(conf, PathPattern::Exact(path)), service.clone());
    paths.map(entry).into()
}

fn at(conf: &towpath_conf::Route, path: PathPattern) -> towpath_conf::Route {
    let mut conf = conf.clone();
    conf.path = path;
    conf
}

fn bare(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

/// The one path that a route has, if it has one.
fn own_path(pattern: &PathPattern) -> Option<&str> {
    match pattern {
        PathPattern::Exact(path) | PathPattern::Prefix(path) => Some(path),
        PathPattern::Regex(_) => None,
    }
}
