//! A group of servers: chooses one for each request. What keeps its addresses and their health up to date ends with it.

use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, StatusCode};
use pingora::connectors::TransportConnector;
use pingora::connectors::http::Connector;
use pingora::lb::Backend;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use towpath_conf::{HashOn, Health, Outliers, Upstream};

use super::balance::{Balancer, balancer};
use super::budget::Budget;
use super::dial::connector;
use super::discovery::{Discovery, Names, Resolve, SystemResolver, endpoint};
use super::endpoint::{Endpoint, Endpoints, Lease};
use super::hash::{HashKey, hash_key};
use super::health::Checks;
use super::shared_http2::SharedHttp2;
use super::sticky::Sticky;
use super::supervisor::Supervisor;
use super::transport::Transport;
use super::weak::WeakMap;
use crate::tls::FileError;

/// How long a start or a reload waits for names to resolve.
const FIRST_RESOLUTION: Duration = Duration::from_secs(3);

/// Why there is no server for a request.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum NoServer {
    /// All that could be tried were.
    #[error("all servers were tried")]
    Tried,
    /// None is healthy.
    #[error("no server is healthy")]
    Unhealthy,
    /// No name has resolved yet.
    #[error("no server's name has been resolved")]
    Unresolved,
}

/// The servers that one request has tried in vain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tried(Vec<SocketAddr>);

impl Tried {
    /// Adds one.
    pub(crate) fn add(&mut self, address: SocketAddr) {
        self.0.push(address);
    }
}

/// What all groups share.
pub(crate) struct Upstreams {
    connector: Arc<TransportConnector>,
    /// Keeps connections of our own requests.
    http: Arc<Connector>,
    endpoints: Arc<Endpoints>,
    /// Of this process, for cookies.
    secret: [u8; 32],
    resolver: Arc<dyn Resolve>,
    /// By upstream: those of its latest group.
    names: WeakMap<String, Names>,
    /// By upstream and settings.
    checks: WeakMap<String, Checks>,
}

impl Upstreams {
    /// Builds the connector; once in a process.
    pub(crate) fn new() -> Self {
        Self::with_resolver(Arc::new(SystemResolver))
    }

    pub(crate) fn with_resolver(resolver: Arc<dyn Resolve>) -> Self {
        let mut secret = [0; 32];
        // Without randomness the process does not start: session tokens need it too.
        let _ = getrandom::fill(&mut secret);
        Self {
            secret,
            connector: connector(),
            http: Arc::new(Connector::new(None)),
            endpoints: Arc::default(),
            resolver,
            names: WeakMap::default(),
            checks: WeakMap::default(),
        }
    }

    /// The process begins to serve: servers that come from now on are new ones.
    pub(crate) fn begin(&self) {
        self.endpoints.begin();
    }

    /// A running group. Must be called on the runtime that will carry its task.
    ///
    /// # Errors
    /// A file that `conf` names is no use.
    pub(crate) fn group(&self, name: &str, conf: &Upstream) -> Result<Arc<Group>, FileError> {
        let transport = Transport::new(name, conf)?;
        let names = self.names(name, conf);
        let discovery = Discovery::new(&conf.servers, names.clone(), self.endpoints.clone());
        let checks = conf
            .health
            .as_ref()
            .map(|health| self.checks(name, health, &transport));
        let health = checks.as_ref().map(|checks| checks.registry());
        let balancer: Arc<dyn Balancer> = balancer(conf.balance, discovery, health).into();
        let (supervisor, unsettled) =
            Supervisor::new(conf, balancer.clone(), names, checks.clone());
        Ok(Arc::new(Group {
            name: name.to_owned(),
            connector: self.connector.clone(),
            http: self.http.clone(),
            transport,
            shared_http2: SharedHttp2::default(),
            sticky: Sticky::new(name, &conf.sticky, &self.secret),
            outliers: conf.outliers,
            slow_start: conf.slow_start.get().map(|it| it.get()),
            budget: Budget::new(conf.retries, Instant::now()),
            balancer,
            unsettled,
            supervisor: tokio::spawn(supervisor.run()),
            _checks: checks,
        }))
    }

