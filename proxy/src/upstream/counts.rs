//! What is counted of each upstream.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    upstream: String,
}

/// The counters of all upstreams, which go on when a group takes another's place.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    ejections: Family<Labels, Counter>,
    retries: Family<Labels, Counter>,
    retries_refused: Family<Labels, Counter>,
}

/// The counters of one upstream.
#[derive(Clone, Debug)]
pub(super) struct UpstreamCounts {
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

    /// Those of one upstream, which begin at 0.
    pub(super) fn of(&self, upstream: &str) -> UpstreamCounts {
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
