//! What a load has found out, for people and for programs.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::cost::Cost;

/// What a load has found out; what it did not look at is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// Connections or sessions opened in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_per_second: Option<f64>,
    /// Operations in a second: round trips, messages or requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_second: Option<f64>,
    /// The median latency of an operation, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_us: Option<f64>,
    /// The latency that one of a hundred operations exceeds, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_us: Option<f64>,
    /// Processor time of the watched processes for one operation, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_us: Option<f64>,
    /// Resident memory of the watched processes for one connection or session, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resident: Option<f64>,
    /// The same after each has carried a large message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resident_used: Option<f64>,
    /// The same, shared out among as many, after all of them are gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resident_gone: Option<f64>,
}

impl Figures {
    /// How fast operations were, and what they cost.
    #[must_use]
    pub fn of_operations(latencies: &Latencies, took: Duration, cost: Option<Cost>) -> Self {
        let count = latencies.count().max(1) as f64;
        Self {
            per_second: Some(latencies.count() as f64 / took.as_secs_f64()),
            p50_us: latencies.percentile(50.0),
            p99_us: latencies.percentile(99.0),
            cpu_us: cost.map(|cost| cost.cpu.as_secs_f64() * 1e6 / count),
            ..Self::default()
        }
    }

    /// Writes it to standard output: one line of JSON, or a line a figure.
    ///
    /// # Errors
    /// It has a figure that is no number.
    pub fn print(&self, json: bool) -> serde_json::Result<()> {
        if json {
            println!("{}", serde_json::to_string(self)?);
            return Ok(());
        }
        let kib = |bytes: Option<f64>| bytes.map(|bytes| bytes / 1024.0);
        for (figure, value, unit) in [
            ("opened", self.opened_per_second, "a second"),
            ("operations", self.per_second, "a second"),
            ("p50", self.p50_us, "µs"),
            ("p99", self.p99_us, "µs"),
            ("cpu", self.cpu_us, "µs an operation"),
            ("memory", kib(self.resident), "KiB each"),
            ("memory, used once", kib(self.resident_used), "KiB each"),
            ("memory, all gone", kib(self.resident_gone), "KiB each"),
        ] {
            if let Some(value) = value {
                println!("{figure:<18} {value:>10.1} {unit}");
            }
        }
        Ok(())
    }
}

/// Latencies from a microsecond to a minute, three digits each.
#[derive(Debug)]
pub struct Latencies {
    histogram: Histogram<u64>,
    /// Operations that have no latency of their own.
    others: u64,
}

impl Latencies {
    /// None yet.
    ///
    /// # Errors
    /// The bounds are wrong, which they are not.
    pub fn new() -> Result<Self, hdrhistogram::CreationError> {
        Ok(Self {
            histogram: Histogram::new_with_bounds(1, 60_000_000, 3)?,
            others: 0,
        })
    }

    /// One operation that took so long.
    pub fn record(&mut self, latency: Duration) {
        let microseconds = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.histogram.saturating_record(microseconds.max(1));
    }

    /// One of a stream, which nobody has asked for.
    pub fn count_one(&mut self) {
        self.others += 1;
    }

    /// Takes others in.
    ///
    /// # Errors
    /// They have other bounds, which they have not.
    pub fn join(&mut self, other: &Self) -> Result<(), hdrhistogram::AdditionError> {
        self.others += other.others;
        self.histogram.add(&other.histogram)
    }

    fn count(&self) -> u64 {
        self.histogram.len() + self.others
    }

    fn percentile(&self, percent: f64) -> Option<f64> {
        let is_empty = self.histogram.is_empty();
        (!is_empty).then(|| self.histogram.value_at_percentile(percent) as f64)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn latencies_become_percentiles_and_rates() {
        let mut latencies = Latencies::new().unwrap();
        for n in 1..=100 {
            latencies.record(Duration::from_micros(n));
        }
        let cost = Cost {
            cpu: Duration::from_millis(1),
            resident: 0,
        };
        let found = Figures::of_operations(&latencies, Duration::from_secs(2), Some(cost));
        assert_eq!(found.per_second, Some(50.0));
        assert_eq!((found.p50_us, found.p99_us), (Some(50.0), Some(99.0)));
        assert_eq!(found.cpu_us, Some(10.0));
    }

    #[test]
    fn what_is_streamed_is_counted_without_latencies() {
        let mut latencies = Latencies::new().unwrap();
        latencies.count_one();
        let found = Figures::of_operations(&latencies, Duration::from_secs(1), None);
        assert_eq!((found.per_second, found.p50_us), (Some(1.0), None));
    }

    #[test]
    fn what_was_not_looked_at_is_left_out_of_the_json() {
        let found = Figures {
            cpu_us: Some(1.5),
            ..Figures::default()
        };
        let json = serde_json::to_string(&found).unwrap();
        assert_eq!(json, r#"{"cpu_us":1.5}"#);
        assert_eq!(serde_json::from_str::<Figures>(&json).unwrap(), found);
    }
}
