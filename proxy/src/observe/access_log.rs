//! The access log: one line per request and one per finished tunnel, as events of a target of its own.
//! Paths are written without their query, since queries carry tokens.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::{StatusCode, Version};
use pingora::Error;
use pingora::http::RequestHeader;
use pingora::protocols::http::ServerSession;
use towpath_fallback::Report as SessionReport;
use tracing::field::display;

use crate::answer::Refusal;
use crate::gateway::{Exchange, host};
use crate::reading::in_ascii;
use crate::snapshot::Route;
use crate::traces::Life;
use crate::tunnel::Report;
use crate::upstream::Lease;

/// The target of all access events.
pub(crate) const TARGET: &str = "access";

/// What is known of a tunnel when it opens, for the line at its end.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(super) client: IpAddr,
    pub(crate) protocol: &'static str,
    pub(super) host: String,
    pub(super) path: String,
    /// Names only: a tunnel may outlive many reloads, and a whole route would keep its group's task running.
    pub(crate) route: String,
    pub(crate) upstream: String,
    /// Its part in a trace.
    pub(crate) trace: Option<Box<Life>>,
    /// Of a session: what its client speaks.
    pub(crate) dialect: Option<&'static str>,
}

impl Opened {
    /// The same, of a session whose client speaks `dialect`.
    pub(crate) fn by(mut self, dialect: &'static str) -> Self {
        self.dialect = Some(dialect);
        self
    }
}

#[cfg(test)]
impl Opened {
    /// Somebody's, over a route.
    pub(crate) fn of_test(route: &str) -> Self {
        Self {
            client: [192, 0, 2, 1].into(),
            protocol: "HTTP/1.1",
            host: "example.com".to_owned(),
            path: "/chat".to_owned(),
            route: route.to_owned(),
            upstream: "app".to_owned(),
            trace: None,
            dialect: None,
        }
    }
}

/// Remembers what a handshake says, for as long as its tunnel lives.
pub(crate) fn opened(request: &RequestHeader, exchange: &Exchange, route: &Route) -> Opened {
    opened_as(request, exchange, route, request.uri.path().to_owned())
}

/// Remembers what a request says, under the path of its WebSocket.
pub(crate) fn opened_as(
    request: &RequestHeader,
    exchange: &Exchange,
    route: &Route,
    path: String,
) -> Opened {
    Opened {
        client: exchange.client.address,
        protocol: protocol(request.version),
        host: host(request).to_owned(),
        path: in_ascii(&path).into_owned(),
        route: route.name.clone(),
        upstream: route.group.name().to_owned(),
        trace: exchange.life(route),
        dialect: None,
    }
}

/// What became of a request.
pub(crate) struct Answered {
    /// `None`: nothing was answered.
    pub(crate) status: Option<StatusCode>,
    /// Content, in bytes.
    pub(crate) received: usize,
    /// Content, in bytes.
    pub(crate) sent: usize,
    /// Whether it ended before its end.
    pub(crate) failed: bool,
}

impl Answered {
    /// What became of a handshake whose connection is taken.
    pub(crate) fn switched() -> Self {
        Self {
            status: Some(StatusCode::SWITCHING_PROTOCOLS),
            received: 0,
            sent: 0,
            failed: false,
        }
    }

    /// What a session of pingora's knows.
    pub(crate) fn in_session(session: &ServerSession, error: Option<&Error>) -> Self {
        Self {
            status: session.response_written().map(|response| response.status),
            received: session.body_bytes_read(),
            sent: session.body_bytes_sent(),
            failed: error.is_some(),
        }
    }
}

/// Whether anybody reads it.
pub(crate) fn is_on() -> bool {
    tracing::enabled!(target: TARGET, tracing::Level::INFO)
}

