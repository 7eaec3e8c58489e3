//! `fallback`, and the limits on all sessions.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::{Mistakes, fields};
use crate::error::Path;
use crate::fallback::Fallback;
use crate::model::Limits;
use crate::units::{ByteSize, Duration};

const HOLD: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);
const RESUME: RangeInclusive<Duration> =
    Duration::from_millis(500)..=Duration::from_secs(24 * 3600);
const MESSAGE: RangeInclusive<ByteSize> = ByteSize::new(1 << 10)..=ByteSize::new(256 << 20);
const BUFFER: RangeInclusive<ByteSize> = ByteSize::new(64 << 10)..=ByteSize::new(64 << 20);

/// Less would not hold one full buffer.
const MEMORY: ByteSize = ByteSize::new(1 << 20);

/// Checks a route's `fallback`.
pub(super) fn check(found: &mut Mistakes, fallback: &Fallback, path: &Path) {
    within(found, &fallback.hold, &HOLD, path.key("hold"));
    within(found, &fallback.resume, &RESUME, path.key("resume"));
    found.not_zero(fallback.open_timeout, path.key("open_timeout"));
    if let Some(max_message) = &fallback.max_message {
        within(found, max_message, &MESSAGE, path.key("max_message"));
    }
    within(found, &fallback.buffer, &BUFFER, path.key("buffer"));
    for (index, name) in fallback.forward_headers.iter().enumerate() {
        let path = path.key("forward_headers").index(index);
        fields::forwarded(found, name, path);
    }
}

/// Checks what `limits` says of sessions.
pub(super) fn limits(found: &mut Mistakes, limits: &Limits, path: &Path) {
    let memory = limits.session_memory;
    if memory < MEMORY {
        let message = format!("expected a size of at least {MEMORY}, got {memory}");
        found.add(path.key("session_memory"), message);
    }
}

fn within<T: PartialOrd + Display>(
    found: &mut Mistakes,
    value: &T,
    range: &RangeInclusive<T>,
    path: Path,
) {
    if !range.contains(value) {
        let message = format!("expected {} to {}, got {value}", range.start(), range.end());
        found.add(path, message);
    }
}
