//! A group of servers: chooses one for each request. What keeps its addresses and their health up to date ends with it.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pingora::connectors::TransportConnector;
use pingora::connectors::http::Connector;
use pingora::lb::Backend;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use towpath_conf::{Health, Server, Upstream};

use super::balance::{Balancer, balancer};
use super::dial::connector;
use super::discovery::{Discovery, Names, Resolve, SystemResolver, endpoint};
use super::endpoint::{Endpoints, Lease};
use super::hash::HashKey;
use super::health::Checks;
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
        Self {
            connector: connector(),
            http: Arc::new(Connector::new(None)),
            endpoints: Arc::default(),
            resolver,
            names: WeakMap::default(),
            checks: WeakMap::default(),
        }
    }

    /// A running group. Must be called on the runtime that will carry its task.
    ///
    /// # Errors
    /// A file that `conf` names is no use.
    pub(crate) fn group(&self, name: &str, conf: &Upstream) -> Result<Arc<Group>, FileError> {
        let transport = Transport::new(name, conf)?;
        let names = self.names(name, &conf.servers);
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
            balancer,
            unsettled,
            supervisor: tokio::spawn(supervisor.run()),
            _checks: checks,
        }))
    }

    /// The names of an upstream, with what the group before it knew: a reload may come while DNS is down.
    fn names(&self, upstream: &str, servers: &[Server]) -> Arc<Names> {
        let key = upstream.to_owned();
        let names = Names::new(upstream, self.resolver.clone());
        if let Some(before) = self.names.get(&key) {
            names.inherit(&before, servers);
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

    /// A healthy server that was not tried yet. It counts as in use until the lease is dropped.
    pub(crate) fn choose(&self, key: &HashKey<'_>, tried: &Tried) -> Result<Lease, NoServer> {
        let (mut skipped, mut unhealthy) = (false, false);
        let mut accept = |address: Option<&SocketAddr>, healthy: bool| {
            let is_tried = address.is_none_or(|address| tried.0.contains(address));
            skipped |= is_tried;
            unhealthy |= !healthy;
            healthy && !is_tried
        };
        let mut accept = |backend: &Backend, healthy: bool| accept(backend.addr.as_inet(), healthy);
        let chosen = key.with_bytes(|bytes| match key {
            HashKey::Pinned(_) => favourite(&*self.balancer, bytes, &mut accept),
            _ => self.balancer.select(bytes, &mut accept),
        });
        match chosen.as_ref().and_then(endpoint) {
            Some(endpoint) => Ok(endpoint.lease()),
            None if skipped => Err(NoServer::Tried),
            None if unhealthy || self.balancer.len() > 0 => Err(NoServer::Unhealthy),
            None => Err(NoServer::Unresolved),
        }
    }
}

/// Of all that `accept` takes, the server that is the key's: it stays so while others come and go (rendezvous hashing).
fn favourite(
    balancer: &dyn Balancer,
    key: &[u8],
    accept: &mut dyn FnMut(&Backend, bool) -> bool,
) -> Option<Backend> {
    let mut best: Option<(u64, Backend)> = None;
    balancer.select(key, &mut |backend, healthy| {
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
