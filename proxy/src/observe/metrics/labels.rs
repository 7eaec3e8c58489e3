//! Labels that several metrics have, and the closed lists of their values.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::histogram::Histogram;

/// Bounds of latencies, in seconds.
const LATENCIES: [f64; 13] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// Bounds of lives, in seconds: from those that end at once to a week.
const LIVES: [f64; 10] = [
    0.1, 1.0, 10.0, 60.0, 300.0, 1800.0, 7200.0, 28_800.0, 86_400.0, 604_800.0,
];

/// Makes a histogram of [`LATENCIES`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Latency;

impl MetricConstructor<Histogram> for Latency {
    fn new_metric(&self) -> Histogram {
        Histogram::new(LATENCIES)
    }
}

/// Makes a histogram of [`LIVES`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Life;

impl MetricConstructor<Histogram> for Life {
    fn new_metric(&self) -> Histogram {
        Histogram::new(LIVES)
    }
}

/// Latencies by some labels.
pub(super) type Latencies<L> = Family<L, Histogram, Latency>;
/// Lives by some labels.
pub(super) type Lives<L> = Family<L, Histogram, Life>;

/// Adds one observation.
pub(super) fn observe<L, C>(family: &Family<L, Histogram, C>, labels: &L, took: Duration)
where
    L: Clone + std::hash::Hash + Eq,
    C: MetricConstructor<Histogram>,
{
    family.get_or_create(labels).observe(took.as_secs_f64());
}

/// A route, by its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByRoute {
    pub(super) route: String,
}

impl ByRoute {
    pub(super) fn of(route: &str) -> Self {
        let route = route.to_owned();
        Self { route }
    }
}

/// What clients of the fallback speak.
pub(super) const DIALECTS: [&str; 3] = ["towpath", "sockjs", "engine_io"];

/// Registered codes by themselves, those of libraries and of applications together (RFC 6455 §7.4.2).
pub(super) fn code(close: Option<u16>) -> &'static str {
    let Some(close) = close else {
        return "none";
    };
    let registered = close.checked_sub(1000).map(usize::from);
    match (registered.and_then(|at| CODES.get(at)), close) {
        (Some(code), _) => code,
        (None, 3000..=3999) => "3xxx",
        (None, 4000..=4999) => "4xxx",
        (None, _) => "other",
    }
}

const CODES: [&str; 16] = [
    "1000", "1001", "1002", "1003", "1004", "1005", "1006", "1007", "1008", "1009", "1010", "1011",
    "1012", "1013", "1014", "1015",
];

/// One code for each value that [`code`] gives.
pub(super) fn codes() -> impl Iterator<Item = Option<u16>> {
    let registered = (1000..=1015).map(Some);
    registered.chain([None, Some(3000), Some(4000), Some(0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_peers_choose_make_few_labels() {
        for (close, expected) in [
            (None, "none"),
            (Some(1000), "1000"),
            (Some(1015), "1015"),
            (Some(1016), "other"),
            (Some(3001), "3xxx"),
            (Some(4999), "4xxx"),
            (Some(7), "other"),
            (Some(u16::MAX), "other"),
        ] {
            assert_eq!(code(close), expected, "{close:?}");
        }
        let all: std::collections::BTreeSet<_> = (0..=u16::MAX).map(|it| code(Some(it))).collect();
        let known: std::collections::BTreeSet<_> =
            codes().flatten().map(|it| code(Some(it))).collect();
        assert_eq!(all, known);
    }
}
