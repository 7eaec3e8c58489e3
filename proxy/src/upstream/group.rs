//! A group of servers, which are chosen from by `choice` and learnt of by `outliers`. What keeps its addresses and their
//! health up to date ends with it.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};
use pingora::connectors::TransportConnector;
use pingora::connectors::http::Connector;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use towpath_conf::{HashOn, Health, Outliers, Upstream};

use super::balance::{Balancer, balancer};
use super::budget::Budget;
use super::counts::{Counts, UpstreamCounts};
use super::dial::connector;
use super::discovery::endpoint;
use super::discovery::{Discovery, Names, Resolve, SystemResolver};
use super::endpoint::{Endpoints, Lease};
use super::hash::{HashKey, hash_key};
use super::health::Checks;
use super::shared_http2::SharedHttp2;
use super::sticky::Sticky;
use super::supervisor::Supervisor;
use super::transport::Transport;
use super::weak::WeakMap;
use crate::admin::status::Server;
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
    /// There is another one to try, but too much was tried again lately.
    #[error("the budget for retries is spent")]
    Spent,
}

/// The servers that one request has tried in vain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tried(Vec<SocketAddr>);

impl Tried {
    /// Adds one.
    pub(crate) fn add(&mut self, address: SocketAddr) {
        self.0.push(address);
    }

    /// Whether nothing was tried yet.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, address: SocketAddr) -> bool {
        self.0.contains(&address)
    }
}

/// What all groups share.
pub(crate) struct Upstreams {
    connector: Arc<TransportConnector>,
    /// Keeps connections of our own requests.
    http: Arc<Connector>,
    endpoints: Arc<Endpoints>,
    counts: Counts,
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
            counts: Counts::default(),
            resolver,
            names: WeakMap::default(),
            checks: WeakMap::default(),
        }
    }

    /// The process begins to serve: servers that come from now on are new ones.
    pub(crate) fn begin(&self) {
        self.endpoints.begin();
    }

    /// What is counted of each upstream.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// A running group. Must be called on the runtime that will carry its task.
    ///
    /// # Errors
    /// A file that `conf` names is no use.
    pub(crate) fn group(&self, name: &str, conf: &Upstream) -> Result<Arc<Group>, FileError> {
        let transport = Transport::new(name, conf)?;
        let names = self.names(name, conf);
        let sticky = Sticky::new(name, &conf.sticky, &self.secret);
        let slow_start = conf.slow_start.get().map(|it| it.get());
        let discovery = Discovery::new(&conf.servers, names.clone(), self.endpoints.clone())
            .with_cookies(sticky.clone())
            .with_slow_start(slow_start);
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
            sticky,
            outliers: conf.outliers,
            ejecting: Mutex::default(),
            slow_start,
            budget: Budget::new(conf.retries, Instant::now()),
            counts: self.counts.of(name),
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
            .field("counts", &self.counts)
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
    pub(super) outliers: Outliers,
    pub(super) ejecting: Mutex<()>,
    pub(super) slow_start: Option<Duration>,
    pub(super) budget: Budget,
    pub(super) counts: UpstreamCounts,
    pub(super) balancer: Arc<dyn Balancer>,
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

    /// Its servers, as the operator sees them.
    pub(crate) fn servers(&self) -> Vec<Server> {
        let (now, mut servers) = (Instant::now(), Vec::new());
        self.balancer.find(&mut |backend, healthy| {
            if let Some(endpoint) = endpoint(backend) {
                let state = match (healthy, endpoint.record().is_ejected(now)) {
                    (false, _) => "unhealthy",
                    (true, true) => "ejected",
                    (true, false) => "healthy",
                };
                servers.push(Server {
                    address: endpoint.address(),
                    state,
                    active: endpoint.live(),
                });
            }
            false
        });
        servers.sort_by_key(|server| server.address);
        servers
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
            Some(cookie) => HashKey::Sticky {
                cookie: Cow::Borrowed(cookie),
                client,
            },
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
