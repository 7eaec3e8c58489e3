//! What makes sense and what does not, in a configuration that has the right shape: references, names that mean
//! something to HTTP, numbers that contradict each other. All mistakes are collected.

mod dialects;
mod fallback;
mod fields;
mod filters;
mod listeners;
mod route;
mod tls;
mod tracing;
mod upstream;

use std::fmt;
use std::ops::RangeInclusive;

use crate::error::{Mistake, Path};
use crate::model::{Config, Limits, Timeouts};
use crate::units::{ByteSize, Duration};

/// Bounds of `limits.header_size`.
const HEADER_SIZES: RangeInclusive<ByteSize> = ByteSize::new(1 << 10)..=ByteSize::new(1 << 20);

/// More than any client asks for in a second.
const MAX_RATE: u32 = 1_000_000;

/// More threads than any machine has cores.
const MAX_THREADS: usize = 1024;

/// All mistakes in `config`.
pub(crate) fn check(config: &Config) -> Vec<Mistake> {
    let mut found = Mistakes(Vec::new());
    let root = Path::default();
    listeners::check(&mut found, config, &root);
    tls::check(&mut found, config, &root);
    for (name, upstream) in &config.upstreams {
        upstream::check(&mut found, name, upstream, &root.key("upstreams").key(name));
    }
    route::check_all(&mut found, config, &root.key("routes"));
    dialects::all(&mut found, &root.key("routes"), config);
    timeouts(&mut found, &config.timeouts, &root.key("timeouts"));
    limits(&mut found, &config.limits, &root.key("limits"));
    fallback::memory(&mut found, config, &root);
    drain(&mut found, config, &root.key("drain"));
    if let Some(tracing) = &config.tracing {
        tracing::check(&mut found, tracing, &root.key("tracing"));
    }
    let upgrade = root.key("upgrade");
    found.not_zero(config.upgrade.ready, upgrade.key("ready"));
    if let Some(threads) = config.threads.filter(|n| n.get() > MAX_THREADS) {
        let message = format!("expected at most {MAX_THREADS} threads, got {threads}");
        found.add(root.key("threads"), message);
    }
    found.0
}

/// The mistakes found so far.
struct Mistakes(Vec<Mistake>);

impl Mistakes {
    fn push(&mut self, mistake: Mistake) {
        self.0.push(mistake);
    }

    fn add(&mut self, path: Path, message: impl Into<String>) {
        self.push(Mistake::new(path, message));
    }

    fn not_zero(&mut self, duration: Duration, path: Path) {
        if duration.is_zero() {
            self.add(path, "expected a duration longer than 0s");
        }
    }

    fn within<T: Measure>(&mut self, value: T, range: &RangeInclusive<T>, path: Path) {
        if !range.contains(&value) {
            let (what, low, high) = (T::NAME, range.start(), range.end());
            let message = format!("expected a {what} from {low} to {high}, got {value}");
            self.add(path, message);
        }
    }
}

/// A value with a unit.
trait Measure: fmt::Display + PartialOrd {
    /// What it is called.
    const NAME: &'static str;
}

impl Measure for Duration {
    const NAME: &'static str = "duration";
}

impl Measure for ByteSize {
    const NAME: &'static str = "size";
}

fn timeouts(found: &mut Mistakes, timeouts: &Timeouts, path: &Path) {
    for (key, timeout) in [
        ("connect", timeouts.connect),
        ("response", timeouts.response),
        ("read", timeouts.read),
        ("write", timeouts.write),
        ("request_header", timeouts.request_header),
        ("tls_handshake", timeouts.tls_handshake),
        ("keep_alive", timeouts.keep_alive),
    ] {
        found.not_zero(timeout, path.key(key));
    }
    if let Some(timeout) = timeouts.request_body.get() {
        found.not_zero(timeout, path.key("request_body"));
    }
}

fn limits(found: &mut Mistakes, limits: &Limits, path: &Path) {
    found.within(limits.header_size, &HEADER_SIZES, path.key("header_size"));
    for (key, rate) in [
        ("requests_per_second", limits.requests_per_second),
        ("upgrades_per_second", limits.upgrades_per_second),
    ] {
        if let Some(rate) = rate.get().filter(|rate| rate.get() > MAX_RATE) {
            let message = format!("expected at most {MAX_RATE} in a second, got {rate}; or `off`");
            found.add(path.key(key), message);
        }
    }
}

fn drain(found: &mut Mistakes, config: &Config, path: &Path) {
    let drain = &config.drain;
    if drain.delay.get() + drain.spread.get() > drain.timeout.get() {
        let message = format!(
            "expected at least delay and spread together ({} + {}), got {}",
            drain.delay, drain.spread, drain.timeout
        );
        let mistake = Mistake::new(path.key("timeout"), message);
        found.push(mistake.because([path.clone()]));
    }
}
