//! How often a group's requests may be tried again: so that a group which is down is not hit by a multiple of its load.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use towpath_conf::Retries;

/// What a retry costs; a request pays its percents of that.
const RETRY: f64 = 100.0;

/// What may be saved up: the earnings of ten seconds,
const SAVED_SECONDS: f64 = 10.0;
/// ... and of this many requests.
const SAVED_REQUESTS: f64 = 1000.0;

/// A group's budget.
#[derive(Debug)]
pub(crate) struct Budget {
    conf: Retries,
    state: Mutex<(f64, Instant)>,
}

impl Budget {
    /// A full one.
    pub(crate) fn new(conf: Retries, now: Instant) -> Self {
        let full = Self::most(conf);
        Self {
            conf,
            state: Mutex::new((full, now)),
        }
    }

    fn most(conf: Retries) -> f64 {
        f64::from(conf.per_second) * RETRY * SAVED_SECONDS
            + f64::from(conf.percent) * SAVED_REQUESTS
    }

    /// A request comes: it pays for a part of a retry.
    pub(crate) fn request(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = (state.0 + f64::from(self.conf.percent)).min(Self::most(self.conf));
    }

    /// Whether another server may be tried for one.
    pub(crate) fn retry(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (saved, since) = *state;
        let earned = now.saturating_duration_since(since).as_secs_f64()
            * f64::from(self.conf.per_second)
            * RETRY;
        let saved = (saved + earned).min(Self::most(self.conf));
        let may = saved >= RETRY;
        *state = (if may { saved - RETRY } else { saved }, now);
        may
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn retries_are_a_share_of_requests_and_some_more() {
        let now = Instant::now();
        let conf = Retries {
            percent: 20,
            per_second: 1,
        };
        let budget = Budget::new(conf, now);
        while budget.retry(now) {}
        for _ in 0..100 {
            budget.request();
        }
        assert_eq!((0..100).filter(|_| budget.retry(now)).count(), 20);
        let later = now + Duration::from_secs(3);
        assert_eq!((0..100).filter(|_| budget.retry(later)).count(), 3);
    }

    #[test]
    fn there_may_be_none_at_all() {
        let conf = Retries {
            percent: 0,
            per_second: 0,
        };
        let budget = Budget::new(conf, Instant::now());
        budget.request();
        assert!(!budget.retry(Instant::now() + Duration::from_secs(60)));
    }
}
