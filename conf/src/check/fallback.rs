//! A route's fallback: its bounds, how long a client is waited for, whose pages it serves, what it forwards. And all
//! of them: one session may not need more memory than there is for all.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use super::{Mistakes, fields};
use crate::error::{Mistake, Path};
use crate::implied;
use crate::model::Config;
use crate::route::{Fallback, Origins, Route};
use crate::units::{ByteSize, Duration};

const HOLDS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(5 * 60);
const RESUMES: RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_secs(3600);
const OPEN_TIMEOUTS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(5 * 60);
const MESSAGES: RangeInclusive<ByteSize> = ByteSize::new(1 << 10)..=ByteSize::new(256 << 20);
const BODIES: RangeInclusive<ByteSize> = ByteSize::new(64 << 10)..=ByteSize::new(64 << 20);
const BUFFERS: RangeInclusive<ByteSize> = ByteSize::new(64 << 10)..=ByteSize::new(64 << 20);

/// Checks a route's `fallback`.
pub(super) fn check(found: &mut Mistakes, fallback: &Fallback, path: &Path) {
    let Fallback {
        hold,
        resume,
        open_timeout,
        max_message,
        buffer,
        max_body,
        ..
    } = fallback;
    found.within(*hold, &HOLDS, path.key("hold"));
    found.within(*resume, &RESUMES, path.key("resume"));
    found.within(*open_timeout, &OPEN_TIMEOUTS, path.key("open_timeout"));
    found.within(*max_message, &MESSAGES, path.key("max_message"));
    found.within(*buffer, &BUFFERS, path.key("buffer"));
    found.within(*max_body, &BODIES, path.key("max_body"));
    origins(found, &fallback.origins, &path.key("origins"));
    forward_headers(
        found,
        &fallback.forward_headers,
        &path.key("forward_headers"),
    );
}

fn origins(found: &mut Mistakes, origins: &Origins, path: &Path) {
    let Origins::List(list) = origins else {
        return;
    };
    if list.is_empty() {
        found.add(
            path.clone(),
            "expected at least one origin; to allow none, use `fallback: off`",
        );
    }
    let mut seen = HashSet::new();
    for (index, origin) in list.iter().enumerate() {
        if !seen.insert(origin) {
            found.add(path.index(index), format!("`{origin}` is listed twice"));
        }
    }
}

fn forward_headers(found: &mut Mistakes, names: &[String], path: &Path) {
    let mut seen = HashSet::new();
    for (index, name) in names.iter().enumerate() {
        if let Some(message) = fields::why_not_forwarded(name) {
            found.add(path.index(index), message);
        } else if !seen.insert(name.to_ascii_lowercase()) {
            found.add(path.index(index), format!("`{name}` is listed twice"));
        }
    }
}

/// Checks `limits.session_memory` against the route that needs most; what is out of bounds needs nothing.
pub(super) fn memory(found: &mut Mistakes, config: &Config, root: &Path) {
    let routes = config.routes.iter().enumerate();
    let neediest = routes
        .filter(|(_, route)| route.fallback.enabled && in_bounds(&route.fallback))
        .max_by_key(|(_, route)| need(route));
    let Some((index, route)) = neediest else {
        return;
    };
    let memory = config.limits.session_memory;
    if need(route) > memory.get() {
        let (buffer, message) = (route.fallback.buffer, implied::max_message(route));
        let message = format!(
            "expected at least what one session may hold, buffer and max_message ({buffer} + {message}), got {memory}; \
             see"
        );
        let own = root.key("routes").index(index);
        let limits = root.key("limits");
        let because = [limits.clone(), own.key("fallback"), own.key("websocket")];
        let mistake = Mistake::new(limits.key("session_memory"), message).because(because);
        found.push(Mistake {
            rival: Some(own),
            ..mistake
        });
    }
}

fn in_bounds(fallback: &Fallback) -> bool {
    MESSAGES.contains(&fallback.max_message) && BUFFERS.contains(&fallback.buffer)
}

/// The buffer, and the message that makes it overflow (PROTOCOL §6).
fn need(route: &Route) -> u64 {
    let message = implied::max_message(route).get();
    route.fallback.buffer.get().saturating_add(message)
}
