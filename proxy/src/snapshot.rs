//! A configuration made ready for requests: routes arranged for look-up, upstream groups running.
//! It never changes; a reload builds another one and swaps it in whole.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pingora::http::RequestHeader;
use thiserror::Error;
use towpath_conf::{Config, HashOn, PathPattern, WebSocket};
use towpath_fallback::Endpoint;

use crate::admin::{self, TokenError};
use crate::answer::Refusal;
use crate::changes::Changes;
use crate::configuration;
use crate::fallback::Services;
use crate::fields::Outgoing;
use crate::filters::{Filters, UsersError};
use crate::forwarded::Client;
use crate::gate::Entrance;
use crate::rates::Rates;
use crate::router::Router;
use crate::tls::{FileError, TlsError, TlsFacts};
use crate::upstream::{Group, HashKey, PeerTimeouts, Upstreams};

/// A file that a configuration names is no use.
#[derive(Debug, Error)]
pub(crate) enum FilesError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Users(#[from] UsersError),
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// An immutable, running configuration.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// The configuration it was made of.
    pub(crate) config: Config,
    /// Its routes.
    pub(crate) router: Router<Route>,
    /// Whether any route has a fallback.
    pub(crate) has_fallback: bool,
    /// The services of dialects with paths of their own.
    pub(crate) services: Services,
    /// How fast one address may ask.
    pub(crate) rates: Rates,
    /// By the listener's address.
    entrances: HashMap<SocketAddr, Arc<Entrance>>,
    groups: Vec<Arc<Group>>,
    /// What the operator's listener asks for, if anything.
    pub(crate) token: Option<String>,
    /// Of everything that the configuration says; nodes with the same one say the same.
    pub(crate) hash: String,
}

/// What a route says of the requests that take it.
#[derive(Debug)]
pub(crate) struct Route {
    /// For the log.
    pub(crate) name: String,
    /// Which paths it takes, for spans.
    pub(crate) pattern: Arc<str>,
    /// Where requests go.
    pub(crate) group: Arc<Group>,
    /// What happens to requests before.
    pub(crate) filters: Filters,
    /// What picks the server, where the group balances by hash.
    pub(crate) hash: HashOn,
    /// What happens to WebSockets.
    pub(crate) websocket: WebSocket,
    /// Its fallback, if it has one.
    pub(crate) fallback: Option<towpath_fallback::Policy>,
    /// What the connection must have proven.
    pub(crate) tls: towpath_conf::RouteTls,
    /// Changes on the way to the backend.
    pub(crate) request_headers: Changes,
    /// Changes on the way to the client.
    pub(crate) response_headers: Changes,
    /// For one server to accept a connection.
    pub(crate) connect_timeout: Duration,
    /// For the backend's response header.
    pub(crate) response_timeout: Duration,
    /// Between two reads of a body.
    pub(crate) read_timeout: Duration,
    /// For all of a plain request's content.
    pub(crate) body_timeout: Option<Duration>,
    /// Of a plain request's content, in bytes.
    pub(crate) body_size: Option<u64>,
    /// For idle connections to the backend.
    pub(crate) keep_alive: Duration,
}

impl Snapshot {
    /// Makes a checked configuration ready. Its upstream groups start to resolve and to check at once.
    ///
    /// # Errors
    /// A file that the configuration names is no use.
    pub(crate) fn new(config: Config, upstreams: &Upstreams) -> Result<Self, FilesError> {
        let entrances = entrances(&config)?;
        let file = admin::watched(&config);
        let token = file.map(|file| admin::read_token(&file)).transpose()?;
        let mut groups = HashMap::new();
        let mut group = |name: &str| -> Result<Arc<Group>, FileError> {
            if let Some(running) = groups.get(name) {
                return Ok(Arc::clone(running));
            }
            let group = upstreams.group(name, &config.upstream(name))?;
            groups.insert(name.to_owned(), group.clone());
            Ok(group)
        };
        let mut routes = Vec::with_capacity(config.routes.len());
        for (index, conf) in config.routes.iter().enumerate() {
            let filters = Filters::new(conf, &config, &mut group)?;
            let group = group(&conf.upstream)?;
            routes.push(Arc::new(Route::new(index, conf, &config, group, filters)));
        }
        let has_fallback = routes.iter().any(|route| route.fallback.is_some());
        let services = Services::new(&config, routes.iter());
        let router = Router::new(config.routes.iter().zip(routes));
        Ok(Self {
            rates: Rates::new(&config.limits),
            token,
            hash: configuration::hash(&config),
            config,
            router,
            has_fallback,
            services,
            entrances,
            groups: groups.into_values().collect(),
        })
    }

