//! What the proxy counts of requests, tunnels, sessions and itself, by Prometheus' conventions. Labels are names from the
//! configuration and words from closed lists, so that no client can make more of them. What there is, METRICS.md says.

mod labels;
mod operation;
mod requests;
mod sessions;
mod tunnels;

use std::net::SocketAddr;

use prometheus_client::registry::Registry;

use self::operation::Operation;
pub(crate) use self::operation::Upgrades;
use self::requests::Requests;
use self::sessions::Sessions;
use self::tunnels::Tunnels;
use super::live::Traffic;

/// The metrics of the proxy.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Requests,
    tunnels: Tunnels,
    sessions: Sessions,
    operation: Operation,
}

/// What changes by itself, as it is now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Now {
    /// Of clients.
    pub(crate) connections: usize,
    /// How many there may be.
    pub(crate) most_connections: usize,
    /// How many sessions there may be.
    pub(crate) most_sessions: usize,
    /// How much their messages may take, in bytes.
    pub(crate) most_session_memory: usize,
    /// What tunnels carry, by route.
    pub(crate) traffic: Vec<(String, Traffic)>,
    /// Whether new connections are wanted.
    pub(crate) ready: bool,
    /// Processes before this one that still have tunnels or sessions.
    pub(crate) predecessors: usize,
    /// All servers of all upstreams.
    pub(crate) servers: Vec<OfServer>,
}

/// How a server fares.
#[derive(Clone, Debug)]
pub(crate) struct OfServer {
    /// Whose server it is.
    pub(crate) upstream: String,
    /// Where it is.
    pub(crate) address: SocketAddr,
    /// `healthy`, `ejected` or `unhealthy`.
    pub(crate) state: &'static str,
    /// Requests and tunnels that it has.
    pub(crate) active: usize,
}

impl Metrics {
    /// Brings what is only looked at up to date.
    pub(crate) fn look(&self, now: &Now) {
        self.look_at_requests(now);
        self.look_at_tunnels(now);
        self.look_at_sessions(now);
        self.look_at_operation(now);
    }

    /// Makes them visible, under their own names.
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.requests.register(registry);
        self.tunnels.register(registry);
        self.sessions.register(registry);
        self.operation.register(registry);
    }

    /// Lets each have every value of its closed labels, for the reference; names are those in capital letters.
    pub(super) fn pretend(&self) {
        self.requests.pretend();
        self.tunnels.pretend();
        self.sessions.pretend();
        self.look(&Now {
            traffic: vec![("ROUTE".to_owned(), Traffic::default())],
            servers: vec![OfServer {
                upstream: "UPSTREAM".to_owned(),
                address: ([0, 0, 0, 0], 0).into(),
                state: "healthy",
                active: 0,
            }],
            ..Now::default()
        });
        self.configured("HASH");
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
