//! Active health checks, as pingora-load-balancing runs them: a TCP connection, or a GET that must be answered 2xx.
//! Its own checks build a connector each, which loads the system's trust store each time; ours share the one.
//! One task checks the servers of an upstream for all groups that came of it, so that a reload neither forgets who
//! is unhealthy nor doubles the checks while tunnels hold on to the group before it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pingora::connectors::TransportConnector;
use pingora::http::RequestHeader;
use pingora::lb::health_check::HealthCheck;
use pingora::lb::{Backend, HealthRegistry};
use pingora::protocols::http::v1::client::HttpSession;
use pingora::{Error, ErrorType, Result};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use towpath_conf::Health;

use super::dial::{dial, reason};
use super::discovery::endpoint;
use super::supervisor::ticks;
use super::transport::Transport;

/// The running checks of one upstream. They end when the last group lets go of them.
pub(crate) struct Checks {
    registry: Arc<HealthRegistry>,
    begun: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Checks {
    pub(crate) fn start(
        upstream: &str,
        connector: Arc<TransportConnector>,
        transport: Transport,
        conf: &Health,
    ) -> Self {
        let registry = Arc::new(HealthRegistry::with_equivalence(by_address));
        registry.set_health_check(Box::new(Check {
            upstream: upstream.to_owned(),
            connector,
            transport,
            conf: conf.clone(),
        }));
        let begun = Arc::new(Notify::new());
        let task = tokio::spawn(run(registry.clone(), begun.clone(), conf.interval.get()));
        Self {
            registry,
            begun,
            task,
        }
    }

    /// Who is healthy, as the balancers of all groups see it.
    pub(crate) fn registry(&self) -> Arc<HealthRegistry> {
        self.registry.clone()
    }

    /// There are servers to check: begins, unless it has.
    pub(crate) fn begin(&self) {
        self.begun.notify_one();
    }
}

impl Drop for Checks {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(registry: Arc<HealthRegistry>, begun: Arc<Notify>, interval: Duration) {
    begun.notified().await;
    let mut ticks = ticks(interval);
    loop {
        ticks.tick().await;
        registry.run_health_check(true).await;
    }
}

/// A server is as healthy as its address, whatever its weight: two groups may give it two.
fn by_address(backend: &Backend) -> u64 {
    let mut hasher = DefaultHasher::new();
    backend.addr.hash(&mut hasher);
    hasher.finish()
}

/// Why a server's last check failed; goes with the backend, since pingora tells of a change without its reason.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastFault(Arc<Mutex<String>>);

impl LastFault {
    fn set(&self, fault: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    fn get(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// One check of one server.
struct Check {
    upstream: String,
    connector: Arc<TransportConnector>,
    transport: Transport,
    conf: Health,
}

impl Check {
    async fn attempt(&self, backend: &Backend) -> Result<()> {
        let address = backend.addr.as_inet().copied();
        let address =
            address.ok_or_else(|| Error::explain(ErrorType::InternalError, "not an IP address"))?;
        let stream = dial(
            &self.connector,
            &self.transport,
            address,
            None,
            self.timeout(),
        )
        .await?;
        let Some(path) = &self.conf.path else {
            return Ok(());
        };
        let host = self
            .conf
            .host
            .clone()
            .unwrap_or_else(|| address.to_string());
        let mut request = Box::new(RequestHeader::build("GET", path.as_bytes(), Some(3))?);
        request.insert_header("Host", host)?;
        request.insert_header("User-Agent", "towpath-health")?;
        request.insert_header("Connection", "close")?;
        let mut session = HttpSession::new(stream);
        session.write_request_header(request).await?;
        session.read_response().await?;
        match session.get_status() {
            Some(status) if status.is_success() => Ok(()),
            Some(status) => Error::e_explain(
                ErrorType::HTTPStatus(status.as_u16()),
                format!("{status} is not a 2xx"),
            ),
            None => Error::e_explain(ErrorType::InvalidHTTPHeader, "no status"),
        }
    }

    fn timeout(&self) -> Duration {
        self.conf.timeout.get()
    }
}

#[async_trait]
impl HealthCheck for Check {
    async fn check(&self, backend: &Backend) -> Result<()> {
        let result = match timeout(self.timeout(), self.attempt(backend)).await {
            Ok(result) => result,
            Err(_) => Error::e_explain(ErrorType::ReadTimedout, "no answer in time"),
        };
        if let (Err(error), Some(fault)) = (&result, backend.ext.get::<LastFault>()) {
            fault.set(reason(error));
        }
        result
    }

    async fn health_status_change(&self, backend: &Backend, healthy: bool) {
        let (upstream, server) = (self.upstream.as_str(), &backend.addr);
        if healthy {
            if let Some(endpoint) = endpoint(backend) {
                endpoint.record().begin(Instant::now());
            }
            tracing::info!(upstream, %server, "server is healthy");
        } else {
            let reason = backend.ext.get::<LastFault>().map(LastFault::get);
            tracing::warn!(upstream, %server, reason, "server is unhealthy");
        }
    }

    fn health_threshold(&self, success: bool) -> usize {
        let threshold = if success {
            self.conf.healthy
        } else {
            self.conf.unhealthy
        };
        usize::try_from(threshold.get()).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use pingora::lb::Backends;
    use tokio::time::sleep;

    use super::super::discovery::tests::{Scripted, server};
    use super::super::discovery::{Discovery, Names};
    use super::*;

    struct Counting(Arc<AtomicUsize>);

    #[async_trait]
    impl HealthCheck for Counting {
        async fn check(&self, _: &Backend) -> Result<()> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }

        fn health_threshold(&self, _: bool) -> usize {
            1
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_is_checked_at_once_and_then_every_interval_whoever_begins_again() {
        let checks = Arc::new(AtomicUsize::new(0));
        let registry = Arc::new(HealthRegistry::new());
        registry.set_health_check(Box::new(Counting(checks.clone())));
        let names = Arc::new(Names::new("app", Arc::new(Scripted::default()), &[]));
        let discovery = Discovery::new(&[server("127.0.0.1:1", 1)], names, Arc::default());
        let servers = Backends::new_with_health_registry(Box::new(discovery), registry.clone());
        servers.update(|_| {}).await.unwrap();
        let begun = Arc::new(Notify::new());
        let task = tokio::spawn(run(registry, begun.clone(), Duration::from_secs(10)));
        let mut counts = Vec::new();
        for _ in 0..3 {
            begun.notify_one();
            sleep(Duration::from_secs(4)).await;
            counts.push(checks.load(Ordering::Relaxed));
        }
        assert_eq!(counts, [1, 1, 2], "after 4, 8 and 12 seconds");
        task.abort();
    }
}