/// A request that was answered, by the backend or by us.
pub(crate) fn request(request: &RequestHeader, answered: Answered, exchange: &Exchange) {
    if exchange.summed_up || !is_on() {
        return;
    }
    let passage = exchange.passage.as_ref();
    tracing::info!(
        target: TARGET,
        kind = "request",
        client = %exchange.client.address,
        protocol = protocol(request.version),
        method = %request.method,
        host = host(request),
        path = &*in_ascii(request.uri.path()),
        status = answered.status.map_or(0, |status| status.as_u16()),
        bytes_received = answered.received,
        bytes_sent = answered.sent,
        duration_ms = milliseconds(exchange.started.elapsed()),
        route = passage.map(|passage| passage.route.name.as_str()),
        upstream = passage.map(|passage| passage.route.group.name()),
        server = server(exchange).map(display),
        reason = exchange.refusal.map(Refusal::reason),
        cut_by = (answered.failed && exchange.refusal.is_none()).then_some("client"),
        trace_id = exchange.trace.as_ref().map(|trace| display(trace.id())),
    );
}

/// A request that the gate refused; most of it is unknown.
pub(crate) fn refused(client: IpAddr, refusal: Refusal) {
    tracing::info!(
        target: TARGET,
        kind = "request",
        client = %client,
        status = refusal.status().as_u16(),
        reason = refusal.reason(),
    );
}

/// A tunnel that is over.
pub(crate) fn tunnel(opened: &Opened, server: SocketAddr, report: &Report) {
    tracing::info!(
        target: TARGET,
        kind = "tunnel",
        client = %opened.client,
        protocol = opened.protocol,
        host = opened.host,
        path = opened.path,
        status = 101,
        duration_ms = milliseconds(report.duration),
        client_bytes = report.from_client.bytes,
        client_messages = report.from_client.messages,
        backend_bytes = report.from_backend.bytes,
        backend_messages = report.from_backend.messages,
        close_code = report.close,
        ended_by = report.ended_by.as_str(),
        route = opened.route,
        upstream = opened.upstream,
        server = %server,
        trace_id = opened.trace.as_ref().map(|life| display(life.id())),
    );
}

/// A session of the fallback that is over.
pub(crate) fn session(opened: &Opened, server: Option<SocketAddr>, report: &SessionReport) {
    let close = report.close.as_ref();
    tracing::info!(
        target: TARGET,
        kind = "session",
        dialect = opened.dialect,
        client = %opened.client,
        host = opened.host,
        path = opened.path,
        duration_ms = milliseconds(report.duration),
        requests = report.requests,
        client_bytes = report.from_client.bytes,
        client_messages = report.from_client.messages,
        backend_bytes = report.from_backend.bytes,
        backend_messages = report.from_backend.messages,
        close_code = close.and_then(|close| close.code),
        ended_by = report.ended.name(),
        route = opened.route,
        upstream = opened.upstream,
        server = server.map(display),
        trace_id = opened.trace.as_ref().map(|life| display(life.id())),
    );
}

/// Why a session of the fallback got no backend, for the operator.
pub(crate) fn dial_failed(error: &dyn Display, opened: &Opened) {
    let (route, upstream) = (opened.route.as_str(), opened.upstream.as_str());
    tracing::warn!(reason = "no backend for a fallback session", route, upstream, %error, "request failed");
}

/// Why a request failed, for the operator: the backend's fault is worth a look, the client's is not.
pub(crate) fn failed(error: &dyn Display, exchange: &Exchange, refusal: Option<Refusal>) {
    let route = exchange.passage.as_ref().map(|passage| &passage.route);
    let upstream = route.map(|route| route.group.name());
    let route = route.map(|route| route.name.as_str());
    let server = server(exchange).map(display);
    match refusal {
        Some(refusal) if refusal.status().is_server_error() => {
            let reason = refusal.reason();
            tracing::warn!(reason, route, upstream, server, %error, "request failed");
        }
        _ => tracing::debug!(route, upstream, server, %error, "request failed"),
    }
}

/// What the client speaks, as in the server's name for it.
fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

fn server(exchange: &Exchange) -> Option<SocketAddr> {
    exchange
        .passage
        .as_ref()?
        .lease
        .as_ref()
        .map(Lease::address)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
