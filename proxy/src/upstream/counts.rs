//! What is counted of each upstream.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::answer::Refusal;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    upstream: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    upstream: String,
    reason: &'static str,
}

/// Why requests failed at their upstream.
const FAILURES: [Refusal; 4] = [
    Refusal::Unreachable,
    Refusal::BadAnswer,
    Refusal::NoServer,
    Refusal::Timeout,
];

/// The counters of all upstreams, which go on when a group takes another's place.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    failures: Family<Failed, Counter>,
    ejections: Family<Labels, Counter>,
    retries: Family<Labels, Counter>,
    retries_refused: Family<Labels, Counter>,
}

/// The counters of one upstream.
#[derive(Clone, Debug)]
pub(crate) struct UpstreamCounts {
    /// Servers that were left out.
    pub(super) ejections: Counter,
    /// Servers that were tried after another one.
    pub(super) retries: Counter,
    /// Servers that were not, since the budget was spent.
    pub(super) retries_refused: Counter,
}

impl Counts {
    /// Makes them visible.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "towpath_upstream_failures",
            "Requests, handshakes and opened sessions that failed because of an upstream: no server could be reached, its answer was not valid, none was healthy, or it took too long",
            self.failures.clone(),
        );
        registry.register(
            "towpath_upstream_ejections",
            "Times that a server was left out for a while because it failed requests, by upstream",
            self.ejections.clone(),
        );
        registry.register(
            "towpath_upstream_retries",
            "Servers tried for a request after another one could not be reached, by upstream",
            self.retries.clone(),
        );
        registry.register(
            "towpath_upstream_retries_refused",
            "Servers not tried because the budget for retries was spent, by upstream",
            self.retries_refused.clone(),
        );
    }

    /// A request was answered by us, perhaps because it has failed at its upstream.
    pub(crate) fn failed(&self, upstream: &str, refusal: Refusal) {
        if let Some(reason) = failure(refusal) {
            let upstream = upstream.to_owned();
            let failed = Failed { upstream, reason };
            self.failures.get_or_create(&failed).inc();
        }
    }

    /// Those of one upstream, which begin at 0.
    pub(crate) fn of(&self, upstream: &str) -> UpstreamCounts {
        for reason in FAILURES.into_iter().filter_map(failure) {
            let upstream = upstream.to_owned();
            let _ = self.failures.get_or_create(&Failed { upstream, reason });
        }
        let of = |family: &Family<Labels, Counter>| {
            let upstream = upstream.to_owned();
            family.get_or_create(&Labels { upstream }).clone()
        };
        UpstreamCounts {
            ejections: of(&self.ejections),
            retries: of(&self.retries),
            retries_refused: of(&self.retries_refused),
        }
    }
}

fn failure(refusal: Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::Unreachable => Some("unreachable"),
        Refusal::BadAnswer => Some("bad_answer"),
        Refusal::NoServer => Some("no_server"),
        Refusal::Timeout => Some("timeout"),
        _ => None,
    }
}
