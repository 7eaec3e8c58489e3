//! Active health checks, as pingora-load-balancing runs them: a TCP connection, or a GET that must be answered 2xx.
//! Its own checks build a connector each, which loads the system's trust store each time; ours share the one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::connectors::TransportConnector;
use pingora::http::RequestHeader;
use pingora::lb::Backend;
use pingora::lb::health_check::HealthCheck;
use pingora::protocols::http::v1::client::HttpSession;
use pingora::{Error, ErrorType, Result};
use tokio::time::timeout;
use towpath_conf::Health;

use super::dial::dial;

/// The check of one group's servers.
pub(crate) struct Check {
    upstream: String,
    connector: Arc<TransportConnector>,
    conf: Health,
}

impl Check {
    pub(crate) fn new(upstream: &str, connector: Arc<TransportConnector>, conf: &Health) -> Self {
        Self {
            upstream: upstream.to_owned(),
            connector,
            conf: conf.clone(),
        }
    }

    async fn attempt(&self, backend: &Backend) -> Result<()> {
        let address = backend.addr.as_inet().copied();
        let address =
            address.ok_or_else(|| Error::explain(ErrorType::InternalError, "not an IP address"))?;
        let stream = dial(&self.connector, address, self.timeout()).await?;
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
                ErrorType::CustomCode("status", status.as_u16()),
                "not a 2xx",
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
        match timeout(self.timeout(), self.attempt(backend)).await {
            Ok(result) => result,
            Err(_) => Error::e_explain(ErrorType::ReadTimedout, "health check"),
        }
    }

    async fn health_status_change(&self, backend: &Backend, healthy: bool) {
        let (upstream, server) = (self.upstream.as_str(), &backend.addr);
        if healthy {
            tracing::info!(upstream, %server, "server is healthy");
        } else {
            tracing::warn!(upstream, %server, "server is unhealthy");
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
