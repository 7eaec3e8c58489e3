//! The services of dialects that have paths of their own: which one a request is for.

use std::sync::Arc;

use http::Method;
use pingora::http::RequestHeader;
use towpath_conf::{Config, PathPattern};
use towpath_fallback::dialect::sockjs;
use towpath_fallback::handshake;

use super::settings;
use crate::answer::Refusal;
use crate::gateway::target;
use crate::router::{Router, Target};
use crate::snapshot::Route;

/// A service of a route's.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) route: Arc<Route>,
    /// The path of the backend's WebSocket.
    pub(crate) path: String,
    pub(crate) sockjs: sockjs::Service,
    /// The largest content of a request, in bytes.
    pub(crate) max_body: usize,
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

/// All services of a configuration.
#[derive(Debug)]
pub(crate) struct Services {
    router: Router<Service>,
    bases: Vec<String>,
}

impl Services {
    /// Arranges the services of the configuration's routes, which are given in its order.
    pub(crate) fn new<'r>(config: &Config, routes: impl Iterator<Item = &'r Arc<Route>>) -> Self {
        let mut services = Vec::new();
        for (conf, route) in config.routes.iter().zip(routes) {
            let Some(base) = conf.sockjs_path() else {
                continue;
            };
            let Some(sockjs) = settings::sockjs(conf, base) else {
                continue;
            };
            let service = Service {
                route: route.clone(),
                path: own_path(&conf.path).unwrap_or(base).to_owned(),
                sockjs,
                max_body: settings::size(conf.fallback.max_body),
            };
            let mut conf = conf.clone();
            conf.path = PathPattern::Prefix(base.to_owned());
            services.push((conf, Arc::new(service)));
        }
        Self {
            bases: services
                .iter()
                .map(|(_, service)| service.sockjs.base.clone())
                .collect(),
            router: Router::new(
                services
                    .iter()
                    .map(|(conf, service)| (conf, service.clone())),
            ),
        }
    }

    /// The service that a request is for, and what it asks of it: that of the route which a WebSocket of the same client
    /// would take, conditions and all.
    pub(crate) fn find(
        &self,
        request: &RequestHeader,
        own_origin: impl FnOnce() -> String,
    ) -> Option<(Arc<Service>, sockjs::Endpoint)> {
        let path = request.uri.path();
        // Most requests are for none, and need no further look.
        self.bases.iter().find(|base| path.starts_with(*base))?;
        let headers = handshake::equivalent(&request.headers, &[], &own_origin());
        let target = Target {
            method: &Method::GET,
            headers: &headers,
            ..target(request)
        };
        let service = self.router.find(&target)?;
        let endpoint = sockjs::Endpoint::cut(&service.sockjs.base, path)?;
        Some((service.clone(), endpoint))
    }
}

/// The one path that a route has, if it has one.
fn own_path(pattern: &PathPattern) -> Option<&str> {
    match pattern {
        PathPattern::Exact(path) | PathPattern::Prefix(path) => Some(path),
        PathPattern::Regex(_) => None,
    }
}