    /// The names of an upstream, with what the group before it knew: a reload may come while DNS is down.
    fn names(&self, upstream: &str, conf: &Upstream) -> Arc<Names> {
        let key = upstream.to_owned();
        let names = Names::new(upstream, self.resolver.clone(), &conf.denied_networks);
        if let Some(before) = self.names.get(&key) {
            names.inherit(&before, &conf.servers);
        }
        let names = Arc::new(names);
        self.names.insert(key, &names);
        names
    }

    /// The checks of an upstream: those that run already, unless their settings were other ones.
    fn checks(&self, upstream: &str, conf: &Health, transport: &Transport) -> Arc<Checks> {
        let key = format!("{upstream} {conf:?} {}", transport.fingerprint());
        self.checks.get(&key).unwrap_or_else(|| {
            let (connector, transport) = (self.connector.clone(), transport.clone());
            let checks = Arc::new(Checks::start(upstream, connector, transport, conf));
            self.checks.insert(key, &checks);
            checks
        })
    }
}

impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstreams")
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

/// A running group of servers.
pub(crate) struct Group {
    name: String,
    connector: Arc<TransportConnector>,
    http: Arc<Connector>,
    transport: Transport,
    shared_http2: SharedHttp2,
    sticky: Option<Sticky>,
    outliers: Outliers,
    slow_start: Option<Duration>,
    budget: Budget,
    balancer: Arc<dyn Balancer>,
    unsettled: watch::Receiver<usize>,
    supervisor: JoinHandle<()>,
    /// The supervisor of a group without names is soon done; the checks go on for as long as the group lives.
    _checks: Option<Arc<Checks>>,
}

impl Group {
    /// Its name in the configuration.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What connects to its servers.
    pub(crate) fn connector(&self) -> &TransportConnector {
        &self.connector
    }

    /// How its servers are spoken to.
    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Connections of HTTP/2 that carry tunnels.
    pub(crate) fn shared_http2(&self) -> &SharedHttp2 {
        &self.shared_http2
    }

    /// What keeps connections for requests of our own.
    pub(crate) fn http(&self) -> Arc<Connector> {
        self.http.clone()
    }

    /// Waits until every name was asked for once, but not for long: a dead DNS must not stop everything else.
    /// Cancel-safe.
    pub(crate) async fn ready(&self) {
        let mut unsettled = self.unsettled.clone();
        if timeout(FIRST_RESOLUTION, unsettled.wait_for(|left| *left == 0))
            .await
            .is_err()
        {
            tracing::warn!(upstream = self.name, "names are not resolved yet");
        }
    }

