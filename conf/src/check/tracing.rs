//! What `tracing` sends, where, and how much waits.

use std::ops::RangeInclusive;

use super::{Mistakes, fields};
use crate::error::{Mistake, Path};
use crate::tracing::Tracing;
use crate::units::Duration;

/// Spans that may wait; each is some hundred bytes.
const MAX_QUEUE: usize = 65_536;

/// Longer ones would hold spans back for longer than anybody waits for them.
const TIMES: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60);

/// What says how the batch is written.
const OWN: [&str; 3] = ["content-encoding", "content-type", "host"];

/// Checks `tracing`, which is at `path`.
pub(super) fn check(found: &mut Mistakes, tracing: &Tracing, path: &Path) {
    if tracing.service_name.trim().is_empty() {
        found.add(path.key("service_name"), "expected a name");
    }
    for (name, value) in &tracing.headers {
        let path = path.key("headers").key(name);
        let own = OWN.iter().any(|own| name.eq_ignore_ascii_case(own));
        let own = own.then(|| format!("`{name}` is the exporter's own"));
        if let Some(message) = own.or_else(|| fields::why_not_set(name)) {
            found.push(Mistake::new(path, message).at_key());
        } else if !value.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            found.add(path, "expected a value of printable ASCII characters");
        }
    }
    found.within(tracing.timeout, &TIMES, path.key("timeout"));
    let (batch, path) = (&tracing.batch, path.key("batch"));
    found.within(batch.delay, &TIMES, path.key("delay"));
    if batch.queue.get() > MAX_QUEUE {
        let message = format!("expected at most {MAX_QUEUE} spans, got {}", batch.queue);
        found.add(path.key("queue"), message);
    }
    if batch.size > batch.queue {
        let message = format!(
            "expected at most as many as `queue` ({}), got {}",
            batch.queue, batch.size
        );
        found.push(Mistake::new(path.key("size"), message).because([path.key("queue")]));
    }
}
