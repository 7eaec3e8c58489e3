//! For how long a client has taken nothing though as much waits for it as may. Its time away does not count: that is
//! bounded by the resume window, also when it is away again and again.

use std::time::{Duration, Instant};

/// A client that takes nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stall {
    /// When it began, later by what the client was away since.
    since: Instant,
    /// Since when the client is away.
    left: Option<Instant>,
    /// How much more of its absence is forgiven.
    grace: Duration,
}

impl Stall {
    /// Begins now, with a client that is here; its absence will be forgiven up to `grace` in all.
    pub(super) fn new(now: Instant, grace: Duration) -> Self {
        Self {
            since: now,
            left: None,
            grace,
        }
    }

    /// Says whether the client is here.
    pub(super) fn present(&mut self, here: bool, now: Instant) {
        match (here, self.left) {
            (true, Some(left)) => {
                let away = now.saturating_duration_since(left).min(self.grace);
                self.since += away;
                self.grace -= away;
                self.left = None;
            }
            (false, None) => self.left = Some(now),
            _ => {}
        }
    }

    /// When it has lasted for `patience`, if the client stays.
    pub(super) fn ends(&self, patience: Duration) -> Option<Instant> {
        self.left.is_none().then_some(self.since + patience)
    }
}
