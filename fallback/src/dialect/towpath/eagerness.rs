//! How often a client may ask without bringing anything new (`PROTOCOL.md`, §5).

use std::time::{Duration, Instant};

/// Requests that may come at once.
const BURST: u32 = 32;

/// Refusals in a row that end the session.
const PATIENCE: u32 = 100;

/// A bucket of [`BURST`] tokens, of which one comes back every `spacing`.
#[derive(Debug)]
pub(super) struct Eagerness {
    spacing: Duration,
    /// When the bucket is full again.
    full_at: Instant,
    refused: u32,
    /// Something was told since, so that one more request has its reason.
    answered: bool,
}

/// What a request that brings nothing new meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is served.
    Serve,
    /// It is not.
    Throttle,
    /// It was the last straw.
    End,
}

impl Eagerness {
    pub(super) fn new(spacing: Duration, now: Instant) -> Self {
        Self {
            spacing,
            full_at: now,
            refused: 0,
            answered: false,
        }
    }

    /// The client was told something that it was not told before, and will ask for what comes next.
    pub(super) fn answered(&mut self) {
        self.answered = true;
    }

    /// A request that brought something.
    pub(super) fn news(&mut self) {
        self.refused = 0;
    }

    /// A request that brought nothing.
    pub(super) fn nothing_new(&mut self, now: Instant) -> Verdict {
        if std::mem::take(&mut self.answered) {
            self.refused = 0;
            return Verdict::Serve;
        }
        let full_at = self.full_at.max(now) + self.spacing;
        if full_at <= now + self.spacing * BURST {
            self.full_at = full_at;
            self.refused = 0;
            return Verdict::Serve;
        }
        self.refused += 1;
        if self.refused < PATIENCE {
            Verdict::Throttle
        } else {
            Verdict::End
        }
    }

    /// How long until a token is there.
    pub(super) fn advice(&self, now: Instant) -> Duration {
        let full = self.full_at.saturating_duration_since(now);
        full.saturating_sub(self.spacing * (BURST - 1))
            .max(self.spacing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACING: Duration = Duration::from_millis(100);

    #[test]
    fn a_burst_is_served_and_a_storm_is_not() {
        let now = Instant::now();
        let mut eagerness = Eagerness::new(SPACING, now);
        let verdicts: Vec<_> = (0..BURST + PATIENCE)
            .map(|_| eagerness.nothing_new(now))
            .collect();
        let (burst, storm) = verdicts.split_at(BURST as usize);
        assert!(burst.iter().all(|verdict| *verdict == Verdict::Serve));
        let (others, last) = storm.split_at(storm.len() - 1);
        assert!(others.iter().all(|verdict| *verdict == Verdict::Throttle));
        assert_eq!(last, [Verdict::End]);
    }

    #[test]
    fn whoever_was_told_something_may_ask_again() {
        let now = Instant::now();
        let mut eagerness = Eagerness::new(SPACING, now);
        while eagerness.nothing_new(now) == Verdict::Serve {}
        for _ in 0..1000 {
            eagerness.answered();
            assert_eq!(eagerness.nothing_new(now), Verdict::Serve);
        }
        assert_eq!(eagerness.nothing_new(now), Verdict::Throttle);
    }

    #[test]
    fn tokens_come_back_with_time() {
        let mut now = Instant::now();
        let mut eagerness = Eagerness::new(SPACING, now);
        while eagerness.nothing_new(now) == Verdict::Serve {}
        now += eagerness.advice(now);
        assert_eq!(eagerness.nothing_new(now), Verdict::Serve);
        assert_eq!(eagerness.nothing_new(now), Verdict::Throttle);
    }
}
