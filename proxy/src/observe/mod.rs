//! What an operator sees from outside: logs, the access log, metrics, and what there is at the moment.

pub(crate) mod access_log;
pub(crate) mod live;
pub(crate) mod logging;
pub(crate) mod metrics;
mod process;
mod reference;
pub(crate) mod rejections;

use prometheus_client::registry::Registry;

pub(crate) use reference::reference;

use crate::traces::Traces;
use crate::upstream::Counts;

/// Everything that is counted.
pub(crate) fn registry(
    metrics: &metrics::Metrics,
    fallback: &towpath_fallback::Metrics,
    rejections: &rejections::Rejections,
    traces: &Traces,
    upstreams: &Counts,
) -> Registry {
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    fallback.register(&mut registry);
    rejections.register(&mut registry);
    traces.register(&mut registry);
    upstreams.register(&mut registry);
    registry
}
