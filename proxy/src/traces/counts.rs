//! What has become of spans, for the operator: counted always, and logged when it begins to go wrong and when that is
//! over.

use std::sync::atomic::{AtomicBool, Ordering};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    result: &'static str,
}

/// The counters, and what the log knows already.
#[derive(Debug)]
pub(super) struct Counts {
    family: Family<Labels, Counter>,
    exported: Counter,
    dropped: Counter,
    failed: Counter,
    is_full: AtomicBool,
    fails: AtomicBool,
}

impl Default for Counts {
    fn default() -> Self {
        let family = Family::<Labels, Counter>::default();
        let counter = |result| family.get_or_create(&Labels { result }).clone();
        Self {
            exported: counter("exported"),
            dropped: counter("dropped"),
            failed: counter("failed"),
            is_full: AtomicBool::new(false),
            fails: AtomicBool::new(false),
            family,
        }
    }
}

impl Counts {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "towpath_trace_spans",
            "Spans of sampled traces, by what became of them: exported, dropped (too many waited) or failed (the collector did not take them)",
            self.family.clone(),
        );
    }

    /// There was no room for a span.
    pub(super) fn dropped(&self) {
        self.dropped.inc();
        if !self.is_full.swap(true, Ordering::Relaxed) {
            tracing::warn!("spans are dropped: too many wait for the collector");
        }
    }

    /// How many were dropped so far.
    pub(super) fn all_dropped(&self) -> u64 {
        self.dropped.get()
    }

    /// The queue has emptied, and nothing was dropped since it last had.
    pub(super) fn has_room(&self) {
        if self.is_full.swap(false, Ordering::Relaxed) {
            tracing::info!("spans are no longer dropped");
        }
    }

    /// The collector has taken so many.
    pub(super) fn exported(&self, spans: u64) {
        self.exported.inc_by(spans);
        if self.fails.swap(false, Ordering::Relaxed) {
            tracing::info!("the collector takes spans again");
        }
    }

    /// It has not, and they are lost.
    pub(super) fn failed(&self, spans: u64, endpoint: &str, error: &str) {
        self.failed.inc_by(spans);
        if !self.fails.swap(true, Ordering::Relaxed) {
            tracing::warn!(endpoint, error, "the collector does not take spans");
        }
    }
}
