//! A group of servers: chooses one for each request, and keeps its addresses and their health up to date in a task
//! that ends with the group.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pingora::connectors::TransportConnector;
use pingora::lb::health_check::HealthCheck;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use towpath_conf::Upstream;

use super::balance::{Balancer, balancer};
use super::dial::connector;
use super::discovery::{Discovery, Resolve, SystemResolver, endpoint};
use super::endpoint::{Endpoints, Lease};
use super::hash::HashKey;
use super::health::Check;

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
    endpoints: Arc<Endpoints>,
    resolver: Arc<dyn Resolve>,
}

impl Upstreams {
    /// Builds the connector; once in a process.
    pub(crate) fn new() -> Self {
        Self::with_resolver(Arc::new(SystemResolver))
    }

    fn with_resolver(resolver: Arc<dyn Resolve>) -> Self {
        Self {
            connector: connector(),
            endpoints: Arc::default(),
            resolver,
        }
    }

    /// A running group. Must be called on the runtime that will carry its task.
    pub(crate) fn group(&self, name: &str, conf: &Upstream) -> Arc<Group> {
        let (endpoints, resolver) = (self.endpoints.clone(), self.resolver.clone());
        let discovery = Discovery::new(name, &conf.servers, endpoints, resolver);
        let check = conf.health.as_ref().map(|health| {
            let check = Check::new(name, self.connector.clone(), health);
            Box::new(check) as Box<dyn HealthCheck + Send + Sync>
        });
        let balancer: Arc<dyn Balancer> = balancer(conf.balance, discovery, check).into();
        let (resolved, is_resolved) = watch::channel(false);
        let supervisor = Supervisor {
            balancer: balancer.clone(),
            resolved,
            resolve: conf
                .servers
                .iter()
                .any(|s| s.address.ip().is_none())
                .then(|| conf.resolve.get()),
            check: conf.health.as_ref().map(|health| health.interval.get()),
        };
        Arc::new(Group {
            name: name.to_owned(),
            connector: self.connector.clone(),
            balancer,
            is_resolved,
            supervisor: tokio::spawn(supervisor.run()),
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
    balancer: Arc<dyn Balancer>,
    is_resolved: watch::Receiver<bool>,
    supervisor: JoinHandle<()>,
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

    /// Waits until addresses are known, but not for long: a dead DNS must not stop everything else. Cancel-safe.
    pub(crate) async fn ready(&self) {
        let mut is_resolved = self.is_resolved.clone();
        if timeout(FIRST_RESOLUTION, is_resolved.wait_for(|resolved| *resolved))
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
        let chosen = key.with_bytes(|key| {
            self.balancer.select(key, &mut |backend, healthy| {
                accept(backend.addr.as_inet(), healthy)
            })
        });
        match chosen.as_ref().and_then(endpoint) {
            Some(endpoint) => Ok(endpoint.lease()),
            None if skipped => Err(NoServer::Tried),
            None if unhealthy || self.balancer.len() > 0 => Err(NoServer::Unhealthy),
            None => Err(NoServer::Unresolved),
        }
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

/// The task beside a group.
struct Supervisor {
    balancer: Arc<dyn Balancer>,
    resolved: watch::Sender<bool>,
    resolve: Option<Duration>,
    check: Option<Duration>,
}

impl Supervisor {
    async fn run(self) {
        self.update().await;
        self.resolved.send_replace(true);
        let resolve = async {
            let Some(period) = self.resolve else { return };
            let mut ticks = ticks(period);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                self.update().await;
            }
        };
        let check = async {
            let Some(period) = self.check else { return };
            let mut ticks = ticks(period);
            loop {
                ticks.tick().await;
                self.balancer.check().await;
            }
        };
        tokio::join!(resolve, check);
    }

    async fn update(&self) {
        if let Err(error) = self.balancer.update().await {
            tracing::error!(%error, "servers could not be updated");
        }
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests;
