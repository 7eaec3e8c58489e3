//! How often a group's requests may be tried again: so that a group which is down is not hit by a multiple of its load.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use towpath_conf::Retries;

/// What was in the last so many seconds counts.
const WINDOW: usize = 10;

/// A group's budget.
#[derive(Debug)]
pub(crate) struct Budget {
    conf: Retries,
    begun: Instant,
    window: Mutex<Window>,
}

/// What each of the last seconds has seen.
#[derive(Debug, Default)]
struct Window {
    seconds: [Second; WINDOW],
    /// The latest second, counted from the beginning.
    latest: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Second {
    requests: u64,
    retries: u64,
}

impl Budget {
    /// One of which nothing is spent.
    pub(crate) fn new(conf: Retries, now: Instant) -> Self {
        Self {
            conf,
            begun: now,
            window: Mutex::default(),
        }
    }

    /// A request comes: it pays for a part of a retry.
    pub(crate) fn request(&self, now: Instant) {
        if let Some(second) = self.window(now).second() {
            second.requests += 1;
        }
    }

    /// Whether another server may be tried for one.
    pub(crate) fn has_retry(&self, now: Instant) -> bool {
        let window = self.window(now);
        let sum = |of: fn(&Second) -> u64| window.seconds.iter().map(of).sum::<u64>();
        let (requests, retries) = (sum(|it| it.requests), sum(|it| it.retries));
        let share = requests.saturating_mul(u64::from(self.conf.percent)) / 100;
        let floor = u64::from(self.conf.per_second).saturating_mul(WINDOW as u64);
        retries < share.saturating_add(floor)
    }

    /// Another server is tried for one.
    pub(crate) fn spend(&self, now: Instant) {
        if let Some(second) = self.window(now).second() {
            second.retries += 1;
        }
    }

    /// The window up to now.
    fn window(&self, now: Instant) -> MutexGuard<'_, Window> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.advance(now.saturating_duration_since(self.begun).as_secs());
        window
    }
}

impl Window {
    fn advance(&mut self, now: u64) {
        if now.saturating_sub(self.latest) >= WINDOW as u64 {
            self.seconds = Default::default();
            self.latest = now;
        }
        while self.latest < now {
            self.latest += 1;
            if let Some(second) = self.second() {
                *second = Second::default();
            }
        }
    }

    /// The latest second.
    fn second(&mut self) -> Option<&mut Second> {
        let at = self.latest % WINDOW as u64;
        self.seconds.get_mut(usize::try_from(at).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn budget(percent: u16, per_second: u32, now: Instant) -> Budget {
        let conf = Retries {
            percent,
            per_second,
        };
        Budget::new(conf, now)
    }

    /// How many of so many retries there may be.
    fn granted(budget: &Budget, wanted: usize, now: Instant) -> usize {
        let may = || budget.has_retry(now).then(|| budget.spend(now)).is_some();
        (0..wanted).filter(|_| may()).count()
    }

    #[test]
    fn retries_are_a_share_of_the_last_ten_seconds_requests_and_some_more() {
        let now = Instant::now();
        let budget = budget(20, 1, now);
        for _ in 0..100 {
            budget.request(now);
        }
        assert_eq!(granted(&budget, 100, now), 20 + 10);
        assert_eq!(granted(&budget, 100, now + 9 * SECOND), 0, "all are spent");
        assert_eq!(granted(&budget, 100, now + 10 * SECOND), 10, "none is left");
        assert_eq!(granted(&budget, 100, now + 500 * SECOND), 10);
    }

    #[test]
    fn what_was_spent_comes_back_as_time_goes_on() {
        let now = Instant::now();
        let budget = budget(0, 1, now);
        assert_eq!(granted(&budget, 4, now), 4);
        assert_eq!(granted(&budget, 100, now + 5 * SECOND), 6);
        assert_eq!(granted(&budget, 100, now + 10 * SECOND), 4);
        assert_eq!(granted(&budget, 100, now + 15 * SECOND), 6);
    }

    #[test]
    fn there_may_be_none_at_all() {
        let now = Instant::now();
        let budget = budget(0, 0, now);
        budget.request(now);
        assert_eq!(granted(&budget, 1, now + 60 * SECOND), 0);
    }

    #[test]
    fn a_clock_that_goes_back_breaks_nothing() {
        let now = Instant::now() + 60 * SECOND;
        let budget = budget(100, 0, now);
        budget.request(now + 5 * SECOND);
        budget.request(now - 5 * SECOND);
        assert_eq!(granted(&budget, 9, now), 2);
    }
}