    /// What it says of the listener at `address`; `None`: it has none there.
    pub(crate) fn entrance(&self, address: SocketAddr) -> Option<Arc<Entrance>> {
        self.entrances.get(&address).cloned()
    }

    /// Whether a request for this path may be one of a fallback session's.
    pub(crate) fn may_be_fallback(&self, path: &str) -> bool {
        Endpoint::is_reserved(path) || self.services.may_be(path)
    }

    /// The upstreams in use.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.groups.iter()
    }

    /// Waits until the groups know their servers' addresses, or have tried to for a few seconds.
    pub(crate) async fn ready(&self) {
        futures_util::future::join_all(self.groups.iter().map(|group| group.ready())).await;
    }
}

fn entrances(config: &Config) -> Result<HashMap<SocketAddr, Arc<Entrance>>, TlsError> {
    let listeners = config.listeners.iter();
    let entrance = |listener: &towpath_conf::Listener| {
        let entrance = Entrance::new(listener, &config.limits)?;
        Ok((listener.address, Arc::new(entrance)))
    };
    listeners.map(entrance).collect()
}

impl Route {
    /// The timeouts of a plain request's connection to the backend.
    pub(crate) fn peer_timeouts(&self, write: Duration) -> PeerTimeouts {
        PeerTimeouts {
            connect: self.connect_timeout,
            read: self.response_timeout,
            write,
            idle: self.keep_alive,
        }
    }

    /// Whether it carries WebSockets over the fallback and in no other way. Its refusal of an upgrade says nothing of
    /// the backend, so a client that asks is told that its attempt never arrived, and falls back.
    pub(crate) fn only_falls_back(&self) -> bool {
        self.websocket.upgrade == towpath_conf::Upgrade::Deny && self.fallback.is_some()
    }

    /// What picks the server for a request as the client has sent it; a `pinned` client always has the same.
    pub(crate) fn key<'r>(
        &self,
        request: &'r RequestHeader,
        client: &Client,
        pinned: bool,
    ) -> HashKey<'r> {
        let query = request.uri.query().unwrap_or_default();
        match pinned {
            true => HashKey::Pinned(client.address),
            false => self
                .group
                .key(&self.hash, client.address, &request.headers, query),
        }
    }

    /// Makes a request ready for the backend: who its client is, the path, and what the operator wants changed.
    pub(crate) fn prepare(
        &self,
        request: &mut impl Outgoing,
        client: &Client,
    ) -> pingora::Result<()> {
        client.write(request)?;
        self.filters.rewrite.apply(request)?;
        self.request_headers.apply(request)
    }

    /// Whether a connection has proven what the route demands of it. `host` is the request's.
    pub(crate) fn demand(&self, tls: Option<&TlsFacts>, host: &str) -> Result<(), Refusal> {
        let wants_certificate = self.tls.client_certificate;
        let is_strict = self.tls.strict_sni || wants_certificate;
        if is_strict && !tls.is_some_and(|tls| tls.is_for(host)) {
            return Err(Refusal::Misdirected);
        }
        let is_proven = tls.is_some_and(|tls| tls.client.is_some());
        if wants_certificate && !is_proven {
            return Err(Refusal::NoCertificate);
        }
        Ok(())
    }

    fn new(
        index: usize,
        conf: &towpath_conf::Route,
        config: &Config,
        group: Arc<Group>,
        filters: Filters,
    ) -> Self {
        let upstream = config.upstream_of(conf);
        let global = &config.timeouts;
        let own = &conf.timeouts;
        let body_size = conf.body_size.unwrap_or(config.limits.body_size);
        Self {
            name: conf
                .name
                .clone()
                .unwrap_or_else(|| format!("routes[{index}]")),
            pattern: pattern(&conf.path).into(),
            group,
            filters,
            hash: upstream.hash.clone(),
            websocket: conf.websocket.clone(),
            fallback: crate::fallback::policy(conf),
            tls: conf.tls.clone(),
            request_headers: Changes::new(&conf.request_headers),
            response_headers: Changes::new(&conf.response_headers),
            connect_timeout: own.connect.unwrap_or(global.connect).get(),
            response_timeout: own.response.unwrap_or(global.response).get(),
            read_timeout: own.read.unwrap_or(global.read).get(),
            body_timeout: global.request_body.get().map(|it| it.get()),
            body_size: body_size.get().map(|it| it.get()),
            keep_alive: upstream.keep_alive.get(),
        }
    }
}

/// Which paths a route takes, in few letters.
fn pattern(path: &PathPattern) -> String {
    match path {
        PathPattern::Exact(path) => path.clone(),
        PathPattern::Prefix(path) => format!("{}/*", path.trim_end_matches('/')),
        PathPattern::Regex(regex) => regex.as_str().to_owned(),
    }
}
