//! Requests and connections of clients, and what they ask of their WebSockets.

use std::time::Duration;

use http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::labels::{ByRoute, Latencies, Latency, observe};
use super::{Metrics, Now, whole};
use crate::attempts::Fate;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByVerdict {
    verdict: &'static str,
}

/// What a check may find.
const VERDICTS: [&str; 5] = ["unseen", "connecting", "refused", "open", "closed"];

/// What is counted of requests.
#[derive(Debug)]
pub(super) struct Requests {
    requests: Family<Answered, Counter>,
    durations: Latencies<ByRoute>,
    checks: Family<ByVerdict, Counter>,
    connections: Gauge,
    most_connections: Gauge,
}

impl Default for Requests {
    fn default() -> Self {
        let requests = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(Latency),
            checks: Family::default(),
            connections: Gauge::default(),
            most_connections: Gauge::default(),
        };
        // What may never happen is 0, not absent.
        for verdict in VERDICTS {
            let _ = requests.checks.get_or_create(&ByVerdict { verdict });
        }
        requests
    }
}

impl Metrics {
    /// A request was answered, or not at all.
    pub(crate) fn answered(&self, route: &str, status: Option<StatusCode>, took: Duration) {
        self.requests.answered(route, status, took);
    }

    /// A client has asked what became of its WebSocket.
    pub(crate) fn checked(&self, fate: &Fate) {
        let verdict = match fate {
            Fate::Unseen => "unseen",
            Fate::Connecting => "connecting",
            Fate::Refused { .. } => "refused",
            Fate::Open { .. } => "open",
            Fate::Closed { .. } => "closed",
        };
        let checks = &self.requests.checks;
        checks.get_or_create(&ByVerdict { verdict }).inc();
    }

    /// How many checks have found what.
    pub(crate) fn verdicts(&self) -> [(&'static str, u64); 5] {
        VERDICTS.map(|verdict| {
            let checks = &self.requests.checks;
            (verdict, checks.get_or_create(&ByVerdict { verdict }).get())
        })
    }

    pub(super) fn look_at_requests(&self, now: &Now) {
        let requests = &self.requests;
        requests.connections.set(whole(now.connections));
        requests.most_connections.set(whole(now.most_connections));
    }
}

impl Requests {
    fn answered(&self, route: &str, status: Option<StatusCode>, took: Duration) {
        let by_route = ByRoute::of(route);
        observe(&self.durations, &by_route, took);
        let labels = Answered {
            route: by_route.route,
            code: class(status),
        };
        self.requests.get_or_create(&labels).inc();
    }

    pub(super) fn pretend(&self) {
        for status in [100, 200, 300, 400, 500] {
            let status = StatusCode::from_u16(status).ok();
            self.answered("ROUTE", status, Duration::ZERO);
        }
        self.answered("ROUTE", None, Duration::ZERO);
    }

    pub(super) fn register(&self, to: &mut Registry) {
        to.register(
            "towpath_requests",
            "Requests that a route took and that opened no WebSocket, by the class of their status; none: the client left first. Requests of open sessions are not among them",
            self.requests.clone(),
        );
        to.register(
            "towpath_request_duration_seconds",
            "From such a request's header to the end of its answer",
            self.durations.clone(),
        );
        to.register(
            "towpath_websocket_checks",
            "Clients that asked over HTTP what became of their WebSocket, by what they were told; unseen: it is blocked on its way",
            self.checks.clone(),
        );
        to.register(
            "towpath_connections",
            "Connections of clients that are open, tunnels included",
            self.connections.clone(),
        );
        to.register(
            "towpath_connections_limit",
            "How many there may be: limits.connections, or as many as file descriptors allow",
            self.most_connections.clone(),
        );
    }
}

fn class(status: Option<StatusCode>) -> &'static str {
    match status.map(|status| status.as_u16() / 100) {
        Some(1) => "1xx",
        Some(2) => "2xx",
        Some(3) => "3xx",
        Some(4) => "4xx",
        Some(5) => "5xx",
        _ => "none",
    }
}