    /// What picks the server for a request with these fields.
    pub(crate) fn key<'r>(
        &self,
        on: &HashOn,
        client: IpAddr,
        headers: &'r HeaderMap,
        query: &'r str,
    ) -> HashKey<'r> {
        let cookie = self.sticky.as_ref().and_then(|sticky| sticky.of(headers));
        match cookie {
            Some(cookie) => HashKey::Sticky { cookie, client },
            None => hash_key(on, client, headers, query),
        }
    }

    /// The cookie that tells a client its server, where it is to be told.
    pub(crate) fn tell(
        &self,
        lease: &Lease,
        request: &HeaderMap,
        secure: bool,
    ) -> Option<HeaderValue> {
        self.sticky.as_ref()?.tell(lease.address(), request, secure)
    }

    /// A healthy server that was not tried yet. It counts as in use until the lease is dropped. Who is left out for a
    /// while, or warms up, is passed over for as long as there are others.
    pub(crate) fn choose(&self, key: &HashKey<'_>, tried: &Tried) -> Result<Lease, NoServer> {
        if tried.0.is_empty() {
            self.budget.request();
        }
        let now = Instant::now();
        let mut seen = Seen::default();
        let chosen = self
            .choose_among(key, tried, &mut seen, |endpoint| {
                !endpoint.record().is_ejected(now) && self.is_its_turn(endpoint, now)
            })
            .or_else(|| self.choose_among(key, tried, &mut seen, |_| true));
        match chosen {
            Some(lease) => Ok(lease),
            None if seen.tried => Err(NoServer::Tried),
            None if seen.unhealthy || self.balancer.len() > 0 => Err(NoServer::Unhealthy),
            None => Err(NoServer::Unresolved),
        }
    }

    fn choose_among(
        &self,
        key: &HashKey<'_>,
        tried: &Tried,
        seen: &mut Seen,
        wanted: impl Fn(&Endpoint) -> bool,
    ) -> Option<Lease> {
        let mut accept = |backend: &Backend, healthy: bool| {
            let address = backend.addr.as_inet();
            let is_tried = address.is_none_or(|address| tried.0.contains(address));
            seen.tried |= is_tried;
            seen.unhealthy |= !healthy;
            healthy && !is_tried && endpoint(backend).is_some_and(|endpoint| wanted(endpoint))
        };
        let chosen = key.with_bytes(|bytes| match key {
            HashKey::Pinned(_) => favourite(&*self.balancer, bytes, &mut accept),
            HashKey::Sticky { cookie, .. } => self
                .balancer
                .find(&mut |backend, healthy| {
                    self.is_named(cookie, backend) && accept(backend, healthy)
                })
                .or_else(|| self.balancer.select(bytes, &mut accept)),
            _ => self.balancer.select(bytes, &mut accept),
        });
        chosen.as_ref().and_then(endpoint).map(Endpoint::lease)
    }

    fn is_named(&self, cookie: &[u8], backend: &Backend) -> bool {
        let sticky = self.sticky.as_ref().zip(backend.addr.as_inet());
        sticky.is_some_and(|(sticky, address)| sticky.names(cookie, *address))
    }

    /// One that warms up takes a turn now and then.
    fn is_its_turn(&self, endpoint: &Endpoint, now: Instant) -> bool {
        let Some(slow_start) = self.slow_start else {
            return true;
        };
        let share = endpoint.record().share(now, slow_start);
        share >= 1.0 || getrandom::u32().is_ok_and(|n| f64::from(n) / f64::from(u32::MAX) < share)
    }

    /// Whether another server may be tried for a request.
    pub(crate) fn may_retry(&self) -> bool {
        self.budget.retry(Instant::now())
    }

    /// A server has answered a request with this status; `None`: it could not be reached, or gave no answer.
    pub(crate) fn answered(&self, endpoint: &Endpoint, status: Option<StatusCode>) {
        let is_failure = status.is_none_or(|status| matches!(status.as_u16(), 502..=504));
        let now = Instant::now();
        if !self.outliers.enabled {
            return;
        }
        if !is_failure {
            endpoint.record().succeeded(now);
        } else if endpoint.record().failed(now, &self.outliers) && self.can_spare_one(now) {
            let long = endpoint.record().eject(now, &self.outliers);
            let (upstream, server) = (self.name(), endpoint.address());
            tracing::warn!(upstream, %server, seconds = long.as_secs(), "server is left out");
        }
    }

    /// Whether one more of the group's servers may be left out.
    fn can_spare_one(&self, now: Instant) -> bool {
        let mut ejected = HashSet::new();
        self.balancer.find(&mut |backend, _| {
            let out = endpoint(backend).filter(|it| it.record().is_ejected(now));
            ejected.extend(out.map(|endpoint| endpoint.address()));
            false
        });
        let most = self.balancer.len() * usize::from(self.outliers.max_ejected) / 100;
        ejected.len() < most
    }
}

/// What a choice has come by.
#[derive(Default)]
struct Seen {
    tried: bool,
    unhealthy: bool,
}

/// Of all that `accept` takes, the server that is the key's: it stays so while others come and go (rendezvous hashing).
fn favourite(
    balancer: &dyn Balancer,
    key: &[u8],
    accept: &mut dyn FnMut(&Backend, bool) -> bool,
) -> Option<Backend> {
    let mut best: Option<(u64, Backend)> = None;
    balancer.find(&mut |backend, healthy| {
        let mut hasher = DefaultHasher::new();
        (key, backend.addr.as_inet()).hash(&mut hasher);
        let score = hasher.finish();
        if accept(backend, healthy) && best.as_ref().is_none_or(|(most, _)| score > *most) {
            best = Some((score, backend.clone()));
        }
        false
    });
    best.map(|(_, backend)| backend)
}

impl Drop for Group {
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
